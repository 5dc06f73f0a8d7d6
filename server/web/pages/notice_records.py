"""Notices of a case: the list with times to action, one notice with its timeline, and the forms for what came of it.

Drafts are written in server/web/pages/notice_drafts.py.
"""

import json
import uuid
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Query, Request, Response
from starlette.responses import RedirectResponse

from server.cases.models import CaseState
from server.errors import BadInput, NotFound, ServiceError
from server.findings.body import Availability
from server.notices import rechecks as due
from server.notices import vocabulary
from server.notices.errors import NoticeRefused
from server.notices.service import NoticeView
from server.notices.state import in_force
from server.notices.table import METHOD, METHODS, UNITS, rule_of
from server.notices.values import StatedTime
from server.operators.actors import OperatorActor
from server.operators.roles import Right
from server.web.deps import HandingOver, PlatformExporter, Reader, Reviewer, ServicesDep, Writer
from server.web.forms import utc_time
from server.web.notice_form import PRECISIONS, Typed, content_of, exhibits_named, send_of
from server.web.pages.render import render
from server.web.problems import status_of

router = APIRouter()
Line = Annotated[str, Form(max_length=300)]
Written = Literal["attempted", "acknowledged", "replied", "decided", "looked", "resolved", "noted", "dropped"]
SHOWN = 500
CHOICES = {
    "failures": vocabulary.words_of(vocabulary.Failure),
    "modes": vocabulary.words_of(vocabulary.Mode),
    "sources": vocabulary.words_of(vocabulary.TimeSource),
    "availabilities": vocabulary.words_of(Availability),
    "decisions": vocabulary.words_of(vocabulary.Decision),
    "grounds": vocabulary.words_of(vocabulary.Ground),
    "source_types": vocabulary.words_of(vocabulary.SourceType),
    "automated": vocabulary.words_of(vocabulary.Automated),
    "results": vocabulary.words_of(vocabulary.Result),
    "checks": vocabulary.CHECKS,
    "precisions": PRECISIONS,
}


@router.get("/rechecks")
async def rechecks(request: Request, actor: Reader, services: ServicesDep) -> Response:
    """What is to be looked at again, in every case the reader may see, the earliest first."""
    found = await services.notice_records.rechecks.of_everybody(actor, services.clock.now())
    return render(request, "rechecks.html", section="cases", rechecks=found, limit=due.ROWS_LIMIT)


@router.get("/cases/{case_id}/notices")
async def of_case(
    request: Request,
    case_id: uuid.UUID,
    actor: Reader,
    services: ServicesDep,
    unit: Annotated[str, Query(max_length=16)] = "notices",
) -> Response:
    """The case's notices, what is due, and the table of its platforms."""
    case = await services.cases.read(actor, case_id)
    overview = await services.notice_records.tables.overview(actor, case_id, unit)
    return render(
        request,
        "notices.html",
        section="cases",
        case=case,
        overview=overview,
        shown=overview.tracked[:SHOWN],
        unit=unit,
        units=UNITS,
        method=METHOD,
        rechecks=await services.notice_records.rechecks.of_case(actor, case_id, services.clock.now()),
        rechecks_limit=due.ROWS_LIMIT,
        tables=await services.notice_records.tables.of_case(actor, case_id),
        writes=Right.WRITE in actor.rights and case.state == CaseState.OPEN,
        freezes=Right.REVIEW in actor.rights and case.organisation_id == actor.organisation_id and case.state == CaseState.OPEN,
        span=span,
    )


@router.post("/cases/{case_id}/notices/tables")
async def freeze(case_id: uuid.UUID, actor: Reviewer, services: ServicesDep, label: Line, unit: Line = "notices") -> Response:
    """Counts now and keeps the table with its list."""
    made = await services.notice_records.tables.freeze(actor, case_id, label, unit)
    return RedirectResponse(f"/notice-tables/{made.id}", status_code=HTTPStatus.SEE_OTHER)


@router.get("/notice-tables/{table_id}")
async def table(request: Request, table_id: uuid.UUID, actor: Reader, services: ServicesDep) -> Response:
    """A frozen table with the list it came of."""
    found = await services.notice_records.tables.read(actor, table_id)
    listed = [json.loads(line) for line in found.ids.splitlines()]
    case = await services.cases.read(actor, found.case_id)
    values = {"table": found, "rows": json.loads(found.rows), "listed": listed[:SHOWN], "more": len(listed) - SHOWN}
    method = METHODS[rule_of(found.ids)]
    return render(request, "notice_table.html", section="cases", case=case, method=method, span=span, **values)


@router.get("/notice-tables/{table_id}/list")
async def table_list(table_id: uuid.UUID, actor: Reader, services: ServicesDep) -> Response:
    """The frozen list as a file, one JSON text a line; its SHA-256 is the one shown."""
    found = await services.notice_records.tables.read(actor, table_id)
    headers = {"Content-Disposition": f'attachment; filename="times-{found.number}.jsonl"'}
    return Response(found.ids.encode(), media_type="application/x-ndjson", headers=headers)


@router.get("/notices/{notice_id}")
async def one(request: Request, notice_id: uuid.UUID, actor: Reader, services: ServicesDep) -> Response:
    """One notice: where it stands, what happened, what is due, and the forms."""
    return await _page(request, actor, services, notice_id, ("", {}, {}, None))


