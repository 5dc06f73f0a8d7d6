"""What is searched: the text of captures, and words with facets beside the texts of cases.

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "capture_text",
        sa.Column("capture_id", sa.String(length=64), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("extractor", sa.String(length=40), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("stated", postgresql.JSONB(), nullable=False),
        sa.Column("shown", sa.Text(), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("words", postgresql.TSVECTOR(), nullable=True),
        sa.Column("posted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("captured_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["capture_id"], ["capture.capture_id"]),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisation.id"]),
        sa.PrimaryKeyConstraint("capture_id"),
    )
    op.execute(
        """
        INSERT INTO capture_text (capture_id, organisation_id, extractor, outcome, reason, stated, shown, language, captured_at,
                                  received_at)
        SELECT capture_id, organisation_id, '', 'pending', '', '{}', '', '', captured_at, received_at FROM capture
        """
    )
    gin = {"postgresql_using": "gin", "postgresql_with": {"fastupdate": "off"}}
    op.create_index("ix_capture_text_words", "capture_text", ["words"], unique=False, **gin)
    op.create_index("ix_capture_text_page", "capture_text", ["organisation_id", "received_at", "capture_id"], unique=False)
    op.create_index("ix_capture_text_captured", "capture_text", ["organisation_id", "captured_at"], unique=False)
    unread = sa.text("outcome IN ('pending', 'failed')")
    op.create_index(
        "ix_capture_text_unread", "capture_text", ["organisation_id", "capture_id"], unique=False, postgresql_where=unread
    )
    op.alter_column("case_text", "folded", new_column_name="text")
    op.add_column("case_text", sa.Column("words", postgresql.TSVECTOR(), nullable=True))
    op.add_column("case_text", sa.Column("posted_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_case_text_words", "case_text", ["words"], unique=False, **gin)
    op.create_index("ix_case_text_new", "case_text", ["case_id", "created_at", "id"], unique=False)
    unsearched = sa.text("words IS NULL")
    op.create_index("ix_case_text_unread", "case_text", ["case_id"], unique=False, postgresql_where=unsearched)
    said = sa.text("withdrawn_at IS NULL")
    op.create_index("ix_relation_new", "relation", ["case_id", "created_at", "id"], unique=False, postgresql_where=said)
    op.create_index("ix_metric_new", "metric", ["case_id", "as_of", "id"], unique=False)
    op.create_index("ix_entity_list", "entity", ["case_id", "kind", "name", "id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_entity_list", table_name="entity")
    op.drop_index("ix_metric_new", table_name="metric")
    op.drop_index("ix_relation_new", table_name="relation")
    op.drop_index("ix_case_text_unread", table_name="case_text")
    op.drop_index("ix_case_text_new", table_name="case_text")
    op.drop_index("ix_case_text_words", table_name="case_text")
    op.drop_column("case_text", "posted_at")
    op.drop_column("case_text", "words")
    op.alter_column("case_text", "text", new_column_name="folded")
    op.drop_table("capture_text")
