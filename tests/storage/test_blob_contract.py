"""What every blob store promises (storage/blobs.py), held against each adapter; SeaweedFS is a real server."""

import hashlib
import io
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from storage.blobs import BlobStore, blob_key
from storage.errors import BlobNotFound, BlobTooLarge, DigestMismatch, SizeMismatch, StorageError
from storage.hashing import Sha256, hash_bytes


def put(store: BlobStore, organisation: str, data: bytes, sha256: str | None = None, size_bytes: int | None = None):
    return store.put(
        io.BytesIO(data),
        organisation=organisation,
        sha256=Sha256(sha256 or hash_bytes(data)),
        size_bytes=len(data) if size_bytes is None else size_bytes,
    )


@pytest.mark.parametrize("size_bytes", [0, 1, 100_000, 9_000_000])
def test_bytes_come_back_as_they_went_in(store: BlobStore, organisation: str, size_bytes: int) -> None:
    data = os.urandom(size_bytes)
    stored = put(store, organisation, data)
    sha256 = hash_bytes(data)
    assert (stored.sha256, stored.size_bytes, stored.existed) == (sha256, size_bytes, False)
    assert stored.key == f"{organisation}/sha256/{sha256[:2]}/{sha256}"
    with store.open(organisation, sha256) as stream:
        assert stream.read() == data
    seen = store.stat(organisation, sha256)
    assert seen is not None and (seen.size_bytes, seen.existed) == (size_bytes, True)


def test_the_same_bytes_twice_are_one_blob_and_no_error(store: BlobStore, organisation: str) -> None:
    first, second = (put(store, organisation, b"twice") for _ in range(2))
    assert (first.existed, second.existed) == (False, True)
    assert (first.key, first.version_id) == (second.key, second.version_id)


def test_a_wrong_digest_leaves_nothing_visible(store: BlobStore, organisation: str) -> None:
    claimed = hash_bytes(b"what was announced")
    with pytest.raises(DigestMismatch) as refused:
        put(store, organisation, b"what came", sha256=claimed)
    assert refused.value.expected == claimed
    assert store.stat(organisation, claimed) is None
    assert store.stat(organisation, hash_bytes(b"what came")) is None


def test_naming_a_stored_digest_is_not_possessing_the_bytes(store: BlobStore, organisation: str) -> None:
    put(store, organisation, b"secret of somebody else")
    with pytest.raises(DigestMismatch):
        put(store, organisation, b"?" * 23, sha256=hash_bytes(b"secret of somebody else"))
    with store.open(organisation, hash_bytes(b"secret of somebody else")) as stream:
        assert stream.read() == b"secret of somebody else"


@pytest.mark.parametrize(("said", "error"), [(9, BlobTooLarge), (11, SizeMismatch)])
def test_another_size_than_announced_leaves_nothing_visible(
    store: BlobStore, organisation: str, said: int, error: type[StorageError]
) -> None:
    with pytest.raises(error):
        put(store, organisation, b"ten bytes.", size_bytes=said)
    assert store.stat(organisation, hash_bytes(b"ten bytes.")) is None


def test_an_endless_source_is_cut_at_the_announced_size(store: BlobStore, organisation: str) -> None:
    class Endless(io.RawIOBase):
        given = 0

        def read(self, size: int = -1) -> bytes:
            size = 1 << 20 if size < 0 else size
            self.given += size
            return b"x" * size

    source = Endless()
    with pytest.raises(BlobTooLarge):
        store.put(source, organisation=organisation, sha256=hash_bytes(b"x"), size_bytes=1_000_000)  # type: ignore[arg-type]
    assert source.given <= 4 << 20


def test_sixteen_writers_of_one_digest_make_one_blob(store: BlobStore, organisation: str) -> None:
    data = os.urandom(200_000)
    gate = threading.Barrier(16)

    def write(_: int):
        gate.wait()
        return put(store, organisation, data)

    with ThreadPoolExecutor(16) as pool:
        stored = list(pool.map(write, range(16)))
    assert sum(not blob.existed for blob in stored) == 1
    assert len({(blob.key, blob.version_id) for blob in stored}) == 1
    with store.open(organisation, hash_bytes(data)) as stream:
        assert stream.read() == data


def test_one_organisation_does_not_see_what_another_holds(store: BlobStore, organisation: str) -> None:
    put(store, organisation, b"ours")
    assert store.stat(f"{organisation}-2", hash_bytes(b"ours")) is None
    with pytest.raises(BlobNotFound):
        store.open(f"{organisation}-2", hash_bytes(b"ours")).read()
    assert put(store, f"{organisation}-2", b"ours").existed is False


