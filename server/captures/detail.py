"""One capture as a person reads it: files, checks, chain of custody, and the time bracket with what is still pending."""

import uuid

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.captures.brackets import time_bracket
from server.captures.models import Capture
from server.captures.parts import CaptureParts
from server.captures.reading import artifact_views, newest_checks
from server.captures.scope import require_capture
from server.captures.views import CaptureDetail, EventView, event_purpose
from server.custody.service import RecordedEvent
from server.errors import StoredRecordBroken
from server.operators.actors import SERVICE_URN, Actor
from server.operators.models import Device, Operator
from server.trust.dsse import parse_envelope
from server.trust.errors import VerificationError
from server.trust.events import capture_item, parse_event
from server.trust.statement import CaptureStatement, parse_statement


class Details:
    """Assembles the capture page. Reads only; the caller records the view first."""

    def __init__(self, parts: CaptureParts) -> None:
        self._parts = parts

    async def detail(self, actor: Actor, capture_id: str) -> CaptureDetail:
        """The capture. Raises: NotFound; StoredRecordBroken."""
        async with self._parts.database.session() as session:
            capture = await require_capture(session, actor, capture_id)
            device = await session.get(Device, capture.device_id)
            artifacts = await artifact_views(session, capture)
            checks = await newest_checks(session, capture.capture_id)
        payload, statement = parsed_statement(capture)
        return CaptureDetail(
            capture_id=capture.capture_id,
            state=capture.state,
            title=capture.title,
            url=capture.url,
            host=capture.host,
            mode=capture.mode,
            captured_at=statement.captured_at,
            received_at=capture.received_at,
            sealed_at=capture.sealed_at,
            nonce_state=capture.nonce_state,
            nonce_age_s=capture.nonce_age_s,
            device_id=capture.device_id,
            device_label="" if device is None else device.label,
            device_key_id=capture.device_key_id,
            statement=statement,
            statement_payload=payload,
            artifacts=artifacts,
            checks=checks,
            events=await self.events(capture),
            bracket=await time_bracket(
                self._parts.log, statement, capture.committed_leaf, has_tsa=bool(self._parts.settings.tsas)
            ),
        )

    async def chain(self, actor: Actor, capture_id: str) -> list[RecordedEvent]:
        """The capture's events as stored, by seq. Raises: NotFound."""
        async with self._parts.database.session() as session:
            capture = await require_capture(session, actor, capture_id)
        return await self._parts.custody.chain(capture_item(capture_id), organisation_id=capture.organisation_id)

    async def events(self, capture: Capture) -> tuple[EventView, ...]:
        """The chain with the names of who acted."""
        chain = await self._parts.custody.chain(capture_item(capture.capture_id), organisation_id=capture.organisation_id)
        async with self._parts.database.session() as session:
            names = await _names(session, capture.organisation_id, {event.actor for event in chain})
        return tuple(_event_view(event, names.get(event.actor, event.actor)) for event in chain)

    async def names(self, actor: Actor, urns: set[str]) -> dict[str, str]:
        """URN → name of the organisation's devices and people; "" for the service; absent for anybody else."""
        async with self._parts.database.session() as session:
            return await _names(session, actor.organisation_id, urns)


def parsed_statement(capture: Capture) -> tuple[bytes, CaptureStatement]:
    """The payload bytes and the statement of a stored capture. Raises: StoredRecordBroken."""
    try:
        payload = parse_envelope(capture.statement).payload
        return payload, parse_statement(payload)
    except VerificationError as error:
        raise StoredRecordBroken(table="capture", id=capture.capture_id, reason=error.reason) from error


def _event_view(event: RecordedEvent, label: str) -> EventView:
    try:
        purpose = parse_event(parse_envelope(event.envelope).payload).purpose
    except VerificationError as error:
        raise StoredRecordBroken(table="event", id=event.sha256, reason=error.reason) from error
    return EventView(event.type, event.seq, event.time, event.actor, label, event_purpose(event, purpose), event.sha256)


async def _names(session: AsyncSession, organisation_id: uuid.UUID, urns: set[str]) -> dict[str, str]:
    """URN → name for the organisation's devices and people; "" for the service itself, absent for anybody else."""
    ids = {found for urn in urns if (found := _urn_id(urn)) is not None}
    people = select(Operator.id, Operator.name).where(Operator.organisation_id == organisation_id, col(Operator.id).in_(ids))
    devices = select(Device.id, Device.label).where(Device.organisation_id == organisation_id, col(Device.id).in_(ids))
    named = dict((await session.exec(people)).all()) | dict((await session.exec(devices)).all())
    labels = {urn: named[found] for urn in urns if (found := _urn_id(urn)) is not None and found in named}
    return labels | {SERVICE_URN: ""}


def _urn_id(urn: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(urn.rpartition(":")[2])
    except ValueError:
        return None
