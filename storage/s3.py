"""A blob store in an S3 bucket, write-once where the bucket has Object Lock."""

from __future__ import annotations

import base64
import hashlib
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO, cast

from botocore.exceptions import ClientError

from storage.blobs import StoreCheck, StoredBlob, blob_key, require_aware
from storage.errors import BlobDamaged, BlobNotFound, BlobTooLarge, DigestMismatch, RetentionRefused, SizeMismatch, StorageError
from storage.hashing import CHUNK_BYTES, Sha256
from storage.s3client import S3Settings, connect_s3, http_status, prepare_bucket, s3_errors
from storage.s3parts import PartedUpload, PartSizes
from storage.s3probe import probe_bucket
from storage.s3source import S3Source
from storage.source import Window

__all__ = ["S3BlobStore", "S3Settings", "connect_s3", "prepare_bucket"]

_IN_MEMORY_BYTES = 8 << 20
_READ_BUFFER_BYTES = 256 << 10


@dataclass(frozen=True)
class _Held:
    """What HEAD says about an object."""

    size_bytes: int
    version_id: str | None
    sha256: str | None
    retained_until: datetime | None


class S3BlobStore:
    """BlobStore in `bucket`, under the same keys as the local store.

    Every PUT carries the SHA-256 (the service refuses other bytes) and `If-None-Match: *` (the service refuses a second write).
    With `retention_days` every object is locked in COMPLIANCE mode for that long from its latest put: a put of bytes that are
    already there extends the lock, because a refused write changes nothing by itself.
    Trust: none, as for every store. Object Lock is a promise of the gateway: whoever reaches the machine behind it is not bound.
    """

    def __init__(
        self,
        client: Any,
        bucket: str,
        *,
        retention_days: int | None = None,
        sizes: PartSizes = PartSizes(),
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._client = client
        self._bucket = bucket
        self._retention = None if retention_days is None else timedelta(days=retention_days)
        self._sizes = sizes
        self._now = now

    def put(self, source: BinaryIO, *, organisation: str, sha256: Sha256, size_bytes: int) -> StoredBlob:
        """See BlobStore.put. The bytes are spooled and hashed here first (in memory up to 8 MiB): nothing unchecked is sent."""
        key = blob_key(organisation, sha256)
        with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES) as spooled:
            hasher = hashlib.sha256()
            size = 0
            while chunk := source.read(CHUNK_BYTES):
                size += len(chunk)
                if size > size_bytes:
                    raise BlobTooLarge(size_bytes, key=key)
                hasher.update(chunk)
                spooled.write(chunk)
            if size < size_bytes:
                raise SizeMismatch(size_bytes, size, key=key)
            if hasher.hexdigest() != sha256:
                raise DigestMismatch(sha256, hasher.hexdigest(), key=key)
            spooled.seek(0)
            return self._store(cast(BinaryIO, spooled), key, sha256, size_bytes)

    def put_file(self, path: Path, *, organisation: str, sha256: Sha256, size_bytes: int) -> StoredBlob:
        """See BlobStore.put_file. The service checks the digest; above 5 GiB it is recomputed here while the parts are sent."""
        key = blob_key(organisation, sha256)
        try:
            with path.open("rb") as source:
                actual_bytes = path.stat().st_size
                if actual_bytes != size_bytes:
                    raise SizeMismatch(size_bytes, actual_bytes, key=key)
                return self._store(source, key, sha256, size_bytes)
        except OSError as error:
            raise StorageError(f"reading the file failed ({error.strerror})", key=key) from error

    def open(self, organisation: str, sha256: Sha256, *, offset: int = 0, length: int | None = None) -> BinaryIO:
        """See BlobStore.open. Reads by ranges of 4 MiB, retried, all of the same version of the object."""
        key = blob_key(organisation, sha256)
        held = self._head(key)
        source = S3Source(self._client, self._bucket, key, held.size_bytes, held.version_id)
        window = Window(source, offset, sys.maxsize if length is None else length)
        return cast(BinaryIO, BufferedReader(window, _READ_BUFFER_BYTES))

    def stat(self, organisation: str, sha256: Sha256) -> StoredBlob | None:
        """See BlobStore.stat."""
        key = blob_key(organisation, sha256)
        try:
            held = self._head(key)
        except BlobNotFound:
            return None
        return StoredBlob(key, sha256, held.size_bytes, held.version_id, True)

    def retain(self, organisation: str, sha256: Sha256, *, until: datetime) -> datetime | None:
        """See BlobStore.retain. None when the store was set up without retention."""
        key = blob_key(organisation, sha256)
        held = self._head(key)
        if self._retention is None:
            return None
        return self._extend(key, held, require_aware(until))

    def check(self) -> tuple[StoreCheck, ...]:
        """See BlobStore.check."""
        return probe_bucket(self._client, self._bucket, is_locked=self._retention is not None, now=self._now())

    def _store(self, source: BinaryIO, key: str, sha256: Sha256, size_bytes: int) -> StoredBlob:
        until = None if self._retention is None else _whole_second(self._now() + self._retention)
        lock: dict[str, object] = {}
        if until is not None:
            lock = {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": until}
        try:
            with s3_errors(key, sha256):
                if size_bytes > self._sizes.single_put_bytes:
                    parted = PartedUpload(self._client, self._bucket, self._sizes.part_bytes)
                    version_id = parted.send(key, source, sha256=sha256, lock=lock)
                else:
                    version_id = self._put_object(source, key, sha256, size_bytes, lock)
        except StorageError as error:
            if not (isinstance(error.__cause__, ClientError) and http_status(error.__cause__) == 412):
                raise
            return self._existing(key, sha256, size_bytes, until)
        return StoredBlob(key, sha256, size_bytes, version_id, False)

    def _put_object(self, source: BinaryIO, key: str, sha256: Sha256, size_bytes: int, lock: dict[str, object]) -> str | None:
        checksum = base64.b64encode(bytes.fromhex(sha256)).decode()
        answer = self._client.put_object(
            **{"Bucket": self._bucket, "Key": key, "Body": source, "ContentLength": size_bytes, "IfNoneMatch": "*"},
            **{"ChecksumAlgorithm": "SHA256", "ChecksumSHA256": checksum, "Metadata": {"holdstill-sha256": sha256}},
            **lock,
        )
        return cast("str | None", answer.get("VersionId"))

    def _existing(self, key: str, sha256: Sha256, size_bytes: int, until: datetime | None) -> StoredBlob:
        """A duplicate: it must be the same bytes as far as the service tells, and be kept as long as a new copy would be."""
        held = self._head(key)
        if held.size_bytes != size_bytes or held.sha256 not in (None, sha256):
            raise BlobDamaged(key, f"{held.size_bytes} bytes, sha256 {held.sha256}")
        if until is not None:
            self._extend(key, held, until)
        return StoredBlob(key, sha256, size_bytes, held.version_id, True)

    def _head(self, key: str) -> _Held:
        with s3_errors(key):
            answer = self._client.head_object(Bucket=self._bucket, Key=key, ChecksumMode="ENABLED")
        checksum = answer.get("ChecksumSHA256")
        if checksum and "-" not in checksum:
            sha256 = base64.b64decode(checksum).hex()
        else:  # sent in parts: S3 only has a hash of hashes, ours is in the metadata
            sha256 = answer.get("Metadata", {}).get("holdstill-sha256")
        until = answer.get("ObjectLockRetainUntilDate")
        return _Held(int(answer["ContentLength"]), answer.get("VersionId"), sha256, until and until.astimezone(UTC))

    def _extend(self, key: str, held: _Held, until: datetime) -> datetime:
        """Locks the version until `until` unless it is locked longer already."""
        until = _whole_second(until)
        if held.retained_until is not None and held.retained_until >= until:
            return held.retained_until
        try:
            with s3_errors(key):
                self._client.put_object_retention(
                    **{"Bucket": self._bucket, "Key": key, "ChecksumAlgorithm": "SHA256"},
                    **({} if held.version_id is None else {"VersionId": held.version_id}),
                    Retention={"Mode": "COMPLIANCE", "RetainUntilDate": until},
                )
        except BlobNotFound:
            raise
        except StorageError as error:
            longer = self._head(key).retained_until  # another put may have extended it beyond ours in this moment
            if longer is not None and longer >= until:
                return longer
            raise RetentionRefused(key, until, error.reason) from error
        return until


def _whole_second(moment: datetime) -> datetime:
    """The next whole second: S3 keeps no fractions, and a lock must not end before what was promised."""
    return (moment + timedelta(microseconds=999_999)).replace(microsecond=0).astimezone(UTC)
