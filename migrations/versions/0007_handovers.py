"""Tables of handovers: links for recipients, masked copies, records of submission.

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "masked_copy",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("capture_id", sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
        sa.Column("artifact", sqlmodel.sql.sqltypes.AutoString(length=80), nullable=False),
        sa.Column("original_sha256", sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
        sa.Column("sha256", sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("boxes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("actor", sqlmodel.sql.sqltypes.AutoString(length=200), nullable=False),
        sa.Column("event_sha256", sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["capture_id"],
            ["capture.capture_id"],
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_masked_copy_capture", "masked_copy", ["capture_id", "artifact", "made_at"], unique=False)
    op.create_table(
        "submission",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("export_id", sa.Uuid(), nullable=True),
        sa.Column("case_export_id", sa.Uuid(), nullable=True),
        sa.Column("supplements", sa.Uuid(), nullable=True),
        sa.Column("profile", sqlmodel.sql.sqltypes.AutoString(length=16), nullable=False),
        sa.Column("file_sha256", sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("contents", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("addressee", sa.Text(), nullable=False),
        sa.Column("channel", sqlmodel.sql.sqltypes.AutoString(length=16), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(export_id IS NULL) <> (case_export_id IS NULL)", name="ck_submission_one_export"),
        sa.ForeignKeyConstraint(
            ["case_export_id"],
            ["case_export.id"],
        ),
        sa.ForeignKeyConstraint(
            ["created_by"],
            ["operator.id"],
        ),
        sa.ForeignKeyConstraint(
            ["export_id"],
            ["export.id"],
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
        ),
        sa.ForeignKeyConstraint(
            ["supplements"],
            ["submission.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_submission_case_export_id"), "submission", ["case_export_id"], unique=False)
    op.create_index(op.f("ix_submission_export_id"), "submission", ["export_id"], unique=False)
    op.create_index("ix_submission_page", "submission", ["organisation_id", "sent_at"], unique=False)
    op.create_table(
        "submission_reply",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("submission_id", sa.Uuid(), nullable=False),
        sa.Column("case_number", sqlmodel.sql.sqltypes.AutoString(length=120), nullable=False),
        sa.Column("receipt", sa.Text(), nullable=False),
        sa.Column("replied_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["created_by"],
            ["operator.id"],
        ),
        sa.ForeignKeyConstraint(
            ["submission_id"],
            ["submission.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_submission_reply_submission_id"), "submission_reply", ["submission_id"], unique=False)
    op.create_table(
        "handover",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("token_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(length=16), nullable=False),
        sa.Column("export_id", sa.Uuid(), nullable=True),
        sa.Column("case_export_id", sa.Uuid(), nullable=True),
        sa.Column("capture_id", sqlmodel.sql.sqltypes.AutoString(length=64), nullable=True),
        sa.Column("supplements", sa.Uuid(), nullable=True),
        sa.Column("profile", sqlmodel.sql.sqltypes.AutoString(length=16), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("contact", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("files", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("files_sha256", sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
        sa.Column("passcode_argon2id", sqlmodel.sql.sqltypes.AutoString(length=200), nullable=True),
        sa.Column("wrong_tries", sa.Integer(), nullable=False),
        sa.Column("opens_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(export_id IS NOT NULL)::int + (case_export_id IS NOT NULL)::int + (capture_id IS NOT NULL)::int = 1",
            name="ck_handover_one_thing",
        ),
        sa.CheckConstraint("opens_at IS NULL OR opens_at < expires_at", name="ck_handover_span"),
        sa.ForeignKeyConstraint(
            ["capture_id"],
            ["capture.capture_id"],
        ),
        sa.ForeignKeyConstraint(
            ["case_export_id"],
            ["case_export.id"],
        ),
        sa.ForeignKeyConstraint(
            ["created_by"],
            ["operator.id"],
        ),
        sa.ForeignKeyConstraint(
            ["export_id"],
            ["export.id"],
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
        ),
        sa.ForeignKeyConstraint(
            ["supplements"],
            ["submission.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("token_sha256"),
    )
    op.create_index(op.f("ix_handover_capture_id"), "handover", ["capture_id"], unique=False)
    op.create_index(op.f("ix_handover_case_export_id"), "handover", ["case_export_id"], unique=False)
    op.create_index(op.f("ix_handover_export_id"), "handover", ["export_id"], unique=False)
    op.create_index("ix_handover_page", "handover", ["organisation_id", "created_at"], unique=False)
    op.create_table(
        "handover_visit",
        sa.Column("key_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("handover_id", sa.Uuid(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["handover_id"],
            ["handover.id"],
        ),
        sa.PrimaryKeyConstraint("key_sha256"),
    )
    op.create_index(op.f("ix_handover_visit_handover_id"), "handover_visit", ["handover_id"], unique=False)
    op.create_table(
        "handover_fetch",
        sa.Column("visit", sa.LargeBinary(), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(length=200), nullable=False),
        sa.Column("handover_id", sa.Uuid(), nullable=False),
        sa.Column("sha256", sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
        sa.Column("fetched_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["handover_id"],
            ["handover.id"],
        ),
        sa.PrimaryKeyConstraint("visit", "name"),
    )
    op.create_index(op.f("ix_handover_fetch_handover_id"), "handover_fetch", ["handover_id"], unique=False)
    op.create_table(
        "handover_acknowledgement",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("handover_id", sa.Uuid(), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(length=200), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("sha256", sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["handover_id"],
            ["handover.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_handover_acknowledgement_handover_id"), "handover_acknowledgement", ["handover_id"], unique=False)


def downgrade() -> None:
    for name in (
        "handover_acknowledgement",
        "handover_fetch",
        "handover_visit",
        "handover",
        "submission_reply",
        "submission",
        "masked_copy",
    ):
        op.drop_table(name)
