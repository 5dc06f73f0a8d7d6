"""The text that a page showed, out of its archive: for search only. Derived, never evidence; what is hidden stays hidden.

EXTRACTOR names the way it is read: a capture read another way is read again (`holdstill search reindex`).
Not read: frames after the first hundred, pictures, video, what scripts showed after the capture; of long pages what is beyond
TEXT_CHARS. Left out on purpose: marks of removed secrets, and whatever is plainly a token or stands under a credential's name,
also in archives that another program made without removing any.
"""

import json
import re
from dataclasses import dataclass
from typing import BinaryIO

from server.captures.checks.records import BEFORE_NAME, SHOWN_NAME
from server.captures.folding import clean
from storage.errors import BadContainer
from storage.wacz import open_wacz
from storage.warc import WarcRecord

EXTRACTOR = "text-1"
TEXT_CHARS = 100_000
FRAMES_LIMIT = 100
RECORD_LIMIT_BYTES = 8 * 1024 * 1024
METADATA_LIMIT_BYTES = 1024 * 1024
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_NAMES = (
    r"(?:access|auth|id|refresh|csrf|xsrf|session|api|bearer|security|reset)?[_-]?(?:token|passw(?:or)?d|passwd|pwd|secret|session(?:id)?"
    r"|sid|api[_-]?key|apikey|authorization|auth|jwt|signature|sig|otp|pin|cookie|credential)s?"
)
_SECRETS = re.compile(
    r"holdstill-redacted-[0-9a-f]{16}"
    r"|\beyJ[A-Za-z0-9_-]{8,1000}\.[A-Za-z0-9_-]{4,2000}(?:\.[A-Za-z0-9_-]{0,1000})?"
    r"|\bbearer\s{1,4}[A-Za-z0-9._~+/=-]{12,2000}"
    rf"|(?P<name>(?:^|[?&;#\s\"'{{,])(?:{_NAMES}=|[\"']{_NAMES}[\"']\s?:\s?))[\"']?[^\s&;#\"'<>]{{1,2000}}",
    re.IGNORECASE,
)
_CUT_CHARS = 4_000
"""How much is given up where a text is cut off, if no space is nearer: half a credential is not told from a word."""


@dataclass(frozen=True)
class PageText:
    """The text of all frames, clean, and the language the page states of itself ("" if it does not).

    `outcome`: `read`, `partial` (with the reason: something was left out), `none` (the archive holds no rendered text).
    """

    text: str
    language: str
    outcome: str
    reason: str


def read_page_text(source: BinaryIO) -> PageText:
    """One pass over the archive. Raises: BadContainer (broken or hostile), StorageError."""
    texts: list[str] = []
    chars, language, frames, left_out = 0, "", 0, ""
    with open_wacz(source) as wacz:
        for record in wacz.records():
            url = record.target_uri or ""
            if url.startswith("urn:metadata:") and not language:
                language = _language(record)
            if not url.startswith((SHOWN_NAME, BEFORE_NAME)):
                continue
            frames += 1
            text, is_whole = _text(record, TEXT_CHARS - chars) if frames <= FRAMES_LIMIT else ("", False)
            left_out = left_out or ("" if is_whole else "the text is longer than is searched")
            texts.append(text)
            chars += len(text)
    joined = "\n".join(dict.fromkeys(one for one in texts if one))
    outcome = ("partial" if left_out else "read") if frames else "none"
    return PageText(joined, language, outcome, left_out or ("" if frames else "the archive holds no rendered text"))


def without_secrets(text: str) -> str:
    """`text` with an ellipsis in the place of what looks like a credential. Linear in its length."""
    return _SECRETS.sub(lambda found: f"{found['name'] or ''}…", text)


def _text(record: WarcRecord, room_chars: int) -> tuple[str, bool]:
    """The record's text, and whether that is all of it."""
    if record.payload_left > RECORD_LIMIT_BYTES:
        return "", False
    whole = clean(record.read(RECORD_LIMIT_BYTES).decode("utf-8", "replace"))
    if len(whole) <= room_chars:
        return without_secrets(whole), True
    begun = whole[: max(0, room_chars)]
    last = max(begun.rfind(" "), begun.rfind("\n"), len(begun) - _CUT_CHARS, 0)
    return without_secrets(begun[:last]), False


def _language(record: WarcRecord) -> str:
    try:
        said = json.loads(record.read(METADATA_LIMIT_BYTES))
    except (BadContainer, ValueError, RecursionError):
        return ""
    stated = said.get("language") if isinstance(said, dict) else None
    return primary_language(stated)


def primary_language(stated: object) -> str:
    """`ro` of `ro-MD`; "" for what is no language tag."""
    text = stated.strip()[:40] if isinstance(stated, str) else ""
    return text.split("-")[0].lower() if _LANGUAGE.fullmatch(text) else ""
