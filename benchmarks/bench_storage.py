"""Bytes at rest, as shares of what plain tools need for the same bytes in the same run.

- Spooling 4 × 200 MB at once through threads, hashed as they arrive, fsynced, linked into the local store: share of
  min(sha256sum, dd conv=fsync), goal ≥ 0.8; growth of resident memory, goal ≤ 64 MiB.
- Verifying the bytes of a 200 MB bag (manifest hashes, WACZ resources, WARC records): share of sha256sum, goal ≥ 0.7.

Each share is the best of three rounds: other work on the machine only ever makes it smaller.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from storage.bundle import measure, open_bag, write_bag
from storage.local import LocalBlobStore
from storage.spool import Spool
from storage.wacz import inspect_wacz
from tests.storage.archives import response, wacz

UPLOADS, UPLOAD_BYTES = 4, 200_000_000
BATCH, CHUNK_BYTES = 16, 65_536
SPOOL_GOAL, MEMORY_GOAL_MIB, VERIFY_GOAL = 0.8, 64.0, 0.7
ROUNDS = 3


def main() -> int:
    """0 when every goal was met."""
    with tempfile.TemporaryDirectory(prefix="holdstill-bench-") as name:
        folder = Path(name)
        return int(not all([bench_spool(folder), bench_verify(folder)]))


def bench_spool(folder: Path) -> bool:
    """Spooling beside the two tools, round by round: a neighbour on the machine then slows all three."""
    block = os.urandom(CHUNK_BYTES)
    sample = folder / "sample"
    sample.write_bytes(block * (UPLOAD_BYTES // CHUNK_BYTES))
    shares, grown = [], []
    for _ in range(ROUNDS):
        sha256sum = rate(UPLOAD_BYTES, lambda: run("sha256sum", str(sample)))
        dd = rate(UPLOAD_BYTES, lambda: run("dd", f"if={sample}", f"of={folder / 'dd'}", "bs=1M", "conv=fsync"))
        spooling, grown_bytes = bench_uploads(folder, block)
        shares.append(spooling / min(sha256sum, dd))
        grown.append(grown_bytes / (1 << 20))
        print(f"spool {spooling:.0f} MB/s, sha256sum {sha256sum:.0f} MB/s, dd with fsync {dd:.0f} MB/s: share {shares[-1]:.2f}")
    return verdict("spool share", max(shares), SPOOL_GOAL) & verdict("memory grown, MiB", -max(grown), -MEMORY_GOAL_MIB)


def bench_uploads(folder: Path, block: bytes) -> tuple[float, int]:
    """MB/s of all uploads together, and by how many bytes the process grew meanwhile."""
    peak = [psutil.Process().memory_info().rss]
    spooling = rate(UPLOADS * UPLOAD_BYTES, lambda: asyncio.run(spool_all(folder, block, peak)))
    return spooling, max(peak) - peak[0]


async def spool_all(folder: Path, block: bytes, peak: list[int]) -> None:
    """All uploads at once, as a route takes them: the loop hands batches of 1 MiB to threads."""
    spool, store = Spool(folder / "spool"), LocalBlobStore(folder / "blobs")

    async def upload(name: str) -> None:
        await asyncio.to_thread(spool.create, name, UPLOAD_BYTES)
        writer = await asyncio.to_thread(spool.open, name, 0)
        while writer.offset < UPLOAD_BYTES:
            left = UPLOAD_BYTES - writer.offset
            batch = [block] * min(BATCH, left // len(block)) or [block[:left]]
            await asyncio.to_thread(writer.write, batch)
            peak.append(psutil.Process().memory_info().rss)
        done = await asyncio.to_thread(writer.finish)
        await asyncio.to_thread(writer.close)
        await asyncio.to_thread(
            lambda: store.put_file(done.path, organisation=name, sha256=done.sha256, size_bytes=done.size_bytes)
        )
        await asyncio.to_thread(spool.discard, name)

    await asyncio.gather(*(upload(f"u{number}-{time.time_ns()}") for number in range(UPLOADS)))


def bench_verify(folder: Path) -> bool:
    """A bag with one WACZ: two thirds pictures, one third text that shrinks."""
    page, bag = folder / "page.wacz", folder / "bag.zip"
    records = b"".join(
        response(os.urandom(4_900_000) + text(number), uri=f"https://example.org/{number}").warc_gz(1) for number in range(40)
    )
    page.write_bytes(wacz({"archive/data.warc.gz": records, "pages/pages.jsonl": b"{}\n"}))
    with bag.open("wb") as out:
        write_bag([measure("data/page.wacz", page)], out)
    size_bytes = bag.stat().st_size
    shares = []
    for _ in range(ROUNDS):
        sha256sum = rate(size_bytes, lambda: run("sha256sum", str(bag)))
        verifying = rate(size_bytes, lambda: verify(bag))
        shares.append(verifying / sha256sum)
        print(f"verify {verifying:.0f} MB/s, sha256sum {sha256sum:.0f} MB/s: share {shares[-1]:.2f}")
    return verdict("verify share", max(shares), VERIFY_GOAL)


def text(number: int) -> bytes:
    """Half a megabyte of markup."""
    return b"".join(b"<li class='item'>Entry %d of list %d</li>\n" % (line, number) for line in range(12_000))


def verify(bag: Path) -> None:
    """Every byte as `holdstill verify` reads it."""
    with open_bag(bag) as reader:
        reader.sha256_all()
        with reader.open("data/page.wacz") as stream:
            facts = inspect_wacz(stream)
    if {one.outcome for one in (*facts.resource_verdicts, *facts.record_verdicts)} != {"PASSED"}:
        raise RuntimeError("the benchmark's own archive does not verify")


def rate(size_bytes: int, work: Callable[[], object]) -> float:
    """MB/s of `work` over so many bytes."""
    begun = time.perf_counter()
    work()
    return size_bytes / (time.perf_counter() - begun) / 1e6


def run(*command: str) -> None:
    """A plain tool, quietly."""
    subprocess.run(command, check=True, capture_output=True)


def verdict(name: str, value: float, goal: float) -> bool:
    """Prints one goal; negative numbers are upper limits."""
    met = value >= goal
    print(f"goal: {name} {abs(value):.2f} {'≥' if goal >= 0 else '≤'} {abs(goal)}: {'met' if met else 'MISSED'}")
    return met


if __name__ == "__main__":
    sys.exit(main())
