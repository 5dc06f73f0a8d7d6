"""`holdstill export tables | alert | notice | rapid | report`: what is made of a case, as files."""

from __future__ import annotations

import asyncio
import os
import shutil
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from server.cli.running import AsJson, CommandFailed, run, say

if TYPE_CHECKING:
    from pydantic import BaseModel

    from server.composition import Services
    from server.exports.case_service import CaseFileOpened
    from server.operators.actors import OperatorActor

Draft = TypeVar("Draft", bound="BaseModel")


def export_tables(
    case: Annotated[uuid.UUID, typer.Argument(help="The case's id, as the address of its page has it.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Where to write the zip.")],
    purpose: Annotated[str, typer.Option(help="Why; stands in the custody record.")],
    recipient: Annotated[str, typer.Option(help="To whom; stands in the custody record.")],
    profile: Annotated[str, typer.Option(help="internal, authority, platform or public.")] = "internal",
    as_json: AsJson = False,
) -> None:
    """Write the confirmed findings of a case as CSV, XLSX and JSONL with a description of the fields."""
    from server.exports.kind import CaseExportOrder

    async def act(services: Services) -> None:
        operator = await services.operators.ensure_default_operator()
        order = CaseExportOrder(profile, purpose, recipient)
        made = await services.case_exports.request(operator, case, "tables", order, queued=False)
        await services.case_exports.maker.run(made.id)
        await _fetch(services, operator, (made.id, out), as_json)

    run(act)


def export_alert(
    case: Annotated[uuid.UUID, typer.Argument(help="The case's id.")],
    written: Annotated[Path, typer.Option("--from", help="What the alert says: JSON (docs/formats.md §14).")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Where to write the zip of PDF, HTML and JSON.")],
    purpose: Annotated[str, typer.Option(help="Why; stands in the custody record.")],
    recipient: Annotated[str, typer.Option(help="To whom; stands in the custody record.")],
    profile: Annotated[str, typer.Option(help="internal, authority, platform or public.")] = "internal",
    as_json: AsJson = False,
) -> None:
    """Make an alert of one page from a case: PDF, HTML and JSON."""
    from server.exports.documents.alert import AlertDraft
    from server.exports.kind import CaseExportOrder

    async def act(services: Services) -> None:
        operator = await services.operators.ensure_default_operator()
        order = CaseExportOrder(profile, purpose, recipient)
        made = await services.alerts.request(operator, case, order, _written(AlertDraft, written))
        await _fetch(services, operator, (made.id, out), as_json)

    run(act)


def export_notice(
    case: Annotated[uuid.UUID, typer.Argument(help="The case's id.")],
    written: Annotated[Path, typer.Option("--from", help="What the notice says: JSON (docs/formats.md §14).")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Where to write the zip of PDF, text and JSON.")],
    purpose: Annotated[str, typer.Option(help="Why; stands in the custody record.")],
    policy: Annotated[bool, typer.Option("--policy", help="A report of a platform's own rules instead of the notice.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make a notice under Art. 16 DSA from a case, or the report of a breach of a platform's rules."""
    from server.exports.documents.notice import NoticeDraft
    from server.exports.notices import NoticeOrder

    async def act(services: Services) -> None:
        operator = await services.operators.ensure_default_operator()
        order = NoticeOrder("policy_report" if policy else "dsa_notice", purpose, _written(NoticeDraft, written))
        made = await services.notices.request(operator, case, order)
        await _fetch(services, operator, (made.id, out), as_json)

    run(act)


def export_rapid(
    case: Annotated[uuid.UUID, typer.Argument(help="The case's id.")],
    written: Annotated[Path, typer.Option("--from", help="What the notification says: JSON (docs/formats.md §14).")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Where to write the zip of PDF, text, JSON and CSV.")],
    purpose: Annotated[str, typer.Option(help="Why; stands in the custody record.")],
    as_json: AsJson = False,
) -> None:
    """Make a notification through the Rapid Response System of the Code from a case."""
    from server.exports.documents.rapid import RapidDraft
    from server.exports.rapid import RapidOrder

    async def act(services: Services) -> None:
        operator = await services.operators.ensure_default_operator()
        made = await services.rapid.request(operator, case, RapidOrder(purpose, _written(RapidDraft, written)))
        await _fetch(services, operator, (made.id, out), as_json)

    run(act)


def export_report(
    case: Annotated[uuid.UUID, typer.Argument(help="Id of the case the report is kept in; it counts all of them.")],
    written: Annotated[Path, typer.Option("--from", help="What the report says: JSON (docs/formats.md §14).")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Where to write the zip of XLSX, CSV, Markdown and JSON.")],
    purpose: Annotated[str, typer.Option(help="Why; stands in the custody record.")],
    recipient: Annotated[str, typer.Option(help="To whom; stands in the custody record.")],
    profile: Annotated[str, typer.Option(help="internal, authority or public.")] = "internal",
    as_json: AsJson = False,
) -> None:
    """Make the SLI and QRE workbook of a period for a report under the Code."""
    from server.exports.kind import CaseExportOrder
    from server.exports.workbook.values import WorkbookDraft

    async def act(services: Services) -> None:
        operator = await services.operators.ensure_default_operator()
        order = CaseExportOrder(profile, purpose, recipient)
        made = await services.reports.request(operator, case, order, _written(WorkbookDraft, written))
        await _fetch(services, operator, (made.id, out), as_json)

    run(act)


def _written(model: type[Draft], path: Path) -> Draft:
    """The file as what a person writes. Raises: BadInput (the first member that is wrong)."""
    from pydantic import ValidationError

    from server.exports.documents.values import bad_input

    try:
        return model.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise bad_input(error) from error


async def _fetch(services: Services, operator: OperatorActor, what: tuple[uuid.UUID, Path], as_json: bool) -> None:
    """The finished file at its place, and what it is."""
    export_id, out = what
    done = await services.case_exports.read(operator, export_id)
    if done.state != "ready":
        raise CommandFailed(f"the export could not be made ({export_id}): {done.reason}")
    await asyncio.to_thread(_copy, await services.case_exports.open_file(operator, export_id), out)
    facts: dict[str, object] = {
        "export_id": str(export_id),
        "file": str(out),
        "sha256": done.file_sha256,
        "size_bytes": done.size_bytes,
        "findings": done.rows_done,
    }
    say(facts, as_json, f"{out}  {done.size_bytes} bytes\nSHA-256 {done.file_sha256}")


def _copy(found: CaseFileOpened, out: Path) -> None:
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
