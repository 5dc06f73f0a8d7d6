"""Objects above S3's limit for one PUT, sent in parts."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

from storage.errors import DigestMismatch, StorageError
from storage.hashing import CHUNK_BYTES, Sha256
from storage.s3client import s3_errors


@dataclass(frozen=True)
class PartSizes:
    """When an object is sent in parts, and how large these are.

    `single_put_bytes`: the limit of S3 for one PUT; above it its checksum is no longer that of the file. `part_bytes` (S3 wants
    at least 5 MiB, at most 10,000 parts: 2.4 TiB): each part lies in a temporary file while it is sent, so memory stays flat.
    """

    single_put_bytes: int = 5 << 30
    part_bytes: int = 256 << 20


@dataclass(frozen=True)
class PartedUpload:
    """Sends objects to `bucket` in parts of `part_bytes`."""

    client: Any
    bucket: str
    part_bytes: int

    def send(self, key: str, source: BinaryIO, *, sha256: Sha256, lock: Mapping[str, object]) -> str | None:
        """Sends the rest of `source` and gives the version id. Each part carries its own SHA-256; the whole one is computed here
        and stands in the metadata, because S3 then only knows a hash of hashes. `lock`: the Object Lock members of the request.

        Raises: DigestMismatch (the upload is aborted, nothing becomes visible), boto3's errors (412: the key exists).
        """
        request = {"Bucket": self.bucket, "Key": key}
        started = self.client.create_multipart_upload(
            **request, ChecksumAlgorithm="SHA256", Metadata={"holdstill-sha256": sha256}, **lock
        )
        upload = {**request, "UploadId": started["UploadId"]}
        whole = hashlib.sha256()
        parts: list[dict[str, object]] = []
        try:
            while part := self._send_part(upload, len(parts) + 1, source, whole):
                parts.append(part)
            if whole.hexdigest() != sha256:
                raise DigestMismatch(sha256, whole.hexdigest(), key=key)
            done = self.client.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts}, IfNoneMatch="*")
        except BaseException:
            _abort(self.client, upload)
            raise
        return cast("str | None", done.get("VersionId"))

    def _send_part(self, upload: Mapping[str, str], number: int, source: BinaryIO, whole: Any) -> dict[str, object] | None:
        """Sends the next part; None when `source` is at its end."""
        with tempfile.TemporaryFile() as part:
            checksum, size = _copy_part(source, cast(BinaryIO, part), self.part_bytes, whole)
            if size == 0:
                return None
            part.seek(0)
            checksums = {"ChecksumAlgorithm": "SHA256", "ChecksumSHA256": checksum}
            sent = self.client.upload_part(**upload, PartNumber=number, Body=part, ContentLength=size, **checksums)
        return {"PartNumber": number, "ETag": sent["ETag"], "ChecksumSHA256": checksum}


def _abort(client: Any, upload: Mapping[str, str]) -> None:
    """Frees the parts. When even that fails, the bucket's lifecycle rule for unfinished uploads has to."""
    with contextlib.suppress(StorageError), s3_errors(upload["Key"]):
        client.abort_multipart_upload(**upload)


def _copy_part(source: BinaryIO, part: BinaryIO, limit: int, whole: Any) -> tuple[str, int]:
    hasher = hashlib.sha256()
    size = 0
    while size < limit and (chunk := source.read(min(CHUNK_BYTES, limit - size))):
        size += len(chunk)
        hasher.update(chunk)
        whole.update(chunk)
        part.write(chunk)
    return base64.b64encode(hasher.digest()).decode(), size
