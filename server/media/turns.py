"""How two whole frames lie on each other when hashes alone decided: one of eight turns, by which of PDQ's eight codes met.

The turn is certain as far as the hashes are; the place is not measured: both frames are taken to show the same rectangle, and a
copy that is cropped or framed by a few per cent lies that far off.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from server.media.pdq import DIHEDRAL

_QUARTERS = {
    "original": (False, 0),
    "rotate90": (False, 1),
    "rotate180": (False, 2),
    "rotate270": (False, 3),
    "flip_y": (True, 0),
    "flip_plus": (True, 1),
    "flip_x": (True, 2),
    "flip_minus": (True, 3),
}


@dataclass(frozen=True)
class Turned:
    """matrix: 2 x 3, row by row, maps the query's coordinates to the known picture's, both as shares of the longer side.

    The query is mirrored left to right first when `mirrored`.
    """

    matrix: tuple[float, ...]
    mirrored: bool


def turned(code: int, query_shape: tuple[float, float], known_shape: tuple[float, float]) -> Turned:
    """The placement when the query's code of this number (a row of DIHEDRAL) met the known picture's plain one.

    Shapes: height and width as shares of the longer side.
    """
    mirrored, quarters = _QUARTERS[DIHEDRAL[code]]
    height, width = query_shape
    placed = np.eye(3)
    for _ in range(quarters):  # a quarter turn to the left: (x, y) goes to (y, width - x)
        placed = np.array([[0, 1, 0], [-1, 0, width], [0, 0, 1.0]]) @ placed
        height, width = width, height
    placed = np.diag([known_shape[1] / width, known_shape[0] / height, 1.0]) @ placed
    return Turned(tuple(float(value) for value in placed[:2].ravel()), mirrored)
