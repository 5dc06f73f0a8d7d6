"""The lower floors put together as the service does it, on a real database, with a clock that tests move."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.services.stage import Stage


@pytest.fixture
async def stage(database_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    """Operators, log and custody on a fresh database; no TSA and no witness until a test adds them."""
    running = Stage.build(database_url, tmp_path)
    yield running
    await running.close()
