"""WARC/1.0 and 1.1 records out of an archive that may be hostile. Source: ISO 28500:2017 (WARC/1.1)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from storage.decoding import DecodedStream, DecodingLimits
from storage.errors import BadContainer
from storage.hashing import CHUNK_BYTES
from storage.source import RandomAccess, as_source

_VERSIONS = ("WARC/1.0", "WARC/1.1")
_DIGITS = re.compile(r"[0-9]{1,18}", re.ASCII)
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_REPEATABLE = frozenset({"warc-concurrent-to"})


@dataclass(frozen=True)
class WarcLimits:
    """What an archive may ask of its reader. Sizes are decoded bytes."""

    records: int = 500_000
    header_bytes: int = 64 << 10
    http_head_bytes: int = 512 << 10
    record_bytes: int = 8 << 30
    decoding: DecodingLimits = field(default_factory=DecodingLimits)


@dataclass(frozen=True)
class Headers:
    """Named fields in their order. Names are compared without regard to case."""

    fields: tuple[tuple[str, str], ...]

    def get(self, name: str) -> str | None:
        """The first value of `name`, or None."""
        wanted = name.lower()
        return next((value for known, value in self.fields if known.lower() == wanted), None)


class WarcRecord:
    """One record. Its payload can be read once, before the next record is asked for.

    `http_head` is the HTTP header with its empty line for a request or response, else None; what follows it is the payload. For
    every other record the payload is the whole block. `offset` is where the record can be read alone (stored bytes), or None.
    """

    def __init__(self, headers: Headers, block_bytes: int, offset: int | None, stream: DecodedStream) -> None:
        self.headers = headers
        self.block_bytes = block_bytes
        self.offset = offset
        self.type = headers.get("WARC-Type") or ""
        self.record_id = headers.get("WARC-Record-ID") or ""
        self.target_uri = headers.get("WARC-Target-URI")
        self.date = headers.get("WARC-Date")
        self.content_type = headers.get("Content-Type")
        self.http_head: bytes | None = None
        self._stream = stream
        self._left = block_bytes

    @property
    def payload_left(self) -> int:
        """Bytes of the payload that were not read yet."""
        return self._left

    def http_start(self) -> str | None:
        """The status or request line, e.g. "HTTP/1.1 200 OK"."""
        if self.http_head is None:
            return None
        return self.http_head.split(b"\n", 1)[0].decode("utf-8", "replace").strip()

    def http_headers(self) -> Headers:
        """The HTTP fields as recorded; lines that are no fields are left out."""
        fields: list[tuple[str, str]] = []
        for line in (self.http_head or b"").decode("utf-8", "replace").splitlines()[1:]:
            name, colon, value = line.partition(":")
            if colon and _TOKEN.fullmatch(name):
                fields.append((name, value.strip()))
        return Headers(tuple(fields))

    def chunks(self) -> Iterator[memoryview]:
        """The rest of the payload as recorded (no HTTP decoding), in pieces of at most 1 MiB. Raises: BadContainer."""
        while self._left:
            piece = self._stream.take(min(self._left, CHUNK_BYTES))
            if not piece:
                raise BadContainer("warc", self.record_id, "the archive ends inside this record")
            self._left -= len(piece)
            yield piece

    def read(self, limit_bytes: int) -> bytes:
        """The rest of the payload. Raises: BadContainer when it is larger than `limit_bytes`."""
        if self._left > limit_bytes:
            raise BadContainer("warc", self.record_id, f"payload larger than {limit_bytes} bytes")
        return b"".join(self.chunks())

    def skip(self) -> None:
        """Reads to the end of the block."""
        for _ in self.chunks():
            pass

    def read_http_head(self, limit_bytes: int) -> None:
        """Moves the HTTP header from the payload to `http_head`; a block without empty line is all header. For iter_records()."""
        gathered = bytearray()
        while self._left and len(gathered) < limit_bytes:
            piece = self._stream.take(min(self._left, 4096, limit_bytes - len(gathered)))
            if not piece:
                raise BadContainer("warc", self.record_id, "the archive ends inside this record")
            searched = max(0, len(gathered) - 3)
            gathered += piece
            self._left -= len(piece)
            if found := _HEAD_END.search(gathered, searched):
                surplus = len(gathered) - found.end()
                self._stream.give_back(surplus)
                self._left += surplus
                self.http_head = bytes(gathered[: found.end()])
                return
        if self._left:
            raise BadContainer("warc", self.record_id, f"HTTP header does not end within {limit_bytes} bytes")
        self.http_head = bytes(gathered)


def iter_records(source: Path | BinaryIO | RandomAccess, *, limits: WarcLimits | None = None) -> Iterator[WarcRecord]:
    """The records of a .warc or .warc.gz in their order; a record is valid until the next one is asked for.

    `source` is seekable and read from its beginning, once; memory stays flat. Raises: BadContainer (what="warc") for a broken
    shape or an exceeded limit, StorageError when reading fails. Not checked: digests (digest_verdicts() does), unique record ids.
    """
    caps = limits or WarcLimits()
    data, close = as_source(source)
    try:
        stream = DecodedStream(data, caps.decoding)
        count = 0
        while not stream.at_end():
            count += 1
            if count > caps.records:
                raise BadContainer("warc", f"byte {stream.position}", f"more than {caps.records} records")
            record = _read_record(stream, caps)
            yield record
            record.skip()
            if stream.take_all(4) != b"\r\n\r\n":
                raise BadContainer("warc", record.record_id, "record does not end with two line ends")
    finally:
        close()


def _read_record(stream: DecodedStream, limits: WarcLimits) -> WarcRecord:
    offset, where = stream.start, f"byte {stream.position}"
    headers = _parse_header(stream.take_until(b"\r\n\r\n", limits.header_bytes), where)
    length = headers.get("Content-Length") or ""
    if _DIGITS.fullmatch(length) is None:
        raise BadContainer("warc", where, "Content-Length missing or malformed")
    for name in ("WARC-Type", "WARC-Record-ID"):
        if not headers.get(name):
            raise BadContainer("warc", where, f"{name} missing")
    record = WarcRecord(headers, int(length), offset, stream)
    if record.block_bytes > limits.record_bytes:
        raise BadContainer("warc", record.record_id, f"record larger than {limits.record_bytes} bytes")
    media_type = (record.content_type or "").split(";")[0].strip().lower()
    if media_type == "application/http" and record.type in ("request", "response", "revisit"):
        record.read_http_head(limits.http_head_bytes)
    return record


def _parse_header(data: bytes, where: str) -> Headers:
    """The named fields of a record. A field given twice is refused: two readers could believe two things."""
    version, *lines = data[:-4].decode("utf-8", "backslashreplace").split("\r\n")
    if version not in _VERSIONS:
        raise BadContainer("warc", where, "no WARC record begins here")
    fields: list[tuple[str, str]] = []
    seen: set[str] = set()
    for line in lines:
        if line[:1] in (" ", "\t") and fields:
            name, value = fields.pop()
            fields.append((name, f"{value} {line.strip()}"))
            continue
        name, colon, value = line.partition(":")
        if not colon or _TOKEN.fullmatch(name) is None:
            raise BadContainer("warc", where, "malformed header line")
        lowered = name.lower()
        if lowered in seen and lowered not in _REPEATABLE:
            raise BadContainer("warc", where, f"{name} given twice")
        seen.add(lowered)
        fields.append((name, value.strip()))
    return Headers(tuple(fields))
