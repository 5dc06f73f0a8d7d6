"""Rows of images told as values: pictures, sightings, evidence."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from sqlalchemy import ColumnElement, and_, func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.captures.models import Capture
from server.captures.scope import told_by_cases, told_to, visible_to
from server.db import among
from server.images.edges import NONE
from server.images.models import Cluster, Edge, Image, Member, Pipeline, Reading, Sighting
from server.images.scope import untold
from server.images.views import Evidence, ImageView, MatchKind, MemberView, Seen, SightingView, held_by
from server.media.gallery import Judgement
from server.media.pipeline import rules_id
from server.media.verify import Relation
from server.operators.actors import Actor
from server.operators.rights import own_rows
from server.operators.roles import Right

SIGHTINGS_LIMIT = 5_000
VARIANTS_LIMIT = 100
KINDS: dict[Relation, MatchKind] = {Relation.SAME: "same", Relation.CONTAINS: "contains", Relation.VARIANT: "variant"}
"""What a judgement is called in an answer, the surest first."""


async def image_views(session: AsyncSession, image_ids: Sequence[int]) -> dict[int, ImageView]:
    """The images with their newest reading."""
    wanted = (
        select(Image, Reading)
        .join(Reading, col(Reading.image_id) == col(Image.id))
        .where(among(col(Image.id), image_ids))
        .order_by(col(Reading.id))
    )
    views = {}
    for image, reading in (await session.exec(wanted)).all():
        facts = (image.id or 0, image.sha256, image.kind, image.size_bytes)
        size = (reading.format, reading.width, reading.height, tuple(reading.notes))
        views[image.id or 0] = ImageView(*facts, *size, reading.outcome, reading.reason)
    return views


async def sightings_of(session: AsyncSession, actor: Actor, image_ids: Sequence[int]) -> dict[int, Seen]:
    """The images' sightings in captures the actor may be told of, by image, oldest first; of all together SIGHTINGS_LIMIT, each
    image's first before any other's second, and how many there are."""
    return await _seen(session, image_ids, and_(own_rows(actor, Sighting.organisation_id), told_to(actor)))


async def sightings_in(session: AsyncSession, actor: Actor, image_ids: Sequence[int], capture_id: str) -> dict[int, Seen]:
    """The same in this one capture, if the actor may see it."""
    return await _seen(session, image_ids, and_(col(Sighting.capture_id) == capture_id, visible_to(actor)))


async def sightings_shared(session: AsyncSession, actor: Actor, image_ids: Sequence[int]) -> dict[int, Seen]:
    """The same in captures of other organisations that cases show the actor."""
    return await _seen(session, image_ids, told_by_cases(actor))


async def _seen(session: AsyncSession, image_ids: Sequence[int], may: ColumnElement[bool]) -> dict[int, Seen]:
    oldest = (col(Sighting.captured_at), col(Sighting.id))
    place = func.row_number().over(partition_by=col(Sighting.image_id), order_by=oldest)
    wanted = (
        select(Sighting, Capture.title, Capture.final_url)
        .join(Capture, col(Capture.capture_id) == col(Sighting.capture_id))
        .where(among(col(Sighting.image_id), image_ids), may)
        .order_by(place, col(Sighting.image_id))
        .limit(SIGHTINGS_LIMIT)
    )
    found: dict[int, list[SightingView]] = defaultdict(list)
    digests = dict((await session.exec(select(Image.id, Image.sha256).where(among(col(Image.id), image_ids)))).all())
    for one, title, page_url in (await session.exec(wanted)).all():
        found[one.image_id].append(_sighting(one, (title, page_url, digests[one.image_id])))
    counts = {image_id: len(many) for image_id, many in found.items()}
    if sum(counts.values()) >= SIGHTINGS_LIMIT:  # of more pictures than that, some have no place in the list at all
        counted = select(Sighting.image_id, func.count()).join(Capture, col(Capture.capture_id) == col(Sighting.capture_id))
        rows = await session.exec(counted.where(among(col(Sighting.image_id), image_ids), may).group_by(col(Sighting.image_id)))
        counts = dict(rows.all())
    return {image_id: Seen(tuple(found[image_id]), count) for image_id, count in counts.items()}


async def evidence_of(session: AsyncSession, actor: Actor, edge_ids: Sequence[int]) -> dict[int, tuple[Evidence, str]]:
    """By edge: the evidence and the digest of the known picture. Edges to a picture that the actor is not told of are absent."""
    wanted = (
        select(Edge, Pipeline.name, Image.sha256)
        .join(Pipeline, col(Pipeline.id) == col(Edge.pipeline_id))
        .join(Image, col(Image.id) == col(Edge.known_id))
        .where(among(col(Edge.id), edge_ids))
    )
    rows = (await session.exec(wanted)).all()
    hidden = await untold(session, actor, [edge.known_id for edge, _, _ in rows])
    return {edge.id or 0: (edge_evidence(edge, name), sha256) for edge, name, sha256 in rows if edge.known_id not in hidden}


async def variants_of(
    session: AsyncSession, actor: Actor, cluster: Cluster, image_ids: Sequence[int]
) -> tuple[tuple[MemberView, ...], bool]:
    """Pairs of a member and an image outside that look like variants: for a person to decide; and whether there are
    more, for who is told of every image."""
    asked, known = among(col(Edge.query_id), image_ids), among(col(Edge.known_id), image_ids)
    leads_out = (asked | known) & ~(asked & known)
    present = select(Member.pipeline_id).where(Member.cluster_id == cluster.id)  # what older rules said stays on record alone
    wanted = select(Edge).where(Edge.organisation_id == cluster.organisation_id, Edge.relation == "variant", leads_out)
    wanted = wanted.where(col(Edge.pipeline_id).in_(present))
    rows = (await session.exec(wanted.order_by(col(Edge.id)).limit(VARIANTS_LIMIT + 1))).all()
    edges = [one for one in rows[:VARIANTS_LIMIT] if one.relation != NONE]
    outside = {one.id: one.known_id if one.query_id in image_ids else one.query_id for one in edges}
    hidden = await untold(session, actor, list(outside.values()))
    views = await image_views(session, [one for one in outside.values() if one not in image_ids and one not in hidden])
    evidence = await evidence_of(session, actor, [one.id or 0 for one in edges])
    told = tuple(
        MemberView(views[outside[one.id]], "same", evidence[one.id or 0][1], evidence[one.id or 0][0])
        for one in edges
        if outside[one.id] in views and one.id in evidence
    )
    return told, len(rows) > VARIANTS_LIMIT and Right.READ_CASES in actor.rights


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
        holds=held_by(edge.query_holds, edge.known_holds),
        pipeline=pipeline,
    )


def judged_evidence(found: Judgement) -> Evidence:
    """The evidence in a judgement made just now, by the present rules."""
    over, way = found.overlay, found.turned
    matrix = None if way is None else way.matrix
    return Evidence(
        distance_bits=found.distance_bits,
        matrix=matrix if over is None else tuple(float(number) for number in np.ravel(over.matrix)),
        mirrored=over.mirrored if over is not None else way is not None and way.mirrored,
        inliers=None if over is None else over.inliers,
        correlation=None if over is None else over.score,
        visible_known=None if over is None else over.visible_known,
        visible_query=None if over is None else over.visible_query,
        holds=held_by(found.query_holds, found.known_holds),
        pipeline=rules_id(),
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
