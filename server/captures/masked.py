"""Masked working copies of a capture's pictures: a person sets boxes, the service draws them; the newest copy counts."""

import asyncio
import io
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO

from sqlalchemy import BigInteger, Column, Index, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.captures.detail import parsed_statement
from server.captures.masking import BoxesRefused, MaskBox, MaskedPicture, masked_picture, suggested_boxes
from server.captures.models import Artifact, Blob, Capture
from server.captures.parts import CaptureParts
from server.captures.previews import ImageFacts, UnreadableImage, read_image_facts
from server.captures.scope import artifacts_of, is_own, require_capture
from server.custody.service import EventDraft
from server.db import UtcDateTime
from server.errors import BadInput, NotFound
from server.operators.actors import OperatorActor
from server.operators.rights import demand
from server.operators.roles import Right
from server.trust.events import capture_item
from storage.hashing import Sha256

PICTURE_ROLES = ("screenshot.viewport", "screenshot.full", "image")
REASON_LIMIT = 500
COPIES_LIMIT = 50
MASKED_TYPE = "image/png"


class MaskedCopy(SQLModel, table=True):
    """One copy with opaque boxes (pixels of the original). Never changed; a later one of the same picture takes its place."""

    __tablename__ = "masked_copy"
    __table_args__ = (Index("ix_masked_copy_capture", "capture_id", "artifact", "made_at"),)

    id: uuid.UUID = Field(primary_key=True)
    organisation_id: uuid.UUID = Field(foreign_key="organisation.id")
    capture_id: str = Field(foreign_key="capture.capture_id", max_length=64)
    artifact: str = Field(max_length=80)
    original_sha256: str = Field(max_length=64)
    sha256: str = Field(max_length=64)
    size_bytes: int = Field(sa_column=Column(BigInteger, nullable=False))
    width: int
    height: int
    boxes: list[dict[str, int]] = Field(sa_column=Column(JSONB, nullable=False))
    reason: str = Field(sa_column=Column(Text, nullable=False))
    actor: str = Field(max_length=200)
    event_sha256: str = Field(max_length=64)
    made_at: datetime = Field(sa_type=UtcDateTime)


@dataclass(frozen=True)
class MaskOrder:
    """What is to be covered in which picture, and why. No box: somebody looked and nothing has to be covered."""

    artifact: str
    boxes: tuple[MaskBox, ...]
    reason: str


@dataclass(frozen=True)
class PictureToMask:
    """A picture before it is covered: its size, what the person in the browser marked, and its copies, newest first."""

    artifact: Artifact
    facts: ImageFacts
    suggested: tuple[MaskBox, ...]
    copies: tuple[MaskedCopy, ...]


@dataclass(frozen=True)
class CaptureMasks:
    """The masked copies of a capture that count. `own`: the actor may make further ones."""

    own: bool
    copies: tuple[MaskedCopy, ...]


@dataclass(frozen=True)
class OpenedCopy:
    """A masked copy and its bytes: `open_range` gives a stream (blocking; the caller closes it)."""

    row: MaskedCopy
    parts: CaptureParts

    def open_range(self, offset: int, length: int) -> BinaryIO:
        """Bytes offset … offset + length of the PNG."""
        return self.parts.working.open(str(self.row.organisation_id), Sha256(self.row.sha256), offset=offset, length=length)


