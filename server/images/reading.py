"""Reading images and clusters: what was stored, scoped to the actor."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.captures.models import Capture
from server.captures.scope import is_own, require_capture, told_to
from server.db import Database, among
from server.errors import NotFound
from server.images.counting import counts_of
from server.images.elsewhere import counts_elsewhere, places_of
from server.images.grouping import CONTAINS, REPRESENTATIVE
from server.images.models import Cluster, ClusterEnd, Copy, Decision, Image, Indexing, Member, Reading, Sighting
from server.images.scope import is_told, require_cluster, require_image, untold
from server.images.store import ImageRows
from server.images.telling import evidence_of, image_views, sightings_in, sightings_of, variants_of
from server.images.views import (
    CaptureImage,
    CaptureImages,
    ClusterSummary,
    ClusterView,
    DecisionView,
    ElsewhereCounts,
    Evidence,
    ImageView,
    MemberView,
    Placed,
    Seen,
)
from server.operators.actors import Actor
from server.operators.rights import own_rows
from server.operators.roles import Right

PAGE_LIMIT = 100
MEMBERS_LIMIT = 2_000


class ImageReads:
    """Nothing here writes: opening the capture behind a sighting is what is recorded."""

    def __init__(self, database: Database, rows: ImageRows) -> None:
        self._database = database
        self._rows = rows

    async def image(self, actor: Actor, sha256: str) -> ImageView:
        """One image that the actor may see. Raises: NotFound."""
        async with self._database.session() as session:
            found = await require_image(session, actor, sha256)
            return (await image_views(session, [found.id or 0]))[found.id or 0]

    async def sightings(self, actor: Actor, sha256: str) -> Seen:
        """The instances of exactly this file that the actor may see. Raises: NotFound."""
        async with self._database.session() as session:
            found = await require_image(session, actor, sha256)
            return (await sightings_of(session, actor, [found.id or 0])).get(found.id or 0, Seen())

    async def elsewhere(self, actor: Actor, sha256: str) -> Placed:
        """The places of exactly this file in files made elsewhere that the actor may see. Raises: NotFound."""
        async with self._database.session() as session:
            found = await require_image(session, actor, sha256)
            return (await places_of(session, actor, [found.id or 0])).get(found.id or 0, Placed())

    async def clusters_with(self, actor: Actor, sha256: str) -> tuple[ClusterSummary, ...]:
        """The clusters an image stands in, or is a sighting of, its own first. Raises: NotFound."""
        async with self._database.session() as session:
            found = await require_image(session, actor, sha256)
            homes = await clusters_of(session, [found.id or 0])
            return await summaries(session, actor, homes.get(found.id or 0, []))

    async def thumbnail(self, actor: Actor, sha256: str) -> bytes:
        """WebP, at most 384 pixels a side: a working copy. Raises: NotFound (also for a picture that could not be read)."""
        async with self._database.session() as session:
            found = await require_image(session, actor, sha256)
            wanted = select(Copy.thumbnail).join(Reading, col(Reading.id) == col(Copy.reading_id))
            newest = wanted.where(Reading.image_id == found.id).order_by(col(Reading.id).desc()).limit(1)
            data = (await session.exec(newest)).first()
        if data is None:
            raise NotFound(kind="thumbnail", id=sha256[:64])
        return bytes(data)

    async def capture(self, actor: Actor, capture_id: str) -> CaptureImages:
        """The pictures of a capture with their outcomes; clusters and other captures only when the capture is the actor's own.

        Raises: NotFound.
        """
        pipeline = await self._rows.pipeline()
        async with self._database.session() as session:
            capture = await require_capture(session, actor, capture_id)
            run = await session.get(Indexing, (capture.capture_id, pipeline))
            if run is None:
                return CaptureImages(capture.capture_id, "pending", "", ())
            wanted = select(Sighting.image_id).where(Sighting.capture_id == capture.capture_id).order_by(col(Sighting.id))
            ids = list(dict.fromkeys((await session.exec(wanted)).all()))
            views = await image_views(session, ids)
            seen = await sightings_in(session, actor, ids, capture.capture_id)
            own = await is_own(session, actor, capture)
            homes = await clusters_of(session, ids) if own else {}
            others: dict[int, int] = await _other_captures(session, actor, capture.capture_id, homes)
        pictures = tuple(
            CaptureImage(views[one], seen.get(one, Seen()), tuple(homes.get(one, ())), others.get(one, 0) if own else None)
            for one in ids
        )
        return CaptureImages(capture.capture_id, run.outcome, run.reason, pictures)

    async def clusters(
        self, actor: Actor, *, limit: int = 30, after: int | None = None, repeated: bool = False
    ) -> tuple[ClusterSummary, ...]:
        """Living clusters of the organisation, newest opened first; with `repeated` those seen in at least two captures."""
        living = (
            select(Cluster)
            .join(ClusterEnd, col(ClusterEnd.cluster_id) == col(Cluster.id), isouter=True)
            .where(own_rows(actor, Cluster.organisation_id), col(ClusterEnd.cluster_id).is_(None))
            .where(col(Cluster.id).in_(select(Member.cluster_id)))
        )
        if repeated:
            often = (
                select(Member.cluster_id)
                .join(Sighting, col(Sighting.image_id) == col(Member.image_id))
                .where(own_rows(actor, Member.organisation_id), Member.role != CONTAINS)
                .group_by(col(Member.cluster_id))
                .having(func.count(func.distinct(col(Sighting.capture_id))) > 1)
            )
            living = living.where(col(Cluster.id).in_(often))
        if after is not None:
            living = living.where(col(Cluster.number) < after)
        if Right.READ_CASES not in actor.rights:
            told = select(Member.image_id).where(Member.cluster_id == Cluster.id, is_told(actor, col(Member.image_id)))
            living = living.where(told.exists())
        async with self._database.session() as session:
            rows = (await session.exec(living.order_by(col(Cluster.number).desc()).limit(min(limit, PAGE_LIMIT)))).all()
            return await summaries(session, actor, [row.id for row in rows])

    async def cluster(self, actor: Actor, cluster_id: UUID) -> ClusterView:
        """One cluster with members, evidence, variants, counts and decisions. Raises: NotFound, ClusterEnded."""
        async with self._database.session() as session:
            cluster = await require_cluster(session, actor, cluster_id)
            every, hidden, members_count = await _members(session, actor, cluster)
            rows = [row for row in every if row.image_id not in hidden]
            views = await image_views(session, [row.image_id for row in rows])
            evidence = await evidence_of(session, actor, [row.edge_id for row in rows if row.edge_id is not None])
            members = tuple(sorted((_member(row, views, evidence) for row in rows), key=_rank))
            head = next((one.image for one in members if one.role == REPRESENTATIVE or (hidden and one.role != CONTAINS)), None)
            if head is None:
                raise NotFound(kind="cluster", id=str(cluster_id))
            variants, more = await variants_of(session, actor, cluster, [row.image_id for row in rows if row.role != CONTAINS])
            counts = (await counts_of(session, actor.organisation_id, [cluster.id]))[cluster.id]
            decisions = await decisions_of(session, actor, cluster)
            elsewhere = (await counts_elsewhere(session, actor, [cluster.id])).get(cluster.id, ElsewhereCounts())
        told = (cluster.id, cluster.opened_at, head, members, variants, counts, decisions, elsewhere)
        return ClusterView(*told, members_count=members_count, more_variants=more)

    async def cluster_sightings(self, actor: Actor, cluster_id: UUID) -> Seen:
        """The instances of every member that the actor may see, those that only contain it last.

        Raises: NotFound, ClusterEnded.
        """
        async with self._database.session() as session:
            cluster = await require_cluster(session, actor, cluster_id)
            wanted = select(Member.image_id, Member.role).where(Member.cluster_id == cluster.id)
            roles: dict[int, str] = {row[0]: row[1] for row in (await session.exec(wanted)).all()}
            seen = await sightings_of(session, actor, list(roles))
        listed = [
            (roles[image_id] == CONTAINS, one.captured_at, one.sighting_id, one)
            for image_id, many in seen.items()
            for one in many.shown
        ]
        shown = tuple(row[3] for row in sorted(listed, key=lambda row: row[:3]))
        return Seen(shown, sum(many.count for many in seen.values()))

    async def cluster_elsewhere(self, actor: Actor, cluster_id: UUID) -> Placed:
        """The places of its members in files made elsewhere that the actor may see. Raises: NotFound, ClusterEnded."""
        async with self._database.session() as session:
            cluster = await require_cluster(session, actor, cluster_id)
            ids = (await session.exec(select(Member.image_id).where(Member.cluster_id == cluster.id))).all()
            found = await places_of(session, actor, ids)
        listed = sorted((one for many in found.values() for one in many.shown), key=lambda one: (one.received_at, one.url))
        counted = list(found.values())
        return Placed(tuple(listed), sum(one.count for one in counted), sum(one.standing for one in counted))


async def clusters_of(session: AsyncSession, image_ids: Sequence[int]) -> dict[int, list[UUID]]:
    """The clusters each image stands in or is a sighting of, its own first."""
    wanted = select(Member).where(among(col(Member.image_id), image_ids))
    homes: dict[int, list[UUID]] = defaultdict(list)
    for one in sorted((await session.exec(wanted)).all(), key=lambda row: (row.role == CONTAINS, str(row.cluster_id))):
        homes[one.image_id].append(one.cluster_id)
    return homes


async def summaries(session: AsyncSession, actor: Actor, cluster_ids: Sequence[UUID]) -> tuple[ClusterSummary, ...]:
    """The clusters with their representatives and counts, in the order asked for; those without a representative are left out."""
    numbers = dict((await session.exec(select(Cluster.id, Cluster.number).where(among(col(Cluster.id), cluster_ids)))).all())
    heads = await _heads(session, actor, cluster_ids)
    elsewhere = await counts_elsewhere(session, actor, cluster_ids)
    views = await image_views(session, list(heads.values()))
    counts = await counts_of(session, actor.organisation_id, list(heads))
    return tuple(
        ClusterSummary(one, numbers.get(one) or 0, views[heads[one]], counts[one], elsewhere.get(one, ElsewhereCounts()))
        for one in cluster_ids
        if one in heads
    )


async def _heads(session: AsyncSession, actor: Actor, cluster_ids: Sequence[UUID]) -> dict[UUID, int]:
    """The image that stands for each cluster: its representative, or the oldest member where the actor is not told of that."""
    wanted = select(Member.cluster_id, Member.image_id, Member.role).where(
        among(col(Member.cluster_id), cluster_ids), Member.role != CONTAINS, own_rows(actor, Member.organisation_id)
    )
    if Right.READ_CASES in actor.rights:
        wanted = wanted.where(Member.role == REPRESENTATIVE)
    rows = (await session.exec(wanted)).all()
    hidden = set() if Right.READ_CASES in actor.rights else await untold(session, actor, [row[1] for row in rows])
    ranked = sorted((row for row in rows if row[1] not in hidden), key=lambda row: (row[2] == REPRESENTATIVE, -row[1]))
    return {cluster_id: image_id for cluster_id, image_id, _ in ranked}


async def decisions_of(session: AsyncSession, actor: Actor, cluster: Cluster) -> tuple[DecisionView, ...]:
    """What people decided about this cluster, oldest first; pictures that the actor is not told of are not named."""
    wanted = select(Decision).where(
        Decision.organisation_id == cluster.organisation_id,
        (col(Decision.cluster_id) == cluster.id) | (col(Decision.other_id) == cluster.id),
    )
    rows = (await session.exec(wanted.order_by(col(Decision.id)))).all()
    ids = {one for row in rows for one in (*row.left_ids, *row.right_ids)}
    ids -= await untold(session, actor, list(ids))
    digests = dict((await session.exec(select(Image.id, Image.sha256).where(among(col(Image.id), ids)))).all())
    return tuple(
        DecisionView(
            row.kind,
            row.reason,
            row.actor,
            row.decided_at,
            row.cluster_id,
            row.other_id,
            tuple(digests[one] for one in row.left_ids if one in ids),
            tuple(digests[one] for one in row.right_ids if one in ids),
            row.event_sha256,
        )
        for row in rows
    )


async def _other_captures(session: AsyncSession, actor: Actor, capture_id: str, homes: dict[int, list[UUID]]) -> dict[int, int]:
    """For each image, how many other captures that the actor may be told of show its clusters."""
    counts = {}
    for image_id, cluster_ids in homes.items():
        wanted = (
            select(Sighting.capture_id)
            .join(Member, col(Member.image_id) == col(Sighting.image_id))
            .join(Capture, col(Capture.capture_id) == col(Sighting.capture_id))
            .where(among(col(Member.cluster_id), cluster_ids), Sighting.capture_id != capture_id, told_to(actor))
            .distinct()
        )
        counts[image_id] = len((await session.exec(wanted)).all())
    return counts


async def _members(session: AsyncSession, actor: Actor, cluster: Cluster) -> tuple[list[Member], set[int], int]:
    """The members, MEMBERS_LIMIT at most, the representative among them; those that the actor is not told of; how many told ones
    there are in all."""
    standing = select(Member).where(Member.cluster_id == cluster.id)
    first = standing.order_by((col(Member.role) != REPRESENTATIVE), col(Member.role) == CONTAINS, col(Member.image_id))
    rows = list((await session.exec(first.limit(MEMBERS_LIMIT))).all())
    hidden = await untold(session, actor, [row.image_id for row in rows])
    if len(rows) < MEMBERS_LIMIT:
        return rows, hidden, len(rows) - len(hidden)
    told = select(func.count()).where(Member.cluster_id == cluster.id, is_told(actor, col(Member.image_id)))
    return rows, hidden, (await session.exec(told)).one()


def _member(row: Member, views: dict[int, ImageView], evidence: dict[int, tuple[Evidence, str]]) -> MemberView:
    found = evidence.get(row.edge_id or 0)
    return MemberView(views[row.image_id], row.role, found[1] if found else None, found[0] if found else None)  # type: ignore[arg-type]


def _rank(one: MemberView) -> tuple[int, str]:
    return (REPRESENTATIVE, "same", CONTAINS).index(one.role), one.image.sha256
