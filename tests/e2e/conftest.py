"""One service and one demo site for all end-to-end tests; a browser for each module."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Playwright, sync_playwright

from tests.e2e.chromium import Chromium
from tests.e2e.processes import service_folder
from tests.e2e.site import DemoSite
from tests.e2e.stack import Stack


@pytest.fixture(scope="session")
def site() -> Iterator[DemoSite]:
    with DemoSite() as running:
        yield running


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    with service_folder("e2e") as folder, Stack(folder) as running:
        yield running


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """Not for the whole session: its event loop would be in the way of asynchronous tests elsewhere."""
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="module")
def browser(playwright: Playwright, stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    """A Chromium with the extension, paired with the service."""
    profile: Path = tmp_path_factory.mktemp("profile")
    with Chromium(playwright, profile) as started:
        started.pair(stack.url, stack.pairing_code())
        stack.wait_for_stamped_checkpoint(started.token)
        yield started
