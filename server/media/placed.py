"""Outlines of pictures and regions, and where a map takes them. All coordinates are shares of a frame's longer side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from server.media.regions import Region

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Fit:
    """A map found by points, float64 [2, 3], of the query (its mirror image when `mirrored`) to the known picture.

    inliers: how many points it explains.
    """

    matrix: Matrix
    mirrored: bool
    inliers: int


def corners(width: float, height: float) -> Matrix:
    """The four corners of a frame, float64 [4, 2], clockwise from the upper left."""
    return np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)


def rectangle(region: Region, shape: tuple[float, float]) -> Matrix:
    """The corners of a region of a frame of this height and width."""
    high, wide = shape
    left, top, right, bottom = region.left * wide, region.top * high, region.right * wide, region.bottom * high
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float64)


def mirror(outline: Matrix, width: float) -> Matrix:
    """The outline in the left-right mirror image of a frame of this width."""
    return np.stack((width - outline[:, 0], outline[:, 1]), axis=1)[::-1]


def moved(matrix: Matrix, points: NDArray[np.floating]) -> Matrix:
    """The points under the affine map, float64 [2, 3]."""
    return np.asarray(points @ matrix[:, :2].T + matrix[:, 2], np.float64)


def area(outline: Matrix) -> float:
    """The area of an outline."""
    return abs(_turning(outline)) / 2


def common(first: Matrix, second: Matrix) -> tuple[float, Matrix | None]:
    """The area that two convex outlines share, and its outline; None when they do not meet.

    Cut here, half-plane by half-plane: cv2.intersectConvexConvex (5.0) finds nothing, or a part, for outlines whose edges nearly
    coincide, as those of a picture and its copy do.  Source: Sutherland and Hodgman, Reentrant Polygon Clipping, 1974.
    """
    edges = second if _turning(second) > 0 else second[::-1]
    left = first
    for start, end in zip(edges, np.roll(edges, -1, axis=0), strict=True):
        along = end - start
        inside = along[0] * (left[:, 1] - start[1]) - along[1] * (left[:, 0] - start[0])
        kept: list[NDArray[np.float64]] = []
        for number, point in enumerate(left):
            before = number - 1
            if (inside[number] >= 0) != (inside[before] >= 0):
                share = inside[before] / (inside[before] - inside[number])
                kept.append(left[before] + share * (point - left[before]))
            if inside[number] >= 0:
                kept.append(point)
        if len(kept) < 3:
            return 0.0, None
        left = np.array(kept, np.float64)
    size = area(left)
    return (size, left) if size > 0 else (0.0, None)


def _turning(outline: Matrix) -> float:
    """Twice the area, negative when the corners go round the other way."""
    x, y = outline[:, 0], outline[:, 1]
    return float((x * np.roll(y, -1) - np.roll(x, -1) * y).sum())
