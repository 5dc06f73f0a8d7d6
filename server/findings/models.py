"""Rows of findings, statistics, judgings of imported posts, and the log of activities. Versions, reviews, observations, frozen
statistics and their lists, judged posts and activities are append-only (triggers in the migrations)."""

import uuid
from datetime import date, datetime
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

    `n_low` and `n_high` differ only where what is counted is itself a range; then there is no `n`: nothing stands for a range but
    its two ends. `without_key`: what was asked about and says nothing in this unit.
    """

    __tablename__ = "statistic"
    __table_args__ = (
        UniqueConstraint("organisation_id", "number"),
        CheckConstraint("n_low <= n_high AND (n IS NULL OR (n = n_low AND n = n_high))", name="ck_statistic_range"),
    )

    id: uuid.UUID = Field(default_factory=uuid.uuid4, primary_key=True)
    organisation_id: uuid.UUID = Field(foreign_key="organisation.id")
    number: int
    label: str = Field(max_length=200)
    unit: str = Field(max_length=40)
    query: str = Field(sa_column=Column(Text, nullable=False))
    dedup_rule: str = Field(sa_column=Column(Text, nullable=False))
    n: int | None = Field(sa_column=Column(BigInteger, nullable=True))
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


class StatisticLine(SQLModel, table=True):
    """One reading of a number, or one judged post, that a statistic counts. `key` says all that is counted, `ref` is its row."""

    __tablename__ = "statistic_line"
    __table_args__ = (Index("ix_statistic_line_ref", "ref"),)

    statistic_id: uuid.UUID = Field(foreign_key="statistic.id", primary_key=True)
    position: int = Field(primary_key=True)
    key: str = Field(sa_column=Column(Text, nullable=False))
    ref: uuid.UUID


class JudgingState(StrEnum):
    """Where a judging of imported posts is. Only a done one has counts."""

    QUEUED = "queued"
    DONE = "done"
    FAILED = "failed"


class Judging(SQLModel, table=True):
    """The posts that a case's tables named, judged by one silence window, with the rule's id and version and the window's edges.

    Edges are (earliest, latest), as in server/rules/windows.py. `counts`: place → posts; `reasons`: reason → posts.
    `time_rule`: which of several times counted (server/rules/posttimes.py).
    """

    __tablename__ = "judging"
    __table_args__ = (UniqueConstraint("case_id", "number"),)

    id: uuid.UUID = Field(default_factory=uuid.uuid4, primary_key=True)
    case_id: uuid.UUID = Field(foreign_key="case_file.id")
    number: int
    rule_id: str = Field(max_length=80)
    rule_version: str = Field(max_length=40)
    territory: str = Field(max_length=40)
    election_id: str = Field(max_length=80)
    verified: bool
    time_rule: int = Field(default=1, sa_column_kwargs={"server_default": "1"})
    window: list[str] = Field(sa_column=Column(JSONB, nullable=False))
    state: str = Field(default=JudgingState.QUEUED, max_length=16)
    reason: str = Field(default="", sa_column=Column(Text, nullable=False))
    counts: dict[str, int] = Field(sa_column=Column(JSONB, nullable=False))
    reasons: dict[str, int] = Field(sa_column=Column(JSONB, nullable=False))
    author_id: uuid.UUID = Field(foreign_key="operator.id")
    asked_at: datetime = Field(sa_type=UtcDateTime)
    judged_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class JudgedPost(SQLModel, table=True):
    """One post of a judging: the time that counted, as the rows said it, and the verdict. Kept when the import is undone.

    `posted_at`, `precision_s`, `source` are None and "" where no row gave a time. `sightings`: rows that name the post.
    `beside`: what the id says, in words, where that was never compared as closely as it is written.
    """

    __tablename__ = "judged_post"

    judging_id: uuid.UUID = Field(foreign_key="judging.id", primary_key=True)
    entity_id: uuid.UUID = Field(primary_key=True)
    platform: str = Field(max_length=40)
    post_id: str = Field(max_length=200)
    posted_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    precision_s: float | None = Field(default=None)
    source: str = Field(max_length=32)
    compared: bool
    beside: str = Field(default="", max_length=120, sa_column_kwargs={"server_default": ""})
    place: str = Field(max_length=8)
    margin_s: float
    can_confirm: bool
    reason: str = Field(sa_column=Column(Text, nullable=False))
    sightings: int


class Activity(SQLModel, table=True):
    """One line of the organisation's log of what it did: stated by its author, never counted from evidence, never changed.

    `corrects`: the line it takes the place of; `withdrawn`: it takes that place with nothing. A reach is a range.
    """

    __tablename__ = "activity"
    __table_args__ = (
        UniqueConstraint("organisation_id", "number"),
        UniqueConstraint("corrects"),
        Index("ix_activity_day", "organisation_id", "on_day"),
        CheckConstraint("reach_low <= reach_high AND reach_low >= 0 AND participants >= 0", name="ck_activity_counters"),
    )

    id: uuid.UUID = Field(default_factory=uuid.uuid4, primary_key=True)
    organisation_id: uuid.UUID = Field(foreign_key="organisation.id")
    number: int
    case_id: uuid.UUID | None = Field(default=None, foreign_key="case_file.id")
    on_day: date
    kind: str = Field(max_length=24)
    measure: str = Field(max_length=8)
    text: str = Field(sa_column=Column(Text, nullable=False))
    participants: int | None = Field(default=None)
    reach_low: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))
    reach_high: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))
    languages: str = Field(max_length=200)
    source: str = Field(sa_column=Column(Text, nullable=False))
    corrects: uuid.UUID | None = Field(default=None, foreign_key="activity.id")
    withdrawn: bool = Field(default=False)
    author_id: uuid.UUID = Field(foreign_key="operator.id")
    recorded_at: datetime = Field(sa_type=UtcDateTime)
