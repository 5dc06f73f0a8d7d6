"""Sealing: every named byte is read back and hashed again before the service says that it holds the capture."""

import asyncio
import logging
from datetime import timedelta

from server.captures.checks.container import Verdict
from server.captures.errors import ArtifactDamaged, ArtifactsMissing
from server.captures.faults import UNREADABLE, fault, keep_faults, stored_fault
from server.captures.models import Artifact, Blob, Capture, CaptureState
from server.captures.parts import CHECK_TASK, INDEX_TASK, READ_TASK, CaptureParts
from server.captures.scope import artifacts_of, missing_of, require_capture
from server.captures.values import CaptureId, Sealing
from server.custody.service import EventDraft
from server.db import run_sql
from server.errors import StoredRecordBroken
from server.operators.actors import Actor, DeviceActor, service_actor
from server.trust.events import capture_item
from storage.errors import StorageError

logger = logging.getLogger(__name__)

LEFT_AFTER = timedelta(days=1)
LEFT = "committed for a day and complete, and not sealed"
_LEFT = """
SELECT c.capture_id, c.organisation_id FROM capture c
WHERE c.state = 'committed' AND c.received_at <= :before AND NOT EXISTS (
  SELECT 1 FROM artifact a WHERE a.capture_id = c.capture_id AND NOT EXISTS (
    SELECT 1 FROM blob b WHERE b.organisation_id = c.organisation_id AND b.sha256 = a.sha256 AND b.size_bytes = a.size_bytes
      AND b.stored_at <= :before))
ORDER BY c.received_at, c.capture_id
"""


