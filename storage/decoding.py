"""A stream of decoded bytes under caps: gzip members one after the other, or plain bytes; never more than a chunk ahead."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from storage.errors import BadContainer
from storage.hashing import CHUNK_BYTES
from storage.source import RandomAccess

_INPUT_BYTES = 512 << 10
_FIRST_FEED_BYTES = 16 << 10
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class DecodingLimits:
    """Caps on what a stream may decode to. `ratio` is decoded per stored byte; the first `ratio_free_bytes` are not counted."""

    total_bytes: int = 64 << 30
    members: int = 1_000_000
    ratio: int = 200
    ratio_free_bytes: int = 64 << 20


class DecodedStream:
    """The bytes of `source`, ungzipped when it begins like gzip. Memory: one input piece and one chunk, whatever is inside.

    Gzip CRCs and lengths are checked (by zlib) at the end of each member. Raises: BadContainer("warc", ...).
    """

    def __init__(self, source: RandomAccess, limits: DecodingLimits) -> None:
        self._source = source
        self._limits = limits
        self._stored_position = 0
        self._members = 0
        self._input = memoryview(b"")
        self._input_position = 0
        self._decoded = 0
        self._chunk = b""
        self._position = 0
        self._chunk_start: int | None = 0
        self._chunks = self._inflated() if source.read_at(0, 2) == _GZIP else self._plain()

    @property
    def start(self) -> int | None:
        """Stored offset from which the next byte can be decoded alone: the gzip member that begins here, or the plain byte; None
        in the middle of a member."""
        if self._chunk_start is None:
            return None
        if self._members == 0:
            return self._chunk_start + self._position
        return self._chunk_start if self._position == 0 else None

    @property
    def position(self) -> int:
        """Number of decoded bytes taken so far: for messages."""
        return self._decoded - (len(self._chunk) - self._position)

    def at_end(self) -> bool:
        """No byte is left. Decodes the next chunk to find out."""
        return self._position >= len(self._chunk) and not self._fill()

    def take(self, limit: int) -> memoryview:
        """The next bytes, at most `limit`, without copying; empty only at the end."""
        if self.at_end():
            return memoryview(b"")
        end = min(len(self._chunk), self._position + limit)
        piece = memoryview(self._chunk)[self._position : end]
        self._position = end
        return piece

    def take_all(self, length: int) -> bytes:
        """Exactly `length` bytes, fewer at the end of the stream. For small pieces."""
        parts: list[bytes] = []
        while length > 0 and (piece := self.take(length)):
            parts.append(bytes(piece))
            length -= len(piece)
        return b"".join(parts)

    def give_back(self, length: int) -> None:
        """Puts back the last `length` bytes of what the latest take() gave."""
        self._position -= length

    def take_until(self, mark: bytes, limit: int) -> bytes:
        """The next bytes up to and with `mark`. Raises: BadContainer when it does not come within `limit` bytes."""
        found = self._chunk.find(mark, self._position, self._position + limit)
        if found >= 0:
            data = self._chunk[self._position : found + len(mark)]
            self._position += len(data)
            return data
        gathered = bytearray()
        while len(gathered) < limit:
            piece = self.take(limit - len(gathered))
            if not piece:
                break
            searched = max(0, len(gathered) - len(mark) + 1)
            gathered += piece
            found = gathered.find(mark, searched)
            if found >= 0:
                surplus = len(gathered) - found - len(mark)
                self.give_back(surplus)
                return bytes(gathered[: len(gathered) - surplus])
        raise BadContainer("warc", f"byte {self.position}", f"header does not end within {limit} bytes")

    def _fill(self) -> bool:
        """Decodes the next chunk that holds a byte."""
        for chunk in self._chunks:
            if chunk:
                self._chunk, self._position = chunk, 0
                self._decoded += len(chunk)
                self._check_growth()
                return True
        return False

    def _check_growth(self) -> None:
        if self._decoded > self._limits.total_bytes:
            raise BadContainer("warc", f"byte {self._decoded}", f"more than {self._limits.total_bytes} bytes when decoded")
        free = self._limits.ratio_free_bytes
        if self._decoded > free and self._decoded > self._limits.ratio * self._stored_position:
            raise BadContainer("warc", f"byte {self._decoded}", f"grows more than {self._limits.ratio} times when decoded")

    def _plain(self) -> Iterator[bytes]:
        while True:
            self._chunk_start = self._stored_position
            data = self._source.read_at(self._stored_position, CHUNK_BYTES)
            if not data:
                return
            self._stored_position += len(data)
            yield data

    def _inflated(self) -> Iterator[bytes]:
        while not self._input_ended():
            self._members += 1
            if self._members > self._limits.members:
                raise BadContainer("warc", f"byte {self._stored_position}", f"more than {self._limits.members} gzip members")
            yield from self._inflate_member()

    def _inflate_member(self) -> Iterator[bytes]:
        """One gzip member. It is fed in slices that grow while it lasts: large ones for speed, small ones first, because zlib
        copies what lies behind a member, and an archive may be a million tiny members."""
        start: int | None = self._stored_position
        inflate = zlib.decompressobj(31)
        feed_bytes = _FIRST_FEED_BYTES
        data = memoryview(b"")
        while not inflate.eof:
            if not data and not self._input_ended():
                data = self._input[self._input_position : self._input_position + feed_bytes]
                feed_bytes = min(4 * feed_bytes, _INPUT_BYTES)
                self._advance(len(data))
            try:
                chunk = inflate.decompress(data, CHUNK_BYTES)
            except zlib.error as error:
                raise BadContainer("warc", f"stored byte {self._stored_position}", "broken gzip stream") from error
            if chunk:
                self._chunk_start, start = start, None
                yield chunk
            elif not data:
                raise BadContainer("warc", f"stored byte {self._stored_position}", "gzip stream cut off")
            data = memoryview(inflate.unconsumed_tail)
        self._advance(-len(inflate.unused_data))

    def _input_ended(self) -> bool:
        """No stored byte is left. Reads the next piece to find out."""
        if self._input_position < len(self._input):
            return False
        self._input = memoryview(self._source.read_at(self._stored_position, _INPUT_BYTES))
        self._input_position = 0
        return not self._input

    def _advance(self, length: int) -> None:
        self._input_position += length
        self._stored_position += length
