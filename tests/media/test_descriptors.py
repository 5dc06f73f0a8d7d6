"""Votes of local patterns: never more than reading everything gives, and enough for a crop; common patterns weigh little."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from server.media import descriptors as module
from server.media.descriptors import SEGMENT, DescriptorIndex
from server.media.features import VOTE_RADIUS_BITS


def random_descriptors(chance: np.random.Generator, count: int) -> np.ndarray:
    return chance.integers(0, 256, (count, 32), dtype=np.uint8)


def noisy(descriptors: np.ndarray, chance: np.random.Generator, bits: int) -> np.ndarray:
    """The descriptors with this many bits of each turned over."""
    spread = np.unpackbits(descriptors, axis=1)
    for row in spread:
        row[chance.permutation(256)[:bits]] ^= 1
    return np.packbits(spread, axis=1)


def exact(known: list[np.ndarray], query: np.ndarray) -> list[int]:
    words = query.view(np.uint64)
    found = []
    for descriptors in known:
        away = np.bitwise_count(words[:, None] ^ descriptors.view(np.uint64)[None]).sum(axis=2)
        found.append(int((away <= VOTE_RADIUS_BITS).any(axis=1).sum()))
    return found


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(0, 45))
def test_what_was_just_added_is_read_exactly(seed: int, pictures: int, bits: int) -> None:
    chance = np.random.default_rng(seed)
    known = [random_descriptors(chance, int(chance.integers(1, 60))) for _ in range(pictures)]
    index = DescriptorIndex()
    for owner, descriptors in enumerate(known):
        index.extend(descriptors, owner)
    query = np.concatenate((noisy(known[-1], chance, bits), random_descriptors(chance, 5)))
    assert index.tally(query, pictures).votes.tolist() == exact(known, query)


def test_tables_find_most_of_a_pictures_patterns_and_invent_none() -> None:
    chance = np.random.default_rng(3)
    known = [random_descriptors(chance, 150) for _ in range(60)]
    index = DescriptorIndex()
    index.load(np.concatenate(known).view(np.uint64), np.repeat(np.arange(60), 150))
    assert len(index) == 60 * 150 > SEGMENT
    for bits, least in ((0, 150), (10, 140), (20, 110), (30, 60)):
        votes = index.tally(noisy(known[7], chance, bits), 60).votes
        assert least <= votes[7] <= 150
        assert votes.sum() == votes[7]
    assert index.tally(noisy(known[7], chance, VOTE_RADIUS_BITS + 1), 60).votes.sum() == 0


def test_segments_answer_as_one_and_the_newest_counts_at_once() -> None:
    chance = np.random.default_rng(4)
    grown, loaded = DescriptorIndex(), DescriptorIndex()
    known = random_descriptors(chance, 5 * SEGMENT + 17)
    owners = np.arange(len(known)) // 100
    for owner in range(int(owners[-1]) + 1):
        grown.extend(known[owners == owner], owner)
    loaded.load(np.ascontiguousarray(known).view(np.uint64), owners)
    query = noisy(known[::400], chance, 8)
    first, second = (index.tally(query, int(owners[-1]) + 1) for index in (grown, loaded))
    assert np.array_equal(first.votes, second.votes) and first.votes.sum() > 20
    newest = int(owners[-1])
    assert grown.tally(known[-5:], newest + 1).votes[newest] == 5
    since = grown.tally(query, newest + 1, since=40)
    assert since.votes[:40].sum() == 0 and np.array_equal(since.votes[40:], first.votes[40:])


def test_many_at_once_answer_as_one_by_one_and_what_waited_stays_in_front(monkeypatch) -> None:
    monkeypatch.setattr(module, "LOAD_LIMIT", 700)
    chance = np.random.default_rng(8)
    known = random_descriptors(chance, 3000)
    words, owners = known.view(np.uint64), np.arange(3000) // 50
    index, whole = DescriptorIndex(), DescriptorIndex()
    for owner in range(3):
        index.extend(known[owners == owner], owner)
    index.load(words[150:], owners[150:])
    index.extend(random_descriptors(chance, 4), 60)
    query = noisy(known[::40], chance, 6)
    asked = index.tally(query, 61).votes.tolist()
    whole.load(words, owners)
    assert len(index) == 3004 and asked[:60] == whole.tally(query, 60).votes.tolist() and asked[1] > 0


def test_a_pattern_that_many_pictures_have_weighs_less_than_a_rare_one() -> None:
    chance = np.random.default_rng(5)
    letters, index = random_descriptors(chance, 10), DescriptorIndex()
    own = [random_descriptors(chance, 6) for _ in range(20)]
    for owner, descriptors in enumerate(own):
        index.extend(np.concatenate((letters, descriptors)), owner)
    tally = index.tally(np.concatenate((letters, own[3][:2])), 20)
    assert tally.votes[3] == 12 and tally.votes[4] == 10
    assert tally.weights[3] > 2 and tally.weights[4] < 0.6


def test_a_bucket_of_one_pattern_costs_no_more_than_its_limit(monkeypatch) -> None:
    monkeypatch.setattr(module, "MAX_BUCKET", 50)
    index, chance = DescriptorIndex(), np.random.default_rng(6)
    same = random_descriptors(chance, 1)
    index.load(np.repeat(same, 51, axis=0).view(np.uint64), np.arange(51))
    assert index.tally(same, 51).votes.sum() == 0
