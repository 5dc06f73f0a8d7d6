"""After the seal: every picture of a capture is read once, with an outcome, and becomes matchable. Never touches evidence.

The job is idempotent and may be killed anywhere: what was read stays, sightings and the record of the run come last, together.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import BinaryIO
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from server.captures.detail import parsed_statement
from server.captures.models import Artifact, Capture, CaptureState
from server.captures.scope import artifacts_of
from server.captures.values import bounded_claim
from server.images.attribution import PagePost
from server.images.boxes import crops_of
from server.images.found import Finding, FoundPicture, ImageBox, image_boxes, pictures_of
from server.images.models import Indexing, Sighting
from server.images.origin import Origins
from server.images.parts import GROUP_TASK, INDEX_TASK, ImageParts
from server.images.reader import READ, PictureRead
from server.images.store import ImageRows, KnownImage, add_sightings, address_digest
from storage.hashing import Sha256

logger = logging.getLogger(__name__)
PLACES_LIMIT = 20_000


@dataclass(frozen=True)
class _Seen:
    """A picture of the capture as it was kept."""

    picture: FoundPicture
    image_id: int
    outcome: str


@dataclass
class _Subject:
    """One capture while it is indexed."""

    capture: Capture
    artifacts: tuple[Artifact, ...]
    predicate: Mapping[str, object]
    found: Finding = field(default_factory=Finding)
    seen: list[_Seen] = field(default_factory=list)


class Indexer:
    """Reads captures' pictures."""

    def __init__(self, parts: ImageParts, rows: ImageRows, origins: Origins) -> None:
        self._parts = parts
        self._rows = rows
        self._origins = origins

    async def run(self, capture_id: str) -> bool:
        """Indexes one sealed capture with the present pipeline; False when there is nothing to do.

        Raises: StorageError (try again).
        """
        subject = await self._load(capture_id)
        if subject is None:
            return False
        source = pictures_of(subject.artifacts, subject.capture.final_url, self._opener(subject), subject.found)
        shots: dict[str, bytes] = {}
        while (picture := await asyncio.to_thread(next, source, None)) is not None:
            await self._take(subject, picture)
            if picture.source == "screenshot" and picture.data is not None and picture.artifact == "screenshot.viewport.png":
                shots[picture.artifact] = picture.data
        boxes = image_boxes(subject.found.pageinfo)
        readable = {one.picture.url for one in subject.seen if one.outcome == READ}
        unseen = [box for box in boxes if box.url not in readable]
        places, note = dict[str, ImageBox](), subject.found.note
        for name, shot in shots.items():
            crops = await asyncio.to_thread(crops_of, self._parts.reader, (name, shot), unseen, subject.predicate, note)
            for crop in crops:
                places[crop.picture.sha256] = crop.box
                await self._take(subject, crop.picture)
        await self._record(subject, boxes, places)
        return True

    async def missing(self) -> list[Capture]:
        """Sealed captures that the present pipeline has not indexed, oldest first."""
        done = select(Indexing.capture_id).where(Indexing.pipeline_id == await self._rows.pipeline())
        wanted = select(Capture).where(Capture.state == CaptureState.SEALED, col(Capture.capture_id).not_in(done))
        async with self._parts.database.session() as session:
            return list((await session.exec(wanted.order_by(col(Capture.received_at), col(Capture.capture_id)))).all())

    async def queue_missing(self) -> int:
        """Queues the captures in missing(), each once; how many."""
        captures = await self.missing()
        async with self._parts.database.transaction() as session:
            for one in captures:
                once = f"{INDEX_TASK}:{one.capture_id}"
                await self._parts.jobs.defer(session, INDEX_TASK, once=once, capture_id=one.capture_id)
        return len(captures)

    async def _load(self, capture_id: str) -> _Subject | None:
        pipeline = await self._rows.pipeline()
        async with self._parts.database.session() as session:
            capture = await session.get(Capture, capture_id)
            if capture is None or capture.state != CaptureState.SEALED:
                return None
            if await session.get(Indexing, (capture_id, pipeline)) is not None:
                return None
            artifacts = tuple(await artifacts_of(session, capture_id))
        payload, _ = parsed_statement(capture)
        stated = json.loads(payload).get("predicate")
        return _Subject(capture, artifacts, stated if isinstance(stated, dict) else {})

    async def take(self, organisation_id: UUID, picture: FoundPicture) -> KnownImage:
        """The picture with its codes and what its bytes say of its origin: kept, matchable, once. Idempotent."""
        known = await self._rows.known(organisation_id, picture.sha256)
        if known is None:
            if picture.data is None:
                made = PictureRead(picture.outcome, picture.reason)
            else:
                made = await asyncio.to_thread(self._parts.reader.read, picture.data)
            known = await self._rows.keep(organisation_id, picture, made)
        if picture.kind == "file" and picture.data is not None:
            await self._origins.ensure(organisation_id, known.image_id, picture.data)
        return known

    async def _take(self, subject: _Subject, picture: FoundPicture) -> None:
        known = await self.take(subject.capture.organisation_id, picture)
        kept = FoundPicture(**{**vars(picture), "data": None})
        subject.seen.append(_Seen(kept, known.image_id, known.outcome))

    def _opener(self, subject: _Subject):  # type: ignore[no-untyped-def]
        def opened(artifact: Artifact) -> BinaryIO:
            return self._parts.blobs.open(str(subject.capture.organisation_id), Sha256(artifact.sha256))

        return opened

    async def _record(self, subject: _Subject, boxes: list[ImageBox], crops: Mapping[str, ImageBox]) -> None:
        """Sightings, the record of the run, and the job that groups what is new: one transaction."""
        capture, pipeline = subject.capture, await self._rows.pipeline()
        unread = sum(one.outcome != READ for one in subject.seen)
        rows = _sightings(subject, boxes, crops)
        problems = "; ".join(subject.found.problems).replace("\x00", "")[:2000]
        async with self._parts.database.transaction() as session:
            if await session.get(Indexing, (capture.capture_id, pipeline)) is not None:
                return
            await add_sightings(session, rows)
            run = insert(Indexing).values(
                capture_id=capture.capture_id,
                pipeline_id=pipeline,
                organisation_id=capture.organisation_id,
                outcome="PARTIAL" if problems else "COMPLETE",
                reason=problems,
                pictures=len(subject.seen),
                unread=unread,
                indexed_at=self._parts.clock.now(),
            )
            await (await session.connection()).execute(run.on_conflict_do_nothing())  # another worker may have had it too
            organisation = str(capture.organisation_id)
            await self._parts.jobs.defer(session, GROUP_TASK, once=f"{GROUP_TASK}:{organisation}", organisation_id=organisation)
        logger.info("images.indexed", extra={"capture": capture.capture_id, "pictures": len(subject.seen), "unread": unread})


