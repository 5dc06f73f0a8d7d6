"""Do two pictures show the same pixels? Geometry first (ORB, RANSAC), then local correlation of the overlaid pictures.

1. Match descriptors (ratio test), of the frame, of its mirror image and of its regions.
2. A similarity by RANSAC with at least eight inliers, refined to an affine map; implausible maps are refused.
3. Lay one picture over the other and cut out what they share: at least 12 % of the known picture.
4. Correlate the overlap, coarse and fine, cell by cell (server.media.correlation).
5. Where both have a picture framed at the same place, the pictures must agree too: two posts on one site are alike in
   everything but what they show.

A high score means: the same picture was the source of both. It says nothing about which came first. Thresholds: measured.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from server.media.correlation import SAME_SCORE, Frames, correlation
from server.media.features import Features
from server.media.look import Look
from server.media.regions import Region

Matrix = NDArray[np.float64]
VARIANT_SCORE = 0.6
MIN_INLIERS = 8
MIN_VISIBLE = 0.12
BOTH_WAYS = 0.6
_RATIO = 0.8
_REACH = 0.02
_MAX_STRETCH = 1.8
_SAME_PLACE = 0.5
_WHOLE = 0.85


class Relation(StrEnum):
    """How two pictures are related, by what was measured."""

    SAME = "same"
    CONTAINS = "contains"
    VARIANT = "variant"


@dataclass(frozen=True)
class Overlay:
    """The evidence for a relation.

    matrix: float64 [2, 3], maps the query's coordinates to the known picture's, both as shares of the longer side (the query is
    mirrored first when `mirrored`). inliers: matched points. score: -1..1, see server.media.correlation. visible_known,
    visible_query: share of each picture's area that lies in the overlap.
    """

    matrix: Matrix
    mirrored: bool
    inliers: int
    score: float
    visible_known: float
    visible_query: float

    @property
    def relation(self) -> Relation | None:
        """`same` and `contains` from a score of .8, `variant` from .6 (for a person to look at), else none."""
        if self.score < VARIANT_SCORE:
            return None
        if self.score < SAME_SCORE:
            return Relation.VARIANT
        both = min(self.visible_known, self.visible_query) >= BOTH_WAYS
        return Relation.SAME if both else Relation.CONTAINS


def overlay(query: Look, known: Look) -> Overlay | None:
    """The best overlay of the query on the known picture, or None when no plausible one is found. Deterministic."""
    best: Overlay | None = None
    frames = (query.frame(), known.frame())
    for mirrored, found, against in _pairings(query, known):
        fitted = _fit(found, against)
        if fitted is None:
            continue
        matrix, inliers = fitted
        tried = _measured(frames, matrix, mirrored, inliers)
        if tried is not None and (best is None or tried.score > best.score):
            best = tried
        if best is not None and best.score >= SAME_SCORE:
            break
    if best is None or best.score < VARIANT_SCORE or not query.regions or not known.regions:
        return best
    return replace(best, score=min([best.score, *_framed_scores(frames, best, query, known)]))


def framed_in(inner: Matrix, inner_look: Look, outer: Look) -> bool:
    """Whether the inner picture, placed by `inner`, fills a region found in the outer one: put into it, not cropped from it."""
    height, width = inner_look.shape
    corners = _moved(inner, _corners(width, height))
    high, wide = outer.shape
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    box = Region(float(left / wide), float(top / high), float(right / wide), float(bottom / high))
    return any(found.region.shared_area(box) >= 0.75 for found in outer.regions)


def _pairings(query: Look, known: Look) -> list[tuple[bool, Features, Features]]:
    pairs = [(False, query.features, known.features), (True, query.mirrored, known.features)]
    pairs += [(False, found.features, known.features) for found in query.regions]
    pairs += [(False, query.features, found.features) for found in known.regions]
    return pairs


def _fit(found: Features, against: Features) -> tuple[Matrix, int] | None:
    """Steps 1 and 2: the affine map from `found` to `against` and its number of inliers."""
    if len(found) < MIN_INLIERS or len(against) < MIN_INLIERS:
        return None
    asked, given = _matched(found.descriptors, against.descriptors)
    if len(asked) < MIN_INLIERS:
        return None
    source = found.points[asked].astype(np.float32) * 512
    target = against.points[given].astype(np.float32) * 512
    rigid, mask = cv2.estimateAffinePartial2D(source, target, method=cv2.RANSAC, ransacReprojThreshold=6.0, maxIters=1000)
    if rigid is None or int(mask.sum()) < MIN_INLIERS:
        return None
    matrix, inliers = _refined(np.asarray(rigid, np.float64), int(mask.sum()), source, target)
    if not _is_plausible(matrix):
        return None
    matrix = matrix.copy()
    matrix[:, 2] /= 512
    return matrix, inliers


def _matched(found: NDArray[np.uint8], against: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of both lists, uint8 [n, 32] and [m >= 2, 32], whose nearest neighbour is clearly nearest (ratio test)."""
    first, second = (np.ascontiguousarray(np.ascontiguousarray(codes).view(np.uint64).T) for codes in (found, against))
    away = np.bitwise_count(first[0][:, None] ^ second[0]).astype(np.uint16)
    for word in (1, 2, 3):
        away += np.bitwise_count(first[word][:, None] ^ second[word])
    rows = np.arange(len(away))
    nearest = away.argmin(axis=1)
    best = away[rows, nearest]
    away[rows, nearest] = np.iinfo(np.uint16).max
    clear = np.flatnonzero(best < _RATIO * away.min(axis=1))
    return clear, nearest[clear]


