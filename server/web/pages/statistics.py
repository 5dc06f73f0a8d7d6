"""Statistics: frozen numbers, the form for the next, the list behind each."""

import json
import math
import uuid
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request, Response
from starlette.responses import RedirectResponse

from server.cases.models import EntityKind
from server.composition import Services
from server.findings.ranges import AGGREGATES, RangeQuestion
from server.findings.sampling import SIZE_LIMIT
from server.findings.statistics import MULTI_LABEL, UNITS, Question, ids_file
from server.operators.actors import OperatorActor
from server.rules.findingtypes import SLI_LABELS
from server.web.deps import Reader, Reviewer, ServicesDep
from server.web.forms import optional, typed_id, utc_time
from server.web.pages.render import human_span, render, stored_time

router = APIRouter()
Line = Annotated[str, Form(max_length=300)]
ITEMS_SHOWN = 1000
NUMBERS_SHOWN = 50
COLUMNS = {
    "readings": ("kind", "platform", "id", "low", "high", "as_of"),
    "judged_posts": ("platform", "id", "place", "compared", "posted_at", "precision_s"),
    "unlabelled": ("platform", "id", "low_s", "high_s", "first_seen"),
}
"""What the members of a line are, by what a number is about: docs/formats.md has them in this order."""
TIMES = ("as_of", "posted_at", "first_seen")
SPANS = {"low_s": math.floor, "high_s": math.ceil}
"""Members that are seconds, and how they are rounded: no least is told as more than it is, no most as less."""
ASKED = {
    "sli_label": "statistics.sli", "platform": "field.platform", "member_state": "field.member_state",
    "confirmed_from": "statistics.from", "confirmed_to": "statistics.to", "name": "statistics.metric", "unit": "statistics.unit",
    "window": "statistics.window", "claimed_by": "statistics.claimed_by", "read_from": "statistics.read_from",
    "read_to": "statistics.read_to",
}  # fmt: skip
"""Parts of a question that are shown as they were typed, and what they are called."""


@router.get("/statistics")
async def statistics(
    request: Request,
    actor: Reader,
    services: ServicesDep,
    case: Annotated[str, Query(max_length=40)] = "",
    before: Annotated[int | None, Query(ge=0)] = None,
) -> Response:
    """A page of the frozen numbers, the newest first, and a form for the next: of `case`, where it is named."""
    chosen = await chosen_case(services, actor, case)
    found = await services.findings.statistics.list(actor, before=before, limit=NUMBERS_SHOWN + 1)
    shown = found[:NUMBERS_SHOWN]
    return render(
        request,
        "statistics.html",
        section="statistics",
        statistics=shown,
        withdrawn=await services.findings.statistics.withdrawn_counts(actor, [one.id for one in shown]),
        older=f"/statistics?before={shown[-1].number}" if len(found) > NUMBERS_SHOWN else "",
        units=UNITS,
        labels=SLI_LABELS,
        case=chosen,
        cases=await services.cases.choices(actor, is_own=True, named=[chosen] if chosen is not None else []),
        rule=MULTI_LABEL,
        known_units=UNITS,
        aggregates=AGGREGATES,
        kinds=[one.value for one in EntityKind],
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
        case_id=optional(typed_id, "case", case),
        confirmed_from=optional(utc_time, "confirmed_from", confirmed_from),
        confirmed_to=optional(utc_time, "confirmed_to", confirmed_to),
    )
    made = await services.findings.statistics.freeze(actor, label, unit, question)
    return RedirectResponse(f"/statistics/{made.id}", status_code=HTTPStatus.SEE_OTHER)


@router.post("/statistics/readings")
async def freeze_readings(
    actor: Reviewer,
    services: ServicesDep,
    label: Line,
    name: Line,
    unit: Line,
    window: Line,
    kind: Line,
    aggregate: Line = "sum",
    platform: Line = "",
    case: Line = "",
    claimed_by: Line = "",
    read_from: Line = "",
    read_to: Line = "",
) -> Response:
    """Puts readings together now and freezes the list: a range stays a range."""
    question = RangeQuestion(
        name=name.strip(),
        unit=unit.strip(),
        window=window.strip(),
        kind=kind,
        aggregate=aggregate,
        platform=platform.strip().lower(),
        case_id=optional(typed_id, "case", case),
        claimed_by=claimed_by.strip(),
        read_from=optional(utc_time, "read_from", read_from),
        read_to=optional(utc_time, "read_to", read_to),
    )
    made = await services.findings.tallies.freeze_readings(actor, label, question)
    return RedirectResponse(f"/statistics/{made.id}", status_code=HTTPStatus.SEE_OTHER)


