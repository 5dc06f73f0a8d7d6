"""Hamming search over 256-bit codes in RAM: exact within 31 bits by tables, or at any distance by reading every code.

CodeIndex: 16 tables of 16 bits, and a small flat block for what was just added. Two codes at most 31 bits apart differ by at most
one bit in at least one of 16 slots (pigeonhole), so 17 look-ups in each slot find every neighbour. The bits are permuted once, by
a fixed permutation, because real hashes are skewed. Each distinct code is held once; sightings hang below it elsewhere. 96 bytes
a code.

CodeRows: columns of words, read in blocks that stay in the processor's cache. Candidates for a picture are wanted within 90 bits
and in eight turns, where tables would touch most codes: about 45 ms at a million codes, for all eight. 36 bytes a code.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from server.media.pdq import Code

RADIUS_BITS = 31
SLOTS = 16
DELTA_LIMIT = 50_000
_FLIPS = np.concatenate(([0], 1 << np.arange(16))).astype(np.uint16)
_ORDER = np.random.Generator(np.random.PCG64(20_260_101)).permutation(256)
_BLOCK = 1 << 18
_CACHED = 1 << 14
NONE_BITS = 257


class CodeIndex:
    """Append-only. Row numbers are stable: the n-th distinct code added is row n. Not safe for two writers."""

    def __init__(self) -> None:
        self._codes: Code = np.empty((0, 4), np.uint64)
        self._offsets = np.zeros((SLOTS, 65537), np.uint32)
        self._rows = np.empty((SLOTS, 0), np.uint32)
        self._delta: Code = np.empty((1024, 4), np.uint64)
        self._waiting = 0

    def __len__(self) -> int:
        return len(self._codes) + self._waiting

    def add(self, code: Code) -> int:
        """The row of this code, new or known; findable when this returns."""
        known, distances = self.search(code, 0)
        if len(distances):
            return int(known[0])
        if self._waiting == len(self._delta):
            self._delta = np.concatenate((self._delta, np.empty_like(self._delta)))
        self._delta[self._waiting] = permuted(code[None])[0]
        self._waiting += 1
        row = len(self) - 1
        if self._waiting >= DELTA_LIMIT:
            self.compact()
        return row

    def load(self, codes: Code) -> None:
        """Adds many codes known to be distinct and new, uint64 [n, 4], and builds the tables once."""
        kept = self._delta[: self._waiting]
        self._codes = np.concatenate((self._codes, kept, permuted(codes)))
        self._waiting = 0
        self._build()

    def compact(self) -> None:
        """Moves the appended block into the tables; rows stay what they were."""
        self.load(np.empty((0, 4), np.uint64))

    def search(self, code: Code, radius_bits: int = RADIUS_BITS) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows within the radius and their distances in bits, rows ascending; exact.

        Raises: ValueError above 31 bits, where the tables would miss some: use scan().
        """
        if radius_bits > RADIUS_BITS:
            raise ValueError(f"the tables are exact up to {RADIUS_BITS} bits")
        query = permuted(code[None])[0]
        candidates = self._candidates(query)
        distances = np.bitwise_count(self._codes[candidates] ^ query).sum(axis=1, dtype=np.int64)
        near = distances <= radius_bits
        rows, first = np.unique(candidates[near], return_index=True)
        found = distances[near][first]
        if self._waiting:
            appended = np.bitwise_count(self._delta[: self._waiting] ^ query).sum(axis=1, dtype=np.int64)
            late = np.flatnonzero(appended <= radius_bits)
            rows = np.concatenate((rows, late + len(self._codes)))
            found = np.concatenate((found, appended[late]))
        return rows.astype(np.int64), found

    def scan(self, code: Code, radius_bits: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """As search(), by reading every code: for any radius, and the measure of search()."""
        query = permuted(code[None])[0]
        rows, found = [], []
        for block, start in self._blocks():
            distances = np.bitwise_count(block ^ query).sum(axis=1, dtype=np.int64)
            near = np.flatnonzero(distances <= radius_bits)
            rows.append(near + start)
            found.append(distances[near])
        if not rows:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        return np.concatenate(rows), np.concatenate(found)

    @property
    def size_bytes(self) -> int:
        """Memory held by codes and tables."""
        return self._codes.nbytes + self._rows.nbytes + self._offsets.nbytes + self._delta.nbytes

    def _blocks(self) -> list[tuple[Code, int]]:
        total = len(self._codes)
        blocks = [(self._codes[start : start + _BLOCK], start) for start in range(0, total, _BLOCK)]
        return [*blocks, (self._delta[: self._waiting], total)] if self._waiting else blocks

    def _candidates(self, query: Code) -> NDArray[np.uint32]:
        parts = []
        for slot, value in enumerate(query.view(np.uint16)):
            keys = (value ^ _FLIPS).astype(np.int64)
            offsets, rows = self._offsets[slot], self._rows[slot]
            parts += [rows[start:end] for start, end in zip(offsets[keys], offsets[keys + 1], strict=True) if start != end]
        return np.concatenate(parts) if parts else np.empty(0, np.uint32)

    def _build(self) -> None:
        slots = self._codes.view(np.uint16).reshape(-1, SLOTS)
        self._rows = np.empty((SLOTS, len(slots)), np.uint32)
        for slot in range(SLOTS):
            column = np.ascontiguousarray(slots[:, slot])
            self._rows[slot] = np.argsort(column, kind="stable")
            self._offsets[slot, 1:] = np.cumsum(np.bincount(column, minlength=65536))
        self._delta = np.empty((1024, 4), np.uint64)


class CodeRows:
    """Codes with their owners (numbers of pictures). Append-only; owners must not descend. Not safe for two writers."""

    def __init__(self) -> None:
        self._columns = np.empty((4, 256), np.uint64)
        self._owners = np.empty(256, np.int32)
        self._used = 0

    def extend(self, codes: NDArray[np.uint8], owners: NDArray[np.int32]) -> None:
        """Adds codes, uint8 [n, 32], of these owners, int32 [n]."""
        needed = self._used + len(codes)
        if needed > len(self._owners):
            columns, kept = np.empty((4, 2 * needed), np.uint64), np.empty(2 * needed, np.int32)
            columns[:, : self._used] = self._columns[:, : self._used]
            kept[: self._used] = self._owners[: self._used]
            self._columns, self._owners = columns, kept
        self._columns[:, self._used : needed] = np.ascontiguousarray(codes).view(np.uint64).reshape(-1, 4).T
        self._owners[self._used : needed] = owners
        self._used = needed

    def nearest(self, queries: NDArray[np.uint8], count: int, *, since: int = 0) -> NDArray[np.int32]:
        """For each of `count` owners the smallest distance of its codes to any query, uint8 [m, 32]; int32 bits, NONE_BITS: none.

        Owners before `since` are passed over. Exact.
        """
        nearest = np.full(count, NONE_BITS, np.int32)
        start = int(np.searchsorted(self._owners[: self._used], since))
        owners = self._owners[start : self._used]
        if len(queries) == 0 or len(owners) == 0:
            return nearest
        words = np.ascontiguousarray(queries).view(np.uint64).reshape(-1, 4)
        columns = self._columns[:, start : self._used]
        away = np.empty(len(owners), np.uint16)
        for at in range(0, len(owners), _CACHED):
            away[at : at + _CACHED] = _smallest(columns[:, at : at + _CACHED], words)
        first = np.flatnonzero(np.diff(owners, prepend=-1))
        nearest[owners[first]] = np.minimum.reduceat(away, first)
        return nearest


def _smallest(columns: NDArray[np.uint64], words: Code) -> NDArray[np.uint16]:
    """For each code of the columns the distance to the nearest of the words."""
    best = np.full(columns.shape[1], NONE_BITS, np.uint16)
    for word in words:
        away = np.bitwise_count(columns[0] ^ word[0]).astype(np.uint16)
        for place in (1, 2, 3):
            away += np.bitwise_count(columns[place] ^ word[place])
        np.minimum(best, away, out=best)
    return best


def permuted(codes: Code) -> Code:
    """The codes with their bits in the index's own fixed order. Distances do not change."""
    out = np.empty((len(codes), 4), np.uint64)
    for start in range(0, len(codes), _BLOCK):
        block = np.ascontiguousarray(codes[start : start + _BLOCK])
        bits = np.unpackbits(block.view(np.uint8), axis=1, bitorder="little")
        packed = np.packbits(np.ascontiguousarray(bits[:, _ORDER]), axis=1, bitorder="little")
        out[start : start + _BLOCK] = np.ascontiguousarray(packed).view(np.uint64)
    return out
