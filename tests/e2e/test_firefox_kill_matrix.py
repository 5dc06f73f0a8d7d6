"""The kill matrix (killmatrix.py) in Firefox, whose background is an event page."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.e2e.chromium import wait_for
from tests.e2e.firefox import Firefox
from tests.e2e.firefox_profile import UUID
from tests.e2e.gate import Gate
from tests.e2e.killmatrix import KILLED, KILOBYTES, PICTURES, KillMatrix
from tests.e2e.site import DemoSite
from tests.e2e.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.live]


class FirefoxMatrix(KillMatrix[Firefox]):
    def capture(self, url: str) -> Callable[[], None]:
        page = self.browser.open(url)
        self.browser.click_toolbar(page)
        return lambda: self.browser.close(page)

    def end_background(self) -> None:
        self.browser.end_background()

    @contextmanager
    def queue(self) -> Iterator[Callable[[], None]]:
        page = self.browser.open(f"moz-extension://{UUID}/ui/queue.html")
        yield lambda: self.browser.go(page, page.url)
        self.browser.close(page)


@pytest.fixture(scope="module")
def firefox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firefox]:
    with Firefox(tmp_path_factory.mktemp("firefox-kills")) as started:
        started.consent()
        yield started


@pytest.fixture(scope="module")
def matrix(stack: Stack, site: DemoSite, firefox: Firefox) -> Iterator[FirefoxMatrix]:
    with Gate(stack.port) as relay:
        firefox.pair(relay.url, stack.pairing_code())
        yield FirefoxMatrix(firefox, site, stack, relay)


@pytest.mark.parametrize("killed", KILLED)
def test_a_kill_loses_no_capture_and_doubles_none(matrix: FirefoxMatrix, killed: str) -> None:
    matrix.loses_nothing(killed)


def test_a_capture_cut_off_by_the_end_of_the_event_page_leaves_nothing_half_made(firefox: Firefox, matrix: FirefoxMatrix) -> None:
    """Ended before it was sealed there is no capture, and the page can be captured again; never half of one."""
    page = firefox.open(matrix.site.many(PICTURES, KILOBYTES))
    before = {item["captureId"] for item in firefox.items()}
    firefox.click_toolbar(page)

    def made() -> list[str]:
        return [item["captureId"] for item in firefox.items() if item["captureId"] not in before]

    wait_for(lambda: bool(made()) or "collecting" in {run["phase"] for run in firefox.runs()}, 20, lambda: str(firefox.runs()))
    firefox.end_background()
    time.sleep(1)
    left = made()
    assert len(left) <= 1
    firefox.click_toolbar(page)
    item = firefox.wait_for_item(lambda item: item["captureId"] not in {*before, *left})
    firefox.close(page)
    matrix.sealed_once([item["captureId"], *left])
