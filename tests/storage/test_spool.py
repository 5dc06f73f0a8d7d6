"""Uploads that grow, are interrupted, killed and raced, and still end as exactly their bytes."""

import asyncio
import hashlib
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from storage.errors import BlobTooLarge, OffsetMismatch, StorageError, UploadBusy, UploadIncomplete, UploadNotFound
from storage.hashing import hash_bytes
from storage.local import LocalBlobStore
from storage.spool import Spool

ROOT = Path(__file__).parents[2]


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool")


def test_pieces_become_one_file_hashed_as_they_come(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    data = os.urandom(3_000_000)
    spool.create("a", len(data))
    monkeypatch.setattr(os, "pread", None)  # hashed once, as it arrives: nothing may be read back
    for start in range(0, len(data), 700_000):
        state = spool.append("a", start, [data[start : start + 300_000], data[start + 300_000 : start + 700_000]])
        assert state.offset == min(len(data), start + 700_000)
    done = spool.finish("a")
    assert (done.sha256, done.size_bytes, done.path.read_bytes()) == (hash_bytes(data), len(data), data)
    assert spool.finish("a") == done, "finishing is repeatable"


def test_a_lost_hasher_costs_one_reading_and_no_error(spool: Spool, tmp_path: Path) -> None:
    spool.create("a", 10)
    spool.append("a", 0, [b"01234"])
    restarted = Spool(tmp_path / "spool")
    restarted.append("a", 5, [b"56789"])
    assert restarted.finish("a").sha256 == hash_bytes(b"0123456789")


def test_a_hasher_of_a_discarded_upload_is_not_used_for_its_successor(spool: Spool, tmp_path: Path) -> None:
    """Another process throws the upload away and begins it anew with other bytes: the digest is of the bytes in the file."""
    spool.create("a", 10)
    spool.append("a", 0, [b"AAAAA"])
    other = Spool(tmp_path / "spool")
    other.discard("a")
    other.create("a", 10)
    other.append("a", 0, [b"BBBBB"])
    spool.append("a", 5, [b"CCCCC"])
    done = spool.finish("a")
    assert done.sha256 == hash_bytes(done.path.read_bytes()) == hash_bytes(b"BBBBBCCCCC")


def test_two_processes_taking_turns_get_the_true_digest(spool: Spool, tmp_path: Path) -> None:
    other = Spool(tmp_path / "spool")
    spool.create("a", 8)
    for offset, turn in ((0, spool), (2, other), (4, spool), (6, other)):
        turn.append("a", offset, [b"%02d" % offset])
    assert spool.finish("a").sha256 == hash_bytes(b"00020406")


def test_a_wrong_offset_is_told_where_the_file_ends(spool: Spool) -> None:
    spool.create("a", 10)
    spool.append("a", 0, [b"123"])
    for wanted in (0, 2, 4):
        with pytest.raises(OffsetMismatch) as refused:
            spool.append("a", wanted, [b"x"])
        assert (refused.value.wanted, refused.value.actual) == (wanted, 3)
    assert spool.state("a").offset == 3


def test_more_than_announced_is_refused_before_it_is_written(spool: Spool) -> None:
    spool.create("a", 5)
    with pytest.raises(BlobTooLarge):
        spool.append("a", 0, [b"123", b"456"])
    assert spool.state("a").offset == 3
    assert spool.append("a", 3, [b"45"]).offset == 5
    assert spool.finish("a").sha256 == hash_bytes(b"12345")


def test_an_incomplete_upload_does_not_finish(spool: Spool) -> None:
    spool.create("a", 5)
    spool.append("a", 0, [b"1234"])
    with pytest.raises(UploadIncomplete) as refused:
        spool.finish("a")
    assert (refused.value.offset, refused.value.size_bytes) == (4, 5)


def test_only_one_writer_at_a_time(spool: Spool, tmp_path: Path) -> None:
    spool.create("a", 5)
    with spool.open("a", 0) as writer:
        writer.write([b"12"])
        for second in (spool, Spool(tmp_path / "spool")):
            with pytest.raises(UploadBusy):
                second.open("a", 2)
    assert spool.append("a", 2, [b"345"]).offset == 5


def test_an_empty_upload_is_one(spool: Spool) -> None:
    spool.create("a", 0)
    assert spool.finish("a").sha256 == hash_bytes(b"")


@pytest.mark.parametrize("hostile", ["", ".", "..", "../a", "a/b", "a\0", "a\n", "é", "-a", "a" * 200])
def test_an_upload_id_is_never_a_path(spool: Spool, tmp_path: Path, hostile: str) -> None:
    for call in (lambda: spool.create(hostile, 1), lambda: spool.state(hostile), lambda: spool.open(hostile, 0)):
        with pytest.raises(UploadNotFound):
            call()
    assert list((tmp_path / "spool").iterdir()) == []


def test_creating_twice_is_success_with_one_size_only(spool: Spool) -> None:
    spool.create("a", 5)
    spool.append("a", 0, [b"12"])
    assert spool.create("a", 5).offset == 2
    with pytest.raises(StorageError):
        spool.create("a", 6)


def test_discard_forgets_and_is_repeatable(spool: Spool, tmp_path: Path) -> None:
    spool.create("a", 5)
    assert spool.upload_ids() == ["a"]
    spool.discard("a")
    spool.discard("a")
    assert spool.upload_ids() == [] and list((tmp_path / "spool").iterdir()) == []
    with pytest.raises(UploadNotFound):
        spool.state("a")


def test_a_full_disk_keeps_the_offset_true(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    spool.create("a", 6)
    real = os.pwrite

    def half(fd: int, data: bytes, offset: int) -> int:
        if offset >= 2:
            raise OSError(28, "No space left on device")
        return real(fd, data[:2], offset)

    monkeypatch.setattr(os, "pwrite", half)
    with pytest.raises(StorageError):
        spool.append("a", 0, [b"123456"])
    monkeypatch.undo()
    assert spool.state("a").offset == 2
    spool.append("a", 2, [b"3456"])
    assert spool.finish("a").sha256 == hash_bytes(b"123456")


def test_a_finished_upload_becomes_a_blob_without_a_copy_and_can_be_finished_again(spool: Spool, tmp_path: Path) -> None:
    spool.create("a", 5)
    spool.append("a", 0, [b"12345"])
    done = spool.finish("a")
    store = LocalBlobStore(tmp_path / "blobs")
    for _ in range(2):  # the answer was lost after the first time
        assert spool.finish("a") == done
        stored = store.put_file(done.path, organisation="o", sha256=done.sha256, size_bytes=done.size_bytes)
    spool.discard("a")
    assert (tmp_path / "blobs" / stored.key).read_bytes() == b"12345"


KILLED = """
import sys
from pathlib import Path
from storage.spool import Spool
spool, offset = Spool(Path(sys.argv[1])), int(sys.argv[2])
block = bytes(range(256)) * 1024
with spool.open("big", offset) as writer:
    while writer.offset < writer.size_bytes:
        at = writer.offset % len(block)
        writer.write([(block[at:] + block[:at])[: min(65_536, writer.size_bytes - writer.offset)]])
        print(writer.offset, flush=True)
    print(writer.finish().sha256, flush=True)
"""


def test_kill_9_in_the_middle_of_writing_loses_nothing(spool: Spool, tmp_path: Path) -> None:
    size_bytes = 40 * 1024 * 1024
    spool.create("big", size_bytes)
    expected = hashlib.sha256(bytes(range(256)) * (size_bytes // 256)).hexdigest()
    for target in (5_000_000, 17_000_000, 29_000_000):
        process = run_writer(tmp_path, spool.state("big").offset)
        told = 0
        while told < target:
            told = int(process.stdout.readline())  # type: ignore[union-attr]
        process.send_signal(signal.SIGKILL)
        process.wait()
        offset = spool.state("big").offset
        assert target <= told <= offset < size_bytes, "every byte that was acknowledged is there"
    process = run_writer(tmp_path, spool.state("big").offset)
    lines = process.communicate()[0].split()
    assert lines[-1].decode() == expected
    assert spool.finish("big").sha256 == expected
    assert spool.state("big").offset == size_bytes


def run_writer(tmp_path: Path, offset: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path / "spool"), str(offset)], stdout=subprocess.PIPE, cwd=ROOT
    )


async def test_memory_stays_flat_and_the_loop_free_while_uploads_run(spool: Spool) -> None:
    """Four uploads of 48 MB through threads, as a route does it."""
    size_bytes = 48_000_000
    chunk = os.urandom(65_536)
    process = psutil.Process()
    before = process.memory_info().rss
    turns = 0
    peak = before

    async def upload(name: str) -> str:
        spool.create(name, size_bytes)
        writer = spool.open(name, 0)
        while writer.offset < size_bytes:
            left = size_bytes - writer.offset
            batch = [chunk] * min(16, left // len(chunk)) or [chunk[:left]]
            await asyncio.to_thread(writer.write, batch)
        done = await asyncio.to_thread(writer.finish)
        await asyncio.to_thread(writer.close)
        return done.sha256

    async def watch() -> None:
        nonlocal peak, turns
        while True:
            await asyncio.sleep(0.001)
            turns += 1
            peak = max(peak, process.memory_info().rss)

    watcher = asyncio.create_task(watch())
    digests = await asyncio.gather(*(upload(f"u{number}") for number in range(4)))
    watcher.cancel()
    assert set(digests) == {hashlib.sha256((chunk * (size_bytes // len(chunk) + 1))[:size_bytes]).hexdigest()}
    assert peak - before < 64 << 20
    assert turns > 10, "the event loop keeps turning: a loop that uploads hold up turns once for each of them"


def test_many_uploads_at_once_do_not_mix(spool: Spool) -> None:
    results: dict[str, str] = {}

    def upload(name: str) -> None:
        data = name.encode() * 50_000
        spool.create(name, len(data))
        for start in range(0, len(data), 10_000):
            spool.append(name, start, [data[start : start + 10_000]])
        results[name] = spool.finish(name).sha256

    threads = [threading.Thread(target=upload, args=(f"upload{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {f"upload{number}": hash_bytes(f"upload{number}".encode() * 50_000) for number in range(8)}
