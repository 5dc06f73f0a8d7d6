"""Imported posts judged by a silence window: asking, the counts, the posts of a place, freezing the number."""

import uuid
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from starlette.responses import RedirectResponse

from server.cases.models import CaseState
from server.errors import BadInput
from server.findings.body import chosen_silence
from server.imports.judging import PLACES
from server.operators.roles import Right
from server.rules.catalogue import shipped
from server.web.deps import Reader, Reviewer, ServicesDep, Writer
from server.web.pages.render import render

router = APIRouter()
Line = Annotated[str, Form(max_length=300)]


@router.get("/cases/{case_id}/judgings")
async def of_case(request: Request, case_id: uuid.UUID, actor: Reader, services: ServicesDep) -> Response:
    """The case's judgings, and the form for another one."""
    case = await services.cases.read(actor, case_id)
    known = shipped()
    return render(
        request,
        "judgings.html",
        section="cases",
        case=case,
        judgings=await services.imports.judgings.of_case(actor, case_id),
        rules=known.silence.values(),
        elections=known.elections.values(),
        writes=Right.WRITE in actor.rights and case.state == CaseState.OPEN,
    )


@router.post("/cases/{case_id}/judgings")
async def ask(case_id: uuid.UUID, actor: Writer, services: ServicesDep, rule: Line, election: Line) -> Response:
    """Queues the judging. `rule`: its id and the territory's code, with a space between."""
    rule_id, _, territory = rule.strip().partition(" ")
    made = await services.imports.judgings.ask(actor, case_id, chosen_silence(rule_id, territory, election))
    return RedirectResponse(f"/judgings/{made.id}", status_code=HTTPStatus.SEE_OTHER)


@router.get("/judgings/{judging_id}")
async def judging(
    request: Request,
    judging_id: uuid.UUID,
    actor: Reader,
    services: ServicesDep,
    place: Annotated[str, Query(max_length=10)] = "in",
) -> Response:
    """One judging: its window, what it counts, the first posts of a place."""
    if place not in PLACES:
        raise BadInput(field="place", reason="one of " + ", ".join(PLACES))
    view = await services.imports.judgings.read(actor, judging_id, place)
    case = await services.cases.read(actor, view.judging.case_id)
    return render(
        request,
        "judging.html",
        section="cases",
        case=case,
        view=view,
        judging=view.judging,
        place=place,
        places=PLACES,
        freezes=Right.REVIEW in actor.rights and case.organisation_id == actor.organisation_id,
    )


@router.post("/judgings/{judging_id}/statistics")
async def freeze(judging_id: uuid.UUID, actor: Reviewer, services: ServicesDep, label: Line, platform: Line = "") -> Response:
    """Freezes how many posts lie in the window."""
    made = await services.findings.tallies.freeze_judged(actor, label, judging_id, platform.strip().lower())
    return RedirectResponse(f"/statistics/{made.id}", status_code=HTTPStatus.SEE_OTHER)
