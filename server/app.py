"""create_app(services): routes, pages, middleware and error rendering put together."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from server.composition import Services
from server.web.deps import is_https
from server.web.metrics import MeasureRequests, Metrics
from server.web.middleware import BodyLimit, ExtensionCors, SecurityHeaders
from server.web.pages import account, people, recipients, sign_in, statistics
from server.web.pages import activities as activity_pages
from server.web.pages import alerts as alert_pages
from server.web.pages import captures as capture_pages
from server.web.pages import case_exports as case_export_pages
from server.web.pages import cases as case_pages
from server.web.pages import devices as device_pages
from server.web.pages import documents as document_pages
from server.web.pages import entities as entity_pages
from server.web.pages import exports as export_pages
from server.web.pages import findings as finding_pages
from server.web.pages import handovers as handover_pages
from server.web.pages import images as image_pages
from server.web.pages import imports as import_pages
from server.web.pages import judgings as judging_pages
from server.web.pages import masks as mask_pages
from server.web.pages import notice_drafts as notice_draft_pages
from server.web.pages import notice_records as notice_record_pages
from server.web.pages import notices as notice_pages
from server.web.pages import picks as pick_pages
from server.web.pages import replays as replay_pages
from server.web.pages import search as search_pages
from server.web.pages.render import page_error
from server.web.problems import STATUS, http_problem, problem_of, validation_problem
from server.web.routes import captures, devices, exports, health, images, log, search, uploads

logger = logging.getLogger(__name__)
PAGES = (
    sign_in,
    capture_pages,
    search_pages,
    image_pages,
    replay_pages,
    export_pages,
    device_pages,
    people,
    account,
    case_pages,
    entity_pages,
    pick_pages,
    case_export_pages,
    import_pages,
    handover_pages,
    recipients,
    mask_pages,
    alert_pages,
    notice_draft_pages,
    notice_pages,
    document_pages,
    notice_record_pages,
    finding_pages,
    judging_pages,
    activity_pages,
    statistics,
)
Background = Callable[[Services], Coroutine[Any, Any, None]]
STATIC = Path(__file__).parent / "web" / "static"
MACHINE_PATHS = ("/api/", "/log/", "/healthz", "/readyz", "/metrics", "/static/")


def create_app(services: Services, *, background: Background | None = None, replays: bool = False) -> FastAPI:
    """The application. Its lifespan opens the job queue and runs `background` (the worker) beside the requests, if given.

    `replays`: the replay origin is served too, so pages may show frames of it.
    """

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with services.running():
            task = asyncio.create_task((background or _warm)(services))
            try:
                yield
            finally:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    app = _api(lifespan)
    app.state.services = services
    app.state.metrics = Metrics()
    app.state.replays = replays
    for pages in PAGES:
        app.include_router(pages.router, include_in_schema=False)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    _add_error_rendering(app)
    app.add_middleware(ExtensionCors)
    app.add_middleware(BodyLimit)
    app.add_middleware(SecurityHeaders, https=is_https(services))
    app.add_middleware(MeasureRequests, metrics=app.state.metrics)
    return app


async def _warm(services: Services) -> None:
    """Loads the index of pictures, where no worker of this process does; a failure costs the first search time, nothing else."""
    await services.images.warming.until_ready()


def openapi_document() -> dict[str, Any]:
    """What docs/openapi.json holds: the contract of the API, from the code. Needs no services."""
    return _api(None).openapi()


def _api(lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]] | None) -> FastAPI:
    app = FastAPI(
        title="Holdstill",
        version="0.1.0",
        description="Evidence capture. Wire formats: docs/formats.md.",
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
        lifespan=lifespan,
    )
    for routes in (devices, captures, uploads, images, search, exports, log, health):
        app.include_router(routes.router)
    return app


def _add_error_rendering(app: FastAPI) -> None:
    """Problems for machines, pages for people; both from the one table in web/problems.py."""

    async def known(request: Request, error: Exception) -> Response:
        if _is_page(request):
            return page_error(request, error)
        return problem_of(error)

    async def framework(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class only
        return page_error(request, error) if _is_page(request) else http_problem(request, error)

    async def validation(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class only
        return page_error(request, error) if _is_page(request) else validation_problem(request, error)

    async def unknown(request: Request, error: Exception) -> Response:
        logger.error("web.broke", extra={"route": request.url.path.split("/")[1:2]}, exc_info=error)
        return page_error(request, error) if _is_page(request) else problem_of(error)

    async def gone(_request: Request, _error: Exception) -> Response:
        return Response(status_code=400)  # nobody reads it: the client broke the connection, what came is kept

    for kind in STATUS:
        app.add_exception_handler(kind, known)
    app.add_exception_handler(HTTPException, framework)
    app.add_exception_handler(RequestValidationError, validation)
    app.add_exception_handler(ClientDisconnect, gone)
    app.add_exception_handler(Exception, unknown)


def _is_page(request: Request) -> bool:
    return not request.url.path.startswith(MACHINE_PATHS)
