"""A real Chromium with the built extension, driven as a person would: its toolbar button and its options page."""

import base64
import contextlib
import hashlib
import json
import os
import re
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
from playwright.sync_api import BrowserContext, CDPSession, Error, Page, Playwright, Worker

from tests.e2e.processes import REPOSITORY

EXTENSION = REPOSITORY / "extension" / "dist" / "chromium"
PAIRING_S = 20
BUSY = 4  # how much longer than alone anything may take beside everything else that a machine does
READ_ITEMS = """() => new Promise((resolve, reject) => {
  const request = indexedDB.open("holdstill");
  request.onupgradeneeded = () => request.transaction.abort(); // not made yet: reading must not make it
  request.onerror = () => reject(request.error);
  request.onsuccess = () => {
    const all = request.result.transaction("items").objectStore("items").getAll();
    all.onerror = () => reject(all.error);
    all.onsuccess = () => { request.result.close(); resolve(JSON.parse(JSON.stringify(all.result))); };
  };
})"""

READ_PAIRING = READ_ITEMS.replace('"items"', '"pairing"')
READ_PAYLOAD = """([captureId, sha256]) => new Promise((resolve, reject) => {
  const request = indexedDB.open("holdstill");
  request.onerror = () => reject(request.error);
  request.onsuccess = () => {
    const payloads = request.result.transaction("payloads").objectStore("payloads");
    const one = payloads.get(`${captureId}/${sha256}`);
    one.onerror = () => reject(one.error);
    one.onsuccess = () => {
      request.result.close();
      one.result.arrayBuffer().then((data) => resolve(new Uint8Array(data).toBase64()), reject);
    };
  };
})"""


class BrowserTimeout(AssertionError):
    """The browser did not come to the awaited state; the text says where it stood."""


def extension_id(folder: Path = EXTENSION) -> str:
    """The id that the manifest's key fixes: the first 32 hex digits of SHA-256(DER key), written a to p."""
    key = json.loads((folder / "manifest.json").read_text("utf-8"))["key"]
    digest = hashlib.sha256(base64.b64decode(key)).hexdigest()[:32]
    return "".join(chr(ord("a") + int(digit, 16)) for digit in digest)


