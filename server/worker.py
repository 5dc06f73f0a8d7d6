"""Background work: the jobs, and the two clocks of the log (publish, stamp). In `serve` by default, or as `holdstill worker`."""

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable
from typing import Protocol

from server.captures.parts import CHECK_TASK, READ_TASK
from server.cases.searchtexts import index_old_texts
from server.composition import Services
from server.errors import ServiceError
from server.exports.parts import CASE_EXPORT_TASK, EXPORT_TASK
from server.images.parts import GROUP_TASK, INDEX_TASK
from server.imports.parts import DEPOSIT_TASK, IMPORT_TASK, JUDGE_TASK, UNDO_TASK

logger = logging.getLogger(__name__)
PAUSE_AFTER_FAILURE_S = 5.0
CLEAR_INTERVAL_S = 3600.0
CATCH_UP_INTERVAL_S = 3600.0


class _Maker(Protocol):
    """What makes the thing that a row asks for, and can say in the row that it could not."""

    async def run(self, row_id: uuid.UUID, /) -> object: ...
    async def fail(self, row_id: uuid.UUID, reason: str, /) -> object: ...


def register_tasks(services: Services) -> None:
    """Tells the job queue what its task names mean. Call once per process, before any worker runs."""

    @services.jobs.task(CHECK_TASK)
    async def check_capture(capture_id: str) -> None:
        await services.captures.checks.run(capture_id)

    @services.jobs.task(READ_TASK)
    async def read_capture_text(capture_id: str) -> None:
        await services.captures.texts.run(capture_id)

    @services.jobs.task(INDEX_TASK)
    async def index_capture(capture_id: str) -> None:
        await services.images.indexer.run(capture_id)

    @services.jobs.task(GROUP_TASK)
    async def group_images(organisation_id: str, image_ids: list[int] | None = None) -> None:
        if image_ids:  # around these a person decided
            await services.images.clustering.settle(uuid.UUID(organisation_id), image_ids)
        await services.images.clustering.run(uuid.UUID(organisation_id))

    @services.jobs.task(EXPORT_TASK)
    async def make_export(export_id: str) -> None:
        await _run_or_fail("exports.broke", services.exports.bundler, export_id)

    @services.jobs.task(CASE_EXPORT_TASK)
    async def make_case_export(export_id: str) -> None:
        await _run_or_fail("case_exports.broke", services.case_exports.maker, export_id)

    _register_imports(services)


def _register_imports(services: Services) -> None:
    @services.jobs.task(IMPORT_TASK)
    async def import_table(import_id: str) -> None:
        await _run_or_fail("imports.broke", services.imports.runner, import_id)

    @services.jobs.task(UNDO_TASK)
    async def undo_import(import_id: str) -> None:
        await services.imports.undoer.run(uuid.UUID(import_id))

    @services.jobs.task(DEPOSIT_TASK)
    async def check_deposit(deposit_id: str) -> None:
        await services.imports.checker.run(uuid.UUID(deposit_id))

    @services.jobs.task(JUDGE_TASK)
    async def judge_posts(judging_id: str) -> None:
        await _run_or_fail("judgings.broke", services.imports.judgings, judging_id)


async def _run_or_fail(event: str, maker: _Maker, row_id: str) -> None:
    """Makes what the row asks for. Whatever breaks is recorded in it for the person who waits, and the job ends: a retry is
    theirs to ask for."""
    try:
        await maker.run(uuid.UUID(row_id))
    except Exception as error:
        logger.exception(event, extra={"row": row_id})
        await maker.fail(uuid.UUID(row_id), f"the service broke ({type(error).__name__})")


async def run_worker(services: Services) -> None:
    """Runs jobs, publishes and stamps until cancelled. Any number of processes may do so at once."""
    settings = services.settings
    register_tasks(services)
    async with asyncio.TaskGroup() as group:
        group.create_task(services.images.warming.until_ready())
        group.create_task(_forever("pictures", CATCH_UP_INTERVAL_S, services.images.catch_up))
        group.create_task(_forever("deposits", CATCH_UP_INTERVAL_S, services.imports.checker.queue_missing))
        group.create_task(_forever("texts", CATCH_UP_INTERVAL_S, lambda: catch_up_texts(services)))
        group.create_task(_forever("publish", settings.publish_interval_s, services.log.sequence))
        group.create_task(_forever("stamp", settings.stamp_interval_s, services.stamps.stamp))
        group.create_task(_forever("seal", CATCH_UP_INTERVAL_S, services.captures.sealer.seal_left))
        group.create_task(_forever("clear", CLEAR_INTERVAL_S, services.captures.uploads.clear_abandoned))
        group.create_task(_forever("scratch", CLEAR_INTERVAL_S, services.imports.clear_scratch))
        group.create_task(_forever("export scratch", CLEAR_INTERVAL_S, services.case_exports.clear_scratch))
        group.create_task(_jobs(services))


async def catch_up_texts(services: Services) -> int:
    """Queues the captures whose text was not read yet, and indexes older texts of cases; how many of both."""
    return await services.captures.texts.queue_missing() + await index_old_texts(services.database)


async def _jobs(services: Services) -> None:
    while True:
        try:
            await services.jobs.run_worker()
        except Exception:
            logger.exception("worker.jobs_ended")
            await asyncio.sleep(PAUSE_AFTER_FAILURE_S)


async def _forever(name: str, interval_s: float, act: Callable[[], Awaitable[object]]) -> None:
    """Acts now and every `interval_s`; a failure is logged and does not end the rounds."""
    while True:
        try:
            await act()
        except ServiceError as error:
            logger.error("worker.refused", extra={"round": name, "code": error.code})
        except Exception:
            logger.exception("worker.broke", extra={"round": name})
            await asyncio.sleep(PAUSE_AFTER_FAILURE_S)
        await asyncio.sleep(interval_s)
