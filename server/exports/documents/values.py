"""What documents are made of: strict values, and their one JSON text."""

import json
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from server.errors import BadInput


class Value(BaseModel):
    """A frozen value without members that are not known."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


def _no_control(text: str) -> str:
    if any(ord(one) < 32 and one not in "\n\t" for one in text):
        raise ValueError("control characters are no text")
    return text.replace("\r\n", "\n")


Line = Annotated[str, Field(max_length=300), AfterValidator(_no_control)]
Text = Annotated[str, AfterValidator(_no_control)]
Lines = Annotated[tuple[Line, ...], Field(max_length=12)]


def canonical(value: BaseModel) -> str:
    """The value as JSON, members sorted, no spaces."""
    return json.dumps(value.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def indented(text: str) -> bytes:
    """The same JSON for people to read."""
    return json.dumps(json.loads(text), sort_keys=True, indent=1, ensure_ascii=False).encode() + b"\n"


def bad_input(error: ValidationError) -> BadInput:
    """The first member that is wrong, by name."""
    first = error.errors()[0]
    return BadInput(field=".".join(str(part) for part in first["loc"]) or "document", reason=first["msg"])
