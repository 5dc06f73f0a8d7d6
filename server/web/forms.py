"""Values that people type into forms of pages."""

import re
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

from server.errors import BadInput

Typed = TypeVar("Typed")
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?)?(Z|[+-]\d{2}:\d{2})?")


def utc_time(field: str, text: str) -> datetime:
    """`2024-07-06T10:00:00Z`; without a zone it is UTC, as the form says beside the field. Raises: BadInput."""
    written = text.strip()
    if _TIME.fullmatch(written) is None:
        raise BadInput(field=field, reason="a time is written 2024-07-06 10:00:00, in UTC")
    try:
        moment = datetime.fromisoformat(written.replace("Z", "+00:00"))
        if moment.tzinfo is None:
            moment = datetime(*moment.timetuple()[:6], moment.microsecond, tzinfo=UTC)
        return moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise BadInput(field=field, reason="there is no such time") from error


def lines(text: str) -> list[str]:
    """The lines of a text area that are not empty, trimmed."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def typed_id(field: str, text: str) -> uuid.UUID:
    """The id. Raises: BadInput."""
    try:
        return uuid.UUID(text.strip())
    except ValueError as error:
        raise BadInput(field=field, reason="not an id") from error


def optional(parse: Callable[[str, str], Typed], field: str, text: str) -> Typed | None:
    """What `parse` makes of the text, None for a field left empty. Raises: BadInput."""
    return parse(field, text) if text.strip() else None
