"""A BagIt 1.0 bag in a zip file (docs/formats.md section 8): measured, written deterministically, read safely.

Writing goes in phases, because the proofs are about the manifest: measure() the data files → manifest_text() → (export event,
log, checkpoint, timestamps) → measure() the tag files → manifest_text() of those → write_bag() of everything.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from storage.errors import BadContainer, StorageError
from storage.hashing import CHUNK_BYTES, Sha256
from storage.source import RandomAccess
from storage.zipdirectory import ZipLimits
from storage.zipnames import name_problem
from storage.zipreader import ZipReader
from storage.zipwriter import ZipMember, write_zip

BagSource = bytes | Path | Callable[[], BinaryIO]
"""Where an entry's bytes come from: themselves, a file, or a function that opens them anew each time (closed here)."""

BAGIT_TXT = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"

BAG_LIMITS = ZipLimits()


@dataclass(frozen=True)
class BagFile:
    """An entry whose bytes were read once: its digest for the manifests, its CRC and size for the zip."""

    name: str
    sha256: Sha256
    size_bytes: int
    crc32: int
    source: BagSource


def measure(name: str, source: BagSource) -> BagFile:
    """Reads `source` once. Raises: BadContainer for a name that no bag may hold, StorageError when the bytes cannot be read."""
    if problem := name_problem(name) or ("'%' in the name" if "%" in name else None):
        raise BadContainer("bag", ascii(name)[:200], problem)
    hasher = hashlib.sha256()
    size_bytes, crc32 = 0, 0
    for chunk in _chunks(source):
        hasher.update(chunk)
        crc32 = zlib.crc32(chunk, crc32)
        size_bytes += len(chunk)
    return BagFile(name, Sha256(hasher.hexdigest()), size_bytes, crc32, source)


def manifest_text(files: Iterable[BagFile]) -> bytes:
    """`<sha256>  <name>` lines sorted by name, as `sha256sum -c` reads them. Source: RFC 8493 section 2.1.3."""
    return b"".join(f"{file.sha256}  {file.name}\n".encode() for file in sorted(files, key=lambda file: file.name.encode()))


def write_bag(entries: Iterable[BagFile | tuple[str, BagSource]], out: BinaryIO) -> int:
    """Writes all entries as one zip: stored, sorted, fixed times: the same input gives the same bytes. Gives the size in bytes.

    Entries that are not measured yet are measured first (a second read). Memory stays flat; `out` may be a pipe.
    Raises: BadContainer (names), StorageError (bytes changed since they were measured; what is in `out` is then worthless).
    Not checked: that the manifests among the entries are right.
    """
    files = [entry if isinstance(entry, BagFile) else measure(*entry) for entry in entries]
    return write_zip((_member(file) for file in files), out)


class BagReader(ZipReader):
    """An open bag. names(), size(), read(), open(), chunks(), sha256(), sha256_all() are those of ZipReader."""


def open_bag(source: Path | BinaryIO | RandomAccess, *, limits: ZipLimits = BAG_LIMITS) -> BagReader:
    """Opens a bag for reading; use it as a context manager. Raises: BadContainer for anything a careful reader must not unpack.

    Not checked: manifests and bag declaration; verify_bundle() does that, step by step.
    """
    return BagReader(source, limits=limits, what="bag")


def _member(file: BagFile) -> ZipMember:
    return ZipMember(file.name, file.size_bytes, file.crc32, lambda: _chunks(file.source))


def _chunks(source: BagSource) -> Iterator[bytes]:
    if isinstance(source, bytes):
        if source:
            yield source
        return
    try:
        with source.open("rb") if isinstance(source, Path) else source() as stream:
            while chunk := stream.read(CHUNK_BYTES):
                yield chunk
    except OSError as error:
        raise StorageError(f"reading failed ({error.strerror})") from error
