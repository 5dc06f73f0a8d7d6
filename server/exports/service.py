"""Exports as people ask for them: order, progress, the file. Making one is server/exports/bundler.py."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.captures.models import Capture, CaptureState
from server.captures.scope import owned_by
from server.custody.service import EventDraft
from server.errors import BadInput, NotFound
from server.exports.bundler import Bundler
from server.exports.errors import ExportNotReady, ExportRefused
from server.exports.models import Export, ExportCapture, ExportKind, ExportState
from server.exports.parts import EXPORT_TASK, ExportParts
from server.exports.rows import FinishedFile, captures_of, captures_of_each
from server.operators.actors import Actor, OperatorActor
from server.operators.rights import demand, own_rows
from server.operators.roles import Right
from server.trust.events import capture_item, export_item
from storage.hashing import Sha256

TEXT_LIMIT = 500
CAPTURES_LIMIT = 500


@dataclass(frozen=True)
class ExportOrder:
    """What is asked for: capture ids in the order they shall appear, why, and for whom."""

    captures: tuple[str, ...]
    purpose: str
    recipient: str


@dataclass(frozen=True)
class ExportView:
    """How far an export is. `reason` says in one sentence why it failed."""

    export_id: uuid.UUID
    kind: str
    state: str
    step: str
    reason: str
    captures: tuple[str, ...]
    purpose: str
    recipient: str
    requested_at: datetime
    finished_at: datetime | None
    manifest_sha256: str | None
    file_sha256: str | None
    size_bytes: int | None

    @property
    def file_name(self) -> str:
        """The name a person's browser saves the bundle under."""
        return f"holdstill-{self.export_id.hex[:12]}.zip"


@dataclass(frozen=True)
class OpenedFile:
    """A finished file: `open_range` gives a stream (blocking; the caller closes it)."""

    name: str
    size_bytes: int
    sha256: str
    organisation: str
    parts: ExportParts

    def open_range(self, offset: int, length: int) -> BinaryIO:
        """Bytes offset … offset + length of the file."""
        return self.parts.working.open(self.organisation, Sha256(self.sha256), offset=offset, length=length)


