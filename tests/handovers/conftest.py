"""A site whose clock tests move, and what is handed over there."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.handovers.desk import Desk
from tests.services.stage import HeldClock
from tests.web.site import open_site, settings_of


@pytest.fixture
async def desk(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    """An organisation with a sealed capture."""
    async with open_site(settings_of(tmp_path, database_url), clock=HeldClock()) as site:
        yield await Desk.begin(site)
