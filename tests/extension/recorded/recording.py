"""A real Chromium with the recording modules in it: arm a tab, load a page, click the toolbar, compare with the site's log."""

import time
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Page

from tests.e2e.proving_ground import Exchange, ProvingGround
from tests.extension.capture.browser import CaptureBrowser, Captured

BLANK = "about:blank#{}"


class RecordingBrowser(CaptureBrowser):
    """Adds what a recording needs to the capture browser."""

    _count = 0

    def armed(self, *, scope: str = "tab") -> Page:
        """A new empty tab that is being recorded."""
        self._count += 1
        page = self.context.new_page()
        page.goto(BLANK.format(self._count))
        self.worker.evaluate("wish => globalThis.arm(wish)", {"url": page.url, "scope": scope})
        return page

    def forget(self, *origins: str) -> None:
        """As if these sites had never been visited: nothing of them cached, no service worker that the browser looks after."""
        page = self.context.new_page()
        session = self.context.new_cdp_session(page)
        session.send("Network.clearBrowserCache")
        for origin in origins:
            session.send("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": "all"})
        page.close()

    def end_as_cancelled(self, page: Page) -> None:
        """What the browser tells the extension when a person presses Cancel: the bar needs a display."""
        self.worker.evaluate("url => globalThis.cancel(url)", page.url)

    def facts(self, page: Page) -> dict[str, Any] | None:
        """What is known of the tab's recording; None: there is none."""
        found: dict[str, Any] | None = self.worker.evaluate("url => globalThis.readRecording(url)", page.url)
        return found

    def badge(self, page: Page) -> str:
        """What stands on the toolbar button of the tab."""
        return str(self.worker.evaluate("url => globalThis.badgeOf(url)", page.url))

    def kept(self, page: Page) -> set[str]:
        """The addresses whose answers a worker that dies now would leave behind, of the tab that is being recorded."""
        return set(self.worker.evaluate("url => globalThis.keptOf(url)", page.url))


@dataclass(frozen=True)
class Recorded:
    """One recorded page: what the capture gave, and what the site answered while it was loaded and used.

    `loaded_s`: seconds since 1970 when everything had been loaded.
    """

    captured: Captured
    sent: list[Exchange]
    during: list[Exchange]
    loaded_s: float


def record(browser: RecordingBrowser, ground: ProvingGround, path: str, *, mode: str = "recorded", **options: object) -> Recorded:
    """Loads a page of the ground in an armed tab until it says it is done, and captures it."""
    mark = ground.log.mark()
    page = browser.armed() if mode == "recorded" else browser.context.new_page()
    page.goto(ground.url + path)
    page.wait_for_selector("body[data-done]", timeout=120_000)
    before, loaded_s = ground.log.settle(quiet_s=0.4), time.time()
    captured = browser.click(page, mode=mode, **options)
    after = ground.log.settle(quiet_s=0.4)
    page.close()
    during = [entry for entry in ground.exchanges(before)[: after - before] if not entry.is_of_browser]
    return Recorded(captured, ground.exchanges(mark)[: before - mark], during, loaded_s)
