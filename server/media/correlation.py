"""Are the pixels of two overlaid frames the same? Local correlation at two scales, after a fine alignment.

1. Both frames are sampled on one grid over their overlap, at the coarser one's resolution.
2. 9 x 9 cells are correlated. A scale's value is what 60 % of the textured cells reach: local, so that a caption or a sticker
   costs its own cells only. A cell that only one of the two has texture in counts half: words across a plain sky tell that
   something was laid over it, not that the rest is another picture. But what a template draws must not outvote what it shows:
   see _is_another_picture(). Then it is at most a `variant`, whatever else agrees.
3. Feature points place a picture within a pixel or two, which fine detail does not forgive: the overlay is aligned once more
   by its pixels (ECC), and the better of the two overlays counts.
4. The score is the mean of both scales. The coarse scale alone carries it to COARSE_ALONE at most, so it can make a `variant`
   but never `same`: another generation from the same edge map agrees in outlines and shading, not in detail. Measured on
   pairs of one edge map: coarse to .88, detail to .57; on edited copies of one picture mostly above .9 and .8.

Source of step 3: Evangelidis and Psarakis, Parametric Image Alignment Using Enhanced Correlation Coefficient Maximization, 2008.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
Frames = tuple[NDArray[np.uint8], NDArray[np.uint8]]
Cut = tuple[NDArray[np.float32], NDArray[np.bool_]]
SAME_SCORE = 0.8
COARSE_ALONE = 0.79
CELLS = 9
_CELL_SHARE = 0.6
_ONE_SIDED = 0.5
_GRID = (72, 198)
_MIN_TEXTURED = 8
_COARSE_STD, _DETAIL_STD = 3.0, 1.4
_DETAIL_SIGMA = 1.5
_AGREES, _TELLS_TONES = 0.5, 0.8
_SMALLEST_PIECE, _LARGEST_PIECE = 0.02, 0.2
_BOTH_SHOW, _ONE_SHOWS = 0.05, 0.15
_TONE, _EXPLAINED, _LARGE_EXPLAINED = 12, 0.5, 0.6
_UNEVEN = 2.0
_LARGEST_STICKER, _TOLD_BESIDE, _STICKER_TONE = 0.08, 0.25, 0.6
_FLAT_LEVELS, _FLAT_SHARE = 12, 0.6
_WORTH_ALIGNING, _CLEAR = 0.45, 0.93
_MAX_SHIFT = 0.06
_ECC_STEPS = 30


@dataclass(frozen=True)
class Correlation:
    """`score`: -1..1. `matrix`: float64 [2, 3], the overlay for which it holds, query to known, shares of each longer side.

    another: one piece of the overlap shows another picture, which alone keeps the score at COARSE_ALONE.
    """

    score: float
    matrix: Matrix
    another: bool = False


def correlation(frames: Frames, matrix: Matrix, shared: Matrix) -> Correlation | None:
    """The score of frames (query, known) under this overlay; None when too few cells have texture.

    shared: float64 [n, 2], the corners of the overlap in shares of the known frame's longer side.
    """
    query, known = frames
    low, high = shared.min(axis=0), shared.max(axis=0)
    span = high - low
    if min(span) < 0.02:
        return None
    magnified = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    pixels = float(span.max()) * min(max(known.shape), max(query.shape) / max(magnified, 1e-6))
    side = int(np.clip(pixels, *_GRID))
    side -= side % CELLS
    to_known = np.array([[span[0] / side, 0, low[0]], [0, span[1] / side, low[1]], [0, 0, 1.0]])
    to_query = np.linalg.inv(_square(matrix)) @ to_known
    known_cut = _cut_out(known, to_known, side)
    query_cut = _cut_out(query, to_query, side)
    found = _score(known_cut, query_cut)
    if found is None:
        return None
    made = Correlation(found.score, matrix, found.another)
    if found.coarse < _WORTH_ALIGNING or found.score >= _CLEAR:
        return made
    warp = _aligned(known_cut, query_cut)
    if warp is not None:
        again = _score(known_cut, _cut_out(query, to_query @ warp, side))
        if again is not None and again.score > found.score:
            placed = np.linalg.inv(to_query @ warp @ np.linalg.inv(to_known))
            return Correlation(again.score, np.ascontiguousarray(placed[:2]), again.another)
    return made


def _square(matrix: Matrix) -> Matrix:
    return np.vstack((matrix, [0, 0, 1.0]))


def _cut_out(frame: NDArray[np.uint8], grid_to_shares: Matrix, side: int) -> Cut:
    """The frame sampled on the grid, low-passed to the grid's own resolution, and where it has pixels at all."""
    longer = max(frame.shape)
    to_pixels = np.diag([longer, longer, 1.0]) @ grid_to_shares
    step = float(np.sqrt(abs(np.linalg.det(to_pixels[:2, :2]))))
    blurred = cv2.GaussianBlur(frame, (0, 0), max(0.6, 0.6 * step))
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    cut = cv2.warpAffine(blurred, to_pixels[:2], (side, side), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    full = np.full(frame.shape, 255, np.uint8)
    mask = cv2.warpAffine(full, to_pixels[:2], (side, side), flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP)
    return cut.astype(np.float32), np.asarray(mask) > 0


def _aligned(known: Cut, query: Cut) -> Matrix | None:
    """The small affine map of the grid that brings the query's pixels onto the known one's; None when there is none."""
    valid = (known[1] & query[1]).astype(np.uint8) * 255
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, _ECC_STEPS, 1e-4)
    start = np.eye(2, 3, dtype=np.float32)
    try:
        _, found = cv2.findTransformECC(known[0], query[0], start, cv2.MOTION_AFFINE, stop, valid, 5)
    except cv2.error:  # it did not converge
        return None
    warp = _square(np.asarray(found, np.float64))
    side = len(known[0])
    corners = np.array([[0, 0, 1], [side, 0, 1], [side, side, 1], [0, side, 1]], np.float64).T
    shift = np.abs((warp @ corners - corners)[:2]).max()
    return warp if np.isfinite(shift) and shift <= _MAX_SHIFT * side else None


