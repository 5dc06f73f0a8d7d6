"""Checkpoint files as they left the house, and the stamps over them: values and how they are read."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.errors import StoredRecordBroken
from server.transparency.models import PublishedNote, TimestampRow
from server.trust.checkpoint import parse_checkpoint_file
from server.trust.errors import VerificationError
from server.trust.timestamp import TimeSpan, claimed_span

TOGETHER = timedelta(seconds=30)
"""How long after the first stamp over a file another one still counts: authorities are asked at once."""


@dataclass(frozen=True)
class Published:
    """A checkpoint file as published: `note` is the exact file (log signature and cosignatures), `sha256` its hash."""

    sha256: str
    size: int
    root: bytes
    cosignatures: int
    note: bytes


@dataclass(frozen=True)
class Stamp:
    """One verified RFC 3161 stamp: `tsr` is the exact TimeStampResp file."""

    tsa: str
    gen_time: datetime
    tsr: bytes
    tsr_sha256: str

    @property
    def span(self) -> TimeSpan:
        """The moments it can mean, as a verifier of a bundle reads them. The stamp was verified when it came."""
        return claimed_span(self.tsr)


@dataclass(frozen=True)
class Stamped:
    """A published checkpoint and every verified stamp over its exact bytes, by TSA name."""

    published: Published
    stamps: tuple[Stamp, ...]


def to_published(row: PublishedNote) -> Published:
    """The value of a row. Raises: StoredRecordBroken if the stored file is not a checkpoint of the stored size."""
    note = bytes(row.note)
    try:
        _, checkpoint = parse_checkpoint_file(note)
    except VerificationError as error:
        raise StoredRecordBroken(table="published_note", id=row.sha256, reason=str(error)) from error
    if checkpoint.size != row.size:
        raise StoredRecordBroken(table="published_note", id=row.sha256, reason="another size than its note")
    return Published(row.sha256, row.size, checkpoint.root, row.cosignatures, note)


async def stamps_of(session: AsyncSession, row: PublishedNote) -> Stamped:
    """The published file of `row` with its stamps, those that came together.

    An authority that was away and stamped the same file much later says nothing new, and a verifier would take the difference
    for a contradiction.
    """
    wanted = select(TimestampRow).where(TimestampRow.note_sha256 == row.sha256, TimestampRow.state == "stamped")
    rows = (await session.exec(wanted.order_by(col(TimestampRow.tsa)))).all()
    first = min((stamp.settled_at for stamp in rows if stamp.settled_at is not None), default=datetime.max.replace(tzinfo=UTC))
    stamps = tuple(
        Stamp(stamp.tsa, stamp.gen_time, bytes(stamp.tsr), stamp.tsr_sha256)
        for stamp in rows
        if stamp.settled_at is not None and stamp.settled_at - first <= TOGETHER
        if stamp.gen_time is not None and stamp.tsr is not None and stamp.tsr_sha256 is not None
    )
    return Stamped(to_published(row), stamps)


async def find_stamped(session: AsyncSession, *, above: int | None = None) -> Stamped | None:
    """The smallest stamped checkpoint with more than `above` leaves, or, without `above`, the newest stamped one.

    Of several files of one size: the one stamped by most authorities is not sought; the one stamped first counts.
    """
    wanted = select(TimestampRow).where(TimestampRow.state == "stamped")
    if above is None:
        wanted = wanted.order_by(col(TimestampRow.size).desc(), col(TimestampRow.id))
    else:
        wanted = wanted.where(TimestampRow.size > above).order_by(col(TimestampRow.size), col(TimestampRow.id))
    stamp = (await session.exec(wanted.limit(1))).first()
    if stamp is None:
        return None
    row = await session.get(PublishedNote, stamp.note_sha256)
    if row is None:
        raise StoredRecordBroken(table="timestamp", id=str(stamp.id), reason="its published note is gone")
    return await stamps_of(session, row)
