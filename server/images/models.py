"""Rows of images: pictures, how they were read, where they were seen, their codes and edges, clusters and people's decisions.

Append-only by trigger, but for two tables that can be made again: `image_copy` (what matching reads, thumbnails) and
`image_member` (the partition, which follows from edges and decisions). Every row belongs to one organisation.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, Column, Float, ForeignKey, Identity, Index, Integer, LargeBinary, Text
from sqlalchemy import UniqueConstraint as Unique
from sqlalchemy.dialects.postgresql import BIT, JSONB
from sqlmodel import Field, SQLModel

from server.db import UtcDateTime


def _number(table: str | None = None, **options: Any) -> Column[int]:
    """A bigint: an identity of its own, or a reference to another table's."""
    if table is None:
        return Column(BigInteger, Identity(always=True), primary_key=True)
    return Column(BigInteger, ForeignKey(f"{table}.id"), **{"nullable": False, **options})


def _moment() -> Column[datetime]:
    return Column(UtcDateTime, nullable=False)


class Pipeline(SQLModel, table=True):
    """A program that makes codes (pipeline) or edges and partitions (rules), by its whole name: server.media.pipeline."""

    __tablename__ = "image_pipeline"

    id: int | None = Field(default=None, sa_column=_number())
    name: str = Field(sa_column=Column(Text, nullable=False, unique=True))


class Image(SQLModel, table=True):
    """One distinct picture file of an organisation, by SHA-256. kind: `file`, `screenshot` (whole), `crop` (box of a screenshot).

    A crop is no file of its own: its digest is that of the screenshot's digest and the box.
    """

    __tablename__ = "image"
    __table_args__ = (
        Unique("organisation_id", "sha256", name="ux_image_sha256"),
        CheckConstraint("kind IN ('file', 'screenshot', 'crop')", name="ck_image_kind"),
    )

    id: int | None = Field(default=None, sa_column=_number())
    organisation_id: UUID = Field(foreign_key="organisation.id")
    sha256: str = Field(max_length=64)
    kind: str = Field(max_length=16)
    size_bytes: int = Field(sa_column=Column(BigInteger, nullable=False))
    first_indexed_at: datetime = Field(sa_column=_moment())


class Reading(SQLModel, table=True):
    """What came of reading a picture with a pipeline. outcome: `read`, or why not (decode.OUTCOMES, reader.OUTCOMES)."""

    __tablename__ = "image_reading"
    __table_args__ = (
        Unique("image_id", "pipeline_id", name="ux_image_reading"),
        Index("ix_image_reading_tail", "organisation_id", "pipeline_id", "id"),
    )

    id: int | None = Field(default=None, sa_column=_number())
    organisation_id: UUID = Field(foreign_key="organisation.id")
    image_id: int = Field(sa_column=_number("image"))
    pipeline_id: int = Field(sa_column=_number("image_pipeline"))
    outcome: str = Field(max_length=32)
    reason: str = Field(sa_column=Column(Text, nullable=False))
    format: str = Field(max_length=16)
    width: int
    height: int
    notes: list[str] = Field(sa_column=Column(JSONB, nullable=False))
    read_at: datetime = Field(sa_column=_moment())


class SignalReading(SQLModel, table=True):
    """What a picture file's own bytes say about its origin, read once by each reader (server.media.provenance.reader_id).

    signals: the list of server.media.provenance.signals.Signal as JSON; empty where `problem` says why there is none.
    """

    __tablename__ = "image_signals"
    __table_args__ = (Unique("image_id", "reader", name="ux_image_signals"),)

    id: int | None = Field(default=None, sa_column=_number())
    organisation_id: UUID = Field(foreign_key="organisation.id")
    image_id: int = Field(sa_column=_number("image"))
    reader: str = Field(sa_column=Column(Text, nullable=False))
    signals: list[dict[str, str]] = Field(sa_column=Column(JSONB, nullable=False))
    problem: str = Field(sa_column=Column(Text, nullable=False))
    read_at: datetime = Field(sa_column=_moment())


