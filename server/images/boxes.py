"""Pictures that only a screenshot shows: cut out of it along the boxes that the browser itself gave."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from server.images.found import FoundPicture, ImageBox
from server.images.reader import Box, PictureReader
from storage.hashing import hash_bytes

CROPS_LIMIT = 64
MIN_PIXELS = 48


@dataclass(frozen=True)
class Crop:
    """A picture cut out of a screenshot. Its digest is of the screenshot's digest and the box: it is no file of its own."""

    picture: FoundPicture
    box: ImageBox


def crops_of(
    reader: PictureReader, shot: tuple[str, bytes], boxes: Sequence[ImageBox], predicate: Mapping[str, object]
) -> list[Crop]:
    """What the viewport shot (its name, its PNG) shows in these boxes of the top frame, the largest first. Blocking.

    Boxes are in CSS pixels of the page; the statement's viewport says where the shot stood and how many pixels a CSS pixel has.
    """
    viewport = predicate.get("viewport")
    placed = [(box, pixels) for box in boxes if (pixels := _pixels(box, viewport if isinstance(viewport, dict) else {}))]
    placed.sort(key=lambda pair: -((pair[1][2] - pair[1][0]) * (pair[1][3] - pair[1][1])))
    chosen = placed[:CROPS_LIMIT]
    if not chosen:
        return []
    name, data = shot
    digest = hash_bytes(data)
    cut = reader.crops(data, [pixels for _, pixels in chosen])
    return [
        Crop(FoundPicture(_digest(digest, pixels), len(png), "crop", name, "box", box.url, png), box)
        for (box, pixels), png in zip(chosen, cut, strict=True)
        if png
    ]


def _pixels(box: ImageBox, viewport: Mapping[str, object]) -> Box | None:
    """Left, top, right, bottom in the shot's pixels; None for what it does not show well."""
    if box.frame_url or not box.is_loaded:
        return None
    facts = [viewport.get(name) for name in ("scrollX", "scrollY", "devicePixelRatio", "width", "height")]
    plain = [float(n) for n in facts if isinstance(n, int | float) and not isinstance(n, bool) and math.isfinite(n)]
    if len(plain) != 5 or not 0.1 <= plain[2] <= 16:
        return None
    scroll_x, scroll_y, ratio, width, height = plain
    left, top = max(0.0, box.box[0] - scroll_x), max(0.0, box.box[1] - scroll_y)
    right, bottom = min(width, box.box[0] - scroll_x + box.box[2]), min(height, box.box[1] - scroll_y + box.box[3])
    if right <= left or bottom <= top or (right - left) * (bottom - top) < 0.5 * box.box[2] * box.box[3]:
        return None
    pixels = (round(left * ratio), round(top * ratio), round(right * ratio), round(bottom * ratio))
    return pixels if min(pixels[2] - pixels[0], pixels[3] - pixels[1]) >= MIN_PIXELS else None


def _digest(screenshot: str, pixels: Box) -> str:
    return hashlib.sha256(f"{screenshot} {','.join(map(str, pixels))}".encode()).hexdigest()
