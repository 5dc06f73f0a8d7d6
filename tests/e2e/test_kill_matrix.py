"""The kill matrix (killmatrix.py) in Chromium, whose background is a service worker."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.e2e.chromium import Chromium
from tests.e2e.gate import Gate
from tests.e2e.killmatrix import KILLED, KillMatrix
from tests.e2e.site import DemoSite
from tests.e2e.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.live]


class ChromiumMatrix(KillMatrix[Chromium]):
    def capture(self, url: str) -> Callable[[], None]:
        page = self.browser.open(url)
        self.site.log.settle(quiet_s=0.3)
        self.browser.click_toolbar(page)
        return page.close

    def end_background(self) -> None:
        page = self.browser.context.new_page()
        page.goto(f"chrome-extension://{self.browser.id}/ui/options.html")
        session = self.browser.context.new_cdp_session(page)
        session.send("ServiceWorker.enable")
        session.send("ServiceWorker.stopAllWorkers")
        page.close()

    @contextmanager
    def queue(self) -> Iterator[Callable[[], None]]:
        page = self.browser.context.new_page()

        def look() -> None:
            page.goto(f"chrome-extension://{self.browser.id}/ui/queue.html")

        yield look
        page.close()


@pytest.fixture(scope="module")
def matrix(stack: Stack, site: DemoSite, browser: Chromium) -> Iterator[ChromiumMatrix]:
    with Gate(stack.port) as relay:
        browser.pair(relay.url, stack.pairing_code())
        yield ChromiumMatrix(browser, site, stack, relay)


@pytest.mark.parametrize("killed", KILLED)
def test_a_kill_loses_no_capture_and_doubles_none(matrix: ChromiumMatrix, killed: str) -> None:
    matrix.loses_nothing(killed)
