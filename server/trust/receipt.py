"""Receipts: a leaf's place in the log together with the checkpoint it was proved against. Source: C2SP tlog-proof@v1."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from server.trust.checkpoint import Checkpoint, LogTrust, parse_checkpoint_file, verify_checkpoint
from server.trust.errors import VerificationError
from server.trust.jsontext import format_base64, parse_base64
from server.trust.merkle import HASH_BYTES, MAX_SIZE, verify_inclusion
from server.trust.note import Cosignature

HEADER = "c2sp.org/tlog-proof@v1"
MAX_RECEIPT_BYTES = 128 * 1024
_MAX_HASHES = 63
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,18})")


@dataclass(frozen=True)
class Receipt:
    """A parsed receipt; nothing is verified yet. hashes: the leaf's sibling first; checkpoint: that file, verbatim."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes | None = None


@dataclass(frozen=True)
class VerifiedReceipt:
    """A leaf that stands at `index` of a checkpoint the trusted log signed."""

    index: int
    checkpoint: Checkpoint
    cosignatures: tuple[Cosignature, ...]


def format_receipt(index: int, hashes: Sequence[bytes], checkpoint: bytes) -> bytes:
    """The receipt file. checkpoint: a signed checkpoint file, kept verbatim. Raises: VerificationError."""
    lines = [HEADER, f"index {index}", *(format_base64(value) for value in hashes), ""]
    data = "\n".join(lines).encode() + b"\n" + checkpoint
    parse_receipt(data)
    return data


def parse_receipt(data: bytes) -> Receipt:
    """The receipt in a file of at most 128 KiB. Raises: VerificationError. Not checked: proof and signatures."""
    if len(data) > MAX_RECEIPT_BYTES:
        raise VerificationError("the receipt is over 128 KiB")
    head, separator, checkpoint = data.partition(b"\n\n")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise VerificationError("the receipt's proof is not ASCII") from error
    if not separator or lines.pop(0) != HEADER:
        raise VerificationError(f"a receipt begins with {HEADER}")
    extra = None
    if lines and lines[0].startswith("extra "):
        extra = parse_base64(lines.pop(0)[len("extra ") :], "receipt extra")
    index = _INDEX.fullmatch(lines.pop(0)) if lines else None
    if index is None or int(index[1]) > MAX_SIZE:
        raise VerificationError("the receipt has no index line")
    hashes = tuple(parse_base64(line, "receipt hash") for line in lines)
    if len(hashes) > _MAX_HASHES or any(len(value) != HASH_BYTES for value in hashes):
        raise VerificationError("a receipt holds at most 63 hashes of 32 bytes")
    parse_checkpoint_file(checkpoint)
    return Receipt(int(index[1]), hashes, checkpoint, extra)


def verify_receipt(data: bytes, leaf: bytes, trust: LogTrust, *, need_quorum: bool = False) -> VerifiedReceipt:
    """Where the log holds `leaf` (the 32 bytes SHA-256 of an event file), under a checkpoint signed by the trusted log.

    Witness quorum is asked for only with `need_quorum`: a fresh receipt comes before its cosignatures.
    Raises: VerificationError if the receipt is for another leaf, index, log or root.
    """
    if len(leaf) != HASH_BYTES:
        raise VerificationError("a leaf is the 32 bytes of a SHA-256")
    receipt = parse_receipt(data)
    verified = verify_checkpoint(receipt.checkpoint, trust, need_quorum=need_quorum)
    head = verified.checkpoint
    verify_inclusion(leaf, receipt.index, head.size, receipt.hashes, head.root)
    return VerifiedReceipt(receipt.index, head, verified.cosignatures)
