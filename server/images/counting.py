"""Counts by unit over a cluster, and counts frozen with what they were counted from."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.clock import Clock, format_time
from server.db import Database, run_sql
from server.errors import NotFound
from server.images.grouping import CONTAINS
from server.images.models import FrozenCount, Image, Member, Pipeline, Sighting
from server.images.scope import require_cluster
from server.images.views import Counts
from server.operators.actors import Actor
from server.operators.rights import demand, own_rows
from server.operators.roles import Right

_UNITS = """count(DISTINCT image.id) FILTER (WHERE image.kind = 'file') AS images,
       count(DISTINCT image.id) FILTER (WHERE image.kind = 'crop') AS crops,
       count(DISTINCT (seen.capture_id, seen.url_sha256, seen.ordinal)) AS instances,
       count(DISTINCT seen.capture_id) AS captures,
       count(DISTINCT (seen.platform, seen.post)) FILTER (WHERE seen.post IS NOT NULL) AS posts,
       count(DISTINCT (seen.platform, seen.account)) FILTER (WHERE seen.account IS NOT NULL) AS accounts,
       count(DISTINCT seen.platform) AS platforms,
       count(DISTINCT (seen.capture_id, seen.url_sha256, seen.ordinal)) FILTER (WHERE seen.post IS NULL) AS without_post,
       min(seen.captured_at) AS first_seen, max(seen.captured_at) AS last_seen
"""
_COUNTS = """
SELECT <units> FROM image_sighting seen JOIN image ON image.id = seen.image_id
WHERE seen.organisation_id = :organisation AND seen.id = ANY(CAST(:sightings AS bigint[]))
""".replace("<units>", _UNITS)
_OF_CLUSTERS = """
WITH members AS (
  SELECT cluster_id, image_id, role = :contains AS contains FROM image_member WHERE cluster_id = ANY(CAST(:clusters AS uuid[]))
), within AS (
  SELECT cluster_id, <units> FROM members JOIN image_sighting seen USING (image_id) JOIN image ON image.id = image_id
  WHERE seen.organisation_id = :organisation AND NOT members.contains GROUP BY cluster_id
), around AS (
  SELECT cluster_id, count(DISTINCT (seen.capture_id, seen.url_sha256, seen.ordinal)) AS contains
  FROM members JOIN image_sighting seen USING (image_id)
  WHERE seen.organisation_id = :organisation AND members.contains GROUP BY cluster_id
), made AS (
  SELECT DISTINCT ON (cluster_id) cluster_id, pipeline.name AS pipeline
  FROM image_member member JOIN image_pipeline pipeline ON pipeline.id = member.pipeline_id
  WHERE member.cluster_id = ANY(CAST(:clusters AS uuid[])) AND member.organisation_id = :organisation
  ORDER BY cluster_id, pipeline.id
)
SELECT asked.id AS cluster_id, images, crops, instances, captures, posts, accounts, platforms, without_post,
       first_seen, last_seen, contains, pipeline
