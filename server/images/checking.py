"""Whether memory, tables and log say the same of pictures: for an operator in doubt, after a restore or an update.

Not checked: whether the pictures are evidence (`holdstill log check` does that), and what a fresh look at them would give.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import UUID

from sqlmodel import col, select

from server.custody.findings import AuditReport
from server.db import among, run_sql
from server.images.clustering import Clustering, Component
from server.images.codes import Near, Place, codes_asked, near_images
from server.images.grouping import CONTAINS
from server.images.matcher import Matcher
from server.images.models import Decision, Image, Member, Reading
from server.images.parts import GROUP_TASK, ImageParts
from server.images.replaying import DECIDED, replay
from server.images.store import ImageRows
from server.media.look import Look
from server.trust.dsse import parse_envelope
from server.trust.events import CustodyEvent, parse_event

SAMPLE = 100
LISTED = 100
EVERY = 1_000_000
_SAMPLE = """
SELECT image_id FROM image_reading WHERE organisation_id = :organisation AND pipeline_id = :pipeline AND outcome = 'read'
ORDER BY random() LIMIT :sample
"""
_LOST = """
SELECT image.sha256, copy.reading_id IS NULL AS copy_lost
FROM image_reading reading JOIN image ON image.id = reading.image_id LEFT JOIN image_copy copy ON copy.reading_id = reading.id
WHERE reading.organisation_id = :organisation AND reading.pipeline_id = :pipeline AND reading.outcome = 'read'
  AND (copy.reading_id IS NULL OR NOT EXISTS (
    SELECT 1 FROM image_code_use use JOIN image_code code ON code.id = use.code_id
    WHERE use.image_id = reading.image_id AND code.pipeline_id = reading.pipeline_id))
