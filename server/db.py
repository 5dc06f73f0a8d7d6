"""The database: PostgreSQL through SQLAlchemy's AsyncSession and psycopg 3. One dialect, embedded or yours."""

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, DateTime, Dialect, String, Text, any_, literal, text
from sqlalchemy.engine import Row, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.types import TypeDecorator
from sqlmodel import AutoString
from sqlmodel.ext.asyncio.session import AsyncSession

SCHEME = "postgresql+psycopg://"


class UtcDateTime(TypeDecorator[datetime]):
    """timestamptz that takes aware times only and gives them back in UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """`value` in UTC. Raises: ValueError if it is naive: a local time silently stored as UTC is a false time."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive time cannot be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """The stored time, aware, in UTC."""
        return None if value is None else value.astimezone(UTC)


def among(column: Any, values: Collection[Any]) -> ColumnElement[bool]:
    """The condition that a column has one of these values, however many: one array is sent.

    in_() sends each value as a parameter of its own, and PostgreSQL takes at most 65,535 of them in a statement.
    """
    # A cast to so many characters would cut what is longer.
    kind = Text() if isinstance(column.type, String | AutoString) else column.type
    found: ColumnElement[bool] = column == any_(literal(list(values), ARRAY(kind)))
    return found


def sqlalchemy_url(url: str) -> str:
    """`url` (postgresql:// or postgres://) with the psycopg 3 driver named. Raises: ValueError for another database."""
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.partition("+")[0] not in ("postgresql", "postgres"):
        raise ValueError("the database must be PostgreSQL: postgresql://…")
    return SCHEME + rest


def libpq_url(url: str) -> str:
    """`url` as libpq reads it (no driver in the scheme): for psycopg itself and the job queue."""
    return "postgresql://" + sqlalchemy_url(url).removeprefix(SCHEME)


class Database:
    """One PostgreSQL database. Safe to share between tasks of one event loop; each task opens its own session."""

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        self.url = libpq_url(url)
        place = make_url(sqlalchemy_url(url))
        # A far time must not overflow in another zone; no statement of the service is worth compiling.
        options = f"{place.query.get('options', '')} -c timezone=UTC -c jit=off".strip()
        self.engine: AsyncEngine = create_async_engine(
            place,
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_pre_ping=True,
            connect_args={"options": options},
            hide_parameters=True,  # an error's text reaches the log, and parameters are names, notes and hashes
        )

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncSession]:
        """A session whose owner commits; what was not committed at the end is rolled back."""
        async with AsyncSession(self.engine, expire_on_commit=False) as session:
            yield session

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """A session that commits when the block ends without an error and rolls back otherwise."""
        async with self.session() as session, session.begin():
            yield session

    async def ping(self) -> None:
        """Returns when the database answers. Raises: sqlalchemy.exc.OperationalError."""
        async with self.engine.connect() as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Closes the pool."""
        await self.engine.dispose()


async def run_sql(session: AsyncSession, sql: str, **values: Any) -> Sequence[Row[Any]]:
    """Runs one statement in the session's own transaction; gives its rows (empty when it returns none)."""
    result = await (await session.connection()).execute(text(sql), values)
    return result.all() if result.returns_rows else ()


async def lock_for_transaction(session: AsyncSession, name: str) -> None:
    """Waits for the advisory lock `name` and holds it until the session's transaction ends. Same names meet in every process."""
    await run_sql(session, "SELECT pg_advisory_xact_lock(hashtextextended(:name, 7306))", name=name)
