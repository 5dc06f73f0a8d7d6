"""Local patterns of many pictures: which pictures share several ORB descriptors with a query. Proposes, never decides.

Each of ten tables reads its own bits of a descriptor as a key; two descriptors meet when one key is equal, and count when they
are within VOTE_RADIUS_BITS. Approximate on purpose: of two descriptors 20 bits apart about nine in ten meet, and a picture shares
dozens with its crop. Descriptors live in segments that double in size, so adding is cheap; the newest few are read one by one.
Many at once become large segments directly. 76 bytes a descriptor, and 42 MB of tables for each large segment.

Patterns found everywhere (letters, buttons of one site) tell little: a descriptor's vote is shared among all the pictures it
meets, so that one corner nobody else has outweighs a page of text. A bucket fuller than MAX_BUCKET is passed over.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from server.media.features import VOTE_RADIUS_BITS

TABLES = 10
SEGMENT = 2048
MERGE_LIMIT = 1 << 20
LOAD_LIMIT = 1 << 23
MAX_BUCKET = 4096
_KEY_BITS = 24
_BATCH = 1 << 14
_ASKED_AT_ONCE = 64
_ORDERS = [np.random.Generator(np.random.PCG64(20_260_200 + table)).permutation(256) for table in range(TABLES)]

Words = NDArray[np.uint64]
Owners = NDArray[np.int32]


@dataclass(frozen=True)
class _Segment:
    """Descriptors with their tables. words: uint64 [n, 4]; owners: int32 [n]; offsets: uint32 [TABLES, 2 ** bits + 1]."""

    words: Words
    owners: Owners
    bits: int
    offsets: NDArray[np.uint32]
    rows: NDArray[np.uint32]

    @property
    def size_bytes(self) -> int:
        return self.words.nbytes + self.owners.nbytes + self.offsets.nbytes + self.rows.nbytes


@dataclass(frozen=True)
class Tally:
    """For each picture: `votes`, how many of the query's descriptors have a neighbour in it; `weights`, its shares of them."""

    votes: NDArray[np.int32]
    weights: NDArray[np.float64]


