"""Masking parts of a picture: boxes that a person set, and the copy with opaque boxes. Pure: bytes in, bytes out.

A masked copy is a working copy: never evidence, always with a hash of its own. The picture it is made of is only read.
"""

import hashlib
import io
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from PIL import ImageDraw

from server.captures.previews import decoded_picture, read_image_facts
from storage.hashing import Sha256

BOXES_LIMIT = 64
MAX_PX = 1_000_000
COVER = (0, 0, 0)
SUGGESTED_LIMIT = 16


@dataclass(frozen=True, order=True)
class MaskBox:
    """A rectangle in pixels of the picture's file, from its top left corner; width and height are at least 1."""

    x: int
    y: int
    width: int
    height: int

    def as_json(self) -> dict[str, int]:
        """The box as it stands in rows and events."""
        return {"x": self.x, "y": self.y, "width": self.width, "height": self.height}


@dataclass(frozen=True)
class MaskedPicture:
    """The copy: PNG bytes, their hash, the size in pixels, and the boxes as they were drawn (cut at the picture's edges)."""

    data: bytes
    sha256: Sha256
    width: int
    height: int
    boxes: tuple[MaskBox, ...]


class BoxesRefused(Exception):
    """The boxes cannot be drawn. `reason` is one plain sentence."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def parse_boxes(rows: Iterable[Sequence[str]]) -> tuple[MaskBox, ...]:
    """The boxes of form rows (x, y, width, height as typed); a row with four empty fields is no box. Edges round outwards.

    Raises: BoxesRefused for a row that is half filled, is no number, has no size, or is one too many.
    """
    boxes: list[MaskBox] = []
    for number, row in enumerate(rows, 1):
        typed = [text.strip() for text in row]
        if not any(typed):
            continue
        sides = [_number(text) for text in typed]
        x, y, width, height = sides if len(sides) == 4 else (None, None, None, None)
        if x is None or y is None or width is None or height is None or width <= 0 or height <= 0:
            raise BoxesRefused(f"box {number}: four numbers are needed, and a width and a height above 0")
        boxes.append(_outward(x, y, width, height))
        if len(boxes) > BOXES_LIMIT:
            raise BoxesRefused(f"at most {BOXES_LIMIT} boxes")
    return tuple(boxes)


def masked_picture(source: BinaryIO, boxes: Sequence[MaskBox]) -> MaskedPicture:
    """A PNG of the same pixels with every box opaque black: IHDR, IDAT and IEND only, so nothing of the file's metadata is left.

    Transparent pixels are laid on white: what lay hidden under transparency must not become visible. Without a box it is a copy
    without metadata. Raises: UnreadableImage; BoxesRefused for a box outside the picture. Blocking; at most MAX_PIXELS pixels.
    """
    facts = read_image_facts(source)
    clipped = tuple(_clipped(number, box, (facts.width, facts.height)) for number, box in enumerate(boxes, 1))
    source.seek(0)
    image = decoded_picture(source)
    draw = ImageDraw.Draw(image)
    for box in clipped:
        draw.rectangle((box.x, box.y, box.x + box.width - 1, box.y + box.height - 1), fill=COVER)
    image.info = {}
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=6)
    data = out.getvalue()
    return MaskedPicture(data, Sha256(hashlib.sha256(data).hexdigest()), image.width, image.height, clipped)


def suggested_boxes(payload: bytes, artifact: str) -> tuple[MaskBox, ...]:
    """What the person in the browser marked to be masked in this picture (docs/formats.md section 3), in pixels of the file.

    A suggestion, never a mask: what cannot be read is left out. Boxes are CSS pixels; the ratio is the statement's own.
    """
    predicate = json.loads(payload).get("predicate")
    given = predicate.get("masks") if isinstance(predicate, dict) else None
    viewport = predicate.get("viewport") if isinstance(predicate, dict) else None
    ratio = _finite(viewport.get("devicePixelRatio")) if isinstance(viewport, dict) else None
    boxes: list[MaskBox] = []
    for one in given[:SUGGESTED_LIMIT] if isinstance(given, list) else ():
        box = one.get("box") if isinstance(one, dict) and one.get("artifact") == artifact else None
        sides = [_finite(box.get(side)) for side in ("x", "y", "width", "height")] if isinstance(box, dict) else []
        scaled = [side * (ratio or 1.0) for side in sides if side is not None]
        if len(scaled) == 4 and scaled[2] > 0 and scaled[3] > 0:
            boxes.append(_outward(*scaled))
    return tuple(boxes)


def _clipped(number: int, box: MaskBox, size: tuple[int, int]) -> MaskBox:
    left, top = max(0, box.x), max(0, box.y)
    right, bottom = min(size[0], box.x + box.width), min(size[1], box.y + box.height)
    if right <= left or bottom <= top:
        raise BoxesRefused(f"box {number} lies outside the picture of {size[0]} × {size[1]} pixels")
    return MaskBox(left, top, right - left, bottom - top)


def _outward(x: float, y: float, width: float, height: float) -> MaskBox:
    left, top = math.floor(x), math.floor(y)
    return MaskBox(left, top, max(1, math.ceil(x + width) - left), max(1, math.ceil(y + height) - top))


def _number(text: str) -> float | None:
    try:
        return _finite(float(text)) if len(text) <= 20 and text.isascii() else None
    except ValueError:
        return None


def _finite(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) and abs(value) <= MAX_PX else None
