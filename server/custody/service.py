"""Custody events: written once, chained per item, each one a leaf of the log. The only caller of Log.append."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from server.operators.actors import Actor


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


class CustodyService:
    """Writes and reads custody events."""

    service_vkey: str

    async def record(self, session: AsyncSession, actor: Actor, draft: EventDraft) -> RecordedEvent:
        """The event, signed, chained and queued for the log, in the caller's transaction: all of it or none of it.

        The item's chain stays locked until that transaction ends, so seq has no gaps and prev no forks.
        Raises: BadInput (the draft breaks docs/formats.md).
        """
        raise NotImplementedError

    async def chain(self, item: str, *, organisation_id: UUID | None) -> list[RecordedEvent]:
        """The item's events by seq; only those of `organisation_id` (None: the log's own)."""
        raise NotImplementedError

    async def event(self, sha256: str) -> RecordedEvent | None:
        """The event whose envelope file has this hash."""
        raise NotImplementedError

    async def receipt(self, event: RecordedEvent) -> bytes:
        """C2SP tlog-proof of the event in the newest published checkpoint. Call after the commit.

        Raises: NotSequenced; LogRefused.
        """
        raise NotImplementedError