class ExportService:
    """Scoped to the actor's organisation."""

    def __init__(self, parts: ExportParts) -> None:
        self._parts = parts
        self.bundler = Bundler(parts)

    async def request(self, actor: Actor, order: ExportOrder, *, queued: bool = True) -> ExportView:
        """Queues a bundle; the job and the order are one transaction. `queued=False`: the caller runs the bundler itself.

        Raises: NotFound, ExportRefused (not sealed), BadInput.
        """
        captures = tuple(dict.fromkeys(order.captures))
        purpose, recipient = _text("purpose", order.purpose), _text("recipient", order.recipient)
        if not 1 <= len(captures) <= CAPTURES_LIMIT:
            raise BadInput(field="captures", reason=f"1 to {CAPTURES_LIMIT}")
        export = Export(
            id=uuid.uuid4(),
            organisation_id=actor.organisation_id,
            kind=ExportKind.BUNDLE,
            actor=actor.urn,
            role=actor.role,
            purpose=purpose,
            recipient=recipient,
            requested_at=self._parts.clock.now(),
        )
        async with self._parts.database.transaction() as session:
            await self._require_sealed(session, actor, captures)
            session.add(export)
            await session.flush()
            for position, capture_id in enumerate(captures):
                session.add(ExportCapture(export_id=export.id, position=position, capture_id=capture_id))
            if queued:
                await self._parts.jobs.defer(session, EXPORT_TASK, export_id=str(export.id))
        return _view(export, captures)

    async def may_bundle(self, actor: Actor, capture_id: str) -> bool:
        """Whether this actor could ask for a bundle of the capture: the right to, and a capture of the own organisation."""
        if Right.DRAFT_AUTHORITY not in actor.rights:
            return False
        async with self._parts.database.session() as session:
            wanted = select(Capture.capture_id).where(owned_by(actor), Capture.capture_id == capture_id)
            return (await session.exec(wanted)).first() is not None

    async def retry(self, actor: Actor, export_id: uuid.UUID) -> ExportView:
        """Queues a failed export again; that somebody did is an event of the export's chain.

        The event is also a new leaf that wants a stamp: a checkpoint that was stamped without its witnesses is
        thereby followed by one that has both. Raises: NotFound; ExportRefused (it has not failed).
        """
        async with self._parts.database.transaction() as session:
            export = await self._require(session, actor, export_id, lock=True)
            if export.state != ExportState.FAILED:
                raise ExportRefused(reason=f"the export is {export.state}")
            export.state, export.reason, export.finished_at = ExportState.QUEUED, "", None
            if export.event_sha256 is not None:
                draft = EventDraft(
                    type="export.retried",
                    item=export_item(str(export.id)),
                    subject_name="manifest-sha256.txt",
                    subject_sha256=export.manifest_sha256 or "",
                    purpose=export.purpose,
                )
                await self._parts.custody.record(session, actor, draft)
            captures = await captures_of(session, export.id)
            await self._parts.jobs.defer(session, EXPORT_TASK, export_id=str(export.id))
        return _view(export, captures)

    async def read(self, actor: Actor, export_id: uuid.UUID) -> ExportView:
        """One export. Raises: NotFound."""
        async with self._parts.database.session() as session:
            export = await self._require(session, actor, export_id)
            return _view(export, await captures_of(session, export.id))

    async def recent(self, actor: Actor, *, capture_id: str | None = None, limit: int = 50) -> list[ExportView]:
        """The organisation's latest exports, of one capture if given, newest first."""
        wanted = select(Export).where(Export.organisation_id == actor.organisation_id, Export.kind == ExportKind.BUNDLE)
        if capture_id is not None:
            holding = select(ExportCapture.export_id).where(ExportCapture.capture_id == capture_id.replace("\x00", ""))
            wanted = wanted.where(col(Export.id).in_(holding))
        async with self._parts.database.session() as session:
            exports = (await session.exec(wanted.order_by(col(Export.requested_at).desc(), col(Export.id)).limit(limit))).all()
            captures = await captures_of_each(session, [export.id for export in exports])
            return [_view(export, captures.get(export.id, ())) for export in exports]

    async def finished(self, actor: OperatorActor, *, limit: int) -> list[FinishedFile]:
        """The organisation's finished bundles, newest first. Raises: Forbidden."""
        demand(actor, Right.DRAFT_AUTHORITY)
        wanted = select(Export.id, Export.kind, Export.recipient, Export.requested_at).where(
            own_rows(actor, Export.organisation_id), Export.kind == ExportKind.BUNDLE, Export.state == ExportState.READY
        )
        async with self._parts.database.session() as session:
            found = await session.exec(wanted.order_by(col(Export.requested_at).desc(), col(Export.id)).limit(limit))
            return [FinishedFile(*row) for row in found.all()]

    async def find_file(self, actor: Actor, export_id: uuid.UUID) -> OpenedFile:
        """The finished bundle's facts. Raises: NotFound; ExportNotReady."""
        async with self._parts.database.session() as session:
            return self._opened(await self._require(session, actor, export_id))

    async def open_file(self, actor: Actor, export_id: uuid.UUID) -> OpenedFile:
        """The finished bundle; `capture.downloaded` is recorded for each capture in it. Raises: NotFound; ExportNotReady."""
        async with self._parts.database.transaction() as session:
            export = await self._require(session, actor, export_id)
            opened = self._opened(export)
            for capture_id in sorted(await captures_of(session, export.id)):
                capture = await session.get_one(Capture, capture_id)
                draft = EventDraft(
                    type="capture.downloaded",
                    item=capture_item(capture_id),
                    subject_name="statement.dsse.json",
                    subject_sha256=capture.statement_sha256,
                    purpose=export.purpose,
                    details={"name": opened.name, "sha256": opened.sha256, "exportId": str(export.id)},
                )
                await self._parts.custody.record(session, actor, draft)
        return opened

    def _opened(self, export: Export) -> OpenedFile:
        if export.state != ExportState.READY or export.file_sha256 is None or export.size_bytes is None:
            raise ExportNotReady(export_id=str(export.id), state=export.state, reason=export.reason)
        name = _view(export, ()).file_name
        return OpenedFile(name, export.size_bytes, export.file_sha256, str(export.organisation_id), self._parts)

    async def _require(self, session: AsyncSession, actor: Actor, export_id: uuid.UUID, *, lock: bool = False) -> Export:
        mine = (Export.organisation_id == actor.organisation_id, Export.kind == ExportKind.BUNDLE)
        wanted = select(Export).where(Export.id == export_id, *mine)
        export = (await session.exec(wanted.with_for_update() if lock else wanted)).first()
        if export is None:
            raise NotFound(kind="export", id=str(export_id))
        return export

    async def _require_sealed(self, session: AsyncSession, actor: Actor, captures: tuple[str, ...]) -> None:
        wanted = select(Capture.capture_id, Capture.state).where(owned_by(actor), col(Capture.capture_id).in_(captures))
        states = dict((await session.exec(wanted)).all())
        for capture_id in captures:
            if capture_id not in states:
                raise NotFound(kind="capture", id=capture_id[:64])
        unsealed = [capture_id for capture_id in captures if states[capture_id] != CaptureState.SEALED]
        if unsealed:
            raise ExportRefused(reason="not sealed yet", captures=unsealed)


def _text(field: str, value: str) -> str:
    text = " ".join(value.split())
    if not text or len(text) > TEXT_LIMIT or not text.isprintable():
        raise BadInput(field=field, reason=f"1 to {TEXT_LIMIT} printable characters")
    return text


def _view(export: Export, captures: tuple[str, ...]) -> ExportView:
    return ExportView(
        export_id=export.id,
        kind=export.kind,
        state=export.state,
        step=export.step,
        reason=export.reason,
        captures=captures,
        purpose=export.purpose,
        recipient=export.recipient,
        requested_at=export.requested_at,
        finished_at=export.finished_at,
        manifest_sha256=export.manifest_sha256,
        file_sha256=export.file_sha256,
        size_bytes=export.size_bytes,
    )
