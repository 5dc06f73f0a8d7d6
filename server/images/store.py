"""Rows of pictures: the pipeline in use, images by digest, readings with their copies and codes, sightings. SQL only."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.clock import Clock
from server.db import Database, lock_for_transaction
from server.images.codes import Place, UsedCode, codes_of, store_codes
from server.images.embedding import Embedder
from server.images.found import FoundPicture
from server.images.models import Copy, Image, Pipeline, Reading, Sighting
from server.images.reader import READ, PictureRead
from server.media.look import from_bytes
from server.media.pipeline import pipeline_id, rules_id


@dataclass(frozen=True)
class KnownImage:
    """A row of `image`, and the outcome of its reading by the present pipeline."""

    image_id: int
    outcome: str


class ImageRows:
    """Rows of one database for the present pipeline."""

    def __init__(self, database: Database, clock: Clock, embedder: Embedder | None = None) -> None:
        self._database = database
        self._clock = clock
        self._embedder = embedder
        self._known: dict[str, int] = {}

    async def pipeline(self) -> int:
        """The id of the pipeline that reads pictures here; stored when it is new."""
        return await self._id(pipeline_id())

    async def rules(self) -> int:
        """The id of the rules (with their pipeline) that judge and group here: what edges and the partition are made by."""
        return await self._id(rules_id())

    async def place(self, organisation_id: UUID) -> Place:
        """The organisation under the present pipeline and rules."""
        return Place(organisation_id, await self.pipeline(), await self.rules())

    async def _id(self, name: str) -> int:
        if name not in self._known:
            async with self._database.transaction() as session:
                await (await session.connection()).execute(insert(Pipeline).values(name=name).on_conflict_do_nothing())
                found = (await session.exec(select(Pipeline.id).where(Pipeline.name == name))).one()
            if found is None:
                raise LookupError("the pipeline has no row")
            self._known[name] = found
        return self._known[name]

    async def known(self, organisation_id: UUID, sha256: str) -> KnownImage | None:
        """The image with this digest, if the present pipeline has read it (or found that it cannot)."""
        wanted = (
            select(Image.id, Reading.outcome)
            .join(Reading, col(Reading.image_id) == col(Image.id))
            .where(Image.organisation_id == organisation_id, Image.sha256 == sha256, Reading.pipeline_id == await self.pipeline())
        )
        async with self._database.session() as session:
            row = (await session.exec(wanted)).first()
        return None if row is None or row[0] is None else KnownImage(row[0], row[1])

    async def keep(self, organisation_id: UUID, picture: FoundPicture, made: PictureRead) -> KnownImage:
        """The image with its reading, copies and codes, in one transaction; matchable when this returns. Idempotent.

        Readings of an organisation are written one after the other, so their ids ascend in the order in which they become
        visible: an index that has seen one has seen all before it.
        """
        place = await self.place(organisation_id)
        codes = await asyncio.to_thread(self._codes, made) if made.outcome == READ else []
        now = self._clock.now()
        async with self._database.transaction() as session:
            await lock_for_transaction(session, f"images.readings:{organisation_id}")
            image_id = await self._image(session, organisation_id, picture)
            known = (
                await session.exec(
                    select(Reading.outcome).where(Reading.image_id == image_id, Reading.pipeline_id == place.pipeline_id)
                )
            ).first()
            if known is not None:
                return KnownImage(image_id, known)
            reading = Reading(
                organisation_id=organisation_id,
                image_id=image_id,
                pipeline_id=place.pipeline_id,
                outcome=made.outcome[:32],
                reason=made.reason.replace("\x00", "")[:500],
                format=made.format[:16],
                width=made.width,
                height=made.height,
                notes=[note.replace("\x00", "")[:200] for note in made.notes],
                read_at=now,
            )
            session.add(reading)
            await session.flush()
            if made.outcome == READ and reading.id is not None:
                session.add(Copy(reading_id=reading.id, look=made.look, indexed=made.indexed, thumbnail=made.thumbnail))
                await store_codes(session, place, image_id, codes)
        return KnownImage(image_id, made.outcome)

    def _codes(self, made: PictureRead) -> list[UsedCode]:
        look = from_bytes(made.look)
        own = codes_of(look)
        return own if self._embedder is None else [*own, *self._embedder.used(look)]

    async def _image(self, session: AsyncSession, organisation_id: UUID, picture: FoundPicture) -> int:
        row = insert(Image).values(
            organisation_id=organisation_id,
            sha256=picture.sha256,
            kind=picture.kind,
            size_bytes=picture.size_bytes,
            first_indexed_at=self._clock.now(),
        )
        await (await session.connection()).execute(row.on_conflict_do_nothing())
        wanted = select(Image.id).where(Image.organisation_id == organisation_id, Image.sha256 == picture.sha256)
        found = (await session.exec(wanted)).one()
        if found is None:
            raise LookupError("an image row has an id")
        return found


async def add_sightings(session: AsyncSession, sightings: Sequence[Sighting]) -> None:
    """Stores each sighting once, however often it is said."""
    names = [column.name for column in Sighting.__table__.columns if column.name != "id"]  # type: ignore[attr-defined]
    connection = await session.connection()
    for one in sightings:
        values = {name: getattr(one, name) for name in names}
        await connection.execute(insert(Sighting).values(**values).on_conflict_do_nothing())


def address_digest(url: str) -> str:
    """SHA-256 of an address: what makes an instance unique without an index over long addresses."""
    return hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest()
