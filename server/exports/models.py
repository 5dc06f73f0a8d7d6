"""Rows of exports: what was asked, by whom, for whom, and how far it got.

An export freezes the ends of its event chains before the bundle is made, so a retry writes the same `data/` bytes and the same
manifest; only the proofs (a later checkpoint) may differ.
"""

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, Column, Index, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from server.db import UtcDateTime


class ExportKind(StrEnum):
    """What is made."""

    BUNDLE = "bundle"
    AUTHORITY = "authority"
    """The bundle inside an export of a case, under the same id: ordered, confirmed and fetched as that export only."""


class ExportState(StrEnum):
    """`failed` carries a reason and can be retried; `ready` has a file."""

    QUEUED = "queued"
    RUNNING = "running"
    READY = "ready"
    FAILED = "failed"


class Export(SQLModel, table=True):
    """One act of handing over. `chains` maps an item (`capture:…`, `device:…`) to the event count frozen for this export."""

    __tablename__ = "export"
    __table_args__ = (Index("ix_export_page", "organisation_id", "requested_at"),)

    id: uuid.UUID = Field(primary_key=True)
    organisation_id: uuid.UUID = Field(foreign_key="organisation.id")
    kind: str = Field(max_length=16)
    actor: str = Field(max_length=200)
    role: str = Field(max_length=40)
    purpose: str = Field(sa_column=Column(Text, nullable=False))
    recipient: str = Field(sa_column=Column(Text, nullable=False))
    state: str = Field(default=ExportState.QUEUED, max_length=16, index=True)
    step: str = Field(default="", max_length=40)
    reason: str = Field(default="", sa_column=Column(Text, nullable=False, server_default=""))
    attempts: int = Field(default=0)
    requested_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    finished_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))
    chains: dict[str, int] | None = Field(default=None, sa_column=Column(JSONB, nullable=True))
    manifest_sha256: str | None = Field(default=None, max_length=64)
    event_sha256: str | None = Field(default=None, max_length=64)
    file_sha256: str | None = Field(default=None, max_length=64)
    size_bytes: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))


class ExportCapture(SQLModel, table=True):
    """One capture of one export, in the order asked."""

    __tablename__ = "export_capture"

    export_id: uuid.UUID = Field(primary_key=True, foreign_key="export.id")
    position: int = Field(primary_key=True)
    capture_id: str = Field(foreign_key="capture.capture_id", max_length=64, index=True)
