"""Where a picture file keeps words: PNG chunks, JPEG segments, WebP chunks, XMP packets. Bytes only, capped, nothing parsed."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

PNG = b"\x89PNG\r\n\x1a\n"
MAX_PARTS = 5_000
MAX_PART_BYTES = 4 * 1024 * 1024
MAX_TEXT_BYTES = 2 * 1024 * 1024
MAX_WORDS_BYTES = 8 * 1024 * 1024
SCAN_BYTES = 32 * 1024 * 1024
_XMP_JPEG = b"http://ns.adobe.com/xap/1.0/\x00"
_XMP_MORE = b"http://ns.adobe.com/xmp/extension/\x00"
_NO_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})

PlaceKind = Literal["xmp", "xmp_more", "exif", "text", "iptc", "too_big"]


@dataclass(frozen=True)
class Place:
    """Some bytes of a file that hold words. name: where a reader finds them. keyword: a PNG text chunk's own name.

    `too_big` says that something stood there that was above a cap and was not read; its bytes are empty.
    """

    kind: PlaceKind
    name: str
    data: bytes
    keyword: str = ""


def file_kind(data: bytes) -> str:
    """The container by its first bytes: png, jpeg, webp, gif, tiff, avif, heic or "" for any other."""
    if data.startswith(PNG):
        return "png"
    if data.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    if data.startswith((b"II*\x00", b"MM\x00*")):
        return "tiff"
    if data[4:8] == b"ftyp":
        brand = data[8:12]
        return "avif" if brand in (b"avif", b"avis") else "heic" if brand in (b"heic", b"heix", b"mif1", b"hevc") else ""
    return ""


def places(data: bytes) -> list[Place]:
    """Every place that may hold words, in file order; at most 8 MiB together.

    Any bytes give a list. Not looked at: pixels, thumbnails inside EXIF, what follows the picture's end.
    """
    kind = file_kind(data)
    reader = {"png": _png, "jpeg": _jpeg, "webp": _webp}.get(kind, _packets)
    out: list[Place] = []
    total = 0
    for one in reader(data):
        total += len(one.data)
        if total > MAX_WORDS_BYTES:
            out.append(Place("too_big", f"{one.name}: the file's words together", b""))
            break
        out.append(one)
    return out


def _png(data: bytes) -> Iterator[Place]:
    at = len(PNG)
    for _ in range(MAX_PARTS):
        size, name = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        if len(name) < 4:
            return
        if name in (b"tEXt", b"zTXt", b"iTXt", b"eXIf"):
            where = f"PNG {name.decode()}"
            if size > MAX_PART_BYTES:
                yield Place("too_big", where, b"")
            else:
                yield _png_part(name, where, data[at + 8 : at + 8 + size])
        at += 12 + size
    yield Place("too_big", f"PNG chunks beyond the first {MAX_PARTS}", b"")


def _png_part(name: bytes, where: str, body: bytes) -> Place:
    if name == b"eXIf":
        return Place("exif", where, body)
    keyword, _, rest = body.partition(b"\x00")
    word = keyword[:79].decode("latin-1")
    where = f"{where} “{''.join(letter for letter in word if letter.isprintable())}”"
    packed = False
    if name == b"zTXt":
        packed, rest = True, rest[1:]
    elif name == b"iTXt":
        packed = rest[:1] == b"\x01"
        rest = rest[2:].split(b"\x00", 2)[-1]
    if packed:
        unpacked = _unpacked(rest)
        if unpacked is None:
            return Place("too_big", where, b"", word)
        rest = unpacked
    if word == "XML:com.adobe.xmp":
        return Place("xmp", where, rest)
    text = rest if name == b"iTXt" else rest.decode("latin-1").encode("utf-8")
    return (
        Place("text", where, text[:MAX_TEXT_BYTES], word) if len(text) <= MAX_TEXT_BYTES else Place("too_big", where, b"", word)
    )


def _unpacked(packed: bytes) -> bytes | None:
    """The deflated text; None when it is broken or unpacks beyond the cap. Never more than the cap is held."""
    machine = zlib.decompressobj()
    try:
        text = machine.decompress(packed, MAX_TEXT_BYTES)
    except zlib.error:
        return None
    return None if machine.unconsumed_tail else text


def _jpeg(data: bytes) -> Iterator[Place]:
    """Segments up to the picture's first scan."""
    at = 2
    for _ in range(MAX_PARTS):
        while data[at : at + 2] == b"\xff\xff":
            at += 1
        if at + 4 > len(data) or data[at] != 0xFF:
            return
        marker = data[at + 1]
        if marker in _NO_LENGTH:
            at += 2
            continue
        size = int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == 0xDA or size < 2:
            return
        one = _jpeg_part(marker, data[at + 4 : at + 2 + size])
        if one is not None:
            yield one
        at += 2 + size
    yield Place("too_big", f"JPEG segments beyond the first {MAX_PARTS}", b"")


def _jpeg_part(marker: int, body: bytes) -> Place | None:
    if marker == 0xE1 and body.startswith(b"Exif\x00\x00"):
        return Place("exif", "JPEG APP1 Exif", body[6:])
    if marker == 0xE1 and body.startswith(_XMP_JPEG):
        return Place("xmp", "JPEG APP1 XMP", body[len(_XMP_JPEG) :])
    if marker == 0xE1 and body.startswith(_XMP_MORE):
        return Place("xmp_more", "JPEG APP1 extended XMP", b"")
    if marker == 0xED and body.startswith(b"Photoshop 3.0\x00"):
        return Place("iptc", "JPEG APP13 IPTC", body[14:])
    if marker == 0xFE:
        return Place("text", "JPEG comment", body, "comment")
    return None


def _webp(data: bytes) -> Iterator[Place]:
    at = 12
    for _ in range(MAX_PARTS):
        name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        if len(name) < 4:
            return
        if name in (b"EXIF", b"XMP "):
            where = f"WebP {name.decode().strip()}"
            if size > MAX_PART_BYTES:
                yield Place("too_big", where, b"")
            else:
                body = data[at + 8 : at + 8 + size]
                yield Place("xmp", where, body) if name == b"XMP " else Place("exif", where, body.removeprefix(b"Exif\x00\x00"))
        at += 8 + size + size % 2
    yield Place("too_big", f"WebP chunks beyond the first {MAX_PARTS}", b"")


def _packets(data: bytes) -> Iterator[Place]:
    """XMP packets found by their own marks, in containers that are not taken apart here."""
    at = 0
    head = data[:SCAN_BYTES]
    for _ in range(20):
        start = head.find(b"<x:xmpmeta", at)
        if start < 0:
            break
        end = head.find(b"</x:xmpmeta>", start)
        if end < 0 or end - start > MAX_PART_BYTES:
            yield Place("too_big", "XMP packet", b"")
            return
        yield Place("xmp", "XMP packet", head[start : end + 12])
        at = end
    if len(data) > SCAN_BYTES:
        yield Place("too_big", f"XMP packets beyond the first {SCAN_BYTES // 1024 // 1024} MiB", b"")
