"""Rows of what is made of a case: the object as it was frozen, for whom, why, how far its file is."""

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, Column, Index, Text
from sqlmodel import Field, SQLModel

from server.db import UtcDateTime
from server.exports.models import ExportState


class CaseExport(SQLModel, table=True):
    """One export of a case. `kind`: a name of server/exports/kinds.py. `content`: the frozen object as canonical JSON, from which
    the file follows; `marking`: TLP then.

    `rows_done` counts findings while the file is made. `confirmed_by`: URN of the second person, where the profile needs one.
    `document_id`: the document's own id, which its later versions share.
    """

    __tablename__ = "case_export"
    __table_args__ = (
        Index("ix_case_export_page", "case_id", "requested_at"),
        Index("ix_case_export_document", "document_id"),
    )

    id: uuid.UUID = Field(primary_key=True)
    organisation_id: uuid.UUID = Field(foreign_key="organisation.id")
    case_id: uuid.UUID = Field(foreign_key="case_file.id")
    kind: str = Field(max_length=16)
    document_id: uuid.UUID | None = Field(default=None)
    profile: str = Field(max_length=16)
    marking: str = Field(max_length=20)
    actor: str = Field(max_length=200)
    role: str = Field(max_length=40)
    purpose: str = Field(sa_column=Column(Text, nullable=False))
    recipient: str = Field(sa_column=Column(Text, nullable=False))
    content: str = Field(sa_column=Column(Text, nullable=False))
    content_sha256: str = Field(max_length=64)
    state: str = Field(default=ExportState.QUEUED, max_length=16)
    reason: str = Field(default="", sa_column=Column(Text, nullable=False, server_default=""))
    rows_done: int = Field(default=0)
    requested_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    finished_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))
    file_sha256: str | None = Field(default=None, max_length=64)
    size_bytes: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))
    confirmed_by: str | None = Field(default=None, max_length=200)
    confirmed_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))
