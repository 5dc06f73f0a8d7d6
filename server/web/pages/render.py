"""Rendering: templates with the texts of the reader's language, and errors as pages."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from math import ceil, floor
from pathlib import Path
from typing import Any

from fastapi.exceptions import RequestValidationError
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from jinja2.ext import Extension
from markupsafe import Markup, escape
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
from server.exports.documents.paper import shown_value
from server.web.middleware import CONTENT_SECURITY_POLICY
from server.web.pages.refused import came_from, field_of, label_of, refused_form
from server.web.pages.rule_words import election_name, territory_name
from server.web.problems import headers_of, status_of
from server.web.search_form import hit_path
from server.web.texts import Texts, choose_language

SIGN_IN_COMMAND = "holdstill sign-in"
RENEWAL_S = 2
_AS_IT_IS = re.compile(r"""((?:\b(?:value|href|src|action)="|<textarea[^>]*>\s*))\{\{\s*(.*?)\s*\}\}""")
PICKER_POLICY = f"{CONTENT_SECURITY_POLICY}; script-src 'self'; connect-src 'self'"
"""Of pages with fields that look something up: their one script is static/pick.js, which asks this service alone."""
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


def exact_time(moment: datetime) -> str:
    """`2026-03-04 05:06:07.250 UTC`: thousandths where there are any, for times that stand beside how exact they are."""
    at = moment.astimezone(UTC)
    return human_time(at) if at.microsecond < 1000 else at.strftime("%Y-%m-%d %H:%M:%S.") + f"{at.microsecond // 1000:03} UTC"


def stored_time(text: str, *, exact: bool = True) -> str:
    """A time as a record holds it, ISO 8601 with its zone, as people read it; what is no such time stays as it is."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return text
    return text if at.tzinfo is None else exact_time(at) if exact else human_time(at)


def human_span(seconds: float, rounded: Callable[[float], int] = round) -> str:
    """`3 h 50 min 12 s`, `13.855 s`: whole seconds from a minute on, thousandths below; never `0 s` for what is not none.

    rounded: math.floor for what is a least, math.ceil for what is a most. Files for programs hold seconds as they are.
    """
    thousandths = rounded(round(seconds * 1000, 3))
    if thousandths < 60_000:
        return f"{thousandths / 1000:g} s" if thousandths or not seconds else "< 0.001 s"
    minutes, rest = divmod(rounded(round(seconds, 6)), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{hours:,} h" if hours else "", f"{minutes} min" if minutes else "", f"{rest} s" if rest else ""]
    return " ".join(part for part in parts if part)


def as_it_is(value: object) -> Markup:
    """The text escaped and otherwise unchanged, but for halves of characters, which nothing can be written with: for what a form
    sends back and for addresses."""
    is_text = isinstance(value, str) and not isinstance(value, Markup)
    return escape(str(value).encode("utf-8", "replace").decode() if is_text else value)


class AsItIs(Extension):
    """What stands first in a field's value, in a text area or in an address goes through `as_it_is`: a form that shows a text to
    be edited must send back the same one. Everything else that a template prints is made visible (server/visible.py).
    """

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        """The template's source with the filter added."""
        return _AS_IT_IS.sub(r"\1{{ (\2) | as_it_is }}", source)


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent.parent / "templates"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        finalize=shown_value,
        extensions=[AsItIs],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"human_bytes": human_bytes, "human_time": human_time}
    environment.filters |= {"iso": format_time, "as_it_is": as_it_is, "hit_path": hit_path}
    environment.filters |= {"exact_time": exact_time, "stored_time": stored_time}
    environment.filters |= {"least_span": partial(human_span, rounded=floor), "most_span": partial(human_span, rounded=ceil)}
    environment.filters |= {"territory": territory_name, "election": election_name}
    return environment


ENVIRONMENT = _environment()


def texts_of(request: Request) -> Texts:
    """The texts of the reader's language."""
    return Texts(choose_language(request.headers.get("accept-language", "")))


def render(request: Request, template: str, *, status: int = HTTPStatus.OK, section: str = "", **values: object) -> HTMLResponse:
    """The page. `section` marks the place in the navigation; signed_in=False leaves the navigation out.

    picker=True: fields with `data-pick` look up what they ask for while one types. renews=True: it is loaded again every
    RENEWAL_S seconds, until the reader asks to let it stand (`?stay=1`).
    """
    texts = texts_of(request)
    stays, renews = request.query_params.get("stay") == "1", bool(values.setdefault("renews", False))
    values.setdefault("signed_in", True)
    actor = getattr(request.state, "actor", None)
    may = frozenset() if actor is None else frozenset(right.value for right in actor.rights)
    page = ENVIRONMENT.get_template(template).render(
        t=texts.get, tn=texts.count, language=texts.language, section=section, may=may, stays=stays, **values
    )
    policy = {"Content-Security-Policy": PICKER_POLICY} if values.get("picker") else {}
    headers = {"Cache-Control": "private, no-store"} | policy | ({"Refresh": str(RENEWAL_S)} if renews and not stays else {})
    return HTMLResponse(page, status_code=status, headers=headers)


def page_error(request: Request, error: Exception) -> Response:
    """The error as a page: in words, with the way on. Status as for machines."""
    texts = texts_of(request)
    if isinstance(error, Unauthenticated) and request.method == "POST":  # a session may end while somebody fills in a form
        unsaved = (HTTPStatus.UNAUTHORIZED, texts.get("sign_in.title"), texts.get("sign_in.unsaved"))
        return _message(request, unsaved, beside="/sign-in")
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
    text = f"{texts.get('error.refused_text')} {_said(texts, error, status)}"
    again = refused_form(request, error, texts)
    said = (status, texts.get("error.refused"), text)
    return _message(request, said, back=True, refused=again, came_from=came_from(request))


def _said(texts: Texts, error: Exception, status: int) -> str:
    """What was wrong, and in which field."""
    if isinstance(error, RequestValidationError):
        first = error.errors()[0]
        said = texts.get("error.missing") if first["type"] == "missing" else str(first["msg"])
    else:
        said = str(error.data.get("reason", error.code)) if isinstance(error, ServiceError) else HTTPStatus(status).phrase
    field = field_of(error)
    return f"{label_of(field, texts)}: {said}" if field else said


def _passkey_words(texts: Texts, error: ServiceError) -> str:
    if isinstance(error, PasskeyDue):
        return texts.get("passkey.due")
    if isinstance(error, PasskeysUnavailable):
        return texts.get(f"passkey.unavailable.{error.data['reason']}", public_url=error.data["public_url"])
    return texts.get(f"passkey.refused.{error.data['reason']}")


def _message(
    request: Request, said: tuple[int, str, str], *, command: str = "", back: bool = False, again: str = "", **more: Any
) -> Response:
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
        **more,
    )
