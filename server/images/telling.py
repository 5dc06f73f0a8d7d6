"""Rows of images told as values: pictures, sightings, evidence."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.captures.models import Capture
from server.captures.scope import owned_by, visible_to
from server.images.models import Edge, Image, Pipeline, Reading, Sighting
from server.images.views import Evidence, ImageView, SightingView
from server.operators.actors import Actor
from server.operators.rights import own_rows

SIGHTINGS_LIMIT = 5_000


async def image_views(session: AsyncSession, image_ids: Sequence[int]) -> dict[int, ImageView]:
    """The images with their newest reading."""
    wanted = (
        select(Image, Reading)
        .join(Reading, col(Reading.image_id) == col(Image.id))
        .where(col(Image.id).in_(image_ids))
        .order_by(col(Reading.id))
    )
    views = {}
    for image, reading in (await session.exec(wanted)).all():
        facts = (image.id or 0, image.sha256, image.kind, image.size_bytes)
        size = (reading.format, reading.width, reading.height, tuple(reading.notes))
        views[image.id or 0] = ImageView(*facts, *size, reading.outcome, reading.reason)
    return views


async def sightings_of(
    session: AsyncSession, actor: Actor, image_ids: Sequence[int], *, capture_id: str | None = None
) -> dict[int, tuple[SightingView, ...]]:
    """The images' sightings in the actor's captures, by image, oldest first; or in this one capture, if the actor may see it."""
    wanted = (
        select(Sighting, Capture.title, Capture.final_url, Image.sha256)
        .join(Capture, col(Capture.capture_id) == col(Sighting.capture_id))
        .join(Image, col(Image.id) == col(Sighting.image_id))
        .where(col(Sighting.image_id).in_(image_ids))
        .order_by(col(Sighting.captured_at), col(Sighting.id))
        .limit(SIGHTINGS_LIMIT)
    )
    if capture_id is None:
        wanted = wanted.where(own_rows(actor, Sighting.organisation_id), owned_by(actor))
    else:
        wanted = wanted.where(Sighting.capture_id == capture_id, visible_to(actor))
    found: dict[int, list[SightingView]] = defaultdict(list)
    for one, title, page_url, sha256 in (await session.exec(wanted)).all():
        found[one.image_id].append(_sighting(one, (title, page_url, sha256)))
    return {image_id: tuple(many) for image_id, many in found.items()}


async def evidence_of(session: AsyncSession, edge_ids: Sequence[int]) -> dict[int, tuple[Evidence, str]]:
    """By edge: the evidence and the digest of the known picture."""
    wanted = (
        select(Edge, Pipeline.name, Image.sha256)
        .join(Pipeline, col(Pipeline.id) == col(Edge.pipeline_id))
        .join(Image, col(Image.id) == col(Edge.known_id))
        .where(col(Edge.id).in_(edge_ids))
    )
    return {edge.id or 0: (edge_evidence(edge, name), sha256) for edge, name, sha256 in (await session.exec(wanted)).all()}


def edge_evidence(edge: Edge, pipeline: str) -> Evidence:
    """The evidence in a row."""
    return Evidence(
        distance_bits=edge.distance_bits,
        matrix=None if edge.matrix is None else tuple(edge.matrix),
        mirrored=bool(edge.mirrored),
        inliers=edge.inliers,
        correlation=edge.correlation,
        visible_known=edge.visible_known,
        visible_query=edge.visible_query,
        holds="query" if edge.query_holds else "known" if edge.known_holds else "",
        pipeline=pipeline,
    )


def _sighting(one: Sighting, facts: tuple[str, str, str]) -> SightingView:
    title, page_url, sha256 = facts
    return SightingView(
        sighting_id=one.id or 0,
        sha256=sha256,
        capture_id=one.capture_id,
        capture_title=title,
        page_url=page_url,
        artifact=one.artifact,
        source=one.source,
        url=one.url,
        frame_url=one.frame_url,
        box=None if one.box is None else (one.box[0], one.box[1], one.box[2], one.box[3]),
        platform=one.platform,
        account=one.account,
        post=one.post,
        captured_at=one.captured_at,
        received_at=one.received_at,
    )
