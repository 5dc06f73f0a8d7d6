"""Rows of cases: the case, its invitations, notes, timeline, entities, their relations and metrics, and the folded text to
search.

Append-only by meaning: nothing said is overwritten. A note is corrected by another note, a relation withdrawn and made anew.
"""

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, LargeBinary, Text, UniqueConstraint
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlmodel import Field, SQLModel

from server.captures.wordindex import words_index
from server.db import UtcDateTime


class CaseState(StrEnum):
    """An open case takes exhibits and findings; a closed one is read."""

    OPEN = "open"
    CLOSED = "closed"


class Tlp(StrEnum):
    """Traffic Light Protocol 2.0 (FIRST)."""

    CLEAR = "TLP:CLEAR"
    GREEN = "TLP:GREEN"
    AMBER = "TLP:AMBER"
    AMBER_STRICT = "TLP:AMBER+STRICT"
    RED = "TLP:RED"


class EntityKind(StrEnum):
    """What investigators speak of."""

    PLATFORM = "platform"
    ACCOUNT = "account"
    PAGE = "page"
    CHANNEL = "channel"
    POST = "post"
    AD = "ad"
    DOMAIN = "domain"
    ACTOR = "actor"
    NARRATIVE = "narrative"
    NETWORK = "network"
    ELECTION = "election"


class CaseFile(SQLModel, table=True):
    """A case of one organisation. `number` counts per organisation. `election_id`: one of the rule packs' elections."""

    __tablename__ = "case_file"
    __table_args__ = (UniqueConstraint("organisation_id", "number"),)

    id: uuid.UUID = Field(default_factory=uuid.uuid4, primary_key=True)
    organisation_id: uuid.UUID = Field(foreign_key="organisation.id")
    number: int
    title: str = Field(max_length=200)
    summary: str = Field(default="", sa_column=Column(Text, nullable=False))
    tlp: str = Field(default=Tlp.AMBER, max_length=20)
    state: str = Field(default=CaseState.OPEN, max_length=16)
    election_id: str | None = Field(default=None, max_length=80)
    created_by: uuid.UUID = Field(foreign_key="operator.id")
    created_at: datetime = Field(sa_type=UtcDateTime)
    closed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class CaseInvitation(SQLModel, table=True):
    """A link by which somebody of another organisation joins one case, once."""

    __tablename__ = "case_invitation"

    token_sha256: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    case_id: uuid.UUID = Field(foreign_key="case_file.id", index=True)
    role: str = Field(max_length=16)
    created_by: uuid.UUID = Field(foreign_key="operator.id")
    created_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)
    used_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class CaseNote(SQLModel, table=True):
    """Something a member wrote down. `corrects`: the note it takes the place of."""

    __tablename__ = "case_note"

    id: uuid.UUID = Field(default_factory=uuid.uuid4, primary_key=True)
    case_id: uuid.UUID = Field(foreign_key="case_file.id", index=True)
    author_id: uuid.UUID = Field(foreign_key="operator.id")
    text: str = Field(sa_column=Column(Text, nullable=False))
    corrects: uuid.UUID | None = Field(default=None, foreign_key="case_note.id")
    created_at: datetime = Field(sa_type=UtcDateTime)


class CaseMoment(SQLModel, table=True):
    """Something on the case's timeline: a vote, a window, an order, a hearing, a ruling, an outcome. `ends_at`: of a span."""

    __tablename__ = "case_moment"
    __table_args__ = (CheckConstraint("ends_at IS NULL OR ends_at >= at", name="ck_case_moment_span"),)

    id: uuid.UUID = Field(default_factory=uuid.uuid4, primary_key=True)
    case_id: uuid.UUID = Field(foreign_key="case_file.id", index=True)
    kind: str = Field(max_length=16)
    title: str = Field(max_length=200)
    at: datetime = Field(sa_type=UtcDateTime)
    ends_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    source: str = Field(default="", sa_column=Column(Text, nullable=False))
    author_id: uuid.UUID = Field(foreign_key="operator.id")
    created_at: datetime = Field(sa_type=UtcDateTime)


