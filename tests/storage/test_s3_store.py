"""What only a bucket can do, on a real SeaweedFS with COMPLIANCE Object Lock."""

import io
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from storage.errors import BlobDamaged, DigestMismatch, RetentionRefused, StorageError
from storage.hashing import Sha256, hash_bytes
from storage.s3 import S3BlobStore, S3Settings, connect_s3, prepare_bucket
from storage.s3parts import PartSizes
from tests.seaweed import BUCKET, PLAIN_BUCKET, Seaweed

pytestmark = pytest.mark.seaweedfs


def at(moment: datetime) -> Callable[[], datetime]:
    return lambda: moment


def put(store: S3BlobStore, organisation: str, data: bytes):
    return store.put(io.BytesIO(data), organisation=organisation, sha256=hash_bytes(data), size_bytes=len(data))


def status(error: pytest.ExceptionInfo[ClientError]) -> int:
    return error.value.response["ResponseMetadata"]["HTTPStatusCode"]


@pytest.fixture
def locked(seaweed: Seaweed) -> S3BlobStore:
    return S3BlobStore(seaweed.client(), BUCKET, retention_days=1)


def test_a_locked_version_is_not_deleted_even_by_the_administrator(
    seaweed: Seaweed, locked: S3BlobStore, organisation: str
) -> None:
    stored = put(locked, organisation, b"evidence")
    admin = seaweed.client(admin=True)
    version = {"Bucket": BUCKET, "Key": stored.key, "VersionId": stored.version_id}
    for bypass in ({}, {"BypassGovernanceRetention": True}):
        with pytest.raises(ClientError) as refused:
            admin.delete_object(**version, **bypass)
        assert status(refused) == 403
    with locked.open(organisation, stored.sha256) as stream:
        assert stream.read() == b"evidence"


def test_the_service_itself_may_not_delete(seaweed: Seaweed, locked: S3BlobStore, organisation: str) -> None:
    stored = put(locked, organisation, b"mine")
    for request in ({}, {"VersionId": stored.version_id}):
        with pytest.raises(ClientError) as refused:
            seaweed.client().delete_object(Bucket=BUCKET, Key=stored.key, **request)
        assert status(refused) == 403


def test_a_lock_is_not_shortened_or_softened(seaweed: Seaweed, locked: S3BlobStore, organisation: str) -> None:
    stored = put(locked, organisation, b"until tomorrow")
    admin = seaweed.client(admin=True)
    before = admin.get_object_retention(Bucket=BUCKET, Key=stored.key, VersionId=stored.version_id)["Retention"]
    assert before["Mode"] == "COMPLIANCE"
    for retention in (
        {"Mode": "COMPLIANCE", "RetainUntilDate": datetime.now(UTC) + timedelta(minutes=1)},
        {"Mode": "GOVERNANCE", "RetainUntilDate": before["RetainUntilDate"]},
    ):
        with pytest.raises(ClientError) as refused:
            admin.put_object_retention(
                **{"Bucket": BUCKET, "Key": stored.key, "VersionId": stored.version_id},
                **{"Retention": retention, "BypassGovernanceRetention": True},
            )
        assert status(refused) == 403
    assert admin.get_object_retention(Bucket=BUCKET, Key=stored.key, VersionId=stored.version_id)["Retention"] == before


def test_a_duplicate_extends_the_lock_as_a_new_copy_would(seaweed: Seaweed, organisation: str) -> None:
    today = datetime.now(UTC)
    client = seaweed.client()
    first = put(S3BlobStore(client, BUCKET, retention_days=1, now=at(today)), organisation, b"again")
    second = put(S3BlobStore(client, BUCKET, retention_days=1, now=at(today + timedelta(days=5))), organisation, b"again")
    assert (second.existed, second.version_id) == (True, first.version_id)
    until = client.head_object(Bucket=BUCKET, Key=first.key)["ObjectLockRetainUntilDate"]
    assert until >= today + timedelta(days=6)
    put(S3BlobStore(client, BUCKET, retention_days=1, now=at(today)), organisation, b"again")
    assert client.head_object(Bucket=BUCKET, Key=first.key)["ObjectLockRetainUntilDate"] == until, (
        "an earlier end changes nothing"
    )


def test_retention_ends_no_earlier_than_promised(seaweed: Seaweed, organisation: str) -> None:
    until = datetime.now(UTC).replace(microsecond=1) + timedelta(days=2)
    store = S3BlobStore(seaweed.client(), BUCKET, retention_days=1)
    stored = put(store, organisation, b"fraction")
    assert store.retain(organisation, stored.sha256, until=until) == until.replace(microsecond=0) + timedelta(seconds=1)
    assert seaweed.client().head_object(Bucket=BUCKET, Key=stored.key)["ObjectLockRetainUntilDate"] >= until


def test_a_refused_retention_is_an_error_not_a_silence(seaweed: Seaweed, organisation: str) -> None:
    """A bucket without Object Lock, configured as if it had one."""
    plain = S3BlobStore(seaweed.client(), PLAIN_BUCKET)
    stored = put(plain, organisation, b"unlocked")
    with pytest.raises(StorageError):
        put(S3BlobStore(seaweed.client(), PLAIN_BUCKET, retention_days=1), f"{organisation}-2", b"unlocked")
    with pytest.raises(RetentionRefused):
        S3BlobStore(seaweed.client(), PLAIN_BUCKET, retention_days=1).retain(
            organisation, stored.sha256, until=datetime.now(UTC) + timedelta(days=1)
        )
    assert plain.retain(organisation, stored.sha256, until=datetime.now(UTC) + timedelta(days=1)) is None


