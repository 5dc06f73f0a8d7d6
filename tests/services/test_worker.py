"""What breaks in a job is told in the row that somebody waits for; the job itself ends."""

import uuid
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest

from server.exports.parts import CASE_EXPORT_TASK, EXPORT_TASK
from server.imports.parts import IMPORT_TASK, JUDGE_TASK
from server.worker import register_tasks

ROW = uuid.UUID(int=7)


class Breaking:
    """A maker that breaks, and what it was told to write in its row."""

    def __init__(self) -> None:
        self.told: list[tuple[uuid.UUID, str]] = []

    async def run(self, row_id: uuid.UUID) -> None:
        raise ZeroDivisionError("words that nobody is to see")

    async def fail(self, row_id: uuid.UUID, reason: str) -> None:
        self.told.append((row_id, reason))


@pytest.mark.parametrize("task", [EXPORT_TASK, CASE_EXPORT_TASK, IMPORT_TASK, JUDGE_TASK])
async def test_what_breaks_fails_the_row_and_ends_the_job(task: str) -> None:
    makers = {name: Breaking() for name in (EXPORT_TASK, CASE_EXPORT_TASK, IMPORT_TASK, JUDGE_TASK)}
    registered: dict[str, Callable[[str], Awaitable[None]]] = {}
    services: Any = SimpleNamespace(
        jobs=SimpleNamespace(task=lambda name: lambda function: registered.setdefault(name, function)),
        exports=SimpleNamespace(bundler=makers[EXPORT_TASK]),
        case_exports=SimpleNamespace(maker=makers[CASE_EXPORT_TASK]),
        imports=SimpleNamespace(runner=makers[IMPORT_TASK], judgings=makers[JUDGE_TASK]),
    )
    register_tasks(services)
    await registered[task](str(ROW))
    told = {name: maker.told for name, maker in makers.items() if maker.told}
    assert told == {task: [(ROW, "the service broke (ZeroDivisionError)")]}
