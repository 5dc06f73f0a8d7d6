"""What a person reads and can do in the popup: states that the real path rarely shows."""

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.chromium import Chromium
from tests.extension.ui.pages import PROOF, PUT_ITEMS, blank_tab, expect_sealed, item, put_run, show

pytestmark = pytest.mark.browser
ATTACK = "<img src=x onerror=\"document.body.dataset.owned='1'\">"


def test_opened_with_start_0_nothing_happens_until_the_button(popup: Page) -> None:
    popup.evaluate(PUT_ITEMS, [])
    popup.reload()
    expect(popup.locator("#status")).to_have_text("Ready.")
    expect(popup.locator("#capture")).to_be_enabled()
    expect(popup.locator("#queue li")).to_have_count(0)
    popup.fill("#note", "what matters")
    popup.click("#capture")
    expect_sealed(popup)
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
    for at, state in enumerate(["queued", "failed", "queued", "uploading", "sealed"]):
        expect(entries.nth(at)).to_have_attribute("data-state", state)
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
    put_run(popup, blank_tab(browser), phase="collecting")
    popup.reload()
    expect(popup.locator("#status")).to_contain_text("stopped this capture before it was sealed")
    expect(popup.locator("#capture")).to_be_enabled()


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
