"""Is it alive, is it ready, how is it doing."""

from http import HTTPStatus
from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel
from sqlalchemy.exc import SQLAlchemyError

from server.web.deps import ServicesDep
from server.web.problems import problem

router = APIRouter(tags=["health"])


class Alive(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


@router.get("/healthz")
async def healthz() -> Alive:
    """200 while the process answers."""
    return Alive()


@router.get("/readyz", response_model=Alive)
async def readyz(services: ServicesDep) -> Alive | Response:
    """200 when the database answers too; 503 otherwise."""
    try:
        await services.database.ping()
    except (SQLAlchemyError, OSError):
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, "not_ready", detail="the database does not answer")
    return Alive()


@router.get("/metrics", response_class=Response)
async def metrics(request: Request, services: ServicesDep) -> Response:
    """Prometheus text. Counts only; put it behind the proxy if they are nobody's business."""
    return Response(await request.app.state.metrics.render(services), media_type="text/plain; version=0.0.4; charset=utf-8")
