"""Random access to bytes, whatever holds them: a file, a seekable stream, a window into either."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Protocol, cast, runtime_checkable

from storage.errors import StorageError


@runtime_checkable
class RandomAccess(Protocol):
    """Bytes that can be read anywhere, by several threads at once."""

    size_bytes: int
    parallel: bool
    """Two threads reading at two places do not slow each other down (a local file), or do (one stream with one position)."""

    def read_at(self, offset: int, length: int) -> bytes:
        """Up to `length` bytes from `offset`; fewer only at the end. Raises: StorageError."""


class FileSource:
    """A local file, read with pread(2): no position, no lock."""

    parallel = True

    def __init__(self, path: Path) -> None:
        try:
            self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise StorageError(f"cannot open file ({error.strerror})", key=path.name) from error
        self.size_bytes = os.fstat(self._fd).st_size

    def read_at(self, offset: int, length: int) -> bytes:
        """See RandomAccess.read_at."""
        return _pread_all(self._fd, offset, length)

    def close(self) -> None:
        """Closes the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class StreamSource:
    """A seekable stream, borrowed: it is not closed here. Reads are serialised by a lock."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self.parallel = False
        try:
            self.size_bytes = stream.seek(0, io.SEEK_END)
        except (OSError, ValueError) as error:
            raise StorageError("a seekable stream is wanted") from error

    def read_at(self, offset: int, length: int) -> bytes:
        """See RandomAccess.read_at."""
        try:
            with self._lock:
                self._stream.seek(offset)
                parts: list[bytes] = []
                while length > 0 and (part := self._stream.read(length)):
                    parts.append(part)
                    length -= len(part)
        except (OSError, ValueError) as error:
            raise StorageError("reading failed") from error
        return parts[0] if len(parts) == 1 else b"".join(parts)


class Window(io.RawIOBase):
    """A read-only, seekable stream over `length` bytes of `source` from `start`; itself a RandomAccess, so windows nest for free.

    Reading unbuffered: ask for large pieces, or wrap it in io.BufferedReader. `on_close` runs once, when it is closed.
    """

    def __init__(self, source: RandomAccess, start: int, length: int, on_close: Callable[[], None] | None = None) -> None:
        super().__init__()
        self._source = source
        self._start = min(start, source.size_bytes)
        self.size_bytes = max(0, min(length, source.size_bytes - self._start))
        self.parallel = source.parallel
        self._position = 0
        self._on_close = on_close

    def read_at(self, offset: int, length: int) -> bytes:
        """See RandomAccess.read_at."""
        length = max(0, min(length, self.size_bytes - offset))
        return self._source.read_at(self._start + offset, length) if length else b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size_bytes}[whence]
        if base + offset < 0:
            raise ValueError("negative seek position")
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def read(self, size: int | None = -1) -> bytes:
        if size is None or size < 0:
            size = max(0, self.size_bytes - self._position)
        data = self.read_at(self._position, size)
        self._position += len(data)
        return data

    def readinto(self, buffer: object) -> int:
        view = memoryview(cast(bytearray, buffer)).cast("B")
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)

    def readall(self) -> bytes:
        return self.read(-1)

    def close(self) -> None:
        if not self.closed:
            super().close()
            if self._on_close is not None:
                self._on_close()


def as_source(source: Path | BinaryIO | RandomAccess) -> tuple[RandomAccess, Callable[[], None]]:
    """`source` as RandomAccess, and what closes it (nothing, when it was only borrowed). Raises: StorageError."""
    if isinstance(source, Path):
        file = FileSource(source)
        return file, file.close
    if isinstance(source, RandomAccess):
        return source, _nothing
    if isinstance(source, io.BufferedReader) and isinstance(source.raw, Window):
        return source.raw, _nothing
    return StreamSource(source), _nothing


def _nothing() -> None:
    """Closes nothing: the source belongs to the caller."""


def _pread_all(fd: int, offset: int, length: int) -> bytes:
    """pread(2) until `length` bytes or the end; one system call in the usual case."""
    try:
        data = os.pread(fd, length, offset)
        while len(data) < length and (more := os.pread(fd, length - len(data), offset + len(data))):
            data += more
    except OSError as error:
        raise StorageError(f"reading failed ({error.strerror})") from error
    return data
