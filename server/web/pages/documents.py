"""The forms of the rapid notification and of the report under the Code, and what anybody who holds an alert may look up.

A form is a list of fields; what is written is kept, everything that is missing is named at once, and the page shows the document.
"""

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Literal, TypeVar

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ValidationError
from starlette.responses import RedirectResponse

from server.errors import BadInput, NotFound, ServiceError
from server.exports.case_models import CaseExport
from server.exports.documents.notice import lines_of
from server.exports.documents.rapid import REASON_LIMIT, STATUSES, URGENCIES, RapidDraft, rapid_parts
from server.exports.documents.values import bad_input
from server.exports.errors import ExportRefused
from server.exports.kind import CaseExportOrder, PreviewPart
from server.exports.profiles import ASKS, Profile
from server.exports.rapid import RapidOrder
from server.exports.workbook.kind import WORKBOOK
from server.exports.workbook.sheets import Sheet, sheets
from server.exports.workbook.values import MEASURES, TEXT_LIMIT, Workbook, WorkbookDraft
from server.findings.activities import drafted, form_characters
from server.operators.actors import OperatorActor
from server.web.deps import PlatformExporter, PublicExporter, ServicesDep
from server.web.forms import lines, utc_time
from server.web.pages.proposals import chosen_of, numbers_of, proposed, said_of, typed_form
from server.web.pages.render import render, texts_of
from server.web.problems import status_of

router = APIRouter()
PREVIEW_ROWS = 60
REPEATED = frozenset(
    ["period_from", "period_to", "commitment", "measure", "sli", "dedup_rule", "ids_sha256", "as_of", "alert_id", "document_id"]
)
"""Columns of the report that a preview leaves out."""
Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True)
class FormField:
    """One field. `limit`: characters, counted where the text is shown again; `options`: of a choice, with their texts' prefix."""

    name: str
    kind: Literal["line", "text", "date", "choice"] = "line"
    limit: int | None = None
    options: tuple[str, ...] = ()
    prefix: str = ""


@dataclass(frozen=True)
class Written:
    """A form as it stands: what was typed, what it would give, what is wrong."""

    fields: dict[str, str]
    shown: tuple[PreviewPart, ...] = ()
    error: ServiceError | None = None


RAPID_FIELDS = (
    FormField("platform"),
    FormField("findings"),
    FormField("organisation"),
    FormField("signatory_status", "choice", options=STATUSES, prefix="rapid.status."),
    FormField("contact_name"),
    FormField("contact_email"),
    FormField("urgency", "choice", options=URGENCIES, prefix="rapid.urgency."),
    FormField("why_now", "text", REASON_LIMIT),
    FormField("policy_clause"),
    FormField("policy_capture"),
    FormField("reach", "text"),
    FormField("requested_action"),
    FormField("evidence_url"),
    FormField("purpose"),
)
REPORT_FIELDS = (
    FormField("organisation"),
    FormField("period_from", "date"),
    FormField("period_to", "date"),
    FormField("statistics"),
    FormField("activities", "text"),
    *(FormField(f"qre_{one}", "text", TEXT_LIMIT) for one in MEASURES),
    FormField("purpose"),
    FormField("recipient"),
)
ACTIVITY = ("on", "sli", "activity", "participants", "reach_low", "reach_high", "languages", "source")


@router.get("/alerts/{alert_id}")
async def alert_versions(request: Request, alert_id: uuid.UUID, services: ServicesDep) -> Response:
    """The versions of an alert with their hashes, for whoever holds one. Nothing that it says is shown."""
    versions = await services.alerts.versions(alert_id)
    return render(request, "alert_versions.html", signed_in=False, alert_id=alert_id, versions=versions)


@router.get("/cases/{case_id}/exports/rapid")
async def rapid_form(request: Request, case_id: uuid.UUID, actor: PlatformExporter, services: ServicesDep) -> Response:
    """An empty form."""
    return await _page(request, actor, services, (case_id, "rapid", RAPID_FIELDS, Written({})))


@router.post("/cases/{case_id}/exports/rapid")
async def write_rapid(request: Request, case_id: uuid.UUID, actor: PlatformExporter, services: ServicesDep) -> Response:
    """Shows what would be sent, or makes it."""
    fields = await typed_form(request)

    async def make() -> CaseExport:
        return await services.rapid.request(actor, case_id, RapidOrder(fields.get("purpose", ""), _rapid(fields)))

    async def show() -> tuple[PreviewPart, ...]:
        shown = await services.rapid.preview(actor, case_id, RapidOrder(fields.get("purpose", ""), _rapid(fields)))
        return tuple(PreviewPart(str(one["title"]), tuple(lines_of(one))) for one in rapid_parts(shown))

    done = await _act(fields, make, show)
    return done if isinstance(done, Response) else await _page(request, actor, services, (case_id, "rapid", RAPID_FIELDS, done))


@router.get("/cases/{case_id}/exports/workbook")
async def report_form(request: Request, case_id: uuid.UUID, actor: PublicExporter, services: ServicesDep) -> Response:
    """An empty form."""
    return await _page(request, actor, services, (case_id, "report", REPORT_FIELDS, Written({})))


