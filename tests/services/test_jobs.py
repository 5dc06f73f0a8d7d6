"""Jobs exist exactly if their transaction commits, run though a worker is killed, and are not queued twice."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator

import pytest

from server.db import Database, run_sql
from server.jobs import Jobs

WORKER = """
import asyncio, sys
from server.jobs import Jobs
async def main():
    jobs = Jobs(sys.argv[1], heartbeat_s=0.2, stalled_after_s=1.0)
    @jobs.task("test.note")
    async def hang(word):
        print("started", flush=True)
        await asyncio.sleep(3600)
    async with jobs.app.open_async():
        await jobs.run_worker()
asyncio.run(main())
"""


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    running = Database(database_url)
    yield running
    await running.close()


@contextlib.asynccontextmanager
async def working(jobs: Jobs) -> AsyncIterator[None]:
    async with jobs.app.open_async():
        worker = asyncio.create_task(jobs.run_worker())
        yield
        worker.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await worker


async def queued(database: Database) -> int:
    async with database.session() as session:
        return int((await run_sql(session, "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'test.note'"))[0][0])


async def test_a_job_of_a_failed_transaction_never_runs(database: Database, database_url: str) -> None:
    jobs, done = Jobs(database_url), asyncio.Queue[str]()

    @jobs.task("test.note")
    async def note(word: str) -> None:
        done.put_nowait(word)

    with pytest.raises(RuntimeError):
        async with database.transaction() as session:
            await jobs.defer(session, "test.note", word="lost")
            raise RuntimeError
    async with database.transaction() as session:
        await jobs.defer(session, "test.note", word="kept")
    async with working(jobs):
        assert await asyncio.wait_for(done.get(), 120) == "kept"
    assert done.empty()


async def test_a_waiting_job_is_not_queued_twice_even_at_once(database: Database, database_url: str) -> None:
    jobs = Jobs(database_url)

    async def defer() -> None:
        async with database.transaction() as session:
            await jobs.defer(session, "test.note", once="stamp", word="x")
            await run_sql(session, "SELECT 1")  # the caller's transaction goes on

    await asyncio.gather(*(defer() for _ in range(8)))
    assert await queued(database) == 1


async def test_a_failing_job_is_tried_again(database: Database, database_url: str) -> None:
    jobs, tries = Jobs(database_url), list[str]()
    twice = asyncio.Event()

    @jobs.task("test.note", attempts=3)
    async def note(word: str) -> None:
        tries.append(word)
        if len(tries) == 1:
            raise ConnectionError
        twice.set()

    async with database.transaction() as session:
        await jobs.defer(session, "test.note", word="again")
    async with working(jobs):
        await asyncio.wait_for(twice.wait(), 120)
    assert tries == ["again", "again"]


async def test_the_job_of_a_killed_worker_is_done_by_another(database: Database, database_url: str) -> None:
    async with database.transaction() as session:
        await Jobs(database_url).defer(session, "test.note", word="survives")
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", WORKER, database_url, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    assert await asyncio.wait_for(process.stdout.readline(), 120) == b"started\n"
    process.kill()
    await process.wait()

    jobs, done = Jobs(database_url, heartbeat_s=0.2, stalled_after_s=1.0), asyncio.Queue[str]()

    @jobs.task("test.note")
    async def note(word: str) -> None:
        done.put_nowait(word)

    async with working(jobs):
        while done.empty():
            await jobs.retry_stalled()
            await asyncio.sleep(0.2)
    assert done.get_nowait() == "survives"
