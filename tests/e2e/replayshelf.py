"""The proving ground's pages, captured in every way that leaves an archive, with what each page showed when it was captured."""

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx2
from playwright.sync_api import Page

from tests.e2e.chromium import Chromium, wait_for
from tests.e2e.firefox import Firefox, FirefoxPage
from tests.e2e.firefox_captures import START, open_page
from tests.e2e.proving_ground import FORGE, PATHS, ProvingGround
from tests.e2e.replaying import Look, firefox_looks, looks
from tests.e2e.stack import Stack
from tests.extension.capture.browser import read_records

EVERY = (*PATHS, "/result")
ASKING = ("/components", "/encodings", "/posts", "/workers", "/sw/page", "/streams", "/video")
"""Pages that ask for more than a document and its pictures: what recording is for."""
PAGES = {
    "chromium-as_seen": EVERY,
    "chromium-recorded": ASKING,
    "chromium-reloaded": ("/components",),
    "firefox-as_seen": EVERY,
    "firefox-reloaded": ("/components",),
}
SHELVED = [(kind, path) for kind, paths in PAGES.items() for path in paths]
FRAMES = {"/components": (0, 1)}
SEALING_S = 180
Browser = Chromium | Firefox


@dataclass(frozen=True)
class Kept:
    """One sealed capture: its archive, and what the page showed when it was captured, by the address of each frame."""

    capture_id: str
    url: str
    wacz: bytes
    seen: dict[str, Look]

    @property
    def pageinfo(self) -> dict[str, Any]:
        """The archive's account of itself."""
        with zipfile.ZipFile(io.BytesIO(self.wacz)) as packed:
            records = read_records(packed.read("archive/data.warc.gz"))
            return dict(json.loads(next(record.body for record in records if record.uri.startswith("urn:pageinfo:"))))


class Shelf:
    """The captures by kind and path: one browser captures all pages, the service seals them meanwhile."""

    def __init__(self, stack: Stack, ground: ProvingGround) -> None:
        self.kept: dict[tuple[str, str], Kept] = {}
        self._stack = stack
        self._ground = ground
        self._taken: dict[tuple[str, str], tuple[str, dict[str, Look]]] = {}

    def from_chromium(self, browser: Chromium) -> None:
        """Every kind of Chromium's. Each page has a tab of its own."""
        ways = {"chromium-as_seen": self._as_seen, "chromium-recorded": self._recorded, "chromium-reloaded": self._reloaded}
        for kind, capture in ways.items():
            for path in PAGES[kind]:
                capture(browser, (kind, path))
        self._fetch(browser)

    def from_firefox(self, firefox: Firefox) -> None:
        """Every kind of Firefox's. What was asked for by a form cannot be asked for again: it is never reloaded."""
        for path in PAGES["firefox-as_seen"]:
            self._in_firefox(firefox, path)
        self._fetch(firefox)

    def _as_seen(self, browser: Chromium, key: tuple[str, str]) -> None:
        page = self._opened(browser, key[1])
        self._take(browser, key, lambda: browser.click_toolbar(page), lambda: looks(page))
        page.close()

    def _recorded(self, browser: Chromium, key: tuple[str, str]) -> None:
        page = self._opened(browser, "/form")
        popup = asked_for(browser, page, "recorded")
        wait_for(lambda: popup.is_visible("#finish"), 30, lambda: popup.inner_text("#status"))
        popup.close()
        page.bring_to_front()
        page.goto(self._ground.url + key[1])
        self._finished(page)
        self._take(browser, key, lambda: browser.click_toolbar(page), lambda: looks(page))
        page.close()

    def _reloaded(self, browser: Chromium, key: tuple[str, str]) -> None:
        page = self._opened(browser, key[1])
        self._take(browser, key, lambda: asked_for(browser, page, "reloaded"), lambda: looks(page))
        page.close()

    def _in_firefox(self, firefox: Firefox, path: str) -> None:
        page = self._opened_in_firefox(firefox, path)
        see = lambda: firefox_looks(firefox, page, FRAMES.get(path, ()))  # noqa: E731
        self._take(firefox, ("firefox-as_seen", path), lambda: firefox.click_toolbar(page), see)
        if path in PAGES["firefox-reloaded"]:
            firefox.show(page)
            self._take(firefox, ("firefox-reloaded", path), lambda: firefox.at_desk(START, page.url, {"mode": "reloaded"}), see)
        firefox.close(page)

    def _opened(self, browser: Chromium, path: str) -> Page:
        """The page when it has everything: what only a form leads to by its form, what is forged as somebody forges it."""
        page = browser.open(self._ground.url + ("/form" if path == "/result" else path))
        if path == "/result":
            page.click("#send")
            page.wait_for_url(f"{self._ground.url}/result")
        self._finished(page)
        if path == "/forged":
            page.evaluate(FORGE)
        return page

    def _finished(self, page: Page) -> None:
        page.wait_for_selector("body[data-done]")
        self._ground.log.settle(quiet_s=0.3)

    def _opened_in_firefox(self, firefox: Firefox, path: str) -> FirefoxPage:
        """The same in Firefox."""
        page = open_page(firefox, self._ground.url + ("/form" if path == "/result" else path))
        if path == "/result":
            firefox.evaluate(page, "setTimeout(() => document.getElementById('send').click(), 0);")
            there = 'return location.pathname === "/result" && document.readyState === "complete"'
            wait_for(lambda: bool(firefox.evaluate(page, there)), 20, lambda: "nothing came of the form")
        self._ground.log.settle(quiet_s=0.3)
        if path == "/forged":
            firefox.evaluate(page, FORGE)
        return page

    def _take(
        self, browser: Browser, key: tuple[str, str], start: Callable[[], object], see: Callable[[], dict[str, Look]]
    ) -> None:
        """Captures, and remembers what the page shows once that is done."""
        before = {item["captureId"] for item in browser.items()}
        start()
        item = browser.wait_for_item(lambda item: item["captureId"] not in before, timeout_s=60)
        self._taken[key] = (str(item["captureId"]), see())

    def _fetch(self, browser: Browser) -> None:
        """Waits until all of this browser's captures are sealed and takes their archives from the service."""
        states: dict[str, str] = {}

        def sealed() -> bool:
            states.update({item["captureId"]: item["state"] for item in browser.items()})
            return set(states.values()) == {"sealed"}

        wait_for(sealed, SEALING_S, lambda: str(states))
        with httpx2.Client(headers={"Authorization": f"Bearer {browser.token}"}, timeout=60) as http:
            for key in [key for key, (capture_id, _) in self._taken.items() if capture_id in states]:
                capture_id, seen = self._taken.pop(key)
                answer = http.get(f"{self._stack.url}/api/v1/captures/{capture_id}/artifacts/page.wacz")
                self.kept[key] = Kept(capture_id, self._ground.url + key[1], answer.raise_for_status().content, seen)


def asked_for(browser: Chromium, page: Page, mode: str) -> Page:
    """The popup of the page after its button was clicked with this mode chosen."""
    popup = browser.open_popup(page)
    popup.select_option("#mode", mode)
    popup.click("#capture")
    return popup
