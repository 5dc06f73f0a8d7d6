"""Two browsers for the whole folder: one whose extension was granted no site, one that was granted all."""

from collections.abc import Iterator

import pytest

from tests.extension.capture.browser import CaptureBrowser, capture_browser
from tests.extension.capture.oddsite import OddSite

Folders = pytest.TempPathFactory


@pytest.fixture(scope="package")
def site() -> Iterator[OddSite]:
    with OddSite() as running:
        yield running


@pytest.fixture(scope="package")
def granted_nothing(tmp_path_factory: Folders) -> Iterator[CaptureBrowser]:
    with capture_browser(tmp_path_factory.mktemp("granted-nothing"), hosts=()) as browser:
        yield browser


@pytest.fixture(scope="package")
def granted_all(site: OddSite, granted_nothing: CaptureBrowser, tmp_path_factory: Folders) -> Iterator[CaptureBrowser]:
    with granted_nothing.beside(tmp_path_factory.mktemp("granted-all"), hosts=("<all_urls>",)) as browser:
        browser.wait_until_observing(f"{site.url}/utf8.css")
        yield browser


@pytest.fixture(scope="module", autouse=True)
def as_new(granted_nothing: CaptureBrowser, granted_all: CaptureBrowser, site: OddSite) -> None:
    """Every file finds the site as at a first visit: what its service worker or the cache answers depends on no other file."""
    for browser in (granted_nothing, granted_all):
        browser.forget(site.url, site.frame_url)
