"""The activity log: its lines, and the forms for more, for corrections and withdrawals."""

import uuid
from datetime import date
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from starlette.responses import RedirectResponse

from server.errors import BadInput
from server.findings.activities import KINDS, MEASURES, TEXT_LIMIT, ActivityOrder
from server.operators.roles import Right
from server.web.deps import Reader, ServicesDep, Writer
from server.web.forms import optional, typed_id, utc_time
from server.web.pages.render import render
from server.web.pages.statistics import chosen_case

router = APIRouter()
Line = Annotated[str, Form(max_length=300)]
Long = Annotated[str, Form(max_length=20_000)]
Day = Annotated[str, Query(max_length=40)]
LINES_SHOWN = 500


def typed_order(
    on: Line,
    kind: Line,
    measure: Line,
    text: Long,
    participants: Line = "",
    reach_low: Line = "",
    reach_high: Line = "",
    languages: Line = "",
    source: Long = "",
    case: Line = "",
) -> ActivityOrder:
    """The line as its form has it. A reach with one end is exact. Raises: BadInput."""
    return ActivityOrder(
        on=_day("on", on),
        kind=kind,
        measure=measure,
        text=text,
        participants=_number("participants", participants),
        reach_low=_number("reach_low", reach_low),
        reach_high=_number("reach_high", reach_high or reach_low),
        languages=languages,
        source=source,
        case_id=optional(typed_id, "case", case),
    )


Typed = Annotated[ActivityOrder, Depends(typed_order)]


@router.get("/activities")
async def log(
    request: Request, actor: Reader, services: ServicesDep, first: Day = "", last: Day = "", case: Day = ""
) -> Response:
    """The lines that hold, newest first, of a period or of all time."""
    days = [_day(name, text) if text else None for name, text in (("first", first), ("last", last))]
    lines = await services.findings.activities.said(actor, days[0], days[1], limit=LINES_SHOWN + 1)
    chosen = await chosen_case(services, actor, case)
    named = {one.case_id for one in lines} | {chosen}
    cases = await services.cases.choices(actor, is_own=True, named=[one for one in named if one is not None])
    return render(
        request,
        "activities.html",
        section="statistics",
        lines=lines[:LINES_SHOWN],
        more=len(lines) > LINES_SHOWN,
        first=first,
        last=last,
        kinds=KINDS,
        measures=MEASURES,
        limit=TEXT_LIMIT,
        cases=cases,
        case=chosen,
        numbers={one.id: one.number for one in cases.cases},
        writes=Right.WRITE in actor.rights,
        today=services.clock.now().date().isoformat(),
    )


@router.post("/activities")
async def record(actor: Writer, services: ServicesDep, order: Typed) -> Response:
    """A new line."""
    await services.findings.activities.record(actor, order)
    return _back()


@router.post("/activities/{activity_id}/correct")
async def correct(activity_id: uuid.UUID, actor: Writer, services: ServicesDep, order: Typed) -> Response:
    """A line in place of another one."""
    await services.findings.activities.correct(actor, activity_id, order)
    return _back()


@router.post("/activities/{activity_id}/withdraw")
async def withdraw(activity_id: uuid.UUID, actor: Writer, services: ServicesDep, reason: Long) -> Response:
    """The line no longer holds."""
    await services.findings.activities.withdraw(actor, activity_id, reason)
    return _back()


def _back() -> Response:
    return RedirectResponse("/activities", status_code=HTTPStatus.SEE_OTHER)


def _day(field: str, text: str) -> date:
    return utc_time(field, text).date()


def _number(field: str, text: str) -> int | None:
    written = text.strip().replace(",", "").replace(" ", "")
    if not written:
        return None
    if not (written.isascii() and written.isdigit() and len(written) <= 18):
        raise BadInput(field=field, reason="a whole number")
    return int(written)
