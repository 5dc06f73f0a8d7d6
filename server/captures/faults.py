"""What the last try to seal found wrong with stored bytes: run 0 of a capture's checks.

Pages say it without reading a byte. It is the state of a job and no verdict that stays: the next try takes its place, a file that
is sent again and the seal end it. Runs from 1 on are those of the checks after the seal.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, delete, tuple_
from sqlalchemy import select as sql_select
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.captures.checks.container import Verdict
from server.captures.models import Artifact, Capture, CaptureState, Check, CheckOutcome
from storage.blobs import BlobStore
from storage.errors import BlobNotFound, BlobTooLarge
from storage.hashing import Sha256, hash_stream

RUN = 0
CHECK = "stored_bytes"
GONE = "the store does not have it any more"
ALTERED = "its stored bytes do not have the SHA-256 that was committed"
UNREADABLE = "its stored bytes could not be read"


def stored_fault(blobs: BlobStore, organisation: str, artifact: Artifact) -> str | None:
    """None when the stored bytes have the artifact's size and digest; else GONE or ALTERED. Blocking.

    Raises: StorageError (could not read: call again).
    """
    try:
        with blobs.open(organisation, Sha256(artifact.sha256)) as stream:
            found = hash_stream(stream, limit_bytes=artifact.size_bytes)
    except BlobNotFound:
        return GONE
    except BlobTooLarge:
        return ALTERED
    return None if found == (artifact.sha256, artifact.size_bytes) else ALTERED


def fault(artifact: Artifact, reason: str) -> Verdict:
    """The verdict over one file: FAILED, or NOT_CHECKED where it could not be read."""
    outcome = CheckOutcome.NOT_CHECKED if reason == UNREADABLE else CheckOutcome.FAILED
    return Verdict(CHECK, artifact.name, outcome, reason)


async def keep_faults(session: AsyncSession, capture: Capture, faults: Sequence[Verdict], at: datetime) -> None:
    """Puts these in the place of what the try before found. The caller has locked the capture; a sealed one keeps none."""
    await session.exec(delete(Check).where(col(Check.capture_id) == capture.capture_id, col(Check.run) == RUN))
    if capture.state == CaptureState.SEALED:
        return
    for position, one in enumerate(faults):
        session.add(Check(capture_id=capture.capture_id, run=RUN, position=position, checked_at=at, **vars(one)))


async def end_faults(session: AsyncSession, organisation_id: uuid.UUID, sha256: str) -> None:
    """The bytes of this digest are new in the store: what was found of the former ones is over, in each capture that names it."""
    await session.exec(delete(Check).where(*_of(organisation_id, sha256)))


async def has_fault(session: AsyncSession, organisation_id: uuid.UUID, sha256: str) -> bool:
    """True if the last try to seal a capture of the organisation found something wrong with the bytes of this digest."""
    return (await session.exec(select(Check.run).where(*_of(organisation_id, sha256)).limit(1))).first() is not None


def _of(organisation_id: uuid.UUID, sha256: str) -> tuple[ColumnElement[bool], ...]:
    named = (
        sql_select(Artifact.capture_id, Artifact.name)  # type: ignore[call-overload]
        .join(Capture, col(Capture.capture_id) == col(Artifact.capture_id))
        .where(col(Capture.organisation_id) == organisation_id, col(Artifact.sha256) == sha256)
    )
    return col(Check.run) == RUN, tuple_(col(Check.capture_id), col(Check.subject)).in_(named)
