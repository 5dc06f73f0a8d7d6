"""One picture inside two pictures: what both frame agrees, although what is around it does not.

Two posts of one picture on two sites have little in common but the picture: another page, other words, light against dark. Laid
over each other by the picture's points they disagree as wholes, so the picture itself is looked for: the regions of either one.

1. Regions of both that the overlay brings to the same place are correlated by themselves (server.media.correlation). From .8
   they are one picture.
2. It must be a picture: not mostly one flat tone, as words, menus and buttons are, which two pages of one site share.
3. It must be what at least one of the two mainly shows: no larger region beside it. A site's own picture, small beside what two
   posts show, says nothing of the posts.
4. Where both have something framed at one place that differs, of half its size or inside it, nothing is shared: one template
   with two pictures. The same takes back what whole pictures seemed to be, however much of the template agrees.

Says nothing about the rest of either picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from server.media.correlation import SAME_SCORE, Correlation, Frames, correlation
from server.media.decode import Grey
from server.media.frames import is_many_toned
from server.media.look import Look
from server.media.placed import Fit, Matrix, area, common, corners, mirror, moved, rectangle
from server.media.regions import Region

Outlines = list[Matrix]
MIN_SHARE = 0.02
_WHOLE = 0.85
_SAME_PLACE = 0.5
_SLOT_FILLED, _SLOT_SIZE = 0.6, 0.35
_NESTED = 0.7
_ALIKE, _MOST_PLACES = 0.8, 8
_BESIDE = 0.2
_AS_LARGE, _WITHIN = 0.5, 0.1
_DISAGREE = 0.3
WORTH_SAYING, MOST = 0.05, 0.25


@dataclass(frozen=True)
class Main:
    """Whether the shared picture is what the query, and what the known picture, mainly shows: no larger region beside it."""

    of_query: bool
    of_known: bool


@dataclass(frozen=True)
class Shared:
    """`score`: the correlation of the shared picture. visible_known, visible_query: the share of each picture that it fills.

    matrix: float64 [2, 3], query to known, shares of the longer sides.
    """

    score: float
    visible_known: float
    visible_query: float
    matrix: Matrix
    main: Main


def contradiction(frames: Frames, fitted: Fit, query: Look, known: Look) -> float:
    """The share of what both show that is framed at one place in both and differs: one template, another picture. 0..1."""
    mine, theirs = _outlines(query, known, fitted)
    slots = _one_slot(mine, theirs)
    seen, _ = common(moved(fitted.matrix, corners(query.shape[1], query.shape[0])), corners(known.shape[1], known.shape[0]))
    if seen == 0.0:
        return 0.0
    for slot in slots:
        if area(slot) < WORTH_SAYING * seen:
            break
        if _differs(frames, fitted, slot):
            return area(slot) / seen
    return 0.0


def shared_picture(frames: Frames, fitted: Fit, query: Look, known: Look) -> Shared | None:
    """The largest picture that both frame at the same place, or None."""
    mine, theirs = _outlines(query, known, fitted)
    scale = abs(float(np.linalg.det(fitted.matrix[:, :2])))
    whole_known, whole_query = _size(known), _size(query) * scale
    disagreeing: Outlines | None = None
    for outline in _same_place(mine, theirs):
        size = area(outline)
        main = Main(_is_main(outline, mine), _is_main(outline, theirs))
        if min(size / whole_known, size / whole_query) < MIN_SHARE or not (main.of_query or main.of_known):
            continue
        found = _inside(frames, fitted, outline) if _is_picture(frames[1], outline) else None
        if found is None or found.score < SAME_SCORE:
            continue
        if disagreeing is None:
            disagreeing = [slot for slot in _one_slot(mine, theirs) if _differs(frames, fitted, slot)]
        if not any(_speaks_against(slot, outline) for slot in disagreeing):
            return Shared(found.score, min(size / whole_known, 1.0), min(size / whole_query, 1.0), found.matrix, main)
    return None


def _outlines(query: Look, known: Look, fitted: Fit) -> tuple[Outlines, Outlines]:
    """The regions of both that are a part of the picture, not nearly all of it, in the known picture's coordinates."""
    mine = [rectangle(region, query.shape) for region in _parts(query)]
    if fitted.mirrored:
        mine = [mirror(outline, query.shape[1]) for outline in mine]
    return [moved(fitted.matrix, outline) for outline in mine], [rectangle(region, known.shape) for region in _parts(known)]