@pytest.mark.parametrize("hostile", ["", "..", "a/b", "A", "a\n", "-a", "é", "a" * 65])
def test_an_organisation_cannot_leave_its_folder(store: BlobStore, hostile: str) -> None:
    with pytest.raises(StorageError):
        put(store, hostile, b"x")


@pytest.mark.parametrize("hostile", ["", "../../etc/passwd", "A" * 64, "a" * 63, "a" * 64 + "\n", "٠" * 64])
def test_only_a_digest_is_a_key(store: BlobStore, organisation: str, hostile: str) -> None:
    with pytest.raises(StorageError):
        store.open(organisation, Sha256(hostile))
    with pytest.raises(StorageError):
        blob_key(organisation, Sha256(hostile))


@pytest.mark.parametrize(
    ("offset", "length", "expected"),
    [(0, 4, b"0123"), (3, 4, b"3456"), (8, 10, b"89"), (8, None, b"89"), (10, None, b""), (99, 5, b"")],
)
def test_ranges(store: BlobStore, organisation: str, offset: int, length: int | None, expected: bytes) -> None:
    put(store, organisation, b"0123456789")
    with store.open(organisation, hash_bytes(b"0123456789"), offset=offset, length=length) as stream:
        assert stream.read() == expected


def test_an_opened_blob_can_be_read_anywhere(store: BlobStore, organisation: str) -> None:
    data = os.urandom(9_000_000)
    put(store, organisation, data)
    with store.open(organisation, hash_bytes(data)) as stream:
        assert stream.seekable()
        for offset in (8_999_990, 0, 4_194_300, 17):
            stream.seek(offset)
            assert stream.read(100) == data[offset : offset + 100]
        assert stream.seek(0, io.SEEK_END) == len(data)


def test_what_is_not_there_is_not_found(store: BlobStore, organisation: str) -> None:
    absent = hash_bytes(os.urandom(16))
    assert store.stat(organisation, absent) is None
    with pytest.raises(BlobNotFound):
        store.open(organisation, absent)
    with pytest.raises(BlobNotFound):
        store.retain(organisation, absent, until=datetime.now(UTC) + timedelta(days=2))


def test_a_file_is_stored_as_a_stream_would_be(store: BlobStore, organisation: str, tmp_path: Path) -> None:
    data = os.urandom(300_000)
    path = tmp_path / "spooled"
    path.write_bytes(data)
    sha256 = hash_bytes(data)
    stored = store.put_file(path, organisation=organisation, sha256=sha256, size_bytes=len(data))
    again = store.put_file(path, organisation=organisation, sha256=sha256, size_bytes=len(data))
    assert (stored.existed, again.existed) == (False, True)
    path.unlink()
    with store.open(organisation, sha256) as stream:
        assert hashlib.sha256(stream.read()).hexdigest() == sha256


def test_a_file_of_another_size_is_refused(store: BlobStore, organisation: str, tmp_path: Path) -> None:
    path = tmp_path / "short"
    path.write_bytes(b"short")
    with pytest.raises((SizeMismatch, BlobTooLarge)):
        store.put_file(path, organisation=organisation, sha256=hash_bytes(b"short"), size_bytes=4)
    assert store.stat(organisation, hash_bytes(b"short")) is None


def test_retention_is_never_shortened(store: BlobStore, organisation: str) -> None:
    put(store, organisation, b"kept")
    late = datetime.now(UTC) + timedelta(days=3)
    promised = store.retain(organisation, hash_bytes(b"kept"), until=late)
    shorter = store.retain(organisation, hash_bytes(b"kept"), until=late - timedelta(days=1))
    if promised is None:
        assert shorter is None
        assert any(check.outcome == "NOT_CHECKED" for check in store.check()), "no promise, so none may be shown as kept"
    else:
        assert promised >= late
        assert shorter == promised


def test_a_time_without_zone_is_refused(store: BlobStore, organisation: str) -> None:
    put(store, organisation, b"kept")
    with pytest.raises(StorageError):
        store.retain(organisation, hash_bytes(b"kept"), until=datetime(2030, 1, 1))


def test_the_probe_never_calls_deletion_refused_without_trying(store: BlobStore) -> None:
    checks = {check.name: check.outcome for check in store.check()}
    again = {check.name: check.outcome for check in store.check()}
    assert checks == again
    if checks.get("refuses_deletion") == "PASSED":
        assert checks["refuses_shorter_lock"] == checks["refuses_wrong_digest"] == checks["refuses_overwrite"] == "PASSED"
