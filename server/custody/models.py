"""Rows of custody: one per event, never changed (triggers in the migration)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Column, Identity, LargeBinary, UniqueConstraint
from sqlmodel import Field, SQLModel

from server.db import UtcDateTime


class EventRow(SQLModel, table=True):
    """One custody event: the exact bytes of its envelope file, and copies of what is searched for. The bytes are the truth.

    `sha256` is SHA-256 of `envelope` and, as 32 bytes, the event's leaf. `organisation_id` is None for the log's own events.
    """

    __tablename__ = "event"
    __table_args__ = (UniqueConstraint("item", "seq", name="ux_event_item_seq"),)

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    sha256: str = Field(max_length=64, unique=True)
    organisation_id: UUID | None = Field(default=None, foreign_key="organisation.id", index=True)
    item: str = Field(max_length=200)
    seq: int
    prev: str | None = Field(default=None, max_length=64)
    type: str = Field(max_length=64)
    time: datetime = Field(sa_type=UtcDateTime)
    actor: str = Field(max_length=200)
    envelope: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