def _parts(look: Look) -> list[Region]:
    return [region for region in look.framed if region.area < _WHOLE]


def _same_place(mine: Outlines, theirs: Outlines) -> Outlines:
    """What each two regions share that lie at the same place."""
    found = []
    for one in mine:
        for other in theirs:
            size, shape = common(one, other)
            if shape is not None and size >= _SAME_PLACE * (area(one) + area(other) - size):
                found.append(shape)
    return _innermost(found)


def _one_slot(mine: Outlines, theirs: Outlines) -> Outlines:
    """What each two regions share of which most of the smaller one lies in a not much larger one."""
    found = []
    for one in mine:
        for other in theirs:
            size, shape = common(one, other)
            small, large = sorted((area(one), area(other)))
            if shape is not None and size >= _SLOT_FILLED * small and small >= _SLOT_SIZE * large:
                found.append(shape)
    return _distinct(found)


def _distinct(outlines: Outlines) -> Outlines:
    """The largest of them, largest first, without those that are nearly another one: a busy picture has many rectangles."""
    kept: Outlines = []
    for outline in sorted(outlines, key=area, reverse=True):
        if all(common(outline, other)[0] < _ALIKE * area(other) for other in kept):
            kept.append(outline)
    return kept[:_MOST_PLACES]


def _innermost(outlines: Outlines) -> Outlines:
    """As _distinct(), but of those that are nearly one the smallest: words that stand above a picture are then left out of it."""
    groups: list[Outlines] = []
    for outline in sorted(outlines, key=area, reverse=True):
        near = next((group for group in groups if common(outline, group[0])[0] >= _ALIKE * area(group[0])), None)
        if near is None:
            groups.append([outline])
        else:
            near.append(outline)
    return [group[-1] for group in groups[:_MOST_PLACES]]


def _differs(frames: Frames, fitted: Fit, outline: Matrix) -> bool:
    found = _inside(frames, fitted, outline)
    return found is not None and found.score < _DISAGREE


def _inside(frames: Frames, fitted: Fit, outline: Matrix) -> Correlation | None:
    asked = np.ascontiguousarray(frames[0][:, ::-1]) if fitted.mirrored else frames[0]
    return correlation((asked, frames[1]), fitted.matrix, outline)


def _size(look: Look) -> float:
    return look.shape[0] * look.shape[1]


def _lies_in(inner: Matrix, outer: Matrix) -> bool:
    return common(inner, outer)[0] >= _NESTED * area(inner)


def _speaks_against(other: Matrix, outline: Matrix) -> bool:
    """Whether what disagrees is large enough beside what agrees, or a part of it; what merely surrounds it is not."""
    if _lies_in(outline, other):
        return False
    least = _WITHIN if _lies_in(other, outline) else _AS_LARGE
    return area(other) >= least * area(outline)


def _is_main(outline: Matrix, regions: Outlines) -> bool:
    """Whether no region beside the outline is larger."""
    size = area(outline)
    return all(area(other) <= size or common(outline, other)[0] > _BESIDE * size for other in regions)


def _is_picture(frame: Grey, outline: Matrix) -> bool:
    """Whether the part of the frame has many tones: words and buttons stand on one."""
    low, high = (np.round(edge * max(frame.shape)).astype(int) for edge in (outline.min(axis=0), outline.max(axis=0)))
    return is_many_toned(frame[max(low[1], 0) : high[1], max(low[0], 0) : high[0]])
