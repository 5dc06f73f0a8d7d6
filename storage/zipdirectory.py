"""The central directory of a zip file, parsed strictly: limits first, then shape, and no byte of the file unaccounted for.

Zip has two descriptions of every entry (local header, central directory) and tolerant readers disagree about which counts. Here
both must say the same, entries must lie back to back from byte 0 to the directory, and the directory must end the file: nothing
can hide in front, between, behind or under another entry (overlapping-entry bombs). Source: APPNOTE.TXT 6.3.10.
"""

from __future__ import annotations

import stat
import struct
from dataclasses import dataclass

from storage.errors import BadContainer
from storage.source import RandomAccess
from storage.zipnames import NameRegister

STORED = 0
DEFLATED = 8

_END = struct.Struct("<4sHHHHIIH")
_END64 = struct.Struct("<4sQHHIIQQQQ")
_LOCATOR = struct.Struct("<4sIQI")
_CENTRAL = struct.Struct("<4sBBHHHHHIIIHHHHHII")
_LOCAL = struct.Struct("<4sHHHHHIIIHH")
_MAX16, _MAX32 = 0xFFFF, 0xFFFFFFFF
_DATA_DESCRIPTOR = 0x0008
_UTF8 = 0x0800
_ALLOWED_FLAGS = 0x0006 | _DATA_DESCRIPTOR | _UTF8
_ENCRYPTED_FLAGS = 0x0001 | 0x0040 | 0x2000
_NEWEST_VERSION = 63
"""The last version of the format that is published: what asks for a later one, other readers refuse. Source: APPNOTE 4.4.3."""
_ZIP64_EXTRA = 0x0001
_UNICODE_PATH_EXTRA = 0x7075


@dataclass(frozen=True)
class ZipLimits:
    """What a container may ask of its reader. `ratio` is decoded bytes per stored byte, counted for entries above 1 MiB."""

    entries: int = 100_000
    entry_bytes: int = 32 << 30
    total_bytes: int = 64 << 30
    directory_bytes: int = 64 << 20
    name_bytes: int = 512
    ratio: int = 200


@dataclass(frozen=True)
class ZipEntry:
    """One file of the container. `data_offset` is where its stored bytes begin."""

    name: str
    method: int
    crc32: int
    stored_bytes: int
    size_bytes: int
    data_offset: int


@dataclass(frozen=True)
class _Listed:
    """An entry as the central directory tells it, before its local header is compared."""

    raw_name: bytes
    name: str
    flags: int
    method: int
    crc32: int
    stored_bytes: int
    size_bytes: int
    local_offset: int
    is_folder: bool


def read_directory(source: RandomAccess, limits: ZipLimits, what: str) -> dict[str, ZipEntry]:
    """Every file entry by name, in the order of the directory; folder entries are checked and left out.

    Raises: BadContainer. Not checked: the entries' bytes (CRC, deflate stream); see ZipReader.
    """
    count, start, size = _find_directory(source, what)
    if count > limits.entries:
        raise BadContainer(what, "", f"more than {limits.entries} entries")
    if size > limits.directory_bytes:
        raise BadContainer(what, "", f"directory larger than {limits.directory_bytes} bytes")
    listed = _parse_directory(source.read_at(start, size), count, what)
    _check_limits(listed, limits, what)
    register = NameRegister(what, limit_bytes=limits.name_bytes)
    for entry in listed:
        register.add(entry.name.removesuffix("/") if entry.is_folder else entry.name, is_folder=entry.is_folder)
    offsets: dict[str, int] = {}
    position = 0
    for entry in sorted(listed, key=lambda entry: entry.local_offset):
        if entry.local_offset != position:
            raise BadContainer(what, entry.name, "entries overlap or leave bytes between them")
        offsets[entry.name], position = _check_local(source, entry, start, what)
    if position != start:
        raise BadContainer(what, "", "bytes between the last entry and the directory")
    return {
        entry.name: ZipEntry(entry.name, entry.method, entry.crc32, entry.stored_bytes, entry.size_bytes, offsets[entry.name])
        for entry in listed
        if not entry.is_folder
    }


