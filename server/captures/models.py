"""Rows of captures: challenges, captures, their artifacts, the blobs behind them, open uploads, checks and working copies.

Append-only by meaning: a capture row changes once (committed → sealed); everything later is a new custody event or a new row.
"""

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, LargeBinary, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from server.db import UtcDateTime


class CaptureState(StrEnum):
    """Where a capture is on its path; `sealed` says every named byte was stored and re-hashed."""

    COMMITTED = "committed"
    SEALED = "sealed"


class NonceState(StrEnum):
    """How the statement's nonce was judged: of ours and younger than 10 minutes, of ours but older, or not one of ours."""

    FRESH = "fresh"
    OLD = "old"
    NONE = "none"


class CheckOutcome(StrEnum):
    """A check that could not run is NOT_CHECKED and never reads as passed."""

    PASSED = "PASSED"
    FAILED = "FAILED"
    NOT_CHECKED = "NOT_CHECKED"


class UploadState(StrEnum):
    """A resumable upload: open, its bytes kept as a blob, or refused (digest mismatch or terminated)."""

    OPEN = "open"
    STORED = "stored"
    REFUSED = "refused"


class Nonce(SQLModel, table=True):
    """One challenge given to one device: single use; remembers which published note went with it."""

    __tablename__ = "nonce"

    value: str = Field(primary_key=True, max_length=64)
    organisation_id: uuid.UUID = Field(foreign_key="organisation.id", index=True)
    device_id: uuid.UUID = Field(foreign_key="device.id")
    issued_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    expires_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    checkpoint_sha256: str | None = Field(default=None, max_length=64)
    used_by: str | None = Field(default=None, max_length=64, unique=True)


class Capture(SQLModel, table=True):
    """One statement as received. `statement` is the exact envelope file; the other columns are read from it for search only."""

    __tablename__ = "capture"
    __table_args__ = (
        Index("ix_capture_page", "organisation_id", "received_at", "capture_id"),
        Index("ix_capture_host", "organisation_id", "host"),
        CheckConstraint("(state = 'sealed') = (sealed_at IS NOT NULL)", name="ck_capture_sealed_at"),
    )

    capture_id: str = Field(primary_key=True, max_length=64)
    organisation_id: uuid.UUID = Field(foreign_key="organisation.id")
    device_id: uuid.UUID = Field(foreign_key="device.id", index=True)
    device_key_id: str = Field(max_length=64)
    statement: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    statement_sha256: str = Field(max_length=64)
    state: str = Field(default=CaptureState.COMMITTED, max_length=16)
    url: str = Field(sa_column=Column(Text, nullable=False))
    final_url: str = Field(sa_column=Column(Text, nullable=False))
    host: str = Field(max_length=255)
    title: str = Field(sa_column=Column(Text, nullable=False))
    mode: str = Field(max_length=16)
    case_label: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    captured_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    received_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    sealed_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))
    nonce_state: str = Field(max_length=8)
    nonce_age_s: int | None = Field(default=None)
    not_before_sha256: str | None = Field(default=None, max_length=64)
    committed_leaf: str = Field(max_length=64)
    sealed_leaf: str | None = Field(default=None, max_length=64)


class Artifact(SQLModel, table=True):
    """One file a statement names, in the statement's order."""

    __tablename__ = "artifact"
    __table_args__ = (UniqueConstraint("capture_id", "name"), Index("ix_artifact_sha256", "sha256"))

    capture_id: str = Field(primary_key=True, foreign_key="capture.capture_id", max_length=64)
    position: int = Field(primary_key=True)
    name: str = Field(max_length=80)
    role: str = Field(max_length=32)
    media_type: str = Field(max_length=127)
    sha256: str = Field(max_length=64)
    size_bytes: int = Field(sa_column=Column(BigInteger, nullable=False))


class Blob(SQLModel, table=True):
    """Bytes durable in the evidence store, once per organisation.

    `wrapped_data_key` and `segment_bytes` are both NULL for plain files, and both set when the stored object is AES-256-GCM in
    segments of that size.
    """

    __tablename__ = "blob"
    __table_args__ = (CheckConstraint("(wrapped_data_key IS NULL) = (segment_bytes IS NULL)", name="ck_blob_sealed_segments"),)

    organisation_id: uuid.UUID = Field(foreign_key="organisation.id", primary_key=True)
    sha256: str = Field(primary_key=True, max_length=64)
    size_bytes: int = Field(sa_column=Column(BigInteger, nullable=False))
    key: str = Field(sa_column=Column(Text, nullable=False))
    version_id: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    stored_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    wrapped_data_key: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    segment_bytes: int | None = Field(default=None)


class Upload(SQLModel, table=True):
    """One tus upload of one artifact; the offset is the spool file's size, never a column."""

    __tablename__ = "upload"

    id: uuid.UUID = Field(primary_key=True)
    organisation_id: uuid.UUID = Field(foreign_key="organisation.id")
    device_id: uuid.UUID = Field(foreign_key="device.id")
    capture_id: str = Field(foreign_key="capture.capture_id", max_length=64, index=True)
    sha256: str = Field(max_length=64)
    size_bytes: int = Field(sa_column=Column(BigInteger, nullable=False))
    state: str = Field(default=UploadState.OPEN, max_length=16)
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class Check(SQLModel, table=True):
    """One verdict of one run of the checks over one capture. Runs count from 1; the newest run is the one shown.

    Run 0 is what the last try to seal found wrong with stored bytes (captures/faults.py): replaced by the next, ended
    by the seal.
    """

    __tablename__ = "capture_check"

    capture_id: str = Field(primary_key=True, foreign_key="capture.capture_id", max_length=64)
    run: int = Field(primary_key=True)
    position: int = Field(primary_key=True)
    name: str = Field(max_length=40)
    subject: str = Field(max_length=80)
    outcome: str = Field(max_length=16)
    reason: str = Field(sa_column=Column(Text, nullable=False))
    checked_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class WorkingCopy(SQLModel, table=True):
    """A derived file (a thumbnail). Never evidence, never exported; can be deleted and made again."""

    __tablename__ = "working_copy"

    capture_id: str = Field(primary_key=True, foreign_key="capture.capture_id", max_length=64)
    kind: str = Field(primary_key=True, max_length=32)
    media_type: str = Field(max_length=127)
    sha256: str = Field(max_length=64)
    size_bytes: int = Field(sa_column=Column(BigInteger, nullable=False))
    width: int
    height: int
    made_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
