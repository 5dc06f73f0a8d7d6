"""Rows of what was made elsewhere: tables of sightings with what became of each row, and archives taken in as they came.

An archive made elsewhere is no capture and stands in no table of captures: no browser of this service signed it.
"""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKeyConstraint, Index, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from server.db import UtcDateTime


class ImportState(StrEnum):
    """Where an import is. A cancelled or failed one keeps the rows it took: it can be continued, or undone."""

    DRAFT = "draft"
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"
    UNDOING = "undoing"
    UNDONE = "undone"


class TableImport(SQLModel, table=True):
    """One table that was uploaded to a case, how its columns are read, and how far it is.

    `layout`: how the file is read (format, encoding, delimiter, sheet, and how that is known). `mapping`: column name → field.
    `position`: the last row of the file that was dealt with, as a spreadsheet counts (0: none); the rows after it are to come.
    """

    __tablename__ = "table_import"
    __table_args__ = (UniqueConstraint("case_id", "number"), CheckConstraint("position >= 0", name="ck_table_import_position"))

    id: uuid.UUID = Field(default_factory=uuid.uuid4, primary_key=True)
    case_id: uuid.UUID = Field(foreign_key="case_file.id")
    organisation_id: uuid.UUID = Field(foreign_key="organisation.id")
    number: int
    file_name: str = Field(max_length=200)
    sha256: str = Field(max_length=64)
    size_bytes: int = Field(sa_column=Column(BigInteger, nullable=False))
    layout: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    header: list[str] = Field(sa_column=Column(JSONB, nullable=False))
    mapping: dict[str, str] = Field(sa_column=Column(JSONB, nullable=False))
    options: dict[str, str] = Field(sa_column=Column(JSONB, nullable=False))
    state: str = Field(default=ImportState.DRAFT, max_length=16)
    reason: str = Field(default="", sa_column=Column(Text, nullable=False))
    rows_total: int | None = Field(default=None)
    position: int = Field(default=0)
    rows_taken: int = Field(default=0)
    rows_refused: int = Field(default=0)
    things_made: int = Field(default=0)
    author_id: uuid.UUID = Field(foreign_key="operator.id")
    created_at: datetime = Field(sa_type=UtcDateTime)
    started_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    finished_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    undone_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    undone_by: uuid.UUID | None = Field(default=None, foreign_key="operator.id")


class Observation(SQLModel, table=True):
    """What one row says of one entity, kept as said: a later row never changes an earlier one, nor the entity.

    `posted_at`: candidates of server.rules.posttimes as JSON, the one that counts first. `facts`: field → the text as written.
    """

    __tablename__ = "observation"
    __table_args__ = (Index("ix_observation_entity", "entity_id"), Index("ix_observation_account", "account_id"))

    import_id: uuid.UUID = Field(foreign_key="table_import.id", primary_key=True)
    row: int = Field(primary_key=True)
    case_id: uuid.UUID = Field(foreign_key="case_file.id")
    entity_id: uuid.UUID = Field(foreign_key="entity.id")
    account_id: uuid.UUID | None = Field(default=None, foreign_key="entity.id")
    seen_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    seen_precision_s: float | None = Field(default=None)
    seen_by: str = Field(max_length=300)
    country: str = Field(max_length=2)
    posted_at: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))
    facts: dict[str, str] = Field(sa_column=Column(JSONB, nullable=False))


class RowProblem(SQLModel, table=True):
    """Why a row was not taken (`error`), or what is doubtful about one that was (`note`). `value`: the cell as written."""

    __tablename__ = "import_row_problem"

    import_id: uuid.UUID = Field(foreign_key="table_import.id", primary_key=True)
    row: int = Field(primary_key=True)
    position: int = Field(primary_key=True)
    severity: str = Field(max_length=8)
    column_name: str = Field(sa_column=Column(Text, nullable=False))
    value: str = Field(sa_column=Column(Text, nullable=False))
    reason: str = Field(sa_column=Column(Text, nullable=False))


class ImportMade(SQLModel, table=True):
    """That an import made an entity, a relation or a metric. `outcome`: `` while it is there, `removed`, or why an undo kept
    it."""

    __tablename__ = "import_made"
    __table_args__ = (Index("ix_import_made_ref", "ref"),)

    import_id: uuid.UUID = Field(foreign_key="table_import.id", primary_key=True)
    kind: str = Field(primary_key=True, max_length=16)
    ref: uuid.UUID = Field(primary_key=True)
    outcome: str = Field(default="", max_length=32)


class DepositState(StrEnum):
    """Whether the checks of an archive have run."""

    RECEIVED = "received"
    CHECKED = "checked"


class Deposit(SQLModel, table=True):
    """A WARC, WACZ or picture made elsewhere, as it came, numbered per case. Never a capture.

    `said_by`: who says that it is what it is said to be. `tool`, `says`: what the file says of itself. `leaf`: of its
    `case.deposited` event, from which on its existence is proved.
    """

    __tablename__ = "deposit"
    __table_args__ = (
        UniqueConstraint("case_id", "number"),
        ForeignKeyConstraint(["organisation_id", "sha256"], ["blob.organisation_id", "blob.sha256"]),
    )

    id: uuid.UUID = Field(default_factory=uuid.uuid4, primary_key=True)
    case_id: uuid.UUID = Field(foreign_key="case_file.id")
    organisation_id: uuid.UUID = Field(foreign_key="organisation.id")
    number: int
    kind: str = Field(max_length=8)
    file_name: str = Field(max_length=200)
    sha256: str = Field(max_length=64)
    size_bytes: int = Field(sa_column=Column(BigInteger, nullable=False))
    said_by: str = Field(sa_column=Column(Text, nullable=False))
    said_url: str = Field(sa_column=Column(Text, nullable=False))
    note: str = Field(sa_column=Column(Text, nullable=False))
    state: str = Field(default=DepositState.RECEIVED, max_length=16)
    tool: str = Field(default="", sa_column=Column(Text, nullable=False))
    says: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    leaf: str = Field(max_length=64)
    author_id: uuid.UUID = Field(foreign_key="operator.id")
    received_at: datetime = Field(sa_type=UtcDateTime)
    withdrawn_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    withdrawn_reason: str = Field(default="", sa_column=Column(Text, nullable=False))


class DepositCheck(SQLModel, table=True):
    """One verdict over one archive: PASSED, FAILED or NOT_CHECKED, with its reason."""

    __tablename__ = "deposit_check"

    deposit_id: uuid.UUID = Field(foreign_key="deposit.id", primary_key=True)
    position: int = Field(primary_key=True)
    name: str = Field(max_length=40)
    outcome: str = Field(max_length=16)
    reason: str = Field(sa_column=Column(Text, nullable=False))
    checked_at: datetime = Field(sa_type=UtcDateTime)


class DepositRecord(SQLModel, table=True):
    """One of the first records of an archive, for its list. Everything in it is the archive's own claim."""

    __tablename__ = "deposit_record"

    deposit_id: uuid.UUID = Field(foreign_key="deposit.id", primary_key=True)
    position: int = Field(primary_key=True)
    type: str = Field(max_length=32)
    url: str = Field(sa_column=Column(Text, nullable=False))
    status: str = Field(max_length=3)
    media_type: str = Field(max_length=100)
    size_bytes: int = Field(sa_column=Column(BigInteger, nullable=False))
    date: datetime | None = Field(default=None, sa_type=UtcDateTime)