class Copy(SQLModel, table=True):
    """Working copies of one picture: the look for verification, the part of it that the index holds, a thumbnail (WebP)."""

    __tablename__ = "image_copy"

    reading_id: int = Field(sa_column=_number("image_reading", primary_key=True))
    look: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    indexed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    thumbnail: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class Sighting(SQLModel, table=True):
    """One instance: an image at an address and place in a capture. box: x, y, width, height in CSS pixels of the page, or NULL.

    source: `network`, `picked`, `screenshot`, `box`, `upload`. platform is the page's; post and account stand only where
    the page's own data ties them to this image. NULL means not known.
    """

    __tablename__ = "image_sighting"
    __table_args__ = (
        Unique("capture_id", "artifact", "source", "url_sha256", "ordinal", "image_id", name="ux_image_sighting"),
        Index("ix_image_sighting_image", "organisation_id", "image_id"),
    )

    id: int | None = Field(default=None, sa_column=_number())
    organisation_id: UUID = Field(foreign_key="organisation.id")
    image_id: int = Field(sa_column=_number("image"))
    capture_id: str = Field(foreign_key="capture.capture_id", max_length=64)
    artifact: str = Field(max_length=80)
    source: str = Field(max_length=16)
    url: str = Field(sa_column=Column(Text, nullable=False))
    url_sha256: str = Field(max_length=64)
    ordinal: int
    frame_url: str = Field(sa_column=Column(Text, nullable=False))
    box: list[float] | None = Field(default=None, sa_column=Column(ARRAY(Float), nullable=True))
    platform: str | None = Field(default=None, max_length=64)
    account: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    post: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    captured_at: datetime = Field(sa_column=_moment())
    received_at: datetime = Field(sa_column=_moment())


class Indexing(SQLModel, table=True):
    """That a capture was indexed with a pipeline; `reason` says what was left out (each picture has its own outcome)."""

    __tablename__ = "image_indexing"

    capture_id: str = Field(primary_key=True, foreign_key="capture.capture_id", max_length=64)
    pipeline_id: int = Field(sa_column=_number("image_pipeline", primary_key=True))
    organisation_id: UUID = Field(foreign_key="organisation.id")
    outcome: str = Field(max_length=16)
    reason: str = Field(sa_column=Column(Text, nullable=False))
    pictures: int
    unread: int
    indexed_at: datetime = Field(sa_column=_moment())


class Code(SQLModel, table=True):
    """A distinct code. 64-bit codes fill the first 64 bits. slots: 16 keys of 16 permuted bits, NULL when it is not searched."""

    __tablename__ = "image_code"
    __table_args__ = (
        Unique("organisation_id", "pipeline_id", "kind", "bits", name="ux_image_code"),
        Index("ix_image_code_slots", "slots", postgresql_using="gin", postgresql_with={"fastupdate": "off"}),
        CheckConstraint("slots IS NULL OR cardinality(slots) = 16", name="ck_image_code_slots"),
    )

    id: int | None = Field(default=None, sa_column=_number())
    organisation_id: UUID = Field(foreign_key="organisation.id")
    pipeline_id: int = Field(sa_column=_number("image_pipeline"))
    kind: str = Field(max_length=16)
    bits: str = Field(sa_column=Column(BIT(256), nullable=False))
    slots: list[int] | None = Field(default=None, sa_column=Column(ARRAY(Integer), nullable=True))


class CodeUse(SQLModel, table=True):
    """An image has this code: of its whole frame (region 0) or of the n-th picture found in it. quality: PDQ's, 0..100."""

    __tablename__ = "image_code_use"
    __table_args__ = (Index("ix_image_code_use_image", "image_id"),)

    code_id: int = Field(sa_column=_number("image_code", primary_key=True))
    image_id: int = Field(sa_column=_number("image", primary_key=True))
    region: int = Field(primary_key=True)
    quality: int
    box: list[float] | None = Field(default=None, sa_column=Column(ARRAY(Float), nullable=True))


