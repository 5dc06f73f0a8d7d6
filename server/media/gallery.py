"""The known pictures in RAM: candidates for a new one, cheap and wide, and the judgement of one pair, dear and strict.

Candidates come from PDQ of the frame in eight turns and of its regions, within 90 bits, and from ORB descriptors, at least two
votes. None of them decides: a pair is the same by 31 bits of a frame's hash (no false pair in 14 million measured) or by overlay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from server.media.descriptors import DescriptorIndex, Tally
from server.media.features import INDEXED, MIN_VOTES
from server.media.hashes import distance_bits, pairwise_bits
from server.media.index import RADIUS_BITS
from server.media.look import Look
from server.media.pdq import MIN_QUALITY
from server.media.turns import Turned, turned
from server.media.verify import Overlay, Relation, framed_in, overlay

WIDE_BITS = 90
BY_CODE = 6
BY_VOTES = 8
QUERY_POINTS, QUERY_MIRRORED, QUERY_REGION, INDEXED_REGION = 300, 150, 150, 100


@dataclass(frozen=True)
class Judgement:
    """What one picture (the query) is to a known one. distance_bits: the smallest PDQ distance of any of their codes.

    overlay: None when the whole frames' hashes already decided; then `turned` says which way round they met. query_holds /
    known_holds: the other one fills a region of it.
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
    """For each known picture the smallest distance of its codes (int32, bits; 257: none) and its votes."""

    nearest: NDArray[np.int32]
    tally: Tally

    def best(self, passed_over: Sequence[int] = ()) -> list[int]:
        """Numbers worth judging but for those passed over, the likeliest first; at most BY_CODE + BY_VOTES."""
        left_out = np.zeros(len(self.nearest), np.bool_)
        left_out[list(passed_over)] = True
        nearest = np.where(left_out, 257, self.nearest)
        by_code = [int(number) for number in np.argsort(nearest, kind="stable")[:BY_CODE] if nearest[number] <= WIDE_BITS]
        votes = np.where(left_out, 0, self.tally.votes)
        ranked = np.argsort(np.where(left_out, np.inf, -self.tally.weights), kind="stable")
        by_votes = [int(number) for number in ranked[:BY_VOTES] if votes[number] >= MIN_VOTES]
        return list(dict.fromkeys([*by_code, *by_votes]))


class Gallery:
    """Append-only: the n-th look added has number n."""

    def __init__(self) -> None:
        self._count = 0
        self._codes = _Rows()
        self._descriptors = DescriptorIndex()

    def __len__(self) -> int:
        return self._count

    def add(self, look: Look) -> int:
        """The number of this picture; findable when this returns."""
        number = self._count
        self._codes.extend(_indexed_codes(look), number)
        parts = [look.features.descriptors[:INDEXED], *(found.features.descriptors[:INDEXED_REGION] for found in look.regions)]
        self._descriptors.extend(np.concatenate(parts), number)
        self._count += 1
        return number

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
        nearest = np.full(self._count, 257, np.int32)
        queries = _query_codes(look)
        codes, owners = self._codes.since(since)
        if len(queries) and len(owners):
            np.minimum.at(nearest, owners, pairwise_bits(queries, codes.view(np.uint8)).min(axis=0))
        return nearest

    def _tally(self, look: Look, since: int) -> Tally:
        parts = [look.features.descriptors[:QUERY_POINTS], look.mirrored.descriptors[:QUERY_MIRRORED]]
        parts += [found.features.descriptors[:QUERY_REGION] for found in look.regions]
        return self._descriptors.tally(np.concatenate(parts), self._count, since=since)


def judge(query: Look, known: Look) -> Judgement | None:
    """The relation of two pictures by what both show, or None when they are not related. Deterministic."""
    away = [distance_bits(code, known.hashes.pdq.codes[0]) for code in query.hashes.pdq.codes]
    bits = min(away)
    textured = min(query.hashes.pdq.quality, known.hashes.pdq.quality) >= MIN_QUALITY
    plain = distance_bits(query.hashes.short.phash256, known.hashes.short.phash256)
    if textured and (bits <= RADIUS_BITS or plain <= RADIUS_BITS):
        code = 0 if min(plain, away[0]) <= RADIUS_BITS else away.index(bits)
        return Judgement(Relation.SAME, bits, None, turned=turned(code, query.shape, known.shape))
    found = overlay(query, known)
    if found is None or found.relation is None:
        return None
    nearest = int(_all_pairs(query, known).min(initial=bits))
    if found.relation is not Relation.CONTAINS:
        return Judgement(found.relation, nearest, found)
    inverse = np.asarray(cv2.invertAffineTransform(found.matrix), np.float64)
    return Judgement(
        found.relation,
        nearest,
        found,
        query_holds=found.visible_known >= found.visible_query and framed_in(inverse, known, query),
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


def _query_codes(look: Look) -> NDArray[np.uint8]:
    """As _indexed_codes(), in all eight turns."""
    made = [look.hashes.pdq, *(found.pdq for found in look.regions)]
    kept = [one.codes.view(np.uint8) for one in made if one.quality >= MIN_QUALITY]
    return np.concatenate(kept) if kept else np.empty((0, 32), np.uint8)


class _Rows:
    """256-bit codes as rows of four words, each with its owner; grows by doubling."""

    def __init__(self) -> None:
        self._room = np.empty((256, 4), np.uint64)
        self._owners = np.empty(256, np.int32)
        self._used = 0

    def since(self, owner: int) -> tuple[NDArray[np.uint64], NDArray[np.int32]]:
        """uint64 [n, 4] and int32 [n]: the codes of the owners from `owner` on."""
        start = int(np.searchsorted(self._owners[: self._used], owner))
        return self._room[start : self._used], self._owners[start : self._used]

    def extend(self, codes: NDArray[np.uint8], owner: int) -> None:
        """Adds the codes, uint8 [n, 32]. Owners must not descend."""
        needed = self._used + len(codes)
        if needed > len(self._owners):
            room, owners = np.empty((2 * needed, 4), np.uint64), np.empty(2 * needed, np.int32)
            room[: self._used] = self._room[: self._used]
            owners[: self._used] = self._owners[: self._used]
            self._room, self._owners = room, owners
        self._room[self._used : needed] = np.ascontiguousarray(codes).view(np.uint64)
        self._owners[self._used : needed] = owner
        self._used = needed
