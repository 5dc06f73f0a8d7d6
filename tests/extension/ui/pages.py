"""The extension's pages, opened in tabs of a real Chromium, and captures put straight into the extension's own database."""

from collections.abc import Iterator
from typing import Any

from playwright.sync_api import Page, expect

from tests.e2e.chromium import Chromium

PROOF = {"receipt": "", "event": "", "time": "2026-01-02T03:04:05.000Z", "index": 0, "treeSize": 1}
SERVICE = {"serverUrl": "http://127.0.0.1:9", "origin": "o/log", "logVkey": "l", "serviceVkey": "s"}
PAIRING_PARTS = ("pair-status", "sites-status", "build", "shortcut")
PUT_ITEMS = """async (items) => {
  const opening = indexedDB.open("holdstill", 1);
  const database = await new Promise((resolve) => { opening.onsuccess = () => resolve(opening.result); });
  const transaction = database.transaction("items", "readwrite");
  transaction.objectStore("items").clear();
  for (const item of items) transaction.objectStore("items").put(item, item.captureId);
  await new Promise((resolve) => { transaction.oncomplete = resolve; });
  database.close();
}"""
HOLD_LOCK = """(name) => new Promise((held, failed) => {
  navigator.locks.request(name, () => new Promise((resolve) => { globalThis.letGo = resolve; held(); })).catch(failed);
})"""
PAIRING_DRAWN = "".join(f":has({part})" for part in ("#pair:enabled", *(f"#{name}:not(:empty)" for name in PAIRING_PARTS)))
DRAWN = f"body[data-drawn], body{PAIRING_DRAWN}"
UNNAMED = """() => [...document.querySelectorAll("input, textarea, select, button, a[href]")]
  .filter((node) => node.checkVisibility())
  .filter((node) => !(node.labels?.[0]?.textContent.trim() || node.textContent.trim() || node.getAttribute("aria-label")))
  .map((node) => node.id)"""


def opened(browser: Chromium, page_name: str) -> Iterator[Page]:
    page = browser.context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.set_viewport_size({"width": 400, "height": 700})
    page.goto(f"chrome-extension://{browser.id}/ui/{page_name}")
    expect_drawn(page)
    yield page
    page.close()
    assert faults == []


def blank_tab(browser: Chromium) -> int:
    """The empty tab that the browser began with."""
    return int(browser.worker().evaluate("async () => (await chrome.tabs.query({url: 'about:blank'}))[0].id"))


def item(capture_id: str, **change: Any) -> dict[str, Any]:
    """A queued capture as queue/reducer.js describes it."""
    artifact = {"role": "page.wacz", "name": "page.wacz", "mediaType": "a/b", "sha256": "a" * 64, "sizeBytes": 24 << 20}
    plain = {
        "captureId": capture_id,
        "createdAt": f"2026-01-02T03:04:{int(capture_id):02}.000Z",
        "page": {"url": "https://news.example/a", "title": f"Page {capture_id}"},
        "envelope": "",
        "keyId": "k",
        "artifacts": [artifact],
        "service": SERVICE,
        "state": "queued",
        "resume": "committing",
        "missing": [],
        "uploads": {},
        "attempts": 0,
        "retryAt": None,
        "reason": None,
        "committed": None,
        "sealed": None,
    }
    return plain | change


def show(page: Page, *items: dict[str, Any]) -> None:
    page.evaluate(PUT_ITEMS, list(items))
    page.reload()
    expect_drawn(page)
    expect(page.locator("#queue > li")).to_have_count(len(items))


def expect_drawn(page: Page) -> None:
    """Once a page of the extension has read all that it shows."""
    expect(page.locator(DRAWN)).to_be_attached()


def expect_sealed(page: Page) -> None:
    """Once the popup says that its capture is sealed."""
    expect(page.locator("#status")).to_contain_text("Sealed.", timeout=60_000)


def hold_tab(page: Page, tab_id: int) -> None:
    """The page holds the tab's lock, as a worker that captures it does: until the page goes away, or `letGo()` is called."""
    page.evaluate(HOLD_LOCK, f"holdstill-tab-{tab_id}")


def put_run(page: Page, tab_id: int, **change: Any) -> None:
    """Puts the run `r` of a tab where the worker keeps it (queue/runs.js); without its lock it is one whose worker died."""
    plain = {"runId": "r", "tabId": tab_id, "startedAt": "2026-01-02T03:04:05Z", "url": "https://x.com/a", "title": "A"}
    more = {"step": None, "pageinfo": None, "captureId": None, "error": None}
    page.evaluate("(run) => chrome.storage.session.set({[`run:${run.tabId}`]: run})", plain | more | change)
