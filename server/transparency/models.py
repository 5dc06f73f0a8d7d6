"""Rows of the log. leaf, checkpoint, published_note and full tiles are append-only (triggers in the migration)."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Column, Identity, Index, LargeBinary, String, text
from sqlmodel import Field, SQLModel

from server.db import UtcDateTime


class QueuedLeaf(SQLModel, table=True):
    """A leaf whose event row was committed with it and that has no index yet. Deleted by the transaction that gives it one."""

    __tablename__ = "queued_leaf"
    __table_args__ = (CheckConstraint("length(leaf) = 32", name="ck_queued_leaf_length"),)

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    leaf: bytes = Field(sa_column=Column(LargeBinary, nullable=False, unique=True))
    needs_stamp: bool = True


class Leaf(SQLModel, table=True):
    """Leaf `index` of the log: SHA-256 of an event's envelope file. `needs_stamp` is False for stamps of the log itself."""

    __table_args__ = (
        CheckConstraint("length(leaf) = 32", name="ck_leaf_length"),
        Index("ix_leaf_needs_stamp", "index", postgresql_where=text("needs_stamp")),
    )

    index: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    leaf: bytes = Field(sa_column=Column(LargeBinary, nullable=False, unique=True))
    needs_stamp: bool


class Tile(SQLModel, table=True):
    """C2SP tlog-tiles hash tile: `width` x 32 bytes. Grows until 256 wide, then never changes."""

    __table_args__ = (CheckConstraint("width BETWEEN 1 AND 256 AND length(hashes) = width * 32", name="ck_tile_width"),)

    level: int = Field(primary_key=True)
    index: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    width: int
    hashes: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class CheckpointRow(SQLModel, table=True):
    """The one root signed for `size`, and the note with the log's own signature only."""

    __tablename__ = "checkpoint"
    __table_args__ = (CheckConstraint("length(root) = 32", name="ck_checkpoint_root"),)

    size: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    root: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    note: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    created_at: datetime = Field(sa_type=UtcDateTime)


class PublishedNote(SQLModel, table=True):
    """A checkpoint file as it left the house: with the cosignatures it had then."""

    __tablename__ = "published_note"
    __table_args__ = (Index("ix_published_note_size", "size", "cosignatures"),)

    sha256: str = Field(max_length=64, primary_key=True)
    size: int = Field(sa_column=Column(BigInteger, nullable=False))
    cosignatures: int
    note: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    published_at: datetime = Field(sa_type=UtcDateTime)


class TimestampRow(SQLModel, table=True):
    """One wish for a TSA's stamp over one published note, and what became of it.

    pending: asked for; `attempts` tries so far, `reason` says why the last one gave no answer.
    failed: answered, and the answer was refused (`reason`), or a newer note was stamped instead.
    stamped: verified against the pinned roots; `tsr` holds the exact TimeStampResp.
    """

    __tablename__ = "timestamp"
    __table_args__ = (
        CheckConstraint("(state = 'stamped') = (tsr_sha256 IS NOT NULL AND gen_time IS NOT NULL)", name="ck_timestamp_stamped"),
        CheckConstraint("state IN ('pending', 'failed', 'stamped')", name="ck_timestamp_state"),
        Index("ix_timestamp_size", "size", "state"),
        Index("ux_timestamp_open", "note_sha256", "tsa", unique=True, postgresql_where=text("state <> 'failed'")),
    )

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    note_sha256: str = Field(foreign_key="published_note.sha256")
    size: int = Field(sa_column=Column(BigInteger, nullable=False))
    tsa: str = Field(max_length=32)
    state: str = Field(sa_column=Column(String(8), nullable=False))
    reason: str | None = None
    attempts: int = 0
    asked_at: datetime = Field(sa_type=UtcDateTime)
    settled_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    gen_time: datetime | None = Field(default=None, sa_type=UtcDateTime)
    tsr: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    tsr_sha256: str | None = Field(default=None, max_length=64)


class WitnessRow(SQLModel, table=True):
    """What is known of a witness: the size it cosigned last and how the last call went (state, changed in place)."""

    __tablename__ = "witness"

    name: str = Field(primary_key=True, max_length=200)
    size: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    outcome: str = Field(max_length=16, description="PASSED or FAILED")
    reason: str | None = None
    asked_at: datetime = Field(sa_type=UtcDateTime)
