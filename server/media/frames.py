"""Pictures inside a picture by their edges: rectangles that straight lines enclose, whatever lies around them.

Finds what the calm around a picture (server.media.regions) does not: a picture set into a studio or another photograph, the tiles
of a gallery, a video in a window over another. Read from the kept small frame when two pictures are compared, never stored.

1. Long vertical runs of sharp steps.
2. Two of them that face each other, closed above and below by steps for most of their distance. One side
   may be the frame's border.
3. Kept when the inside has texture and many tones; words and buttons have few.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from server.media.decode import Grey
from server.media.regions import Region

MAX_FRAMES = 8
_STEP = 20
_SHORTEST = 34
_GAP = 7
_LINES = 28
_COVERED = 0.6
_FACING = 0.6
_NEAR = 3
_REACH = 12
_AREA = (0.03, 0.85)
_ALIKE = 0.8
_FLAT_LEVELS, FLAT_SHARE = 6, 0.6

Line = tuple[int, int, int]


def find_frames(grey: Grey) -> tuple[Region, ...]:
    """At most eight rectangles, largest first."""
    height, width = grey.shape
    if min(height, width) < 2 * _SHORTEST:
        return ()
    padded = grey.astype(np.int16)
    upright = np.zeros(grey.shape, np.uint8)
    upright[:, 1:-1] = np.abs(padded[:, 2:] - padded[:, :-2]) > _STEP
    level = np.zeros(grey.shape, np.uint8)
    level[1:-1] = np.abs(padded[2:] - padded[:-2]) > _STEP
    columns, upright = _lines(upright)
    level = np.asarray(cv2.morphologyEx(level, cv2.MORPH_CLOSE, np.ones((1, _GAP), np.uint8)), np.uint8)
    found: list[tuple[int, int, int, int]] = []
    for left, right in _facing([(0, 0, height), *columns, (width - 1, 0, height)]):
        top, bottom = min(left[1], right[1]), max(left[2], right[2])
        if (left[0], right[0]) == (0, width - 1):
            continue
        above, below = (_closing(level, (left[0], right[0]), end) for end in (top, bottom))
        if above is None or below is None:
            continue
        if (left[0] == 0 or right[0] == width - 1) + (above == 0) + (below == height - 1) > 1:
            continue
        if all(_is_covered(upright, side[0], (above, below)) for side in (left, right)):
            found.append((left[0], above, right[0], below))
    return _kept(grey, found)


def is_many_toned(part: Grey) -> bool:
    """Whether no narrow band of tones fills most of the part, as paper does between words."""
    if part.size == 0:
        return False
    tones = np.bincount(part.ravel(), minlength=256)
    near = np.convolve(tones, np.ones(2 * _FLAT_LEVELS + 1), "same")
    return bool(near.max() <= FLAT_SHARE * part.size)


def _lines(steps: NDArray[np.uint8]) -> tuple[list[Line], NDArray[np.uint8]]:
    """Step 1: (column, first row, last row) of the longest vertical runs by column; and the steps with small gaps closed."""
    closed = cv2.morphologyEx(steps, cv2.MORPH_CLOSE, np.ones((_GAP, 1), np.uint8))
    runs = cv2.morphologyEx(closed, cv2.MORPH_OPEN, np.ones((_SHORTEST, 1), np.uint8))
    count, _, boxes, centres = cv2.connectedComponentsWithStats(runs, connectivity=8)
    lines = [
        (round(float(centres[i][0])), int(boxes[i][1]), int(boxes[i][1] + boxes[i][3]))
        for i in range(1, count)
        if boxes[i][2] <= 2 * _NEAR
    ]
    longest = sorted(lines, key=lambda line: (line[1] - line[2], line))[:_LINES]
    return sorted(longest), np.asarray(closed, np.uint8)


def _facing(lines: list[Line]) -> list[tuple[Line, Line]]:
    """Step 2: pairs of lines far enough apart that run beside each other for most of the longer one's length."""
    pairs = []
    for number, first in enumerate(lines):
        for second in lines[number + 1 :]:
            beside = min(first[2], second[2]) - max(first[1], second[1])
            if second[0] - first[0] >= _SHORTEST and beside >= _FACING * max(first[2] - first[1], second[2] - second[1]):
                pairs.append((first, second))
    return pairs


def _closing(level: NDArray[np.uint8], sides: tuple[int, int], end: int) -> int | None:
    """The row nearest to `end` where a line closes the distance between two sides; None when there is none near."""
    height = len(level)
    if end <= _NEAR or end >= height - 1 - _NEAR:
        return min(max(end, 0), height - 1)
    first = max(end - _REACH, 0)
    covered = level[first : end + _REACH + 1, sides[0] : sides[1]].mean(axis=1)
    rows = np.flatnonzero(covered >= _COVERED) + first
    return int(rows[np.abs(rows - end).argmin()]) if len(rows) else None


def _is_covered(upright: NDArray[np.uint8], column: int, ends: tuple[int, int]) -> bool:
    """Whether a side is a line for most of its height; the frame's own border is."""
    if ends[1] - ends[0] < _SHORTEST:
        return False
    if column in (0, upright.shape[1] - 1):
        return True
    near = upright[ends[0] : ends[1], max(column - _NEAR, 0) : column + _NEAR + 1]
    return bool(near.max(axis=1).mean() >= _COVERED)


def _kept(grey: Grey, found: list[tuple[int, int, int, int]]) -> tuple[Region, ...]:
    """Step 3, and of nearly equal rectangles the largest."""
    height, width = grey.shape
    kept: list[Region] = []
    for left, top, right, bottom in sorted(set(found), key=lambda box: (-(box[2] - box[0]) * (box[3] - box[1]), box)):
        region = Region(left / width, top / height, min((right + 1) / width, 1.0), min((bottom + 1) / height, 1.0))
        if not _AREA[0] <= region.area <= _AREA[1] or any(region.shared_area(other) > _ALIKE for other in kept):
            continue
        if is_many_toned(grey[top:bottom, left:right]):
            kept.append(region)
    return tuple(kept[:MAX_FRAMES])
