"""Rows of handing over: links for recipients, what was opened and fetched through them, receipts, and records of submission.

The custody events are the truth of what happened; these rows are how people find it. Secrets are kept as hashes only.
"""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, LargeBinary, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from server.db import UtcDateTime


class HandoverKind(StrEnum):
    """What a link leads to: an evidence bundle, an export of a case, or the files of one capture."""

    BUNDLE = "bundle"
    CASE_EXPORT = "case_export"
    CAPTURE = "capture"


class HandoverState(StrEnum):
    """What a link does now. `locked`: too many wrong passcodes; `marked`: a case's marking keeps it from the public."""

    EMBARGOED = "embargoed"
    OPEN = "open"
    LOCKED = "locked"
    MARKED = "marked"
    EXPIRED = "expired"
    REVOKED = "revoked"


class Handover(SQLModel, table=True):
    """One link for one recipient. `files`: what can be fetched, frozen when the link was made; `files_sha256`: of their list.

    `opens_at` is the embargo, `expires_at` always set. `wrong_tries` counts wrong passcodes since the last right one.
    """

    __tablename__ = "handover"
    __table_args__ = (
        Index("ix_handover_page", "organisation_id", "created_at"),
        CheckConstraint("opens_at IS NULL OR opens_at < expires_at", name="ck_handover_span"),
        CheckConstraint(
            "(export_id IS NOT NULL)::int + (case_export_id IS NOT NULL)::int + (capture_id IS NOT NULL)::int = 1",
            name="ck_handover_one_thing",
        ),
    )

    id: uuid.UUID = Field(primary_key=True)
    organisation_id: uuid.UUID = Field(foreign_key="organisation.id")
    token_sha256: bytes = Field(sa_column=Column(LargeBinary, nullable=False, unique=True))
    kind: str = Field(max_length=16)
    export_id: uuid.UUID | None = Field(default=None, foreign_key="export.id", index=True)
    case_export_id: uuid.UUID | None = Field(default=None, foreign_key="case_export.id", index=True)
    capture_id: str | None = Field(default=None, foreign_key="capture.capture_id", max_length=64, index=True)
    supplements: uuid.UUID | None = Field(default=None, foreign_key="submission.id")
    profile: str = Field(max_length=16)
    recipient: str = Field(sa_column=Column(Text, nullable=False))
    purpose: str = Field(sa_column=Column(Text, nullable=False))
    contact: str = Field(default="", sa_column=Column(Text, nullable=False))
    message: str = Field(default="", sa_column=Column(Text, nullable=False))
    files: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))
    files_sha256: str = Field(max_length=64)
    passcode_argon2id: str | None = Field(default=None, max_length=200)
    wrong_tries: int = Field(default=0)
    opens_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)
    created_by: uuid.UUID = Field(foreign_key="operator.id")
    created_at: datetime = Field(sa_type=UtcDateTime)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class HandoverVisit(SQLModel, table=True):
    """One opening of a link: its key stands in the addresses of the files for a while, so that no cookie is needed."""

    __tablename__ = "handover_visit"

    key_sha256: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    handover_id: uuid.UUID = Field(foreign_key="handover.id", index=True)
    opened_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)


class HandoverFetch(SQLModel, table=True):
    """A file asked for during a visit, once: ranges and repeats of the same visit are the same download."""

    __tablename__ = "handover_fetch"

    visit: bytes = Field(sa_column=Column("visit", LargeBinary, primary_key=True))
    name: str = Field(primary_key=True, max_length=200)
    handover_id: uuid.UUID = Field(foreign_key="handover.id", index=True)
    sha256: str = Field(max_length=64)
    fetched_at: datetime = Field(sa_type=UtcDateTime)


class Acknowledgement(SQLModel, table=True):
    """A receipt that a recipient gave: `content` is its exact text (JSON), `sha256` the hash that the custody event names."""

    __tablename__ = "handover_acknowledgement"

    id: uuid.UUID = Field(primary_key=True)
    handover_id: uuid.UUID = Field(foreign_key="handover.id", index=True)
    name: str = Field(max_length=200)
    content: str = Field(sa_column=Column(Text, nullable=False))
    sha256: str = Field(max_length=64)
    given_at: datetime = Field(sa_type=UtcDateTime)


class Submission(SQLModel, table=True):
    """That an export went to somebody: which file, to whom, when, how. `contents`: what is in the file, by exhibit, frozen.

    `supplements`: the earlier submission to which this one adds.
    """

    __tablename__ = "submission"
    __table_args__ = (
        Index("ix_submission_page", "organisation_id", "sent_at"),
        CheckConstraint("(export_id IS NULL) <> (case_export_id IS NULL)", name="ck_submission_one_export"),
    )

    id: uuid.UUID = Field(primary_key=True)
    organisation_id: uuid.UUID = Field(foreign_key="organisation.id")
    export_id: uuid.UUID | None = Field(default=None, foreign_key="export.id", index=True)
    case_export_id: uuid.UUID | None = Field(default=None, foreign_key="case_export.id", index=True)
    supplements: uuid.UUID | None = Field(default=None, foreign_key="submission.id")
    profile: str = Field(max_length=16)
    file_sha256: str = Field(max_length=64)
    size_bytes: int = Field(sa_column=Column(BigInteger, nullable=False))
    contents: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    addressee: str = Field(sa_column=Column(Text, nullable=False))
    channel: str = Field(max_length=16)
    note: str = Field(default="", sa_column=Column(Text, nullable=False))
    sent_at: datetime = Field(sa_type=UtcDateTime)
    created_by: uuid.UUID = Field(foreign_key="operator.id")
    created_at: datetime = Field(sa_type=UtcDateTime)


class SubmissionReply(SQLModel, table=True):
    """What came back: a case number at the recipient, a receipt, or both. Added, never changed; the newest case number counts."""

    __tablename__ = "submission_reply"

    id: uuid.UUID = Field(primary_key=True)
    submission_id: uuid.UUID = Field(foreign_key="submission.id", index=True)
    case_number: str = Field(default="", max_length=120)
    receipt: str = Field(default="", sa_column=Column(Text, nullable=False))
    replied_at: datetime = Field(sa_type=UtcDateTime)
    created_by: uuid.UUID = Field(foreign_key="operator.id")
    created_at: datetime = Field(sa_type=UtcDateTime)
