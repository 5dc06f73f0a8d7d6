"""By which rule for times posts were judged, and what an id says beside the time that counted.

Revision ID: 0014
Revises: 0013
"""

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("judging", sa.Column("time_rule", sa.Integer(), nullable=False, server_default="1"))
    beside = sqlmodel.sql.sqltypes.AutoString(length=120)
    op.add_column("judged_post", sa.Column("beside", beside, nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("judged_post", "beside")
    op.drop_column("judging", "time_rule")
