"""The whole service, a case of the default operator, and tables as files."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.imports.desk import Desk
from tests.services.stage import HeldClock
from tests.web.site import Site, open_site, settings_of


@pytest.fixture
async def site(database_url: str, tmp_path: Path) -> AsyncIterator[Site]:
    """No TSA and no witness; a clock that tests move."""
    async with open_site(settings_of(tmp_path, database_url), clock=HeldClock()) as running:
        yield running


@pytest.fixture
async def desk(site: Site) -> Desk:
    """A case, and what imports into it."""
    return await Desk.begin(site)
