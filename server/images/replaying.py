"""Clusters made again from nothing but the log's events and the pictures. Pure: values in, values out.

What people decided stands in events (`cluster.merged`, `cluster.split`, `cluster.rejected`) by SHA-256 of the pictures; what the
engine says follows from the pictures. So whoever holds both can tell whether the clusters that a service shows follow from them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from server.images.grouping import Ruling, Rulings, groups_of
from server.media.clusters import partition
from server.media.gallery import Judgement, judge
from server.media.look import Look
from server.trust.events import CustodyEvent

DECIDED = {"cluster.merged": "merge", "cluster.split": "split", "cluster.rejected": "reject"}
"""The events that say a decision, with its kind."""


@dataclass(frozen=True)
class ReplayedGroup:
    """Pictures that are one, by SHA-256, and those that show it in part or inside."""

    representative: str
    members: frozenset[str]
    seen_in: frozenset[str]


def replay(
    pictures: Mapping[str, Look], events: Iterable[CustodyEvent], judged: Callable[[Look, Look], Judgement | None] = judge
) -> frozenset[ReplayedGroup]:
    """The clusters of these pictures (by SHA-256) after these events, oldest first; events of other kinds say nothing here.

    judged: for callers that remember what was compared. Not replayed: cluster ids, which are drawn; events name them.
    Raises: ValueError (an event that is no decision of a known shape).
    """
    digests = sorted(pictures)
    numbers = {digest: number for number, digest in enumerate(digests)}
    rulings = Rulings(rulings_in(events, numbers))
    places = {id(pictures[digest]): number for digest, number in numbers.items()}

    def told(query: Look, known: Look) -> Judgement | None:
        return None if rulings.is_apart(places[id(query)], places[id(known)]) else judged(query, known)

    made = partition([pictures[digest] for digest in digests], digests, judged=told)
    return frozenset(
        ReplayedGroup(
            digests[group.representative],
            frozenset(digests[one] for one in group.members),
            frozenset(digests[one] for one in group.seen_in),
        )
        for group in groups_of(made, range(len(digests)), rulings)
    )


def rulings_in(events: Iterable[CustodyEvent], numbers: Mapping[str, int]) -> list[Ruling]:
    """The decisions that the events tell, in their order; pictures that `numbers` does not hold are left out of both sides.

    Raises: ValueError.
    """
    rulings = []
    for place, event in enumerate(one for one in events if one.type in DECIDED):
        left, right = [tuple(numbers[one] for one in _named(event, side) if one in numbers) for side in ("left", "right")]
        rulings.append(Ruling(place, DECIDED[event.type], left, right))
    return rulings


def _named(event: CustodyEvent, side: str) -> list[str]:
    named = event.details.get(side)
    if not isinstance(named, list) or not all(isinstance(one, str) for one in named):
        raise ValueError(f"{event.type} without a list of pictures on its {side}")
    return named
