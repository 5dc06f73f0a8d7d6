"""The known pictures in RAM: candidates for a new one, cheap and wide, and the judgement of one pair, dear and strict.

Candidates come from PDQ of the frame in eight turns and of its regions, within 90 bits, and from ORB descriptors, at least two
votes. None of them decides: a pair is the same by 31 bits of a frame's hash (no false pair in 14 million measured) or by overlay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from server.media.descriptors import DescriptorIndex, Tally
from server.media.features import INDEXED, MIN_VOTES
from server.media.hashes import distance_bits, pairwise_bits
from server.media.index import RADIUS_BITS, CodeRows
from server.media.look import Look
from server.media.pdq import MIN_QUALITY
from server.media.placed import Fit
from server.media.turns import Turned, turned
from server.media.verify import Overlay, Relation, framed_in, one_template, overlay

WIDE_BITS = 90
BY_CODE = 6
BY_VOTES = 8
QUERY_POINTS, QUERY_MIRRORED, QUERY_REGION, INDEXED_REGION = 300, 150, 150, 100


@dataclass(frozen=True)
class Judgement:
    """What one picture (the query) is to a known one. distance_bits: the smallest PDQ distance of any of their codes.

    overlay: None when the whole frames' hashes already decided; then `turned` says which way round they met. query_holds /
    known_holds: the other one fills a region of it. When neither is a part of the other but one picture is inside both:
    query_holds says that it is what the known one mainly shows, known_holds that it is what the query mainly shows.
    """

    relation: Relation
    distance_bits: int
    overlay: Overlay | None
    query_holds: bool = False
    known_holds: bool = False
    turned: Turned | None = None

    @property
    def score(self) -> float:
        """What orders judgements: the correlation, or above any correlation when hashes decided."""
        return self.overlay.score if self.overlay is not None else 2.0 - self.distance_bits / 256


@dataclass(frozen=True)
class Ranking:
    """For each known picture the smallest distance of its codes (int32, bits; NONE_BITS: none) and its votes."""

    nearest: NDArray[np.int32]
    tally: Tally

    def best(self, passed_over: Sequence[int] | NDArray[np.bool_] = ()) -> list[int]:
        """Numbers worth judging but for those passed over, the likeliest first; at most BY_CODE + BY_VOTES."""
        allowed = np.ones(len(self.nearest), np.bool_)
        allowed[passed_over if isinstance(passed_over, np.ndarray) else list(passed_over)] = False
        near = np.flatnonzero((self.nearest <= WIDE_BITS) & allowed)
        by_code = near[np.argsort(self.nearest[near], kind="stable")[:BY_CODE]]
        met = np.flatnonzero((self.tally.votes > 0) & allowed)
        by_votes = met[np.argsort(-self.tally.weights[met], kind="stable")[:BY_VOTES]]
        by_votes = by_votes[self.tally.votes[by_votes] >= MIN_VOTES]
        return list(dict.fromkeys([*by_code.tolist(), *by_votes.tolist()]))

    def near(self, limit: int) -> list[int]:
        """Numbers of pictures with a code within RADIUS_BITS of any of the query's, nearest first; exact."""
        within = np.flatnonzero(self.nearest <= RADIUS_BITS)
        return [int(number) for number in within[np.argsort(self.nearest[within], kind="stable")[:limit]]]


