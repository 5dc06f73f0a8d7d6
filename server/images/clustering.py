"""The job that places new pictures: candidates, judgements kept as edges, and the partition of what they touch.

Only the connected part of the pictures that a new one is related to is partitioned again, and all of it: the result does not
depend on the order of arrival. Judgements are read from the edges; only pairs never compared are looked at.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

from sqlmodel import col, select

from server.db import among, lock_for_transaction
from server.images.codes import Place
from server.images.edges import Pair, edges_among, neighbours, store_edges, to_judgement
from server.images.grouping import Group, Ruling, Rulings, groups_of
from server.images.matcher import Matcher
from server.images.models import Decision, Image, Member, Reading
from server.images.parts import GROUP_TASK, ImageParts
from server.images.placing import mates_of, write_groups
from server.images.reader import READ
from server.images.store import ImageRows
from server.media.clusters import partition
from server.media.gallery import Judgement, judge
from server.media.look import Look

logger = logging.getLogger(__name__)
MAX_COMPONENT = 20_000
BATCH = 20
ROUNDS = 4


@dataclass
class Memory:
    """Judgements of one component: those stored, those made now. `by_look` names a look's image."""

    by_look: Mapping[int, int]
    rulings: Rulings
    stored: Mapping[Pair, Judgement | None]
    may_look: bool
    made: dict[Pair, Judgement | None] = field(default_factory=dict)
    unknown: int = 0

    def judged(self, query: Look, known: Look) -> Judgement | None:
        """What is known of the pair; compared now when it is not, unless only records may be used."""
        pair = (self.by_look[id(query)], self.by_look[id(known)])
        if self.rulings.is_apart(*pair):
            return None
        if pair in self.stored:
            return self.stored[pair]
        if pair not in self.made:
            if not self.may_look:
                self.unknown += 1
                return None
            self.made[pair] = judge(query, known)
        return self.made[pair]


@dataclass(frozen=True)
class Component:
    """Pictures that are related to one another through any number of edges or decisions, by SHA-256 in its order."""

    image_ids: Mapping[str, int]
    looks: Mapping[str, Look]
    memory: Memory


