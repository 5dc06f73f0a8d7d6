"""Reading request bodies: the cap is enforced by BodyLimit, depth and shape here."""

from typing import Any, TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from server.errors import BadInput
from server.trust.errors import VerificationError
from server.trust.jsontext import parse_json
from server.web.middleware import FORM_LIMIT_BYTES

Model = TypeVar("Model", bound=BaseModel)
MAX_DEPTH = 8


async def read_json(request: Request, model: type[Model]) -> Model:
    """The body as `model`. Raises: BadInput (not strict JSON, or nested deeper than 8); RequestValidationError (shape)."""
    try:
        value = parse_json(await request.body(), limit_bytes=FORM_LIMIT_BYTES, max_depth=MAX_DEPTH)
    except VerificationError as error:
        raise BadInput(field="body", reason=error.reason) from error
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from error


def json_body(model: type[BaseModel]) -> dict[str, Any]:
    """What OpenAPI says about a body that read_json() reads."""
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": model.model_json_schema()}}}}


def content_length(request: Request) -> int | None:
    """The announced length in bytes; None when there is none or it is not a number."""
    text = request.headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


def header_number(request: Request, name: str) -> int:
    """A header that must hold a whole number of bytes. Raises: BadInput."""
    text = request.headers.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise BadInput(field=name, reason="a whole number of bytes is wanted")
    return int(text)
