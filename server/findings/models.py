"""Rows of findings and statistics. Versions, reviews, observations and frozen statistics are append-only (triggers in the
migration)."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from server.db import UtcDateTime


class FindingState(StrEnum):
    """Where the newest version stands. `confirmed` and `rejected` are somebody else's word, never the author's."""

    DRAFT = "draft"
    REVIEWED = "reviewed"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"


class Finding(SQLModel, table=True):
    """One finding of a case; `number` counts per case. What it says stands in its versions; `version` is the newest."""

    __tablename__ = "finding"
    __table_args__ = (UniqueConstraint("case_id", "number"), Index("ix_finding_case", "case_id", "state"))

    id: uuid.UUID = Field(default_factory=uuid.uuid4, primary_key=True)
    case_id: uuid.UUID = Field(foreign_key="case_file.id")
    number: int
    type: str = Field(max_length=40)
    state: str = Field(default=FindingState.DRAFT, max_length=16)
    version: int = 1
    created_by: uuid.UUID = Field(foreign_key="operator.id")
    created_at: datetime = Field(sa_type=UtcDateTime)


class FindingVersion(SQLModel, table=True):
    """One version as somebody wrote it: the body as canonical JSON text (its SHA-256 beside it), and who answers for which
    part."""

    __tablename__ = "finding_version"

    finding_id: uuid.UUID = Field(foreign_key="finding.id", primary_key=True)
    version: int = Field(primary_key=True)
    body: str = Field(sa_column=Column(Text, nullable=False))
    body_sha256: str = Field(max_length=64)
    reason: str = Field(sa_column=Column(Text, nullable=False))
    author_id: uuid.UUID = Field(foreign_key="operator.id")
    facts_by: uuid.UUID = Field(foreign_key="operator.id")
    assessment_by: uuid.UUID = Field(foreign_key="operator.id")
    basis_by: uuid.UUID = Field(foreign_key="operator.id")
    created_at: datetime = Field(sa_type=UtcDateTime)


class FindingReview(SQLModel, table=True):
    """A second person's word on one version. `pins` of a confirmation: captures, rules, techniques, cluster, as they were
    then."""

    __tablename__ = "finding_review"
    __table_args__ = (Index("ix_finding_review", "finding_id", "at"),)

    id: int | None = Field(default=None, sa_column=Column(BigInteger, primary_key=True, autoincrement=True))
    finding_id: uuid.UUID = Field(foreign_key="finding.id")
    version: int
    verdict: str = Field(max_length=16)
    note: str = Field(sa_column=Column(Text, nullable=False))
    reviewer_id: uuid.UUID = Field(foreign_key="operator.id")
    at: datetime = Field(sa_type=UtcDateTime)
    pins: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))


class LabelLook(SQLModel, table=True):
    """Somebody looked for a label at `seen_at`: layer 1 poster, 2 platform, 3 community note or fact check, 4 provenance in
    the file.

    `absent` has a capture and a place where one looked; without them it is `not_checked`.
    """

    __tablename__ = "label_look"
    __table_args__ = (
        Index("ix_label_look", "finding_id", "layer", "seen_at"),
        CheckConstraint("layer BETWEEN 1 AND 4", name="ck_label_look_layer"),
    )

    id: int | None = Field(default=None, sa_column=Column(BigInteger, primary_key=True, autoincrement=True))
    finding_id: uuid.UUID = Field(foreign_key="finding.id")
    layer: int
    kind: str = Field(max_length=64)
    state: str = Field(max_length=16)
    place: str = Field(sa_column=Column(Text, nullable=False))
    text: str = Field(sa_column=Column(Text, nullable=False))
    capture_id: str | None = Field(default=None, foreign_key="capture.capture_id", max_length=64)
    seen_at: datetime = Field(sa_type=UtcDateTime)
    author_id: uuid.UUID = Field(foreign_key="operator.id")
    recorded_at: datetime = Field(sa_type=UtcDateTime)


class Statistic(SQLModel, table=True):
    """A number that can be counted again: the question, the unit, the rule against counting twice, and the frozen list it
    came of.

    `n_low` and `n_high` differ only where what is counted is itself a range.
    """

    __tablename__ = "statistic"
    __table_args__ = (
        UniqueConstraint("organisation_id", "number"),
        CheckConstraint("n_low <= n AND n <= n_high", name="ck_statistic_range"),
    )

    id: uuid.UUID = Field(default_factory=uuid.uuid4, primary_key=True)
    organisation_id: uuid.UUID = Field(foreign_key="organisation.id")
    number: int
    label: str = Field(max_length=200)
    unit: str = Field(max_length=16)
    query: str = Field(sa_column=Column(Text, nullable=False))
    dedup_rule: str = Field(sa_column=Column(Text, nullable=False))
    n: int = Field(sa_column=Column(BigInteger, nullable=False))
    n_low: int = Field(sa_column=Column(BigInteger, nullable=False))
    n_high: int = Field(sa_column=Column(BigInteger, nullable=False))
    without_key: int
    ids_sha256: str = Field(max_length=64)
    as_of: datetime = Field(sa_type=UtcDateTime)
    frozen_by: uuid.UUID = Field(foreign_key="operator.id")
    frozen_at: datetime = Field(sa_type=UtcDateTime)


class StatisticItem(SQLModel, table=True):
    """One confirmed version of a finding that a statistic counts, under the key of its unit; `position` from 0 by (key,
    finding)."""

    __tablename__ = "statistic_item"

    statistic_id: uuid.UUID = Field(foreign_key="statistic.id", primary_key=True)
    position: int = Field(primary_key=True)
    key: str = Field(sa_column=Column(Text, nullable=False))
    finding_id: uuid.UUID = Field(foreign_key="finding.id")
    version: int
    body_sha256: str = Field(max_length=64)
