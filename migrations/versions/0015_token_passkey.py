"""By which passkey the session was opened that made an API token: what a rule that asks for passkeys lets go on.

Revision ID: 0015
Revises: 0014
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("api_token", sa.Column("passkey_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(None, "api_token", "passkey", ["passkey_id"], ["id"])


def downgrade() -> None:
    op.drop_column("api_token", "passkey_id")
