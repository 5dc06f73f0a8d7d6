"""Whatever pairs are judged to be, every order of the same pictures gives the same clusters."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from server.media.clusters import Direction, Partition, partition
from server.media.decode import Picture
from server.media.features import NO_FEATURES
from server.media.gallery import Judgement
from server.media.hashes import HashSet, ShortHashes
from server.media.look import Look
from server.media.pdq import Pdq
from server.media.verify import Overlay, Relation

KINDS = ("none", "same", "nearly", "variant", "holds", "held", "shares")
PICTURES = 6  # all of them are candidates of each other: no more are asked for by codes


def made(number: int, chance: np.random.Generator) -> Look:
    """A look whose codes are 20 to 80 bits from every other one's."""
    bits = np.zeros(256, np.uint8)
    bits[chance.permutation(256)[: int(chance.integers(10, 40))]] = 1
    code = np.packbits(bits).view(np.uint64)
    size = int(chance.integers(100, 104))
    words = np.zeros(4, np.uint64)
    short = ShortHashes(words[:1], words, words[:1])
    hashes = HashSet(short, Pdq(np.stack([code] * 8), 100))
    picture = Picture(str(number), size, 100, np.empty((0, 0), np.uint8), ())
    return Look(picture, hashes, (), NO_FEATURES, NO_FEATURES, bytes(int(chance.integers(100, 120))))


def judgement(kind: str, score: float, swapped: bool) -> Judgement | None:
    """The judgement of a pair by its kind, or of the same pair asked the other way round."""
    if kind == "none":
        return None
    if kind in ("same", "nearly", "variant"):
        relation = Relation.VARIANT if kind == "variant" else Relation.SAME
        return Judgement(relation, 50, Overlay(np.eye(2, 3), False, 30, score if kind == "same" else 0.8, 0.9, 0.9))
    shares = (1.0, 0.3) if (kind == "holds") != swapped else (0.3, 1.0)
    holds = (kind == "shares" or (kind == "holds") != swapped, kind == "shares" or (kind == "held") != swapped)
    return Judgement(Relation.CONTAINS, 70, Overlay(np.eye(2, 3), False, 30, score, *shares), *holds)


def told(found: Partition, digests: list[str]) -> tuple[set[str], set[tuple[str, str, str, Relation, Direction]]]:
    edges = {(digests[one.number], digests[one.cluster], digests[one.to], one.relation, one.direction) for one in found.edges}
    return {digests[number] for number in found.representatives}, edges


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(KINDS), st.floats(0.8, 1.0)), min_size=15, max_size=15),
    st.integers(0, 2**32 - 1),
    st.lists(st.permutations(range(PICTURES)), min_size=3, max_size=3),
)
def test_every_order_gives_the_same_clusters(pairs: list[tuple[str, float]], seed: int, orders: list[list[int]]) -> None:
    chance = np.random.default_rng(seed)
    looks = [made(number, chance) for number in range(PICTURES)]
    kinds = iter(pairs)
    table = {(low, high): next(kinds) for low in range(PICTURES) for high in range(low + 1, PICTURES)}

    def judged(query: Look, known: Look) -> Judgement | None:
        mine, other = int(query.picture.format), int(known.picture.format)
        kind, score = table[min(mine, other), max(mine, other)]
        return judgement(kind, score, mine > other)

    results = []
    for order in [list(range(PICTURES)), *orders]:
        digests = [f"{number:02d}" for number in order]
        results.append(told(partition([looks[number] for number in order], digests, judged=judged), digests))
    assert all(result == results[0] for result in results)
    heads, edges = results[0]
    seen = {number for number, cluster, _, relation, _ in edges if relation is not Relation.VARIANT and cluster in heads}
    assert heads | seen == {f"{number:02d}" for number in range(PICTURES)}, "every picture has a place"
