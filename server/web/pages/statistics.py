"""Statistics: frozen numbers, the form for the next, the list behind each."""

import uuid
from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from starlette.responses import RedirectResponse

from server.findings.statistics import MULTI_LABEL, UNITS, Question, ids_file
from server.rules.findingtypes import SLI_LABELS
from server.web.deps import Reader, Reviewer, ServicesDep
from server.web.forms import typed_id, utc_time
from server.web.pages.render import render

router = APIRouter()
Line = Annotated[str, Form(max_length=300)]
ITEMS_SHOWN = 1000


@router.get("/statistics")
async def statistics(request: Request, actor: Reader, services: ServicesDep) -> Response:
    """Frozen numbers, and a form for the next."""
    return render(
        request,
        "statistics.html",
        section="statistics",
        statistics=await services.findings.statistics.list(actor),
        units=UNITS,
        labels=SLI_LABELS,
        cases=[row.case for row in await services.cases.list(actor) if row.case.organisation_id == actor.organisation_id],
        rule=MULTI_LABEL,
    )


@router.post("/statistics")
async def freeze(
    actor: Reviewer,
    services: ServicesDep,
    label: Line,
    unit: Line,
    sli_label: Line = "",
    platform: Line = "",
    member_state: Line = "",
    case: Line = "",
    confirmed_from: Line = "",
    confirmed_to: Line = "",
) -> Response:
    """Counts now and freezes the list."""
    question = Question(
        sli_label=sli_label,
        platform=platform.strip().lower(),
        member_state=member_state.strip().upper(),
        case_id=typed_id("case", case) if case else None,
        confirmed_from=_moment("confirmed_from", confirmed_from),
        confirmed_to=_moment("confirmed_to", confirmed_to),
    )
    made = await services.findings.statistics.freeze(actor, label, unit, question)
    return RedirectResponse(f"/statistics/{made.id}", status_code=HTTPStatus.SEE_OTHER)


@router.get("/statistics/{statistic_id}")
async def statistic(request: Request, statistic_id: uuid.UUID, actor: Reader, services: ServicesDep) -> Response:
    """One number with the list it came of."""
    found, items = await services.findings.statistics.read(actor, statistic_id)
    return render(
        request,
        "statistic.html",
        section="statistics",
        statistic=found,
        items=items[:ITEMS_SHOWN],
        more=len(items) - ITEMS_SHOWN,
        rule=MULTI_LABEL,
    )


@router.get("/statistics/{statistic_id}/ids")
async def statistic_ids(statistic_id: uuid.UUID, actor: Reader, services: ServicesDep) -> Response:
    """The frozen list as a file; its SHA-256 is the one shown."""
    found, items = await services.findings.statistics.read(actor, statistic_id)
    headers = {"Content-Disposition": f'attachment; filename="S-{found.number}-ids.txt"'}
    return Response(ids_file(sorted({item.key for item in items})), media_type="text/plain; charset=utf-8", headers=headers)


def _moment(field: str, text: str) -> datetime | None:
    return utc_time(field, text) if text.strip() else None
