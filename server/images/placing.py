"""Groups written as the partition: ids opened and ended for good, members replaced as a view."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.db import among
from server.images.codes import Place
from server.images.grouping import CONTAINS, REPRESENTATIVE, SAME, Founded, Group, Pair, named
from server.images.models import Cluster, ClusterEnd, Member

EdgeIds = Mapping[Pair, int | None]


async def write_groups(session: AsyncSession, place: Place, groups: Sequence[Group], edges: EdgeIds, now: datetime) -> None:
    """The groups of whole components, in the session's transaction; what did not change is not written."""
    images = sorted({image for group in groups for image in (*group.members, *group.seen_in)})
    living = await living_clusters(session, place.organisation_id, images)
    told = named(groups, living)
    ids: list[UUID] = []
    for known, group in told.groups:
        cluster_id = known or uuid.uuid4()
        if known is None:
            session.add(
                Cluster(
                    id=cluster_id,
                    organisation_id=place.organisation_id,
                    founder_id=group.representative,
                    pipeline_id=place.rules_id,
                    opened_at=now,
                )
            )
            await session.flush()
        ids.append(cluster_id)
    for gone, at in told.ended:
        session.add(ClusterEnd(cluster_id=gone, into_id=ids[at], ended_at=now))
    rows = [
        row for cluster_id, (_, group) in zip(ids, told.groups, strict=True) for row in _members(place, cluster_id, group, edges)
    ]
    await _replace(session, place, images, rows)


async def living_clusters(session: AsyncSession, organisation_id: UUID, founders: Sequence[int]) -> list[Founded]:
    """Clusters of these founders that have not ended."""
    wanted = (
        select(Cluster)
        .join(ClusterEnd, col(ClusterEnd.cluster_id) == col(Cluster.id), isouter=True)
        .where(
            Cluster.organisation_id == organisation_id,
            among(col(Cluster.founder_id), founders),
            col(ClusterEnd.cluster_id).is_(None),
        )
    )
    return [Founded(one.id, one.number or 0, one.founder_id) for one in (await session.exec(wanted)).all()]


async def mates_of(session: AsyncSession, image_ids: Sequence[int]) -> set[int]:
    """Members of the clusters that these images stand in, or show."""
    homes = select(Member.cluster_id).where(among(col(Member.image_id), image_ids))
    wanted = select(Member.image_id).where(col(Member.cluster_id).in_(homes), Member.role != CONTAINS)
    return set((await session.exec(wanted)).all())


def _members(place: Place, cluster_id: UUID, group: Group, edges: EdgeIds) -> list[Member]:
    def row(image: int, role: str, pair: Pair | None) -> Member:
        return Member(
            image_id=image,
            cluster_id=cluster_id,
            organisation_id=place.organisation_id,
            pipeline_id=place.rules_id,
            role=role,
            edge_id=None if pair is None else edges.get(pair),
        )

    own = [row(image, REPRESENTATIVE if image == group.representative else SAME, pair) for image, pair in group.members.items()]
    return own + [row(image, CONTAINS, pair) for image, pair in group.seen_in.items()]


async def _replace(session: AsyncSession, place: Place, images: Sequence[int], rows: Sequence[Member]) -> None:
    wanted = select(Member).where(Member.organisation_id == place.organisation_id, among(col(Member.image_id), images))
    before = {(one.image_id, one.cluster_id): one for one in (await session.exec(wanted)).all()}
    after = {(one.image_id, one.cluster_id): one for one in rows}
    changed = [key for key, one in after.items() if key not in before or _facts(before[key]) != _facts(one)]
    stale = [key for key in before if key not in after or key in changed]
    for image_id, cluster_id in stale:
        session.expunge(before[image_id, cluster_id])
        gone = delete(Member).where(col(Member.image_id) == image_id, col(Member.cluster_id) == cluster_id)
        await (await session.connection()).execute(gone)
    for key in changed:
        session.add(after[key])
    await session.flush()


def _facts(one: Member) -> tuple[str, int, int | None]:
    return one.role, one.pipeline_id, one.edge_id
