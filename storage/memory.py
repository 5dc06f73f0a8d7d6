"""A blob store in memory, with faults on demand: for tests and for thinking."""

from __future__ import annotations

import hashlib
import io
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Literal

from storage.blobs import StoreCheck, StoredBlob, blob_key, require_aware
from storage.errors import BlobNotFound, BlobTooLarge, DigestMismatch, SizeMismatch, StorageError
from storage.hashing import Sha256

Operation = Literal["put", "open", "stat", "retain"]
"""`put` stands for put() and put_file()."""


class Faults:
    """Failures to come, per operation. `before`: failed and not done; `after`: done, but the answer was lost."""

    def __init__(self) -> None:
        self._before: Counter[Operation] = Counter()
        self._after: Counter[Operation] = Counter()
        self._lock = threading.Lock()

    def fail_before(self, operation: Operation, times: int = 1) -> None:
        """The next `times` calls of `operation` raise StorageError and do nothing."""
        with self._lock:
            self._before[operation] += times

    def fail_after(self, operation: Operation, times: int = 1) -> None:
        """The next `times` calls of `operation` do their work and then raise StorageError."""
        with self._lock:
            self._after[operation] += times

    @contextmanager
    def around(self, operation: Operation, key: str) -> Iterator[None]:
        """Runs the body between the two kinds of failure."""
        if self._take(self._before, operation):
            raise StorageError("injected fault: not done", key=key)
        yield
        if self._take(self._after, operation):
            raise StorageError("injected fault: done, answer lost", key=key)

    def _take(self, counter: Counter[Operation], operation: Operation) -> bool:
        with self._lock:
            if counter[operation] <= 0:
                return False
            counter[operation] -= 1
            return True


class MemoryBlobStore:
    """BlobStore in a dict. Keeps the contract except durability, which ends with the process."""

    def __init__(self, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self._blobs: dict[str, bytes] = {}
        self._retained: dict[str, datetime] = {}
        self._lock = threading.Lock()

    def put(self, source: BinaryIO, *, organisation: str, sha256: Sha256, size_bytes: int) -> StoredBlob:
        """See BlobStore.put."""
        key = blob_key(organisation, sha256)
        with self.faults.around("put", key):
            data = source.read(size_bytes + 1)
            if len(data) > size_bytes:
                raise BlobTooLarge(size_bytes, key=key)
            if len(data) < size_bytes:
                raise SizeMismatch(size_bytes, len(data), key=key)
            actual = hashlib.sha256(data).hexdigest()
            if actual != sha256:
                raise DigestMismatch(sha256, actual, key=key)
            with self._lock:
                existed = key in self._blobs
                self._blobs.setdefault(key, data)
        return StoredBlob(key, sha256, size_bytes, None, existed)

    def put_file(self, path: Path, *, organisation: str, sha256: Sha256, size_bytes: int) -> StoredBlob:
        """See BlobStore.put_file. Reads and hashes the file: here a second pass costs nothing that matters."""
        with path.open("rb") as source:
            return self.put(source, organisation=organisation, sha256=sha256, size_bytes=size_bytes)

    def open(self, organisation: str, sha256: Sha256, *, offset: int = 0, length: int | None = None) -> BinaryIO:
        """See BlobStore.open."""
        key = blob_key(organisation, sha256)
        with self.faults.around("open", key):
            data = self._get(key)
            end = len(data) if length is None else offset + length
            return io.BytesIO(data[offset:end])

    def stat(self, organisation: str, sha256: Sha256) -> StoredBlob | None:
        """See BlobStore.stat."""
        key = blob_key(organisation, sha256)
        with self.faults.around("stat", key), self._lock:
            data = self._blobs.get(key)
        return None if data is None else StoredBlob(key, sha256, len(data), None, True)

    def retain(self, organisation: str, sha256: Sha256, *, until: datetime) -> datetime | None:
        """See BlobStore.retain. Remembers the promise and gives it back; there is nothing that could delete."""
        key = blob_key(organisation, sha256)
        require_aware(until)
        with self.faults.around("retain", key):
            self._get(key)
            with self._lock:
                kept = self._retained[key] = max(until, self._retained.get(key, until))
        return kept

    def check(self) -> tuple[StoreCheck, ...]:
        """See BlobStore.check."""
        return (StoreCheck("durable", "FAILED", "bytes in memory end with the process"),)

    def _get(self, key: str) -> bytes:
        with self._lock:
            data = self._blobs.get(key)
        if data is None:
            raise BlobNotFound(key)
        return data
