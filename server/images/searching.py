"""Search by picture: bytes, an image, or the pictures of a capture, against everything the organisation holds, and what cases of
others show the person (shared.py). Stores nothing.

Never fetches an address. Another organisation's pictures are in another index: they cannot be found, and take no time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, not_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.captures.models import Capture
from server.captures.scope import is_told_all, told_to
from server.db import among
from server.errors import NotFound
from server.images.elsewhere import places_of
from server.images.embedding import Embedder
from server.images.errors import NotIndexed, PictureRefused
from server.images.matcher import Candidates, Matcher
from server.images.models import Image, Sighting
from server.images.parts import ImageParts
from server.images.placing import mates_of
from server.images.reader import READ
from server.images.reading import ImageReads, clusters_of, summaries
from server.images.scope import require_image, told_images, untold
from server.images.shared import SharedPictures
from server.images.store import ImageRows
from server.images.telling import KINDS, image_views, judged_evidence, sightings_of
from server.images.views import Match, MatchKind, Placed, SearchAnswer, Seen
from server.media.gallery import Judgement, judge
from server.media.look import Look, from_bytes
from server.media.pipeline import rules_id
from server.operators.actors import Actor
from server.operators.rights import own_rows
from server.operators.roles import Right
from storage.hashing import hash_bytes

UPLOAD_LIMIT_BYTES = 32 << 20
MATCHES_LIMIT = 60
NEAR_LIMIT = 40
SEARCHES_AT_ONCE = 2
ROUNDS = 3
_ORDER = ("exact", "same", "contains", "variant")


@dataclass(frozen=True)
class _Found:
    """A related image before it is told: its kind of relation, the judgement (None for the same bytes)."""

    image_id: int
    kind: MatchKind
    judgement: Judgement | None


@dataclass(frozen=True)
class _Question:
    """The picture searched with."""

    sha256: str
    look: Look
    data: bytes | None


class ImageSearch:
    """Answers in about the time of one decoding and a few comparisons."""

    def __init__(self, parts: ImageParts, rows: ImageRows, matcher: Matcher, embedder: Embedder | None) -> None:
        self._parts = parts
        self._rows = rows
        self._matcher = matcher
        self._embedder = embedder
        self._shared = SharedPictures(parts.database, rows, matcher)
        self._turns = asyncio.Semaphore(SEARCHES_AT_ONCE)  # the rest waits here, not in the threads that uploads need

    async def by_bytes(self, actor: Actor, data: bytes) -> SearchAnswer:
        """What is related to this picture file. Raises: PictureRefused (the bytes give no picture)."""
        if len(data) > UPLOAD_LIMIT_BYTES:
            raise PictureRefused(outcome="too_many_bytes", reason=f"at most {UPLOAD_LIMIT_BYTES} bytes can be searched with")
        async with self._turns:
            made = await asyncio.to_thread(self._parts.reader.read, data, waited_for=True)
        if made.outcome != READ:
            raise PictureRefused(outcome=made.outcome, reason=made.reason)
        look = await asyncio.to_thread(from_bytes, made.look)
        return await self._answer(actor, _Question(hash_bytes(data), look, data))

    async def by_image(self, actor: Actor, sha256: str) -> SearchAnswer:
        """What is related to an image that the organisation holds. Raises: NotFound; PictureRefused (it could not be read)."""
        async with self._parts.database.session() as session:
            image = await require_image(session, actor, sha256)
            view = (await image_views(session, [image.id or 0])).get(image.id or 0)
        look = (await self._matcher.looks(actor.organisation_id, [image.id or 0])).get(image.id or 0)
        if look is None:
            known = ("unread", "the present pipeline has not read this image") if view is None else (view.outcome, view.reason)
            raise PictureRefused(outcome=known[0], reason=known[1])
        return await self._answer(actor, _Question(sha256, look, None))

    async def by_capture(self, actor: Actor, capture_id: str) -> tuple[SearchAnswer, ...]:
        """One answer for each readable picture file of a capture, the ten largest at most.

        Raises: NotFound (also for a capture that a case alone shows), NotIndexed.
        """
        found = await ImageReads(self._parts.database, self._rows).capture(actor, capture_id)
        if found.state == "pending":
            raise NotIndexed(capture_id=capture_id)
        if any(one.other_captures is None for one in found.pictures):
            raise NotFound(kind="capture", id=capture_id[:64])
        pictures = [one.image for one in found.pictures if one.image.outcome == READ and one.image.kind == "file"]
        pictures.sort(key=lambda one: (-one.width * one.height, one.sha256))
        return tuple([await self.by_image(actor, one.sha256) for one in pictures[:10]])

    async def _answer(self, actor: Actor, question: _Question) -> SearchAnswer:
        ranked = await self._ranked(actor, question.look)
        found, beside = await self._related(actor.organisation_id, question, ranked)
        async with self._parts.database.session() as session:
            same_bytes = await self._same_bytes(session, actor, question.sha256)
            found = [one for one in found if one.image_id != same_bytes]
            if same_bytes is not None:
                found.insert(0, _Found(same_bytes, "exact", None))
            matches, is_cut = await self._told(session, actor, found)
            beside -= {one.image_id for one in found}
            is_cut = is_cut or bool(beside - await untold(session, actor, sorted(beside)))
            ids = list(dict.fromkeys(one.cluster_id for one in matches if one.cluster_id is not None and one.kind != "variant"))
            clusters = await summaries(session, actor, ids) if actor.role != "device" else ()
        shared = await self._shared.matches(actor, question.sha256, question.look)
        picture = question.look.picture
        return SearchAnswer(
            sha256=question.sha256,
            width=picture.width,
            height=picture.height,
            format=picture.format,
            notes=picture.notes,
            searched=len(ranked),
            pipeline=rules_id(),
            matches=(*matches, *shared.matches),
            clusters=clusters,
            more_by="" if self._embedder is None else self._embedder.name,
            searched_shared=shared.searched,
            truncated=is_cut or shared.truncated,
        )

    async def _ranked(self, actor: Actor, look: Look) -> Candidates:
        """The index as this actor sees it: what stands only where one may not look is no candidate, and counts nowhere."""
        ranked = await self._matcher.candidates(actor.organisation_id, look)
        if Right.READ_CASES in actor.rights:
            return ranked
        unseen = await self._matcher.unseen(actor.organisation_id)
        async with self._parts.database.session() as session:
            if not await is_told_all(session, actor):
                return ranked.only(await told_images(session, actor))
            return ranked.without(await untold(session, actor, unseen))

    async def _related(self, organisation_id: UUID, question: _Question, ranked: Candidates) -> tuple[list[_Found], set[int]]:
        """Related images. After the nearest few, again without their clusters: a collage shows several pictures.

        Besides: images that are near or in the clusters found, and were not compared; perhaps some that the actor is not told of.
        """
        near = ranked.near(NEAR_LIMIT + 1)
        beside, compared = set(near[NEAR_LIMIT:]), set[int]()
        asked = ranked.screenshots() + near[:NEAR_LIMIT]
        asked += await self._embedded(organisation_id, question, ranked.hidden())
        passed_over: set[int] = set()
        found: dict[int, _Found] = {}
        for _ in range(ROUNDS):
            likely = ranked.pictures(passed_over)
            fresh = [one for one in dict.fromkeys([*likely, *asked]) if one not in passed_over]
            judged = await self._judged(organisation_id, question, fresh)
            compared |= {*fresh}
            found |= {one.image_id: one for one in judged}
            if not judged:
                break
            async with self._parts.database.session() as session:
                mates = await mates_of(session, [one.image_id for one in judged if one.kind == "same"])
                passed_over |= {*fresh, *await mates_of(session, [one.image_id for one in judged])}
            beside |= mates
            asked = []
        return list(found.values()), beside - compared

    async def _judged(self, organisation_id: UUID, question: _Question, image_ids: Sequence[int]) -> list[_Found]:
        looks = await self._matcher.looks(organisation_id, image_ids)

        def compare() -> list[_Found]:
            judged = ((image_id, judge(question.look, known)) for image_id, known in looks.items())
            return [_Found(image_id, KINDS[one.relation], one) for image_id, one in judged if one is not None]

        async with self._turns:
            return await asyncio.to_thread(compare)

    async def _embedded(self, organisation_id: UUID, question: _Question, hidden: Sequence[int]) -> list[int]:
        if self._embedder is None:
            return []
        place = await self._rows.place(organisation_id)
        code = await asyncio.to_thread(self._embedder.code, question.look)
        if code is None:
            return []
        async with self._parts.database.session() as session:
            return await self._embedder.near(session, place, code, hidden)

    async def _same_bytes(self, session: AsyncSession, actor: Actor, sha256: str) -> int | None:
        """The organisation's image with these very bytes: identical must never be told as similar, whoever may open it."""
        wanted = select(Image.id).where(own_rows(actor, Image.organisation_id), Image.sha256 == sha256)
        return (await session.exec(wanted)).first()

    async def _told(self, session: AsyncSession, actor: Actor, found: Sequence[_Found]) -> tuple[tuple[Match, ...], bool]:
        """The matches in order, with what the actor may see of each; what one may not be told of takes no place among them.
        And whether there are more than are listed."""
        ranked = sorted(found, key=lambda one: (_ORDER.index(one.kind), -(one.judgement.score if one.judgement else 9.0)))
        hidden = await untold(session, actor, [one.image_id for one in ranked])
        told = [one for one in ranked if one.image_id not in hidden]
        chosen = told[:MATCHES_LIMIT]
        ids = [one.image_id for one in chosen]
        views, homes = await image_views(session, ids), await clusters_of(session, ids)
        elsewhere = await places_of(session, actor, ids)
        seen = await sightings_of(session, actor, ids)
        others = await _others(session, actor, ids)
        matches = tuple(
            Match(
                kind=one.kind,
                image=views[one.image_id],
                cluster_id=next(iter(homes.get(one.image_id, ())), None),
                evidence=None if one.judgement is None else judged_evidence(one.judgement),
                seen=seen.get(one.image_id, Seen()),
                hidden=others.get(one.image_id, 0),
                elsewhere=elsewhere.get(one.image_id, Placed()).shown,
                elsewhere_count=elsewhere.get(one.image_id, Placed()).count,
            )
            for one in chosen
            if one.image_id in views
        )
        return matches, len(told) > len(chosen)


async def _others(session: AsyncSession, actor: Actor, image_ids: Sequence[int]) -> dict[int, int]:
    """By image: the organisation's sightings that the actor may not be told of."""
    wanted = (
        select(Sighting.image_id, func.count())
        .join(Capture, col(Capture.capture_id) == col(Sighting.capture_id))
        .where(own_rows(actor, Sighting.organisation_id), not_(told_to(actor)), among(col(Sighting.image_id), image_ids))
        .group_by(col(Sighting.image_id))
    )
    return dict((await session.exec(wanted)).all())
