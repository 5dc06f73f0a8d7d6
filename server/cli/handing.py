"""`holdstill export tables | alert | notice | rapid | report`: what is made of a case, as files."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

import typer

from server.cli.running import AsJson, CommandFailed, run_as_operator, say, write_out

if TYPE_CHECKING:
    from pydantic import BaseModel

    from server.composition import Services
    from server.exports.case_models import CaseExport
    from server.operators.actors import OperatorActor

Draft = TypeVar("Draft", bound="BaseModel")
Case = Annotated[uuid.UUID, typer.Argument(help="The case's id, as the address of its page has it.")]
Written = Annotated[Path, typer.Option("--from", help="What it says: JSON (docs/formats.md §14).")]
Out = Annotated[Path, typer.Option("--out", "-o", help="Where to write the file; the documents come as a zip.")]
Purpose = Annotated[str, typer.Option(help="Why; stands in the custody record.")]
Recipient = Annotated[str, typer.Option(help="To whom; stands in the custody record.")]
Profile = Annotated[str, typer.Option(help="internal, authority, platform or public, as far as the kind has it.")]


def export_tables(
    case: Case, out: Out, purpose: Purpose, recipient: Recipient, profile: Profile = "internal", as_json: AsJson = False
) -> None:
    """Write the confirmed findings of a case as CSV, XLSX and JSONL with a description of the fields."""
    from server.exports.kind import CaseExportOrder

    order = CaseExportOrder(profile, purpose, recipient)
    _make(lambda services, by: services.case_exports.request(by, case, "tables", order, queued=False), out, as_json)


def export_alert(
    case: Case,
    written: Written,
    out: Out,
    purpose: Purpose,
    recipient: Recipient,
    profile: Profile = "internal",
    as_json: AsJson = False,
) -> None:
    """Make an alert of one page from a case: PDF, HTML and JSON."""
    from server.exports.documents.alert import AlertDraft
    from server.exports.kind import CaseExportOrder

    order = CaseExportOrder(profile, purpose, recipient)
    _make(lambda services, by: services.alerts.request(by, case, order, _written(AlertDraft, written)), out, as_json)


def export_notice(
    case: Case,
    written: Written,
    out: Out,
    purpose: Purpose,
    policy: Annotated[bool, typer.Option("--policy", help="A report of a platform's own rules instead of the notice.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make a notice under Art. 16 DSA from a case, or the report of a breach of a platform's rules."""
    from server.exports.documents.notice import NoticeDraft
    from server.exports.notices import NoticeOrder

    kind: Literal["dsa_notice", "policy_report"] = "policy_report" if policy else "dsa_notice"
    _make(
        lambda services, by: services.notices.request(by, case, NoticeOrder(kind, purpose, _written(NoticeDraft, written))),
        out,
        as_json,
    )


def export_rapid(case: Case, written: Written, out: Out, purpose: Purpose, as_json: AsJson = False) -> None:
    """Make a notification through the Rapid Response System of the Code from a case."""
    from server.exports.documents.rapid import RapidDraft
    from server.exports.rapid import RapidOrder

    _make(lambda services, by: services.rapid.request(by, case, RapidOrder(purpose, _written(RapidDraft, written))), out, as_json)


def export_report(
    case: Case,
    written: Written,
    out: Out,
    purpose: Purpose,
    recipient: Recipient,
    profile: Profile = "internal",
    as_json: AsJson = False,
) -> None:
    """Make the SLI and QRE workbook of a period for a report under the Code. It is kept in the case and counts all cases."""
    from server.exports.kind import CaseExportOrder
    from server.exports.workbook.values import WorkbookDraft

    order = CaseExportOrder(profile, purpose, recipient)
    _make(lambda services, by: services.reports.request(by, case, order, _written(WorkbookDraft, written)), out, as_json)


async def fetch(services: Services, operator: OperatorActor, what: tuple[uuid.UUID, Path], as_json: bool) -> None:
    """The finished file at its place, and what it is. Raises: CommandFailed; NotFound; ExportNotReady."""
    export_id, out = what
    done = await services.case_exports.read(operator, export_id)
    if done.state != "ready":
        raise CommandFailed(f"the export could not be made ({export_id}): {done.reason}")
    await asyncio.to_thread(write_out, await services.case_exports.open_file(operator, export_id), out)
    facts: dict[str, object] = {
        "export_id": str(export_id),
        "file": str(out),
        "sha256": done.file_sha256,
        "size_bytes": done.size_bytes,
        "findings": done.rows_done,
    }
    say(facts, as_json, f"{out}  {done.size_bytes} bytes\nSHA-256 {done.file_sha256}")


def _make(ask: Callable[[Services, OperatorActor], Awaitable[CaseExport]], out: Path, as_json: bool) -> None:
    """Orders, makes what is not made yet, and writes the file."""

    async def act(services: Services, operator: OperatorActor) -> None:
        made = await ask(services, operator)
        await services.case_exports.maker.run(made.id)
        await fetch(services, operator, (made.id, out), as_json)

    run_as_operator(act)


def _written(model: type[Draft], path: Path) -> Draft:
    """The file as what a person writes. Raises: BadInput (the first member that is wrong)."""
    from pydantic import ValidationError

    from server.exports.documents.values import bad_input

    try:
        return model.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise bad_input(error) from error
