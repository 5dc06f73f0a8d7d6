"""The log on the embedded PostgreSQL, fsync on: appends per second until signed and published; proofs at 1 M leaves.

    python benchmarks/bench_log.py [--leaves 1000000]

Prints one JSON line per measurement; `goal` is the project's goal, in the measurement's own unit.
"""

import argparse
import asyncio
import hashlib
import itertools
import json
import random
import statistics
import tempfile
import time
from pathlib import Path

from server.clock import SystemClock
from server.db import Database
from server.keyring import load_keys
from server.migrate import upgrade
from server.postgres import EmbeddedPostgres
from server.transparency.head import HeadMemory
from server.transparency.log import Log
from server.transparency.sequencer import Sequencer
from server.transparency.tiles import TileCache
from server.transparency.witnesses import WitnessClient

ORIGIN = "bench.holdstill.local/log"
SUSTAINED_S = 10.0


def say(name: str, **values: object) -> None:
    print(json.dumps({"benchmark": name, **values}), flush=True)


def build(url: str, folder: Path, cache: TileCache) -> Log:
    database, clock = Database(url, pool_size=20), SystemClock()
    sequencer = Sequencer(database, clock, load_keys(folder / "keys", ORIGIN).log, HeadMemory(folder / "keys" / "log.head"))
    return Log(database, sequencer, WitnessClient(database, clock, (), cache), cache)


def leaves(first: int, count: int) -> list[bytes]:
    return [hashlib.sha256(b"%d" % number).digest() for number in range(first, first + count)]


async def bench_appends(log: Log, *, callers: int, per_transaction: int, first: int) -> None:
    """Callers append in transactions of their own, each waiting until its leaves are signed and published, for some seconds."""
    numbers = itertools.count(first, per_transaction)
    done = 0
    start = time.monotonic()

    async def caller() -> None:
        nonlocal done
        while time.monotonic() - start < SUSTAINED_S:
            async with log.database.transaction() as session:
                await log.append_many(session, leaves(next(numbers), per_transaction))
            await log.sequence()
            done += per_transaction

    await asyncio.gather(*(caller() for _ in range(callers)))
    rate = done / (time.monotonic() - start)
    name = "log.append_per_s" if per_transaction > 1 else "log.append_single_per_s"
    goal = {"goal": 2000} if per_transaction > 1 else {}
    say(name, value=round(rate), callers=callers, leaves_per_transaction=per_transaction, seconds=SUSTAINED_S, **goal)


async def fill(log: Log, size: int) -> None:
    newest = await log.newest()
    held = newest.size if newest is not None else 0
    start, missing = time.monotonic(), size - held
    for first in range(10**9, 10**9 + missing, 10_000):
        async with log.database.transaction() as session:
            await log.append_many(session, leaves(first, min(10_000, 10**9 + missing - first)))
        await log.sequence()
    say("log.fill_per_s", value=round(missing / (time.monotonic() - start)), leaves=size)


async def bench_proofs(log: Log, size: int, name: str, indexes: list[int]) -> None:
    times = []
    for index in indexes:
        start = time.perf_counter()
        await log.inclusion_proof(index, size)
        times.append((time.perf_counter() - start) * 1000)
    p95 = statistics.quantiles(times, n=20)[-1]
    say(name, p50_ms=round(statistics.median(times), 3), p95_ms=round(p95, 3), proofs=len(times), leaves=size, goal_ms=1)


async def run(url: str, folder: Path, size: int) -> None:
    log = build(url, folder, TileCache(capacity=4096))
    await bench_appends(log, callers=8, per_transaction=100, first=0)
    await bench_appends(log, callers=32, per_transaction=1, first=10**8)
    await fill(log, size)
    chance = random.Random(7306)
    newest = await log.newest()
    held = newest.size if newest is not None else size
    cold = [chance.randrange(held) for _ in range(500)]
    await bench_proofs(log, held, "log.proof_ms.any_leaf_cold", cold)
    await bench_proofs(log, held, "log.proof_ms.any_leaf_warm", cold)
    await bench_proofs(log, held, "log.proof_ms.newest_leaves", [held - 1 - chance.randrange(200) for _ in range(500)])
    await log.database.close()


def main() -> None:
    """Runs every measurement on a server of its own, which is gone afterwards."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--leaves", type=int, default=1_000_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="holdstill-bench-") as name:
        server = EmbeddedPostgres(Path(name))
        try:
            url = server.open()
            upgrade(url)
            asyncio.run(run(url, Path(name), options.leaves))
        finally:
            server.close()


if __name__ == "__main__":
    main()
