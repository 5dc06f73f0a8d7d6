"""Background jobs: procrastinate on the same database, deferred in the caller's own transaction, stalled ones retried.

A job may run twice (a killed worker's jobs are given to another), so every task must be idempotent.
"""

import json
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime

import procrastinate
from procrastinate.types import JSONValue
from psycopg.errors import UniqueViolation
from sqlalchemy.exc import IntegrityError
from sqlmodel.ext.asyncio.session import AsyncSession

from server.db import libpq_url, run_sql

logger = logging.getLogger(__name__)

QUEUE = "holdstill"
RETRY_TASK = "jobs.retry_stalled"
Task = Callable[..., Awaitable[None]]
PeriodicTask = Callable[[int], Awaitable[None]]

_DEFER = """
SELECT procrastinate_defer_jobs_v1(ARRAY[
    ROW(:queue, :task, 0, NULL, :queueing_lock, CAST(:args AS jsonb), CAST(:at AS timestamptz))
]::procrastinate_job_to_defer_v1[])
"""
_IS_QUEUED = "SELECT 1 FROM procrastinate_jobs WHERE status = 'todo' AND queueing_lock = :queueing_lock"


class Jobs:
    """The job queue of one database. Register tasks first, then run workers; defer from anywhere."""

    def __init__(self, database_url: str, *, heartbeat_s: float = 10.0, stalled_after_s: float = 30.0) -> None:
        self.heartbeat_s = heartbeat_s
        self.stalled_after_s = stalled_after_s
        self.app = procrastinate.App(
            connector=procrastinate.PsycopgConnector(conninfo=libpq_url(database_url), min_size=1, max_size=4)
        )
        # No lock on this one: a worker that dies while it runs must not block the task that would give its jobs back.
        self.periodic(RETRY_TASK, cron="* * * * * */10", alone=False)(self.retry_stalled_at)

    def task(self, name: str, *, attempts: int = 8) -> Callable[[Task], Task]:
        """Decorator: `name` runs this coroutine function with the deferred arguments; failures are retried, with pauses."""

        def register(function: Task) -> Task:
            strategy = procrastinate.RetryStrategy(max_attempts=attempts, exponential_wait=2)
            self.app.task(name=name, queue=QUEUE, retry=strategy)(function)
            return function

        return register

    def periodic(self, name: str, *, cron: str, alone: bool = True) -> Callable[[PeriodicTask], PeriodicTask]:
        """Decorator: runs the function at `cron` times (six fields: seconds last), once per time in all processes together.

        A run that still waits is not queued again; with `alone` two runs never overlap. It is given the time as a POSIX second.
        """

        def register(function: PeriodicTask) -> PeriodicTask:
            task = self.app.task(name=name, queue=QUEUE, queueing_lock=name, lock=name if alone else None)(function)
            self.app.periodic(cron=cron)(task)
            return function

        return register

    async def defer(
        self,
        session: AsyncSession,
        task: str,
        *,
        once: str | None = None,
        at: datetime | None = None,
        **arguments: JSONValue,
    ) -> None:
        """Queues `task` in the session's own transaction: the job exists exactly if that transaction commits.

        `once`: while a job with this key still waits, no second one is queued.  `at`: not before this time.
        """
        if once is not None and await run_sql(session, _IS_QUEUED, queueing_lock=once):
            return
        try:
            async with session.begin_nested():  # another transaction may queue the same key meanwhile: ours must survive that
                await run_sql(session, _DEFER, queue=QUEUE, task=task, queueing_lock=once, args=json.dumps(arguments), at=at)
        except IntegrityError as error:
            if once is None or not isinstance(error.orig, UniqueViolation):
                raise

    async def run_worker(self, *, concurrency: int = 4) -> None:
        """Runs jobs until cancelled; signals are left to the caller. Call it inside `async with jobs.app.open_async()`."""
        await self.app.run_worker_async(
            queues=[QUEUE],
            concurrency=concurrency,
            install_signal_handlers=False,
            listen_notify=True,
            fetch_job_polling_interval=2.0,
            update_heartbeat_interval=self.heartbeat_s,
            stalled_worker_timeout=self.stalled_after_s,
            shutdown_graceful_timeout=10.0,
            delete_jobs="successful",
        )

    async def retry_stalled(self) -> int:
        """Gives jobs of dead workers back to the queue; how many. Safe to run in every process."""
        stalled = await self.app.job_manager.get_stalled_jobs(seconds_since_heartbeat=self.stalled_after_s)
        count = 0
        for job in stalled:
            await self.app.job_manager.retry_job(job)
            logger.warning("jobs.retried_stalled", extra={"job": job.id, "task": job.task_name})
            count += 1
        return count

    async def retry_stalled_at(self, timestamp: int) -> None:
        """retry_stalled() as a periodic task."""
        await self.retry_stalled()
