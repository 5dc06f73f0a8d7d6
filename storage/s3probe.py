"""Does this bucket really refuse what evidence must never suffer? Tried, not believed."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from storage.blobs import StoreCheck, blob_key
from storage.errors import StorageError
from storage.hashing import hash_bytes
from storage.s3client import error_code, http_status, s3_errors

_PROBE = b"holdstill probe\n"
_LOCKED_FOR = timedelta(minutes=2)


def probe_bucket(client: Any, bucket: str, *, is_locked: bool, now: datetime) -> tuple[StoreCheck, ...]:
    """What a wrong digest, a second write, a deletion and a shortened lock are answered. Leaves one 16-byte object, locked for
    two minutes, so that it can be repeated without filling the bucket.

    Not checked: what somebody with the service's own machine can do; an administrator's key (use the one that runs the service).
    """
    key = blob_key("probe", hash_bytes(_PROBE))
    try:
        version_id = _put_probe(client, bucket, key)
        checks = [
            StoreCheck("reachable", "PASSED", "the probe is stored"),
            _expect_refusal("refuses_wrong_digest", {400}, lambda: _put(client, bucket, "probe/wrong-digest", b"other bytes")),
            _expect_refusal("refuses_overwrite", {409, 412}, lambda: _put(client, bucket, key, _PROBE)),
        ]
        if is_locked:
            checks += _probe_lock(client, bucket, {"Key": key, "VersionId": version_id}, now)
        else:
            checks.append(StoreCheck("refuses_deletion", "NOT_CHECKED", "no retention is configured"))
    except StorageError as error:
        return (StoreCheck("reachable", "FAILED", str(error)),)
    return tuple(checks)


def _probe_lock(client: Any, bucket: str, version: dict[str, object], now: datetime) -> list[StoreCheck]:
    until = (now + _LOCKED_FOR).replace(microsecond=0)
    with s3_errors(bucket):
        _lock(client, bucket, version, until)
    return [
        _expect_refusal("refuses_deletion", {403}, lambda: client.delete_object(Bucket=bucket, **version)),
        _expect_refusal("refuses_shorter_lock", {403}, lambda: _lock(client, bucket, version, until - timedelta(minutes=1))),
    ]


def _put_probe(client: Any, bucket: str, key: str) -> object:
    """Version id of the probe, stored now or before."""
    with s3_errors(key):
        try:
            _put(client, bucket, key, _PROBE)
        except ClientError as error:
            if http_status(error) not in (409, 412):
                raise
        return client.head_object(Bucket=bucket, Key=key).get("VersionId")


def _put(client: Any, bucket: str, key: str, data: bytes) -> None:
    """Puts `data`, announced as the probe: any other bytes must be refused."""
    checksum = base64.b64encode(hashlib.sha256(_PROBE).digest()).decode()
    client.put_object(Bucket=bucket, Key=key, Body=data, IfNoneMatch="*", ChecksumAlgorithm="SHA256", ChecksumSHA256=checksum)


def _lock(client: Any, bucket: str, version: dict[str, object], until: datetime) -> None:
    client.put_object_retention(
        Bucket=bucket, **version, ChecksumAlgorithm="SHA256", Retention={"Mode": "COMPLIANCE", "RetainUntilDate": until}
    )


def _expect_refusal(name: str, statuses: set[int], attempt: Callable[[], object]) -> StoreCheck:
    try:
        with s3_errors(name):
            attempt()
    except StorageError as error:
        cause = error.__cause__
        if isinstance(cause, ClientError) and http_status(cause) in statuses:
            return StoreCheck(name, "PASSED", f"answered {http_status(cause)} {error_code(cause)}")
        return StoreCheck(name, "NOT_CHECKED", str(error))
    return StoreCheck(name, "FAILED", "it was accepted")
