"""Sending artifacts: one PUT for small ones, a resumable upload (tus 1.0.0 with creation and termination) above."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.captures.errors import DigestRefused, LengthRefused, LengthRequired, TooLarge, UploadEnded
from server.captures.keeping import Keeping
from server.captures.models import Artifact, Upload, UploadState
from server.captures.parts import CaptureParts
from server.captures.values import UploadStatus
from server.errors import NotFound
from server.operators.actors import DeviceActor
from storage.errors import OffsetMismatch, StorageError, UploadBusy, UploadNotFound

ABANDONED_AFTER = timedelta(days=7)
PUT_PREFIX = "put-"


class Uploads:
    """Takes artifact bytes from the device that committed the capture, and from no other."""

    def __init__(self, parts: CaptureParts, keeping: Keeping) -> None:
        self._parts = parts
        self._keeping = keeping

    async def put(self, actor: DeviceActor, name: tuple[str, str], length: int | None, chunks: AsyncIterator[bytes]) -> None:
        """Stores the artifact `name` = (capture id, SHA-256) in one go. Repeating is success.

        Raises: NotFound, LengthRequired, TooLarge (above the limit of one PUT), LengthRefused, DigestRefused (nothing is kept);
        StorageError: outcome unknown, send again.
        """
        artifact = await self._keeping.named(actor, *name)
        limit = self._parts.settings.put_limit_bytes
        if length is None:
            raise LengthRequired()
        if length > limit:
            raise TooLarge(limit_bytes=limit)
        if length != artifact.size_bytes:
            raise LengthRefused(expected=artifact.size_bytes, actual=length)
        upload_id = f"{PUT_PREFIX}{uuid.uuid4().hex}"
        await asyncio.to_thread(self._parts.spool.create, upload_id, length)
        try:
            came = await self._keeping.receive(upload_id, 0, chunks)
            if came != length:
                raise LengthRefused(expected=length, actual=came)
            await self._keeping.finish(actor, upload_id, artifact)
        finally:
            await asyncio.to_thread(self._parts.spool.discard, upload_id)

    async def create(self, actor: DeviceActor, capture_id: str, sha256: str, length: int) -> UploadStatus:
        """A resumable upload of the artifact; the one that is open already, if there is one.

        Raises: NotFound, TooLarge, LengthRefused.
        """
        artifact = await self._keeping.named(actor, capture_id, sha256)
        if length > self._parts.settings.upload_limit_bytes:
            raise TooLarge(limit_bytes=self._parts.settings.upload_limit_bytes)
        if length != artifact.size_bytes:
            raise LengthRefused(expected=artifact.size_bytes, actual=length)
        kept = await self._keeping.is_kept(actor, sha256)
        async with self._parts.database.transaction() as session:
            upload = None if kept else await self._open_upload(session, actor, artifact)
            if upload is None:
                upload = Upload(
                    id=uuid.uuid4(),
                    organisation_id=actor.organisation_id,
                    device_id=actor.device_id,
                    capture_id=capture_id,
                    sha256=sha256,
                    size_bytes=length,
                    state=UploadState.STORED if kept else UploadState.OPEN,
                    created_at=self._parts.clock.now(),
                )
                session.add(upload)
        if not kept:
            await asyncio.to_thread(self._parts.spool.create, upload.id.hex, length)
        return await self.status(actor, upload.id)

    async def status(self, actor: DeviceActor, upload_id: uuid.UUID) -> UploadStatus:
        """Where the upload stands. One whose last byte came but whose blob was not stored (a killed server) is finished first.

        Raises: NotFound, UploadEnded, DigestRefused, UploadLocked; StorageError: ask again.
        """
        upload = await self._require(actor, upload_id)
        if upload.state == UploadState.STORED:
            return UploadStatus(upload.id, upload.size_bytes, upload.size_bytes, stored=True)
        if upload.state == UploadState.REFUSED:
            raise UploadEnded(upload_id=str(upload_id))
        state = await asyncio.to_thread(self._parts.spool.state, upload.id.hex)
        if state.offset < upload.size_bytes:
            return UploadStatus(upload.id, state.offset, upload.size_bytes, stored=False)
        return await self._finish(actor, upload)

    async def append(
        self, actor: DeviceActor, upload_id: uuid.UUID, span: tuple[int, int | None], chunks: AsyncIterator[bytes]
    ) -> UploadStatus:
        """Appends a PATCH body; `span` = (Upload-Offset, Content-Length or None). The last byte makes the blob.

        Raises: NotFound, UploadEnded, UploadConflict (wrong offset), UploadLocked (another PATCH), TooLarge, DigestRefused
        (nothing is kept and the upload has ended); StorageError: ask for the status and go on from there.
        """
        upload = await self._require(actor, upload_id)
        offset, length = span
        if upload.state == UploadState.REFUSED:
            raise UploadEnded(upload_id=str(upload_id))
        if length is not None and offset + length > upload.size_bytes:
            raise TooLarge(limit_bytes=upload.size_bytes)
        if upload.state == UploadState.STORED:
            return UploadStatus(upload.id, upload.size_bytes, upload.size_bytes, stored=True)
        reached = await self._keeping.receive(upload.id.hex, offset, chunks)
        if reached < upload.size_bytes:
            return UploadStatus(upload.id, reached, upload.size_bytes, stored=False)
        return await self._finish(actor, upload)

    async def terminate(self, actor: DeviceActor, upload_id: uuid.UUID) -> None:
        """Ends an open upload and forgets its bytes; a stored blob stays. Idempotent. Raises: NotFound."""
        upload = await self._require(actor, upload_id)
        if upload.state == UploadState.OPEN:
            await self._set_state(upload.id, UploadState.REFUSED)
            await asyncio.to_thread(self._parts.spool.discard, upload.id.hex)

    async def clear_abandoned(self) -> int:
        """How many uploads the spool forgot: ended, unknown, or open for longer than a week; and what a killed PUT left behind.

        A PUT that begins in this very moment may lose its place and is answered 503 or 404; the device sends it again.
        """
        cleared = 0
        for upload_id in await asyncio.to_thread(self._parts.spool.upload_ids):
            if await self._is_abandoned(upload_id):
                await asyncio.to_thread(self._parts.spool.discard, upload_id)
                cleared += 1
        return cleared

    async def _is_abandoned(self, upload_id: str) -> bool:
        if upload_id.startswith(PUT_PREFIX):
            return not await asyncio.to_thread(self._is_being_written, upload_id)
        async with self._parts.database.transaction() as session:
            upload = await session.get(Upload, uuid.UUID(hex=upload_id), with_for_update=True)
            if upload is None or upload.state != UploadState.OPEN:
                return True
            if upload.created_at > self._parts.clock.now() - ABANDONED_AFTER:
                return False
            upload.state = UploadState.REFUSED
        return True

    def _is_being_written(self, upload_id: str) -> bool:
        try:
            self._parts.spool.open(upload_id, self._parts.spool.state(upload_id).offset).close()
        except UploadNotFound:
            return False
        except (UploadBusy, OffsetMismatch):
            return True
        return False

    async def _finish(self, actor: DeviceActor, upload: Upload) -> UploadStatus:
        artifact = await self._keeping.named(actor, upload.capture_id, upload.sha256)
        try:
            await self._keeping.finish(actor, upload.id.hex, artifact)
        except (DigestRefused, LengthRefused):
            await self._set_state(upload.id, UploadState.REFUSED)
            raise
        except UploadNotFound as error:  # another process finished it in this moment
            if not await self._keeping.is_stored(actor, upload.sha256):
                raise StorageError("the upload vanished from the spool", key=str(upload.id)) from error
        await self._set_state(upload.id, UploadState.STORED)
        return UploadStatus(upload.id, upload.size_bytes, upload.size_bytes, stored=True)

    async def _require(self, actor: DeviceActor, upload_id: uuid.UUID) -> Upload:
        async with self._parts.database.session() as session:
            upload = await session.get(Upload, upload_id)
        if upload is None or upload.device_id != actor.device_id or upload.organisation_id != actor.organisation_id:
            raise NotFound(kind="upload", id=str(upload_id))
        return upload

    async def _open_upload(self, session: AsyncSession, actor: DeviceActor, artifact: Artifact) -> Upload | None:
        statement = select(Upload).where(
            Upload.device_id == actor.device_id,
            Upload.capture_id == artifact.capture_id,
            Upload.sha256 == artifact.sha256,
            Upload.state == UploadState.OPEN,
        )
        return (await session.exec(statement.with_for_update())).first()

    async def _set_state(self, upload_id: uuid.UUID, state: UploadState) -> None:
        async with self._parts.database.transaction() as session:
            upload = await session.get(Upload, upload_id, with_for_update=True)
            if upload is not None:
                upload.state = state
