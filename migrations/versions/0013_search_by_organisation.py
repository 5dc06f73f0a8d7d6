"""Words are looked up among those of one organisation, and things of cases in the order of time of one.

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

WORDS = """
CREATE FUNCTION words_of(organisation uuid, words tsvector) RETURNS tsvector LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
SELECT pg_catalog.array_to_tsvector(ARRAY(
  SELECT pg_catalog."left"(organisation::text, 8) || ':' || lexeme
  FROM pg_catalog.unnest(pg_catalog.tsvector_to_array(words)) AS lexeme
))
$$
"""


def upgrade() -> None:
    op.execute(WORDS)
    for table in ("capture_text", "case_text"):
        op.drop_index(f"ix_{table}_words", table_name=table)  # before rows are written, or each would be put into it once more
    op.add_column("case_text", sa.Column("organisation_id", sa.Uuid(), nullable=True))
    op.execute("UPDATE case_text t SET organisation_id = c.organisation_id FROM case_file c WHERE c.id = t.case_id")
    op.alter_column("case_text", "organisation_id", nullable=False)
    op.create_foreign_key("case_text_organisation_id_fkey", "case_text", "organisation", ["organisation_id"], ["id"])
    op.create_index("ix_case_text_page", "case_text", ["organisation_id", "created_at", "id"], unique=False)
    for table in ("capture_text", "case_text"):
        op.create_index(
            f"ix_{table}_words",
            table,
            [sa.text("words_of(organisation_id, words)")],
            unique=False,
            postgresql_using="gin",
            postgresql_with={"fastupdate": "off"},
        )
        op.execute(f"ALTER INDEX ix_{table}_words ALTER COLUMN 1 SET STATISTICS 0")  # they would be computed of each row sampled


def downgrade() -> None:
    for table in ("capture_text", "case_text"):
        op.drop_index(f"ix_{table}_words", table_name=table)
        op.create_index(
            f"ix_{table}_words", table, ["words"], unique=False, postgresql_using="gin", postgresql_with={"fastupdate": "off"}
        )
    op.drop_index("ix_case_text_page", table_name="case_text")
    op.drop_column("case_text", "organisation_id")
    op.execute("DROP FUNCTION words_of(uuid, tsvector)")
