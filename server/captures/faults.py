"""What the last try to seal found wrong with stored bytes: run 0 of a capture's checks.

Pages say it without reading a byte. It is the state of a job and no verdict that stays: the next try takes its place, a file that
is sent again and the seal end it. Runs from 1 on are those of the checks after the seal.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

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


async def end_faults(session: AsyncSession, artifact: Artifact) -> None:
    """The bytes of this artifact are new in the store: what was found of the former ones in its capture is over."""
    named = col(Check.subject).in_(_names(artifact.capture_id, artifact.sha256))
    await session.exec(delete(Check).where(col(Check.capture_id) == artifact.capture_id, col(Check.run) == RUN, named))


async def has_fault(session: AsyncSession, capture_id: str, sha256: str) -> bool:
    """True if the last try to seal this capture found something wrong with the bytes of this digest."""
    wanted = select(Check.subject).where(
        Check.capture_id == capture_id, Check.run == RUN, col(Check.subject).in_(_names(capture_id, sha256))
    )
    return (await session.exec(wanted.limit(1))).first() is not None


def _names(capture_id: str, sha256: str) -> SelectOfScalar[str]:
    return select(Artifact.name).where(Artifact.capture_id == capture_id, Artifact.sha256 == sha256)
