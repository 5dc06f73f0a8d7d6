"""What a person reads and can do on the extension's two pages, in a real Chromium: states that the real path rarely shows.

The service here answers pairing only, and badly; the real path is tests/e2e. Captures are put into the extension's own database.
"""

import hashlib
import json
import re
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.e2e.chromium import EXTENSION, Chromium

pytestmark = pytest.mark.browser
SOURCES = EXTENSION.parents[1]
ATTACK = "<img src=x onerror=\"document.body.dataset.owned='1'\">"
PROOF = {"receipt": "", "event": "", "time": "2026-01-02T03:04:05.000Z", "index": 0, "treeSize": 1}
SERVICE = {"serverUrl": "http://127.0.0.1:9", "origin": "o/log", "logVkey": "l", "serviceVkey": "s"}

PUT_ITEMS = """async (items) => {
  const opening = indexedDB.open("holdstill", 1);
  const database = await new Promise((resolve) => { opening.onsuccess = () => resolve(opening.result); });
  const transaction = database.transaction("items", "readwrite");
  transaction.objectStore("items").clear();
  for (const item of items) transaction.objectStore("items").put(item, item.captureId);
  await new Promise((resolve) => { transaction.oncomplete = resolve; });
  database.close();
}"""


UNNAMED = """() => [...document.querySelectorAll("input, textarea, select, button, a[href]")]
  .filter((node) => node.checkVisibility())
  .filter((node) => !(node.labels?.[0]?.textContent.trim() || node.textContent.trim() || node.getAttribute("aria-label")))
  .map((node) => node.id)"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    with sync_playwright() as playwright:
        started = Chromium(playwright, tmp_path_factory.mktemp("profile")).start()
        try:
            yield started
        finally:
            started.stop()


class BadService(ThreadingHTTPServer):
    """Answers every pairing with `answer` = (status, JSON)."""

    answer: tuple[int, dict[str, Any]] = (500, {})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: BadService

    def do_OPTIONS(self) -> None:
        self._send(204, b"")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        status, body = self.server.answer
        self._send(status, json.dumps(body).encode())

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        for name, value in (("Origin", "*"), ("Headers", "content-type"), ("Methods", "POST")):
            self.send_header(f"Access-Control-Allow-{name}", value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def service() -> Iterator[BadService]:
    server = BadService(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def options(browser: Chromium) -> Iterator[Page]:
    yield from opened(browser, "options.html")


@pytest.fixture
def popup(browser: Chromium) -> Iterator[Page]:
    """The popup of a tab that is about:blank, waiting for its button."""
    yield from opened(browser, f"popup.html?tabId={blank_tab(browser)}&start=0")


def opened(browser: Chromium, page_name: str) -> Iterator[Page]:
    page = browser.context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.set_viewport_size({"width": 400, "height": 700})
    page.goto(f"chrome-extension://{browser.id}/ui/{page_name}")
    yield page
    page.close()
    assert faults == []


def blank_tab(browser: Chromium) -> int:
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
    expect(page.locator("#queue li")).to_have_count(len(items))


def pair(page: Page, url: str, code: str = "CODE") -> None:
    page.fill("#server-url", url)
    page.fill("#pairing-code", code)
    page.click("#pair")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((403, {"code": "pairing_refused"}), "did not accept the code"),
        ((429, {"code": "too_many"}), "Too many tries"),
        ((200, {"device_id": "d", "token": "t"}), "no proper keys"),
        ((201, {"device_id": "d", "token": "t", "origin": "o", "log_vkey": "x", "service_vkey": "y"}), "no proper keys"),
        ((503, {}), "does not know"),
    ],
)
def test_a_failed_pairing_says_why_and_pairs_nothing(
    browser: Chromium, options: Page, service: BadService, answer: tuple[int, dict[str, Any]], words: str
) -> None:
    service.answer = answer
    pair(options, service.url)
    expect(options.locator("#pair-status")).to_contain_text(words)
    expect(options.locator("#pair-status")).to_have_attribute("data-kind", "failed")
    expect(options.locator("#pair")).to_be_enabled()
    options.reload()
    expect(options.locator("#pair-status")).to_have_text("Not paired.")


@pytest.mark.parametrize(
    ("url", "code", "words"),
    [
        ("http://evidence.example", "CODE", "Use https://"),
        ("nonsense here", "CODE", "not an address"),
        ("http://127.0.0.1:9", "CODE", "No answer"),
        ("http://127.0.0.1:9", " ", "Type the pairing code"),
    ],
)
def test_an_address_that_cannot_work_is_said_in_words(options: Page, url: str, code: str, words: str) -> None:
    pair(options, url, code)
    expect(options.locator("#pair-status")).to_contain_text(words)


def test_the_keyboard_shortcut_is_bound(options: Page) -> None:
    expect(options.locator("#shortcut")).to_contain_text("Alt+Shift+E")


def test_the_options_name_the_build_that_anyone_can_recompute(options: Page) -> None:
    built = hashlib.sha256((EXTENSION / "SHA256SUMS").read_bytes()).hexdigest()
    expect(options.locator("#build")).to_contain_text(built)


def test_opened_with_start_0_nothing_happens_until_the_button(popup: Page) -> None:
    popup.evaluate(PUT_ITEMS, [])
    popup.reload()
    expect(popup.locator("#status")).to_have_text("Ready.")
    expect(popup.locator("#capture")).to_be_enabled()
    expect(popup.locator("#queue li")).to_have_count(0)
    popup.fill("#note", "what matters")
    popup.click("#capture")
    expect(popup.locator("#status")).to_contain_text("Sealed.", timeout=20_000)
    expect(popup.locator("#form-state")).to_contain_text("what matters")
    expect(popup.locator("#queue li")).to_have_attribute("data-state", "queued")  # nothing is paired


def test_each_state_of_a_capture_is_shown(popup: Page) -> None:
    later = 4_000_000_000_000
    open_upload = {"a" * 64: {"path": "/u", "sentBytes": 8 << 20}}
    show(
        popup,
        item("1", state="sealed", committed=PROOF, sealed=PROOF | {"index": 1}),
        item(
            "2", state="uploading", committed=PROOF, missing=["a" * 64], uploads=open_upload, retryAt=later, reason="unreachable"
        ),
        item("3", state="committing", retryAt=later, reason="service_busy"),
        item("4", state="failed", reason="receipt_invalid", retryAt=later),
        item("5"),
    )
    entries = popup.locator("#queue li")
    assert [entries.nth(at).get_attribute("data-state") for at in range(5)] == [
        "queued",
        "failed",
        "queued",
        "uploading",
        "sealed",
    ]
    expect(entries.nth(4).locator(".proof")).to_have_count(2)
    expect(entries.nth(4).locator(".proof").first).to_contain_text("log entry 0 · receipt verified")  # zero is an entry
    expect(entries.nth(4).locator("a")).to_have_attribute("href", "http://127.0.0.1:9/captures/1")
    expect(entries.nth(3)).to_contain_text("8 MB of 24 MB sent")
    expect(entries.nth(3)).to_contain_text("No connection")
    expect(entries.nth(1)).to_contain_text("does not hold against the keys pinned")
    expect(entries.nth(0).locator("a")).to_have_count(0)  # the service does not know it yet


def test_a_capture_that_waits_can_be_discarded_and_a_committed_one_cannot(popup: Page) -> None:
    show(popup, item("1", state="uploading", committed=PROOF, retryAt=4_000_000_000_000, reason="unreachable"), item("2"))
    expect(popup.get_by_role("button", name="Discard: Page 1")).to_have_count(0)
    popup.get_by_role("button", name="Discard: Page 2").click()
    expect(popup.locator("#queue li")).to_have_count(1)
    popup.reload()
    expect(popup.locator("#queue li")).to_have_attribute("data-capture-id", "1")


def test_markup_in_a_page_title_stays_text(popup: Page) -> None:
    show(popup, item("1", page={"url": f"https://news.example/{ATTACK}", "title": ATTACK}))
    expect(popup.locator("#queue .name")).to_have_text(ATTACK)
    expect(popup.locator("#queue img")).to_have_count(0)
    assert popup.evaluate("document.body.dataset.owned") is None


def test_a_run_whose_worker_was_killed_is_not_shown_as_running(browser: Chromium, popup: Page) -> None:
    run = {"runId": "r", "startedAt": "2026-01-02T03:04:05Z", "phase": "collecting", "url": "https://a.example", "title": "A"}
    more = {"tabId": blank_tab(browser), "step": None, "pageinfo": None, "captureId": None, "error": None}
    popup.evaluate("(run) => chrome.storage.session.set({[`run:${run.tabId}`]: run})", run | more)
    popup.reload()
    expect(popup.locator("#status")).to_contain_text("stopped this capture before it was sealed")
    expect(popup.locator("#capture")).to_be_enabled()
    popup.evaluate("(id) => chrome.storage.session.remove(`run:${id}`)", more["tabId"])


def test_a_tab_that_is_gone_is_said(browser: Chromium, popup: Page) -> None:
    popup.goto(f"chrome-extension://{browser.id}/ui/popup.html?tabId=999999999")
    expect(popup.locator("#status")).to_have_text("The tab is closed.")


def test_a_web_page_cannot_talk_to_the_queue(browser: Chromium) -> None:
    page = browser.context.new_page()
    page.goto("data:text/html,<p>page")
    assert page.evaluate(
        "typeof chrome === 'undefined' || chrome.runtime === undefined || chrome.runtime.sendMessage === undefined"
    )
    page.close()


@pytest.mark.parametrize("page_name", ["options.html", "popup.html?start=0"])
def test_every_field_has_a_name_and_everything_is_reached_by_keyboard(browser: Chromium, page_name: str) -> None:
    for page in opened(browser, page_name):
        page.wait_for_function("document.querySelectorAll('[data-text]:empty').length === 0")
        unnamed = page.evaluate(UNNAMED)
        assert unnamed == []
        wanted = page.evaluate(
            """() => [...document.querySelectorAll("input, textarea, select, button")].filter((node) => node.checkVisibility()
                 && !node.disabled).map((node) => node.id)"""
        )
        reached = []
        for _ in range(len(wanted) + 6):
            page.keyboard.press("Tab")
            reached.append(page.evaluate("document.activeElement.id"))
        assert set(wanted) <= set(reached)


def test_no_text_is_missing_and_none_is_left_over() -> None:
    """Every key the pages use is in _locales, and every message there is used: by name, or by the code that ends it."""
    messages = set(json.loads((SOURCES / "_locales/en/messages.json").read_text("utf-8")))
    sources = [*SOURCES.glob("ui/*.js"), *SOURCES.glob("ui/*.html"), SOURCES / "manifest.base.json"]
    text = "\n".join(path.read_text("utf-8") for path in sources)
    codes = "\n".join(path.read_text("utf-8") for path in [*SOURCES.glob("queue/*.js"), *SOURCES.glob("ui/*.js")])
    families = ("reason_", "error_", "status_", "state_", "step_", "pair_", "proof_")

    def is_used(key: str) -> bool:
        family = next((name for name in families if key.startswith(name)), None)
        return key in text or (family is not None and f'"{key.removeprefix(family)}"' in codes)

    assert sorted(key for key in messages if not is_used(key)) == []
    named = set(re.findall(r'data-(?:text|placeholder|title)="(\w+)"', text)) | set(re.findall(r'\btext\("(\w+)"', text))
    assert sorted(named - messages) == []
    reasons = set(re.findall(r'reason: "(\w+)"', codes)) | {"other_service"}
    assert sorted(f"reason_{code}" for code in reasons if f"reason_{code}" not in messages) == []


def test_the_build_is_the_same_twice(tmp_path: Path) -> None:
    sums = []
    for name in ("one", "another folder"):
        out = tmp_path / name
        subprocess.run(["node", str(SOURCES / "build.mjs"), str(out)], check=True, capture_output=True, timeout=60)
        subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=out, check=True, timeout=60)
        sums.append((out / "SHA256SUMS").read_bytes())
    assert sums[0] == sums[1]
