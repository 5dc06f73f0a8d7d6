"""Taking in a statement: signed by the device, committed to the log, answered with a receipt."""

import hashlib
from datetime import datetime
from typing import TypedDict
from urllib.parse import urlsplit

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.captures.challenges import Challenges, NonceVerdict
from server.captures.errors import SignatureRefused, StatementRefused, StatementTaken
from server.captures.models import Artifact, Capture, CaptureState
from server.captures.parts import CaptureParts
from server.captures.scope import missing_of, owned_by
from server.captures.texts import keep_stated
from server.captures.values import CaptureId, Commitment, bounded_claim
from server.custody.service import EventDraft
from server.db import lock_for_transaction
from server.errors import StoredRecordBroken
from server.operators.actors import DeviceActor
from server.trust.dsse import parse_envelope, verify_envelope
from server.trust.errors import VerificationError
from server.trust.events import capture_item
from server.trust.keys import DevicePublicKey
from server.trust.statement import CaptureStatement, parse_statement


class Intake:
    """Commits statements. The whole of a commit is one row, its artifacts, one event and one leaf, in one transaction."""

    def __init__(self, parts: CaptureParts, challenges: Challenges) -> None:
        self._parts = parts
        self._challenges = challenges

    async def commit(self, actor: DeviceActor, envelope: bytes) -> Commitment:
        """The receipt of the statement in `envelope` (the exact file, at most 1 MiB). Idempotent per payload.

        A payload that a revoked key of the same operator committed is known too: its own event and receipt are given, and the
        envelope of the revoked key stays the one that is kept. The browser never got that answer and was paired anew since.

        1 parse the envelope and verify this device's signature; 2 parse the statement; 3 known: same event, same leaf;
        4 else nonce, rows, event and leaf in one transaction; 5 after the commit: sequence and prove.
        A failure in 5 leaves the statement committed: sending it again gives the receipt.
        Raises: StatementRefused, SignatureRefused, StatementTaken, NonceUsed, DeviceRevoked, LogRefused.
        """
        payload = verified_payload(actor, envelope)  # 1
        statement = self._read(payload)  # 2
        capture, known = await self._keep(actor, envelope, statement)  # 3, 4
        return await self.commitment(capture, known=known)  # 5

    async def commitment(self, capture: Capture, *, known: bool) -> Commitment:
        """Receipt, event and missing artifacts of a committed capture. Raises: NotSequenced, LogRefused, StoredRecordBroken."""
        async with self._parts.database.session() as session:
            missing = await missing_of(session, capture)
        event = await self._parts.custody.event(capture.committed_leaf)
        if event is None:
            raise StoredRecordBroken(table="event", id=capture.committed_leaf, reason="absent")
        receipt = await self._parts.custody.receipt(event)
        return Commitment(
            capture_id=CaptureId(capture.capture_id),
            state=capture.state,
            receipt=receipt.decode("utf-8"),
            event=event.envelope.decode("utf-8"),
            missing=missing,
            known=known,
        )

    def _read(self, payload: bytes) -> CaptureStatement:
        try:
            statement = parse_statement(payload)
        except VerificationError as error:
            raise StatementRefused(reason=error.reason) from error
        settings = self._parts.settings
        if len(statement.artifacts) > settings.artifacts_limit:
            raise StatementRefused(reason=f"more than {settings.artifacts_limit} artifacts")
        if any(artifact.size_bytes > settings.upload_limit_bytes for artifact in statement.artifacts):
            raise StatementRefused(reason=f"an artifact above {settings.upload_limit_bytes} bytes")
        return statement

    async def _keep(self, actor: DeviceActor, envelope: bytes, statement: CaptureStatement) -> tuple[Capture, bool]:
        async with self._parts.database.transaction() as session:
            await lock_for_transaction(session, f"commit:{statement.capture_id}")
            known = (await session.exec(select(Capture).where(Capture.capture_id == statement.capture_id))).first()
            if known is not None:
                visible = select(Capture).where(Capture.capture_id == statement.capture_id, owned_by(actor))
                if (await session.exec(visible)).first() is None:
                    raise StatementTaken(capture_id=statement.capture_id)
                return known, True
            active = await self._parts.operators.require_active_device(session, actor.device_id)
            nonce = await self._challenges.claim(session, active, statement.nonce, CaptureId(statement.capture_id))
            capture = await self._insert(session, active, envelope, (statement, nonce))
            await keep_stated(session, capture, statement, parse_envelope(envelope).payload)
        return capture, False

    async def _insert(
        self, session: AsyncSession, actor: DeviceActor, envelope: bytes, judged: tuple[CaptureStatement, NonceVerdict]
    ) -> Capture:
        statement, nonce = judged
        statement_sha256 = hashlib.sha256(envelope).hexdigest()
        details = {
            "captureId": statement.capture_id,
            "deviceKeyId": actor.key_id,
            "nonce": nonce.state.value,
            "nonceAgeSeconds": nonce.age_s,
        }
        draft = EventDraft(
            type="capture.committed",
            item=capture_item(statement.capture_id),
            subject_name="statement.dsse.json",
            subject_sha256=statement_sha256,
            purpose="capture",
            details=details,
        )
        event = await self._parts.custody.record(session, actor, draft)
        received_at = self._parts.clock.now()
        capture = Capture(
            capture_id=statement.capture_id,
            organisation_id=actor.organisation_id,
            device_id=actor.device_id,
            device_key_id=actor.key_id,
            statement=envelope,
            statement_sha256=statement_sha256,
            state=CaptureState.COMMITTED,
            received_at=received_at,
            nonce_state=nonce.state,
            nonce_age_s=nonce.age_s,
            committed_leaf=event.sha256,
            **searchable(statement, received_at),
        )
        session.add(capture)
        await session.flush()
        for position, named in enumerate(statement.artifacts):
            session.add(
                Artifact(
                    capture_id=statement.capture_id,
                    position=position,
                    name=named.name,
                    role=named.role,
                    media_type=named.media_type,
                    sha256=named.sha256,
                    size_bytes=named.size_bytes,
                )
            )
        return capture