class Gallery:
    """Append-only: the n-th look added has number n."""

    def __init__(self) -> None:
        self._count = 0
        self._codes = CodeRows()
        self._descriptors = DescriptorIndex()

    def __len__(self) -> int:
        return self._count

    def add(self, look: Look) -> int:
        """The number of this picture; findable when this returns."""
        number = self._count
        codes = _indexed_codes(look)
        self._codes.extend(codes, np.full(len(codes), number, np.int32))
        self._descriptors.extend(_indexed_descriptors(look), number)
        self._count += 1
        return number

    def add_all(self, looks: Sequence[Look]) -> None:
        """As add() of each, in their order; the tables of all are built at once."""
        codes, patterns = [_indexed_codes(look) for look in looks], [_indexed_descriptors(look) for look in looks]
        numbers = np.arange(self._count, self._count + len(looks), dtype=np.int32)
        if len(looks):
            self._codes.extend(np.concatenate(codes), np.repeat(numbers, [len(one) for one in codes]))
            words = np.ascontiguousarray(np.concatenate(patterns)).view(np.uint64).reshape(-1, 4)
            self._descriptors.load(words, np.repeat(numbers, [len(one) for one in patterns]))
        self._count += len(looks)

    def candidates(self, look: Look, *, since: int = 0) -> list[int]:
        """Numbers (from `since` on) of known pictures worth judging, the likeliest first; at most BY_CODE + BY_VOTES."""
        if self._count <= since:
            return []
        return self.ranking(look, since=since).best()

    def ranking(self, look: Look, *, since: int = 0) -> Ranking:
        """How near every known picture is: for callers that ask for the best of several parts of the gallery."""
        return Ranking(self._nearest(look, since), self._tally(look, since))

    def _nearest(self, look: Look, since: int) -> NDArray[np.int32]:
        """For each known picture the smallest distance of any of its codes to any of the query's."""
        return self._codes.nearest(_query_codes(look), self._count, since=since)

    def _tally(self, look: Look, since: int) -> Tally:
        parts = [look.features.descriptors[:QUERY_POINTS], look.mirrored.descriptors[:QUERY_MIRRORED]]
        parts += [found.features.descriptors[:QUERY_REGION] for found in look.regions]
        return self._descriptors.tally(np.concatenate(parts), self._count, since=since)


def judge(query: Look, known: Look) -> Judgement | None:
    """The relation of two pictures by what both show, or None when they are not related. Deterministic."""
    away = [distance_bits(code, known.hashes.pdq.codes[0]) for code in query.hashes.pdq.codes]
    bits = min(away)
    textured = min(query.hashes.pdq.quality, known.hashes.pdq.quality) >= MIN_QUALITY
    by_hash: Judgement | None = None
    plain = distance_bits(query.hashes.short.phash256, known.hashes.short.phash256)
    if textured and (bits <= RADIUS_BITS or plain <= RADIUS_BITS):
        code = 0 if min(plain, away[0]) <= RADIUS_BITS else away.index(bits)
        way = turned(code, query.shape, known.shape)
        by_hash = Judgement(Relation.SAME, bits, None, turned=way)
        if not one_template((query.frame(), known.frame()), Fit(np.reshape(way.matrix, (2, 3)), way.mirrored, 0), query, known):
            return by_hash
    found = overlay(query, known)
    if found is None and by_hash is not None:
        return replace(by_hash, relation=Relation.VARIANT)
    if found is None or found.relation is None:
        return None
    nearest = int(_all_pairs(query, known).min(initial=bits))
    if found.relation is not Relation.CONTAINS:
        return Judgement(found.relation, nearest, found)
    if found.main is not None:
        return Judgement(found.relation, nearest, found, query_holds=found.main.of_known, known_holds=found.main.of_query)
    inverse = np.asarray(cv2.invertAffineTransform(found.matrix), np.float64)
    return Judgement(
        found.relation,
        nearest,
        found,
        query_holds=found.visible_known >= found.visible_query and framed_in(inverse, known, query, mirrored=found.mirrored),
        known_holds=found.visible_query > found.visible_known and framed_in(found.matrix, query, known),
    )


def _all_pairs(query: Look, known: Look) -> NDArray[np.int32]:
    mine, theirs = _query_codes(query), _indexed_codes(known)
    if not len(mine) or not len(theirs):
        return np.empty(0, np.int32)
    return pairwise_bits(mine, theirs)


def _indexed_codes(look: Look) -> NDArray[np.uint8]:
    """The plain codes of the frame and of its regions that are not too plain, uint8 [n, 32]."""
    made = [look.hashes.pdq, *(found.pdq for found in look.regions)]
    kept = [one.codes[:1].view(np.uint8) for one in made if one.quality >= MIN_QUALITY]
    return np.concatenate(kept) if kept else np.empty((0, 32), np.uint8)


def _indexed_descriptors(look: Look) -> NDArray[np.uint8]:
    """The strongest descriptors of the frame and of its regions, uint8 [n, 32]."""
    parts = [look.features.descriptors[:INDEXED], *(found.features.descriptors[:INDEXED_REGION] for found in look.regions)]
    return np.concatenate(parts)


def _query_codes(look: Look) -> NDArray[np.uint8]:
    """As _indexed_codes(), in all eight turns."""
    made = [look.hashes.pdq, *(found.pdq for found in look.regions)]
    kept = [one.codes.view(np.uint8) for one in made if one.quality >= MIN_QUALITY]
    return np.concatenate(kept) if kept else np.empty((0, 32), np.uint8)
