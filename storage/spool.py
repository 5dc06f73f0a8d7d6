"""Uploads on their way in: a file that grows, hashed once as the bytes arrive, and that survives kill -9.

The offset of an upload IS the size of its file: no counter beside it can disagree with the bytes. The running hasher is only an
optimisation; when it is lost (restart, another process) finish() reads the file once more.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import re
import secrets
import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from storage.durability import fsync_folder, write_durably
from storage.errors import BlobTooLarge, OffsetMismatch, StorageError, UploadBusy, UploadIncomplete, UploadNotFound
from storage.hashing import CHUNK_BYTES, Sha256

_UPLOAD_ID = re.compile(r"[0-9a-zA-Z][0-9a-zA-Z_-]{0,127}", re.ASCII)
_MAX_HASHERS = 4096


class _Hasher(Protocol):
    def update(self, data: bytes, /) -> None: ...
    def hexdigest(self) -> str: ...


@dataclass(frozen=True)
class SpoolState:
    """Where an upload stands: `offset` bytes of `size_bytes` are here."""

    upload_id: str
    offset: int
    size_bytes: int


@dataclass(frozen=True)
class SpooledFile:
    """A complete upload: fsynced, not written to any more; its digest was computed over exactly the bytes in the file."""

    path: Path
    sha256: Sha256
    size_bytes: int


@dataclass
class _Upload:
    """What the sidecar file says. `token` is new for every create(), so a hasher never outlives its upload."""

    size_bytes: int
    token: str


class Spool:
    """The uploads in the folder `root` (same file system as a local blob store: then put_file() links instead of copying).

    Blocking: call from threads. Safe from several processes on one folder: flock(2) lets one writer in, others get UploadBusy.
    Memory: flat, whatever the upload's size.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._hashers: OrderedDict[str, tuple[str, int, _Hasher]] = OrderedDict()
        self._lock = threading.Lock()
        try:
            root.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise StorageError(f"cannot create the spool ({error.strerror})") from error

    def create(self, upload_id: str, size_bytes: int) -> SpoolState:
        """Makes room for an upload of exactly `size_bytes`; durable on return. Repeating it with the same size gives its state.

        Raises: StorageError if the id is malformed or known with another size.
        """
        if size_bytes < 0:
            raise StorageError("an upload cannot have a negative size", key=upload_id)
        data, sidecar = self._paths(upload_id)
        try:
            if not sidecar.exists():
                draft = sidecar.with_suffix(f".{secrets.token_hex(8)}")
                write_durably(draft, json.dumps({"size_bytes": size_bytes, "token": secrets.token_hex(16)}).encode())
                try:
                    os.link(draft, sidecar)
                except FileExistsError:
                    pass  # another request created it in this moment: its state is ours
                finally:
                    draft.unlink()
            os.close(os.open(data, os.O_CREAT | os.O_RDONLY | os.O_CLOEXEC, 0o600))
            fsync_folder(self._root)
        except OSError as error:
            raise _wrap(error, upload_id) from error
        state = self.state(upload_id)
        if state.size_bytes != size_bytes:
            raise StorageError("the upload exists with another size", key=upload_id)
        return state

    def state(self, upload_id: str) -> SpoolState:
        """Where the upload stands. Raises: UploadNotFound."""
        data, _ = self._paths(upload_id)
        upload = self._read_sidecar(upload_id)
        try:
            return SpoolState(upload_id, data.stat().st_size, upload.size_bytes)
        except OSError as error:
            raise _wrap(error, upload_id) from error

    def open(self, upload_id: str, offset: int) -> SpoolWriter:
        """A writer that continues at `offset`, alone until it is closed. Use it as a context manager.

        Raises: UploadNotFound, UploadBusy (somebody else writes), OffsetMismatch (`actual` is where the file ends).
        """
        upload = self._read_sidecar(upload_id)
        data, _ = self._paths(upload_id)
        fd = _open_data(data, upload_id)
        try:
            _lock_file(fd, upload_id)
            actual = os.fstat(fd).st_size
            if actual != offset:
                raise OffsetMismatch(upload_id, wanted=offset, actual=actual)
            return SpoolWriter(self, upload_id, upload, fd, self._take_hasher(upload_id, upload.token, actual))
        except BaseException:
            os.close(fd)
            raise

    def append(self, upload_id: str, offset: int, chunks: Iterable[bytes]) -> SpoolState:
        """Writes `chunks` from `offset` on; durable on return. Raises: as open() and SpoolWriter.write()."""
        with self.open(upload_id, offset) as writer:
            for chunk in chunks:
                writer.write([chunk])
        return self.state(upload_id)

    def finish(self, upload_id: str) -> SpooledFile:
        """The complete upload. Repeatable until discard(). Raises: UploadNotFound, UploadBusy, UploadIncomplete."""
        with self.open(upload_id, self.state(upload_id).offset) as writer:
            return writer.finish()

    def discard(self, upload_id: str) -> None:
        """Forgets the upload and its bytes (a blob linked from it stays). Success also when there is none."""
        data, sidecar = self._paths(upload_id)
        with self._lock:
            self._hashers.pop(upload_id, None)
        try:
            sidecar.unlink(missing_ok=True)
            data.unlink(missing_ok=True)
        except OSError as error:
            raise _wrap(error, upload_id) from error

    def upload_ids(self) -> list[str]:
        """Every upload in the folder, sorted: for a job that clears abandoned ones."""
        return sorted(path.stem for path in self._root.glob("*.json"))

    def path_of(self, upload_id: str) -> Path:
        """Where the upload's bytes are. Raises: UploadNotFound if the id is malformed."""
        return self._paths(upload_id)[0]

    def keep_hasher(self, upload_id: str, token: str, offset: int, hasher: _Hasher) -> None:
        """Remembers a running hasher that has seen exactly the first `offset` bytes. Called by SpoolWriter only."""
        with self._lock:
            self._hashers[upload_id] = (token, offset, hasher)
            while len(self._hashers) > _MAX_HASHERS:
                self._hashers.popitem(last=False)

    def _take_hasher(self, upload_id: str, token: str, offset: int) -> _Hasher | None:
        if offset == 0:
            return hashlib.sha256()
        with self._lock:
            kept = self._hashers.pop(upload_id, None)
        return kept[2] if kept is not None and kept[:2] == (token, offset) else None

    def _read_sidecar(self, upload_id: str) -> _Upload:
        _, sidecar = self._paths(upload_id)
        try:
            fields = json.loads(sidecar.read_bytes())
            return _Upload(int(fields["size_bytes"]), str(fields["token"]))
        except FileNotFoundError:
            raise UploadNotFound(upload_id) from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StorageError("the upload's sidecar is unreadable", key=upload_id) from error

    def _paths(self, upload_id: str) -> tuple[Path, Path]:
        if _UPLOAD_ID.fullmatch(upload_id) is None:
            raise UploadNotFound(upload_id[:160])
        return self._root / f"{upload_id}.part", self._root / f"{upload_id}.json"


