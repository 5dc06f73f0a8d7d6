"""Audit of custody: every event's bytes, signature, place in its chain and in the log, and the evidence it speaks of."""

import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from sqlmodel import col, select, tuple_
from sqlmodel.ext.asyncio.session import AsyncSession

from server.custody.findings import AuditReport
from server.custody.models import EventRow
from server.db import run_sql
from server.trust.dsse import parse_envelope, verify_envelope
from server.trust.errors import VerificationError
from server.trust.events import (
    CustodyEvent,
    capture_item,
    commit_details,
    event_sha256,
    key_details,
    parse_event,
    seal_details,
)
from server.trust.jsontext import format_time
from server.trust.keys import ServicePublicKey
from storage.errors import StorageError

BATCH = 1_000

_UNLOGGED = """
SELECT event.sha256 FROM event
LEFT JOIN leaf ON leaf.leaf = decode(event.sha256, 'hex') LEFT JOIN queued_leaf ON queued_leaf.leaf = decode(event.sha256, 'hex')
WHERE leaf.leaf IS NULL AND queued_leaf.leaf IS NULL
"""
_UNKNOWN_LEAVES = """
SELECT leaf.index AS place FROM leaf LEFT JOIN event ON event.sha256 = encode(leaf.leaf, 'hex') WHERE event.sha256 IS NULL
"""
_OUT_OF_ORDER = """
SELECT item, seq FROM (
    SELECT item, seq, leaf.index AS place, lag(leaf.index) OVER (PARTITION BY item ORDER BY seq) AS before
    FROM event JOIN leaf ON leaf.leaf = decode(event.sha256, 'hex')
) AS placed WHERE before > place
"""
_BY_LOG_ORDER = """
SELECT event.envelope, event.type FROM event JOIN leaf ON leaf.leaf = decode(event.sha256, 'hex')
WHERE event.type IN ('key.enrolled', 'key.revoked', 'capture.committed') ORDER BY leaf.index
"""


@dataclass(frozen=True)
class Rehashed:
    """A blob as it lies in the store now: digest (hex) and length, read to its end."""

    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class ArtifactRow:
    """An artifact that a signed statement names: whose, its name, digest (hex) and length."""

    organisation_id: UUID
    name: str
    sha256: str
    size_bytes: int


class EvidenceSource(Protocol):
    """How the audit sees captures without knowing their floor. Rows are read through the given session: the audit's snapshot."""

    def states(self, session: AsyncSession) -> AsyncIterator[tuple[str, str]]:
        """(capture_id, state) of every capture row."""
        ...

    async def statement(self, session: AsyncSession, capture_id: str) -> bytes | None:
        """The stored statement envelope file, None if the capture has no row."""
        ...

    async def arrived(self, session: AsyncSession, capture_id: str) -> Sequence[ArtifactRow]:
        """The artifacts of a capture that the service says it holds."""
        ...

    async def rehash(self, organisation_id: UUID, sha256: str) -> Rehashed | None:
        """The blob stored under this digest, hashed again; None if there is none."""
        ...


