"""`holdstill …`: what a person types. Commands print for people; with --json one JSON object for programs."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
import signal
import sys
import uuid
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from server.settings import Settings

if TYPE_CHECKING:  # `holdstill verify` must not wait for what only the service needs
    from server.composition import Services

Result = TypeVar("Result")
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="Evidence capture.")
export_app = typer.Typer(no_args_is_help=True, help="Hand evidence over.")
log_app = typer.Typer(no_args_is_help=True, help="The log.")
admin_app = typer.Typer(no_args_is_help=True, help="Set-up and keys.")
db_app = typer.Typer(no_args_is_help=True, help="The embedded database.")
app.add_typer(export_app, name="export")
app.add_typer(log_app, name="log")
app.add_typer(admin_app, name="admin")
app.add_typer(db_app, name="db")


def main() -> None:
    """The command's entry point."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    for chatty in ("procrastinate", "httpx", "httpx2", "alembic", "botocore"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    app()


@app.command()
def serve() -> None:
    """Run the service (and, unless HOLDSTILL_RUN_WORKER=false, its background jobs)."""
    import uvicorn

    from server.app import create_app
    from server.worker import run_worker

    settings = Settings()
    _tell("Starting the database …" if settings.database_url is None else "Connecting to the database …")

    async def act(services: Services) -> None:
        newest = await services.log.sequence()
        _tell(f"Log {services.log.origin}: {0 if newest is None else newest.size} entries")
        _tell(f"Evidence store: {settings.blob_store}; authorities: {len(settings.tsas)}; witnesses: {len(settings.witnesses)}")
        app = create_app(services, background=run_worker if settings.run_worker else None)
        _tell(f"Holdstill at {settings.public_url}")
        _tell(f"Sign in once with: {await new_sign_in_link(services)}")
        config = uvicorn.Config(
            app, host=settings.host, port=settings.port, access_log=False, server_header=False, timeout_graceful_shutdown=10
        )
        await uvicorn.Server(config).serve()

    _run(act, opened=False)


@app.command()
def worker() -> None:
    """Run background jobs only, beside one or more `serve` processes."""
    from server.worker import run_worker

    _tell("Worker: waiting for jobs. Ctrl-C ends it.")
    _run(_until_signalled(run_worker))


@app.command()
def witness() -> None:
    """Run a witness: it cosigns checkpoints of the logs it knows, and never two histories of one log."""
    from server.witness import run as run_witness

    run_witness(Settings())


@app.command()
def verify(
    file: Path,
    policy: Annotated[Path | None, typer.Option(help="Whom to believe (TOML); from elsewhere than the bundle.")] = None,
    as_json: AsJson = False,
) -> None:
    """Verify a bundle offline. Exit code: 0 valid, 1 invalid, 2 incomplete (for one, without a policy)."""
    from server.verifier import run_verify

    raise typer.Exit(run_verify(file, policy, json_output=as_json))


@app.command()
def pair(as_json: AsJson = False) -> None:
    """Print a pairing code for a browser."""

    async def act(services: Services) -> None:
        operator = await services.operators.ensure_default_operator()
        offer = await services.operators.create_pairing_code(operator.operator_id)
        facts: dict[str, object] = {
            "pairing_code": offer.code,
            "expires_at": offer.expires_at.isoformat(),
            "server": services.settings.public_url,
        }
        words = f"Pairing code  {offer.code}\nServer        {facts['server']}\nWorks once, until {offer.expires_at:%H:%M:%S} UTC."
        _say(facts, as_json, words)

    _run(act)


@app.command("sign-in")
@admin_app.command("sign-in-link")
def sign_in_link(as_json: AsJson = False) -> None:
    """Print a one-time link that signs the operator in."""

    async def act(services: Services) -> None:
        url = await new_sign_in_link(services)
        _say({"url": url}, as_json, url)

    _run(act)


@export_app.command("bundle")
def export_bundle(
    capture: Annotated[list[str], typer.Option(help="Capture id; give the option once per capture.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Where to write the bundle.")],
    purpose: Annotated[str, typer.Option(help="Why it is handed over; stands in the custody record.")] = "export",
    recipient: Annotated[str, typer.Option(help="To whom; stands in the custody record.")] = "holder of the exported file",
    as_json: AsJson = False,
) -> None:
    """Make a chain-of-custody bundle of sealed captures and write it to a file."""
    from server.exports.service import ExportOrder

    async def act(services: Services) -> None:
        operator = await services.operators.ensure_default_operator()
        order = ExportOrder(tuple(capture), purpose, recipient)
        made = await services.exports.request(operator, order, queued=False)
        await services.exports.bundler.run(made.export_id)
        done = await services.exports.read(operator, made.export_id)
        if done.state != "ready":
            raise CommandFailed(f"the bundle could not be made: {done.reason}", str(made.export_id))
        await _copy_out(services, made.export_id, out)
        facts: dict[str, object] = {
            "export_id": str(made.export_id),
            "file": str(out),
            "sha256": done.file_sha256,
            "size_bytes": done.size_bytes,
        }
        _say(facts, as_json, f"{out}  {done.size_bytes} bytes\nSHA-256 {done.file_sha256}")

    _run(act)


