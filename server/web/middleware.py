"""Rules for every request and response, as plain ASGI (no buffering: uploads and downloads stream through)."""

import re
from collections.abc import Iterable
from http import HTTPStatus

from python_multipart.multipart import parse_options_header
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.web.problems import problem

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; img-src 'self'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SECURITY_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # not no-referrer: browsers then send `Origin: null` with our own forms
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
STATEMENT_LIMIT_BYTES = 1024 * 1024
FORM_LIMIT_BYTES = 64 * 1024
PICTURE_LIMIT_BYTES = 33 * 1024 * 1024  # a picture to search with: 32 MiB, and the form around it
_LIMITS = {
    "/api/v1/captures": STATEMENT_LIMIT_BYTES,
    "/api/v1/images/search": PICTURE_LIMIT_BYTES,
    "/images/search": PICTURE_LIMIT_BYTES,
}
_FILES = (
    (re.compile(r"/cases/[^/]+/imports"), 129 * 1024 * 1024),  # a table of 128 MiB, and the form around it
    (re.compile(r"/cases/[^/]+/deposits"), 1025 * 1024 * 1024),  # an archive of 1 GiB
)
"""Read by their routes after the right was shown, into a file."""
EXTENSION_ORIGIN = r"(chrome|moz)-extension://[a-zA-Z0-9-]{1,64}"
_STREAMED = re.compile(r"/api/v1/(captures/[^/]+/artifacts/[^/]+|uploads/[^/]+)")
_TUS_HEADERS = ("Tus-Resumable", "Tus-Version", "Tus-Extension", "Tus-Max-Size", "Upload-Offset", "Upload-Length", "Location")


class SecurityHeaders:
    """Puts the security headers on every response, and `no-store` on whatever did not say otherwise."""

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        self._app = app
        self._headers = SECURITY_HEADERS | ({"Strict-Transport-Security": "max-age=31536000"} if https else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes everything on; edits the start of the response only."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
                if not scope["path"].startswith("/log/"):
                    headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
            await send(message)

        await self._app(scope, receive, send_with_headers)


class BodyLimit:
    """Refuses a body above its cap before anything parses it: 1 MiB for a statement, 33 MiB for a picture, 64 KiB for the
    rest; files made elsewhere up to 1 GiB. So is a form that names another encoding than UTF-8: its parser would take any codec
    of the interpreter's, and some make halves of characters, which can neither be stored nor shown.

    Not limited here: artifact bytes. They go to the spool piece by piece, and the spool knows how many may come.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """413 at once when Content-Length says so, else as soon as too much has come."""
        if scope["type"] != "http" or _STREAMED.fullmatch(scope["path"]):
            await self._app(scope, receive, send)
            return
        limit = _limit_of(scope["path"])
        announced = Headers(scope=scope).get("content-length", "0")
        if not announced.isascii() or not announced.isdigit() or int(announced[:20]) > limit:
            refusal = problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", data={"limit_bytes": limit})
            await refusal(scope, receive, send)
            return
        if _names_an_encoding(Headers(scope=scope).get("content-type")):
            await problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "refused", detail="a form is in UTF-8")(scope, receive, send)
            return
        came = 0

        async def receive_counted() -> Message:
            nonlocal came
            message = await receive()
            came += len(message.get("body", b""))
            if came > limit:
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return message

        await self._app(scope, receive_counted, send)


def _limit_of(path: str) -> int:
    found = next((limit for pattern, limit in _FILES if pattern.fullmatch(path)), FORM_LIMIT_BYTES)
    return _LIMITS.get(path, found)


def _names_an_encoding(content_type: str | None) -> bool:
    """True for a form in parts that says it is in another encoding than UTF-8. Read as the form's own parser reads it."""
    kind, said = parse_options_header(content_type)
    return kind == b"multipart/form-data" and said.get(b"charset", b"utf-8").lower() != b"utf-8"


class ExtensionCors:
    """Lets browser extensions, and nobody else, read answers of the device API from a page of their own. Without cookies."""

    def __init__(self, app: ASGIApp, *, prefixes: Iterable[str] = ("/api/v1/",)) -> None:
        self._app = app
        self._prefixes = tuple(prefixes)
        self._cors = CORSMiddleware(
            app,
            allow_origin_regex=EXTENSION_ORIGIN,
            allow_methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"],
            allow_headers=["Authorization", "Content-Type", "Tus-Resumable", "Upload-Length", "Upload-Metadata", "Upload-Offset"],
            expose_headers=list(_TUS_HEADERS),
            max_age=600,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """CORS under the prefixes, the bare application elsewhere."""
        under = scope["type"] == "http" and scope["path"].startswith(self._prefixes)
        await (self._cors if under else self._app)(scope, receive, send)
