"""Clusters of pictures: every picture is compared with representatives, never chained through members.

1. Pictures are put in an order of their own: most near-copies first, among those the most typical (shape, fineness, mean
   distance), pictures that hold other pictures later, then the largest, then by digest. The order they were handed in plays
   no part.
2. In that order a picture becomes a representative unless it is `same` as one, or is a part of one, or holds one.
3. Every other picture is judged against all representatives. A `same` gives its cluster; of several nearly equal ones the first
   representative's, so that one copy too altered to join does not draw others away. Without a `same` it is a sighting of
   every representative it holds or is a part of (`contains`): a collage of two pictures is seen in two clusters and joins none.
   A picture whose main picture is also a representative's (two posts, the picture itself is not there) is seen with it, unless it
   already is with the picture itself.
4. `variant` is only reported: such a pair stays apart until a person decides.

A picture that merely overlaps another, neither showing most of the other, is kept apart too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from server.media.gallery import Gallery, Judgement, judge
from server.media.index import CodeIndex
from server.media.look import Look
from server.media.pdq import MIN_QUALITY
from server.media.verify import BOTH_WAYS, Relation


class Direction(StrEnum):
    """Which of two pictures shows more: `holds` the other, or is a `part` of it; `whole` when both show most of the other.

    `shares`: neither; both hold one picture, as two posts do.
    """

    HOLDS = "holds"
    PART = "part"
    WHOLE = "whole"
    SHARES = "shares"


@dataclass(frozen=True)
class Edge:
    """Picture `number` is seen in the cluster of representative `cluster`, because of what it is to picture `to`."""

    number: int
    cluster: int
    to: int
    relation: Relation
    direction: Direction
    judgement: Judgement


@dataclass(frozen=True)
class Partition:
    """`representatives`: numbers of pictures with a cluster of their own. `edges`: everything found, by number, then by `to`."""

    representatives: tuple[int, ...]
    edges: tuple[Edge, ...]


Step = Callable[[], None]
Judge = Callable[[Look, Look], Judgement | None]
_ODD_SHAPE, _FINER = 0.03, 0.04
_NEARLY = 0.1


def partition(looks: Sequence[Look], digests: Sequence[str], step: Step = lambda: None, judged: Judge = judge) -> Partition:
    """The clusters of these pictures (their digests must differ). `step` is called twice for each picture, for progress.

    judged: what judges a pair (query, known), for callers that remember judgements or have people's decisions.

    Promised: the same clusters whatever the order of `looks`. Not promised: that clusters stay when pictures are added.
    """
    return _Build(looks, digests, step, judged).run()


class _Build:
    def __init__(self, looks: Sequence[Look], digests: Sequence[str], step: Step, judged: Judge) -> None:
        self._looks = looks
        self._digests = digests
        self._step = step
        self._judged = judged
        self._gallery = Gallery()
        self._representatives: list[int] = []
        self._seen: dict[int, tuple[int, dict[int, Judgement]]] = {}

    def run(self) -> Partition:
        order = self._order()
        for number in order:
            if not any(_attaches(found) for _, found in self._related(number)):
                self._gallery.add(self._looks[number])
                self._representatives.append(number)
            self._step()
        edges: list[Edge] = []
        held = {number: self._held(number) for number in self._representatives}
        for number in order:
            related = self._related(number)
            edges += self._head_edges(number, related) if number in held else _member_edges(number, related, held)
            self._step()
        led = {edge.cluster for edge in edges if edge.number != edge.cluster}
        stepping = {number for number, others in held.items() if others and number not in led}
        kept = tuple(number for number in self._representatives if number not in stepping)
        return Partition(kept, tuple(sorted(edges, key=lambda edge: (edge.number, edge.to))))

    def _order(self) -> list[int]:
        """Step 1: numbers in the order in which they may become representatives."""
        standings = _standings(self._looks)

        def key(number: int) -> tuple[int, bool, int, int, bool, int, str]:
            look, standing = self._looks[number], standings[number]
            holds = sum(found.region.area for found in look.regions if found.region.area < 0.85) > 0.15
            size = look.picture.width * look.picture.height
            crowd = -standing.copies.bit_length()
            return (crowd, standing.is_odd_shape, standing.odd_fineness, standing.mean_bits, holds, -size, self._digests[number])

        return sorted(range(len(self._looks)), key=key)

    def _related(self, number: int) -> list[tuple[int, Judgement]]:
        """Representatives this picture is related to, in their own order; only those new since the last call are judged."""
        since, found = self._seen.get(number, (0, {}))
        for place in self._gallery.candidates(self._looks[number], since=since):
            to = self._representatives[place]
            judgement = self._judged(self._looks[number], self._looks[to]) if to != number else None
            if judgement is not None:
                found[place] = judgement
        self._seen[number] = (len(self._gallery), found)
        return [(self._representatives[place], found[place]) for place in sorted(found)]

    def _held(self, number: int) -> frozenset[int]:
        """Other representatives that this one holds: if it leads nobody, it steps down."""
        return frozenset(to for to, found in self._related(number) if found.query_holds and not _is_shared(found))

    def _head_edges(self, number: int, related: list[tuple[int, Judgement]]) -> list[Edge]:
        """What a representative is to others: it holds them too, or resembles them."""
        edges = []
        for to, found in related:
            if found.relation is Relation.VARIANT:
                edges.append(Edge(number, number, to, Relation.VARIANT, _direction(found), found))
            elif found.query_holds and not _is_shared(found):
                edges.append(Edge(number, to, to, Relation.CONTAINS, Direction.HOLDS, found))
        return edges


def _member_edges(number: int, related: list[tuple[int, Judgement]], held: Mapping[int, Set[int]]) -> list[Edge]:
    """Step 3: one cluster by `same`, or every cluster it shows something of. held: by representative, others that it holds."""
    same = [(to, found) for to, found in related if found.relation is Relation.SAME]
    if same:
        enough = max(min(found.score, 1.0) for _, found in same) - _NEARLY
        to, best = next(pair for pair in same if min(pair[1].score, 1.0) >= enough)
        return [Edge(number, to, to, Relation.SAME, Direction.WHOLE, best)]
    itself = {to for to, found in related if _attaches(found) and not _is_shared(found)}
    kept = [(to, found) for to, found in related if _attaches(found) and not (_is_shared(found) and itself & held[to])]
    return [Edge(number, to, to, Relation.CONTAINS, _direction(found), found) for to, found in kept]


def _attaches(found: Judgement) -> bool:
    """Whether this judgement gives the picture a place in the known one's cluster."""
    if found.relation is Relation.SAME:
        return True
    if found.relation is Relation.VARIANT or found.overlay is None:
        return False
    if found.query_holds:
        return True
    return not found.known_holds and max(found.overlay.visible_known, found.overlay.visible_query) >= BOTH_WAYS


