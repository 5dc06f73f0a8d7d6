"""Values that taking in, sealing and reading captures hand over."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NewType

CaptureId = NewType("CaptureId", str)
"""64 lower-case hex digits: SHA-256 of the DSSE payload bytes."""


@dataclass(frozen=True)
class NamedStamp:
    """One timestamp over a challenge's checkpoint: the authority's name and SHA-256 of its TimeStampResp file."""

    tsa: str
    sha256: str


@dataclass(frozen=True)
class Challenge:
    """What a device signs into its next statement. `checkpoint` is None before the log's first checkpoint."""

    nonce: str
    server_time: datetime
    checkpoint: str | None
    checkpoint_sha256: str | None
    timestamps: tuple[NamedStamp, ...]

    @property
    def stamped(self) -> bool:
        """True when at least one authority has stamped the checkpoint."""
        return bool(self.timestamps)


@dataclass(frozen=True)
class Commitment:
    """A committed statement: the receipt (tlog-proof text), the event's envelope file, what has still to be sent."""

    capture_id: CaptureId
    state: str
    receipt: str
    event: str
    missing: tuple[str, ...]
    known: bool


@dataclass(frozen=True)
class Sealing:
    """A sealed capture: the receipt of `capture.sealed` and that event's envelope file."""

    capture_id: CaptureId
    receipt: str
    event: str


@dataclass(frozen=True)
class UploadStatus:
    """A resumable upload: `offset` bytes of `size_bytes` are here; `stored` says the blob is durable under its digest."""

    upload_id: uuid.UUID
    offset: int
    size_bytes: int
    stored: bool


EARLIEST_CLAIM = datetime(2000, 1, 1, tzinfo=UTC)
CLAIM_AHEAD = timedelta(days=366)


def bounded_claim(claimed: datetime, received_at: datetime) -> datetime:
    """What a device's clock says, brought between the year 2000 and a year after the server's time, for columns and sums.

    The statement keeps what the device said; evidence is never refused for a wrong clock.
    """
    return min(max(claimed, EARLIEST_CLAIM), received_at + CLAIM_AHEAD)
