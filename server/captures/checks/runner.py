"""Checks after the seal: opinions about a capture, each with its reason. They never alter or refuse evidence.

A check that cannot run, or breaks, is a NOT_CHECKED row with the reason: nothing here can be read as passed by absence.
"""

import asyncio
import io
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO

from sqlalchemy import func
from sqlmodel import col, select

from server.captures.checks.container import (
    ArchiveContent,
    Verdict,
    check_dates,
    check_digests,
    check_signature,
    check_structure,
    crashed,
    read_content,
)
from server.captures.checks.truth import TruthQuestion, truth_verdicts
from server.captures.detail import parsed_statement
from server.captures.models import Artifact, Capture, CaptureState, Check, CheckOutcome, WorkingCopy
from server.captures.parts import CaptureParts
from server.captures.previews import (
    MEDIA_TYPES,
    PAGEINFO,
    THUMBNAIL,
    DerivedPicture,
    UnreadableImage,
    make_preview,
    make_thumbnail,
    preview_kind,
    read_image_facts,
)
from server.captures.scope import artifacts_of
from server.captures.values import bounded_claim
from server.clock import format_time
from server.custody.service import EventDraft
from server.operators.actors import service_actor
from server.operators.models import Device
from server.trust.events import capture_item
from server.trust.keys import DevicePublicKey
from server.trust.statement import CaptureStatement
from storage.errors import BadContainer, StorageError
from storage.hashing import Sha256, hash_bytes
from storage.wacz import inspect_wacz

logger = logging.getLogger(__name__)
PICTURE_ROLES = ("screenshot.viewport", "screenshot.full", "image")
CLOCK_LIMIT_MS = 5_000


@dataclass(frozen=True)
class _Subject:
    """What the checks look at."""

    capture: Capture
    statement: CaptureStatement
    payload: bytes
    artifacts: tuple[Artifact, ...]
    key: DevicePublicKey


@dataclass(frozen=True)
class _Copy:
    """A working copy to keep."""

    kind: str
    media_type: str
    data: bytes
    width: int
    height: int


