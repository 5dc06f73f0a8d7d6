"""Edges as rows and as the engine's judgements: what was once compared is never compared again by the same pipeline."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from sqlalchemy import or_
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.clock import Clock
from server.db import among
from server.images.codes import Place
from server.images.models import Edge
from server.media.gallery import Judgement
from server.media.turns import Turned
from server.media.verify import Overlay, Relation

NONE = "none"
Pair = tuple[int, int]
Judged = Mapping[Pair, Judgement | None]


def to_judgement(edge: Edge) -> Judgement | None:
    """What the engine said, from its row; None for `none`."""
    if edge.relation == NONE or edge.distance_bits is None:
        return None
    overlay, way = None, None
    if edge.matrix is not None and edge.correlation is None:
        way = Turned(tuple(edge.matrix), bool(edge.mirrored))
    elif edge.matrix is not None:
        overlay = Overlay(
            np.array(edge.matrix, np.float64).reshape(2, 3),
            bool(edge.mirrored),
            edge.inliers or 0,
            edge.correlation or 0.0,
            edge.visible_known or 0.0,
            edge.visible_query or 0.0,
        )
    return Judgement(Relation(edge.relation), edge.distance_bits, overlay, edge.query_holds, edge.known_holds, way)


async def edges_among(session: AsyncSession, place: Place, image_ids: Sequence[int]) -> list[Edge]:
    """The pipeline's edges between these images."""
    wanted = select(Edge).where(
        Edge.organisation_id == place.organisation_id,
        Edge.pipeline_id == place.rules_id,
        among(col(Edge.query_id), image_ids),
        among(col(Edge.known_id), image_ids),
    )
    return list((await session.exec(wanted)).all())


async def neighbours(session: AsyncSession, place: Place, image_ids: Iterable[int]) -> set[int]:
    """Images that are related to any of these by an edge of the pipeline."""
    ids = list(image_ids)
    wanted = select(Edge.query_id, Edge.known_id).where(
        Edge.organisation_id == place.organisation_id,
        Edge.pipeline_id == place.rules_id,
        Edge.relation != NONE,
        or_(among(col(Edge.query_id), ids), among(col(Edge.known_id), ids)),
    )
    return {one for pair in (await session.exec(wanted)).all() for one in pair} - set(ids)


async def store_edges(session: AsyncSession, place: Place, judged: Judged, clock: Clock) -> None:
    """Each pair (query, known) with what was found, once; what was stored before stays."""
    connection = await session.connection()
    for (query_id, known_id), found in sorted(judged.items()):
        values = {
            "organisation_id": place.organisation_id,
            "pipeline_id": place.rules_id,
            "query_id": query_id,
            "known_id": known_id,
            "made_at": clock.now(),
            **_evidence(found),
        }
        await connection.execute(insert(Edge).values(**values).on_conflict_do_nothing())


def _evidence(found: Judgement | None) -> dict[str, object]:
    if found is None:
        return {"relation": NONE, "query_holds": False, "known_holds": False}
    values: dict[str, object] = {
        "relation": found.relation.value,
        "distance_bits": found.distance_bits,
        "query_holds": found.query_holds,
        "known_holds": found.known_holds,
    }
    over, way = found.overlay, found.turned
    if way is not None:
        values |= {"matrix": list(way.matrix), "mirrored": way.mirrored}
    if over is not None:
        values |= {
            "matrix": [float(number) for number in over.matrix.ravel()],
            "mirrored": over.mirrored,
            "inliers": over.inliers,
            "correlation": over.score,
            "visible_known": over.visible_known,
            "visible_query": over.visible_query,
        }
    return values