@log_app.command("check")
def log_check(as_json: AsJson = False) -> None:
    """Derive everything again from stored bytes: digests, leaves, roots, chains, stamps. Exit code 1 if anything does not fit."""
    from server.custody.audit import AuditTrust, audit

    async def act(services: Services) -> None:
        keys = {key.key_id: key for key in services.policy.services}
        trust = AuditTrust(services.log.trust, keys, {tsa.name: tsa.anchors for tsa in services.stamps.tsas})
        report = await audit(services.database, trust, services.captures.evidence)
        listed = [{"outcome": one.outcome, "where": one.where, "reason": one.reason} for one in report.findings]
        facts: dict[str, object] = {
            "sound": report.is_sound,
            "size": report.size,
            "root": report.root,
            "counts": report.counts,
            "findings": listed,
        }
        lines = [f"{one.outcome}  {one.where}: {one.reason}" for one in report.findings]
        lines += [f"{number:>8}  {kind}" for kind, number in sorted(report.counts.items())]
        verdict = "SOUND: everything follows from the stored bytes" if report.is_sound else "NOT SOUND"
        _say(facts, as_json, "\n".join([*lines, verdict]))
        if not report.is_sound:
            raise typer.Exit(1)

    _run(act)


@log_app.command("status")
def log_status(
    capture: Annotated[str | None, typer.Option(help="Also tell this capture's time bracket.")] = None, as_json: AsJson = False
) -> None:
    """Print the log's size, its newest stamp, and what is still waiting for one."""

    async def act(services: Services) -> None:
        newest, stamped = await services.log.newest(), await services.log.newest_stamped()
        waiting = [one for one in await services.stamps.recent() if one.state == "pending"]
        facts: dict[str, object] = {
            "origin": services.log.origin,
            "size": 0 if newest is None else newest.size,
            "cosignatures": 0 if newest is None else newest.cosignatures,
            "stamped_size": None if stamped is None else stamped.published.size,
            "pending": [{"tsa": one.tsa, "size": one.size, "reason": one.reason} for one in waiting],
        }
        if capture is not None:
            operator = await services.operators.ensure_default_operator()
            bracket = (await services.captures.details.detail(operator, capture)).bracket
            facts["not_before"] = None if bracket.not_before is None else bracket.not_before.at.isoformat()
            facts["not_after"] = None if bracket.not_after is None else bracket.not_after.at.isoformat()
        _say(facts, as_json, "\n".join(f"{name:<14}{value}" for name, value in facts.items()))

    _run(act)


@admin_app.command("policy")
def admin_policy() -> None:
    """Print the policy (TOML) that recipients pin: give it to them on another way than the bundles."""
    from server.trust.policy import format_policy

    async def act(services: Services) -> None:
        print(format_policy(services.policy), end="")

    _run(act)


@admin_app.command("openapi")
def admin_openapi() -> None:
    """Print the OpenAPI document (docs/openapi.json is this, committed)."""
    from server.app import openapi_document

    print(json.dumps(openapi_document(), indent=1, sort_keys=True))


@db_app.command("stop")
def db_stop() -> None:
    """Stop the embedded PostgreSQL of HOLDSTILL_DATA_DIR, whoever started it."""
    from server.postgres import EmbeddedPostgres

    stopped = EmbeddedPostgres(Settings().data_dir / "postgres").stop()
    print("stopped" if stopped else "was not running")


class CommandFailed(Exception):
    """The command could not do what was asked; its words are for the person."""


async def new_sign_in_link(services: Services) -> str:
    """A fresh one-time link for the default operator."""
    operator = await services.operators.ensure_default_operator()
    offer = await services.operators.create_sign_in_link(operator.operator_id)
    return f"{services.settings.public_url.rstrip('/')}/sign-in/{offer.token}"


async def _copy_out(services: Services, export_id: uuid.UUID, out: Path) -> None:
    """The finished bundle at `out`, whole or not at all."""
    operator = await services.operators.ensure_default_operator()
    found = await services.exports.open_file(operator, export_id)

    def copy() -> None:
        draft = out.with_name(f".{out.name}.{os.getpid()}")
        try:
            with found.open_range(0, found.size_bytes) as source, draft.open("wb") as target:
                shutil.copyfileobj(source, target, 1 << 20)
                target.flush()
                os.fsync(target.fileno())
            draft.replace(out)
        finally:
            draft.unlink(missing_ok=True)

    await asyncio.to_thread(copy)


def _until_signalled(act: Callable[[Services], Coroutine[Any, Any, None]]) -> Callable[[Services], Awaitable[None]]:
    """`act`, ended in good order by SIGTERM or Ctrl-C."""

    async def run(services: Services) -> None:
        task = asyncio.create_task(act(services))
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        with suppress(asyncio.CancelledError):
            await task

    return run


def _run(act: Callable[[Services], Awaitable[Result]], *, opened: bool = True) -> Result:
    """Runs one command against the services of the environment; errors become one line and exit code 1.

    `opened`: open the job queue around it (the web application opens it itself).
    """
    from server.composition import build
    from server.errors import ServiceError
    from server.postgres import PostgresUnavailable
    from storage.errors import StorageError

    async def inside() -> Result:
        services = await asyncio.to_thread(build, Settings())
        if not opened:
            return await act(services)
        async with services.running():
            return await act(services)

    try:
        return asyncio.run(inside())
    except (ServiceError, StorageError, PostgresUnavailable, CommandFailed, OSError, ValueError) as error:
        print(f"holdstill: {error}", file=sys.stderr)
        raise typer.Exit(1) from error


def _tell(words: str) -> None:
    """Progress, at once."""
    print(words, flush=True)


def _say(facts: dict[str, object], as_json: bool, words: str) -> None:
    print(json.dumps(facts) if as_json else words)
