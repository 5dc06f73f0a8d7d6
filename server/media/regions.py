"""Pictures inside a picture: the rectangles of a frame that are surrounded by calm (page, bars, captions, blurred pillars).

A recursive X-Y cut over an activity map. Calm means: almost no pixel differs sharply from its neighbours, so flat colour,
gradients and blur are all calm, and text is active but thin. Finds nothing where a picture fades into its surroundings; the
descriptors are there for those.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from server.media.decode import Grey

MAX_REGIONS = 4
ACTIVE_ABOVE = 12
CALM_SHARE = 0.015
MIN_GAP = 2
MIN_SIDE = 48
MIN_AREA_SHARE = 0.035
MAX_AREA_SHARE = 0.97
MIN_ACTIVE_SHARE = 0.06
MAX_DEPTH = 6
_ACTIVITY_CELL = 8


@dataclass(frozen=True)
class Region:
    """A rectangle as shares of the frame: 0 <= left < right <= 1, 0 <= top < bottom <= 1."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def area(self) -> float:
        return (self.right - self.left) * (self.bottom - self.top)

    def pixels(self, shape: tuple[int, ...]) -> tuple[slice, slice]:
        """Row and column slices of the region in a frame of this shape."""
        height, width = shape[:2]
        return (
            slice(round(self.top * height), max(round(self.top * height) + 1, round(self.bottom * height))),
            slice(round(self.left * width), max(round(self.left * width) + 1, round(self.right * width))),
        )

    def shared_area(self, other: Region) -> float:
        """Intersection over union of the two rectangles, 0..1."""
        wide = min(self.right, other.right) - max(self.left, other.left)
        high = min(self.bottom, other.bottom) - max(self.top, other.top)
        if wide <= 0 or high <= 0:
            return 0.0
        return wide * high / (self.area + other.area - wide * high)


def find_regions(grey: Grey) -> tuple[Region, ...]:
    """At most four candidate rectangles, largest first, none covering (nearly) the whole frame."""
    height, width = grey.shape
    if min(height, width) < 2 * MIN_SIDE:
        return ()
    active = (np.abs(cv2.Laplacian(grey, cv2.CV_16S, ksize=1)) > ACTIVE_ABOVE).astype(np.uint8)
    found: list[tuple[int, int, int, int]] = []
    _cut(active, (0, 0, width, height), MAX_DEPTH, found)
    regions = []
    for left, top, right, bottom in sorted(set(found), key=lambda box: (-_area(box), box)):
        share = _area((left, top, right, bottom)) / (width * height)
        if MIN_AREA_SHARE <= share <= MAX_AREA_SHARE and _is_textured(active[top:bottom, left:right]):
            regions.append(Region(left / width, top / height, right / width, bottom / height))
    return tuple(_distinct(regions)[:MAX_REGIONS])


def _area(box: tuple[int, int, int, int]) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])


def _distinct(regions: list[Region]) -> list[Region]:
    kept: list[Region] = []
    for region in regions:
        if all(region.shared_area(other) < 0.9 for other in kept):
            kept.append(region)
    return kept


def _is_textured(active: NDArray[np.uint8]) -> bool:
    """Whether activity is spread over the rectangle as in a picture, not in lines as in text."""
    cells = cv2.resize(active.astype(np.float32), _cells(active.shape), interpolation=cv2.INTER_AREA)
    return bool(active.mean() >= MIN_ACTIVE_SHARE or (cells > 0).mean() > 0.45)


def _cells(shape: tuple[int, ...]) -> tuple[int, int]:
    return max(1, shape[1] // _ACTIVITY_CELL), max(1, shape[0] // _ACTIVITY_CELL)


def _cut(active: NDArray[np.uint8], box: tuple[int, int, int, int], depth: int, found: list[tuple[int, int, int, int]]) -> None:
    """Trims the calm margin of the box, keeps what is left, and goes on in the parts between calm gaps."""
    left, top, right, bottom = box
    part = active[top:bottom, left:right]
    rows, columns = part.mean(axis=1) > CALM_SHARE, part.mean(axis=0) > CALM_SHARE
    if not rows.any() or not columns.any():
        return
    across, down = _runs(columns), _runs(rows)
    box = (left + across[0][0], top + down[0][0], left + across[-1][1], top + down[-1][1])
    if box[2] - box[0] < MIN_SIDE or box[3] - box[1] < MIN_SIDE:
        return
    found.append(box)
    if depth == 0:
        return
    if len(across) == 1 and len(down) == 1:
        if box != (left, top, right, bottom):
            _cut(active, box, depth - 1, found)
        return
    if len(down) > 1:
        parts = [(box[0], top + a, box[2], top + b) for a, b in down]
    else:
        parts = [(left + a, box[1], left + b, box[3]) for a, b in across]
    for piece in parts:
        if piece[2] - piece[0] >= MIN_SIDE and piece[3] - piece[1] >= MIN_SIDE:
            _cut(active, piece, depth - 1, found)


def _runs(busy: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Start and end of every stretch of busy lines; gaps shorter than MIN_GAP lines do not separate."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], busy.astype(np.int8), [0]))))
    runs: list[tuple[int, int]] = []
    for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if runs and start - runs[-1][1] < MIN_GAP:
            runs[-1] = (runs[-1][0], end)
        else:
            runs.append((start, end))
    return runs
