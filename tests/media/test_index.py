"""The tables give exactly what reading every code gives, up to 31 bits."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.media import index as module
from server.media.index import NONE_BITS, RADIUS_BITS, CodeIndex, CodeRows

SEEDS = st.integers(0, 2**32 - 1)


def flipped(code: np.ndarray, bits: np.ndarray) -> np.ndarray:
    spread = np.unpackbits(code.view(np.uint8), bitorder="little")
    spread[bits] ^= 1
    return np.packbits(spread, bitorder="little").view(np.uint64)


def random_codes(chance: np.random.Generator, count: int) -> np.ndarray:
    return chance.integers(0, 2**64, (count, 4), dtype=np.uint64)


def flat(codes: np.ndarray, query: np.ndarray, radius: int) -> list[tuple[int, int]]:
    distances = np.bitwise_count(codes ^ query).sum(axis=1)
    return [(int(row), int(distances[row])) for row in np.flatnonzero(distances <= radius)]


def found(index: CodeIndex, query: np.ndarray, radius: int) -> list[tuple[int, int]]:
    rows, distances = index.search(query, radius)
    return list(zip(rows.tolist(), distances.tolist(), strict=True))


def test_a_neighbour_at_every_distance_up_to_31_is_found_and_none_beyond() -> None:
    chance = np.random.default_rng(11)
    query = random_codes(chance, 1)[0]
    planted = [flipped(query, chance.permutation(256)[:away]) for away in range(40)]
    index = CodeIndex()
    index.load(np.concatenate((random_codes(chance, 20_000), np.stack(planted))))
    assert found(index, query, RADIUS_BITS) == [(20_000 + away, away) for away in range(32)]


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.integers(0, 300), st.integers(0, 60), st.integers(0, RADIUS_BITS))
def test_tables_and_appended_codes_equal_a_flat_scan(seed: int, loaded: int, added: int, radius: int) -> None:
    chance = np.random.default_rng(seed)
    centres = random_codes(chance, 4)
    crowd = np.stack(
        [
            flipped(centres[chance.integers(4)], chance.permutation(256)[: chance.integers(0, 45)])
            for _ in range(loaded + added + 1)
        ]
    )
    codes = np.unique(crowd, axis=0)
    chance.shuffle(codes)
    index = CodeIndex()
    index.load(codes[: min(loaded, len(codes))])
    rows = [index.add(code) for code in codes[min(loaded, len(codes)) :]]
    assert rows == list(range(min(loaded, len(codes)), len(codes)))
    for query in (*centres, codes[0]):
        assert found(index, query, radius) == flat(codes, query, radius)
        scanned = index.scan(query, radius + 40)
        assert list(zip(*(part.tolist() for part in scanned), strict=True)) == flat(codes, query, radius + 40)


def test_a_known_code_keeps_its_row_and_takes_no_room() -> None:
    index, chance = CodeIndex(), np.random.default_rng(5)
    codes = random_codes(chance, 10)
    rows = [index.add(code) for code in codes]
    index.compact()
    assert [index.add(code) for code in codes] == rows == list(range(10))
    assert len(index) == 10


def test_a_radius_the_tables_cannot_promise_is_refused() -> None:
    with pytest.raises(ValueError, match="31"):
        CodeIndex().search(np.zeros(4, np.uint64), 32)


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.integers(0, 120), st.integers(0, 30), st.integers(0, 3))
def test_rows_give_each_owner_its_smallest_distance(seed: int, count: int, since: int, asked: int) -> None:
    chance = np.random.default_rng(seed)
    codes, owners = random_codes(chance, count), np.sort(chance.integers(0, 40, count)).astype(np.int32)
    rows = CodeRows()
    half = count // 2
    for part in (slice(0, half), slice(half, count)):
        rows.extend(codes[part].view(np.uint8).reshape(-1, 32), owners[part])
    queries = np.concatenate((random_codes(chance, asked), codes[:asked]))
    expected = np.full(40, NONE_BITS)
    for code, owner in zip(codes, owners.tolist(), strict=True):
        for query in queries if owner >= since else ():
            expected[owner] = min(expected[owner], int(np.bitwise_count(code ^ query).sum()))
    assert rows.nearest(queries.view(np.uint8).reshape(-1, 32), 40, since=since).tolist() == expected.tolist()


def test_rows_are_read_in_blocks_without_a_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CACHED", 7)
    chance, rows = np.random.default_rng(6), CodeRows()
    codes = random_codes(chance, 50)
    rows.extend(codes.view(np.uint8).reshape(-1, 32), np.arange(50, dtype=np.int32))
    for number in (0, 6, 7, 13, 14, 49):
        assert rows.nearest(codes[number].view(np.uint8).reshape(1, 32), 50)[number] == 0