class Checks:
    """Runs every check over one capture and keeps the verdicts as rows and as one `capture.checked` event."""

    def __init__(self, parts: CaptureParts) -> None:
        self._parts = parts

    async def run(self, capture_id: str) -> int:
        """The number of the run that was recorded; 0 if the capture is not sealed or a run is there already (a repeated job)."""
        subject = await self._load(capture_id)
        if subject is None:
            return 0
        verdicts, copies = await asyncio.to_thread(self._look, subject)
        for copy in copies:
            await self._keep(subject.capture, copy)
        return await self._record(subject, verdicts)

    async def _load(self, capture_id: str) -> _Subject | None:
        async with self._parts.database.session() as session:
            capture = await session.get(Capture, capture_id)
            if capture is None or capture.state != CaptureState.SEALED:
                return None
            if (await session.exec(select(Check.run).where(Check.capture_id == capture_id).limit(1))).first() is not None:
                return None
            artifacts = tuple(await artifacts_of(session, capture_id))
            device = await session.get_one(Device, capture.device_id)
        key = DevicePublicKey.from_spki(device.public_key_der)
        payload, statement = parsed_statement(capture)
        return _Subject(capture, statement, payload, artifacts, key)

    def _look(self, subject: _Subject) -> tuple[list[Verdict], list[_Copy]]:
        verdicts = [clock_verdict(subject.statement, subject.capture.received_at)]
        copies: list[_Copy] = []
        for artifact in subject.artifacts:
            if artifact.role == "page.wacz":
                verdicts += self._look_at_archive(subject, artifact, copies)
            elif artifact.role in PICTURE_ROLES:
                verdicts.append(self._guarded("image", artifact, self._look_at_picture(subject, artifact, copies)))
        return verdicts + self._look_for_truth(subject), copies

    def _look_for_truth(self, subject: _Subject) -> list[Verdict]:
        def named(role: str) -> tuple[str, Callable[[], BinaryIO]] | None:
            found = next((one for one in subject.artifacts if one.role == role), None)
            return None if found is None else (found.name, lambda: self._open(subject, found))

        return truth_verdicts(TruthQuestion(subject.statement, subject.payload, named("page.wacz"), named("screenshot.viewport")))

    def _look_at_archive(self, subject: _Subject, artifact: Artifact, copies: list[_Copy]) -> list[Verdict]:
        """Four verdicts. One that breaks leaves the others standing."""
        name = artifact.name
        try:
            with self._open(subject, artifact) as stream:
                facts = inspect_wacz(stream)
        except BadContainer as error:
            reason = str(error)[:500]
            rest = ("page_archive_signature", "page_archive_digests", "page_archive_dates")
            unread = [Verdict(one, name, CheckOutcome.NOT_CHECKED, "the archive cannot be read") for one in rest]
            return [Verdict("page_archive", name, CheckOutcome.FAILED, reason), *unread]
        except Exception as error:  # noqa: BLE001 - a broken check is an outcome, not an end of the job
            return [crashed("page_archive", name, error)]

        def dates() -> Verdict:
            with self._open(subject, artifact) as stream:
                content: ArchiveContent = read_content(stream)
            if content.pageinfo is not None:
                copies.append(_Copy(PAGEINFO, "application/json", content.pageinfo, 0, 0))
            return check_dates(name, content, subject.statement, subject.capture.received_at)

        return [
            self._guarded("page_archive", artifact, lambda: check_structure(name, facts)),
            self._guarded("page_archive_signature", artifact, lambda: check_signature(name, facts, subject.key)),
            self._guarded("page_archive_digests", artifact, lambda: check_digests(name, facts)),
            self._guarded("page_archive_dates", artifact, dates),
        ]

    def _look_at_picture(self, subject: _Subject, artifact: Artifact, copies: list[_Copy]) -> Callable[[], Verdict]:
        def look() -> Verdict:
            with self._open(subject, artifact) as stream:
                try:
                    facts = read_image_facts(stream)
                    copies.append(_picture(preview_kind(artifact.position), make_preview(_rewound(stream))))
                    if not any(copy.kind == THUMBNAIL for copy in copies):
                        copies.append(_picture(THUMBNAIL, make_thumbnail(_rewound(stream))))
                except UnreadableImage as error:
                    return Verdict("image", artifact.name, CheckOutcome.FAILED, error.reason)
            if MEDIA_TYPES[facts.format] != artifact.media_type:
                reason = f"stated as {artifact.media_type}, the bytes are {MEDIA_TYPES[facts.format]}"
                return Verdict("image", artifact.name, CheckOutcome.FAILED, reason)
            return Verdict("image", artifact.name, CheckOutcome.PASSED, f"{facts.format}, {facts.width} × {facts.height} pixels")

        return look

    def _guarded(self, check: str, artifact: Artifact, look: Callable[[], Verdict]) -> Verdict:
        """The verdict, or NOT_CHECKED with what broke."""
        try:
            return look()
        except Exception as error:  # noqa: BLE001 - a broken check is an outcome, not an end of the job
            return crashed(check, artifact.name, error)

    def _open(self, subject: _Subject, artifact: Artifact) -> BinaryIO:
        return self._parts.blobs.open(str(subject.capture.organisation_id), Sha256(artifact.sha256))

    async def _keep(self, capture: Capture, copy: _Copy) -> None:
        """Working copies are a convenience: one that cannot be stored is only missing."""
        sha256 = hash_bytes(copy.data)
        organisation = str(capture.organisation_id)

        def put() -> None:
            self._parts.working.put(io.BytesIO(copy.data), organisation=organisation, sha256=sha256, size_bytes=len(copy.data))

        try:
            await asyncio.to_thread(put)
        except StorageError:
            logger.warning("captures.working_copy_not_kept", extra={"capture": capture.capture_id, "kind": copy.kind})
            return
        async with self._parts.database.transaction() as session:
            await session.merge(
                WorkingCopy(
                    capture_id=capture.capture_id,
                    kind=copy.kind,
                    media_type=copy.media_type,
                    sha256=sha256,
                    size_bytes=len(copy.data),
                    width=copy.width,
                    height=copy.height,
                    made_at=self._parts.clock.now(),
                )
            )

    async def _record(self, subject: _Subject, verdicts: list[Verdict]) -> int:
        capture = subject.capture
        async with self._parts.database.transaction() as session:
            await session.get(Capture, capture.capture_id, with_for_update=True)
            newest = select(func.max(col(Check.run))).where(Check.capture_id == capture.capture_id)
            if (await session.exec(newest)).first() is not None:
                return 0
            now = self._parts.clock.now()
            for position, one in enumerate(verdicts):
                row = Check(capture_id=capture.capture_id, run=1, position=position, checked_at=now, **vars(one))
                row.reason = one.reason.replace("\x00", "").encode("utf-8", "replace").decode()[:2000]
                session.add(row)
            draft = EventDraft(
                type="capture.checked",
                item=capture_item(capture.capture_id),
                subject_name="statement.dsse.json",
                subject_sha256=capture.statement_sha256,
                purpose="check",
                details={
                    "captureId": capture.capture_id,
                    "run": 1,
                    "checks": [{"name": one.name, "subject": one.subject, "outcome": one.outcome.value} for one in verdicts],
                },
            )
            await self._parts.custody.record(session, service_actor(capture.organisation_id), draft)
        return 1


def clock_verdict(statement: CaptureStatement, received_at: datetime) -> Verdict:
    """`clock`: how far the device's clock was off when it was measured. Not checked: that the device measured honestly."""
    clock = statement.clock
    if bounded_claim(statement.captured_at, received_at) != statement.captured_at:
        said = f"the device clock said {format_time(statement.captured_at)}, received {format_time(received_at)}"
        return Verdict("clock", "", CheckOutcome.FAILED, said)
    if clock is None:
        return Verdict("clock", "", CheckOutcome.NOT_CHECKED, "the device had no connection to measure its clock against")
    said = f"{clock.offset_ms:+d} ms, measured within ± {clock.round_trip_ms // 2} ms"
    good = abs(clock.offset_ms) <= CLOCK_LIMIT_MS
    return Verdict("clock", "", CheckOutcome.PASSED if good else CheckOutcome.FAILED, said)


def _picture(kind: str, picture: DerivedPicture) -> _Copy:
    return _Copy(kind, "image/webp", picture.data, picture.width, picture.height)


def _rewound(stream: BinaryIO) -> BinaryIO:
    stream.seek(0)
    return stream
