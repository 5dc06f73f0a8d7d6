"""Do two pictures show the same pixels? Geometry first (ORB, RANSAC), then local correlation of the overlaid pictures.

1. Match descriptors (ratio test), of the frame, of its mirror image and of its regions.
2. A similarity by RANSAC with at least eight inliers, refined to an affine map; implausible maps are refused.
3. Lay one picture over the other and cut out what they share: at least 12 % of the known picture.
4. Correlate the overlap, coarse and fine, cell by cell (server.media.correlation).
5. Where both have something framed at one place, that must agree too: two posts on one site are alike in everything but what
   they show. When it differs: a `variant` at most, and unrelated when it is a quarter of what both show.
6. Where the wholes do not agree, one picture that both frame may (server.media.shared): two posts of it on two sites. Where they
   agree in all but another picture they are one template, and what else both frame is the template's.

A high score means: the same picture was the source of both. It says nothing about which came first. Thresholds: measured.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from server.media.correlation import COARSE_ALONE, SAME_SCORE, Frames, correlation
from server.media.features import Features
from server.media.look import Look
from server.media.placed import Fit, Matrix, area, common, corners, mirror, moved
from server.media.regions import Region
from server.media.shared import MOST, Main, Shared, contradiction, shared_picture

VARIANT_SCORE = 0.6
MIN_INLIERS = 8
MIN_VISIBLE = 0.12
BOTH_WAYS = 0.6
_RATIO = 0.8
_REACH = 0.02
_MAX_STRETCH = 1.8
_SHARED_TRIES = 3


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
    visible_query: share of each picture's area that lies in the overlap. main: set when one picture inside both was found
    (step 6); score, matrix and shares are then of that picture alone.
    """

    matrix: Matrix
    mirrored: bool
    inliers: int
    score: float
    visible_known: float
    visible_query: float
    main: Main | None = None

    @property
    def relation(self) -> Relation | None:
        """`same` and `contains` from a score of .8, `variant` from .6 (for a person to look at), else none.

        One picture inside both is `contains`, whatever share of them it fills.
        """
        if self.main is not None:
            return Relation.CONTAINS
        if self.score < VARIANT_SCORE:
            return None
        if self.score < SAME_SCORE:
            return Relation.VARIANT
        both = min(self.visible_known, self.visible_query) >= BOTH_WAYS
        return Relation.SAME if both else Relation.CONTAINS


def overlay(query: Look, known: Look) -> Overlay | None:
    """The best overlay of the query on the known picture, or None when no plausible one is found. Deterministic."""
    best: Overlay | None = None
    another = False
    frames = (query.frame(), known.frame())
    fits: list[Fit] = []
    for mirrored, found, against in _pairings(query, known):
        fitted = _fit(found, against, mirrored)
        if fitted is None:
            continue
        fits.append(fitted)
        tried = _measured(frames, fitted)
        if tried is not None and (best is None or tried[0].score > best.score):
            best, another = tried
        if best is not None and best.score >= SAME_SCORE:
            break
    if not another and (best is None or best.score < SAME_SCORE):
        shared = _shared(frames, fits, query, known)
        if shared is not None:
            return shared
    if best is None or best.score < VARIANT_SCORE:
        return best
    differing = contradiction(frames, Fit(best.matrix, best.mirrored, best.inliers), query, known)
    if differing == 0.0:
        return best
    return replace(best, score=min(best.score, COARSE_ALONE if differing < MOST else 0.0))


def one_template(frames: Frames, fitted: Fit, query: Look, known: Look) -> bool:
    """Whether frames (query, known) that seemed the same by hash show another picture somewhere under this map."""
    tried = _measured(frames, fitted)
    return (tried is not None and tried[1]) or contradiction(frames, fitted, query, known) > 0.0


def framed_in(inner: Matrix, inner_look: Look, outer: Look, *, mirrored: bool = False) -> bool:
    """Whether the inner picture, placed by `inner`, fills a region found in the outer one: put into it, not cropped from it.

    mirrored: the map leads into the outer picture's mirror image.
    """
    height, width = inner_look.shape
    high, wide = outer.shape
    placed = moved(inner, corners(width, height))
    if mirrored:
        placed = mirror(placed, wide)
    (left, top), (right, bottom) = placed.min(axis=0), placed.max(axis=0)
    box = Region(float(left / wide), float(top / high), float(right / wide), float(bottom / high))
    return any(found.region.shared_area(box) >= 0.75 for found in outer.regions)


def _shared(frames: Frames, fits: list[Fit], query: Look, known: Look) -> Overlay | None:
    """Step 6, tried with the maps that explain most points."""
    for fitted in sorted(fits, key=lambda fit: -fit.inliers)[:_SHARED_TRIES]:
        found = shared_picture(frames, fitted, query, known)
        if found is not None:
            return _of_shared(found, fitted)
    return None


def _of_shared(found: Shared, fitted: Fit) -> Overlay:
    return Overlay(
        found.matrix, fitted.mirrored, fitted.inliers, found.score, found.visible_known, found.visible_query, found.main
    )


def _pairings(query: Look, known: Look) -> list[tuple[bool, Features, Features]]:
    pairs = [(False, query.features, known.features), (True, query.mirrored, known.features)]
    pairs += [(False, found.features, known.features) for found in query.regions]
    pairs += [(False, query.features, found.features) for found in known.regions]
    return pairs


def _fit(found: Features, against: Features, mirrored: bool) -> Fit | None:
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
    return Fit(matrix, mirrored, inliers)


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
    away = np.linalg.norm(moved(rigid, source) - target, axis=1)
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


def _measured(frames: Frames, fitted: Fit) -> tuple[Overlay, bool] | None:
    """Steps 3 and 4 for frames (query, known); and whether a piece of what they share shows another picture."""
    (query, known), matrix = frames, fitted.matrix
    if fitted.mirrored:
        query = np.ascontiguousarray(query[:, ::-1])
    query_longer, known_longer = max(query.shape), max(known.shape)
    outline = corners(query.shape[1] / query_longer, query.shape[0] / query_longer)
    placed = moved(matrix, outline)
    known_outline = corners(known.shape[1] / known_longer, known.shape[0] / known_longer)
    shared_area, shape = common(placed, known_outline)
    query_area, known_area = area(placed), area(known_outline)
    if shape is None or query_area <= 0:
        return None
    visible_known, visible_query = float(shared_area / known_area), float(shared_area / query_area)
    if max(visible_known, visible_query) < 0.3 or min(visible_known, visible_query) < MIN_VISIBLE / 4:
        return None
    found = correlation((query, known), matrix, shape)
    if found is None:
        return None
    shares = min(visible_known, 1.0), min(visible_query, 1.0)
    return Overlay(found.matrix, fitted.mirrored, fitted.inliers, found.score, *shares), found.another
