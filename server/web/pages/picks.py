"""Looking something up for a field of a form: entities and exhibits of a case, captures that may become exhibits. As a page to
choose from, and as what the script of such a field asks for."""

import uuid
from dataclasses import asdict, dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from starlette.responses import JSONResponse

from server.captures.views import CaptureQuery
from server.cases.models import Entity
from server.operators.actors import OperatorActor
from server.web.deps import Reader, ServicesDep
from server.web.pages.render import human_time, render, texts_of
from server.web.texts import Texts

router = APIRouter()
PICKS_LIMIT = 20
Of = Literal["entities", "exhibits", "captures"]
Asked = Annotated[str, Query(max_length=200)]


@dataclass(frozen=True)
class Pick:
    """What the field takes, what it is called, and what tells it apart."""

    value: str
    label: str
    detail: str


@router.get("/cases/{case_id}/picks/{of}")
async def page(request: Request, case_id: uuid.UUID, of: Of, actor: Reader, services: ServicesDep, q: Asked = "") -> Response:
    """The first PICKS_LIMIT that fit, each with what is to be typed into the field."""
    case = await services.cases.read(actor, case_id)
    picks = await picks_of(services, actor, (case_id, of, q), texts_of(request))
    return render(request, "picks.html", section="cases", case=case, of=of, q=q, picks=picks, limit=PICKS_LIMIT)


@router.get("/cases/{case_id}/picks/{of}/list.json")
async def listed(request: Request, case_id: uuid.UUID, of: Of, actor: Reader, services: ServicesDep, q: Asked = "") -> Response:
    """The same, for the script of a field."""
    picks = await picks_of(services, actor, (case_id, of, q), texts_of(request))
    return JSONResponse({"picks": [asdict(one) for one in picks]})


async def picks_of(services: ServicesDep, actor: OperatorActor, asked: tuple[uuid.UUID, Of, str], texts: Texts) -> list[Pick]:
    """What fits the words; without words the first entities, or the newest exhibits and captures. Raises: NotFound; Forbidden."""
    case_id, of, words = asked
    if of == "entities":
        lists = services.cases.entities.lists
        found = await lists.fitting(actor, case_id, words, limit=PICKS_LIMIT)
        return [Pick(str(one.id), one.name, told(one, texts)) for one in found]
    if of == "exhibits":
        views = await services.cases.exhibits.fitting(actor, case_id, words, limit=PICKS_LIMIT)
        return [Pick(str(one.exhibit.number), str(one.exhibit.number), one.title or one.url) for one in views]
    await services.cases.read(actor, case_id)
    query = CaptureQuery(text=words or None, limit=PICKS_LIMIT)
    captures = (await services.captures.search.search(actor, query)).captures
    return [Pick(one.capture_id, one.title or one.url, f"{one.host} · {human_time(one.captured_at)}") for one in captures]


def told(entity: Entity, texts: Texts) -> str:
    """What an entity is, and its id on its platform."""
    parts = (texts.get(f"entity_kind.{entity.kind}"), entity.platform, entity.external_id)
    return " · ".join(one for one in parts if one)
