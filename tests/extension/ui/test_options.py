"""What a person reads and can do on the options page: failed pairings are said in words and pair nothing."""

import hashlib
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.chromium import EXTENSION, Chromium
from tests.extension.ui.conftest import BadService
from tests.extension.ui.pages import UNNAMED, opened

pytestmark = pytest.mark.browser


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


@pytest.mark.parametrize("page_name", ["options.html", "popup.html?start=0"])
def test_every_field_has_a_name_and_everything_is_reached_by_keyboard(browser: Chromium, page_name: str) -> None:
    for page in opened(browser, page_name):
        assert page.evaluate("document.querySelectorAll('[data-text]:empty').length") == 0
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


@pytest.mark.parametrize("page_name", ["batch.html", "popup.html?start=0"])
def test_the_hourly_limit_of_automatic_captures_is_said_when_it_is_reached(browser: Chromium, page_name: str) -> None:
    for page in opened(browser, page_name):
        expect(page.locator("#auto-limit")).to_be_hidden()
        page.evaluate("chrome.storage.local.set({ autoBegun: { 'busy.example': Array(60).fill(Date.now() - 60_000) } })")
        expect(page.locator("#auto-limit")).to_contain_text(
            "busy.example: the limit of 60 automatic captures an hour is reached."
        )
        page.evaluate("chrome.storage.local.set({ autoOver: { 'busy.example': { missed: 7, lastAt: Date.now() } } })")
        expect(page.locator("#auto-limit")).to_contain_text("Pages not captured: 7, the last at")
        page.evaluate("chrome.storage.local.remove(['autoBegun', 'autoOver'])")
        expect(page.locator("#auto-limit")).to_be_hidden()
