"""Reading the entries of a zip file that may be hostile. WACZ and bags are read through this."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BufferedReader
from pathlib import Path
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import BinaryIO, Self, cast

from storage.errors import BadContainer
from storage.hashing import CHUNK_BYTES, Sha256
from storage.source import RandomAccess, Window, as_source
from storage.zipdirectory import STORED, ZipEntry, ZipLimits, read_directory

_INFLATE_INPUT_BYTES = 128 << 10
_SPOOL_BYTES = 8 << 20


class ZipReader:
    """A zip file whose directory passed read_directory(). Entries are decoded under the size that the directory announced.

    Thread-safe. Borrowed streams stay open; a path is closed by close(). Raises: BadContainer, naming the entry.
    """

    def __init__(self, source: Path | BinaryIO | RandomAccess, *, limits: ZipLimits | None = None, what: str = "zip") -> None:
        self._what = what
        self._source, self._close = as_source(source)
        try:
            self._entries = read_directory(self._source, limits or ZipLimits(), what)
        except BaseException:
            self._close()
            raise
        self._digests: dict[str, Sha256] = {}

    @property
    def parallel(self) -> bool:
        """Two threads may read at full speed."""
        return self._source.parallel

    def names(self) -> tuple[str, ...]:
        """Names of the file entries, sorted."""
        return tuple(sorted(self._entries))

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def entry(self, name: str) -> ZipEntry:
        """What the directory says about `name`. Raises: BadContainer when there is no such entry."""
        entry = self._entries.get(name)
        if entry is None:
            raise BadContainer(self._what, name, "no such entry")
        return entry

    def size(self, name: str) -> int:
        """Decoded size in bytes."""
        return self.entry(name).size_bytes

    def read(self, name: str, limit_bytes: int) -> bytes:
        """All bytes of an entry, CRC checked. Raises: BadContainer when it is larger than `limit_bytes`."""
        if self.size(name) > limit_bytes:
            raise BadContainer(self._what, name, f"larger than {limit_bytes} bytes")
        return b"".join(self.chunks(name))

    def chunks(self, name: str) -> Iterator[bytes]:
        """The entry's bytes in pieces of at most CHUNK_BYTES. Size and CRC are checked at the end, so a reader that stops early
        has checked neither; the CRC is not computed again once sha256() has."""
        entry = self.entry(name)
        pieces = self._stored(entry) if entry.method == STORED else self._inflated(entry)
        if name in self._digests:
            yield from pieces
            return
        crc32 = 0
        for piece in pieces:
            crc32 = zlib.crc32(piece, crc32)
            yield piece
        if crc32 != entry.crc32:
            raise BadContainer(self._what, name, "CRC does not match")

    def sha256(self, name: str) -> Sha256:
        """SHA-256 of the entry's bytes; read once together with its CRC, then remembered."""
        known = self._digests.get(name)
        if known is None:
            hasher = hashlib.sha256()
            for piece in self.chunks(name):
                hasher.update(piece)
            known = self._digests[name] = Sha256(hasher.hexdigest())
        return known

    def sha256_all(self, names: tuple[str, ...] | None = None, *, workers: int = 2) -> dict[str, Sha256]:
        """sha256() of many entries (default: all), the largest first, on `workers` threads when the source allows it."""
        wanted = sorted(self.names() if names is None else names, key=self.size, reverse=True)
        if workers < 2 or len(wanted) < 2 or not self.parallel:
            return {name: self.sha256(name) for name in wanted}
        with ThreadPoolExecutor(workers, thread_name_prefix="sha256") as pool:
            return dict(zip(wanted, pool.map(self.sha256, wanted), strict=True))

    def open(self, name: str) -> BinaryIO:
        """A seekable stream over the entry: a stored one is read in place, a deflated one is unpacked to a temporary file.

        The caller closes it. Not checked for a stored entry: the CRC (sha256() does).
        """
        entry = self.entry(name)
        if entry.method == STORED:
            return cast(BinaryIO, BufferedReader(Window(self._source, entry.data_offset, entry.stored_bytes)))
        unpacked = SpooledTemporaryFile(max_size=_SPOOL_BYTES)  # noqa: SIM115 - handed to the caller, who closes it
        try:
            for piece in self.chunks(name):
                unpacked.write(piece)
            unpacked.seek(0)
        except BaseException:
            unpacked.close()
            raise
        return cast(BinaryIO, unpacked)

    def close(self) -> None:
        """Closes what this reader opened itself."""
        self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _stored(self, entry: ZipEntry) -> Iterator[bytes]:
        position = 0
        while position < entry.stored_bytes:
            piece = self._source.read_at(entry.data_offset + position, min(CHUNK_BYTES, entry.stored_bytes - position))
            if not piece:
                raise BadContainer(self._what, entry.name, "the file ends inside this entry")
            position += len(piece)
            yield piece

    def _inflated(self, entry: ZipEntry) -> Iterator[bytes]:
        """Inflates at most one byte more than announced: a deflate stream that lies about its size costs nothing."""
        left = entry.size_bytes
        inflate = zlib.decompressobj(-15)
        for stored in self._pieces(entry):
            data = stored
            while data and not inflate.eof:
                piece = self._inflate(inflate.decompress, data, min(CHUNK_BYTES, left + 1), entry)
                left -= len(piece)
                if left < 0:
                    raise BadContainer(self._what, entry.name, "decodes to more bytes than announced")
                data = inflate.unconsumed_tail
                if piece:
                    yield piece
            if inflate.eof and inflate.unused_data:
                raise BadContainer(self._what, entry.name, "bytes after the deflate stream")
        if left or not inflate.eof:
            raise BadContainer(self._what, entry.name, "decodes to fewer bytes than announced")

    def _pieces(self, entry: ZipEntry) -> Iterator[bytes]:
        for position in range(0, entry.stored_bytes, _INFLATE_INPUT_BYTES):
            length = min(_INFLATE_INPUT_BYTES, entry.stored_bytes - position)
            yield self._source.read_at(entry.data_offset + position, length)

    def _inflate(self, decompress: Callable[[bytes, int], bytes], data: bytes, limit: int, entry: ZipEntry) -> bytes:
        try:
            return decompress(data, limit)
        except zlib.error as error:
            raise BadContainer(self._what, entry.name, "broken deflate stream") from error
