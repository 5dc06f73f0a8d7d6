"""Random access to an object in a bucket, by ranges."""

from __future__ import annotations

import threading
from typing import Any

from storage.errors import BlobNotFound, StorageError
from storage.s3client import s3_errors

_RANGE_BYTES = 4 << 20
_ATTEMPTS = 4


class S3Source:
    """RandomAccess over one version of one object. Memory: one range. Broken answers are asked for again.

    The service may hand out wrong bytes; whoever must be sure re-hashes.
    """

    parallel = False

    def __init__(self, client: Any, bucket: str, key: str, size_bytes: int, version_id: str | None) -> None:
        self.size_bytes = size_bytes
        self._client = client
        self._key = key
        self._request = {"Bucket": bucket, "Key": key}
        if version_id is not None:
            self._request["VersionId"] = version_id
        self._start = 0
        self._range = b""
        self._lock = threading.Lock()

    def read_at(self, offset: int, length: int) -> bytes:
        """See RandomAccess.read_at."""
        end = min(offset + length, self.size_bytes)
        parts: list[bytes] = []
        with self._lock:
            while offset < end:
                if not self._start <= offset < self._start + len(self._range):
                    self._start, self._range = offset, self._get(offset, min(_RANGE_BYTES, self.size_bytes - offset))
                at = offset - self._start
                parts.append(self._range[at : at + end - offset])
                offset += len(parts[-1])
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _get(self, offset: int, length: int) -> bytes:
        """Exactly `length` bytes."""
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                with s3_errors(self._key):
                    answer = self._client.get_object(**self._request, Range=f"bytes={offset}-{offset + length - 1}")
                    data: bytes = answer["Body"].read()
                if len(data) == length:
                    return data
            except BlobNotFound:
                raise
            except StorageError:
                if attempt == _ATTEMPTS:
                    raise
        raise StorageError("the object store gave fewer bytes than it announced", key=self._key)
