"""Closing a finished file for its recipient with age (age-encryption.org/v1, X25519). Nobody else can open it, nor can we."""

from collections.abc import Sequence
from pathlib import Path

import pyrage
from pyrage import x25519

from server.errors import BadInput

RECIPIENTS_LIMIT = 5
FIELD = "recipient_key"


def parse_recipients(text: str) -> tuple[str, ...]:
    """The public keys of a text, apart by spaces or commas, each once; none of an empty text.

    Raises: BadInput for anything that is no `age1…` key. A secret key is refused without being repeated.
    """
    keys = tuple(dict.fromkeys(text.replace(",", " ").split()))
    if len(keys) > RECIPIENTS_LIMIT:
        raise BadInput(field=FIELD, reason=f"at most {RECIPIENTS_LIMIT} keys")
    for position, key in enumerate(keys, 1):
        if key.upper().startswith("AGE-SECRET-KEY-"):
            raise BadInput(
                field=FIELD, reason=f"key {position} is a secret key: only its owner may have it; ask for the age1… key"
            )
        try:
            _require_usable(x25519.Recipient.from_str(key))
        except pyrage.RecipientError as error:
            raise BadInput(field=FIELD, reason=f"key {position} is not an age public key (age1…)") from error
    return keys


def _require_usable(recipient: x25519.Recipient) -> None:
    """Returns for a key that something can be closed for. Raises: pyrage.RecipientError.

    The library panics on a point of low order (RFC 7748 section 6.1), with an exception that is no Exception: nobody would
    record it, and the export would stand as running for ever.
    """
    try:
        pyrage.encrypt(b"", [recipient])
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise pyrage.RecipientError("a point of low order") from error


def encrypt_file(source: Path, target: Path, recipients: Sequence[str]) -> None:
    """`target` holds `source`, encrypted; every one of the recipients alone can open it. Memory stays flat. Blocking.

    Two runs give different bytes: each has a key of its own. Raises: OSError.
    """
    keys = [x25519.Recipient.from_str(one) for one in recipients]
    with source.open("rb") as plain, target.open("wb") as closed:
        pyrage.encrypt_io(plain, closed, keys)