@router.post("/notices/{notice_id}/sent")
async def send(request: Request, notice_id: uuid.UUID, actor: PlatformExporter, services: ServicesDep) -> Response:
    """It went out."""
    return await _record(request, actor, services, (notice_id, "sent"))


@router.post("/notices/{notice_id}/events/{event_kind}")
async def write(request: Request, notice_id: uuid.UUID, event_kind: Written, actor: Writer, services: ServicesDep) -> Response:
    """Something else that happened."""
    return await _record(request, actor, services, (notice_id, event_kind))


@router.post("/notices/{notice_id}/complaints")
async def complain(request: Request, notice_id: uuid.UUID, actor: PlatformExporter, services: ServicesDep) -> Response:
    """A complaint to the platform, or to a body that settles disputes."""
    return await _record(request, actor, services, (notice_id, "complained"))


@router.post("/notices/{notice_id}/authority-complaints")
async def complain_to_authority(request: Request, notice_id: uuid.UUID, actor: HandingOver, services: ServicesDep) -> Response:
    """A complaint to an authority: for who may hand over to one."""
    return await _record(request, actor, services, (notice_id, "complained"), form="authority")


@router.post("/notices/{notice_id}/rechecks")
async def plan(notice_id: uuid.UUID, actor: Writer, services: ServicesDep, due_at: Line, note: Line) -> Response:
    """One more re-check, at a time of one's own choice."""
    await services.notice_records.plan(actor, notice_id, StatedTime(value=utc_time("due_at", due_at)), note)
    return _to(notice_id, "due")


@router.post("/notices/{notice_id}/events/{number}/strike")
async def strike(notice_id: uuid.UUID, number: int, actor: Writer, services: ServicesDep, reason: Line) -> Response:
    """It did not happen as written; it stays to be read."""
    await services.notice_records.strike(actor, notice_id, number, reason)
    return _to(notice_id, "timeline")


def span(seconds: float) -> str:
    """`1 d 2 h 5 min`, `40 s`: whole seconds, the units that are not zero; `0 s` for none."""
    left = round(seconds)
    found = []
    for name, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, left = divmod(left, size)
        found += [f"{count} {name}"] if count else []
    return " ".join(found) or "0 s"


async def _record(
    request: Request, actor: OperatorActor, services: ServicesDep, what: tuple[uuid.UUID, str], *, form: str = ""
) -> Response:
    """Adds the event of a form (named like its event unless `form` says otherwise); a refusal is said beside what was typed."""
    notice_id, kind = what
    records = services.notice_records
    view = await records.read(actor, notice_id)
    fields, many = await _fields(request)
    try:
        typed = Typed(fields, many, await records.exhibits(actor, view.case.id, exhibits_named(fields)))
        if kind == "sent":
            await records.send(actor, notice_id, send_of(typed))
        else:
            await records.add(actor, notice_id, content_of(kind, typed, view.tracked.standing.items))
    except (BadInput, NotFound, NoticeRefused) as error:
        return await _page(request, actor, services, notice_id, (form or kind, fields, many, error))
    return _to(notice_id, "timeline")


async def _page(
    request: Request,
    actor: OperatorActor,
    services: ServicesDep,
    notice_id: uuid.UUID,
    asked: tuple[str, dict[str, str], dict[str, list[str]], ServiceError | None],
) -> Response:
    view = await services.notice_records.read(actor, notice_id)
    kind, fields, many, error = asked
    return render(
        request,
        "notice.html",
        picker=True,
        status=HTTPStatus.OK if error is None else status_of(error),
        section="cases",
        view=view,
        standing=view.tracked.standing,
        timed=view.tracked.whole,
        entries=view.entries,
        struck=_struck(view),
        names={one.operator_id: one.name for one in await services.cases.members.present(actor, view.case.id)},
        now=services.clock.now(),
        writes=Right.WRITE in actor.rights and view.case.state == CaseState.OPEN,
        sends=view.case.organisation_id == actor.organisation_id and view.case.state == CaseState.OPEN,
        kind=kind,
        fields=fields,
        many=many,
        error=None if error is None else error.data,
        choices=CHOICES,
        me=actor.name,
        span=span,
        countdown=_countdown(view, services.clock.now()),
    )


async def _fields(request: Request) -> tuple[dict[str, str], dict[str, list[str]]]:
    form = await request.form(max_files=0, max_fields=1000)
    fields = {name: value for name, value in form.items() if isinstance(value, str)}
    many = {name: [one for one in form.getlist(name) if isinstance(one, str)] for name in fields}
    return fields, many


def _struck(view: NoticeView) -> dict[int, bool]:
    """Number of each event → whether it still holds as something (a correction itself always does)."""
    holding = {one.seq for one in in_force(view.entries)}
    return {one.seq: one.seq not in holding and one.body.kind != "corrected" for one in view.entries}


def _countdown(view: NoticeView, now: datetime) -> timedelta | None:
    """What is left of the window, None when there is none or it is over."""
    sent = view.tracked.standing.sent
    if sent is None or sent.window is None:
        return None
    left = sent.window.end[0].astimezone(UTC) - now
    return left if left > timedelta(0) else None


def _to(notice_id: uuid.UUID, part: str = "") -> Response:
    return RedirectResponse(f"/notices/{notice_id}" + (f"#{part}" if part else ""), status_code=HTTPStatus.SEE_OTHER)
