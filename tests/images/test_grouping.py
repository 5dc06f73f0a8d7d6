"""Groups, decisions and ids as values: no database, no picture."""

import uuid

from server.images.grouping import Founded, Group, Ruling, Rulings, groups_of, named
from server.media.clusters import Direction, Edge, Partition
from server.media.gallery import Judgement
from server.media.verify import Relation

SAME = Judgement(Relation.SAME, 4, None)
HOLDS = Judgement(Relation.CONTAINS, 90, None, query_holds=True)
A, B, C = (uuid.UUID(int=number) for number in (1, 2, 3))


def same(number: int, head: int) -> Edge:
    return Edge(number, head, head, Relation.SAME, Direction.WHOLE, SAME)


def holds(number: int, head: int) -> Edge:
    return Edge(number, head, head, Relation.CONTAINS, Direction.HOLDS, HOLDS)


def members(groups: list[Group]) -> list[set[int]]:
    return [set(one.members) for one in groups]


IDS = [10, 11, 12, 13, 14]
FOUND = Partition((0, 3), (same(1, 0), same(2, 0), holds(4, 0), holds(4, 3)))


def test_a_collage_is_a_sighting_of_two_and_joins_none() -> None:
    groups = groups_of(FOUND, IDS, Rulings([]))
    assert members(groups) == [{10, 11, 12}, {13}]
    assert [set(one.seen_in) for one in groups] == [{14}, {14}]
    assert groups[0].members == {10: None, 11: (11, 10), 12: (12, 10)}


def test_the_newest_decision_between_two_images_counts() -> None:
    merge = Ruling(1, "merge", (10, 11, 12), (13,))
    assert members(groups_of(FOUND, IDS, Rulings([merge]))) == [{10, 11, 12, 13}]
    split = Ruling(2, "split", (13,), (10, 11, 12))
    assert members(groups_of(FOUND, IDS, Rulings([split, merge]))) == [{10, 11, 12}, {13}]
    again = Ruling(3, "merge", (13,), (10, 11, 12))
    assert members(groups_of(FOUND, IDS, Rulings([again, merge, split]))) == [{10, 11, 12, 13}]


def test_images_that_were_parted_never_share_a_group_even_through_a_third() -> None:
    rejected = Rulings([Ruling(1, "reject", (11,), (12,))])
    assert members(groups_of(FOUND, IDS, rejected)) == [{10, 11}, {13}, {12}]


def test_what_a_split_moves_stays_together() -> None:
    alone = Partition((0, 1, 2, 3), ())
    moved = Rulings([Ruling(1, "split", (11, 12), (10,))])
    assert members(groups_of(alone, IDS, moved)) == [{10}, {11, 12}, {13}]


def test_a_split_takes_out_what_it_names_and_nothing_that_a_merge_brought() -> None:
    """The merge named 12 and 13 first on its sides; without them the others are still what the person joined."""
    found = Partition((0, 2), (same(1, 0), same(3, 2), same(4, 2)))
    merge = Ruling(1, "merge", (10, 11), (12, 13, 14))
    assert members(groups_of(found, IDS, Rulings([merge]))) == [{10, 11, 12, 13, 14}]
    for taken in ([10], [12], [10, 12], [11, 14]):
        rest = tuple(one for one in IDS if one not in taken)
        parted = _without(found, set(taken))
        groups = members(groups_of(parted, IDS, Rulings([merge, Ruling(2, "split", tuple(taken), rest)])))
        assert sorted(groups, key=min) == sorted([set(taken), set(rest)], key=min), taken


def _without(found: Partition, taken: set[int]) -> Partition:
    """The engine's partition when nothing taken out is compared with the rest: who lost its representative stands alone."""
    edges = tuple(edge for edge in found.edges if (IDS[edge.number] in taken) == (IDS[edge.cluster] in taken))
    kept = {edge.number for edge in edges}
    return Partition(tuple(number for number in range(len(IDS)) if number not in kept), edges)


def test_joins_hold_by_as_few_pairs_as_do() -> None:
    many, others = tuple(range(1000)), tuple(range(1000, 1500))
    rulings = Rulings([Ruling(1, "merge", many, others), Ruling(2, "reject", (0,), (*many[1:], *others))])
    assert len(rulings.bound()) == 1498, "a tree over all but the rejected one"


def test_the_oldest_living_id_stays_and_the_others_lead_to_it() -> None:
    groups = [Group(10, {10: None, 11: (11, 10)}), Group(13, {13: None}, {12: (12, 13)})]
    told = named(groups, [Founded(B, 2, 10), Founded(A, 1, 11), Founded(C, 3, 12)])
    assert [one for one, _ in told.groups] == [A, None], "a group without a founder of its own gets a new id"
    assert told.ended == ((B, 0), (C, 1)), "what became a mere sighting leads to what it shows"


def test_an_id_that_ended_never_comes_back() -> None:
    told = named([Group(10, {10: None}), Group(11, {11: None})], [Founded(A, 1, 10)])
    assert [one for one, _ in told.groups] == [A, None]