def _find_directory(source: RandomAccess, what: str) -> tuple[int, int, int]:
    """Number of entries, offset and size of the central directory. The end record must be the last bytes of the file."""
    position = source.size_bytes - _END.size
    if position < 0:
        raise BadContainer(what, "", "too short for a zip file")
    signature, disk, start_disk, here, count, size, start, comment = _END.unpack(source.read_at(position, _END.size))
    if signature != b"PK\x05\x06" or comment != 0:
        raise BadContainer(what, "", "the file does not end with a zip end record (cut off, comment or trailing bytes)")
    if _MAX16 not in (count, here) and _MAX32 not in (size, start):
        if disk or start_disk or here != count or start + size != position:
            raise BadContainer(what, "", "the end record does not fit the file")
        return count, start, size
    if position < _LOCATOR.size + _END64.size:
        raise BadContainer(what, "", "zip64 end record missing")
    located = _LOCATOR.unpack(source.read_at(position - _LOCATOR.size, _LOCATOR.size))
    end64_position = position - _LOCATOR.size - _END64.size
    if located != (b"PK\x06\x07", 0, end64_position, 1):
        raise BadContainer(what, "", "zip64 locator does not fit the file")
    end64 = _END64.unpack(source.read_at(end64_position, _END64.size))
    signature, record_size, _, _, disk64, start_disk64, here64, count64, size64, start64 = end64
    agrees = all(
        short in (limit, full)
        for short, full, limit in (
            (here, here64, _MAX16),
            (count, count64, _MAX16),
            (size, size64, _MAX32),
            (start, start64, _MAX32),
        )
    )
    fits = signature == b"PK\x06\x06" and record_size == _END64.size - 12 and start64 + size64 == end64_position
    if not (agrees and fits and here64 == count64) or disk64 or start_disk64 or disk not in (0, _MAX16):
        raise BadContainer(what, "", "the zip64 end record does not fit the file")
    return count64, start64, size64


def _parse_directory(data: bytes, count: int, what: str) -> list[_Listed]:
    entries: list[_Listed] = []
    position = 0
    while position < len(data):
        if len(entries) == count or position + _CENTRAL.size > len(data):
            raise BadContainer(what, f"directory byte {position}", "not the announced number of entries")
        entry, position = _parse_central(data, position, what)
        entries.append(entry)
    if len(entries) != count:
        raise BadContainer(what, "", "not the announced number of entries")
    return entries


def _parse_central(data: bytes, position: int, what: str) -> tuple[_Listed, int]:
    fields = _CENTRAL.unpack_from(data, position)
    signature, _, _, needed, flags, method, _, _, crc32, stored, size, n_name, n_extra, n_comment, disk, _, modes = fields[:17]
    local_offset = fields[17]
    name_end = position + _CENTRAL.size + n_name
    end = name_end + n_extra + n_comment
    if signature != b"PK\x01\x02" or end > len(data):
        raise BadContainer(what, f"directory byte {position}", "malformed directory entry")
    raw_name = data[name_end - n_name : name_end]
    name = _decode_name(raw_name, flags, what)
    extra = _parse_extra(data[name_end : name_end + n_extra], name, what)
    wanted = [value == _MAX32 for value in (size, stored, local_offset)]
    if any(wanted):
        size, stored, local_offset = _widen([size, stored, local_offset], wanted, extra, name, what)
    if disk:
        raise BadContainer(what, name, "split over several files")
    if needed & 0xFF > _NEWEST_VERSION:
        raise BadContainer(what, name, f"asks for version {needed & 0xFF} of the format, which no reader has")
    is_folder = name.endswith("/")
    entry = _Listed(raw_name, name, flags, method, crc32, stored, size, local_offset, is_folder)
    _check_kind(entry, modes >> 16, what)
    return entry, end


def _check_kind(entry: _Listed, mode: int, what: str) -> None:
    if entry.flags & _ENCRYPTED_FLAGS:
        raise BadContainer(what, entry.name, "encrypted")
    if entry.flags & ~_ALLOWED_FLAGS:
        raise BadContainer(what, entry.name, f"unknown flags {entry.flags:#06x}")
    if entry.method not in (STORED, DEFLATED):
        raise BadContainer(what, entry.name, f"compression method {entry.method} is not allowed")
    if entry.method == STORED and entry.stored_bytes != entry.size_bytes:
        raise BadContainer(what, entry.name, "stored entry with two sizes")
    if stat.S_IFMT(mode) not in (0, stat.S_IFDIR if entry.is_folder else stat.S_IFREG):
        raise BadContainer(what, entry.name, "symbolic link or special file")
    if entry.is_folder and entry.size_bytes:
        raise BadContainer(what, entry.name, "folder with bytes")


