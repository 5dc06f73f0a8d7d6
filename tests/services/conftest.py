"""The lower floors put together as the service does it, on a real database, with a clock that tests move."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.services.stage import HeldClock, Stage
from tests.web.site import Site, open_site, settings_of


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