FROM unnest(CAST(:clusters AS uuid[])) AS asked (id) LEFT JOIN within ON within.cluster_id = asked.id
LEFT JOIN around ON around.cluster_id = asked.id LEFT JOIN made ON made.cluster_id = asked.id
""".replace("<units>", _UNITS)
_TIMES = ("first_seen", "last_seen")


@dataclass(frozen=True)
class FrozenView:
    """Counts as frozen, and what counting the same sightings, and the cluster as it is now, gives.

    is_same: the frozen sightings still give the frozen counts. now: of the cluster today, perhaps by another pipeline.
    """

    id: UUID
    cluster_id: UUID
    frozen_at: datetime
    counts: Counts
    members: tuple[str, ...]
    is_same: bool
    now: Counts | None


class Counting:
    """Counts what one organisation holds. People only: a device does not see the whole organisation."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def freeze(self, actor: Actor, cluster_id: UUID) -> FrozenView:
        """The counts of a cluster as they stand, kept for good with their sightings.

        Raises: Forbidden, NotFound, ClusterEnded.
        """
        demand(actor, Right.GROUP)
        async with self._database.transaction() as session:
            cluster = await require_cluster(session, actor, cluster_id)
            counts, sightings, pipeline = await counts_of(session, actor.organisation_id, cluster.id)
            rows = select(Image.sha256).join(Member, col(Member.image_id) == col(Image.id))
            seen = select(Sighting.image_id).where(own_rows(actor, Sighting.organisation_id))  # not what only stands elsewhere
            rows = rows.where(Member.cluster_id == cluster.id, Member.role != CONTAINS, col(Member.image_id).in_(seen))
            rows = rows.order_by(col(Image.sha256))
            frozen = FrozenCount(
                id=uuid.uuid4(),
                organisation_id=actor.organisation_id,
                cluster_id=cluster.id,
                pipeline_id=pipeline,
                counts=_to_json(counts),
                sighting_ids=sightings,
                members=list((await session.exec(rows)).all()),
                actor=actor.urn,
                frozen_at=self._clock.now(),
            )
            session.add(frozen)
        return FrozenView(frozen.id, cluster.id, frozen.frozen_at, counts, tuple(frozen.members), True, counts)

    async def frozen(self, actor: Actor, count_id: UUID) -> FrozenView:
        """A frozen count, recounted from its sightings and compared with the cluster now. Raises: NotFound."""
        async with self._database.session() as session:
            wanted = select(FrozenCount).where(FrozenCount.id == count_id, own_rows(actor, FrozenCount.organisation_id))
            row = (await session.exec(wanted)).first()
            if row is None:
                raise NotFound(kind="count", id=str(count_id))
            pipeline = (await session.exec(select(Pipeline.name).where(Pipeline.id == row.pipeline_id))).one()
            again = await _counted(session, actor.organisation_id, row.sighting_ids, pipeline, row.counts["contains"])
            members = await session.exec(select(Member.image_id).where(Member.cluster_id == row.cluster_id).limit(1))
            now = (await counts_of(session, actor.organisation_id, row.cluster_id))[0] if members.first() is not None else None
        is_same = _to_json(again) == row.counts
        return FrozenView(row.id, row.cluster_id, row.frozen_at, _from_json(row.counts), tuple(row.members), is_same, now)


async def counts_of(session: AsyncSession, organisation_id: UUID, cluster_id: UUID) -> tuple[Counts, list[int], int]:
    """The counts of a cluster, the ids of the sightings counted, the pipeline of its partition."""
    wanted = (
        select(Sighting, Member.role)
        .join(Member, col(Member.image_id) == col(Sighting.image_id))
        .where(Sighting.organisation_id == organisation_id, Member.cluster_id == cluster_id)
        .order_by(col(Sighting.id))
    )
    rows = (await session.exec(wanted)).all()
    counted = [one.id for one, role in rows if role != CONTAINS and one.id is not None]
    containing = len({(one.capture_id, one.url_sha256, one.ordinal) for one, role in rows if role == CONTAINS})
    by = (
        await session.exec(
            select(Pipeline.name, Pipeline.id)
            .join(Member, col(Member.pipeline_id) == col(Pipeline.id))
            .where(Member.cluster_id == cluster_id, Member.organisation_id == organisation_id)
            .order_by(col(Pipeline.id))
            .limit(1)
        )
    ).first()
    name, number = by if by is not None else ("", 0)
    return await _counted(session, organisation_id, counted, name, containing), counted, number or 0


async def counts_of_each(session: AsyncSession, organisation_id: UUID, cluster_ids: Sequence[UUID]) -> dict[UUID, Counts]:
    """What counts_of() counts, of several clusters in one statement."""
    asked = {"organisation": organisation_id, "clusters": list(cluster_ids), "contains": CONTAINS}
    counts = {}
    for row in await run_sql(session, _OF_CLUSTERS, **asked):
        values = dict(row._mapping)
        cluster_id, pipeline = values.pop("cluster_id"), values.pop("pipeline") or ""
        units: dict[str, Any] = {name: value if name in _TIMES else value or 0 for name, value in values.items()}
        counts[cluster_id] = Counts(**units, pipeline=pipeline)
    return counts


async def _counted(
    session: AsyncSession, organisation_id: UUID, sightings: Sequence[int], pipeline: str, containing: int
) -> Counts:
    row = (await run_sql(session, _COUNTS, organisation=organisation_id, sightings=list(sightings)))[0]
    return Counts(**dict(row._mapping), contains=containing, pipeline=pipeline)


def _to_json(counts: Counts) -> dict[str, Any]:
    times = {name: None if (at := getattr(counts, name)) is None else format_time(at) for name in _TIMES}
    return asdict(counts) | times


def _from_json(counts: dict[str, Any]) -> Counts:
    times = {name: None if (at := counts[name]) is None else datetime.fromisoformat(at) for name in _TIMES}
    return Counts(**counts | times)
