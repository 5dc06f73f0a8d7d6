"""`holdstill import …`: takes in captures that came as files, tables of sightings, and archives made elsewhere."""

from __future__ import annotations

import asyncio
import json
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from server.cli.running import AsJson, CommandFailed, run, say

if TYPE_CHECKING:
    from server.composition import Services
    from server.imports.models import TableImport
    from server.imports.views import Plan
    from server.operators.actors import OperatorActor

CAPTURE = "capture"
PROBLEMS_SHOWN = 10
Case = Annotated[uuid.UUID, typer.Option("--case", help="The case's id, as the address of its page has it.")]


class ImportGroup(TyperGroup):
    """`holdstill import FILE` is `holdstill import capture FILE`; a file that is called like a command is written ./table."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """The arguments with the command that is meant."""
        meant = args if not args or args[0] in self.commands or args[0] == "--help" else [CAPTURE, *args]
        return super().parse_args(ctx, meant)


import_app = typer.Typer(cls=ImportGroup, no_args_is_help=True, help="Take in captures from files, and what was made elsewhere.")


@import_app.command(CAPTURE)
def import_capture(file: Path, as_json: AsJson = False) -> None:
    """Take in an unsent capture that the extension exported (*.holdstill.zip). Importing it again changes nothing."""

    async def act(services: Services) -> None:
        imports = services.captures.imports
        unsent = await imports.read(file)
        taken = await imports.take(await imports.signer(unsent), file, unsent)
        facts: dict[str, object] = {
            "capture_id": taken.capture_id,
            "state": "sealed",
            "known": taken.known,
            "files": taken.files,
            "size_bytes": taken.size_bytes,
        }
        word = "Known already" if taken.known else "Imported"
        say(facts, as_json, f"{word}: {taken.files} files, {taken.size_bytes} bytes\nCapture  {taken.capture_id}")

    run(act)


@import_app.command("table")
def import_table(
    file: Path,
    case: Case,
    source: Annotated[str, typer.Option(help="Where the table is from; stands with everything it says.")],
    columns: Annotated[
        Path | None, typer.Option("--map", help="JSON: column to field, or null. Without it: what the headers suggest.")
    ] = None,
    option: Annotated[list[str] | None, typer.Option(help="NAME=VALUE, such as zone=Europe/Paris; once per option.")] = None,
    as_json: AsJson = False,
) -> None:
    """Import a table of sightings (CSV, JSON lines, XLSX) into a case. See docs/importing.md for columns and options."""
    from server.imports.service import TableFile

    async def act(services: Services) -> None:
        operator = await services.operators.ensure_default_operator()
        with file.open("rb") as stream:
            draft = await services.imports.upload(operator, case, TableFile(stream, file.name))
        plan = await _plan(services, operator, draft, (columns, {"source": source, **_pairs(option or [])}))
        await services.imports.start(operator, draft.id, plan, queued=False)
        await _told(services, operator, draft.id, as_json=as_json)

    run(act)


@import_app.command("resume")
def import_resume(import_id: uuid.UUID, as_json: AsJson = False) -> None:
    """Go on with a table that was cancelled, failed, or stopped with the command that took it in: no row twice, none lost."""

    async def act(services: Services) -> None:
        operator = await services.operators.ensure_default_operator()
        if (await services.imports.read(operator, import_id)).table.state not in ("queued", "running"):
            await services.imports.resume(operator, import_id, queued=False)
        await _told(services, operator, import_id, as_json=as_json)

    run(act)


@import_app.command("archive")
def import_archive(
    file: Path,
    case: Case,
    said_by: Annotated[str, typer.Option(help="Who says what it is, and which tool made it.")],
    said_url: Annotated[str, typer.Option(help="The address it is said to show.")] = "",
    note: Annotated[str, typer.Option(help="Whatever else is to be said.")] = "",
    as_json: AsJson = False,
) -> None:
    """Take a WARC, WACZ or picture made elsewhere into a case, marked as such: it never becomes a capture."""
    from server.imports.deposits import DepositOrder

    async def act(services: Services) -> None:
        operator = await services.operators.ensure_default_operator()
        order = DepositOrder(said_by, said_url, note)
        with file.open("rb") as stream:
            taken = await services.imports.deposits.take(operator, case, (stream, file.name), order, queued=False)
        await services.imports.checker.run(taken.id)
        view = await services.imports.deposits.read(operator, taken.id)
        facts: dict[str, object] = {
            "deposit_id": str(taken.id),
            "number": taken.number,
            "kind": taken.kind,
            "origin": "made elsewhere",
            "sha256": taken.sha256,
            "checks": [{"name": one.name, "outcome": one.outcome, "reason": one.reason} for one in view.checks],
        }
        lines = [f"Made elsewhere {taken.number}: {taken.kind}, {taken.size_bytes} bytes", f"SHA-256 {taken.sha256}"]
        lines += [f"{one.outcome:<12} {one.name}  {one.reason}" for one in view.checks]
        say(facts, as_json, "\n".join(lines))

    run(act)


async def _told(services: Services, operator: OperatorActor, import_id: uuid.UUID, *, as_json: bool) -> None:
    """Follows the import to its end and says what came of it. Raises: CommandFailed (it did not end as done)."""
    done = await _followed(services, operator, import_id, quiet=as_json)
    view = await services.imports.read(operator, import_id)
    refused = [one for one in view.problems if one.severity == "error"][:PROBLEMS_SHOWN]
    facts: dict[str, object] = {
        "import_id": str(done.id),
        "state": done.state,
        "rows_taken": done.rows_taken,
        "rows_refused": done.rows_refused,
        "notes": view.notes,
        "made": done.things_made,
        "reason": done.reason,
        "problems": [{"row": one.row, "column": one.column, "value": one.value, "reason": one.reason} for one in refused],
    }
    counts = f"{done.rows_taken} rows taken, {done.rows_refused} refused, {view.notes} notes, {done.things_made} things made"
    lines = [f"Import {done.number}: {counts}", *(f"row {one.row}  {one.column}: {one.reason}" for one in refused)]
    say(facts, as_json, "\n".join([*lines, f"Its page: {services.settings.public_url or ''}/imports/{done.id}"]))
    if done.state != "done":
        raise CommandFailed(f"the import ended as {done.state}: {done.reason}")


async def _plan(
    services: Services, operator: OperatorActor, draft: TableImport, said: tuple[Path | None, dict[str, str]]
) -> Plan:
    """The mapping of the file, or what the headers suggest; what concerns the layout out of the options."""
    from server.imports.views import Plan

    columns, options = said
    layout = {name: options.pop(name, "") for name in ("encoding", "delimiter", "sheet")}
    mapping = {} if columns is None else _mapping(columns)
    if columns is None:
        mapping = dict((await services.imports.preview(operator, draft.id, Plan({}, options, **layout))).mapping)
    return Plan(mapping, options, **layout)


async def _followed(services: Services, operator: OperatorActor, import_id: uuid.UUID, *, quiet: bool) -> TableImport:
    """The import when it has ended, with a bar on stderr meanwhile."""
    running = asyncio.create_task(services.imports.runner.run(import_id))
    table = (await services.imports.read(operator, import_id)).table
    with typer.progressbar(length=table.rows_total or 1, label="Rows", file=sys.stderr, hidden=quiet) as bar:
        shown = 0
        while not running.done():
            await asyncio.wait([running], timeout=0.5)
            table = (await services.imports.read(operator, import_id)).table
            done = table.rows_taken + table.rows_refused
            if table.rows_total:
                bar.update(done - shown)
            shown = done
    await running
    return (await services.imports.read(operator, import_id)).table


def _mapping(path: Path) -> dict[str, str]:
    try:
        value = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise CommandFailed(f"{path.name} is not JSON") from error
    if not isinstance(value, dict) or not all(one is None or isinstance(one, str) for one in value.values()):
        raise CommandFailed(f"{path.name}: an object of column and field is wanted")
    return {column: field for column, field in value.items() if field}


def _pairs(options: list[str]) -> dict[str, str]:
    pairs = [one.partition("=") for one in options]
    if wrong := [name for name, equals, _ in pairs if not equals]:
        raise CommandFailed(f"an option is NAME=VALUE: {wrong[0]}")
    return {name: value for name, _, value in pairs}
