"""A blob store in a local folder: plain files that a person can open, written once."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import sys
import time
from datetime import datetime
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, cast

from storage.blobs import StoreCheck, StoredBlob, blob_key, require_aware
from storage.durability import fsync_folder
from storage.errors import BlobDamaged, BlobNotFound, BlobTooLarge, DigestMismatch, SizeMismatch, StorageError
from storage.hashing import CHUNK_BYTES, Sha256, hash_bytes, hash_stream
from storage.source import FileSource, Window

_STALE_S = 24 * 3600.0
_READ_BUFFER_BYTES = 256 << 10


class LocalBlobStore:
    """BlobStore in the folder `root`: `<root>/<organisation>/sha256/ab/<hash>`, mode 0400.

    A put writes `<root>/tmp/…` while hashing, fsyncs it, link(2)s it under its name (atomic put-if-absent) and fsyncs the folders
    up to the root. A blob that is already here is re-hashed; if the disk rotted it, it is moved to `<root>/damaged/`, never
    deleted, and the good bytes take its place. Temporary files of killed processes go when a store is opened a day later.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._tmp = root / "tmp"
        self._damaged = root / "damaged"
        try:
            self._tmp.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise _wrap(error, "cannot create the blob folder") from error
        self._sweep()

    def put(self, source: BinaryIO, *, organisation: str, sha256: Sha256, size_bytes: int) -> StoredBlob:
        """See BlobStore.put."""
        key = blob_key(organisation, sha256)
        temporary = self._tmp / secrets.token_hex(16)
        try:
            actual = _write_hashed(source, temporary, size_bytes=size_bytes, key=key)
            if actual != sha256:
                raise DigestMismatch(sha256, actual, key=key)
            existed = self._commit(temporary, key, sha256, size_bytes)
        except OSError as error:
            raise _wrap(error, "writing failed", key) from error
        finally:
            temporary.unlink(missing_ok=True)
        return StoredBlob(key, sha256, size_bytes, None, existed)

    def put_file(self, path: Path, *, organisation: str, sha256: Sha256, size_bytes: int) -> StoredBlob:
        """See BlobStore.put_file. One inode, no copy: the digest is the caller's. Across file systems: copied and hashed."""
        key = blob_key(organisation, sha256)
        try:
            with path.open("rb") as source:
                status = os.fstat(source.fileno())
                if status.st_size != size_bytes:
                    raise SizeMismatch(size_bytes, status.st_size, key=key)
                if status.st_dev != self._tmp.stat().st_dev:
                    return self.put(source, organisation=organisation, sha256=sha256, size_bytes=size_bytes)
                os.fchmod(source.fileno(), 0o400)
                os.fsync(source.fileno())
                existed = self._commit(path, key, sha256, size_bytes)
        except OSError as error:
            if error.errno in (errno.EXDEV, errno.EMLINK, errno.EPERM):
                with path.open("rb") as source:
                    return self.put(source, organisation=organisation, sha256=sha256, size_bytes=size_bytes)
            raise _wrap(error, "linking failed", key) from error
        return StoredBlob(key, sha256, size_bytes, None, existed)

    def open(self, organisation: str, sha256: Sha256, *, offset: int = 0, length: int | None = None) -> BinaryIO:
        """See BlobStore.open."""
        key = blob_key(organisation, sha256)
        path = self._root / key
        if self.stat(organisation, sha256) is None:
            raise BlobNotFound(key)
        file = FileSource(path)
        window = Window(file, offset, sys.maxsize if length is None else length, file.close)
        return cast(BinaryIO, BufferedReader(window, _READ_BUFFER_BYTES))

    def stat(self, organisation: str, sha256: Sha256) -> StoredBlob | None:
        """See BlobStore.stat."""
        key = blob_key(organisation, sha256)
        try:
            size_bytes = (self._root / key).stat().st_size
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _wrap(error, "cannot look at the blob", key) from error
        return StoredBlob(key, sha256, size_bytes, None, True)

    def retain(self, organisation: str, sha256: Sha256, *, until: datetime) -> datetime | None:
        """See BlobStore.retain. None: a folder cannot refuse its owner."""
        require_aware(until)
        if self.stat(organisation, sha256) is None:
            raise BlobNotFound(blob_key(organisation, sha256))
        return None

    def check(self) -> tuple[StoreCheck, ...]:
        """See BlobStore.check."""
        probe = b"holdstill probe\n"
        sha256 = hash_bytes(probe)
        path = self._root / blob_key("probe", sha256)
        try:
            source = self._tmp / secrets.token_hex(16)
            source.write_bytes(probe)
            self.put_file(source, organisation="probe", sha256=sha256, size_bytes=len(probe))
            source.unlink()
            mode = path.stat().st_mode & 0o777
            written = StoreCheck("durable", "PASSED", "written, fsynced, linked and read back")
            read_only = StoreCheck("read_only", "PASSED" if mode == 0o400 else "FAILED", f"mode {mode:04o}")
        except (OSError, StorageError) as error:
            return (StoreCheck("durable", "FAILED", str(error)),)
        reason = "a local folder cannot refuse its owner; the log and the timestamps show a deletion, they do not prevent it"
        return written, read_only, StoreCheck("refuses_deletion", "NOT_CHECKED", reason)

    def _commit(self, temporary: Path, key: str, sha256: Sha256, size_bytes: int) -> bool:
        """Links `temporary` under `key`, durable on return. True if a good blob was already there."""
        final = self._root / key
        final.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        existed = False
        for _attempt in range(8):
            try:
                os.link(temporary, final)
                break
            except FileExistsError:
                if existed := self._is_good(final, sha256, size_bytes):
                    break
                self._set_aside(final, key)
        else:
            raise BlobDamaged(key, "replacing it did not succeed")
        folder = final.parent
        while folder != self._root.parent:
            fsync_folder(folder)
            folder = folder.parent
        return existed

    def _is_good(self, final: Path, sha256: Sha256, size_bytes: int) -> bool:
        """The stored bytes still are what their name says. A dedup hit on rotten bytes would throw the only good copy away."""
        try:
            with final.open("rb") as stored:
                os.fsync(stored.fileno())
                return hash_stream(stored, limit_bytes=size_bytes) == (sha256, size_bytes)
        except (FileNotFoundError, BlobTooLarge):
            return False

    def _set_aside(self, final: Path, key: str) -> None:
        """Moves a damaged blob away, keeping it for whoever has to find out why."""
        self._damaged.mkdir(exist_ok=True, mode=0o700)
        target = self._damaged / f"{key.replace('/', '.')}.{secrets.token_hex(4)}"
        try:
            final.rename(target)
        except FileNotFoundError:
            return
        fsync_folder(self._damaged)

    def _sweep(self) -> None:
        """Removes what killed processes left in tmp/. A put never takes a day."""
        oldest = time.time() - _STALE_S
        for leftover in self._tmp.iterdir():
            try:
                if leftover.lstat().st_mtime < oldest:
                    leftover.unlink()
            except FileNotFoundError:
                continue


def _write_hashed(source: BinaryIO, path: Path, *, size_bytes: int, key: str) -> str:
    """Copies `source` into the new file `path` (0400, fsynced) and gives the SHA-256 of what was written, read once."""
    hasher = hashlib.sha256()
    size = 0
    fd = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o400)
    try:
        while chunk := source.read(CHUNK_BYTES):
            size += len(chunk)
            if size > size_bytes:
                raise BlobTooLarge(size_bytes, key=key)
            hasher.update(chunk)
            view = memoryview(chunk)
            while view:
                view = view[os.write(fd, view) :]
        if size < size_bytes:
            raise SizeMismatch(size_bytes, size, key=key)
        os.fsync(fd)
    finally:
        os.close(fd)
    return hasher.hexdigest()


def _wrap(error: OSError, what: str, key: str | None = None) -> StorageError:
    return StorageError(f"{what} ({error.strerror or error})", key=key)
