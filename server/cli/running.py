"""How a command runs: against the services of the environment, with errors as one line."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, Protocol, TypeVar

import typer

from server.settings import Settings

if TYPE_CHECKING:  # `holdstill verify` must not wait for what only the service needs
    from server.composition import Services
    from server.custody.findings import AuditReport
    from server.operators.actors import OperatorActor

Result = TypeVar("Result")
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


class CommandFailed(Exception):
    """The command could not do what was asked; its words are for the person."""


def until_signalled(act: Callable[[Services], Coroutine[Any, Any, None]]) -> Callable[[Services], Awaitable[None]]:
    """`act`, ended in good order by SIGTERM or Ctrl-C."""

    async def ended(services: Services) -> None:
        task = asyncio.create_task(act(services))
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        with suppress(asyncio.CancelledError):
            await task

    return ended


def run(act: Callable[[Services], Awaitable[Result]], *, opened: bool = True) -> Result:
    """Runs one command against the services of the environment; errors become one line and exit code 1.

    `opened`: open the job queue around it (the web application opens it itself).
    """
    import psycopg
    from sqlalchemy.exc import SQLAlchemyError

    from server.composition import build
    from server.errors import ServiceError
    from server.postgres import PostgresUnavailable
    from server.trust.errors import VerificationError
    from storage.errors import StorageError

    known = (ServiceError, StorageError, VerificationError, PostgresUnavailable, CommandFailed)
    outside = (psycopg.Error, SQLAlchemyError, OSError, ValueError)

    async def inside() -> Result:
        services = await asyncio.to_thread(build, Settings())
        if not opened:
            return await act(services)
        async with services.running():
            return await act(services)

    try:
        return asyncio.run(inside())
    except (*known, *outside) as error:
        typer.echo(f"holdstill: {error}", err=True)
        raise typer.Exit(1) from error


def run_as_operator(act: Callable[[Services, OperatorActor], Awaitable[Result]]) -> Result:
    """As run(), in the name of the person whom a command line stands for."""

    async def inside(services: Services) -> Result:
        return await act(services, await services.operators.ensure_default_operator())

    return run(inside)


class OpenedForReading(Protocol):
    """A finished file of the service."""

    @property
    def size_bytes(self) -> int:
        """Its length."""
        ...

    def open_range(self, offset: int, length: int) -> BinaryIO:
        """Bytes offset … offset + length. Blocking; the caller closes it."""
        ...


def write_out(found: OpenedForReading, out: Path) -> None:
    """The file at `out`, whole or not at all. Blocking."""
    draft = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        with found.open_range(0, found.size_bytes) as source, draft.open("wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
            target.flush()
            os.fsync(target.fileno())
        draft.replace(out)
    finally:
        draft.unlink(missing_ok=True)


def tell(words: str) -> None:
    """Progress, at once."""
    typer.echo(words)


def say(facts: dict[str, object], as_json: bool, words: str) -> None:
    typer.echo(json.dumps(facts) if as_json else words)


def say_report(report: AuditReport, facts: dict[str, object], as_json: bool, sound: str) -> None:
    """What a check found, with `facts` of its own; `sound`: the last words when nothing failed, else exit code 1."""
    listed = [{"outcome": one.outcome, "where": one.where, "reason": one.reason} for one in report.findings]
    lines = [f"{one.outcome}  {one.where}: {one.reason}" for one in report.findings]
    lines += [f"{number:>8}  {kind}" for kind, number in sorted(report.counts.items())]
    told: dict[str, object] = {"sound": report.is_sound, **facts, "counts": report.counts, "findings": listed}
    say(told, as_json, "\n".join([*lines, sound if report.is_sound else "NOT SOUND"]))
    if not report.is_sound:
        raise typer.Exit(1)
