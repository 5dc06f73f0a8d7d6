"""Statistics over ranges and judged posts, judgings of imported posts, the log of activities.

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

APPEND_ONLY = ("statistic_line", "judged_post", "activity")
_RANGE = "ck_statistic_range"


def _text(length: int) -> sa.types.TypeEngine[str]:
    return sqlmodel.sql.sqltypes.AutoString(length=length)


def upgrade() -> None:
    op.drop_constraint(_RANGE, "statistic", type_="check")
    op.alter_column("statistic", "n", existing_type=sa.BigInteger(), nullable=True)
    op.alter_column("statistic", "unit", existing_type=_text(16), type_=_text(40), existing_nullable=False)
    op.create_check_constraint(_RANGE, "statistic", "n_low <= n_high AND (n IS NULL OR (n = n_low AND n = n_high))")
    op.create_table(
        "statistic_line",
        sa.Column("statistic_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("ref", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["statistic_id"], ["statistic.id"]),
        sa.PrimaryKeyConstraint("statistic_id", "position"),
    )
    op.create_index("ix_statistic_line_ref", "statistic_line", ["ref"], unique=False)
    _judgings()
    _activities()
    for table in APPEND_ONLY:  # what a number was made of, how a post was judged, and what was stated, is never changed
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def _judgings() -> None:
    op.create_table(
        "judging",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("rule_id", _text(80), nullable=False),
        sa.Column("rule_version", _text(40), nullable=False),
        sa.Column("territory", _text(40), nullable=False),
        sa.Column("election_id", _text(80), nullable=False),
        sa.Column("verified", sa.Boolean(), nullable=False),
        sa.Column("window", postgresql.JSONB(), nullable=False),
        sa.Column("state", _text(16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("counts", postgresql.JSONB(), nullable=False),
        sa.Column("reasons", postgresql.JSONB(), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("judged_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["author_id"], ["operator.id"]),
        sa.ForeignKeyConstraint(["case_id"], ["case_file.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("case_id", "number"),
    )
    op.create_table(
        "judged_post",
        sa.Column("judging_id", sa.Uuid(), nullable=False),
        sa.Column("entity_id", sa.Uuid(), nullable=False),
        sa.Column("platform", _text(40), nullable=False),
        sa.Column("post_id", _text(200), nullable=False),
        sa.Column("posted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("precision_s", sa.Float(), nullable=True),
        sa.Column("source", _text(32), nullable=False),
        sa.Column("compared", sa.Boolean(), nullable=False),
        sa.Column("place", _text(8), nullable=False),
        sa.Column("margin_s", sa.Float(), nullable=False),
        sa.Column("can_confirm", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("sightings", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["judging_id"], ["judging.id"]),
        sa.PrimaryKeyConstraint("judging_id", "entity_id"),
    )


def _activities() -> None:
    op.create_table(
        "activity",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column("on_day", sa.Date(), nullable=False),
        sa.Column("kind", _text(24), nullable=False),
        sa.Column("measure", _text(8), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("participants", sa.Integer(), nullable=True),
        sa.Column("reach_low", sa.BigInteger(), nullable=True),
        sa.Column("reach_high", sa.BigInteger(), nullable=True),
        sa.Column("languages", _text(200), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("corrects", sa.Uuid(), nullable=True),
        sa.Column("withdrawn", sa.Boolean(), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("reach_low <= reach_high AND reach_low >= 0 AND participants >= 0", name="ck_activity_counters"),
        sa.ForeignKeyConstraint(["author_id"], ["operator.id"]),
        sa.ForeignKeyConstraint(["case_id"], ["case_file.id"]),
        sa.ForeignKeyConstraint(["corrects"], ["activity.id"]),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisation.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("corrects"),
        sa.UniqueConstraint("organisation_id", "number"),
    )
    op.create_index("ix_activity_day", "activity", ["organisation_id", "on_day"], unique=False)


def downgrade() -> None:
    for table in ("activity", "judged_post", "judging", "statistic_line"):
        op.drop_table(table)
    op.drop_constraint(_RANGE, "statistic", type_="check")
    op.alter_column("statistic", "unit", existing_type=_text(40), type_=_text(16), existing_nullable=False)
    op.alter_column("statistic", "n", existing_type=sa.BigInteger(), nullable=False)
    op.create_check_constraint(_RANGE, "statistic", "n_low <= n AND n <= n_high")