@router.post("/cases/{case_id}/exports/workbook")
async def write_report(request: Request, case_id: uuid.UUID, actor: PublicExporter, services: ServicesDep) -> Response:
    """Shows the numbers and the length of each answer, or makes the files."""
    fields = await typed_form(request)
    if fields.get("act") == "fill":
        filled = Written(await _from_log(actor, services, fields))
        return await _page(request, actor, services, (case_id, "report", REPORT_FIELDS, filled))
    order = CaseExportOrder(fields.get("profile", ""), fields.get("purpose", ""), fields.get("recipient", ""))

    async def make() -> CaseExport:
        return await services.reports.request(actor, case_id, order, _report(fields))

    async def show() -> tuple[PreviewPart, ...]:
        return _tables(await services.reports.preview(actor, case_id, order, _report(fields)))

    done = await _act(fields, make, show)
    return done if isinstance(done, Response) else await _page(request, actor, services, (case_id, "report", REPORT_FIELDS, done))


async def _from_log(actor: OperatorActor, services: ServicesDep, fields: dict[str, str]) -> dict[str, str]:
    """The form with each empty answer begun from the period's lines of the log; what was written stays."""
    days = [utc_time(name, fields[name]).date() if fields.get(name) else None for name in ("period_from", "period_to")]
    lines_said = await services.findings.activities.said(actor, days[0], days[1])
    begun = {f"qre_{one}": drafted(lines_said, one) for one in MEASURES}
    return {**fields, **{name: text for name, text in begun.items() if text and not fields.get(name, "").strip()}}


async def _act(
    fields: dict[str, str], make: Callable[[], Awaitable[CaseExport]], show: Callable[[], Awaitable[tuple[PreviewPart, ...]]]
) -> Response | Written:
    try:
        if fields.get("act") == "make":
            made = await make()
            return RedirectResponse(f"/case-exports/{made.id}", status_code=HTTPStatus.SEE_OTHER)
        return Written(fields, await show())
    except NotFound as error:
        if error.data.get("kind") == "case":
            raise
        return Written(fields, error=error)
    except (BadInput, ExportRefused) as error:
        return Written(fields, error=error)


async def _page(
    request: Request,
    actor: OperatorActor,
    services: ServicesDep,
    asked: tuple[uuid.UUID, str, tuple[FormField, ...], Written],
) -> Response:
    case_id, form, shape, written = asked
    await services.case_exports.of_case(actor, case_id, limit=1)
    proposals = await proposed(services, actor, case_id, [one.name for one in shape], texts_of(request))
    profiles = [one.value for one in Profile if one in WORKBOOK.profiles and ASKS[one] in actor.rights]
    return render(
        request,
        "document_form.html",
        status=HTTPStatus.OK if written.error is None else status_of(written.error),
        section="cases",
        case=await services.cases.read(actor, case_id),
        form=form,
        shape=shape,
        fields=written.fields,
        counts={name: form_characters(text) for name, text in written.fields.items()},
        profiles=profiles if form == "report" else [],
        shown=written.shown,
        proposals=proposals,
        error=None if written.error is None else said_of(written.error, form, proposals, texts_of(request)),
    )


def _tables(book: Workbook) -> tuple[PreviewPart, ...]:
    """The report's tables with the columns that tell rows apart; the files have all of them."""
    shown = [one for one in sheets(book) if one.rows and one.name not in ("ids", "method")]
    return tuple(_table(one) for one in shown)


def _table(sheet: Sheet) -> PreviewPart:
    kept = [at for at, name in enumerate(sheet.header) if name not in REPEATED]
    rows = tuple(tuple(row[at] for at in kept) for row in sheet.rows[:PREVIEW_ROWS])
    return PreviewPart(sheet.name, columns=tuple(sheet.header[at] for at in kept), rows=rows)


def _rapid(fields: dict[str, str]) -> RapidDraft:
    values: dict[str, object] = {one.name: fields.get(one.name, "") for one in RAPID_FIELDS if one.name != "purpose"}
    values |= {"findings": numbers_of("findings", fields), "policy_capture": chosen_of("policy_capture", fields)}
    return _valid(RapidDraft, values | {"reach": lines(fields.get("reach", ""))})


def _report(fields: dict[str, str]) -> WorkbookDraft:
    texts = [{"measure": one, "text": fields[f"qre_{one}"]} for one in MEASURES if fields.get(f"qre_{one}", "").strip()]
    numbers = numbers_of("statistics", fields)
    values = {name: fields.get(name, "") for name in ("organisation", "period_from", "period_to")}
    activities = [_activity(line) for line in lines(fields.get("activities", ""))]
    return _valid(WorkbookDraft, values | {"statistics": numbers, "texts": texts, "activities": activities})


def _activity(line: str) -> dict[str, str]:
    """`2024-06-01; 17.2.1; Training; 20; 500; 900; en, fr; attendance list`: the members of ACTIVITY that are not empty."""
    parts = [one.strip() for one in line.split(";")]
    return {name: part for name, part in zip(ACTIVITY, parts, strict=False) if part}


def _valid(model: type[Model], values: dict[str, object]) -> Model:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise bad_input(error) from error
