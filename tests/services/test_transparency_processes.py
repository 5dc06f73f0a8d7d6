"""Several processes on one log."""

import asyncio
import os
import sys
from pathlib import Path

from server.db import run_sql
from tests.services.stage import Stage, leaf
from tests.services.test_transparency_log import independent_root, stored_leaves

EACH = 40


async def start(database_url: str, folder: Path, first: int, count: int) -> asyncio.subprocess.Process:
    command = ("-m", "tests.services.sequencer_process", database_url, str(folder), str(first), str(count))
    named = os.environ | {"PGAPPNAME": "another process"}
    return await asyncio.create_subprocess_exec(sys.executable, *command, stderr=asyncio.subprocess.PIPE, env=named)


async def until_the_server_knows(stage: Stage) -> None:
    """Returns when no session of the killed process is left: the server still ends what it was asked for last, a commit too."""
    left = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'another process'"
    async with asyncio.timeout(120), stage.database.session() as session:
        while await run_sql(session, left):
            await session.rollback()
            await asyncio.sleep(0.01)


async def check_linear(stage: Stage, expected: set[bytes]) -> None:
    """One log: every leaf once, every signed root that of its leaves, one root per size."""
    rows = await stored_leaves(stage)
    leaves = [value for _, value in rows]
    assert [place for place, _ in rows] == list(range(len(rows)))
    assert set(leaves) == expected
    assert len(leaves) == len(expected)
    async with stage.database.session() as session:
        heads = await run_sql(session, "SELECT size, root FROM checkpoint ORDER BY size")
    assert [bytes(head.root) for head in heads] == [independent_root(leaves[: head.size]) for head in heads]
    assert heads[-1].size == len(rows)


async def test_sequencers_of_two_processes_make_one_linear_log(stage: Stage, database_url: str, tmp_path: Path) -> None:
    processes = await asyncio.gather(*(start(database_url, tmp_path, first, EACH) for first in (0, 1000)))
    for process in processes:
        _, errors = await process.communicate()
        assert process.returncode == 0, errors.decode()
    await check_linear(stage, {leaf(first + number) for first in (0, 1000) for number in range(EACH)})


async def test_a_sequencer_killed_at_any_moment_leaves_a_sound_log(stage: Stage, database_url: str, tmp_path: Path) -> None:
    for round_number in range(3):
        process = await start(database_url, tmp_path, round_number * 1000, 100_000)
        while not await stage.log.index_of(leaf(round_number * 1000 + 5)):
            assert process.returncode is None
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.013 * round_number)  # any moment will do
        process.kill()
        await process.communicate()
        await until_the_server_knows(stage)
        await stage.append(leaf(-1 - round_number))
        await stage.log.sequence()
    async with stage.database.session() as session:
        assert (await run_sql(session, "SELECT count(*) FROM queued_leaf"))[0][0] == 0
    await check_linear(stage, {value for _, value in await stored_leaves(stage)})
