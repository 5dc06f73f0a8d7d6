"""The partition with people's decisions, and which id each group has. Pure: values in, values out; the order of input is free.

1. The engine's partition (server.media.clusters) joins pictures to representatives only.
2. Between two images the newest decision counts: `apart` (split, reject) hides their relation from the engine, `together` joins
   their groups: any image of one side of a merge with any of the other, and the images on each side of a split with one another.
3. A group keeps the id of the oldest living cluster whose founder it holds; other living clusters with a founder in it end there.
   A group without one gets a new id. An id that ended never comes back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from uuid import UUID

from server.media.clusters import Partition
from server.media.verify import Relation

REPRESENTATIVE, SAME, CONTAINS = "representative", "same", "contains"
Pair = tuple[int, int]


@dataclass(frozen=True)
class Ruling:
    """A decision as grouping needs it, by image ids. Decisions are ordered by `number`."""

    number: int
    kind: str
    left: tuple[int, ...]
    right: tuple[int, ...]


@dataclass(frozen=True)
class Founded:
    """A living cluster: its id, the order in which it was opened, the image it is known by."""

    cluster_id: UUID
    number: int
    founder: int


@dataclass
class Group:
    """Images judged one picture. seen_in: others that hold it or are a part of it; each with the pair compared."""

    representative: int
    members: dict[int, Pair | None] = field(default_factory=dict)
    seen_in: dict[int, Pair] = field(default_factory=dict)


@dataclass(frozen=True)
class Named:
    """The groups with their ids: None asks for a new one. ended: (cluster, where its founder stands now)."""

    groups: tuple[tuple[UUID | None, Group], ...]
    ended: tuple[tuple[UUID, int], ...]


class Rulings:
    """What people decided about pairs."""

    def __init__(self, rulings: Iterable[Ruling]) -> None:
        self._rulings = sorted(rulings, key=lambda one: one.number)
        self._sides = {one.number: (frozenset(one.left), frozenset(one.right)) for one in self._rulings}
        self._by_image: dict[int, list[Ruling]] = {}
        for one in self._rulings:
            for image in dict.fromkeys((*one.left, *one.right)):
                self._by_image.setdefault(image, []).append(one)

    @property
    def is_empty(self) -> bool:
        """True when nobody has decided anything."""
        return not self._rulings

    def images(self) -> set[int]:
        """Every image that a decision names."""
        return set(self._by_image)

    def is_apart(self, first: int, second: int) -> bool:
        """Whether the newest decision about these two images keeps them apart."""
        return self._verdict(first, second) == "apart"

    def bound(self) -> list[Pair]:
        """Pairs that hold together what decisions join and no newer one parts: of each joining decision the fewest that do."""
        return list(self._bound)

    @cached_property
    def _bound(self) -> tuple[Pair, ...]:
        pairs: list[Pair] = []
        for one in self._rulings:
            if one.kind == "merge":
                pairs += self._tree(one.left, one.right)
            elif one.kind == "split":
                pairs += [*self._tree(one.left), *self._tree(one.right)]
        return tuple(dict.fromkeys(pairs))

    def _tree(self, *sides: Sequence[int]) -> list[Pair]:
        """A spanning forest of the pairs that stand joined today: across two sides, or within one."""
        unreached = [list(side) for side in sides]
        pairs: list[Pair] = []
        while unreached[-1]:
            border = [(unreached[-1].pop(0), 0)]
            while border:
                image, across = border.pop()
                told = [(other, self._verdict(image, other) == "together") for other in unreached[across]]
                unreached[across] = [other for other, is_joined in told if not is_joined]
                joined = [other for other, is_joined in told if is_joined]
                pairs += [(image, other) for other in joined]
                border += [(other, (across + 1) % len(sides)) for other in joined]
        return pairs

    def _verdict(self, first: int, second: int) -> str:
        for one in reversed(self._touching(first, second)):
            left, right = self._sides[one.number]
            if (first in left and second in right) or (second in left and first in right):
                return "together" if one.kind == "merge" else "apart"
            if one.kind == "split" and (first in left) == (second in left):
                return "together"
        return ""

    def _touching(self, first: int, second: int) -> list[Ruling]:
        """Decisions that name both images, oldest first."""
        mine, theirs = self._by_image.get(first, []), self._by_image.get(second, [])
        numbers = {one.number for one in theirs}
        return [one for one in mine if one.number in numbers]


def groups_of(partition: Partition, image_ids: Sequence[int], rulings: Rulings) -> list[Group]:
    """Steps 1 and 2: the groups of these images, by their representatives. `image_ids` are the partition's numbers."""
    groups: dict[int, Group] = {}
    for number in partition.representatives:
        image = image_ids[number]
        groups[image] = Group(image, {image: None})
    for edge in partition.edges:
        image, head, to = image_ids[edge.number], image_ids[edge.cluster], image_ids[edge.to]
        if head not in groups or image == head:
            continue
        if edge.relation is Relation.SAME:
            groups[head].members[image] = (image, to)
        elif edge.relation is Relation.CONTAINS:
            groups[head].seen_in[image] = (image, to)
    return _parted(_joined(groups, rulings), rulings)


def named(groups: Sequence[Group], living: Sequence[Founded]) -> Named:
    """Step 3. `living` must hold every living cluster whose founder is among the groups' images."""
    home: dict[int, int] = {}
    for place, group in enumerate(groups):
        home |= dict.fromkeys(group.members, place)
    for place, group in enumerate(groups):
        for image in group.seen_in:
            home.setdefault(image, place)
    own: dict[int, UUID] = {}
    ended: list[tuple[UUID, int]] = []
    for one in sorted(living, key=lambda cluster: cluster.number):
        at = home.get(one.founder)
        if at is None:
            continue
        if at in own or one.founder not in groups[at].members:
            ended.append((one.cluster_id, at))
        else:
            own[at] = one.cluster_id
    return Named(tuple((own.get(place), group) for place, group in enumerate(groups)), tuple(ended))


def _joined(groups: dict[int, Group], rulings: Rulings) -> list[Group]:
    """The groups after step 2, ordered by representative. The group of a pair's first image takes the other one in."""
    home = {image: head for head, group in groups.items() for image in group.members}
    for first, second in rulings.bound():
        into, other = home.get(first), home.get(second)
        if into is None or other is None or into == other:
            continue
        keep, gone = groups[into], groups.pop(other)
        for image in gone.members:
            keep.members[image] = gone.members[image]
            home[image] = into
        keep.seen_in |= gone.seen_in
    for group in groups.values():
        group.seen_in = {image: pair for image, pair in group.seen_in.items() if image not in group.members}
    return [groups[head] for head in sorted(groups)]


def _parted(groups: list[Group], rulings: Rulings) -> list[Group]:
    """No group holds two images that a person parted, even when a third picture is the same as both."""
    if rulings.is_empty:
        return groups
    out: list[Group] = []
    waiting = list(groups)
    while waiting:
        group = waiting.pop(0)
        kept: list[int] = []
        gone: list[int] = []
        for image in group.members:
            (gone if any(rulings.is_apart(image, other) for other in kept) else kept).append(image)
        if gone:
            group.members = {image: group.members[image] for image in kept}
            waiting.append(Group(gone[0], {image: group_pair(image, gone[0]) for image in gone}))
        out.append(group)
    return out


def group_pair(image: int, head: int) -> Pair | None:
    """The pair that would hold the edge of a member to its representative."""
    return None if image == head else (image, head)
