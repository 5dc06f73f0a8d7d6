"""Rows that let a person see a capture through a case: membership, and exhibits. Here, because every look at a capture asks
them."""

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Column, Index, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from server.db import UtcDateTime


class MemberRole(StrEnum):
    """What a member may do in one case. Somebody of another organisation is never its lead."""

    READER = "reader"
    CONTRIBUTOR = "contributor"
    LEAD = "lead"


class CaseMember(SQLModel, table=True):
    """A person in a case, of whichever organisation. Who left keeps the row, with `ended_at`."""

    __tablename__ = "case_member"

    case_id: uuid.UUID = Field(foreign_key="case_file.id", primary_key=True)
    operator_id: uuid.UUID = Field(foreign_key="operator.id", primary_key=True, index=True)
    organisation_id: uuid.UUID = Field(foreign_key="organisation.id")
    role: str = Field(max_length=16)
    added_by: uuid.UUID = Field(foreign_key="operator.id")
    added_at: datetime = Field(sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class Exhibit(SQLModel, table=True):
    """A capture admitted to a case, numbered from 1; numbers are never given twice. `organisation_id` is whose capture it is."""

    __tablename__ = "exhibit"
    __table_args__ = (
        UniqueConstraint("case_id", "capture_id"),
        Index("ix_exhibit_capture", "capture_id"),
        CheckConstraint("number >= 1", name="ck_exhibit_number"),
    )

    case_id: uuid.UUID = Field(foreign_key="case_file.id", primary_key=True)
    number: int = Field(primary_key=True)
    capture_id: str = Field(foreign_key="capture.capture_id", max_length=64)
    organisation_id: uuid.UUID = Field(foreign_key="organisation.id")
    note: str = Field(default="", sa_column=Column(Text, nullable=False))
    admitted_by: uuid.UUID = Field(foreign_key="operator.id")
    admitted_at: datetime = Field(sa_type=UtcDateTime)
    withdrawn_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    withdrawn_reason: str = Field(default="", sa_column=Column(Text, nullable=False))