def _refined(rigid: Matrix, inliers: int, source: NDArray[np.float32], target: NDArray[np.float32]) -> tuple[Matrix, int]:
    """An affine map from the matches near the similarity, when it explains more of them."""
    away = np.linalg.norm(_moved(rigid, source) - target, axis=1)
    near = away < max(24.0, _REACH * 512)
    if near.sum() < MIN_INLIERS:
        return rigid, inliers
    affine, mask = cv2.estimateAffine2D(source[near], target[near], method=cv2.RANSAC, ransacReprojThreshold=3.0, maxIters=1000)
    if affine is None or int(mask.sum()) < MIN_INLIERS or not _is_plausible(np.asarray(affine, np.float64)):
        return rigid, inliers
    return np.asarray(affine, np.float64), int(mask.sum())


def _is_plausible(matrix: Matrix) -> bool:
    """Neither mirrored nor squashed nor blown up beyond what people do to pictures."""
    linear = matrix[:, :2]
    if not np.isfinite(matrix).all() or np.linalg.det(linear) <= 0:
        return False
    large, small = np.linalg.svd(linear, compute_uv=False)
    return bool(small > 0.08 and large < 12 and large / small < _MAX_STRETCH)


def _measured(frames: Frames, matrix: Matrix, mirrored: bool, inliers: int) -> Overlay | None:
    """Steps 3 and 4 for frames (query, known)."""
    query, known = frames
    if mirrored:
        query = np.ascontiguousarray(query[:, ::-1])
    query_longer, known_longer = max(query.shape), max(known.shape)
    outline = _corners(query.shape[1] / query_longer, query.shape[0] / query_longer)
    moved = _moved(matrix, outline)
    known_outline = _corners(known.shape[1] / known_longer, known.shape[0] / known_longer)
    shared_area, shape = cv2.intersectConvexConvex(moved.astype(np.float32), known_outline.astype(np.float32))
    query_area = float(abs(cv2.contourArea(moved.astype(np.float32))))
    known_area = float(known.shape[0] * known.shape[1] / known_longer**2)
    if shape is None or query_area <= 0 or shared_area <= 0:
        return None
    visible_known, visible_query = float(shared_area / known_area), float(shared_area / query_area)
    if max(visible_known, visible_query) < 0.3 or min(visible_known, visible_query) < MIN_VISIBLE / 4:
        return None
    found = correlation((query, known), matrix, np.asarray(shape, np.float64).reshape(-1, 2))
    if found is None:
        return None
    return Overlay(found.matrix, mirrored, inliers, found.score, min(visible_known, 1.0), min(visible_query, 1.0))


def _framed_scores(frames: Frames, found: Overlay, query: Look, known: Look) -> list[float]:
    """Step 5: the score within each pair of regions that the overlay brings to the same place."""
    asked = np.ascontiguousarray(frames[0][:, ::-1]) if found.mirrored else frames[0]
    scores = []
    for mine in _parts(query):
        corners = _rectangle(mine, query.shape)
        if found.mirrored:
            corners[:, 0] = query.shape[1] - corners[:, 0]
            corners = corners[::-1]
        moved = _moved(found.matrix, corners)
        for theirs in _parts(known):
            outline = _rectangle(theirs, known.shape)
            both, shape = cv2.intersectConvexConvex(moved.astype(np.float32), outline.astype(np.float32))
            either = abs(_area(moved)) + abs(_area(outline)) - both
            if shape is None or both < _SAME_PLACE * either:
                continue
            inside = correlation((asked, frames[1]), found.matrix, np.asarray(shape, np.float64).reshape(-1, 2))
            if inside is not None:
                scores.append(inside.score)
    return scores


def _parts(look: Look) -> list[Region]:
    """Regions that are a part of the picture, not nearly all of it."""
    return [found.region for found in look.regions if found.region.area < _WHOLE]


def _rectangle(region: Region, shape: tuple[float, float]) -> Matrix:
    """The region's corners as shares of the longer side."""
    high, wide = shape
    left, top, right, bottom = region.left * wide, region.top * high, region.right * wide, region.bottom * high
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float64)


def _area(outline: Matrix) -> float:
    return float(cv2.contourArea(outline.astype(np.float32)))


def _corners(width: float, height: float) -> Matrix:
    return np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)


def _moved(matrix: Matrix, points: NDArray[np.floating]) -> Matrix:
    return np.asarray(points @ matrix[:, :2].T + matrix[:, 2], np.float64)