def chromium_program() -> str | None:
    """The installed browser; None lets playwright look for its own."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Chromium:
    """One browser profile on disk with the extension in it. `start()` again on the same profile is a restart of the browser."""

    def __init__(self, playwright: Playwright, profile: Path, *, own_window: bool = False) -> None:
        """own_window: pages have the size that the window gives them, as people's have; else a fixed one."""
        self._playwright = playwright
        self._own_window = own_window
        self.profile = profile
        self.id = extension_id()
        self._context: BrowserContext | None = None

    @property
    def context(self) -> BrowserContext:
        assert self._context is not None, "the browser is not started"
        return self._context

    def __enter__(self) -> "Chromium":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> "Chromium":
        """Starts the browser. The info bar of chrome.debugger stays on, as people have it: hiding it would hide a real fault."""
        self._context = self._playwright.chromium.launch_persistent_context(
            self.profile,
            executable_path=chromium_program(),
            headless=True,
            no_viewport=self._own_window,
            viewport=None if self._own_window else {"width": 1280, "height": 800},
            args=["--no-sandbox", f"--disable-extensions-except={EXTENSION}", f"--load-extension={EXTENSION}"],
        )
        self._context.set_default_timeout(BUSY * 30_000)
        self.worker()
        return self

    def worker(self) -> Worker:
        """The extension's service worker."""
        found = [worker for worker in self.context.service_workers if self.id in worker.url]
        return found[0] if found else self.context.wait_for_event("serviceworker", timeout=BUSY * 15_000)

    def ask_worker(self, script: str, argument: Any = None) -> Any:
        """What the script, which only reads, gives in the service worker. A worker that ends meanwhile: the next one is asked."""
        deadline = time.monotonic() + BUSY * 15
        while True:
            try:
                return self.worker().evaluate(script, argument)
            except Error as error:
                if not re.search("closed|destroyed", str(error)) or time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def stop(self) -> None:
        if self._context is not None:
            with contextlib.suppress(Exception):
                self._context.close()
            self._context = None

    def kill(self) -> None:
        """kill -9 of every process of this browser: no handler runs, nothing is flushed."""
        mark = f"--user-data-dir={self.profile}"
        for process in psutil.process_iter(["pid"]):
            with contextlib.suppress(psutil.Error):
                if mark in process.cmdline():
                    for child in process.children(recursive=True):
                        child.send_signal(signal.SIGKILL)
                    process.send_signal(signal.SIGKILL)
        self.stop()
        for name in ("SingletonLock", "SingletonCookie", "SingletonSocket"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.profile / name)

    def open(self, url: str) -> Page:
        """A new tab in front, its page loaded with everything; a page of ours that goes on after that says when it is done."""
        page = self.context.new_page()
        page.goto(url, wait_until="load")
        page.wait_for_selector('html:not([data-ready="no"]) body:not([data-done="0"])', state="attached")
        page.bring_to_front()
        return page

    def click_toolbar(self, page: Page) -> None:
        """Clicks the toolbar button on the page's tab: grants activeTab and opens the popup, as a person's click does."""
        session = self._browser_session()
        tabs = session.send("Target.getTargets", {"filter": [{"type": "tab"}]})["targetInfos"]
        tab = next(found for found in tabs if found["url"] == page.url)
        session.send("Extensions.triggerAction", {"id": self.id, "targetId": tab["targetId"]})
        session.detach()

    def _browser_session(self) -> CDPSession:
        assert self.context.browser is not None
        return self.context.browser.new_browser_cdp_session()

    def pair(self, server_url: str, code: str) -> str:
        """Pairs through the extension's own options page; gives what the page then says. Raises: BrowserTimeout."""
        page = self.context.new_page()
        page.goto(f"chrome-extension://{self.id}/ui/options.html")
        page.fill("#server-url", server_url)
        page.fill("#pairing-code", code)
        page.click("#pair")
        status = page.locator("#pair-status[data-kind=done], #pair-status[data-kind=failed]")
        status.wait_for(timeout=BUSY * PAIRING_S * 1000)
        said, kind = status.inner_text().strip(), status.get_attribute("data-kind")
        if kind != "done":
            raise BrowserTimeout(f"not paired; the options page says: {said!r}")
        page.close()
        return said

    def pairing(self) -> dict[str, Any]:
        """What the extension pinned at pairing: the log's and the service's verifier keys, its own key id."""
        return dict(self.ask_worker(READ_PAIRING)[0])

    @property
    def token(self) -> str:
        """The device's token, as the extension keeps it."""
        return str(self.pairing()["token"])

    def open_popup(self, page: Page) -> Page:
        """The popup of the page's tab, in a tab of its own and without starting a capture."""
        tabs = self.ask_worker("async () => (await chrome.tabs.query({})).map((tab) => [tab.id, tab.url ?? ''])")
        tab_id = next(tab_id for tab_id, url in tabs if url == page.url)
        popup = self.context.new_page()
        popup.set_viewport_size({"width": 400, "height": 640})
        popup.goto(f"chrome-extension://{self.id}/ui/popup.html?tabId={tab_id}&start=0")
        return popup

    def items(self) -> list[dict[str, Any]]:
        """The captures as the extension keeps them, oldest first, with both verified receipts once it has them."""
        try:
            return sorted(self.ask_worker(READ_ITEMS), key=lambda item: item["createdAt"])
        except Exception as error:
            if re.search("not found|NotFoundError|AbortError|aborted", str(error)):
                return []
            raise

    def artifact(self, item: dict[str, Any], name: str) -> bytes:
        """The bytes of one artifact of a capture that is still in the browser's queue."""
        sha256 = next(one["sha256"] for one in item["artifacts"] if one["name"] == name)
        return base64.b64decode(self.ask_worker(READ_PAYLOAD, [item["captureId"], sha256]))

    def wait_for_item(self, reached: Callable[[dict[str, Any]], bool], *, timeout_s: float = 60) -> dict[str, Any]:
        """The newest capture once `reached(item)` is true. Raises: BrowserTimeout with its state and reason."""
        found: list[dict[str, Any]] = []

        def there() -> bool:
            found[:] = self.items()
            return bool(found) and reached(found[-1])

        wait_for(there, timeout_s, lambda: f"captures: {[(item['state'], item['reason']) for item in found]}")
        return found[-1]


def wait_for(condition: Callable[[], bool], timeout_s: float, describe: Callable[[], str]) -> None:
    """Returns when `condition()` is true. `timeout_s` is for an idle machine: a busy one is given BUSY times as long.

    Raises: BrowserTimeout with `describe()`.
    """
    deadline = time.monotonic() + BUSY * timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise BrowserTimeout(f"not within {BUSY * timeout_s:.0f} s: {describe()}")
        time.sleep(0.05)