class MaskedCopies:
    """Only for captures of the actor's own organisation: who merely sees one through a case does not decide what it shows."""

    def __init__(self, parts: CaptureParts) -> None:
        self._parts = parts
        self._drawing = asyncio.Semaphore(1)  # a tall screenshot is a few hundred MB of pixels

    async def make(self, actor: OperatorActor, capture_id: str, order: MaskOrder) -> MaskedCopy:
        """The new copy, stored; `capture.masked` in the capture's chain names both hashes, the boxes and the reason.

        The bytes are kept before the row. Raises: Forbidden; NotFound (also when the picture's bytes are not here); BadInput (no
        picture, boxes outside, no reason, too many copies).
        """
        demand(actor, Right.WRITE)
        reason = " ".join(order.reason.split())
        if not reason or len(reason) > REASON_LIMIT or not reason.isprintable():
            raise BadInput(field="reason", reason=f"1 to {REASON_LIMIT} printable characters: why this is covered")
        async with self._parts.database.session() as session:
            capture, artifact = await self._picture(session, actor, capture_id, order.artifact)
            if len(await copies_of(session, capture.capture_id, artifact.name)) >= COPIES_LIMIT:
                raise BadInput(field="artifact", reason=f"at most {COPIES_LIMIT} copies of one picture")
        async with self._drawing:
            picture = await asyncio.to_thread(self._drawn, capture, artifact, order.boxes)
        async with self._parts.database.transaction() as session:
            capture = await require_capture(session, actor, capture_id)
            row = _row(capture, artifact, picture, (actor.urn, reason, self._parts.clock.now()))
            event = await self._parts.custody.record(session, actor, _event(capture, row))
            row.event_sha256 = event.sha256
            session.add(row)
        return row

    async def picture(self, actor: OperatorActor, capture_id: str, name: str) -> PictureToMask:
        """What the page that sets boxes needs. Reads the header of the original only. Raises: as make()."""
        demand(actor, Right.WRITE)
        async with self._parts.database.session() as session:
            capture, artifact = await self._picture(session, actor, capture_id, name)
            copies = await copies_of(session, capture.capture_id, artifact.name)
        suggested = suggested_boxes(parsed_statement(capture)[0], artifact.name)
        return PictureToMask(artifact, await asyncio.to_thread(self._facts, capture, artifact), suggested, tuple(copies))

    async def read(self, actor: OperatorActor, capture_id: str, copy_id: uuid.UUID) -> OpenedCopy:
        """A copy that may be read. A working copy: looking is no event. Raises: NotFound."""
        demand(actor, Right.READ)
        async with self._parts.database.session() as session:
            capture = await require_capture(session, actor, capture_id)
            row = await session.get(MaskedCopy, copy_id)
        if row is None or row.capture_id != capture.capture_id:
            raise NotFound(kind="masked_copy", id=str(copy_id))
        return OpenedCopy(row, self._parts)

    async def of_capture(self, actor: OperatorActor, capture_id: str) -> CaptureMasks:
        """The copies that count, by name of their picture. Raises: NotFound."""
        async with self._parts.database.session() as session:
            capture = await require_capture(session, actor, capture_id)
            copies = await newest_masked(session, capture.capture_id)
            return CaptureMasks(await is_own(session, actor, capture), tuple(copies.values()))

    async def _picture(self, session: AsyncSession, actor: OperatorActor, capture_id: str, name: str) -> tuple[Capture, Artifact]:
        capture = await require_capture(session, actor, capture_id)
        found = [one for one in await artifacts_of(session, capture.capture_id) if one.name == name and one.role in PICTURE_ROLES]
        if not found or not await is_own(session, actor, capture):
            raise NotFound(kind="picture", id=name[:80])
        if await session.get(Blob, (capture.organisation_id, found[0].sha256)) is None:
            raise NotFound(kind="picture", id=name[:80])
        return capture, found[0]

    def _facts(self, capture: Capture, artifact: Artifact) -> ImageFacts:
        try:
            with self._parts.blobs.open(str(capture.organisation_id), Sha256(artifact.sha256)) as source:
                return read_image_facts(source)
        except UnreadableImage as error:
            raise BadInput(field="artifact", reason=error.reason) from error

    def _drawn(self, capture: Capture, artifact: Artifact, boxes: Sequence[MaskBox]) -> MaskedPicture:
        """The copy, drawn and kept. Blocking."""
        organisation = str(capture.organisation_id)
        try:
            with self._parts.blobs.open(organisation, Sha256(artifact.sha256)) as source:
                picture = masked_picture(source, boxes)
        except (UnreadableImage, BoxesRefused) as error:
            raise BadInput(field="boxes", reason=error.reason) from error
        self._parts.working.put(
            io.BytesIO(picture.data), organisation=organisation, sha256=picture.sha256, size_bytes=len(picture.data)
        )
        return picture


async def copies_of(session: AsyncSession, capture_id: str, artifact: str) -> list[MaskedCopy]:
    """Every copy of one picture, newest first."""
    wanted = select(MaskedCopy).where(MaskedCopy.capture_id == capture_id, MaskedCopy.artifact == artifact)
    return list((await session.exec(wanted.order_by(col(MaskedCopy.made_at).desc(), col(MaskedCopy.id)))).all())


async def newest_masked(session: AsyncSession, capture_id: str) -> dict[str, MaskedCopy]:
    """Artifact name → the copy that counts, for the pictures that have one. Not checked: who asks."""
    wanted = select(MaskedCopy).where(MaskedCopy.capture_id == capture_id)
    rows = (
        await session.exec(wanted.order_by(col(MaskedCopy.artifact), col(MaskedCopy.made_at), col(MaskedCopy.id).desc()))
    ).all()
    return {row.artifact: row for row in rows}


def _row(capture: Capture, artifact: Artifact, picture: MaskedPicture, said: tuple[str, str, datetime]) -> MaskedCopy:
    return MaskedCopy(
        id=uuid.uuid4(),
        organisation_id=capture.organisation_id,
        capture_id=capture.capture_id,
        artifact=artifact.name,
        original_sha256=artifact.sha256,
        sha256=picture.sha256,
        size_bytes=len(picture.data),
        width=picture.width,
        height=picture.height,
        boxes=[box.as_json() for box in picture.boxes],
        reason=said[1],
        actor=said[0],
        event_sha256="",
        made_at=said[2],
    )


def _event(capture: Capture, row: MaskedCopy) -> EventDraft:
    details: dict[str, object] = {
        "artifact": row.artifact,
        "originalSha256": row.original_sha256,
        "sha256": row.sha256,
        "sizeBytes": row.size_bytes,
        "width": row.width,
        "height": row.height,
        "boxes": row.boxes,
        "reason": row.reason,
    }
    return EventDraft(
        "capture.masked", capture_item(capture.capture_id), "statement.dsse.json", capture.statement_sha256, "masking", details
    )
