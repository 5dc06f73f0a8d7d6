"""How the S3 service is reached: settings, client, errors, bucket."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from storage.errors import BlobNotFound, DigestMismatch, StorageError
from storage.hashing import Sha256

_NOT_FOUND = frozenset({"404", "NoSuchKey", "NoSuchVersion", "NotFound", "NoSuchBucket"})
_BAD_DIGEST = frozenset({"BadDigest", "InvalidDigest", "XAmzContentChecksumMismatch", "XAmzContentSHA256Mismatch"})


@dataclass(frozen=True)
class S3Settings:
    """Where the evidence bucket is. `endpoint` None means AWS. `retention_days` None: no Object Lock is asked for."""

    bucket: str
    access_key: str
    secret_key: str = field(repr=False)
    endpoint: str | None = None
    region: str = "us-east-1"
    retention_days: int | None = None


def connect_s3(settings: S3Settings) -> Any:
    """A boto3 S3 client; thread-safe, no request is made yet. (boto3 makes its classes at run time, hence no type.)"""
    return boto3.session.Session().client(
        "s3",
        endpoint_url=settings.endpoint,
        aws_access_key_id=settings.access_key,
        aws_secret_access_key=settings.secret_key,
        region_name=settings.region,
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "path"} if settings.endpoint else {},
            max_pool_connections=32,
            connect_timeout=5,
            read_timeout=60,
            retries={"mode": "standard", "total_max_attempts": 4},
        ),
    )


def prepare_bucket(client: Any, bucket: str, *, object_lock: bool = True) -> None:
    """Creates the bucket unless it exists, and makes sure that it has what evidence needs. Idempotent; an administrator's act.

    Raises: StorageError, also when an existing bucket has no Object Lock: that can only be turned on when a bucket is made.
    """
    with s3_errors(bucket):
        try:
            client.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=object_lock)
        except ClientError as error:
            if error_code(error) not in ("BucketAlreadyExists", "BucketAlreadyOwnedByYou"):
                raise
        if not object_lock:
            return
        try:
            configuration = client.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"]
        except ClientError as error:
            raise StorageError("the bucket has no Object Lock", key=bucket) from error
        if configuration.get("ObjectLockEnabled") != "Enabled":
            raise StorageError("the bucket has no Object Lock", key=bucket)


def error_code(error: ClientError) -> str:
    """The service's error code, e.g. "AccessDenied"."""
    return str(error.response.get("Error", {}).get("Code", ""))


def http_status(error: ClientError) -> int:
    """The HTTP status of the answer, 0 when unknown."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


@contextmanager
def s3_errors(key: str, sha256: Sha256 | None = None) -> Iterator[None]:
    """Turns what boto3 raises into StorageErrors about `key`. Anything that is not surely a refusal is "outcome unknown"."""
    try:
        yield
    except ClientError as error:
        code = error_code(error)
        if code in _NOT_FOUND:
            raise BlobNotFound(key) from error
        if code in _BAD_DIGEST and sha256 is not None:
            raise DigestMismatch(sha256, None, key=key) from error
        raise StorageError(f"the object store answered {http_status(error)} {code}", key=key) from error
    except (BotoCoreError, HTTPClientError, OSError) as error:
        raise StorageError(f"the object store could not be reached ({type(error).__name__})", key=key) from error
