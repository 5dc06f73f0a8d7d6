"""A real PostgreSQL for tests: the embedded one, started once per run; each test gets a clone of a migrated template."""

import asyncio
import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from server.db import Database, run_sql
from server.migrate import upgrade
from server.postgres import SUPERUSER, EmbeddedPostgres

TEMPLATE = "template_holdstill"


class TestPostgres:
    """One server; `clone()` gives the URL of a fresh database. Durability is off: no test here cuts the power."""

    __test__ = False

    def __init__(self, folder: Path) -> None:
        self._server = EmbeddedPostgres(folder)
        self._numbers = itertools.count(1)
        self._server.open("postgres")
        with self._admin() as connection:
            for setting in ("fsync", "synchronous_commit", "full_page_writes"):
                connection.execute(sql.SQL("ALTER SYSTEM SET {} = off").format(sql.Identifier(setting)))
            connection.execute("SELECT pg_reload_conf()")
        upgrade(self._server.open(TEMPLATE))

    @contextmanager
    def clone(self) -> Iterator[str]:
        """URL of a fresh database with the newest schema; dropped at the end, whoever is still connected."""
        name = f"test_{os.getpid()}_{next(self._numbers)}"
        with self._admin() as connection:
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(TEMPLATE)))
        try:
            yield self._server.url(name)
        finally:
            with self._admin() as connection:
                connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def close(self) -> None:
        self._server.close()

    def _admin(self) -> psycopg.Connection:
        return psycopg.connect(self._server.url("postgres"), autocommit=True)


@contextmanager
def running_postgres() -> Iterator[TestPostgres]:
    """A server in a folder of its own, gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="holdstill-pg-"))
    try:
        server = TestPostgres(folder)
        try:
            yield server
        finally:
            server.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def as_superuser(url: str) -> Iterator[psycopg.Connection]:
    """A connection for which the triggers do not hold: what an attacker with the database's own account can do."""
    assert SUPERUSER in url
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        yield connection


async def until_something_waits(database: Database, many: int = 1, task: asyncio.Task[Any] | None = None) -> None:
    """Returns when `many` of the test's transactions wait for a lock. A `task` that ended instead fails the test at once."""
    waiting = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    async with asyncio.timeout(120), database.session() as session:
        while len(await run_sql(session, waiting)) < many:
            assert task is None or not task.done()
            await session.rollback()
            await asyncio.sleep(0.01)
