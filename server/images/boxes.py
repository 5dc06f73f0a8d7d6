"""Pictures that only a screenshot shows: cut out of it along the boxes that the browser itself gave."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from server.images.found import FoundPicture, ImageBox
from server.images.reader import Box, PictureReader
from storage.hashing import hash_bytes

CROPS_LIMIT = 64
MIN_PIXELS = 48
SEEN_SHARE = 0.5
WHOLE_SHARE = 0.9
"""A box that is nearly all of the shot is the page, not a picture on it: the shot itself is searched already."""


@dataclass(frozen=True)
class Crop:
    """A picture cut out of a screenshot. Its digest is of the screenshot's digest and the box: it is no file of its own."""

    picture: FoundPicture
    box: ImageBox


def crops_of(
    reader: PictureReader,
    shot: tuple[str, bytes],
    boxes: Sequence[ImageBox],
    predicate: Mapping[str, object],
    note: Callable[[str], None],
) -> list[Crop]:
    """What the viewport shot (its name, its PNG) shows in these boxes, the largest first, each part once. Blocking.
    note: told what was left out for its number, or because the shot could not be cut.

    Boxes are in CSS pixels of the page; the statement's viewport says where the shot stood and how many pixels a CSS pixel has.
    Left out: boxes of frames whose place in the page is not known, and what is not loaded, hardly to be seen, tiny, or the page.
    Not checked: that nothing else was drawn over a box. A crop says what the shot shows there, its address what the page says.
    """
    viewport = predicate.get("viewport")
    facts = viewport if isinstance(viewport, dict) else {}
    placed: dict[Box, ImageBox] = {}
    for box in boxes:
        if (pixels := _pixels(box, facts)) is not None:
            placed.setdefault(pixels, box)
    chosen = sorted(((box, pixels) for pixels, box in placed.items()), key=lambda pair: -_area(pair[1]))[:CROPS_LIMIT]
    if not chosen:
        return []
    name, data = shot
    if len(placed) > CROPS_LIMIT:
        note(f"{name}: {len(placed) - CROPS_LIMIT} of {len(placed)} pictures that only it shows were not cut out, the smallest")
    digest = hash_bytes(data)
    cut, problem = reader.crops(data, [pixels for _, pixels in chosen])
    if problem:
        note(f"{name}: no picture could be cut out of it: {problem}")
        return []
    return [
        Crop(FoundPicture(_digest(digest, pixels), len(png), "crop", name, "box", box.url, png), box)
        for (box, pixels), png in zip(chosen, cut, strict=True)
        if png
    ]


def _pixels(box: ImageBox, viewport: Mapping[str, object]) -> Box | None:
    """Left, top, right, bottom in the shot's pixels; None for what it does not show well."""
    at = box.at if box.frame_url else box.box
    if at is None or not box.is_loaded:
        return None
    facts = [viewport.get(name) for name in ("scrollX", "scrollY", "devicePixelRatio", "width", "height")]
    plain = [float(n) for n in facts if isinstance(n, int | float) and not isinstance(n, bool) and math.isfinite(n)]
    if len(plain) != 5 or not 0.1 <= plain[2] <= 16:
        return None
    scroll_x, scroll_y, ratio, width, height = plain
    left, top = max(0.0, at[0] - scroll_x), max(0.0, at[1] - scroll_y)
    right, bottom = min(width, at[0] - scroll_x + at[2]), min(height, at[1] - scroll_y + at[3])
    if right <= left or bottom <= top:
        return None
    seen = (right - left) * (bottom - top)
    if seen < SEEN_SHARE * box.box[2] * box.box[3] or seen > WHOLE_SHARE * width * height:
        return None
    pixels = (round(left * ratio), round(top * ratio), round(right * ratio), round(bottom * ratio))
    return pixels if min(pixels[2] - pixels[0], pixels[3] - pixels[1]) >= MIN_PIXELS else None


def _area(box: Box) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])


def _digest(screenshot: str, pixels: Box) -> str:
    return hashlib.sha256(f"{screenshot} {','.join(map(str, pixels))}".encode()).hexdigest()
