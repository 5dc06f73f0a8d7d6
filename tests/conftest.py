"""Fixtures of the whole test run. A test that does not ask for a database, a TSA or a server starts none."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.draws import choose_draws
from tests.lanes import TwoEnds
from tests.postgres import TestPostgres, running_postgres
from tests.tsa import LocalTsa

choose_draws()
expect.set_options(timeout=15_000)  # a page on a busy machine: what is never shown still fails


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> TwoEnds:
    """Who runs what when there are several processes (`pytest -n 2`); alone, pytest does not ask."""
    config.option.loadscopereorder = False  # the order of the paths is the plan
    return TwoEnds(config, log)


@pytest.fixture(scope="session")
def postgres() -> Iterator[TestPostgres]:
    """The run's PostgreSQL server."""
    with running_postgres() as server:
        yield server


@pytest.fixture
def database_url(postgres: TestPostgres) -> Iterator[str]:
    """A fresh database with the newest schema, for one test."""
    with postgres.clone() as url:
        yield url


@pytest.fixture(scope="session")
def tsa_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys of the run's time-stamping authority, made once."""
    return tmp_path_factory.mktemp("tsa")


@pytest.fixture
def tsa(tsa_folder: Path) -> Iterator[LocalTsa]:
    """A time-stamping authority that answers well until a test says otherwise."""
    with LocalTsa(tsa_folder) as running:
        yield running
