"""`holdstill …`: what a person types. Commands print for people; with --json one JSON object for programs."""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from server.cli.administration import admin_app, db_app, how_to_sign_in, sign_in_link
from server.cli.authority import export_authority, export_fetch
from server.cli.counting import recount_statistic
from server.cli.handing import export_alert, export_notice, export_rapid, export_report, export_tables
from server.cli.handovers import handover_app
from server.cli.image_index import check_pictures, index_captures, rebuild_groups
from server.cli.image_pdq import exchange_codes
from server.cli.images import images_app
from server.cli.importing import import_app
from server.cli.logs import log_app
from server.cli.noticing import notices_app
from server.cli.running import AsJson, CommandFailed, run, run_as_operator, say, tell, until_signalled, write_out
from server.cli.searching import search_app
from server.settings import Settings

if TYPE_CHECKING:  # `holdstill verify` must not wait for what only the service needs
    from server.composition import Services
    from server.operators.actors import OperatorActor

CHATTY = ("procrastinate", "httpx", "httpx2", "alembic", "botocore")
"""Loggers that say more than events and ids, such as whole addresses: heard from WARNING on."""
ONE_PERSON = "One person hands over a capture: it holds evidence and no allegation. What a case alleges needs a second one."
app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="Evidence capture.")
export_app = typer.Typer(no_args_is_help=True, help="Hand evidence over.")
app.add_typer(export_app, name="export")
app.add_typer(handover_app, name="handover")
app.add_typer(images_app, name="images")
app.add_typer(log_app, name="log")
app.add_typer(notices_app, name="notices")
app.add_typer(search_app, name="search")
app.add_typer(admin_app, name="admin")
app.add_typer(db_app, name="db")
app.command("sign-in")(sign_in_link)
app.add_typer(import_app, name="import")
images_app.command("index")(index_captures)
images_app.command("check")(check_pictures)
images_app.command("rebuild")(rebuild_groups)
images_app.command("pdq")(exchange_codes)
app.command("recount")(recount_statistic)
export_app.command("tables")(export_tables)
export_app.command("authority")(export_authority)
export_app.command("fetch")(export_fetch)
export_app.command("alert")(export_alert)
export_app.command("notice")(export_notice)
export_app.command("rapid")(export_rapid)
export_app.command("report")(export_report)


def main() -> None:
    """The command's entry point."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    for chatty in CHATTY:
        logging.getLogger(chatty).setLevel(logging.WARNING)
    app()


@app.command()
def serve() -> None:
    """Run the service (and, unless HOLDSTILL_RUN_WORKER=false, its background jobs)."""
    import uvicorn

    from server.app import create_app
    from server.cli.replaying import Replaying
    from server.web.proxies import trusted_proxies
    from server.worker import run_worker

    settings = Settings()
    tell("Starting the database …" if settings.database_url is None else "Connecting to the database …")

    async def act(services: Services) -> None:
        newest = await services.log.sequence()
        tell(f"Log {services.log.origin}: {0 if newest is None else newest.size} entries")
        tell(f"Evidence store: {settings.blob_store}; authorities: {len(settings.tsas)}; witnesses: {len(settings.witnesses)}")
        proxies = trusted_proxies(settings)
        replaying = Replaying(services)
        app = create_app(services, background=run_worker if settings.run_worker else None, replays=replaying.socket is not None)
        tell(f"Holdstill at {settings.public_url}")
        tell(await how_to_sign_in(services))
        config = uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            forwarded_allow_ips=proxies,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=10,
        )
        async with replaying.served():
            await uvicorn.Server(config).serve()

    run(act, opened=False)


@app.command()
def worker() -> None:
    """Run background jobs only, beside one or more `serve` processes."""
    from server.worker import run_worker

    tell("Worker: waiting for jobs. Ctrl-C ends it.")
    run(until_signalled(run_worker))


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
        say(facts, as_json, words)

    run(act)


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

    async def act(services: Services, operator: OperatorActor) -> None:
        order = ExportOrder(tuple(capture), purpose, recipient)
        made = await services.exports.request(operator, order, queued=False)
        await services.exports.bundler.run(made.export_id)
        done = await services.exports.read(operator, made.export_id)
        if done.state != "ready":
            raise CommandFailed(f"the bundle could not be made ({made.export_id}): {done.reason}")
        await asyncio.to_thread(write_out, await services.exports.open_file(operator, made.export_id), out)
        facts: dict[str, object] = {
            "export_id": str(made.export_id),
            "file": str(out),
            "sha256": done.file_sha256,
            "size_bytes": done.size_bytes,
        }
        say(facts, as_json, f"{out}  {done.size_bytes} bytes\nSHA-256 {done.file_sha256}\n{ONE_PERSON}")

    run_as_operator(act)
