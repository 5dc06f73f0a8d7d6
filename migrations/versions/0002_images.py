"""Images: pictures, sightings, codes, edges, clusters and decisions, append-only where they are records.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

APPEND_ONLY = (
    "image_pipeline",
    "image",
    "image_reading",
    "image_signals",
    "image_sighting",
    "image_indexing",
    "image_code",
    "image_code_use",
    "image_edge",
    "image_cluster",
    "image_cluster_end",
    "image_decision",
    "image_count",
)


def upgrade() -> None:
    op.create_table(
        "image_pipeline",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "image",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("sha256", sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(length=16), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("first_indexed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('file', 'screenshot', 'crop')", name="ck_image_kind"),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("organisation_id", "sha256", name="ux_image_sha256"),
    )
    op.create_table(
        "image_code",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("pipeline_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(length=16), nullable=False),
        sa.Column("bits", postgresql.BIT(length=256), nullable=False),
        sa.Column("slots", sa.ARRAY(sa.Integer()), nullable=True),
        sa.CheckConstraint("slots IS NULL OR cardinality(slots) = 16", name="ck_image_code_slots"),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
        ),
        sa.ForeignKeyConstraint(
            ["pipeline_id"],
            ["image_pipeline.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("organisation_id", "pipeline_id", "kind", "bits", name="ux_image_code"),
    )
    op.create_index(
        "ix_image_code_slots",
        "image_code",
        ["slots"],
        unique=False,
        postgresql_using="gin",
        postgresql_with={"fastupdate": "off"},
    )
    op.create_table(
        "image_cluster",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("founder_id", sa.BigInteger(), nullable=False),
        sa.Column("pipeline_id", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["founder_id"],
            ["image.id"],
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
        ),
        sa.ForeignKeyConstraint(
            ["pipeline_id"],
            ["image_pipeline.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("number"),
    )
    op.create_index(op.f("ix_image_cluster_founder_id"), "image_cluster", ["founder_id"], unique=False)
    op.create_index(op.f("ix_image_cluster_organisation_id"), "image_cluster", ["organisation_id"], unique=False)
    op.create_table(
        "image_code_use",
        sa.Column("code_id", sa.BigInteger(), nullable=False),
        sa.Column("image_id", sa.BigInteger(), nullable=False),
        sa.Column("region", sa.Integer(), nullable=False),
        sa.Column("quality", sa.Integer(), nullable=False),
        sa.Column("box", sa.ARRAY(sa.Float()), nullable=True),
        sa.ForeignKeyConstraint(
            ["code_id"],
            ["image_code.id"],
        ),
        sa.ForeignKeyConstraint(
            ["image_id"],
            ["image.id"],
        ),
        sa.PrimaryKeyConstraint("code_id", "image_id", "region"),
    )
    op.create_index("ix_image_code_use_image", "image_code_use", ["image_id"], unique=False)
    op.create_table(
        "image_edge",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("query_id", sa.BigInteger(), nullable=False),
        sa.Column("known_id", sa.BigInteger(), nullable=False),
        sa.Column("pipeline_id", sa.BigInteger(), nullable=False),
        sa.Column("relation", sqlmodel.sql.sqltypes.AutoString(length=16), nullable=False),
        sa.Column("distance_bits", sa.Integer(), nullable=True),
        sa.Column("query_holds", sa.Boolean(), nullable=False),
        sa.Column("known_holds", sa.Boolean(), nullable=False),
        sa.Column("matrix", sa.ARRAY(sa.Float()), nullable=True),
        sa.Column("mirrored", sa.Boolean(), nullable=True),
        sa.Column("inliers", sa.Integer(), nullable=True),
        sa.Column("correlation", sa.Float(), nullable=True),
        sa.Column("visible_known", sa.Float(), nullable=True),
        sa.Column("visible_query", sa.Float(), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("relation IN ('exact', 'same', 'contains', 'variant', 'none')", name="ck_image_edge_relation"),
        sa.CheckConstraint("matrix IS NULL OR cardinality(matrix) = 6", name="ck_image_edge_matrix"),
        sa.CheckConstraint("query_id <> known_id", name="ck_image_edge_two"),
        sa.ForeignKeyConstraint(
            ["known_id"],
            ["image.id"],
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
        ),
        sa.ForeignKeyConstraint(
            ["pipeline_id"],
            ["image_pipeline.id"],
        ),
        sa.ForeignKeyConstraint(
            ["query_id"],
            ["image.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("query_id", "known_id", "pipeline_id", name="ux_image_edge"),
    )
    op.create_index("ix_image_edge_known", "image_edge", ["known_id"], unique=False)
    op.create_index(op.f("ix_image_edge_organisation_id"), "image_edge", ["organisation_id"], unique=False)
    op.create_table(
        "image_reading",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("image_id", sa.BigInteger(), nullable=False),
        sa.Column("pipeline_id", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sqlmodel.sql.sqltypes.AutoString(length=32), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("format", sqlmodel.sql.sqltypes.AutoString(length=16), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("notes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["image_id"],
            ["image.id"],
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
        ),
        sa.ForeignKeyConstraint(
            ["pipeline_id"],
            ["image_pipeline.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("image_id", "pipeline_id", name="ux_image_reading"),
    )
    op.create_index("ix_image_reading_tail", "image_reading", ["organisation_id", "pipeline_id", "id"], unique=False)
    op.create_table(
        "image_cluster_end",
        sa.Column("cluster_id", sa.Uuid(), nullable=False),
        sa.Column("into_id", sa.Uuid(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["cluster_id"],
            ["image_cluster.id"],
        ),
        sa.ForeignKeyConstraint(
            ["into_id"],
            ["image_cluster.id"],
        ),
        sa.PrimaryKeyConstraint("cluster_id"),
    )
    op.create_table(
        "image_copy",
        sa.Column("reading_id", sa.BigInteger(), nullable=False),
        sa.Column("look", sa.LargeBinary(), nullable=False),
        sa.Column("indexed", sa.LargeBinary(), nullable=False),
        sa.Column("thumbnail", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["reading_id"],
            ["image_reading.id"],
        ),
        sa.PrimaryKeyConstraint("reading_id"),
    )
    op.create_table(
        "image_count",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("cluster_id", sa.Uuid(), nullable=False),
        sa.Column("pipeline_id", sa.BigInteger(), nullable=False),
        sa.Column("counts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("sighting_ids", sa.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("members", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("actor", sqlmodel.sql.sqltypes.AutoString(length=200), nullable=False),
        sa.Column("frozen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["cluster_id"],
            ["image_cluster.id"],
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
        ),
        sa.ForeignKeyConstraint(
            ["pipeline_id"],
            ["image_pipeline.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_image_count_organisation_id"), "image_count", ["organisation_id"], unique=False)
    op.create_table(
        "image_decision",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(length=8), nullable=False),
        sa.Column("cluster_id", sa.Uuid(), nullable=False),
        sa.Column("other_id", sa.Uuid(), nullable=True),
        sa.Column("left_ids", sa.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("right_ids", sa.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("actor", sqlmodel.sql.sqltypes.AutoString(length=200), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("event_sha256", sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
        sa.CheckConstraint("kind IN ('merge', 'split', 'reject')", name="ck_image_decision_kind"),
        sa.ForeignKeyConstraint(
            ["cluster_id"],
            ["image_cluster.id"],
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
        ),
        sa.ForeignKeyConstraint(
            ["other_id"],
            ["image_cluster.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_image_decision_cluster_id"), "image_decision", ["cluster_id"], unique=False)
    op.create_index(op.f("ix_image_decision_organisation_id"), "image_decision", ["organisation_id"], unique=False)
    op.create_table(
        "image_member",
        sa.Column("image_id", sa.BigInteger(), nullable=False),
        sa.Column("cluster_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("pipeline_id", sa.BigInteger(), nullable=False),
        sa.Column("role", sqlmodel.sql.sqltypes.AutoString(length=16), nullable=False),
        sa.Column("edge_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["cluster_id"],
            ["image_cluster.id"],
        ),
        sa.ForeignKeyConstraint(
            ["edge_id"],
            ["image_edge.id"],
        ),
        sa.ForeignKeyConstraint(
            ["image_id"],
            ["image.id"],
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
        ),
        sa.ForeignKeyConstraint(["pipeline_id"], ["image_pipeline.id"]),
        sa.PrimaryKeyConstraint("image_id", "cluster_id"),
    )
    op.create_index(op.f("ix_image_member_cluster_id"), "image_member", ["cluster_id"], unique=False)
    op.create_index(op.f("ix_image_member_organisation_id"), "image_member", ["organisation_id"], unique=False)
    op.create_table(
        "image_signals",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("image_id", sa.BigInteger(), nullable=False),
        sa.Column("reader", sa.Text(), nullable=False),
        sa.Column("signals", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["image_id"],
            ["image.id"],
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("image_id", "reader", name="ux_image_signals"),
    )
    op.create_table(
        "image_indexing",
        sa.Column("capture_id", sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
        sa.Column("pipeline_id", sa.BigInteger(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("outcome", sqlmodel.sql.sqltypes.AutoString(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("pictures", sa.Integer(), nullable=False),
        sa.Column("unread", sa.Integer(), nullable=False),
        sa.Column("indexed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["capture_id"],
            ["capture.capture_id"],
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
        ),
        sa.ForeignKeyConstraint(
            ["pipeline_id"],
            ["image_pipeline.id"],
        ),
        sa.PrimaryKeyConstraint("capture_id", "pipeline_id"),
    )
    op.create_table(
        "image_sighting",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("image_id", sa.BigInteger(), nullable=False),
        sa.Column("capture_id", sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
        sa.Column("artifact", sqlmodel.sql.sqltypes.AutoString(length=80), nullable=False),
        sa.Column("source", sqlmodel.sql.sqltypes.AutoString(length=16), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("url_sha256", sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("frame_url", sa.Text(), nullable=False),
        sa.Column("box", sa.ARRAY(sa.Float()), nullable=True),
        sa.Column("platform", sqlmodel.sql.sqltypes.AutoString(length=64), nullable=True),
        sa.Column("account", sa.Text(), nullable=True),
        sa.Column("post", sa.Text(), nullable=True),
        sa.Column("captured_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["capture_id"],
            ["capture.capture_id"],
        ),
        sa.ForeignKeyConstraint(
            ["image_id"],
            ["image.id"],
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("capture_id", "artifact", "source", "url_sha256", "ordinal", "image_id", name="ux_image_sighting"),
    )
    op.create_index("ix_image_sighting_image", "image_sighting", ["organisation_id", "image_id"], unique=False)

    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
