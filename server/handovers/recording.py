"""Custody events of handing over. They name ids, hashes, times and counts; never a token, a passcode or who typed which name."""

import uuid
from collections.abc import Mapping
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from server.captures.models import Capture
from server.custody.service import CustodyService, EventDraft, RecordedEvent
from server.errors import StoredRecordBroken
from server.exports.case_maker import opened_event
from server.exports.case_models import CaseExport
from server.exports.rows import captures_of
from server.handovers.models import Handover
from server.handovers.things import STATEMENT
from server.operators.actors import Actor
from server.trust.dsse import parse_envelope
from server.trust.errors import VerificationError
from server.trust.events import capture_item, parse_event

FILES = "files.json"


def handover_item(handover_id: uuid.UUID) -> str:
    """The chain of a link."""
    return f"handover:{handover_id}"


def details_of(event: RecordedEvent) -> Mapping[str, Any]:
    """What the stored event says besides its place. Raises: StoredRecordBroken."""
    try:
        return parse_event(parse_envelope(event.envelope).payload).details
    except VerificationError as error:
        raise StoredRecordBroken(table="event", id=event.sha256, reason=error.reason) from error


def recipient_actor(row: Handover) -> Actor:
    """Whoever holds the link: pseudonymous, without any right. For events only: no service may be asked in its name."""
    return Actor(row.organisation_id, f"urn:holdstill:handover:{row.id}", "recipient")


async def record(
    session: AsyncSession, custody: CustodyService, actor: Actor, row: Handover, what: tuple[str, dict[str, object]]
) -> RecordedEvent:
    """`handover.<what>` in the link's chain; the subject is the list of files that was handed over."""
    kind, details = what
    facts: dict[str, object] = {"handoverId": str(row.id)}
    draft = EventDraft(f"handover.{kind}", handover_item(row.id), FILES, row.files_sha256, row.purpose, facts | details)
    return await custody.record(session, actor, draft)


async def record_in_capture(
    session: AsyncSession, custody: CustodyService, actor: Actor, row: Handover, what: tuple[str, dict[str, object]]
) -> None:
    """The same act in the capture's own chain, where the link leads to a capture; nothing else."""
    if row.capture_id is None:
        return
    capture = await session.get_one(Capture, row.capture_id)
    details: dict[str, object] = {"handoverId": str(row.id)} | what[1]
    draft = EventDraft(what[0], capture_item(capture.capture_id), STATEMENT, capture.statement_sha256, row.purpose, details)
    await custody.record(session, actor, draft)


async def record_download(session: AsyncSession, custody: CustodyService, row: Handover, file: tuple[str, str]) -> None:
    """A file (name, SHA-256) leaves: in the link's chain, and in that of each capture or of the case it holds."""
    actor, (name, sha256) = recipient_actor(row), file
    facts: dict[str, object] = {"name": name, "sha256": sha256}
    await record(session, custody, actor, row, ("downloaded", facts))
    await record_in_capture(session, custody, actor, row, ("capture.downloaded", facts))
    if row.case_export_id is not None:
        export = await session.get_one(CaseExport, row.case_export_id)
        await custody.record(session, actor, opened_event(export, name))
    if row.export_id is not None:
        for capture_id in sorted(await captures_of(session, row.export_id)):
            capture = await session.get_one(Capture, capture_id)
            more: dict[str, object] = {"exportId": str(row.export_id), "handoverId": str(row.id)}
            draft = EventDraft(
                "capture.downloaded", capture_item(capture_id), STATEMENT, capture.statement_sha256, row.purpose, facts | more
            )
            await custody.record(session, actor, draft)
