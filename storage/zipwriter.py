"""Writing a zip file whose bytes depend on nothing but its entries: stored, sorted, 1980-01-01, zip64 only where it must be.

Sizes and CRCs are known before the first byte goes out, so the output may be a pipe. Source: APPNOTE.TXT 6.3.10.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from storage.errors import StorageError
from storage.zipnames import NameRegister

_MAX16, _MAX32 = 0xFFFF, 0xFFFFFFFF
_UTF8 = 0x0800
_UNIX, _REGULAR_0644 = 3, 0o100644 << 16
_FIRST_DAY = (1 << 5) | 1  # 1980-01-01, the earliest date that a zip file can tell
_PLAIN, _ZIP64 = 20, 45


@dataclass(frozen=True)
class ZipMember:
    """One entry to be written. `chunks` may be called once for every time the file is written."""

    name: str
    size_bytes: int
    crc32: int
    chunks: Callable[[], Iterator[bytes]]


def write_zip(members: Iterable[ZipMember], out: BinaryIO) -> int:
    """Writes the members, sorted by name, and gives the size of the file in bytes. `out` need not be seekable.

    Raises: BadContainer for a name that ZipReader would refuse; StorageError when a member's bytes do not have the announced size
    or CRC any more (what was written until then is worthless).
    """
    ordered = sorted(members, key=lambda member: member.name.encode())
    register = NameRegister("zip")
    for member in ordered:
        register.add(member.name)
    position = 0
    offsets: list[int] = []
    for member in ordered:
        offsets.append(position)
        position += out_write(out, _local_header(member))
        _copy(member, out)
        position += member.size_bytes
    directory = b"".join(_central_entry(member, offset) for member, offset in zip(ordered, offsets, strict=True))
    return position + out_write(out, directory) + out_write(out, _end_records(ordered, position, len(directory)))


def out_write(out: BinaryIO, data: bytes) -> int:
    """Writes all of `data`; gives its length. An unbuffered stream may take it in several pieces. Raises: StorageError."""
    view = memoryview(data)
    try:
        while view:
            taken = out.write(view)
            view = view[len(view) if taken is None else taken :]
    except OSError as error:
        raise StorageError(f"writing failed ({error.strerror})") from error
    return len(data)


def _copy(member: ZipMember, out: BinaryIO) -> None:
    crc32, size_bytes = 0, 0
    for chunk in member.chunks():
        crc32 = zlib.crc32(chunk, crc32)
        size_bytes += len(chunk)
        out_write(out, chunk)
    if (size_bytes, crc32) != (member.size_bytes, member.crc32):
        raise StorageError("the bytes changed while the zip was being written", key=member.name)


def _flags(member: ZipMember) -> int:
    return 0 if member.name.isascii() else _UTF8


def _local_header(member: ZipMember) -> bytes:
    name = member.name.encode()
    wide = member.size_bytes >= _MAX32
    extra = struct.pack("<HHQQ", 1, 16, member.size_bytes, member.size_bytes) if wide else b""
    size = _MAX32 if wide else member.size_bytes
    version = _ZIP64 if wide else _PLAIN
    fields = (b"PK\x03\x04", version, _flags(member), 0, 0, _FIRST_DAY, member.crc32, size, size, len(name), len(extra))
    return struct.pack("<4sHHHHHIIIHH", *fields) + name + extra


def _central_entry(member: ZipMember, offset: int) -> bytes:
    name = member.name.encode()
    wide_size, wide_offset = member.size_bytes >= _MAX32, offset >= _MAX32
    values = [member.size_bytes] * 2 * wide_size + [offset] * wide_offset
    extra = struct.pack(f"<HH{len(values)}Q", 1, 8 * len(values), *values) if values else b""
    size = _MAX32 if wide_size else member.size_bytes
    version = _ZIP64 if values else _PLAIN
    return (
        struct.pack(
            "<4sBBHHHHHIIIHHHHHII",
            *(b"PK\x01\x02", version, _UNIX, version, _flags(member), 0, 0, _FIRST_DAY, member.crc32, size, size),
            *(len(name), len(extra), 0, 0, 0, _REGULAR_0644, _MAX32 if wide_offset else offset),
        )
        + name
        + extra
    )


def _end_records(members: Sequence[ZipMember], start: int, size: int) -> bytes:
    count = len(members)
    wide = b""
    if count >= _MAX16 or start >= _MAX32 or size >= _MAX32:
        at = start + size
        wide = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, _ZIP64, _ZIP64, 0, 0, count, count, size, start)
        wide += struct.pack("<4sIQI", b"PK\x06\x07", 0, at, 1)
    short = min(count, _MAX16)
    return wide + struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, short, short, min(size, _MAX32), min(start, _MAX32), 0)
