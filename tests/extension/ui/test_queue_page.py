"""The page of all captures: what a person finds, sees and saves there, and the warning before the disk is full."""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.chromium import Chromium
from tests.extension.ui.pages import PROOF, blank_tab, expect_sealed, item, opened, show

pytestmark = pytest.mark.browser
RECEIPT = "c2sp.org/tlog-proof@v1\nindex 0\n"
EVENT = '{"payloadType":"application/vnd.in-toto+json"}'


@pytest.fixture
def queue(browser: Chromium) -> Iterator[Page]:
    yield from opened(browser, "queue.html")


def test_captures_are_found_by_words_and_by_state(queue: Page) -> None:
    harbour = item(
        "2", page={"url": "https://harbour.example/b", "title": "Brücke am Hafen"}, state="failed", reason="service_refused"
    )
    show(queue, item("1"), harbour, item("3", state="sealed", committed=PROOF, sealed=PROOF))
    queue.fill("#search", "brucke harbour")
    expect(queue.locator("#queue li[data-state]")).to_have_count(1)
    expect(queue.locator("#queue li[data-state]")).to_have_attribute("data-capture-id", "2")
    expect(queue.locator("#count")).to_have_text("1 of 3 captures")
    queue.fill("#search", "nowhere")
    expect(queue.locator("#queue-empty")).to_have_text("No capture fits.")
    queue.fill("#search", "")
    queue.select_option("#filter", "sealed")
    expect(queue.locator("#queue li[data-state]")).to_have_count(1)
    expect(queue.locator("#queue li[data-state]")).to_have_attribute("data-capture-id", "3")


def test_what_failed_says_why_and_can_be_tried_at_once(queue: Page) -> None:
    show(queue, item("1", state="failed", reason="service_refused", retryAt=4_000_000_000_000))
    expect(queue.locator("#queue > li")).to_contain_text("The service refused this capture.")
    queue.get_by_role("button", name="Try now: Page 1").click()
    expect(queue.locator("#queue > li")).to_have_attribute("data-state", "uploading")  # not paired: on its way again, and waiting


def test_captures_that_wait_for_a_pairing_are_counted_and_none_is_lost(queue: Page) -> None:
    show(queue, item("1", state="failed", reason="pairing_revoked"), item("2"))
    expect(queue.locator("#pairing-notice")).to_contain_text("Waiting here: 2.")
    expect(queue.locator("#pairing-notice a")).to_have_attribute("href", "options.html")


def test_receipts_and_events_are_saved_byte_for_byte(queue: Page) -> None:
    proof = PROOF | {"receipt": RECEIPT, "event": EVENT}
    show(queue, item("1", state="sealed", committed=proof, sealed=proof, envelope="{}"))
    queue.get_by_text("Files and receipts").click()
    for name, words in (("Receipt: time fixed", RECEIPT), ("Signed event: complete", EVENT), ("Signed statement", "{}")):
        with queue.expect_download() as saved:
            queue.get_by_role("button", name=name).click()
        assert Path(saved.value.path()).read_text("utf-8") == words
    expect(queue.get_by_role("button", name="Save the whole capture")).to_have_count(0)  # its bytes are at the service


def test_a_capture_that_was_never_sent_is_saved_whole_and_stays(browser: Chromium, queue: Page, tmp_path: Path) -> None:
    show(queue)
    page = browser.context.new_page()
    page.goto(f"chrome-extension://{browser.id}/ui/popup.html?tabId={blank_tab(browser)}")
    expect_sealed(page)
    page.close()
    queue.reload()
    queue.get_by_text("Files and receipts").click()
    with queue.expect_download() as saved:
        queue.get_by_role("button", name="Save the whole capture").click()
    expect(queue.locator("#done")).to_contain_text("The capture also stays here")
    assert saved.value.suggested_filename.endswith(".holdstill.zip")
    with zipfile.ZipFile(saved.value.path()) as packed:
        assert packed.testzip() is None
        names = packed.namelist()
        assert json.loads(packed.read(names[0]))["payloadType"] == "application/vnd.in-toto+json"
    assert names[0] == "statement.dsse.json" and {"screenshot.viewport.png", "page.wacz"} <= set(names)
    expect(queue.locator("#queue li[data-state]")).to_have_attribute("data-state", "queued")


def test_bytes_that_are_gone_are_not_exported_as_if_they_were_there(queue: Page) -> None:
    show(queue, item("1", envelope="{}"))
    queue.get_by_text("Files and receipts").click()
    queue.get_by_role("button", name="Save the whole capture").click()
    expect(queue.locator("#done")).to_have_text("This computer no longer holds all bytes of this capture.")


def test_discarding_asks_first(queue: Page) -> None:
    show(queue, item("1"))
    queue.once("dialog", lambda dialog: dialog.dismiss())
    queue.get_by_role("button", name="Discard: Page 1").click()
    expect(queue.locator("#queue li[data-state]")).to_have_count(1)
    queue.once("dialog", lambda dialog: dialog.accept())
    queue.get_by_role("button", name="Discard: Page 1").click()
    expect(queue.locator("#queue li[data-state]")).to_have_count(0)


@pytest.mark.parametrize("page_name", ["queue.html", "popup.html?start=0"])
def test_little_room_is_said_before_a_capture_is_lost_to_it(browser: Chromium, page_name: str) -> None:
    for page in opened(browser, page_name):
        show(page, item("1", state="sealed", committed=PROOF, sealed=PROOF))
        expect(page.locator("#room-notice")).to_be_hidden()
        page.add_init_script("navigator.storage.estimate = async () => ({ quota: 50 << 20, usage: 10 << 20 })")
        page.reload()
        expect(page.locator("#room-notice")).to_contain_text("40 MB free")
        expect(page.locator("#room-notice")).to_contain_text(
            "may need 100 MB"
        )  # of the 24 MB capture: below the least that is asked for
