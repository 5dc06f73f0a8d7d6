"""Keeping one artifact: bytes to the spool as they come, hashed once, durable in the blob store, then a row."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime

from sqlalchemy.dialects.postgresql import Insert, insert

from server.captures.errors import DigestRefused, LengthRefused, TooLarge, UploadConflict, UploadLocked
from server.captures.faults import end_faults, has_fault, stored_fault
from server.captures.models import Artifact, Blob
from server.captures.parts import CaptureParts
from server.captures.scope import artifacts_of, require_capture
from server.errors import NotFound
from server.operators.actors import Actor, DeviceActor
from storage.blobs import StoredBlob
from storage.errors import BlobDamaged, BlobTooLarge, OffsetMismatch, UploadBusy
from storage.hashing import CHUNK_BYTES, Sha256
from storage.spool import SpooledFile, SpoolWriter


class Keeping:
    """Streams into the spool and from there into the blob store."""

    def __init__(self, parts: CaptureParts) -> None:
        self._parts = parts

    async def named(self, actor: Actor, capture_id: str, sha256: str) -> Artifact:
        """The artifact of this digest that the capture names. Raises: NotFound (absent, not named, or not the actor's)."""
        async with self._parts.database.session() as session:
            capture = await require_capture(session, actor, capture_id)
            for artifact in await artifacts_of(session, capture.capture_id):
                if artifact.sha256 == sha256:
                    return artifact
        raise NotFound(kind="artifact", id=sha256[:64])

    async def is_kept(self, actor: Actor, sha256: str) -> bool:
        """True if nobody need send the bytes: is_stored(), and no try to seal found anything wrong with them."""
        async with self._parts.database.session() as session:
            if await has_fault(session, actor.organisation_id, sha256):
                return False
        return await self.is_stored(actor, sha256)

    async def is_stored(self, actor: Actor, sha256: str) -> bool:
        """True if the organisation has the blob: its row, and the bytes in the store (a lost blob can be sent again)."""
        async with self._parts.database.session() as session:
            row = await session.get(Blob, (actor.organisation_id, sha256))
        if row is None:
            return False
        return await asyncio.to_thread(self._parts.blobs.stat, str(actor.organisation_id), Sha256(sha256)) is not None

    async def receive(self, upload_id: str, offset: int, chunks: AsyncIterator[bytes]) -> int:
        """Appends a request's body to a spooled upload; gives the new offset. What came before a broken connection stays.

        Bytes are hashed and written in threads, about 1 MiB at a time, one batch behind the network.
        Raises: UploadLocked, UploadConflict, TooLarge (earlier batches stay), UploadNotFound.
        """
        writer = await self._open(upload_id, offset)
        pending: asyncio.Task[int] | None = None
        batch: list[bytes] = []
        size = 0
        try:
            async for chunk in chunks:
                batch.append(chunk)
                size += len(chunk)
                if size >= CHUNK_BYTES:
                    if pending is not None:
                        await pending
                    pending, batch, size = asyncio.create_task(asyncio.to_thread(writer.write, batch)), [], 0
        except BlobTooLarge as error:
            pending, batch = None, []
            raise TooLarge(limit_bytes=error.limit_bytes) from error
        finally:
            await self._flush(writer, pending, batch)
        return writer.offset

    async def _flush(self, writer: SpoolWriter, pending: asyncio.Task[int] | None, batch: list[bytes]) -> None:
        """Writes what is left and closes, whatever happened before; a batch that does not fit raises TooLarge."""
        try:
            if pending is not None:
                await pending
            if batch:
                await asyncio.to_thread(writer.write, batch)
        except BlobTooLarge as error:
            raise TooLarge(limit_bytes=error.limit_bytes) from error
        finally:
            await asyncio.to_thread(writer.close)

    async def _open(self, upload_id: str, offset: int) -> SpoolWriter:
        try:
            return await asyncio.to_thread(self._parts.spool.open, upload_id, offset)
        except UploadBusy as error:
            raise UploadLocked(upload_id=upload_id) from error
        except OffsetMismatch as error:
            raise UploadConflict(upload_offset=error.actual) from error

    async def finish(self, actor: Actor, upload_id: str, artifact: Artifact) -> None:
        """The complete upload as a durable blob with its row; then the spool forgets it. Idempotent: call again after a fault.

        Raises: DigestRefused, LengthRefused (the spool forgets the bytes; nothing is kept); UploadLocked; DeviceRevoked (while
        the bytes came: no row names them until the person's next browser sends them);
        StorageError (outcome unknown, the spooled bytes stay: call again).
        """
        try:
            spooled = await asyncio.to_thread(self._parts.spool.finish, upload_id)
        except UploadBusy as error:
            raise UploadLocked(upload_id=upload_id) from error
        if spooled.sha256 != artifact.sha256:
            await asyncio.to_thread(self._parts.spool.discard, upload_id)
            raise DigestRefused(expected=artifact.sha256, actual=spooled.sha256)
        if spooled.size_bytes != artifact.size_bytes:
            await asyncio.to_thread(self._parts.spool.discard, upload_id)
            raise LengthRefused(expected=artifact.size_bytes, actual=spooled.size_bytes)
        await self._keep(actor, spooled, artifact)
        await asyncio.to_thread(self._parts.spool.discard, upload_id)

    async def _keep(self, actor: Actor, spooled: SpooledFile, artifact: Artifact) -> None:
        """Blob before row: a row never names bytes that are not durable."""

        def put() -> StoredBlob:
            return self._parts.blobs.put_file(
                spooled.path, organisation=str(actor.organisation_id), sha256=spooled.sha256, size_bytes=spooled.size_bytes
            )

        stored = await asyncio.to_thread(put)
        if stored.existed and not await self._was_right(actor, artifact, stored.key):
            stored = replace(stored, existed=False)  # right since a moment ago
        row = blob_row(actor.organisation_id, stored, self._parts.clock.now())
        async with self._parts.database.transaction() as session:
            if isinstance(actor, DeviceActor):  # authenticated when the upload began, which may be an hour ago
                await self._parts.operators.require_active_device(session, actor.device_id)
            await (await session.connection()).execute(row)
            if not stored.existed:
                await end_faults(session, actor.organisation_id, artifact.sha256)

    async def _was_right(self, actor: Actor, artifact: Artifact, key: str) -> bool:
        """Whether nothing was found wrong with the bytes that the store kept instead of these. What it answers for a put need not
        come of reading them.

        Raises: BlobDamaged (they are wrong still, and the store takes no others: calling again at once does not help).
        """
        async with self._parts.database.session() as session:
            if not await has_fault(session, actor.organisation_id, artifact.sha256):
                return True
        reason = await asyncio.to_thread(stored_fault, self._parts.blobs, str(actor.organisation_id), artifact)
        if reason is not None:
            raise BlobDamaged(key, reason)
        return False


def blob_row(organisation_id: uuid.UUID, stored: StoredBlob, stored_at: datetime) -> Insert:
    """The statement that writes the row of a blob that is durable now.

    A row that is there stays when its bytes were there too; bytes that the store had lost, or had damaged, and that were sent
    again are held since now, in the version of now.
    """
    row = insert(Blob).values(
        organisation_id=organisation_id,
        sha256=stored.sha256,
        size_bytes=stored.size_bytes,
        key=stored.key,
        version_id=stored.version_id,
        stored_at=stored_at,
    )
    if stored.existed:
        return row.on_conflict_do_nothing()
    renewed = {"key": stored.key, "version_id": stored.version_id, "stored_at": stored_at}
    return row.on_conflict_do_update(index_elements=["organisation_id", "sha256"], set_=renewed)
