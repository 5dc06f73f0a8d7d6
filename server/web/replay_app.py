"""The replay origin: the player's page, the player's files, and one page archive per capability. Nothing else answers here.

Captured pages run on this origin, inside a sandboxed frame. It has no cookies, no sessions, no API; whoever runs a script here
finds the archive that it came from. The player (ReplayWeb.page) is served as it was published.
"""

import html
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from server.captures.replays import ReplayArchive
from server.composition import Services
from server.errors import ServiceError
from server.web.ranges import ServedFile, file_response, head_response
from server.web.replay_origin import host_of, replay_origin
from server.web.replay_worker import GUARD, PLAYER_WORKER
from storage.errors import StorageError

PLAYER = Path(__file__).parent / "player"
PLAYER_FILES = {"ui.js": "text/javascript", "sw.js": "text/javascript", "LICENSE": "text/plain; charset=utf-8"}
SERVED_AS = {"ui.js": "ui.js", PLAYER_WORKER: "sw.js", "LICENSE": "LICENSE"}
PLAYER_BASE = "/player/"
WORKER_POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'"
EXPIRED = "There is no replay here, or its time is over. Open it again on the page of the capture."
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=(), clipboard-read=()",
    "X-DNS-Prefetch-Control": "off",
    "Cache-Control": "no-store",
}
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Replay</title>
<style>html,body{{margin:0;height:100%}}replay-web-page{{display:block;height:100vh}}</style></head>
<body><replay-web-page source="{source}" url="{url}" replaybase="{base}" embed="replayonly"></replay-web-page>
<script src="{base}ui.js"></script></body></html>
"""
_INNER = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Replay</title><script src="./ui.js"></script></head>
<body><replay-app-main></replay-app-main></body></html>
"""


def has_player() -> bool:
    """True when the player's files were fetched (`make setup`)."""
    return all((PLAYER / name).is_file() for name in PLAYER_FILES)


def create_replay_app(services: Services) -> Starlette:
    """The application of the replay origin. Its services must be running already."""
    archives = _Archives(services)
    routes = [
        Route("/r/{capability}/", archives.page, methods=["GET"]),
        Route("/r/{capability}/still/", archives.still_page, methods=["GET"]),
        Route("/r/{capability}/page.wacz", archives.archive, methods=["GET", "HEAD"]),
        Route("/r/{capability}/still.wacz", archives.still, methods=["GET", "HEAD"]),
        Route("/player/", archives.inner, methods=["GET"]),
        Route("/player/sw.js", _worker, methods=["GET"]),
        Route("/player/{name}", _player, methods=["GET"]),
    ]
    handlers = dict.fromkeys((HTTPException, ServiceError, StorageError), _refused)
    return Starlette(routes=routes, exception_handlers=handlers)


class _Archives:
    """What is served of captures, each only under its own capture's origin."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def page(self, request: Request) -> Response:
        """The player's page for the archive as it came."""
        return await self._player_page(request, "page.wacz")

    async def still_page(self, request: Request) -> Response:
        """The player's page for the archive with its documents as they stood."""
        return await self._player_page(request, "still.wacz")

    async def archive(self, request: Request) -> Response:
        """The archive's bytes."""
        found = await self._found(request)
        artifact = found.opened.artifact
        file = ServedFile(artifact.name, artifact.media_type, artifact.size_bytes, artifact.sha256)
        return _bytes(request, file, found.opened.open_range)

    async def still(self, request: Request) -> Response:
        """The archive's bytes and those that make its documents stand."""
        found = await self._services.captures.replays.still(await self._found(request))
        file = ServedFile("still.wacz", "application/wacz+zip", found.appended.size_bytes, found.sha256)
        return _bytes(request, file, found.open_range)

    async def inner(self, _request: Request) -> Response:
        """What the player's worker itself answers at its base, for a frame that is loaded before the worker has taken over."""
        return _with(Response(_INNER, media_type="text/html; charset=utf-8"), page_policy(self._services, "'self' "))

    async def _player_page(self, request: Request, name: str) -> Response:
        found = await self._found(request)
        source = f"/r/{request.path_params['capability']}/{name}"
        text = _PAGE.format(source=html.escape(source), url=html.escape(_replayable(found.url)), base=PLAYER_BASE)
        return _with(Response(text, media_type="text/html; charset=utf-8"), page_policy(self._services))

    async def _found(self, request: Request) -> ReplayArchive:
        """The archive of the capability, if it is asked for under that capture's own origin. Raises: NotFound, HTTPException."""
        found = await self._services.captures.replays.archive(str(request.path_params["capability"]))
        own = replay_origin(self._services.settings, found.capture_id)
        if own is None or request.headers.get("host", "").lower() != host_of(own):
            raise HTTPException(HTTPStatus.NOT_FOUND)
        return found


async def _worker(_request: Request) -> Response:
    return _with(Response(GUARD, media_type="text/javascript"), WORKER_POLICY)


async def _player(request: Request) -> Response:
    name = SERVED_AS.get(str(request.path_params["name"]), "")
    if not name or not (PLAYER / name).is_file():
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return _with(FileResponse(PLAYER / name, media_type=PLAYER_FILES[name]), WORKER_POLICY, cache="max-age=3600")


async def _refused(_request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else HTTPStatus.NOT_FOUND
    if isinstance(error, StorageError):
        status = HTTPStatus.SERVICE_UNAVAILABLE
    text = EXPIRED if status == HTTPStatus.NOT_FOUND else HTTPStatus(status).phrase
    return _with(PlainTextResponse(text, status_code=status), "sandbox; default-src 'none'")


def page_policy(services: Services, more_ancestors: str = "") -> str:
    """The player's page: scripts, frames and requests of this origin only; framed by the application only; sandboxed."""
    return (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; "
        "connect-src 'self' data:; frame-src 'self'; worker-src 'self'; form-action 'none'; base-uri 'none'; "
        "sandbox allow-scripts allow-same-origin; "
        f"frame-ancestors {more_ancestors}{_origin(services.settings.public_url)}"
    )


def _bytes(request: Request, file: ServedFile, open_range: Callable[[int, int], BinaryIO]) -> Response:
    response = head_response(file) if request.method == "HEAD" else file_response(request, file, open_range)
    return _with(response, "sandbox; default-src 'none'")


def _with(response: Response, policy: str, *, cache: str = "no-store") -> Response:
    response.headers.update(HEADERS | {"Content-Security-Policy": policy, "Cache-Control": cache})
    return response


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _replayable(url: str) -> str:
    """The captured address, if it is one of the web; the player must be given nothing else to open."""
    try:
        return url if urlsplit(url).scheme in ("http", "https") else ""
    except ValueError:
        return ""
