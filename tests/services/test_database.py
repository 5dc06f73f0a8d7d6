"""The schema and the embedded server: no drift, first starts at once, adoption after a kill, a stop when nobody is left."""

import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.exc import StatementError

from server.db import Database, libpq_url, sqlalchemy_url
from server.migrate import drift, upgrade
from server.operators.models import Organisation
from server.postgres import EmbeddedPostgres, PostgresUnavailable
from tests.postgres import TestPostgres

OPENER = """
import sys, time
from pathlib import Path
from server.postgres import EmbeddedPostgres
EmbeddedPostgres(Path(sys.argv[1])).open()
print("open", flush=True)
time.sleep(3600)
"""


def test_models_and_migrations_agree(database_url: str) -> None:
    assert drift(database_url) is None


def test_a_missing_column_is_seen_as_drift(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("ALTER TABLE device DROP COLUMN label")
    assert "label" in (drift(database_url) or "")


async def test_processes_that_start_together_migrate_once(postgres: TestPostgres) -> None:
    with postgres.clone() as url:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        await asyncio.gather(*(asyncio.to_thread(upgrade, url) for _ in range(3)))
        assert drift(url) is None


async def test_times_come_back_as_utc_and_naive_ones_are_refused(database_url: str) -> None:
    database = Database(database_url)
    moment = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=timezone(timedelta(hours=2)))
    async with database.transaction() as session:
        row = Organisation(name="Here", created_at=moment)
        session.add(row)
    async with database.session() as session:
        found = await session.get(Organisation, row.id)
    assert found is not None
    assert (found.created_at, found.created_at.tzinfo) == (moment, UTC)
    with pytest.raises(StatementError, match="naive"):
        async with database.transaction() as session:
            session.add(Organisation(name="Elsewhere", created_at=datetime(2026, 1, 2)))
    await database.close()


def test_only_postgresql_is_taken() -> None:
    for url in ("sqlite:///x.db", "mysql://host/db", "holdstill"):
        with pytest.raises(ValueError, match="PostgreSQL"):
            sqlalchemy_url(url)
    assert libpq_url("postgres://a@b/c") == libpq_url("postgresql+psycopg://a@b/c") == "postgresql://a@b/c"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short folder that the server's account can reach."""
    with tempfile.TemporaryDirectory(prefix="hs-pg-") as made:
        yield Path(made)


def is_up(server: EmbeddedPostgres) -> bool:
    return (server.data / "postmaster.pid").exists()


def test_a_killed_process_leaves_a_server_that_the_next_one_adopts_and_stops(folder: Path) -> None:
    starter = subprocess.Popen([sys.executable, "-c", OPENER, folder], stdout=subprocess.PIPE)
    assert starter.stdout is not None
    assert starter.stdout.readline() == b"open\n"
    server = EmbeddedPostgres(folder)
    url = server.open()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1")
    starter.kill()
    starter.wait()
    starter.stdout.close()
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT * FROM kept").fetchone() == (1,)
    server.close()
    assert not is_up(server)


def test_the_server_runs_until_its_last_user_closes_it(folder: Path) -> None:
    other = subprocess.Popen([sys.executable, "-c", OPENER, folder], stdout=subprocess.PIPE)
    assert other.stdout is not None
    assert other.stdout.readline() == b"open\n"
    server = EmbeddedPostgres(folder)
    server.open()
    server.close()
    assert is_up(server)  # the other process still uses it
    other.terminate()
    other.wait()
    other.stdout.close()
    assert server.stop()
    assert not is_up(server)
    assert not server.stop()


def test_it_does_not_listen_on_the_network_and_its_socket_is_private(folder: Path) -> None:
    server = EmbeddedPostgres(folder)
    url = server.open()
    with psycopg.connect(url) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        assert connection.execute("SHOW fsync").fetchone() == ("on",)
    server.close()
    for inside in ("data", "socket"):
        assert (folder / inside).stat().st_mode & 0o077 == 0


def test_a_folder_of_somebody_else_is_not_used(folder: Path) -> None:
    (folder / "socket").symlink_to("/")
    with pytest.raises(PostgresUnavailable):
        EmbeddedPostgres(folder).open()


def test_a_long_path_still_gets_a_socket(folder: Path) -> None:
    deep = folder / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    server = EmbeddedPostgres(deep)
    with psycopg.connect(server.open()) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    server.close()