def verified_payload(actor: DeviceActor, envelope: bytes) -> bytes:
    """The payload of an envelope that this device signed. Raises: StatementRefused (shape), SignatureRefused."""
    try:
        parsed = parse_envelope(envelope)
    except VerificationError as error:
        raise StatementRefused(reason=error.reason) from error
    try:
        return verify_envelope(parsed, DevicePublicKey.from_spki(actor.public_key_der))
    except VerificationError as error:
        raise SignatureRefused(reason=error.reason) from error


class SearchColumns(TypedDict):
    """The columns of a capture row that are copies of what its statement says."""

    url: str
    final_url: str
    host: str
    title: str
    mode: str
    case_label: str | None
    captured_at: datetime
    not_before_sha256: str | None


def searchable(statement: CaptureStatement, received_at: datetime) -> SearchColumns:
    """The columns read from a statement for search and lists. NUL and wild times are kept out; the envelope keeps them."""

    def clean(text: str) -> str:
        return text.replace("\x00", "")

    return {
        "url": clean(statement.url),
        "final_url": clean(statement.final_url),
        "host": host_of(clean(statement.final_url) or clean(statement.url)),
        "title": clean(statement.title),
        "mode": statement.mode,
        "case_label": None if statement.case is None else clean(statement.case),
        "captured_at": bounded_claim(statement.captured_at, received_at),
        "not_before_sha256": None if statement.not_before is None else statement.not_before.checkpoint_sha256,
    }


def host_of(url: str) -> str:
    """The host of `url` in lower case, "" when it has none or is not a URL. At most 255 characters."""
    try:
        return (urlsplit(url).hostname or "").lower()[:255]
    except ValueError:
        return ""
