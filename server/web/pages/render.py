"""Rendering: templates with the texts of the reader's language, and errors as pages."""

from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path

from fastapi.exceptions import RequestValidationError
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from server.clock import format_time
from server.errors import (
    CrossSiteVisit,
    PasskeyDue,
    PasskeyRefused,
    PasskeysUnavailable,
    ServiceError,
    SignInPaused,
    SignInRefused,
    Unauthenticated,
)
from server.web.problems import headers_of, status_of
from server.web.texts import Texts, choose_language

SIGN_IN_COMMAND = "holdstill sign-in"
RENEWAL_S = 2
UNITS = ("B", "kB", "MB", "GB", "TB")


def human_bytes(size_bytes: int) -> str:
    """`1.4 MB`: decimal units, two significant places at most."""
    size = float(size_bytes)
    for unit in UNITS:
        if size < 1000 or unit == UNITS[-1]:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"
        size /= 1000
    raise AssertionError("unreachable")


def human_time(moment: datetime) -> str:
    """`2026-03-04 05:06:07 UTC`: the same for every reader, because times are compared across countries."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent.parent / "templates"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"human_bytes": human_bytes, "human_time": human_time, "iso": format_time}
    return environment


ENVIRONMENT = _environment()


def texts_of(request: Request) -> Texts:
    """The texts of the reader's language."""
    return Texts(choose_language(request.headers.get("accept-language", "")))


def render(request: Request, template: str, *, status: int = HTTPStatus.OK, section: str = "", **values: object) -> HTMLResponse:
    """The page. `section` marks the place in the navigation; signed_in=False leaves the navigation out.

    renews=True: it is loaded again every RENEWAL_S seconds, until the reader asks to let it stand (`?stay=1`).
    """
    texts = texts_of(request)
    stays, renews = request.query_params.get("stay") == "1", bool(values.setdefault("renews", False))
    values.setdefault("signed_in", True)
    actor = getattr(request.state, "actor", None)
    may = frozenset() if actor is None else frozenset(right.value for right in actor.rights)
    page = ENVIRONMENT.get_template(template).render(
        t=texts.get, tn=texts.count, language=texts.language, section=section, may=may, stays=stays, **values
    )
    headers = {"Cache-Control": "private, no-store"} | ({"Refresh": str(RENEWAL_S)} if renews and not stays else {})
    return HTMLResponse(page, status_code=status, headers=headers)


def page_error(request: Request, error: Exception) -> Response:
    """The error as a page: in words, with the way on. Status as for machines."""
    texts = texts_of(request)
    if isinstance(error, Unauthenticated | SignInRefused):
        key = "sign_in.refused" if isinstance(error, SignInRefused) else "sign_in.title"
        text = "sign_in.refused_text" if isinstance(error, SignInRefused) else "sign_in.text"
        return _message(request, (HTTPStatus.UNAUTHORIZED, texts.get(key), texts.get(text)), command=SIGN_IN_COMMAND)
    status = int(status_of(error))
    if isinstance(error, SignInPaused):
        paused = (status, texts.get("error.refused"), texts.get("sign_in.paused", wait_s=error.data["wait_s"]))
        page = _message(request, paused, back=True)
        page.headers.update(headers_of(error))
        return page
    if isinstance(error, PasskeyDue | PasskeyRefused | PasskeysUnavailable):
        return _message(request, (status, texts.get("passkey.refused"), _passkey_words(texts, error)), again="/account")
    if isinstance(error, CrossSiteVisit):
        arrival = (status, texts.get("arrival.title"), texts.get("arrival.text"))
        return _message(request, arrival, again=request.url.path)
    if isinstance(error, HTTPException):
        status = error.status_code
    if isinstance(error, RequestValidationError):
        status = HTTPStatus.UNPROCESSABLE_ENTITY
    if status == HTTPStatus.NOT_FOUND:
        return _message(request, (status, texts.get("error.not_found"), texts.get("error.not_found_text")), back=True)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _message(request, (status, texts.get("error.broken"), texts.get("error.broken_text")), back=True)
    said = str(error.data.get("reason", error.code)) if isinstance(error, ServiceError) else HTTPStatus(status).phrase
    return _message(request, (status, texts.get("error.refused"), f"{texts.get('error.refused_text')} {said}"), back=True)


def _passkey_words(texts: Texts, error: ServiceError) -> str:
    if isinstance(error, PasskeyDue):
        return texts.get("passkey.due")
    if isinstance(error, PasskeysUnavailable):
        return texts.get(f"passkey.unavailable.{error.data['reason']}", public_url=error.data["public_url"])
    return texts.get(f"passkey.refused.{error.data['reason']}")


def _message(request: Request, said: tuple[int, str, str], *, command: str = "", back: bool = False, again: str = "") -> Response:
    status, heading, text = said
    return render(
        request,
        "message.html",
        status=status,
        signed_in=False,
        heading=heading,
        text=text,
        command=command,
        back=back,
        again=again,
    )