@dataclass(frozen=True)
class _Score:
    """`coarse`: the coarse scale's value. another: see Correlation."""

    score: float
    coarse: float
    another: bool


def _score(known: Cut, query: Cut) -> _Score | None:
    """Step 4. None: too few textured cells."""
    valid = known[1] & query[1]
    coarse = _scale(known[0], query[0], valid, _COARSE_STD)
    if coarse is None:
        return None
    detail = _scale(_fine(known[0]), _fine(query[0]), valid, _DETAIL_STD)
    alone = min(coarse, COARSE_ALONE)
    score = alone if detail is None else max(alone, (coarse + detail) / 2)
    another = score >= SAME_SCORE and _is_another_picture(known[0], query[0], valid)
    return _Score(min(score, COARSE_ALONE) if another else score, coarse, another)


def _fine(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """What a blur of one and a half grid steps takes away."""
    return np.asarray(values - cv2.GaussianBlur(values, (0, 0), _DETAIL_SIGMA), np.float32)


def _scale(first: NDArray[np.float32], second: NDArray[np.float32], valid: NDArray[np.bool_], least_std: float) -> float | None:
    """The correlation that 60 % of the textured cells reach, by weight; None when too few cells have texture."""
    found = _compared(first, second, valid)
    textured = found.covered & (np.maximum(*found.powers) > least_std**2)
    if int(textured.sum()) < _MIN_TEXTURED:
        return None
    weights = np.where(np.minimum(*found.powers) > least_std**2, 1.0, _ONE_SIDED)[textured]
    return _reached(found.together[textured], weights)


@dataclass(frozen=True)
class _Cells:
    """By cell: whether both frames cover it, the variance of either one in it, and the correlation of the two."""

    covered: NDArray[np.bool_]
    powers: tuple[NDArray[np.float32], NDArray[np.float32]]
    together: NDArray[np.float32]


def _cells(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """The grid's values by cell, [cells, pixels]."""
    side = len(values) // CELLS
    return values.reshape(CELLS, side, CELLS, side).swapaxes(1, 2).reshape(CELLS * CELLS, side * side)


def _compared(first: NDArray[np.float32], second: NDArray[np.float32], valid: NDArray[np.bool_]) -> _Cells:
    one, two = _cells(first), _cells(second)
    one, two = one - one.mean(axis=1, keepdims=True), two - two.mean(axis=1, keepdims=True)
    powers = ((one**2).mean(axis=1), (two**2).mean(axis=1))
    together = (one * two).mean(axis=1) / np.sqrt(np.maximum(powers[0] * powers[1], 1e-3))
    return _Cells(_cells(valid.astype(np.float32)).mean(axis=1) > 0.95, powers, together)


def _is_another_picture(first: NDArray[np.float32], second: NDArray[np.float32], valid: NDArray[np.bool_]) -> bool:
    """Whether one piece of the overlap shows another picture, though the rest agrees: a template with two pictures.

    Only what has many tones counts as shown, on either side: flat paper and bars say nothing and agree with everything. Nor does
    light that merely falls off over a calm background, as filters darken the corners, show another picture there. Words and
    stickers laid over a picture leave some of it between them, which one map of tones, read from the cells that agree, explains;
    another picture is hardly explained. A small sticker of one tone is none either. Another picture it is when a piece that is
    not explained fills a fifth of the overlap, or when, of what is shown, .05 differ in one piece where both show something, or
    .15 where either does.
    """
    found = _compared(first, second, valid)
    textured = found.covered & (np.maximum(*found.powers) > _COARSE_STD**2)
    one, two = _cells(first), _cells(second)
    uneven = np.maximum(_unevenness(one), _unevenness(two)) > _UNEVEN**2
    differing = textured & uneven & (found.together < _AGREES)
    piece = _largest(differing)
    covered, size = max(int(found.covered.sum()), 1), int(piece.sum())
    if size < _SMALLEST_PIECE * covered:
        return False
    large = size >= _LARGEST_PIECE * covered
    shown = (_has_tones(one), _has_tones(two))
    clear = textured & (found.together >= _TELLS_TONES)
    told = _told((one, two), clear)[piece]
    if told.mean() >= (_LARGE_EXPLAINED if large else _EXPLAINED):
        return False
    if size <= _LARGEST_STICKER * covered and _is_sticker((one[piece], two[piece]), told):
        return False
    if large:
        return True
    for counted, least in ((shown[0] & shown[1], _BOTH_SHOW), (shown[0] | shown[1], _ONE_SHOWS)):
        differs = int(_largest(differing & counted).sum())
        agrees = int((textured & counted & (found.together >= _AGREES)).sum())
        if differs >= least * max(differs + agrees, 1):
            return True
    return False


def _largest(cells: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The largest connected piece of these cells; none of them when there is none."""
    count, numbers, boxes, _ = cv2.connectedComponentsWithStats(cells.reshape(CELLS, CELLS).astype(np.uint8), connectivity=4)
    if count < 2:
        return np.zeros_like(cells)
    return np.asarray(numbers.ravel() == 1 + int(boxes[1:, cv2.CC_STAT_AREA].argmax()), np.bool_)


def _unevenness(cells: NDArray[np.float32]) -> NDArray[np.float32]:
    """By cell: the variance that is left when light that rises or falls evenly across the cell is taken away."""
    side = round(cells.shape[1] ** 0.5)
    along = np.tile(np.arange(side, dtype=np.float32) - (side - 1) / 2, side)
    down = np.repeat(along[:side], side)
    ramps = np.stack((along, down), axis=1) / np.sqrt(float((along**2).sum()))
    level = cells - cells.mean(axis=1, keepdims=True)
    return np.asarray(((level - (level @ ramps) @ ramps.T) ** 2).mean(axis=1), np.float32)


def _has_tones(cells: NDArray[np.float32]) -> NDArray[np.bool_]:
    """By cell: whether no narrow band of tones fills most of it."""
    ordered = np.sort(cells, axis=1)
    most = int(_FLAT_SHARE * cells.shape[1])
    return np.asarray((ordered[:, most:] - ordered[:, : cells.shape[1] - most]).min(axis=1) > _FLAT_LEVELS, np.bool_)


def _told(cells: tuple[NDArray[np.float32], NDArray[np.float32]], clear: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which pixels of each cell the line of tones through the clear cells tells to within _TONE levels; none without one."""
    if not clear.any():
        return np.zeros(cells[0].shape, np.bool_)
    one, two = cells[0][clear].ravel(), cells[1][clear].ravel()
    middle = one.mean()
    slope = float(((one - middle) * two).mean() / max(float(((one - middle) ** 2).mean()), 1e-3))
    told = two.mean() + slope * (cells[0] - middle)
    return np.asarray(np.abs(told - cells[1]) < _TONE, np.bool_)


def _is_sticker(cells: tuple[NDArray[np.float32], NDArray[np.float32]], told: NDArray[np.bool_]) -> bool:
    """Whether what is not told is mostly one tone in either picture, and part of the picture below is told beside it."""
    return bool(told.mean() >= _TOLD_BESIDE) and max(_one_tone(part[~told]) for part in cells) >= _STICKER_TONE


def _one_tone(values: NDArray[np.float32]) -> float:
    """The share of the values that the fullest band of _TONE levels holds."""
    counted = np.bincount(np.clip(values, 0, 255).astype(np.intp), minlength=256)
    return float(np.convolve(counted, np.ones(_TONE), "valid").max()) / max(values.size, 1)


def _reached(values: NDArray[np.float32], weights: NDArray[np.float64]) -> float:
    """The value that _CELL_SHARE of the weight reaches."""
    order = np.argsort(values, kind="stable")
    below = np.cumsum(weights[order]) / weights.sum()
    return float(values[order][np.searchsorted(below, 1 - _CELL_SHARE)])