def _is_shared(found: Judgement) -> bool:
    """Whether both mainly show one picture and neither is it."""
    return found.relation is Relation.CONTAINS and found.query_holds and found.known_holds


def _direction(found: Judgement) -> Direction:
    if found.overlay is None or found.relation is not Relation.CONTAINS:
        return Direction.WHOLE
    if _is_shared(found):
        return Direction.SHARES
    if found.query_holds or found.known_holds:
        return Direction.HOLDS if found.query_holds else Direction.PART
    return Direction.HOLDS if found.overlay.visible_known >= found.overlay.visible_query else Direction.PART


@dataclass(frozen=True)
class _Standing:
    """How a picture stands among its near-copies: how many, whether it is stretched against most of them, its mean distance.

    odd_fineness: by how many steps of _FINER its small frame takes more or fewer bytes than the median of theirs: grain and
    blur hardly move a hash, but what is laid over a grainy copy compares worse.
    """

    copies: int
    is_odd_shape: bool
    odd_fineness: int
    mean_bits: int


def _standings(looks: Sequence[Look]) -> list[_Standing]:
    """For each picture its standing among the others within 31 bits of it."""
    index = CodeIndex()
    rows = [index.add(look.hashes.pdq.codes[0]) if look.hashes.pdq.quality >= MIN_QUALITY else -1 for look in looks]
    owners: dict[int, list[int]] = {}
    for number, row in enumerate(rows):
        owners.setdefault(row, []).append(number)
    shapes = np.log([look.picture.width / look.picture.height for look in looks])
    packed = np.array([max(len(look.thumb), 1) for look in looks], np.float64)
    standings = []
    for number, (look, row) in enumerate(zip(looks, rows, strict=True)):
        if row < 0:
            standings.append(_Standing(0, False, 0, 0))
            continue
        near, distances = index.search(look.hashes.pdq.codes[0])
        crowd = [other for found in near.tolist() for other in owners[found]]
        total = sum(int(away) * len(owners[found]) for found, away in zip(near.tolist(), distances.tolist(), strict=True))
        usual = float(np.median(shapes[crowd]))
        odd = len(crowd) > 2 and abs(float(shapes[number]) - usual) > _ODD_SHAPE
        share = float(packed[number] / np.median(packed[crowd]))
        finer = int((max(share, 1 / share) - 1) / _FINER)
        standings.append(_Standing(len(crowd) - 1, odd, finer, total // len(crowd)))
    return standings