def test_the_service_refuses_a_file_that_is_not_what_it_is_called(locked: S3BlobStore, organisation: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"changed on disk")
    claimed = hash_bytes(b"hashed in spool")
    with pytest.raises(DigestMismatch):
        locked.put_file(path, organisation=organisation, sha256=claimed, size_bytes=15)
    assert locked.stat(organisation, claimed) is None


def test_a_different_object_under_the_key_is_damage_not_a_duplicate(
    seaweed: Seaweed, locked: S3BlobStore, organisation: str
) -> None:
    wanted = hash_bytes(b"evidence")
    key = f"{organisation}/sha256/{wanted[:2]}/{wanted}"
    seaweed.client().put_object(Bucket=BUCKET, Key=key, Body=b"replaced", ChecksumAlgorithm="SHA256")
    with pytest.raises(BlobDamaged):
        put(locked, organisation, b"evidence")


def test_a_second_version_is_not_taken_for_the_first(seaweed: Seaweed, locked: S3BlobStore, organisation: str) -> None:
    """An unconditional write makes a new version; a reader that began with the old one keeps reading the old one."""
    data = os.urandom(5_000_000)
    stored = put(locked, organisation, data)
    with locked.open(organisation, stored.sha256) as stream:
        seaweed.client().put_object(Bucket=BUCKET, Key=stored.key, Body=b"x" * len(data))
        assert stream.read() == data


@pytest.fixture
def in_parts(seaweed: Seaweed) -> S3BlobStore:
    """A store that sends anything above 1 MB in parts of 5 MiB."""
    sizes = PartSizes(single_put_bytes=1_000_000, part_bytes=5 << 20)
    return S3BlobStore(seaweed.client(), BUCKET, retention_days=1, sizes=sizes)


def test_large_objects_go_in_parts_locked_and_with_their_own_digest(
    seaweed: Seaweed, in_parts: S3BlobStore, organisation: str
) -> None:
    data = os.urandom(12_000_000)
    first, second = (put(in_parts, organisation, data) for _ in range(2))
    assert (first.existed, second.existed, second.version_id) == (False, True, first.version_id)
    head = seaweed.client().head_object(Bucket=BUCKET, Key=first.key, ChecksumMode="ENABLED")
    assert head["Metadata"]["holdstill-sha256"] == first.sha256
    assert head["ChecksumSHA256"].endswith("-3"), "S3 only knows a hash of hashes: it must not be taken for the file's"
    with pytest.raises(ClientError) as refused:
        seaweed.client(admin=True).delete_object(Bucket=BUCKET, Key=first.key, VersionId=first.version_id)
    assert status(refused) == 403
    with in_parts.open(organisation, first.sha256) as stream:
        assert stream.read() == data


def test_parts_with_a_wrong_digest_are_aborted(
    seaweed: Seaweed, in_parts: S3BlobStore, organisation: str, tmp_path: Path
) -> None:
    path = tmp_path / "large"
    path.write_bytes(os.urandom(6_000_000))
    with pytest.raises(DigestMismatch):
        in_parts.put_file(path, organisation=organisation, sha256=hash_bytes(b"x"), size_bytes=6_000_000)
    assert in_parts.stat(organisation, hash_bytes(b"x")) is None
    uploads = seaweed.client(admin=True).list_multipart_uploads(Bucket=BUCKET, Prefix=organisation).get("Uploads", [])
    assert uploads == []


def test_a_broken_answer_is_asked_for_again(seaweed: Seaweed, locked: S3BlobStore, organisation: str) -> None:
    data = os.urandom(6_000_000)
    stored = put(locked, organisation, data)
    client = BreakingClient(seaweed.client(), breaks=2)
    with S3BlobStore(client, BUCKET).open(organisation, stored.sha256) as stream:
        assert stream.read() == data
    assert client.breaks == 0
    hopeless = S3BlobStore(BreakingClient(seaweed.client(), breaks=99), BUCKET)
    with hopeless.open(organisation, stored.sha256) as stream, pytest.raises(StorageError):
        stream.read()


class BreakingClient:
    """A client whose first answers end in the middle."""

    def __init__(self, client: Any, breaks: int) -> None:
        self._client = client
        self.breaks = breaks

    def get_object(self, **request: Any) -> dict[str, Any]:
        answer = self._client.get_object(**request)
        if self.breaks:
            self.breaks -= 1
            answer["Body"] = io.BytesIO(answer["Body"].read(1000))
        return answer

    def head_object(self, **request: Any) -> Any:
        return self._client.head_object(**request)


def test_a_server_that_is_gone_is_an_unknown_outcome() -> None:
    settings = S3Settings(BUCKET, "k", "s", endpoint="http://127.0.0.1:9")
    store = S3BlobStore(connect_s3(settings), BUCKET)
    with pytest.raises(StorageError) as unknown:
        store.stat("o", Sha256("0" * 64))
    assert type(unknown.value) is StorageError
    assert [check.outcome for check in store.check()] == ["FAILED"]


def test_the_secret_key_is_not_printed() -> None:
    assert "hush" not in repr(S3Settings("b", "k", "hush"))


def test_a_bucket_without_lock_is_not_prepared_as_one_with(seaweed: Seaweed) -> None:
    admin = seaweed.client(admin=True)
    prepare_bucket(admin, BUCKET, object_lock=True)
    with pytest.raises(StorageError):
        prepare_bucket(admin, PLAIN_BUCKET, object_lock=True)