class EventAudit:
    """Steps 5 to 9 of the audit, into `report`."""

    def __init__(self, services: Mapping[str, ServicePublicKey], evidence: EvidenceSource | None, report: AuditReport) -> None:
        self.services = services
        self.evidence = evidence
        self.report = report
        self.stamped: set[str] = set()
        self._committed: set[str] = set()
        self._sealed: set[str] = set()

    async def run(self, session: AsyncSession) -> None:
        """Every event in chain order, then what only the whole shows."""
        before: EventRow | None = None
        async for row in _rows(session):
            event = self._check_bytes(row)
            self._check_link(row, before)
            if event is not None and row.organisation_id is not None:
                await self._check_evidence(session, row.organisation_id, event)
            before = row
            self.report.count("events")
        await self._check_places(session)
        await self._check_key_order(session)
        await self._check_states(session)

    def _check_bytes(self, row: EventRow) -> CustodyEvent | None:
        """5. The envelope has its hash and a service key's signature, and the columns say what it says."""
        where, envelope = f"event {row.item}#{row.seq}", bytes(row.envelope)
        if event_sha256(envelope) != row.sha256:
            self.report.fail(where, "the envelope does not have its hash")
        try:
            parsed = parse_envelope(envelope)
            key = self.services.get(parsed.key_id)
            if key is None:
                raise VerificationError(f"signed by key {parsed.key_id[:16]}…, which is not a service key")
            event = parse_event(verify_envelope(parsed, key))
            if event.type == "log.timestamped":
                self.stamped.add(str(event.details.get("tsrSha256")))
        except VerificationError as error:
            self.report.fail(where, str(error))
            return None
        signed = (event.item, event.seq, event.prev, event.type, event.actor, format_time(event.time))
        if signed != (row.item, row.seq, row.prev, row.type, row.actor, format_time(row.time)):
            self.report.fail(where, "the row is not what its envelope signs")
        return event

    def _check_link(self, row: EventRow, before: EventRow | None) -> None:
        """6. Within an item seq counts from 0 and prev is the hash of the event before."""
        follows = before if before is not None and before.item == row.item else None
        expected = (0, None) if follows is None else (follows.seq + 1, follows.sha256)
        if (row.seq, row.prev) != expected:
            reason = f"does not follow number {expected[0] - 1}" if follows else "the first of its chain is missing"
            self.report.fail(f"event {row.item}#{row.seq}", reason)

    async def _check_evidence(self, session: AsyncSession, organisation_id: UUID, event: CustodyEvent) -> None:
        """7. The statement and every sealed artifact are there, byte for byte."""
        if self.evidence is None or event.type not in ("capture.committed", "capture.sealed"):
            return
        try:
            if event.type == "capture.committed":
                capture_id = commit_details(event).capture_id
                self._committed.add(capture_id)
                self._check_statement(await self.evidence.statement(session, capture_id), capture_id, event)
                return
            details = seal_details(event)
        except VerificationError as error:
            self.report.fail(f"event {event.item}#{event.seq}", str(error))
            return
        self._sealed.add(details.capture_id)
        for artifact in details.artifacts:
            row = ArtifactRow(organisation_id, artifact.name, artifact.sha256, artifact.size_bytes)
            await self._check_artifact(self.evidence, details.capture_id, row, "sealed")

    async def _check_artifact(self, evidence: EvidenceSource, capture_id: str, artifact: ArtifactRow, state: str) -> None:
        where = f"capture {capture_id} {artifact.name}"
        try:
            found = await evidence.rehash(artifact.organisation_id, artifact.sha256)
        except StorageError as error:
            self.report.fail(where, f"{state}, but its bytes cannot be read: {error}")
            return
        if found is None:
            self.report.fail(where, f"{state}, but its bytes are gone")
        elif found != Rehashed(artifact.sha256, artifact.size_bytes):
            self.report.fail(where, f"{state}, but its bytes were changed")
        self.report.count("artifacts")

    def _check_statement(self, stored: bytes | None, capture_id: str, event: CustodyEvent) -> None:
        where = f"capture {capture_id}"
        if stored is None:
            self.report.fail(where, "committed, but its statement is gone")
            return
        if hashlib.sha256(stored).hexdigest() != event.subject_sha256 or event.item != capture_item(capture_id):
            self.report.fail(where, "its statement is not the one that was committed")
        if hashlib.sha256(parse_envelope(stored).payload).hexdigest() != capture_id:
            self.report.fail(where, "its id is not the hash of its statement")
        self.report.count("captures")

    async def _check_places(self, session: AsyncSession) -> None:
        """8. Events and leaves are the same set (queued ones aside), and chains run forward in the log."""
        for row in await run_sql(session, _UNLOGGED):
            self.report.fail(f"event {row.sha256}", "neither in the log nor queued for it")
        for row in await run_sql(session, _UNKNOWN_LEAVES):
            self.report.fail(f"leaf {row.place}", "no event has this hash")
        for row in await run_sql(session, _OUT_OF_ORDER):
            self.report.fail(f"event {row.item}#{row.seq}", "stands in the log before the event it follows")

    async def _check_key_order(self, session: AsyncSession) -> None:
        """9a. By log order, every committed capture's key was enrolled before it and not revoked."""
        enrolled: set[str] = set()
        for row in await run_sql(session, _BY_LOG_ORDER):
            try:
                event = parse_event(parse_envelope(bytes(row.envelope)).payload)
                if event.type == "capture.committed":
                    details = commit_details(event)
                    if details.device_key_id not in enrolled:
                        self.report.fail(f"capture {details.capture_id}", "its key was not enrolled when it was logged")
                elif event.type == "key.enrolled":
                    enrolled.add(key_details(event).key_id)
                else:
                    enrolled.discard(key_details(event).key_id)
            except VerificationError as error:
                self.report.fail(f"event {row.type}", str(error))

    async def _check_states(self, session: AsyncSession) -> None:
        """9b. No capture is shown as committed or sealed without its event; what came of one not yet sealed is whole."""
        if self.evidence is None:
            self.report.skip("captures", "their bytes were not looked at")
            return
        async for capture_id, state in self.evidence.states(session):
            if capture_id not in self._committed:
                self.report.fail(f"capture {capture_id}", "no event says it was committed")
            if (state == "sealed") != (capture_id in self._sealed):
                self.report.fail(f"capture {capture_id}", f"shown as {state}, its events say otherwise")
            if state != "sealed":  # what came of it so far
                for artifact in await self.evidence.arrived(session, capture_id):
                    await self._check_artifact(self.evidence, capture_id, artifact, "arrived")


async def _rows(session: AsyncSession) -> AsyncIterator[EventRow]:
    """Events by item and seq, in batches."""
    item, seq = "", -1
    while True:
        after = tuple_(EventRow.item, EventRow.seq) > (item, seq)
        wanted = select(EventRow).where(after).order_by(col(EventRow.item), col(EventRow.seq)).limit(BATCH)
        rows = (await session.exec(wanted)).all()
        if not rows:
            return
        for row in rows:
            yield row
        item, seq = rows[-1].item, rows[-1].seq
        session.expunge_all()
