"""The JSON of docs/formats.md section 6, as types. Unknown members of a request are refused."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from server.clock import format_time

Moment = Annotated[datetime, PlainSerializer(format_time, return_type=str)]
Sha256Text = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Request(BaseModel):
    """A request body."""

    model_config = ConfigDict(extra="forbid", str_max_length=4096)


class PairingRequest(Request):
    """A browser asks in."""

    pairing_code: str = Field(max_length=64)
    public_key: str = Field(max_length=1024, description="P-384 SPKI DER, base64")
    label: str = Field(min_length=1, max_length=200)


class PairingAnswer(BaseModel):
    """The browser is in. `token` is shown once."""

    device_id: UUID
    token: str
    log_vkey: str
    service_vkey: str
    origin: str
    server_time: Moment


class StampNamed(BaseModel):
    """A timestamp over the challenge's checkpoint, by the SHA-256 of its TimeStampResp file."""

    tsa: str
    sha256: Sha256Text


class ChallengeAnswer(BaseModel):
    """What the next statement binds itself to."""

    nonce: str
    server_time: Moment
    checkpoint: str | None
    checkpoint_sha256: Sha256Text | None
    stamped: bool
    timestamps: list[StampNamed]


class CommitmentAnswer(BaseModel):
    """A committed statement: tlog-proof text, the event's envelope file, and what has still to be sent."""

    capture_id: Sha256Text
    state: Literal["committed", "sealed"]
    receipt: str
    event: str
    missing: list[Sha256Text]


class SealAnswer(BaseModel):
    """A sealed capture."""

    capture_id: Sha256Text
    state: Literal["sealed"]
    receipt: str
    event: str


class CaptureRow(BaseModel):
    """One capture in a list."""

    model_config = ConfigDict(from_attributes=True)

    capture_id: Sha256Text
    state: Literal["committed", "sealed"]
    title: str
    url: str
    host: str
    case: str | None
    captured_at: Moment
    received_at: Moment
    device_id: UUID
    device_label: str
    failed_checks: int


class CaptureList(BaseModel):
    """One page; `next_cursor` is null on the last."""

    captures: list[CaptureRow]
    next_cursor: str | None


class ArtifactRow(BaseModel):
    """One file of a capture."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    role: str
    media_type: str
    sha256: Sha256Text
    size_bytes: int
    stored: bool


class CheckRow(BaseModel):
    """One verdict of the newest run of the checks; before the seal, of what the last try to seal found."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    subject: str
    outcome: Literal["PASSED", "FAILED", "NOT_CHECKED"]
    reason: str
    checked_at: Moment


class ProvedTimeRow(BaseModel):
    """A time that timestamp authorities vouch for."""

    model_config = ConfigDict(from_attributes=True)

    at: Moment
    tsas: list[str]


class BracketRow(BaseModel):
    """Not before … not after; a side that is null has its reason."""

    model_config = ConfigDict(from_attributes=True)

    not_before: ProvedTimeRow | None
    not_before_reason: str
    not_after: ProvedTimeRow | None
    not_after_reason: str


class CaptureAnswer(BaseModel):
    """One capture."""

    model_config = ConfigDict(from_attributes=True)

    capture_id: Sha256Text
    state: Literal["committed", "sealed"]
    title: str
    url: str
    host: str
    mode: str
    captured_at: Moment
    received_at: Moment
    sealed_at: Moment | None
    nonce_state: Literal["fresh", "old", "none"]
    nonce_age_s: int | None
    device_id: UUID
    device_label: str
    device_key_id: Sha256Text
    artifacts: list[ArtifactRow]
    checks: list[CheckRow]
    bracket: BracketRow


class EventRow(BaseModel):
    """One custody event: `envelope` is the exact text of its file, `sha256` of that text its leaf."""

    seq: int
    type: str
    time: Moment
    sha256: Sha256Text
    envelope: str


class EventList(BaseModel):
    """The chain of a capture, by seq."""

    events: list[EventRow]


class ExportRequest(Request):
    """Captures to hand over."""

    kind: Literal["bundle"]
    captures: list[Sha256Text] = Field(min_length=1, max_length=500)
    purpose: str = Field(min_length=1, max_length=500)
    recipient: str = Field(min_length=1, max_length=500)


class ExportAccepted(BaseModel):
    """The export was queued."""

    export_id: UUID
    state: str


class ExportAnswer(BaseModel):
    """How far an export is; `reason` says why it failed (it can be tried again)."""

    model_config = ConfigDict(from_attributes=True)

    export_id: UUID
    kind: str
    state: Literal["queued", "running", "ready", "failed"]
    step: str
    reason: str
    captures: list[Sha256Text]
    purpose: str
    recipient: str
    requested_at: Moment
    finished_at: Moment | None
    manifest_sha256: Sha256Text | None
    file_sha256: Sha256Text | None
    size_bytes: int | None
