"""Whose images and clusters: every look-up goes through the actor's organisation; what is not theirs is simply absent.

A case shows a capture to members of other organisations, never what its owner knows of the same pictures elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.captures.models import Capture
from server.captures.scope import owned_by, told_to
from server.db import among
from server.errors import NotFound
from server.images.elsewhere import ElsewherePlace, shown_to
from server.images.errors import ClusterEnded
from server.images.models import Cluster, ClusterEnd, Image, Sighting
from server.operators.actors import Actor
from server.operators.rights import own_rows


def is_told(actor: Actor, image_id: Any, *, opened: bool = False) -> ColumnElement[bool]:
    """The condition that an image of the actor's organisation was seen in a capture that the actor may be told of, or stands in
    a file made elsewhere that one may see. What has no place yet (it is being read) is told to nobody.

    `image_id`: the attribute of whatever rows it is asked of. `opened`: in a capture that the actor may open, for what a picture
    says inside: a device is told where colleagues saw it, and opens its own captures alone.
    """
    seen = (
        select(Sighting.id)
        .join(Capture, col(Capture.capture_id) == col(Sighting.capture_id))
        .where(col(Sighting.image_id) == image_id, own_rows(actor, Sighting.organisation_id))
        .where(owned_by(actor) if opened else told_to(actor))
    )
    placed = select(ElsewherePlace.id).where(col(ElsewherePlace.image_id) == image_id, shown_to(actor))
    return seen.exists() | placed.exists()


async def untold(session: AsyncSession, actor: Actor, image_ids: Sequence[int]) -> set[int]:
    """Those of the images that is_told() does not hold of: to this actor, there is no such image."""
    wanted = select(Image.id).where(own_rows(actor, Image.organisation_id), among(col(Image.id), image_ids))
    return set(image_ids) - set((await session.exec(wanted.where(is_told(actor, col(Image.id))))).all())


async def told_images(session: AsyncSession, actor: Actor) -> list[int]:
    """Every image of the organisation that was seen in captures that the actor may be told of."""
    wanted = (
        select(Sighting.image_id)
        .join(Capture, col(Capture.capture_id) == col(Sighting.capture_id))
        .where(own_rows(actor, Sighting.organisation_id), told_to(actor))
    )
    return list((await session.exec(wanted.distinct())).all())


async def require_image(session: AsyncSession, actor: Actor, sha256: str, *, opened: bool = False) -> Image:
    """The image, if is_told() holds of it. Raises: NotFound."""
    wanted = select(Image).where(
        own_rows(actor, Image.organisation_id),
        Image.sha256 == sha256.replace("\x00", ""),
        is_told(actor, col(Image.id), opened=opened),
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
