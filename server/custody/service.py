"""Custody events: written once, chained per item, each one a leaf of the log. The only caller of Log.append."""

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.clock import Clock
from server.custody.models import EventRow
from server.db import Database, lock_for_transaction
from server.errors import BadInput
from server.operators.actors import SERVICE_URN, Actor
from server.transparency.log import Log
from server.trust.dsse import sign_envelope
from server.trust.errors import VerificationError
from server.trust.events import EventLink, NewEvent, build_event, event_sha256, log_item
from server.trust.keys import ServiceSigner


@dataclass(frozen=True)
class EventDraft:
    """What happened, before the service gives it its place (seq, prev), time, salt and signature.

    type: one of docs/formats.md section 4.  item: the chain, such as `capture:<capture_id>`.
    subject_name, subject_sha256: the file the event is about.  details: JSON values.
    """

    type: str
    item: str
    subject_name: str
    subject_sha256: str
    purpose: str
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class RecordedEvent:
    """One event as stored: `envelope` is the exact file, `sha256` its hash (hex), `leaf` the same hash as 32 bytes."""

    sha256: str
    leaf: bytes
    item: str
    seq: int
    prev: str | None
    type: str
    time: datetime
    actor: str
    organisation_id: UUID | None
    envelope: bytes


@dataclass(frozen=True)
class _Author:
    """Who an event names, and whose it is to read."""

    urn: str
    role: str
    organisation_id: UUID | None


class CustodyService:
    """Writes and reads custody events."""

    def __init__(self, database: Database, clock: Clock, signer: ServiceSigner, log: Log) -> None:
        self.database = database
        self.clock = clock
        self.signer = signer
        self.log = log
        self.service_vkey = signer.vkey

    async def record(self, session: AsyncSession, actor: Actor, draft: EventDraft) -> RecordedEvent:
        """The event, signed, chained and queued for the log, in the caller's transaction: all of it or none of it.

        The item's chain stays locked until that transaction ends, so seq has no gaps and prev no forks.
        Raises: BadInput (the draft breaks docs/formats.md).
        """
        return await self._record(session, _Author(actor.urn, actor.role, actor.organisation_id), draft)

    async def record_timestamp(self, session: AsyncSession, checkpoint_sha256: str, details: Mapping[str, Any]) -> RecordedEvent:
        """`log.timestamped` in the log's own chain. Its leaf asks for no stamp itself, else stamping would never end."""
        author = _Author(SERVICE_URN, "service", None)
        item = log_item(self.log.origin)
        draft = EventDraft("log.timestamped", item, "checkpoint", checkpoint_sha256, "timestamp", details)
        return await self._record(session, author, draft, needs_stamp=False)

    async def chain(self, item: str, *, organisation_id: UUID | None) -> list[RecordedEvent]:
        """The item's events by seq; only those of `organisation_id` (None: the log's own)."""
        wanted = select(EventRow).where(
            EventRow.item == item, col(EventRow.organisation_id).is_not_distinct_from(organisation_id)
        )
        async with self.database.session() as session:
            return [to_recorded(row) for row in (await session.exec(wanted.order_by(col(EventRow.seq)))).all()]

    async def of_types(self, types: Collection[str], *, organisation_id: UUID) -> list[RecordedEvent]:
        """The organisation's events of these types in all its chains, in the order in which they were recorded."""
        wanted = select(EventRow).where(col(EventRow.type).in_(types), EventRow.organisation_id == organisation_id)
        async with self.database.session() as session:
            return [to_recorded(row) for row in (await session.exec(wanted.order_by(col(EventRow.id)))).all()]

    async def event(self, sha256: str) -> RecordedEvent | None:
        """The event whose envelope file has this hash. Not checked: whose it is; compare `organisation_id`."""
        async with self.database.session() as session:
            row = (await session.exec(select(EventRow).where(EventRow.sha256 == sha256))).first()
        return None if row is None else to_recorded(row)

    async def receipt(self, event: RecordedEvent) -> bytes:
        """C2SP tlog-proof of the event in the newest published checkpoint. Call after the commit.

        Raises: NotSequenced; LogRefused.
        """
        return await self.log.receipt(event.leaf)

    async def _record(
        self, session: AsyncSession, author: _Author, draft: EventDraft, *, needs_stamp: bool = True
    ) -> RecordedEvent:
        await lock_for_transaction(session, f"chain:{draft.item}")
        last_of = select(EventRow).where(EventRow.item == draft.item).order_by(col(EventRow.seq).desc()).limit(1)
        last = (await session.exec(last_of)).first()
        if last is not None and last.organisation_id != author.organisation_id:
            raise BadInput(field="item", reason="the chain belongs to somebody else")
        link = EventLink(0, None) if last is None else EventLink(last.seq + 1, last.sha256)
        now = self.clock.now()
        event = NewEvent(
            type=draft.type,
            item=draft.item,
            subject_name=draft.subject_name,
            subject_sha256=draft.subject_sha256,
            actor=author.urn,
            role=author.role,
            purpose=draft.purpose,
            details=dict(draft.details),
        )
        try:
            envelope = sign_envelope(build_event(event, link, at=now, salt=secrets.token_hex(16)), self.signer)
        except VerificationError as error:
            raise BadInput(field="event", reason=str(error)) from error
        row = EventRow(
            sha256=event_sha256(envelope),
            organisation_id=author.organisation_id,
            item=draft.item,
            seq=link.seq,
            prev=link.prev,
            type=draft.type,
            time=now,
            actor=author.urn,
            envelope=envelope,
        )
        session.add(row)
        await session.flush()
        await self.log.append(session, bytes.fromhex(row.sha256), needs_stamp=needs_stamp)
        return to_recorded(row)


def to_recorded(row: EventRow) -> RecordedEvent:
    """The value of a row."""
    return RecordedEvent(
        sha256=row.sha256,
        leaf=bytes.fromhex(row.sha256),
        item=row.item,
        seq=row.seq,
        prev=row.prev,
        type=row.type,
        time=row.time,
        actor=row.actor,
        organisation_id=row.organisation_id,
        envelope=bytes(row.envelope),
    )
