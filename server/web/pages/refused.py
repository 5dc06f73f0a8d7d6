"""A form that was refused, given back with what was typed: the field that was wrong is shown, the others wait unseen."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from fastapi.exceptions import RequestValidationError
from starlette.datastructures import FormData, QueryParams
from starlette.requests import Request

from server.errors import BadInput
from server.web.texts import Texts

FIELDS_LIMIT = 200
NEVER_SHOWN = ("password", "passcode", "secret", "token", "credential", "answer", "present")
"""Parts of the names of fields whose values are not written into any page."""


@dataclass(frozen=True)
class RefusedForm:
    """Where to send it again, and how; the fields that were wrong, what they are called, and all others, as (name, value)."""

    method: str
    action: str
    label: str
    asked: Sequence[tuple[str, str]]
    others: Sequence[tuple[str, str]]


def refused_form(request: Request, error: Exception, texts: Texts) -> RefusedForm | None:
    """The form that somebody signed in has just sent; None if there is none, or if it holds a file or a secret."""
    field = field_of(error)
    form = request.query_params if request.method == "GET" else getattr(request, "_form", None)  # the body was read already
    if not field or not isinstance(form, FormData | QueryParams) or getattr(request.state, "actor", None) is None:
        return None
    pairs = [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
    if len(pairs) != len(form.multi_items()) or len(pairs) > FIELDS_LIMIT:
        return None
    if any(part in name.lower() for name, _ in pairs for part in NEVER_SHOWN):
        return None
    asked = [pair for pair in pairs if pair[0] == field] or [(field, "")]
    others = [pair for pair in pairs if pair[0] != field]
    action = request.url.path if request.method == "GET" else _address(request)
    return RefusedForm(request.method.lower(), action, label_of(field, texts), asked, others)


def field_of(error: Exception) -> str:
    """The name of the field that was wrong; "" if none is named."""
    if isinstance(error, BadInput):
        return str(error.data.get("field", ""))
    if isinstance(error, RequestValidationError):
        places = [one["loc"] for one in error.errors() if len(one["loc"]) > 1]
        return str(places[0][1]) if places else ""
    return ""


def label_of(field: str, texts: Texts) -> str:
    """What the field is called, as far as the catalogue says so."""
    known = texts.get(f"field.{field}")
    return field.replace("_", " ").capitalize() if known == f"field.{field}" else known


def came_from(request: Request) -> str:
    """The page of this service that led here, as a path; "" for another one."""
    try:
        said = urlsplit(request.headers.get("referer", ""))
    except ValueError:
        return ""
    if said.netloc.lower() != request.headers.get("host", "").lower() or said.path[:1] != "/" or said.path[1:2] in ("/", "\\"):
        return ""
    return said.path + (f"?{said.query}" if said.query else "")


def _address(request: Request) -> str:
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")
