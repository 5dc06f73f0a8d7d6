"""SHA-256: the one digest that names bytes in Holdstill."""

from __future__ import annotations

import hashlib
import re
from typing import BinaryIO, NewType

from storage.errors import BlobTooLarge, StorageError

Sha256 = NewType("Sha256", str)
"""64 lower-case hex digits."""

CHUNK_BYTES = 1 << 20
"""How much is read at once: large enough that the interpreter's share is nothing, small enough that memory stays flat."""

_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)


def parse_sha256(text: str) -> Sha256:
    """`text` as a Sha256. Upper case is refused: one digest has one spelling. Raises: StorageError."""
    if _SHA256.fullmatch(text) is None:
        raise StorageError("not a sha256: 64 lower-case hex digits are wanted")
    return Sha256(text)


def hash_bytes(data: bytes) -> Sha256:
    """SHA-256 of `data`."""
    return Sha256(hashlib.sha256(data).hexdigest())


def hash_stream(source: BinaryIO, *, limit_bytes: int) -> tuple[Sha256, int]:
    """SHA-256 and size in bytes of the rest of `source`, read once in CHUNK_BYTES pieces.

    Raises: BlobTooLarge as soon as more than `limit_bytes` have come. Not checked: that `source` stands at its beginning.
    """
    hasher = hashlib.sha256()
    size = 0
    while chunk := source.read(CHUNK_BYTES):
        size += len(chunk)
        if size > limit_bytes:
            raise BlobTooLarge(limit_bytes)
        hasher.update(chunk)
    return Sha256(hasher.hexdigest()), size
