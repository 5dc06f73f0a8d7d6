"""Alembic's environment: one PostgreSQL connection, every table of server.models, procrastinate's own tables left alone."""

from alembic import context
from sqlalchemy import create_engine, pool

from server.db import sqlalchemy_url
from server.models import metadata


def is_ours(object_, name, type_, reflected, compare_to):
    """Whether a table takes part in drift checks: procrastinate brings its schema itself."""
    return not (type_ == "table" and name is not None and name.startswith("procrastinate_"))


def render_type(type_, item, autogen_context):
    """UtcDateTime is timestamptz in a migration: a migration must not change when the code does."""
    if type_ == "type" and type(item).__name__ == "UtcDateTime":
        return "sa.DateTime(timezone=True)"
    return False


def run() -> None:
    """Runs the migrations in one transaction each."""
    engine = create_engine(sqlalchemy_url(context.config.get_main_option("sqlalchemy.url")), poolclass=pool.NullPool)
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=metadata,
            include_object=is_ours,
            render_item=render_type,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


run()