def _check_limits(entries: list[_Listed], limits: ZipLimits, what: str) -> None:
    total = 0
    for entry in entries:
        total += entry.size_bytes
        if entry.size_bytes > limits.entry_bytes:
            raise BadContainer(what, entry.name, f"larger than {limits.entry_bytes} bytes")
        if entry.size_bytes > 1 << 20 and entry.size_bytes > limits.ratio * entry.stored_bytes:
            raise BadContainer(what, entry.name, f"grows more than {limits.ratio} times when decoded")
    if total > limits.total_bytes:
        raise BadContainer(what, "", f"more than {limits.total_bytes} bytes when decoded")


def _check_local(source: RandomAccess, entry: _Listed, end: int, what: str) -> tuple[int, int]:
    """Compares the local header with the directory; gives where the data begins and where the entry ends."""
    head = source.read_at(entry.local_offset, _LOCAL.size)
    if len(head) != _LOCAL.size or head[:4] != b"PK\x03\x04":
        raise BadContainer(what, entry.name, "no local header where the directory says")
    _, _, flags, method, _, _, crc32, stored, size, n_name, n_extra = _LOCAL.unpack(head)
    rest = source.read_at(entry.local_offset + _LOCAL.size, n_name + n_extra)
    data_offset = entry.local_offset + _LOCAL.size + n_name + n_extra
    if rest[:n_name] != entry.raw_name:
        raise BadContainer(what, entry.name, "local header gives another name")
    extra = _parse_extra(rest[n_name:], entry.name, what)
    if (flags, method) != (entry.flags, entry.method):
        raise BadContainer(what, entry.name, "local header gives another method or other flags")
    wide = [size == _MAX32, stored == _MAX32, False]
    if any(wide) and _ZIP64_EXTRA in extra:
        size, stored, _ = _widen([size, stored, 0], wide, extra, entry.name, what)
    said = (crc32, stored, size)
    true = (entry.crc32, entry.stored_bytes, entry.size_bytes)
    streamed = bool(flags & _DATA_DESCRIPTOR)
    if said != true and not (
        streamed and crc32 in (0, true[0]) and stored in (0, true[1], _MAX32) and size in (0, true[2], _MAX32)
    ):
        raise BadContainer(what, entry.name, "local header gives another size or CRC")
    data_end = data_offset + entry.stored_bytes
    if data_end > end:
        raise BadContainer(what, entry.name, "runs into the directory")
    if streamed:
        data_end += _descriptor_bytes(source.read_at(data_end, min(24, end - data_end)), true, entry.name, what)
    return data_offset, data_end


def _descriptor_bytes(data: bytes, true: tuple[int, int, int], name: str, what: str) -> int:
    """Length of the data descriptor that begins `data`: four spellings are in use, each must repeat the directory's values."""
    for layout in ("<4sIII", "<4sIQQ", "<III", "<IQQ"):
        size = struct.calcsize(layout)
        values = struct.unpack_from(layout, data) if len(data) >= size else ()
        if values and values[-3:] == true and (len(values) == 3 or values[0] == b"PK\x07\x08"):
            return size
    raise BadContainer(what, name, "data descriptor missing or different from the directory")


def _widen(values: list[int], wanted: list[bool], extra: dict[int, bytes], name: str, what: str) -> tuple[int, int, int]:
    """The 64-bit values of the fields that are all ones, from the zip64 extra field, in the order the format gives them."""
    data = extra.get(_ZIP64_EXTRA)
    if data is None or len(data) < 8 * sum(wanted):
        raise BadContainer(what, name, "zip64 sizes missing")
    position = 0
    for index, is_wanted in enumerate(wanted):
        if is_wanted:
            values[index] = int.from_bytes(data[position : position + 8], "little")
            position += 8
    return values[0], values[1], values[2]


def _parse_extra(data: bytes, name: str, what: str) -> dict[int, bytes]:
    fields: dict[int, bytes] = {}
    position = 0
    while position < len(data):
        tag = int.from_bytes(data[position : position + 2], "little")
        length = int.from_bytes(data[position + 2 : position + 4], "little")
        end = position + 4 + length
        if position + 4 > len(data) or end > len(data) or tag in fields:
            raise BadContainer(what, name, "malformed extra field")
        if tag == _UNICODE_PATH_EXTRA:
            raise BadContainer(what, name, "second name in an extra field")
        fields[tag] = data[position + 4 : end]
        position = end
    return fields


def _decode_name(raw: bytes, flags: int, what: str) -> str:
    try:
        return raw.decode("utf-8" if flags & _UTF8 else "ascii")
    except UnicodeDecodeError:
        raise BadContainer(what, ascii(raw)[:200], "name is neither ASCII nor marked UTF-8") from None