class DescriptorIndex:
    """Append-only; owners (numbers of pictures) must not descend. Not safe for two writers."""

    def __init__(self) -> None:
        self._segments: list[_Segment] = []
        self._words: Words = np.empty((SEGMENT, 4), np.uint64)
        self._owners: Owners = np.empty(SEGMENT, np.int32)
        self._waiting = 0

    def __len__(self) -> int:
        return sum(len(segment.owners) for segment in self._segments) + self._waiting

    @property
    def size_bytes(self) -> int:
        """Memory held by descriptors and tables."""
        return sum(segment.size_bytes for segment in self._segments) + self._words.nbytes + self._owners.nbytes

    def extend(self, descriptors: NDArray[np.uint8], owner: int) -> None:
        """Adds a picture's descriptors, uint8 [n, 32]; they count in the next tally()."""
        words = np.ascontiguousarray(descriptors).view(np.uint64)
        while len(words):
            room = SEGMENT - self._waiting
            part, words = words[:room], words[room:]
            self._words[self._waiting : self._waiting + len(part)] = part
            self._owners[self._waiting : self._waiting + len(part)] = owner
            self._waiting += len(part)
            if self._waiting == SEGMENT:
                self._seal()

    def load(self, words: Words, owners: Owners) -> None:
        """Adds many descriptors, uint64 [n, 4], owners not descending, as segments of LOAD_LIMIT; what waited goes first."""
        if self._waiting:
            words = np.concatenate((self._words[: self._waiting], words))
            owners = np.concatenate((self._owners[: self._waiting], owners))
            self._waiting = 0
        for start in range(0, len(words), LOAD_LIMIT):
            part = slice(start, start + LOAD_LIMIT)
            self._segments.append(_built(np.ascontiguousarray(words[part]), owners[part].astype(np.int32)))

    def tally(self, query: NDArray[np.uint8], count: int, *, since: int = 0) -> Tally:
        """The votes of the query's descriptors, uint8 [m, 32], for each of `count` pictures; none for those before `since`."""
        words = np.ascontiguousarray(query).view(np.uint64).reshape(-1, 4)
        keys = _keys(words)
        met = [_met_in(segment, words, keys) for segment in self._segments if segment.owners[-1] >= since]
        met.append(_met_flat(self._words[: self._waiting], self._owners[: self._waiting], words, since))
        pairs = np.unique(np.concatenate(met))
        asked, owners = pairs >> 32, pairs & 0xFFFFFFFF
        shares = 1.0 / np.bincount(asked, minlength=len(words))[asked]
        votes = np.bincount(owners, minlength=count)[:count].astype(np.int32)
        weights = np.bincount(owners, weights=shares, minlength=count)[:count].astype(np.float64)
        votes[:since], weights[:since] = 0, 0.0
        return Tally(votes, weights)

    def _seal(self) -> None:
        """Gives the waiting descriptors tables, joined with the segments that are not larger than what is joined."""
        words, owners = [self._words.copy()], [self._owners.copy()]
        size = self._waiting
        while self._segments and len(self._segments[-1].owners) <= min(size, MERGE_LIMIT // 2):
            segment = self._segments.pop()
            words.insert(0, segment.words)
            owners.insert(0, segment.owners)
            size += len(segment.owners)
        self._segments.append(_built(np.concatenate(words), np.concatenate(owners)))
        self._waiting = 0


def _key_bits(size: int) -> int:
    """Longer keys in larger segments, so that a bucket stays short."""
    return 16 if size < 1 << 20 else 20 if size < 1 << 24 else 24


def _key_parts() -> list[list[tuple[int, NDArray[np.uint32]]]]:
    """For each byte of a descriptor: the tables that read bits of it, with what each value of the byte puts into their keys."""
    values = np.arange(256, dtype=np.uint32)
    parts: list[list[tuple[int, NDArray[np.uint32]]]] = [[] for _ in range(32)]
    for table, order in enumerate(_ORDERS):
        places: dict[int, NDArray[np.uint32]] = {}
        for place, bit in enumerate(order[:_KEY_BITS].tolist()):
            made = places.setdefault(bit >> 3, np.zeros(256, np.uint32))
            made |= ((values >> np.uint32(bit & 7)) & np.uint32(1)) << np.uint32(place)
        for byte, made in places.items():
            parts[byte].append((table, made))
    return parts


_PARTS = _key_parts()


def _keys(words: Words) -> NDArray[np.uint32]:
    """The longest key of each descriptor in each table, uint32 [TABLES, n]; a shorter key is its lowest bits."""
    keys = np.zeros((TABLES, len(words)), np.uint32)
    for start in range(0, len(words), _BATCH):
        columns = np.ascontiguousarray(np.ascontiguousarray(words[start : start + _BATCH]).view(np.uint8).T)
        block = keys[:, start : start + _BATCH]
        for column, parts in zip(columns, _PARTS, strict=True):
            for table, made in parts:
                block[table] |= made[column]
    return keys


def _built(words: Words, owners: Owners) -> _Segment:
    bits = _key_bits(len(words))
    offsets = np.zeros((TABLES, (1 << bits) + 1), np.uint32)
    rows = _keys(words)  # the keys make room for the rows, table by table
    numbers = np.arange(len(words), dtype=np.uint64)
    for table in range(TABLES):
        keys = rows[table] & np.uint32((1 << bits) - 1)
        offsets[table, 1:] = np.cumsum(np.bincount(keys, minlength=1 << bits))
        ordered = keys.astype(np.uint64) << np.uint64(32) | numbers
        ordered.sort()
        rows[table] = ordered.astype(np.uint32)  # its low half
    return _Segment(words, owners, bits, offsets, rows)


def _met_in(segment: _Segment, words: Words, keys: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Pairs of a query descriptor (high half) and a picture (low half) that meet in a table and are near."""
    met = [np.empty(0, np.int64)]
    own = (keys & np.uint32((1 << segment.bits) - 1)).astype(np.int64)
    for table in range(TABLES):
        starts = segment.offsets[table][own[table]].astype(np.int64)
        sizes = segment.offsets[table][own[table] + 1].astype(np.int64) - starts
        sizes[sizes > MAX_BUCKET] = 0
        total = int(sizes.sum())
        if total == 0:
            continue
        asked = np.repeat(np.arange(len(words)), sizes)
        places = np.arange(total) + np.repeat(starts - np.cumsum(sizes) + sizes, sizes)
        rows = segment.rows[table][places]
        away = np.bitwise_count(segment.words[rows] ^ words[asked]).sum(axis=1, dtype=np.uint16)
        near = away <= VOTE_RADIUS_BITS
        met.append(asked[near] << 32 | segment.owners[rows[near]])
    return np.concatenate(met)


def _met_flat(known: Words, owners: Owners, words: Words, since: int) -> NDArray[np.int64]:
    """As _met_in(), by reading every descriptor: exact."""
    start = int(np.searchsorted(owners, since))
    columns, owners = np.ascontiguousarray(known[start:].T), owners[start:]
    met = [np.empty(0, np.int64)]
    for first in range(0, len(words), _ASKED_AT_ONCE):
        part = words[first : first + _ASKED_AT_ONCE]
        away = np.bitwise_count(part[:, 0, None] ^ columns[0]).astype(np.uint16)
        for place in (1, 2, 3):
            away += np.bitwise_count(part[:, place, None] ^ columns[place])
        asked, rows = np.nonzero(away <= VOTE_RADIUS_BITS)
        met.append((asked + first) << 32 | owners[rows])
    return np.concatenate(met)