class Edge(SQLModel, table=True):
    """Two images compared by a pipeline: what the first (query) is to the second (known), with the evidence.

    `none`: compared and not related, kept so that a partition can be made again without a picture. matrix: 2 x 3, row by row,
    maps the query's coordinates to the known picture's, both as shares of the longer side.
    """

    __tablename__ = "image_edge"
    __table_args__ = (
        Unique("query_id", "known_id", "pipeline_id", name="ux_image_edge"),
        Index("ix_image_edge_known", "known_id"),
        CheckConstraint("relation IN ('exact', 'same', 'contains', 'variant', 'none')", name="ck_image_edge_relation"),
        CheckConstraint("matrix IS NULL OR cardinality(matrix) = 6", name="ck_image_edge_matrix"),
        CheckConstraint("query_id <> known_id", name="ck_image_edge_two"),
    )

    id: int | None = Field(default=None, sa_column=_number())
    organisation_id: UUID = Field(foreign_key="organisation.id", index=True)
    query_id: int = Field(sa_column=_number("image"))
    known_id: int = Field(sa_column=_number("image"))
    pipeline_id: int = Field(sa_column=_number("image_pipeline"))
    relation: str = Field(max_length=16)
    distance_bits: int | None = Field(default=None)
    query_holds: bool = Field(default=False)
    known_holds: bool = Field(default=False)
    matrix: list[float] | None = Field(default=None, sa_column=Column(ARRAY(Float), nullable=True))
    mirrored: bool | None = Field(default=None)
    inliers: int | None = Field(default=None)
    correlation: float | None = Field(default=None)
    visible_known: float | None = Field(default=None)
    visible_query: float | None = Field(default=None)
    made_at: datetime = Field(sa_column=_moment())


class Cluster(SQLModel, table=True):
    """An id that was given to a group of images, once. founder: the image the group is known by."""

    __tablename__ = "image_cluster"

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id", index=True)
    number: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), nullable=False, unique=True))
    founder_id: int = Field(sa_column=_number("image", index=True))
    pipeline_id: int = Field(sa_column=_number("image_pipeline"))
    opened_at: datetime = Field(sa_column=_moment())


class ClusterEnd(SQLModel, table=True):
    """A cluster whose images stand in another one now. Its id is never given again and leads there."""

    __tablename__ = "image_cluster_end"

    cluster_id: UUID = Field(primary_key=True, foreign_key="image_cluster.id")
    into_id: UUID = Field(foreign_key="image_cluster.id")
    ended_at: datetime = Field(sa_column=_moment())


class Member(SQLModel, table=True):
    """The partition now: an image in a cluster. role: `representative`, `same`, `contains` (a sighting of it, no member).

    Derived: follows from edges, decisions and the clusters' founders, and can be made again from them.
    """

    __tablename__ = "image_member"

    image_id: int = Field(sa_column=_number("image", primary_key=True))
    cluster_id: UUID = Field(primary_key=True, foreign_key="image_cluster.id", index=True)
    organisation_id: UUID = Field(foreign_key="organisation.id", index=True)
    pipeline_id: int = Field(sa_column=_number("image_pipeline"))
    role: str = Field(max_length=16)
    edge_id: int | None = Field(default=None, sa_column=_number("image_edge", nullable=True))


class Decision(SQLModel, table=True):
    """What a person decided. Between `left_ids` and `right_ids` the newest decision counts.

    kind: `merge` (the first of each side belong together), `split` (left leaves right and stays one group), `reject` (left is not
    what right shows). event_sha256: the custody event that says so.
    """

    __tablename__ = "image_decision"
    __table_args__ = (CheckConstraint("kind IN ('merge', 'split', 'reject')", name="ck_image_decision_kind"),)

    id: int | None = Field(default=None, sa_column=_number())
    organisation_id: UUID = Field(foreign_key="organisation.id", index=True)
    kind: str = Field(max_length=8)
    cluster_id: UUID = Field(foreign_key="image_cluster.id", index=True)
    other_id: UUID | None = Field(default=None, foreign_key="image_cluster.id")
    left_ids: list[int] = Field(sa_column=Column(ARRAY(BigInteger), nullable=False))
    right_ids: list[int] = Field(sa_column=Column(ARRAY(BigInteger), nullable=False))
    reason: str = Field(sa_column=Column(Text, nullable=False))
    actor: str = Field(max_length=200)
    decided_at: datetime = Field(sa_column=_moment())
    event_sha256: str = Field(max_length=64)


class FrozenCount(SQLModel, table=True):
    """Counts of a cluster as they stood, with the pipeline and the very images they were counted from: they can be recounted."""

    __tablename__ = "image_count"

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id", index=True)
    cluster_id: UUID = Field(foreign_key="image_cluster.id")
    pipeline_id: int = Field(sa_column=_number("image_pipeline"))
    counts: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    sighting_ids: list[int] = Field(sa_column=Column(ARRAY(BigInteger), nullable=False))
    members: list[str] = Field(sa_column=Column(JSONB, nullable=False))
    actor: str = Field(max_length=200)
    frozen_at: datetime = Field(sa_column=_moment())
