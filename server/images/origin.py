"""What picture files say about their origin, read once per file and reader, and shown with what it does not prove."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from server.clock import Clock
from server.db import Database
from server.images.models import SignalReading
from server.images.reader import PictureReader
from server.images.scope import require_image
from server.media.provenance.reader import reader_id
from server.media.provenance.signals import ABSENCE_NOTE, KINDS, Signal, SignalOutcome
from server.operators.actors import Actor


@dataclass(frozen=True)
class SignalsView:
    """The newest reading of a file. state: `read`, `problem` (then why), `pending`. Absence proves nothing: `note` says so."""

    state: str
    problem: str
    reader: str
    read_at: datetime | None
    signals: tuple[Signal, ...]
    note: str = ABSENCE_NOTE


class Origins:
    """Signals of an organisation's pictures. `anchors`: the operator's trusted roots of Content Credentials in PEM, or None."""

    def __init__(self, database: Database, clock: Clock, reader: PictureReader, anchors: str | None) -> None:
        self._database = database
        self._clock = clock
        self._reader = reader
        self._anchors = anchors
        self._id = reader_id(anchors)

    async def ensure(self, organisation_id: UUID, image_id: int, data: bytes) -> None:
        """Reads the file's signals unless this reader has. Idempotent. Never raises for any bytes."""
        wanted = select(SignalReading.id).where(SignalReading.image_id == image_id, SignalReading.reader == self._id)
        async with self._database.session() as session:
            if (await session.exec(wanted)).first() is not None:
                return
        found, problem = await asyncio.to_thread(self._reader.signals, data, self._anchors)
        row = insert(SignalReading).values(
            organisation_id=organisation_id,
            image_id=image_id,
            reader=self._id,
            signals=[{name: text.replace("\x00", "") for name, text in one.items()} for one in found],
            problem=problem.replace("\x00", "")[:500],
            read_at=self._clock.now(),
        )
        async with self._database.transaction() as session:
            await (await session.connection()).execute(row.on_conflict_do_nothing())

    async def of(self, actor: Actor, sha256: str) -> SignalsView:
        """The newest signals of one image: for a device, of its own captures alone. Raises: NotFound."""
        async with self._database.session() as session:
            image = await require_image(session, actor, sha256, opened=True)
            wanted = select(SignalReading).where(SignalReading.image_id == image.id).order_by(col(SignalReading.id).desc())
            row = (await session.exec(wanted.limit(1))).first()
        if row is None:
            return SignalsView("pending", "", self._id, None, ())
        signals = tuple(sorted((_signal(one) for one in row.signals), key=_rank))
        return SignalsView("problem" if row.problem else "read", row.problem, row.reader, row.read_at, signals)

    async def in_bytes(self, data: bytes) -> SignalsView:
        """The signals of bytes that are only asked about; nothing is stored."""
        found, problem = await asyncio.to_thread(self._reader.signals, data, self._anchors, waited_for=True)
        signals = tuple(sorted((_signal(one) for one in found), key=_rank))
        return SignalsView("problem" if problem else "read", problem, self._id, None, signals)


def _signal(stored: dict[str, str]) -> Signal:
    return Signal(**{**stored, "outcome": SignalOutcome(stored["outcome"])})  # type: ignore[arg-type]


def _rank(one: Signal) -> tuple[int, int]:
    order = (SignalOutcome.FOUND, SignalOutcome.NOT_CHECKED, SignalOutcome.NOT_FOUND)
    return order.index(one.outcome), KINDS.index(one.kind) if one.kind in KINDS else len(KINDS)
