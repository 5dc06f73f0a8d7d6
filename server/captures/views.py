"""What people see of captures: rows of the inbox and one capture with its time bracket, checks and custody chain."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from server.captures.models import WorkingCopy
from server.custody.service import RecordedEvent
from server.trust.statement import CaptureStatement

CLOCK_TOLERANCE = timedelta(minutes=1)


@dataclass(frozen=True)
class CaptureQuery:
    """A search: words in title, URL and host (all must occur), one host (its subdomains too), and where the page begins."""

    text: str | None = None
    host: str | None = None
    cursor: str | None = None
    limit: int = 30


@dataclass(frozen=True)
class CaptureSummary:
    """One row of the inbox. captured_at is the device's clock, received_at the server's."""

    capture_id: str
    state: str
    title: str
    url: str
    host: str
    case: str | None
    captured_at: datetime
    received_at: datetime
    device_id: uuid.UUID
    device_label: str
    has_thumbnail: bool
    failed_checks: int


@dataclass(frozen=True)
class CapturePage:
    """One page of a search, newest received first; `next_cursor` is None on the last one."""

    captures: tuple[CaptureSummary, ...]
    next_cursor: str | None


@dataclass(frozen=True)
class ArtifactView:
    """One artifact and whether its bytes are here. `copy` is its working copy for viewing, if one was made."""

    name: str
    role: str
    media_type: str
    sha256: str
    size_bytes: int
    stored: bool
    copy: WorkingCopy | None


@dataclass(frozen=True)
class CheckView:
    """One verdict of the newest run of the checks."""

    name: str
    subject: str
    outcome: str
    reason: str
    checked_at: datetime


@dataclass(frozen=True)
class EventView:
    """One custody event with the names of who acted, for people; the envelope is the evidence."""

    type: str
    seq: int
    time: datetime
    actor: str
    actor_label: str
    purpose: str
    sha256: str


@dataclass(frozen=True)
class ProvedTime:
    """A time that timestamp authorities vouch for: the tightest of their stamps, and who they are."""

    at: datetime
    tsas: tuple[str, ...]


@dataclass(frozen=True)
class TimeBracket:
    """Not before … not after. A missing side has a reason: `none`, `unstamped`, `unknown`; `pending`, `no_tsa`."""

    not_before: ProvedTime | None
    not_before_reason: str
    not_after: ProvedTime | None
    not_after_reason: str

    def contradicts(self, claimed: datetime) -> bool:
        """True when the device's clock lies more than a minute outside the proved times (an unproved side excludes nothing)."""
        early = self.not_before is not None and claimed < self.not_before.at - CLOCK_TOLERANCE
        late = self.not_after is not None and claimed > self.not_after.at + CLOCK_TOLERANCE
        return early or late


@dataclass(frozen=True)
class CaptureDetail:
    """Everything the capture page shows. `events` is the whole chain of `capture:<id>`."""

    capture_id: str
    state: str
    title: str
    url: str
    host: str
    mode: str
    captured_at: datetime
    received_at: datetime
    sealed_at: datetime | None
    nonce_state: str
    nonce_age_s: int | None
    device_id: uuid.UUID
    device_label: str
    device_key_id: str
    statement: CaptureStatement
    statement_payload: bytes
    artifacts: tuple[ArtifactView, ...]
    checks: tuple[CheckView, ...]
    events: tuple[EventView, ...]
    bracket: TimeBracket


def event_purpose(event: RecordedEvent, purpose: str) -> str:
    """The purpose worth showing: the one a person gave, not the service's own word for its step."""
    return purpose if event.type in ("capture.viewed", "capture.downloaded", "capture.exported", "capture.annotated") else ""