def _sightings(subject: _Subject, boxes: list[ImageBox], crops: Mapping[str, ImageBox]) -> list[Sighting]:
    """One instance for each place of each picture: its boxes on the page, or one without a place."""
    capture, post = subject.capture, PagePost(subject.predicate)
    captured_at = bounded_claim(capture.captured_at, capture.received_at)
    by_url: dict[str, list[ImageBox]] = defaultdict(list)
    for box in boxes:
        by_url[box.url].append(box)
    chosen = _picked_address(subject.predicate)
    rows: list[Sighting] = []
    for one in subject.seen:
        picture = one.picture
        url = chosen if picture.source == "picked" and not picture.url else picture.url
        cut = crops.get(picture.sha256) if picture.source == "box" else None
        places: list[ImageBox | None] = (
            [cut] if cut is not None else list(by_url.get(url, ())) if picture.source == "network" else []
        )
        whose = post.of(url)
        for ordinal, place in enumerate(places or [None]):
            if len(rows) >= PLACES_LIMIT:  # a page may say thousands of boxes of one address, an archive thousands of its bodies
                subject.found.note(f"more than {PLACES_LIMIT} places of pictures: the rest is not listed")
                return rows
            rows.append(
                Sighting(
                    organisation_id=capture.organisation_id,
                    image_id=one.image_id,
                    capture_id=capture.capture_id,
                    artifact=picture.artifact,
                    source=picture.source,
                    url=url.replace("\x00", ""),
                    url_sha256=address_digest(url),
                    ordinal=ordinal,
                    frame_url="" if place is None else place.frame_url.replace("\x00", ""),
                    box=None if place is None else list(place.box),
                    platform=None if whose.platform is None else whose.platform[:64],
                    account=whose.account,
                    post=whose.post,
                    captured_at=captured_at,
                    received_at=capture.received_at,
                )
            )
    return rows


def _picked_address(predicate: Mapping[str, object]) -> str:
    selection = predicate.get("selection")
    url = selection.get("srcUrl") if isinstance(selection, dict) else None
    return url[:4000] if isinstance(url, str) else ""
