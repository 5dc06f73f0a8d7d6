"""Entities of a case: the list, one of them, and what members say of them. What a field means by a name is asked back, not
guessed."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request, Response
from starlette.responses import RedirectResponse

from server.cases.entities import CONFIDENCES, RELATIONS, EntityOrder, MetricOrder, RelationOrder
from server.cases.entitylists import Place
from server.cases.models import CaseState, Entity, EntityKind
from server.errors import BadInput
from server.operators.actors import OperatorActor
from server.operators.roles import Right
from server.web.deps import Reader, ServicesDep, Writer
from server.web.forms import typed_id, utc_time
from server.web.pages.render import render

router = APIRouter()
Line = Annotated[str, Form(max_length=300)]
Long = Annotated[str, Form(max_length=10_000)]
Asked = Annotated[str, Query(max_length=300)]


@dataclass(frozen=True)
class Pick:
    """A field that several entities fit: which are they."""

    field: str
    typed: str
    entities: Sequence[Entity]


@router.get("/cases/{case_id}/entities")
async def index(
    request: Request,
    case_id: uuid.UUID,
    actor: Reader,
    services: ServicesDep,
    q: Asked = "",
    kind: Annotated[str, Query(max_length=16)] = "",
    after: Annotated[str, Query(max_length=40)] = "",
    entity: Annotated[str, Query(max_length=40)] = "",
) -> Response:
    """Entities by kind and name, or one of them with what is said of it."""
    case = await services.cases.read(actor, case_id)
    lists = services.cases.entities.lists
    one = await lists.one(actor, case_id, typed_id("entity", entity)) if entity else None
    page = await lists.page(actor, case_id, words=q, kind=kind, after=await _place(services, actor, case_id, after))
    following = "" if page.following is None else urlencode({"q": q, "kind": kind, "after": str(page.following[2])})
    return render(
        request,
        "case_entities.html",
        picker=True,
        section="cases",
        case=case,
        writes=Right.WRITE in actor.rights and case.state == CaseState.OPEN,
        page=page,
        one=one,
        q=q,
        kind=kind,
        next_url=following and f"/cases/{case_id}/entities?{following}",
        choices={"kinds": [each.value for each in EntityKind], "relations": RELATIONS, "confidences": CONFIDENCES},
    )


@router.post("/cases/{case_id}/entities")
async def keep_entity(
    case_id: uuid.UUID,
    actor: Writer,
    services: ServicesDep,
    kind: Line,
    name: Line,
    external_id: Line = "",
    platform: Line = "",
    url: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """An entity of the case; without an id of its own its name tells it apart."""
    await services.cases.entities.keep(actor, case_id, EntityOrder(kind, external_id or name, name, platform, url))
    return _to(case_id)


@router.post("/cases/{case_id}/relations")
async def relate(
    request: Request,
    case_id: uuid.UUID,
    actor: Writer,
    services: ServicesDep,
    kind: Line,
    from_id: Line,
    to_id: Line,
    source: Long = "",
    confidence: Line = "",
) -> Response:
    """What is said of two entities, each by its id, its name or its id on the platform."""
    meant, unclear = await _meant(services, actor, case_id, {"from_id": from_id, "to_id": to_id})
    if unclear:
        rest = {"kind": kind, "from_id": from_id, "to_id": to_id, "source": source, "confidence": confidence}
        return await _ask_back(request, services, (actor, case_id, "relations"), rest, unclear)
    order = RelationOrder(kind, meant["from_id"], meant["to_id"], source, confidence)
    await services.cases.entities.relate(actor, case_id, order)
    return _to(case_id)


@router.post("/cases/{case_id}/relations/{relation_id}/withdraw")
async def withdraw_relation(case_id: uuid.UUID, relation_id: uuid.UUID, actor: Writer, services: ServicesDep) -> Response:
    """It is no longer said."""
    await services.cases.entities.withdraw_relation(actor, case_id, relation_id)
    return _to(case_id)


@router.post("/cases/{case_id}/metrics")
async def measure(
    request: Request,
    case_id: uuid.UUID,
    actor: Writer,
    services: ServicesDep,
    entity_id: Line,
    name: Line,
    unit: Line,
    window: Line,
    method: Line,
    as_of: Line,
    low: int = Form(),
    high: int = Form(),
    claimed_by: Line = "",
) -> Response:
    """A measured or claimed range of an entity."""
    meant, unclear = await _meant(services, actor, case_id, {"entity_id": entity_id})
    if unclear:
        rest = {
            "entity_id": entity_id, "name": name, "unit": unit, "window": window, "method": method, "as_of": as_of,
            "low": str(low), "high": str(high), "claimed_by": claimed_by,
        }  # fmt: skip
        return await _ask_back(request, services, (actor, case_id, "metrics"), rest, unclear)
    order = MetricOrder(meant["entity_id"], name, low, high, unit, window, method, utc_time("as_of", as_of), claimed_by)
    await services.cases.entities.measure(actor, case_id, order)
    return _to(case_id)


async def _place(services: ServicesDep, actor: OperatorActor, case_id: uuid.UUID, after: str) -> Place | None:
    if not after:
        return None
    last, _ = await services.cases.entities.lists.one(actor, case_id, typed_id("after", after))
    return last.kind, last.name, last.id


async def _meant(
    services: ServicesDep, actor: OperatorActor, case_id: uuid.UUID, typed: Mapping[str, str]
) -> tuple[dict[str, uuid.UUID], list[Pick]]:
    """Which entity each field means, and the fields that several fit. Raises: BadInput (one that none fits)."""
    meant: dict[str, uuid.UUID] = {}
    unclear: list[Pick] = []
    for field, said in typed.items():
        if not said.strip():
            raise BadInput(field=field, reason="say which one is meant")
        found = await services.cases.entities.lists.named(actor, case_id, said, field=field)
        if len(found) == 1:
            meant[field] = found[0].id
        else:
            unclear.append(Pick(field, said, found))
    return meant, unclear


async def _ask_back(
    request: Request,
    services: ServicesDep,
    where: tuple[OperatorActor, uuid.UUID, str],
    rest: Mapping[str, str],
    unclear: Sequence[Pick],
) -> Response:
    """The form again, with a choice for each unclear field; nothing was kept."""
    actor, case_id, act = where
    case = await services.cases.read(actor, case_id)
    asked = {pick.field for pick in unclear}
    kept = {name: value for name, value in rest.items() if name not in asked}
    return render(request, "entity_pick.html", section="cases", case=case, act=act, kept=kept, unclear=unclear)


def _to(case_id: uuid.UUID) -> Response:
    return RedirectResponse(f"/cases/{case_id}#entities", status_code=HTTPStatus.SEE_OTHER)
