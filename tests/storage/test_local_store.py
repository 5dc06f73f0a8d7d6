"""The local folder: modes, fsync order, leftovers, and disks that rot."""

import errno
import io
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from storage.errors import BlobNotFound, DigestMismatch, SizeMismatch, StorageError
from storage.hashing import hash_bytes
from storage.local import LocalBlobStore
from storage.memory import Faults, MemoryBlobStore


@pytest.fixture
def local(tmp_path: Path) -> LocalBlobStore:
    return LocalBlobStore(tmp_path / "blobs")


def put(store: LocalBlobStore | MemoryBlobStore, data: bytes, sha256: str | None = None):
    return store.put(
        io.BytesIO(data), organisation="o", sha256=hash_bytes(data) if sha256 is None else sha256, size_bytes=len(data)
    )


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_blob_is_a_read_only_file_a_person_can_open(local: LocalBlobStore, tmp_path: Path) -> None:
    stored = put(local, b"hello")
    path = tmp_path / "blobs" / stored.key
    assert path.read_bytes() == b"hello"
    assert stat.S_IMODE(path.stat().st_mode) == 0o400
    assert path.stat().st_nlink == 1


@pytest.mark.parametrize("failure", ["digest", "size", "source", "link", "fsync"])
def test_no_temporary_file_is_left_after_a_failure(
    local: LocalBlobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: str
) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError(errno.EIO, "broken")

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    if failure in ("link", "fsync"):
        monkeypatch.setattr(os, failure, refuse)
    source = Broken() if failure == "source" else io.BytesIO(b"data")
    with pytest.raises(StorageError):
        local.put(
            source,
            organisation="o",
            sha256=hash_bytes(b"other" if failure == "digest" else b"data"),
            size_bytes=5 if failure == "size" else 4,
        )
    monkeypatch.undo()
    assert files_in(tmp_path / "blobs") == []
    assert put(local, b"data").existed is False


def test_the_bytes_are_durable_before_the_name_and_the_folders_before_the_answer(
    local: LocalBlobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    real_fsync, real_link = os.fsync, os.link

    def fsync(fd: int) -> None:
        steps.append("fsync " + Path(os.readlink(f"/proc/self/fd/{fd}")).name[:6])
        real_fsync(fd)

    def link(source: object, target: Path) -> None:
        steps.append("link")
        real_link(source, target)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "link", link)
    sha256 = put(local, b"hello").sha256
    at = steps.index("link")
    assert at == 1 and steps[0].startswith("fsync ")
    assert steps[2:] == [f"fsync {sha256[:2]}", "fsync sha256", "fsync o", "fsync blobs"]


def test_a_spooled_file_is_linked_not_copied_and_made_read_only(local: LocalBlobStore, tmp_path: Path) -> None:
    spooled = tmp_path / "spooled"
    spooled.write_bytes(b"spooled bytes")
    stored = local.put_file(spooled, organisation="o", sha256=hash_bytes(b"spooled bytes"), size_bytes=13)
    path = tmp_path / "blobs" / stored.key
    assert path.stat().st_ino == spooled.stat().st_ino
    assert stat.S_IMODE(path.stat().st_mode) == 0o400
    spooled.unlink()
    assert path.read_bytes() == b"spooled bytes"


def test_a_file_on_another_file_system_is_copied_and_hashed(local: LocalBlobStore, tmp_path: Path) -> None:
    other = Path("/dev/shm")
    if not other.is_dir() or other.stat().st_dev == tmp_path.stat().st_dev:
        other = tmp_path  # one file system only: the link path is taken and the rest of the test still holds
    path = other / f"holdstill-test-{os.getpid()}"
    path.write_bytes(b"far away")
    try:
        if other != tmp_path:
            with pytest.raises(DigestMismatch):
                local.put_file(path, organisation="o", sha256=hash_bytes(b"something"), size_bytes=8)
            assert files_in(tmp_path / "blobs") == []
        stored = local.put_file(path, organisation="o", sha256=hash_bytes(b"far away"), size_bytes=8)
        assert (tmp_path / "blobs" / stored.key).read_bytes() == b"far away"
    finally:
        path.unlink()


def test_a_rotten_blob_is_set_aside_and_replaced_by_the_good_bytes(local: LocalBlobStore, tmp_path: Path) -> None:
    stored = put(local, b"good bytes")
    path = tmp_path / "blobs" / stored.key
    path.chmod(0o600)
    path.write_bytes(b"bad bytes.")
    again = put(local, b"good bytes")
    assert again.existed is False, "a duplicate of rotten bytes is no duplicate"
    assert path.read_bytes() == b"good bytes"
    aside = list((tmp_path / "blobs" / "damaged").iterdir())
    assert [file.read_bytes() for file in aside] == [b"bad bytes."], "what was found is kept for whoever asks why"


def test_leftovers_of_killed_processes_go_after_a_day_and_no_sooner(tmp_path: Path) -> None:
    LocalBlobStore(tmp_path)
    old, young = tmp_path / "tmp" / "old", tmp_path / "tmp" / "young"
    for path in (old, young):
        path.write_bytes(b"x")
    os.utime(old, (time.time() - 90_000,) * 2)
    LocalBlobStore(tmp_path)
    assert (old.exists(), young.exists()) == (False, True)


def test_a_put_killed_halfway_leaves_no_blob(tmp_path: Path) -> None:
    """kill -9 while the source still gives bytes: nothing is visible under the key, and the same put then succeeds."""
    data = b"z" * 3_000_000
    script = f"""
import io, os, signal, sys
from pathlib import Path
from storage.local import LocalBlobStore
class Killing(io.BytesIO):
    def read(self, size=-1):
        if self.tell() > 1_500_000:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().read(size)
store, source = LocalBlobStore(Path({str(tmp_path)!r})), Killing(b"z" * 3_000_000)
store.put(source, organisation="o", sha256={hash_bytes(data)!r}, size_bytes=3_000_000)
"""
    killed = subprocess.run([sys.executable, "-c", script], cwd=Path(__file__).parents[2], check=False)
    assert killed.returncode == -9
    store = LocalBlobStore(tmp_path)
    assert store.stat("o", hash_bytes(data)) is None
    assert put(store, data).existed is False


def test_put_file_refuses_a_file_that_is_still_growing(local: LocalBlobStore, tmp_path: Path) -> None:
    path = tmp_path / "growing"
    path.write_bytes(b"12345")
    with pytest.raises(SizeMismatch):
        local.put_file(path, organisation="o", sha256=hash_bytes(b"1234567890"), size_bytes=10)
    assert path.stat().st_mode & 0o200, "the upload must be able to go on"


def test_faults_before_and_after_tell_lost_from_done() -> None:
    faults = Faults()
    store = MemoryBlobStore(faults)
    faults.fail_before("put")
    with pytest.raises(StorageError):
        put(store, b"x")
    assert store.stat("o", hash_bytes(b"x")) is None
    faults.fail_after("put")
    with pytest.raises(StorageError):
        put(store, b"x")
    assert store.stat("o", hash_bytes(b"x")) is not None
    assert put(store, b"x").existed is True


def test_a_blob_that_cannot_be_looked_at_is_not_called_gone(local: LocalBlobStore, tmp_path: Path) -> None:
    path = tmp_path / "blobs" / put(local, b"hello").key
    path.unlink()
    path.symlink_to(path)
    with pytest.raises(StorageError, match="cannot look at the blob") as refused:
        local.open("o", hash_bytes(b"hello"))
    assert type(refused.value) is StorageError
    path.unlink()
    with pytest.raises(BlobNotFound):
        local.open("o", hash_bytes(b"hello"))
