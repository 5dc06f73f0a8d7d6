"""Bundles: ask, follow, fetch."""

import uuid
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request, Response
from starlette.responses import RedirectResponse

from server.exports.bundler import STEPS
from server.exports.service import ExportOrder, ExportView
from server.web.deps import Exporter, ServicesDep
from server.web.pages.render import render

router = APIRouter()
Text = Annotated[str, Form(min_length=1, max_length=500)]


@dataclass(frozen=True)
class StepView:
    """One step of a bundle and how it stands."""

    name: str
    mark: Literal["done", "now", "todo"]


@router.get("/exports")
async def index(request: Request, actor: Exporter, services: ServicesDep) -> Response:
    """The organisation's latest bundles."""
    return render(request, "exports.html", section="exports", exports=await services.exports.recent(actor))


@router.post("/exports")
async def ask(
    actor: Exporter,
    services: ServicesDep,
    capture: Annotated[str, Form(pattern=r"^[0-9a-f]{64}$")],
    purpose: Text,
    recipient: Text,
) -> Response:
    """Asks for a bundle and goes to its page."""
    made = await services.exports.request(actor, ExportOrder((capture,), purpose, recipient))
    return RedirectResponse(f"/exports/{made.export_id}", status_code=HTTPStatus.SEE_OTHER)


@router.get("/exports/{export_id}")
async def one(request: Request, export_id: uuid.UUID, actor: Exporter, services: ServicesDep) -> Response:
    """One bundle: progress while it is made, then the file."""
    export = await services.exports.read(actor, export_id)
    return render(
        request,
        "export.html",
        section="exports",
        export=export,
        steps=steps_of(export),
        renews=export.state in ("queued", "running"),
    )


@router.post("/exports/{export_id}/retry")
async def retry(export_id: uuid.UUID, actor: Exporter, services: ServicesDep) -> Response:
    """Queues a failed bundle again."""
    await services.exports.retry(actor, export_id)
    return RedirectResponse(f"/exports/{export_id}", status_code=HTTPStatus.SEE_OTHER)


def steps_of(export: ExportView) -> tuple[StepView, ...]:
    """Each step as done, under way or to come."""
    if export.state == "ready":
        return tuple(StepView(name, "done") for name in STEPS)
    reached = STEPS.index(export.step) if export.step in STEPS else 0
    return tuple(
        StepView(name, "done" if place < reached else "now" if place == reached else "todo") for place, name in enumerate(STEPS)
    )