@router.post("/statistics/unlabelled")
async def freeze_unlabelled(actor: Reviewer, services: ServicesDep, label: Line, case: Line = "") -> Response:
    """Freezes how long advertisements stood without the platform's label: two bounds."""
    case_id = optional(typed_id, "case", case)
    made = await services.findings.tallies.freeze_unlabelled(actor, label, case_id)
    return RedirectResponse(f"/statistics/{made.id}", status_code=HTTPStatus.SEE_OTHER)


@router.get("/statistics/{statistic_id}")
async def statistic(request: Request, statistic_id: uuid.UUID, actor: Reader, services: ServicesDep) -> Response:
    """One number with the list it came of."""
    found, items = await services.findings.statistics.read(actor, statistic_id, limit=ITEMS_SHOWN + 1)
    lines = await services.findings.statistics.lines(actor, statistic_id, ITEMS_SHOWN + 1)
    query = json.loads(found.query)
    columns = COLUMNS.get(query.get("about", ""), ())
    return render(
        request,
        "statistic.html",
        section="statistics",
        statistic=found,
        about=query.get("about", "findings"),
        behind=behind_of(query),
        withdrawn=await services.findings.statistics.withdrawn(actor, statistic_id),
        query=query,
        asked=[(name, query[key]) for key, name in ASKED.items() if query.get(key)],
        items=items[:ITEMS_SHOWN],
        listed=await services.findings.lists.these(actor, [one.finding_id for one in items[:ITEMS_SHOWN]]),
        plain_key=_plain_key,
        columns=columns,
        lines=[[_cell(*one) for one in zip(columns, json.loads(line.key), strict=True)] for line in lines[:ITEMS_SHOWN]],
        more=max(len(items), len(lines)) > ITEMS_SHOWN,
        rule=MULTI_LABEL,
        known_units=UNITS,
        sizes=SIZE_LIMIT,
    )


@router.get("/statistics/{statistic_id}/ids")
async def statistic_ids(statistic_id: uuid.UUID, actor: Reader, services: ServicesDep) -> Response:
    """The frozen list as a file; its SHA-256 is the one shown."""
    found, keys = await services.findings.statistics.keys(actor, statistic_id)
    headers = {"Content-Disposition": f'attachment; filename="S-{found.number}-ids.txt"'}
    return Response(ids_file(keys), media_type="text/plain; charset=utf-8", headers=headers)


@router.get("/statistics/{statistic_id}/sample")
async def statistic_sample(
    statistic_id: uuid.UUID,
    actor: Reader,
    services: ServicesDep,
    seed: Annotated[str, Query(max_length=80)],
    size: Annotated[int, Query(ge=1, le=SIZE_LIMIT)],
) -> Response:
    """A part of the frozen list to look at by hand, the same for the same seed and size."""
    found = await services.findings.statistics.sample(actor, statistic_id, seed, size)
    headers = {"Content-Disposition": f'attachment; filename="{found.statistic}-sample.txt"'}
    return Response(found.file(), media_type="text/plain; charset=utf-8", headers=headers)


def _plain_key(key: str) -> str:
    """A key of a unit as people read it: `x · 123` of a post's or an account's list of members; an id alone stays as it is."""
    return " · ".join(str(member) for member in json.loads(key)) if key.startswith("[") else key


def _cell(column: str, member: Any) -> str:
    """A member of a line as people read it. Ids are texts and stay as they are."""
    if member is None:
        return "–"
    if isinstance(member, bool):
        return "✓" if member else "✗"
    if column in SPANS:
        return human_span(member, SPANS[column])
    if isinstance(member, int | float):
        return f"{member:,.10g}" if isinstance(member, float) else f"{member:,}"
    return stored_time(member) if column in TIMES else str(member)


async def chosen_case(services: Services, actor: OperatorActor, typed: str) -> uuid.UUID | None:
    """The case that a form is to begin with. Raises: BadInput; NotFound (one the actor may not see)."""
    asked = optional(typed_id, "case", typed)
    return None if asked is None else (await services.cases.read(actor, asked)).id


def behind_of(query: dict[str, Any]) -> str:
    """The page of what a number over readings or judged posts came of; "" where there is none of its own."""
    if query.get("about") == "judged_posts":
        return f"/judgings/{query['judging']}"
    part = {"readings": "#entities", "unlabelled": "#findings"}.get(query.get("about", ""))
    return f"/cases/{query['case_id']}{part}" if part and query["case_id"] else ""