class Entity(SQLModel, table=True):
    """One thing of a case. `external_id` is the platform's own id, always a text: 19 digits must never become a number."""

    __tablename__ = "entity"
    __table_args__ = (
        UniqueConstraint("case_id", "kind", "platform", "external_id"),
        Index("ix_entity_list", "case_id", "kind", "name", "id"),
    )

    id: uuid.UUID = Field(default_factory=uuid.uuid4, primary_key=True)
    case_id: uuid.UUID = Field(foreign_key="case_file.id")
    kind: str = Field(max_length=16)
    platform: str = Field(default="", max_length=40)
    external_id: str = Field(max_length=200)
    name: str = Field(max_length=300)
    url: str = Field(default="", sa_column=Column(Text, nullable=False))
    author_id: uuid.UUID = Field(foreign_key="operator.id")
    created_at: datetime = Field(sa_type=UtcDateTime)


class Relation(SQLModel, table=True):
    """What somebody says of two entities: from where it is known, how sure, by whom. Withdrawn, never changed."""

    __tablename__ = "relation"
    __table_args__ = (
        Index("ix_relation_case", "case_id"),
        Index("ix_relation_new", "case_id", "created_at", "id", postgresql_where=sql("withdrawn_at IS NULL")),
        Index("ix_relation_from", "from_id"),
        Index("ix_relation_to", "to_id"),
    )

    id: uuid.UUID = Field(default_factory=uuid.uuid4, primary_key=True)
    case_id: uuid.UUID = Field(foreign_key="case_file.id")
    kind: str = Field(max_length=32)
    from_id: uuid.UUID = Field(foreign_key="entity.id")
    to_id: uuid.UUID = Field(foreign_key="entity.id")
    source: str = Field(sa_column=Column(Text, nullable=False))
    confidence: str = Field(max_length=16)
    author_id: uuid.UUID = Field(foreign_key="operator.id")
    created_at: datetime = Field(sa_type=UtcDateTime)
    withdrawn_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class Metric(SQLModel, table=True):
    """A number somebody measured or claimed of an entity: always a range (low = high when exact), with unit, window and
    method."""

    __tablename__ = "metric"
    __table_args__ = (
        CheckConstraint("low <= high AND low >= 0", name="ck_metric_range"),
        Index("ix_metric_entity", "entity_id"),
        Index("ix_metric_new", "case_id", "as_of", "id"),
    )

    id: uuid.UUID = Field(default_factory=uuid.uuid4, primary_key=True)
    case_id: uuid.UUID = Field(foreign_key="case_file.id", index=True)
    entity_id: uuid.UUID = Field(foreign_key="entity.id")
    name: str = Field(max_length=40)
    low: int = Field(sa_column=Column(BigInteger, nullable=False))
    high: int = Field(sa_column=Column(BigInteger, nullable=False))
    unit: str = Field(max_length=40)
    window: str = Field(max_length=80)
    method: str = Field(max_length=200)
    claimed_by: str = Field(default="", max_length=80)
    as_of: datetime = Field(sa_type=UtcDateTime)
    source_capture: str | None = Field(default=None, foreign_key="capture.capture_id", max_length=64)
    author_id: uuid.UUID = Field(foreign_key="operator.id")
    created_at: datetime = Field(sa_type=UtcDateTime)


class CaseText(SQLModel, table=True):
    """What is searched of one note, exhibit, entity, moment, finding or deposit: its text, and that text's words and facets
    (server/captures/textquery.py). `organisation_id`: the case's. `words` NULL: of before there was such an index, until
    `holdstill search reindex`; such a text is folded."""

    __tablename__ = "case_text"
    __table_args__ = (
        Index("ix_case_text_ref", "case_id", "kind", "ref"),
        words_index("ix_case_text_words"),
        Index("ix_case_text_new", "case_id", "created_at", "id"),
        Index("ix_case_text_page", "organisation_id", "created_at", "id"),
        Index("ix_case_text_unread", "case_id", postgresql_where=sql("words IS NULL")),
    )

    id: uuid.UUID = Field(default_factory=uuid.uuid4, primary_key=True)
    case_id: uuid.UUID = Field(foreign_key="case_file.id")
    organisation_id: uuid.UUID = Field(foreign_key="organisation.id")
    kind: str = Field(max_length=16)
    ref: str = Field(max_length=80)
    label: str = Field(sa_column=Column(Text, nullable=False))
    text: str = Field(sa_column=Column(Text, nullable=False))
    words: str | None = Field(default=None, sa_column=Column(TSVECTOR, nullable=True))
    posted_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    created_at: datetime = Field(sa_type=UtcDateTime)
