"""What the person pointed at, as the capture page draws it over working copies of the shot. Shape: docs/formats.md section 3.

The evidence is the unmarked shot and the numbers in the signed statement; the mark and the crop are drawn anew each time.
"""

import json
import math
from dataclasses import dataclass

from server.web.pages.statement_view import Shot

MAX_PX = 1_000_000.0
MAX_TEXT = 2000


@dataclass(frozen=True)
class Box:
    """A rectangle in CSS pixels from the top left corner of the viewport."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Selection:
    """kind: image or region. box is None when the device did not know the place; view is the shot's size in CSS pixels."""

    kind: str
    box: Box | None
    view: Box
    shot: str
    src_url: str
    frame_url: str
    artifact: str
    source: str
    exact: bool
    matches: int
    reason: str


def selection_of(payload: bytes, shots: tuple[Shot, ...]) -> Selection | None:
    """The selection a statement's payload names; None without one, or when what it names cannot be read.

    Not checked: that the picture stands at the box; both are the device's word.
    """
    predicate = json.loads(payload).get("predicate")
    if not isinstance(predicate, dict):
        return None
    given, viewport = predicate.get("selection"), predicate.get("viewport")
    shot = next((one.name for one in shots if one.role == "screenshot.viewport" and one.preview), "")
    if not isinstance(given, dict) or not isinstance(viewport, dict) or given.get("kind") not in ("image", "region"):
        return None
    view = _box({"x": 0, "y": 0, "width": viewport.get("width"), "height": viewport.get("height")})
    matches = given.get("matches")
    if view is None:
        return None
    return Selection(
        kind=str(given["kind"]),
        box=_box(given.get("box")) if shot else None,
        view=view,
        shot=shot,
        src_url=_text(given.get("srcUrl")),
        frame_url=_text(given.get("frameUrl")),
        artifact=_text(given.get("artifact")),
        source=_text(given.get("source")),
        exact=given.get("exact") is True,
        matches=matches if isinstance(matches, int) else 0,
        reason=_text(given.get("reason")),
    )


def _box(value: object) -> Box | None:
    if not isinstance(value, dict):
        return None
    sides = [_number(value.get(side)) for side in ("x", "y", "width", "height")]
    x, y, width, height = sides
    if x is None or y is None or width is None or height is None or width <= 0 or height <= 0:
        return None
    return Box(x, y, width, height)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not math.isfinite(value) or abs(value) > MAX_PX:
        return None
    return int(value) if float(value).is_integer() else round(float(value), 2)


def _text(value: object) -> str:
    return value[:MAX_TEXT] if isinstance(value, str) else ""
