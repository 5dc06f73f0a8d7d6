"""Captures as the audit sees them: states, statements, and blobs hashed again from the store."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.captures.models import Artifact, Blob, Capture
from server.captures.parts import CaptureParts
from server.custody.audit_events import ArtifactRow, Rehashed
from storage.errors import BlobNotFound
from storage.hashing import Sha256, hash_stream

NO_LIMIT = 1 << 62
BATCH = 500


class StoredEvidence:
    """An EvidenceSource over the capture rows and the evidence store."""

    def __init__(self, parts: CaptureParts) -> None:
        self._parts = parts

    async def states(self, session: AsyncSession) -> AsyncIterator[tuple[str, str]]:
        """(capture_id, state) of every capture row, by id, read in batches."""
        after = ""
        while True:
            wanted = select(Capture.capture_id, Capture.state).where(col(Capture.capture_id) > after)
            rows = (await session.exec(wanted.order_by(col(Capture.capture_id)).limit(BATCH))).all()
            for capture_id, state in rows:
                yield capture_id, state
            if len(rows) < BATCH:
                return
            after = rows[-1][0]

    async def statement(self, session: AsyncSession, capture_id: str) -> bytes | None:
        """The stored envelope file, None if the capture has no row."""
        capture = await session.get(Capture, capture_id)
        return None if capture is None else bytes(capture.statement)

    async def arrived(self, session: AsyncSession, capture_id: str) -> Sequence[ArtifactRow]:
        """The artifacts of a capture that the service says it holds, as long as what came: a statement may say otherwise."""
        held = (col(Blob.organisation_id) == Capture.organisation_id) & (col(Blob.sha256) == Artifact.sha256)
        wanted = (
            select(Capture.organisation_id, Artifact.name, Artifact.sha256, Blob.size_bytes)
            .join(Artifact, col(Artifact.capture_id) == Capture.capture_id)
            .join(Blob, held)
            .where(Capture.capture_id == capture_id)
            .order_by(col(Artifact.position))
        )
        return [ArtifactRow(*row) for row in (await session.exec(wanted)).all()]

    async def rehash(self, organisation_id: uuid.UUID, sha256: str) -> Rehashed | None:
        """The blob under this digest, read to its end; None if the store has none. Raises: StorageError."""

        def read() -> Rehashed | None:
            try:
                with self._parts.blobs.open(str(organisation_id), Sha256(sha256)) as stream:
                    return Rehashed(*hash_stream(stream, limit_bytes=NO_LIMIT))
            except BlobNotFound:
                return None

        return await asyncio.to_thread(read)