ORDER BY image.id LIMIT :limit
"""
_AT_WORK = """
SELECT 1 FROM procrastinate_jobs
WHERE task_name = :task AND status IN ('todo', 'doing') AND args->>'organisation_id' = :organisation LIMIT 1
"""


class ImageCheck:
    """Reads everything and writes nothing."""

    def __init__(self, parts: ImageParts, rows: ImageRows, matcher: Matcher, clustering: Clustering) -> None:
        self._parts = parts
        self._rows = rows
        self._matcher = matcher
        self._clustering = clustering

    async def run(self, *, sample: int = SAMPLE) -> AuditReport:
        """All organisations. sample: how many pictures of each are searched for both in memory and in PostgreSQL."""
        report = AuditReport()
        async with self._parts.database.session() as session:
            organisations = (await session.exec(select(Reading.organisation_id).distinct())).all()
        for one in organisations:
            place = await self._rows.place(one)
            await self._tables(place, report)
            await self._searches(place, sample, report)
            events = await self._decisions(one, report)
            async for component in self._clustering.decided(one):
                await self._clusters(one, component, list(events.values()), report)
        if not organisations:
            report.skip("pictures", "none was read yet")
        return report

    async def _tables(self, place: Place, report: AuditReport) -> None:
        """Every picture that was read has its working copy and its codes."""
        asked = {"organisation": place.organisation_id, "pipeline": place.pipeline_id}
        async with self._parts.database.session() as session:
            for row in await run_sql(session, _LOST, **asked, limit=LISTED):
                lost = "working copy is gone: it cannot be found" if row.copy_lost else "codes are gone"
                report.fail(f"image:{row.sha256}", f"it was read, and its {lost}")

    async def _searches(self, place: Place, sample: int, report: AuditReport) -> None:
        """Memory and PostgreSQL find the same pictures within 31 bits, at the same distances."""
        asked = {"organisation": place.organisation_id, "pipeline": place.pipeline_id, "sample": sample}
        async with self._parts.database.session() as session:
            ids = [int(row[0]) for row in await run_sql(session, _SAMPLE, **asked)]
            digests = dict((await session.exec(select(Image.id, Image.sha256).where(among(col(Image.id), ids)))).all())
        for image_id, look in (await self._matcher.looks(place.organisation_id, ids)).items():
            before = await self._stored(place, look)
            within = (await self._matcher.candidates(place.organisation_id, look)).within()
            missing = before.items() - within.items()  # pictures are only ever added: memory was asked after the tables
            surplus = within.items() - (await self._stored(place, look) if before != within else before).items()
            if missing or surplus:
                told = (
                    f"memory finds {len(within)} pictures, PostgreSQL {len(before)}, {len(missing | surplus)} of them not alike"
                )
                report.fail(f"image:{digests[image_id]}", f"within 31 bits {told}")
            report.count("pictures searched for in memory and in PostgreSQL")
        if not ids:
            report.skip(f"organisation:{place.organisation_id}", "the present pipeline has read no picture")

    async def _stored(self, place: Place, look: Look) -> dict[int, int]:
        """Distance in bits of every picture within 31, by PostgreSQL."""
        found: dict[int, int] = {}
        async with self._parts.database.session() as session:
            for code in codes_asked(look):
                for image_id, away in await near_images(session, place, Near("pdq", code, limit=EVERY)):
                    found[image_id] = min(away, found.get(image_id, away))
        return found

    async def _events(self, organisation_id: UUID) -> dict[str, CustodyEvent]:
        """The decisions that custody tells, by event file, in their order."""
        found = await self._parts.custody.of_types(DECIDED, organisation_id=organisation_id)
        return {one.sha256: parse_event(parse_envelope(one.envelope).payload) for one in found}

    async def _decisions(self, organisation_id: UUID, report: AuditReport) -> dict[str, CustodyEvent]:
        """Every decision that clusters are made with is an event, and the other way round, in the same words and order.

        Gives the events. Both only grow while this reads: rows are between what was told before them and after them.
        """
        before = len(await self._events(organisation_id))
        async with self._parts.database.session() as session:
            wanted = select(Decision).where(Decision.organisation_id == organisation_id).order_by(col(Decision.id))
            rows = (await session.exec(wanted)).all()
            ids = {one for row in rows for one in (*row.left_ids, *row.right_ids)}
            digests = dict((await session.exec(select(Image.id, Image.sha256).where(among(col(Image.id), ids)))).all())
        events = await self._events(organisation_id)
        if len(rows) < before or [row.event_sha256 for row in rows] != list(events)[: len(rows)]:
            report.fail(f"organisation:{organisation_id}", "decisions and their events are not the same, or not in one order")
        for row in rows:
            event = events.get(row.event_sha256)
            sides = {"left": [digests.get(one) for one in row.left_ids], "right": [digests.get(one) for one in row.right_ids]}
            said = {**sides, "reason": row.reason, "cluster": str(row.cluster_id)}
            if event is None or DECIDED[event.type] != row.kind or any(event.details.get(name) != said[name] for name in said):
                report.fail(f"cluster:{row.cluster_id}", f"a decision ({row.kind}) is not what its event says")
            report.count("decisions compared with their events")
        return events

    async def _clusters(
        self, organisation_id: UUID, known: Component, events: Sequence[CustodyEvent], report: AuditReport
    ) -> None:
        """The clusters in which people decided are those that the events and the comparisons on record give."""
        made = await asyncio.to_thread(replay, known.looks, events, known.memory.judged)
        expected = {(one.members, one.seen_in) for one in made}
        async with self._parts.database.session() as session:
            wanted = select(Member.cluster_id, Member.role, Image.sha256).join(Image, col(Image.id) == col(Member.image_id))
            rows = (await session.exec(wanted.where(among(col(Member.image_id), known.image_ids.values())))).all()
            work = await run_sql(session, _AT_WORK, task=GROUP_TASK, organisation=str(organisation_id))
        stored: dict[UUID, tuple[set[str], set[str]]] = {}
        for cluster_id, role, digest in rows:
            stored.setdefault(cluster_id, (set(), set()))[role == CONTAINS].add(digest)
        where = f"image:{min(known.looks, default='')}"
        if expected == {(frozenset(members), frozenset(seen_in)) for members, seen_in in stored.values()}:
            report.count("clusters replayed from the log", len(expected))
        elif known.memory.unknown or work:
            report.skip(where, "pictures around it are still being placed: check again")
        else:
            report.fail(where, "the clusters around it are not what the log's events and the comparisons on record give")
