"""What people decide about clusters: merge, split, reject. A row, a custody event, and the partition made again around it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.custody.service import EventDraft
from server.db import among, lock_for_transaction
from server.errors import BadInput
from server.images.clustering import Clustering
from server.images.errors import DecisionRefused
from server.images.grouping import CONTAINS, REPRESENTATIVE
from server.images.models import Cluster, Decision, Image, Member
from server.images.parts import GROUP_TASK, ImageParts
from server.images.scope import is_told, require_cluster
from server.operators.actors import OperatorActor
from server.operators.rights import demand, own_rows
from server.operators.roles import Right

REASON_LIMIT = 1_000
IMAGES_LIMIT = 2_000
_TYPES = {"merge": "cluster.merged", "split": "cluster.split", "reject": "cluster.rejected"}


@dataclass(frozen=True)
class _Sides:
    """A decision before it is written: its kind, the clusters, the images on both sides, the reason."""

    kind: str
    cluster: Cluster
    other: Cluster | None
    left: list[int]
    right: list[int]
    reason: str


class Decisions:
    """Acts of people. Each is logged (`cluster.merged`, `cluster.split`, `cluster.rejected`) and can be undone by a newer one."""

    def __init__(self, parts: ImageParts, clustering: Clustering) -> None:
        self._parts = parts
        self._clustering = clustering

    async def merge(self, actor: OperatorActor, cluster_id: UUID, other_id: UUID, reason: str) -> UUID:
        """The two clusters become one; gives the id that stays (the older one's).

        Raises: Forbidden, NotFound, ClusterEnded, DecisionRefused.
        """
        demand(actor, Right.GROUP)
        async with self._parts.database.transaction() as session:
            await lock_for_transaction(session, f"images.decisions:{actor.organisation_id}")
            cluster = await require_cluster(session, actor, cluster_id)
            other = await require_cluster(session, actor, other_id)
            if cluster.id == other.id:
                raise DecisionRefused(reason="a cluster cannot be merged with itself")
            left, right = await _members(session, cluster), await _members(session, other)
            await self._write(session, actor, _Sides("merge", cluster, other, left, right, reason))
        await self._clustering.settle(actor.organisation_id, [left[0], right[0]])
        return cluster.id if (cluster.number or 0) < (other.number or 0) else other.id

    async def split(self, actor: OperatorActor, cluster_id: UUID, images: Sequence[str], reason: str) -> None:
        """These images leave the cluster and stay one group of their own. The group with the cluster's founder keeps the id.

        Raises: Forbidden, NotFound, ClusterEnded, DecisionRefused (not members, or all of them).
        """
        demand(actor, Right.GROUP)
        async with self._parts.database.transaction() as session:
            await lock_for_transaction(session, f"images.decisions:{actor.organisation_id}")
            cluster = await require_cluster(session, actor, cluster_id)
            left, right = await self._divided(session, actor, cluster, images)
            await self._write(session, actor, _Sides("split", cluster, None, left, right, reason))
        await self._clustering.settle(actor.organisation_id, [*left, *right])

    async def reject(self, actor: OperatorActor, cluster_id: UUID, image: str, reason: str) -> None:
        """This image is not what the cluster shows: it leaves, and is not joined with these images again by itself.

        Also for an image that only contains, or resembles, the picture.
        Raises: Forbidden, NotFound, ClusterEnded, DecisionRefused.
        """
        demand(actor, Right.GROUP)
        async with self._parts.database.transaction() as session:
            await lock_for_transaction(session, f"images.decisions:{actor.organisation_id}")
            cluster = await require_cluster(session, actor, cluster_id)
            rejected = (await _ids(session, actor, [image]))[0]
            right = [one for one in await _members(session, cluster) if one != rejected]
            if not right:
                raise DecisionRefused(reason="the cluster has no other image")
            await self._write(session, actor, _Sides("reject", cluster, None, [rejected], right, reason))
        await self._clustering.settle(actor.organisation_id, [rejected, *right])

    async def _divided(
        self, session: AsyncSession, actor: OperatorActor, cluster: Cluster, images: Sequence[str]
    ) -> tuple[list[int], list[int]]:
        left = await _ids(session, actor, images)
        members = await _members(session, cluster)
        if not set(left) <= set(members):
            raise DecisionRefused(reason="an image named is no member of the cluster")
        right = [one for one in members if one not in left]
        if not right:
            raise DecisionRefused(reason="one image at least must stay")
        return left, right

    async def _write(self, session: AsyncSession, actor: OperatorActor, sides: _Sides) -> None:
        reason = sides.reason.strip()
        if not reason or len(reason) > REASON_LIMIT:
            raise BadInput(field="reason", reason=f"1 to {REASON_LIMIT} characters")
        digests = await _digests(session, [*sides.left, *sides.right])
        if len(digests) > IMAGES_LIMIT:
            raise DecisionRefused(reason=f"more than {IMAGES_LIMIT} images")
        details = {
            "cluster": str(sides.cluster.id),
            "other": None if sides.other is None else str(sides.other.id),
            "left": [digests[one] for one in sides.left],
            "right": [digests[one] for one in sides.right],
            "reason": reason,
        }
        decision = json.dumps({"kind": sides.kind, **details}, ensure_ascii=False, sort_keys=True).encode()
        draft = EventDraft(
            type=_TYPES[sides.kind],
            item=f"cluster:{sides.cluster.id}",
            subject_name="decision.json",
            subject_sha256=hashlib.sha256(decision).hexdigest(),
            purpose="decide",
            details=details,
        )
        event = await self._parts.custody.record(session, actor, draft)
        session.add(
            Decision(
                organisation_id=actor.organisation_id,
                kind=sides.kind,
                cluster_id=sides.cluster.id,
                other_id=None if sides.other is None else sides.other.id,
                left_ids=sides.left,
                right_ids=sides.right,
                reason=reason,
                actor=actor.urn,
                decided_at=self._parts.clock.now(),
                event_sha256=event.sha256,
            )
        )
        organisation = str(actor.organisation_id)  # who decides settles it at once; should this process end before, a worker does
        await self._parts.jobs.defer(session, GROUP_TASK, organisation_id=organisation, image_ids=[*sides.left, *sides.right])


async def _members(session: AsyncSession, cluster: Cluster) -> list[int]:
    """The members' image ids, the representative first."""
    wanted = select(Member.image_id, Member.role).where(Member.cluster_id == cluster.id, Member.role != CONTAINS)
    rows = (await session.exec(wanted)).all()
    return [row[0] for row in sorted(rows, key=lambda row: (row[1] != REPRESENTATIVE, row[0]))]


async def _ids(session: AsyncSession, actor: OperatorActor, images: Sequence[str]) -> list[int]:
    asked = list(dict.fromkeys(images))
    wanted = select(Image.sha256, Image.id).where(own_rows(actor, Image.organisation_id), among(col(Image.sha256), asked))
    found = dict((await session.exec(wanted.where(is_told(actor, col(Image.id))))).all())
    if not asked or len(found) != len(asked):
        raise DecisionRefused(reason="an image named is not held here")
    return [found[one] or 0 for one in asked]


async def _digests(session: AsyncSession, image_ids: Sequence[int]) -> dict[int, str]:
    rows = (await session.exec(select(Image.id, Image.sha256).where(among(col(Image.id), image_ids)))).all()
    return {image_id: digest for image_id, digest in rows if image_id is not None}
