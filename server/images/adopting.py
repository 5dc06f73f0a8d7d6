"""Reading the pictures of files made elsewhere into the index, each once with an outcome, and showing them with their file."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.db import among
from server.errors import NotFound
from server.images.elsewhere import ElsewhereEnd, ElsewherePlace, ElsewhereRun, places_in
from server.images.found import Finding, FoundPicture
from server.images.indexing import Indexer
from server.images.models import Copy, Image, Reading
from server.images.parts import GROUP_TASK, ImageParts
from server.images.reader import READ
from server.images.store import ImageRows, address_digest
from server.images.telling import image_views
from server.images.views import ElsewhereView, ImageView


@dataclass(frozen=True)
class AdoptedFile:
    """A deposit as its pictures are kept under it."""

    organisation_id: UUID
    case_id: UUID
    deposit_id: UUID
    number: int
    file_name: str
    said_by: str
    received_at: datetime


@dataclass(frozen=True)
class DatedPicture:
    """A picture, and when the record that holds it says it was made."""

    picture: FoundPicture
    said_at: datetime | None


@dataclass(frozen=True)
class ElsewherePicture:
    """One picture of a deposit: what it is, where it stands in there."""

    image: ImageView
    places: tuple[ElsewhereView, ...]


@dataclass(frozen=True)
class ElsewherePictures:
    """The pictures of a deposit. state: `pending`, COMPLETE, or PARTIAL with the reason what was left out."""

    state: str
    reason: str
    pictures: tuple[ElsewherePicture, ...]


class Adopting:
    """The pictures of deposits. Who may see a deposit is asked by its own domain, before this is called."""

    def __init__(self, parts: ImageParts, rows: ImageRows, indexer: Indexer) -> None:
        self._parts = parts
        self._rows = rows
        self._indexer = indexer

    async def missing(self, deposit_ids: list[UUID]) -> list[UUID]:
        """Those of the deposits that the present pipeline has not read."""
        done = select(ElsewhereRun.deposit_id).where(ElsewhereRun.pipeline_id == await self._rows.pipeline())
        async with self._parts.database.session() as session:
            known = set((await session.exec(done.where(among(col(ElsewhereRun.deposit_id), deposit_ids)))).all())
        return [one for one in deposit_ids if one not in known]

    async def take(self, file: AdoptedFile, pictures: Iterator[DatedPicture], found: Finding) -> None:
        """Reads every picture; places and the record of the run come last, together with the job that groups what is new.

        `pictures` blocks and may end early with a problem in `found`. Idempotent, also after a kill anywhere.
        """
        pipeline_id = await self._rows.pipeline()
        places: list[ElsewherePlace] = []
        unread = 0
        while (one := await asyncio.to_thread(next, pictures, None)) is not None:
            known = await self._indexer.take(file.organisation_id, one.picture)
            unread += known.outcome != READ
            places.append(_place(file, one, known.image_id))
        problems = "; ".join(found.problems).replace("\x00", "")[:2000]
        run = insert(ElsewhereRun).values(
            deposit_id=file.deposit_id,
            pipeline_id=pipeline_id,
            organisation_id=file.organisation_id,
            outcome="PARTIAL" if problems else "COMPLETE",
            reason=problems,
            pictures=len(places),
            unread=unread,
            read_at=self._parts.clock.now(),
        )
        async with self._parts.database.transaction() as session:
            connection = await session.connection()
            for place in places:
                values = place.model_dump(exclude={"id"})
                await connection.execute(insert(ElsewherePlace).values(**values).on_conflict_do_nothing())
            await connection.execute(run.on_conflict_do_nothing())
            whose = str(file.organisation_id)
            await self._parts.jobs.defer(session, GROUP_TASK, once=f"{GROUP_TASK}:{whose}", organisation_id=whose)

    async def end(self, session: AsyncSession, deposit_id: UUID) -> None:
        """In the caller's transaction: the deposit's places count no more."""
        row = insert(ElsewhereEnd).values(deposit_id=deposit_id, ended_at=self._parts.clock.now())
        await (await session.connection()).execute(row.on_conflict_do_nothing())

    async def of(self, deposit_id: UUID) -> ElsewherePictures:
        """The deposit's pictures with their outcomes."""
        pipeline_id = await self._rows.pipeline()
        async with self._parts.database.session() as session:
            run = await session.get(ElsewhereRun, (deposit_id, pipeline_id))
            places = await places_in(session, deposit_id)
            views = await image_views(session, list(places))
        told = tuple(ElsewherePicture(views[one], found.shown) for one, found in places.items() if one in views)
        return ElsewherePictures("pending", "", told) if run is None else ElsewherePictures(run.outcome, run.reason, told)

    async def thumbnail(self, deposit_id: UUID, sha256: str) -> bytes:
        """WebP working copy of one of its pictures. Raises: NotFound (not in there, or not readable)."""
        wanted = (
            select(Copy.thumbnail)
            .join(Reading, col(Reading.id) == col(Copy.reading_id))
            .join(Image, col(Image.id) == col(Reading.image_id))
            .join(ElsewherePlace, col(ElsewherePlace.image_id) == col(Image.id))
            .where(ElsewherePlace.deposit_id == deposit_id, Image.sha256 == sha256)
        )
        async with self._parts.database.session() as session:
            data = (await session.exec(wanted.order_by(col(Reading.id).desc()).limit(1))).first()
        if data is None:
            raise NotFound(kind="thumbnail", id=sha256[:64])
        return bytes(data)


def _place(file: AdoptedFile, one: DatedPicture, image_id: int) -> ElsewherePlace:
    url = one.picture.url.replace("\x00", "")
    return ElsewherePlace(
        organisation_id=file.organisation_id,
        image_id=image_id,
        deposit_id=file.deposit_id,
        case_id=file.case_id,
        number=file.number,
        file_name=file.file_name,
        said_by=file.said_by,
        source=one.picture.source,
        url=url,
        url_sha256=address_digest(url),
        said_at=one.said_at,
        received_at=file.received_at,
    )
