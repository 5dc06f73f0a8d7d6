"""Search by picture in what other organisations show a person: the captures that are exhibits of cases one is a member of.

Compared are the images of those captures alone, one by one: how many other pictures their owners hold changes neither the answer
nor its time. Found are the same bytes, and pictures whose whole frames or regions resemble each other (turned and mirrored too);
a small part cut out of a picture is not: that takes an index, and theirs is not this person's.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.captures.models import Capture
from server.captures.scope import told_by_cases
from server.db import Database, among, run_sql
from server.images.codes import bit_text, codes_asked
from server.images.matcher import Matcher
from server.images.models import Image, Sighting
from server.images.store import ImageRows
from server.images.telling import KINDS, image_views, judged_evidence, sightings_shared
from server.images.views import Match
from server.media.gallery import Judgement, judge
from server.media.look import Look
from server.operators.actors import Actor

IMAGES_LIMIT = 2_000
JUDGED_LIMIT = 12
RADIUS_BITS = 90
"""As wide as verification allows: every candidate is judged by its pixels."""

_NEAR = """
SELECT use.image_id, min(bit_count(code.bits # asked.bits)) AS distance
FROM image_code_use use JOIN image_code code ON code.id = use.code_id
CROSS JOIN unnest(CAST(:bits AS bit(256)[])) asked(bits)
WHERE use.image_id = ANY(CAST(:images AS bigint[])) AND code.kind = 'pdq' AND code.pipeline_id = :pipeline
GROUP BY use.image_id HAVING min(bit_count(code.bits # asked.bits)) <= :radius
ORDER BY distance, use.image_id LIMIT :limit
"""


@dataclass(frozen=True)
class SharedAnswer:
    """What was found there. searched: images compared; truncated: a limit left some out."""

    matches: tuple[Match, ...] = ()
    searched: int = 0
    truncated: bool = False


class SharedPictures:
    """Of nobody's index: only of what a person was shown."""

    def __init__(self, database: Database, rows: ImageRows, matcher: Matcher) -> None:
        self._database = database
        self._rows = rows
        self._matcher = matcher

    async def matches(self, actor: Actor, sha256: str, look: Look) -> SharedAnswer:
        """What of these pictures is related to the one asked about, best first; its places are those shown, and no others."""
        async with self._database.session() as session:
            held, is_cut = await _shown(session, actor)
            if not held:
                return SharedAnswer()
            wanted = select(Image.id).where(among(col(Image.id), held), Image.sha256 == sha256)
            exact = [one for one in (await session.exec(wanted)).all() if one is not None]
            near = await self._near(session, [one for one in held if one not in exact], look)
            near, is_cut = near[:JUDGED_LIMIT], is_cut or len(near) > JUDGED_LIMIT
        judged = await self._judged(held, near, look)
        async with self._database.session() as session:
            views = await image_views(session, [*exact, *judged])
            places = await sightings_shared(session, actor, [*exact, *judged])
        ranked = sorted(judged, key=lambda one: (list(KINDS).index(judged[one].relation), -judged[one].score))
        kinds = {one: KINDS[judged[one].relation] for one in ranked}
        matches = tuple(
            Match(
                kind=kinds.get(one, "exact"),
                image=views[one],
                cluster_id=None,
                evidence=judged_evidence(judged[one]) if one in judged else None,
                seen=places[one],
                hidden=0,
                is_shared=True,
            )
            for one in (*exact, *ranked)
            if one in views and one in places
        )
        return SharedAnswer(matches, len(held), is_cut)

    async def _near(self, session: AsyncSession, image_ids: Sequence[int], look: Look) -> list[int]:
        bits = [bit_text(code) for code in codes_asked(look)]
        if not bits:
            return []
        asked = {"bits": bits, "images": list(image_ids), "pipeline": await self._rows.pipeline()}
        rows = await run_sql(session, _NEAR, **asked, radius=RADIUS_BITS, limit=JUDGED_LIMIT + 1)
        return [int(row.image_id) for row in rows]

    async def _judged(self, held: Mapping[int, UUID], near: Sequence[int], look: Look) -> dict[int, Judgement]:
        by_owner: dict[UUID, list[int]] = defaultdict(list)
        for one in near:
            by_owner[held[one]].append(one)
        looks: dict[int, Look] = {}
        for owner, image_ids in by_owner.items():
            looks |= await self._matcher.looks(owner, image_ids)

        def compare() -> dict[int, Judgement]:
            judged = {one: judge(look, known) for one, known in looks.items()}
            return {one: found for one, found in judged.items() if found is not None}

        return await asyncio.to_thread(compare)


async def _shown(session: AsyncSession, actor: Actor) -> tuple[dict[int, UUID], bool]:
    """The images in captures shared with the actor, the newest first, each with its owner's organisation; and whether some were
    left out."""
    wanted = (
        select(Sighting.image_id, Sighting.organisation_id)
        .join(Capture, col(Capture.capture_id) == col(Sighting.capture_id))
        .where(told_by_cases(actor))
        .group_by(col(Sighting.image_id), col(Sighting.organisation_id))  # one image may stand in thousands of places
        .order_by(func.max(col(Sighting.id)).desc())
        .limit(IMAGES_LIMIT + 1)
    )
    rows = (await session.exec(wanted)).all()
    return dict(rows[:IMAGES_LIMIT]), len(rows) > IMAGES_LIMIT
