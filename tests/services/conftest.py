"""The lower floors put together as the service does it, on a real database, with a clock that tests move."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.services.deployment import Deployment
from tests.services.stage import HeldClock, Stage
from tests.tsa import LocalTsa
from tests.web.site import Site, open_site, pinned_tsa, settings_of
from tests.web.witness import LocalWitness


@pytest.fixture
async def stage(database_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    """Operators, log and custody on a fresh database; no TSA and no witness until a test adds them."""
    running = Stage.build(database_url, tmp_path)
    yield running
    await running.close()


@pytest.fixture
async def site(database_url: str, tmp_path: Path) -> AsyncIterator[Site]:
    """The whole service without a TSA and a witness, with a clock that tests move."""
    async with open_site(settings_of(tmp_path, database_url), clock=HeldClock()) as running:
        yield running


@pytest.fixture
def witness(tmp_path: Path) -> Iterator[LocalWitness]:
    running = LocalWitness(tmp_path / "witness", tmp_path / "data" / "keys" / "log.vkey").up()
    yield running
    running.down()


@pytest.fixture
async def deployment(database_url: str, tmp_path: Path, tsa: LocalTsa, witness: LocalWitness) -> AsyncIterator[Deployment]:
    settings = settings_of(
        tmp_path,
        database_url,
        tsas=[pinned_tsa(tsa)],
        witnesses=[witness.settings],
        witness_quorum=1,
        witness_pause_s=0,
        witness_timeout_s=60,
        tsa_timeout_s=60,
    )
    async with open_site(settings) as site:
        yield Deployment(site, tsa, witness, tmp_path)
