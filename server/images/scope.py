"""Whose images and clusters: every look-up goes through the actor's organisation; what is not theirs is simply absent.

A case shows a capture to members of other organisations, never what its owner knows of the same pictures elsewhere.
"""

from __future__ import annotations

from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.captures.models import Capture
from server.captures.scope import told_to
from server.errors import NotFound
from server.images.elsewhere import ElsewherePlace, shown_to
from server.images.errors import ClusterEnded
from server.images.models import Cluster, ClusterEnd, Image, Sighting
from server.operators.actors import Actor
from server.operators.rights import own_rows


async def require_image(session: AsyncSession, actor: Actor, sha256: str) -> Image:
    """The image, if it was seen in a capture that the actor may be told of, or stands in a file made elsewhere that one may see.

    Raises: NotFound.
    """
    placed = select(ElsewherePlace.image_id).where(shown_to(actor))
    seen = (
        select(Sighting.image_id)
        .join(Capture, col(Capture.capture_id) == col(Sighting.capture_id))
        .where(own_rows(actor, Sighting.organisation_id), told_to(actor))
    )
    wanted = select(Image).where(
        own_rows(actor, Image.organisation_id),
        Image.sha256 == sha256.replace("\x00", ""),
        col(Image.id).in_(seen) | col(Image.id).in_(placed),
    )
    image = (await session.exec(wanted)).first()
    if image is None:
        raise NotFound(kind="image", id=sha256[:64])
    return image


async def require_cluster(session: AsyncSession, actor: Actor, cluster_id: UUID) -> Cluster:
    """The organisation's living cluster. Raises: NotFound; ClusterEnded (with the cluster its images are in now)."""
    wanted = select(Cluster).where(Cluster.id == cluster_id, own_rows(actor, Cluster.organisation_id))
    cluster = (await session.exec(wanted)).first()
    if cluster is None:
        raise NotFound(kind="cluster", id=str(cluster_id))
    end = await session.get(ClusterEnd, cluster_id)
    if end is None:
        return cluster
    into = end.into_id
    while (further := await session.get(ClusterEnd, into)) is not None:
        into = further.into_id
    raise ClusterEnded(cluster_id=str(cluster_id), into_id=str(into))