class SpoolWriter:
    """The one writer of an upload. Not thread-safe: one call at a time (each may run in another thread)."""

    def __init__(self, spool: Spool, upload_id: str, upload: _Upload, fd: int, hasher: _Hasher | None) -> None:
        self._spool = spool
        self._upload = upload
        self._fd = fd
        self._hasher = hasher
        self.upload_id = upload_id
        self.size_bytes = upload.size_bytes
        self.offset = os.fstat(fd).st_size

    def write(self, batch: Sequence[bytes]) -> int:
        """Appends and hashes the chunks; gives the new offset. Best in batches of about 1 MiB, through a thread.

        In the page cache on return (survives a killed process); on the disk after close() or finish().
        Raises: BlobTooLarge before anything of this batch is written; StorageError (disk full …): state() tells what was kept.
        """
        data = batch[0] if len(batch) == 1 else b"".join(batch)
        if self.offset + len(data) > self.size_bytes:
            raise BlobTooLarge(self.size_bytes, key=self.upload_id)
        hasher, self._hasher = self._hasher, None
        view = memoryview(data)
        try:
            while view:
                written = os.pwrite(self._fd, view, self.offset)
                self.offset += written
                view = view[written:]
        except OSError as error:
            raise _wrap(error, self.upload_id) from error
        if hasher is not None:
            hasher.update(data)
            self._hasher = hasher
        return self.offset

    def finish(self) -> SpooledFile:
        """Fsyncs and gives the complete file with its digest; re-reads it only if the running hasher was lost.

        Raises: UploadIncomplete.
        """
        if self.offset != self.size_bytes:
            raise UploadIncomplete(self.upload_id, offset=self.offset, size_bytes=self.size_bytes)
        try:
            os.fsync(self._fd)
            if self._hasher is None:
                self._hasher = _rehash(self._fd)
        except OSError as error:
            raise _wrap(error, self.upload_id) from error
        return SpooledFile(self._spool.path_of(self.upload_id), Sha256(self._hasher.hexdigest()), self.size_bytes)

    def close(self) -> None:
        """Makes the bytes durable, keeps the running hasher for the next writer and lets others in. Repeatable."""
        if self._fd < 0:
            return
        fd, self._fd = self._fd, -1
        try:
            os.fsync(fd)
        except OSError as error:
            raise _wrap(error, self.upload_id) from error
        finally:
            if self._hasher is not None and self.offset > 0:
                self._spool.keep_hasher(self.upload_id, self._upload.token, self.offset, self._hasher)
            os.close(fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def _open_data(data: Path, upload_id: str) -> int:
    try:
        try:
            return os.open(data, os.O_RDWR | os.O_CLOEXEC)
        except PermissionError:  # complete, and a blob store linked it read-only: it can still be finished once more
            return os.open(data, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise _wrap(error, upload_id) from error


def _lock_file(fd: int, upload_id: str) -> None:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise UploadBusy(upload_id) from None


def _rehash(fd: int) -> _Hasher:
    hasher = hashlib.sha256()
    offset = 0
    while chunk := os.pread(fd, CHUNK_BYTES, offset):
        hasher.update(chunk)
        offset += len(chunk)
    return hasher


def _wrap(error: OSError, upload_id: str) -> StorageError:
    if error.errno == errno.ENOENT:
        return UploadNotFound(upload_id)
    return StorageError(f"spool failed ({error.strerror})", key=upload_id)
