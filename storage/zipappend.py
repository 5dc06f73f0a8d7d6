"""Entries and a directory to write behind a zip file, so that the two together are another zip file: nothing before them changes.

Readers of zip files begin at the end. Source: APPNOTE.TXT 6.3.10, 4.3.6 (a directory need not name all that lies before it).
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import BinaryIO, cast

from storage.errors import BadContainer
from storage.source import RandomAccess, Window
from storage.zipdirectory import ZipEntry

_MAX32 = 0xFFFFFFFF
_FIRST_DAY = (1 << 5) | 1
_LOCAL = struct.Struct("<4sHHHHHIIIHH")
_EXTRA_LIMIT_BYTES = 512


@dataclass(frozen=True)
class Appended:
    """`tail` follows the first `start` bytes, which are the whole file that it was made for."""

    start: int
    tail: bytes

    @property
    def size_bytes(self) -> int:
        return self.start + len(self.tail)

    def open_range(self, whole: RandomAccess, offset: int, length: int) -> BinaryIO:
        """Bytes offset … offset + length of file and tail together."""
        before = max(0, min(length, self.start - offset))
        head = Window(whole, offset, before) if before else None
        at = max(0, offset - self.start)
        rest = self.tail[at : at + length - before]
        return cast(BinaryIO, _Joined(head, rest))


class _Joined(io.RawIOBase):
    """A stream over a window and then some bytes."""

    def __init__(self, head: Window | None, rest: bytes) -> None:
        super().__init__()
        self._head = head
        self._rest = io.BytesIO(rest)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes; empty only at the end."""
        data = b"" if self._head is None else self._head.read(size)
        return data or self._rest.read(size)


def append_to_zip(source: RandomAccess, kept: Iterable[ZipEntry], made: Mapping[str, bytes]) -> Appended:
    """What to write behind `source`, a zip file: `made` stored, and a directory of its entries `kept` and of `made`, no other.

    Same input, same bytes. Raises: BadContainer when a kept entry's local header cannot be found again.
    """
    start, count = source.size_bytes, 0
    tail, directory = bytearray(), bytearray()
    for entry in kept:
        facts = (entry.method, entry.crc32, entry.stored_bytes, entry.size_bytes)
        directory += _central(entry.name, facts, _local_offset(source, entry))
        count += 1
    for name, data in sorted(made.items()):
        raw, crc32 = name.encode(), zlib.crc32(data)
        directory += _central(name, (0, crc32, len(data), len(data)), start + len(tail))
        tail += _LOCAL.pack(b"PK\x03\x04", 20, 0x0800, 0, 0, _FIRST_DAY, crc32, len(data), len(data), len(raw), 0) + raw + data
        count += 1
    at = start + len(tail)
    return Appended(start, bytes(tail + directory + _end(count, at, len(directory))))


def _local_offset(source: RandomAccess, entry: ZipEntry) -> int:
    """Where the entry's local header begins: before its data, its name and an extra field of a length that is not known yet."""
    raw = len(entry.name.encode())
    for extra in range(_EXTRA_LIMIT_BYTES):
        at = entry.data_offset - _LOCAL.size - raw - extra
        if at < 0:
            break
        fields = _LOCAL.unpack(source.read_at(at, _LOCAL.size))
        if fields[0] == b"PK\x03\x04" and fields[9] == raw and fields[10] == extra:
            return at
    raise BadContainer("zip", entry.name, "its local header was not found")


def _central(name: str, facts: tuple[int, int, int, int], offset: int) -> bytes:
    method, crc32, stored, size = facts
    raw = name.encode()
    wide = [value for value in (size, stored, offset) if value >= _MAX32]
    extra = struct.pack(f"<HH{len(wide)}Q", 1, 8 * len(wide), *wide) if wide else b""
    sizes = (min(stored, _MAX32), min(size, _MAX32))
    version = 45 if wide else 20
    fields = (b"PK\x01\x02", version, version, 0x0800, method, 0, _FIRST_DAY, crc32, *sizes, len(raw), len(extra), 0, 0, 0, 0)
    return struct.pack("<4sHHHHHHIIIHHHHHII", *fields, min(offset, _MAX32)) + raw + extra


def _end(count: int, start: int, size: int) -> bytes:
    wide = b""
    if start >= _MAX32:
        wide = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, start)
        wide += struct.pack("<4sIQI", b"PK\x06\x07", 0, start + size, 1)
    return wide + struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, count, count, size, min(start, _MAX32), 0)
