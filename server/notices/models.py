"""Rows of notices. All are append-only (triggers in the migration): where a notice stands follows from its events."""

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, Column, Index, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from server.db import UtcDateTime


class Notice(SQLModel, table=True):
    """One notice of a case to one platform by one route; `number` counts per case. What it says stands in its events."""

    __tablename__ = "notice"
    __table_args__ = (UniqueConstraint("case_id", "number"),)

    id: uuid.UUID = Field(default_factory=uuid.uuid4, primary_key=True)
    case_id: uuid.UUID = Field(foreign_key="case_file.id")
    number: int
    platform: str = Field(max_length=40)
    route: str = Field(max_length=16)
    created_by: uuid.UUID = Field(foreign_key="operator.id")
    created_at: datetime = Field(sa_type=UtcDateTime)


class NoticeEvent(SQLModel, table=True):
    """One event: its body as canonical JSON text with its SHA-256. `recheck_id`: the re-check that it settles."""

    __tablename__ = "notice_event"
    __table_args__ = (UniqueConstraint("notice_id", "seq"), UniqueConstraint("recheck_id"))

    id: int | None = Field(default=None, sa_column=Column(BigInteger, primary_key=True, autoincrement=True))
    notice_id: uuid.UUID = Field(foreign_key="notice.id")
    seq: int
    kind: str = Field(max_length=16)
    body: str = Field(sa_column=Column(Text, nullable=False))
    body_sha256: str = Field(max_length=64)
    recheck_id: uuid.UUID | None = Field(default=None, foreign_key="notice_recheck.id")
    author_id: uuid.UUID = Field(foreign_key="operator.id")
    recorded_at: datetime = Field(sa_type=UtcDateTime)


class NoticeRecheck(SQLModel, table=True):
    """A time at which somebody is to look again. Settled by the one event that names it; until then it is open."""

    __tablename__ = "notice_recheck"
    __table_args__ = (Index("ix_notice_recheck_due", "notice_id", "due_at"),)

    id: uuid.UUID = Field(default_factory=uuid.uuid4, primary_key=True)
    notice_id: uuid.UUID = Field(foreign_key="notice.id")
    name: str = Field(max_length=16)
    due_at: datetime = Field(sa_type=UtcDateTime)
    note: str = Field(max_length=300)
    planned_by: uuid.UUID = Field(foreign_key="operator.id")
    planned_at: datetime = Field(sa_type=UtcDateTime)


class NoticeTable(SQLModel, table=True):
    """A table of times to action, frozen: its rows as JSON, and the list behind it. `last_event`: the last event taken in."""

    __tablename__ = "notice_table"
    __table_args__ = (UniqueConstraint("case_id", "number"),)

    id: uuid.UUID = Field(default_factory=uuid.uuid4, primary_key=True)
    case_id: uuid.UUID = Field(foreign_key="case_file.id")
    number: int
    label: str = Field(max_length=200)
    unit: str = Field(max_length=16)
    rows: str = Field(sa_column=Column(Text, nullable=False))
    ids: str = Field(sa_column=Column(Text, nullable=False))
    ids_sha256: str = Field(max_length=64)
    last_event: int = Field(sa_column=Column(BigInteger, nullable=False))
    frozen_by: uuid.UUID = Field(foreign_key="operator.id")
    frozen_at: datetime = Field(sa_type=UtcDateTime)
