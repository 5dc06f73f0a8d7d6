"""Counts by unit over a cluster, and counts frozen with what they were counted from."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select as rows_of
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

# Hashes over materialized steps, and bytes compared as bytes: with count(DISTINCT …) PostgreSQL sorts every instance once for
# each unit, in the order of a language (120 ms for a cluster of 20,000 instances, against 55).
_UNITS = """
seen AS MATERIALIZED (<source>), instance AS MATERIALIZED (
  SELECT key, capture_id, url_sha256, ordinal, bool_or(post IS NULL) AS is_without FROM seen GROUP BY 1, 2, 3, 4
), capture AS MATERIALIZED (
  SELECT DISTINCT key, capture_id FROM instance
), post AS MATERIALIZED (
  SELECT DISTINCT key, platform, post FROM seen WHERE post IS NOT NULL
), account AS MATERIALIZED (
  SELECT DISTINCT key, platform, account FROM seen WHERE account IS NOT NULL
), picture AS MATERIALIZED (
  SELECT key, image_id, platform, min(captured_at) AS first_seen, max(captured_at) AS last_seen FROM seen GROUP BY 1, 2, 3
), by_image AS (
  SELECT key, count(DISTINCT image_id) FILTER (WHERE image.kind = 'file') AS images,
    count(DISTINCT image_id) FILTER (WHERE image.kind = 'crop') AS crops, count(DISTINCT platform) AS platforms,
    min(first_seen) AS first_seen, max(last_seen) AS last_seen
  FROM picture JOIN image ON image.id = image_id GROUP BY key
), by_instance AS (
  SELECT key, count(*) AS instances, count(*) FILTER (WHERE is_without) AS without_post FROM instance GROUP BY key
), by_capture AS (
  SELECT key, count(*) AS captures FROM capture GROUP BY key
), by_post AS (
  SELECT key, count(*) AS posts FROM post GROUP BY key
), by_account AS (
  SELECT key, count(*) AS accounts FROM account GROUP BY key
), units AS (
  SELECT key, images, crops, instances, captures, posts, accounts, platforms, without_post, first_seen, last_seen
  FROM by_image JOIN by_instance USING (key) JOIN by_capture USING (key)
  LEFT JOIN by_post USING (key) LEFT JOIN by_account USING (key)
)
"""
_SEEN = """one.image_id, one.capture_id COLLATE "C" AS capture_id, one.url_sha256 COLLATE "C" AS url_sha256, one.ordinal,
  one.platform, one.account, one.post, one.captured_at"""
_COUNTS = (
    """
WITH <units>
SELECT images, crops, instances, captures, posts, accounts, platforms, without_post, first_seen, last_seen FROM units
""".replace("<units>", _UNITS)
    .replace(
        "<source>",
        """
  SELECT 0 AS key, <seen> FROM image_sighting one
  WHERE one.organisation_id = :organisation AND one.id = ANY(CAST(:sightings AS bigint[]))
""",
    )
    .replace("<seen>", _SEEN)
)
_OF_CLUSTERS = (
    """
WITH members AS (
  SELECT cluster_id, image_id, role = :contains AS contains FROM image_member WHERE cluster_id = ANY(CAST(:clusters AS uuid[]))
), <units>, around AS (
  SELECT cluster_id, count(DISTINCT (one.capture_id, one.url_sha256, one.ordinal)) AS contains
  FROM members JOIN image_sighting one USING (image_id)
  WHERE one.organisation_id = :organisation AND members.contains GROUP BY cluster_id
), made AS (
  SELECT DISTINCT ON (cluster_id) cluster_id, pipeline.name AS pipeline
  FROM image_member member JOIN image_pipeline pipeline ON pipeline.id = member.pipeline_id
  WHERE member.cluster_id = ANY(CAST(:clusters AS uuid[])) AND member.organisation_id = :organisation
  ORDER BY cluster_id, pipeline.id
)
SELECT asked.id AS cluster_id, images, crops, instances, captures, posts, accounts, platforms, without_post,
       first_seen, last_seen, contains, pipeline
FROM unnest(CAST(:clusters AS uuid[])) AS asked (id) LEFT JOIN units ON units.key = asked.id
LEFT JOIN around ON around.cluster_id = asked.id LEFT JOIN made ON made.cluster_id = asked.id
""".replace("<units>", _UNITS)
    .replace(
        "<source>",
        """
  SELECT members.cluster_id AS key, <seen> FROM members JOIN image_sighting one USING (image_id)
  WHERE one.organisation_id = :organisation AND NOT members.contains
""",
    )
    .replace("<seen>", _SEEN)
)
_TIMES = ("first_seen", "last_seen")
_NUMBERS = ("images", "crops", "instances", "captures", "posts", "accounts", "platforms", "without_post")


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
            counts, sightings, pipeline = await _to_freeze(session, actor.organisation_id, cluster.id)
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
            living = [] if members.first() is None else [row.cluster_id]
            now = (await counts_of(session, actor.organisation_id, living)).get(row.cluster_id)
        is_same = _to_json(again) == row.counts
        return FrozenView(row.id, row.cluster_id, row.frozen_at, _from_json(row.counts), tuple(row.members), is_same, now)


async def counts_of(session: AsyncSession, organisation_id: UUID, cluster_ids: Sequence[UUID]) -> dict[UUID, Counts]:
    """The counts of these clusters as they are now, in one statement."""
    asked = {"organisation": organisation_id, "clusters": list(cluster_ids), "contains": CONTAINS}
    rows = [dict(row._mapping) for row in await run_sql(session, _OF_CLUSTERS, **asked)]
    return {row["cluster_id"]: _counts(row, row["contains"] or 0, row["pipeline"] or "") for row in rows}


async def _to_freeze(session: AsyncSession, organisation_id: UUID, cluster_id: UUID) -> tuple[Counts, list[int], int]:
    """The counts of a cluster, the ids of the sightings counted, the pipeline of its partition."""
    wanted = (
        rows_of(col(Sighting.id), col(Member.role), col(Sighting.capture_id), col(Sighting.url_sha256), col(Sighting.ordinal))
        .join(Member, col(Member.image_id) == col(Sighting.image_id))
        .where(col(Sighting.organisation_id) == organisation_id, col(Member.cluster_id) == cluster_id)
        .order_by(col(Sighting.id))
    )
    rows: list[tuple[Any, ...]] = [tuple(row) for row in (await (await session.connection()).execute(wanted)).all()]
    counted = [row[0] for row in rows if row[1] != CONTAINS]
    containing = len({row[2:] for row in rows if row[1] == CONTAINS})
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


async def _counted(
    session: AsyncSession, organisation_id: UUID, sightings: Sequence[int], pipeline: str, containing: int
) -> Counts:
    rows = await run_sql(session, _COUNTS, organisation=organisation_id, sightings=list(sightings))
    return _counts(dict(rows[0]._mapping) if rows else {}, containing, pipeline)


def _counts(units: dict[str, Any], containing: int, pipeline: str) -> Counts:
    """A row of `units`; none where nothing was counted."""
    values: dict[str, Any] = {name: units.get(name) or 0 for name in _NUMBERS} | {name: units.get(name) for name in _TIMES}
    return Counts(**values, contains=containing, pipeline=pipeline)


def _to_json(counts: Counts) -> dict[str, Any]:
    times = {name: None if (at := getattr(counts, name)) is None else format_time(at) for name in _TIMES}
    return asdict(counts) | times


def _from_json(counts: dict[str, Any]) -> Counts:
    times = {name: None if (at := counts[name]) is None else datetime.fromisoformat(at) for name in _TIMES}
    return Counts(**counts | times)