class Clustering:
    """Writes edges and the partition of an organisation; one at a time per organisation, in whichever process."""

    def __init__(self, parts: ImageParts, rows: ImageRows, matcher: Matcher) -> None:
        self._parts = parts
        self._rows = rows
        self._matcher = matcher
        self._turns: dict[UUID, asyncio.Lock] = {}

    async def run(self, organisation_id: UUID) -> int:
        """Places every picture that has no place by the present pipeline; how many. Idempotent; safe to kill."""
        place = await self._rows.place(organisation_id)
        tried: set[int] = set()
        while True:
            async with self._alone(organisation_id):  # for one batch: a person's decision waits seconds, not for all of it
                waiting = [one for one in await self._waiting(place, limit=BATCH + len(tried)) if one not in tried][:BATCH]
                for image_id in waiting:
                    await self._discover(place, image_id)
                await self._settle(place, set(waiting), may_look=True)
            if not waiting:
                return len(tried)
            tried.update(waiting)

    async def queue_all(self) -> int:
        """Queues the grouping of every organisation with pictures that the present rules have not placed; how many."""
        waiting = [one for one in await self._organisations() if await self._waiting(await self._rows.place(one), limit=1)]
        async with self._parts.database.transaction() as session:
            for one in waiting:
                await self._parts.jobs.defer(session, GROUP_TASK, once=f"{GROUP_TASK}:{one}", organisation_id=str(one))
        return len(waiting)

    async def settle(self, organisation_id: UUID, image_ids: Sequence[int]) -> None:
        """The partition around these images made again: after a decision. Idempotent; safe to kill."""
        place = await self._rows.place(organisation_id)
        async with self._alone(organisation_id):
            await self._settle(place, set(image_ids), may_look=True)

    async def rebuild_all(self) -> dict[UUID, int]:
        """As rebuild(), for every organisation with pictures."""
        return {one: await self.rebuild(one) for one in await self._organisations()}

    async def rebuild(self, organisation_id: UUID) -> int:
        """The whole partition made again from edges and decisions alone, no picture compared; how many pairs had no edge.

        Gives the partition that was there: ids, members, edges (the test says so). For audits, and after a loss of the view.
        """
        place = await self._rows.place(organisation_id)
        async with self._alone(organisation_id):
            async with self._parts.database.session() as session:
                every = set((await session.exec(_placeable(place))).all())
            return await self._settle(place, every, may_look=False)

    async def _organisations(self) -> Sequence[UUID]:
        async with self._parts.database.session() as session:
            return (await session.exec(select(Reading.organisation_id).distinct())).all()

    @asynccontextmanager
    async def _alone(self, organisation_id: UUID) -> AsyncIterator[None]:
        """Holds the organisation's lock until the block ends, in a transaction that writes nothing.

        Who waits in this process waits without a connection: else those who wait would hold all that the one at work needs.
        """
        async with self._turns.setdefault(organisation_id, asyncio.Lock()), self._parts.database.session() as guard:
            await lock_for_transaction(guard, f"images.clusters:{organisation_id}")
            yield

    async def _waiting(self, place: Place, *, limit: int) -> list[int]:
        done = select(Member.image_id).where(
            Member.organisation_id == place.organisation_id, Member.pipeline_id == place.rules_id
        )
        wanted = _placeable(place).where(col(Reading.image_id).not_in(done)).order_by(col(Reading.id)).limit(limit)
        async with self._parts.database.session() as session:
            return list((await session.exec(wanted)).all())

    async def _discover(self, place: Place, image_id: int) -> None:
        """Edges from this image to what it may be related to.

        The index names the nearest few. When some of them are related, they and the rest of their clusters are passed over and it
        is asked again, so that a hundred copies of one picture do not hide another one that stands beside it in a collage.
        """
        own = (await self._matcher.looks(place.organisation_id, [image_id])).get(image_id)
        if own is None:
            return
        found = await self._matcher.candidates(place.organisation_id, own)
        passed_over = {image_id}
        for _ in range(ROUNDS):
            near = found.pictures(passed_over)
            related = await self._compare(place, image_id, near)
            if not related:
                return
            async with self._parts.database.session() as session:
                passed_over |= {*near, *await mates_of(session, related)}

    async def _compare(self, place: Place, image_id: int, others: Sequence[int]) -> list[int]:
        """Stores what this image is to the others; those it is related to.

        The smaller digest asks, so that who came first plays no part.
        """
        looks = await self._matcher.looks(place.organisation_id, [image_id, *others])
        async with self._parts.database.session() as session:
            edges = await edges_among(session, place, list(looks))
            ranks = await _digests(session, list(looks))
        known = {(edge.query_id, edge.known_id): to_judgement(edge) for edge in edges}
        pairs = [(image_id, one) if ranks[image_id] < ranks[one] else (one, image_id) for one in others if one in looks]

        def compare() -> dict[Pair, Judgement | None]:
            return {pair: judge(looks[pair[0]], looks[pair[1]]) for pair in pairs if pair not in known}

        judged = await asyncio.to_thread(compare)
        async with self._parts.database.transaction() as session:
            await store_edges(session, place, judged, self._parts.clock)
        told = known | judged
        return [one for pair in pairs if told[pair] is not None for one in pair if one != image_id]

    async def _settle(self, place: Place, image_ids: set[int], *, may_look: bool) -> int:
        """Every component that one of these images belongs to; how many pairs were not on record."""
        rulings = await self._rulings(place)
        left, unknown = set(image_ids), 0
        while left:
            component = await self._component(place, min(left), rulings)
            left -= component
            unknown += await self._settle_one(place, sorted(component), rulings, may_look=may_look)
        return unknown

    async def decided(self, organisation_id: UUID) -> AsyncIterator[Component]:
        """Every component in which a person decided something, as it is on record: for checks, nothing is written."""
        place = await self._rows.place(organisation_id)
        rulings = await self._rulings(place)
        left = rulings.images()
        while left:
            ids = await self._component(place, min(left), rulings)
            left -= ids
            yield await self._recorded(place, ids, Rulings(()), may_look=False)

    async def _recorded(self, place: Place, image_ids: Iterable[int], rulings: Rulings, *, may_look: bool) -> Component:
        ids = list(image_ids)
        looks = await self._matcher.looks(place.organisation_id, ids)
        async with self._parts.database.session() as session:
            digests = await _digests(session, list(looks))
            edges = await edges_among(session, place, list(looks))
        stored = {(edge.query_id, edge.known_id): to_judgement(edge) for edge in edges}
        ordered = {digests[one]: one for one in sorted(looks, key=lambda one: digests[one])}
        memory = Memory({id(looks[one]): one for one in looks}, rulings, stored, may_look)
        return Component(ordered, {digest: looks[one] for digest, one in ordered.items()}, memory)

    async def _settle_one(self, place: Place, ids: list[int], rulings: Rulings, *, may_look: bool) -> int:
        known = await self._recorded(place, ids, rulings, may_look=may_look)
        ids, memory = list(known.image_ids.values()), known.memory
        if not ids:
            return 0

        def divide() -> list[Group]:
            made = partition(list(known.looks.values()), list(known.looks), judged=memory.judged)
            return groups_of(made, ids, rulings)

        groups = await asyncio.to_thread(divide)
        async with self._parts.database.transaction() as session:
            await store_edges(session, place, memory.made, self._parts.clock)
            await session.flush()
            edges = {(edge.query_id, edge.known_id): edge.id for edge in await edges_among(session, place, ids)}
            await write_groups(session, place, groups, edges, self._parts.clock.now())
        return memory.unknown

    async def _component(self, place: Place, start: int, rulings: Rulings) -> set[int]:
        """Everything that is related to `start` through any number of edges or decisions."""
        bound: dict[int, set[int]] = {}
        for first, second in rulings.bound():
            bound.setdefault(first, set()).add(second)
            bound.setdefault(second, set()).add(first)
        component, border = {start}, {start}
        async with self._parts.database.session() as session:
            while border and len(component) < MAX_COMPONENT:
                reached = await neighbours(session, place, border)
                for one in border:
                    reached |= bound.get(one, set())
                border = reached - component
                component |= border
        if border:
            logger.warning("images.component_too_large", extra={"start": start, "size": len(component)})
        return component

    async def _rulings(self, place: Place) -> Rulings:
        wanted = select(Decision).where(Decision.organisation_id == place.organisation_id)
        async with self._parts.database.session() as session:
            rows = (await session.exec(wanted)).all()
        return Rulings(Ruling(one.id or 0, one.kind, tuple(one.left_ids), tuple(one.right_ids)) for one in rows)


def _placeable(place: Place):  # type: ignore[no-untyped-def]
    """Ids of images that were read and may stand in clusters: files and crops; a whole screenshot shows many things."""
    return (
        select(Reading.image_id)
        .join(Image, col(Image.id) == col(Reading.image_id))
        .where(
            Reading.organisation_id == place.organisation_id,
            Reading.pipeline_id == place.pipeline_id,
            Reading.outcome == READ,
            Image.kind != "screenshot",
        )
    )


async def _digests(session, image_ids: list[int]) -> dict[int, str]:  # type: ignore[no-untyped-def]
    rows = (await session.exec(select(Image.id, Image.sha256).where(among(col(Image.id), image_ids)))).all()
    return {image_id: digest for image_id, digest in rows if image_id is not None}
