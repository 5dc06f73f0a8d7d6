"""Tables of people: passkeys, identities of an issuer, challenges and tries of signing in; what a session is known by.

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("organisation", _text("passkeys_for", 16, "'nobody'"))
    op.alter_column("organisation", "passkeys_for", server_default=None)
    for table in ("operator", "invitation"):
        op.add_column(table, sa.Column("email", sqlmodel.sql.sqltypes.AutoString(length=254), nullable=True))
        op.create_index(op.f(f"ix_{table}_email"), table, ["email"], unique=False)
    op.drop_column("password", "failed_tries")
    op.drop_column("password", "closed_until")
    _passkeys()
    _identities()
    _challenges()
    _sessions()


def _text(name: str, length: int, default: str) -> sa.Column:
    column_type = sqlmodel.sql.sqltypes.AutoString(length=length)
    return sa.Column(name, column_type, nullable=False, server_default=sa.text(default))


def _passkeys() -> None:
    op.create_table(
        "passkey",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("operator_id", sa.Uuid(), nullable=False),
        sa.Column("credential_id", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("label", sqlmodel.sql.sqltypes.AutoString(length=80), nullable=False),
        sa.Column("synced", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("suspected_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["operator_id"], ["operator.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("credential_id"),
    )
    op.create_index(op.f("ix_passkey_operator_id"), "passkey", ["operator_id"], unique=False)


def _identities() -> None:
    op.create_table(
        "identity",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("operator_id", sa.Uuid(), nullable=False),
        sa.Column("issuer", sqlmodel.sql.sqltypes.AutoString(length=500), nullable=False),
        sa.Column("subject", sqlmodel.sql.sqltypes.AutoString(length=255), nullable=False),
        sa.Column("bound_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["operator_id"], ["operator.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_identity_operator_id"), "identity", ["operator_id"], unique=False)
    unremoved = sa.text("removed_at IS NULL")
    op.create_index("ux_identity_subject", "identity", ["issuer", "subject"], unique=True, postgresql_where=unremoved)


def _challenges() -> None:
    op.create_table(
        "sign_in_challenge",
        sa.Column("handle_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("cookie_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(length=16), nullable=False),
        sa.Column("operator_id", sa.Uuid(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["operator_id"], ["operator.id"]),
        sa.PrimaryKeyConstraint("handle_sha256"),
    )
    op.create_index(op.f("ix_sign_in_challenge_expires_at"), "sign_in_challenge", ["expires_at"], unique=False)
    op.create_table(
        "sign_in_tries",
        sa.Column("key_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("key_sha256"),
    )
    op.create_index(op.f("ix_sign_in_tries_last_at"), "sign_in_tries", ["last_at"], unique=False)


def _sessions() -> None:
    """Sessions from before say what is known of them: they were last seen when they began, by a way that was not kept."""
    op.add_column("web_session", sa.Column("id", sa.Uuid(), nullable=False, server_default=sa.text("gen_random_uuid()")))
    op.add_column("web_session", sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE web_session SET seen_at = created_at")
    op.alter_column("web_session", "seen_at", nullable=False)
    for name, length, default in (("method", 16, "'unknown'"), ("browser", 80, "''"), ("address", 64, "''")):
        op.add_column("web_session", _text(name, length, default))
        op.alter_column("web_session", name, server_default=None)
    op.alter_column("web_session", "id", server_default=None)
    op.add_column("web_session", sa.Column("passkey_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(None, "web_session", "passkey", ["passkey_id"], ["id"])
    op.create_unique_constraint(None, "web_session", ["id"])


def downgrade() -> None:
    op.drop_column("web_session", "passkey_id")
    for name in ("method", "browser", "address", "seen_at", "id"):
        op.drop_column("web_session", name)
    for table in ("sign_in_tries", "sign_in_challenge", "identity", "passkey"):
        op.drop_table(table)
    op.add_column("password", sa.Column("closed_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("password", sa.Column("failed_tries", sa.Integer(), nullable=False, server_default=sa.text("0")))
    op.alter_column("password", "failed_tries", server_default=None)
    for table in ("invitation", "operator"):
        op.drop_index(op.f(f"ix_{table}_email"), table_name=table)
        op.drop_column(table, "email")
    op.drop_column("organisation", "passkeys_for")