class Sealer:
    """Turns a committed capture into a sealed one, once."""

    def __init__(self, parts: CaptureParts) -> None:
        self._parts = parts

    async def seal(self, actor: DeviceActor, capture_id: str) -> Sealing:
        """The receipt of `capture.sealed`. Idempotent: a sealed capture gives its receipt again.

        1 every artifact has a blob; 2 every stored byte is hashed again; 3 state, event, leaf and the job of the checks in one
        transaction; 4 after the commit: sequence and prove.
        Raises: NotFound, ArtifactsMissing (never came, or is gone or damaged here), ArtifactDamaged (nothing was sealed),
        DeviceRevoked, LogRefused; StorageError: ask again.
        """
        capture, artifacts = await self._complete(actor, capture_id)  # 1
        if capture.state != CaptureState.SEALED:
            await self._rehash(capture, artifacts)  # 2
            capture = await self._record(actor, capture_id, artifacts)  # 3
        event = await self._parts.custody.event(capture.sealed_leaf or "")
        if event is None:
            raise StoredRecordBroken(table="event", id=capture.sealed_leaf or "", reason="absent")
        receipt = await self._parts.custody.receipt(event)  # 4
        return Sealing(CaptureId(capture.capture_id), receipt.decode("utf-8"), event.envelope.decode("utf-8"))

    async def seal_left(self) -> int:
        """How many captures the service sealed itself: those that lacked no byte for a day and were not sealed.

        Its person was demoted or left, its key was revoked, or it is gone: what is held is evidence all the same. What lacks a
        byte stays committed, for nobody can say what is not here; so does what is damaged, which its page, the log of the service
        and the audit name. A browser that comes back gets the receipt.
        """
        before, sealed = self._parts.clock.now() - LEFT_AFTER, 0
        async with self._parts.database.session() as session:
            rows = await run_sql(session, _LEFT, before=before)
        for row in rows:
            actor = service_actor(row.organisation_id)
            try:
                capture, artifacts = await self._complete(actor, row.capture_id)
                await self._rehash(capture, artifacts)
                await self._record(actor, row.capture_id, artifacts)
                sealed += 1
            except Exception:  # whatever is wrong with this one, the others go on
                logger.exception("captures.left_unsealed", extra={"capture": row.capture_id})
        return sealed

    async def _complete(self, actor: Actor, capture_id: str) -> tuple[Capture, tuple[Artifact, ...]]:
        async with self._parts.database.session() as session:
            capture = await require_capture(session, actor, capture_id)
            artifacts = tuple(await artifacts_of(session, capture.capture_id))
            missing = () if capture.state == CaptureState.SEALED else await missing_of(session, capture)
        if missing:
            raise ArtifactsMissing(capture_id=capture_id, missing=list(missing))
        return capture, artifacts

    async def _rehash(self, capture: Capture, artifacts: tuple[Artifact, ...]) -> None:
        """Returns when every stored byte is what was signed; else what was found is recorded first, for whoever asks later.

        Raises: ArtifactsMissing (gone or damaged here: to be sent again); ArtifactDamaged (the statement gives another length
        than the file of this digest has: no sending helps); StorageError (could not be read: call again).
        """
        faults: list[Verdict] = []
        lost: list[str] = []
        broken: StorageError | None = None
        for artifact in artifacts:
            try:
                reason = await asyncio.to_thread(stored_fault, self._parts.blobs, str(capture.organisation_id), artifact)
            except StorageError as error:
                reason, broken = UNREADABLE, error
            if reason is None:
                continue
            if broken is None and not await self._is_length_held(capture, artifact):
                await self._keep_faults(capture.capture_id, faults)
                raise ArtifactDamaged(sha256=artifact.sha256, reason="another length than stated")
            faults.append(fault(artifact, reason))
            if broken is not None:
                break  # a store that does not answer is not asked for the rest
            lost.append(artifact.sha256)
        if faults:
            await self._keep_faults(capture.capture_id, faults)
        if lost:
            raise ArtifactsMissing(capture_id=capture.capture_id, missing=list(dict.fromkeys(lost)))
        if broken is not None:
            raise broken

    async def _is_length_held(self, capture: Capture, artifact: Artifact) -> bool:
        async with self._parts.database.session() as session:
            blob = await session.get(Blob, (capture.organisation_id, artifact.sha256))
        return blob is None or blob.size_bytes == artifact.size_bytes

    async def _keep_faults(self, capture_id: str, faults: list[Verdict]) -> None:
        async with self._parts.database.transaction() as session:
            capture = await session.get_one(Capture, capture_id, with_for_update=True)
            await keep_faults(session, capture, faults, self._parts.clock.now())

    async def _record(self, actor: Actor, capture_id: str, artifacts: tuple[Artifact, ...]) -> Capture:
        listed = [{"name": one.name, "sha256": one.sha256, "sizeBytes": one.size_bytes} for one in artifacts]
        why = {} if isinstance(actor, DeviceActor) else {"reason": LEFT}
        async with self._parts.database.transaction() as session:
            active = actor
            if isinstance(actor, DeviceActor):
                active = await self._parts.operators.require_active_device(session, actor.device_id)
            capture = await require_capture(session, actor, capture_id, lock=True)
            if capture.state == CaptureState.SEALED:
                return capture
            draft = EventDraft(
                type="capture.sealed",
                item=capture_item(capture.capture_id),
                subject_name="statement.dsse.json",
                subject_sha256=capture.statement_sha256,
                purpose="capture",
                details={"captureId": capture.capture_id, "artifacts": listed} | why,
            )
            event = await self._parts.custody.record(session, active, draft)
            capture.state = CaptureState.SEALED
            capture.sealed_at = self._parts.clock.now()
            capture.sealed_leaf = event.sha256
            session.add(capture)
            await keep_faults(session, capture, (), capture.sealed_at)
            await self._parts.jobs.defer(session, CHECK_TASK, capture_id=capture.capture_id)
            await self._parts.jobs.defer(session, READ_TASK, once=f"{READ_TASK}:{capture_id}", capture_id=capture.capture_id)
            await self._parts.jobs.defer(session, INDEX_TASK, once=f"{INDEX_TASK}:{capture_id}", capture_id=capture.capture_id)
        return capture
