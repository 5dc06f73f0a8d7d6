"""The forms of the popup: labels looked for, areas to be covered; what was filled in is what is sealed."""

import base64
import json
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.chromium import Chromium, wait_for
from tests.extension.ui.pages import PUT_ITEMS, expect_sealed

pytestmark = pytest.mark.browser
HELD_UNTIL = """async () => {
  const forms = Object.entries(await chrome.storage.session.get(null)).filter(([key]) => key.startsWith("form:"));
  return forms[0][1].typingUntil;
}"""


@pytest.fixture
def capturing(browser: Chromium, popup: Page) -> Page:
    """The popup of a capture whose sealing is held back by the open form."""
    popup.evaluate(PUT_ITEMS, [])
    popup.reload()
    popup.click("#observe summary")
    popup.click("#capture")
    expect(popup.locator("#seal-now")).to_be_visible(timeout=60_000)
    return popup


def sealed(browser: Chromium, popup: Page) -> dict[str, Any]:
    """The statement's predicate once the capture is sealed."""
    expect_sealed(popup)
    (item,) = browser.items()
    payload = base64.b64decode(json.loads(item["envelope"])["payload"])
    return dict(json.loads(payload)["predicate"])


def test_sealing_waits_for_the_open_form_and_takes_its_answers(browser: Chromium, capturing: Page) -> None:
    capturing.select_option("#finding", "political_ad")
    capturing.select_option("#state-political_ad_sponsor", "present")
    capturing.fill("#value-political_ad_sponsor", "Harbour Party")
    capturing.select_option("#state-political_ad_election", "absent")
    capturing.select_option("#place-political_ad_election", "view")
    capturing.select_option("#state-political_ad_targeting", "absent")
    expect(capturing.locator("[data-kind=political_ad_targeting]")).to_contain_text("Until then this counts as not checked")
    until = capturing.evaluate(HELD_UNTIL)
    longer_than_a_pause = until + 3000
    wait_for(lambda: bool(capturing.evaluate(HELD_UNTIL) > longer_than_a_pause), 30, lambda: "the hold was not renewed")
    assert browser.items() == []
    capturing.click("#seal-now")
    answers = {one["kind"]: one for one in sealed(browser, capturing)["labelObservations"]}
    assert answers["political_ad_sponsor"]["value"] == "Harbour Party"
    assert answers["political_ad_election"]["state"] == "absent"
    region = answers["political_ad_election"]["region"]
    assert region["artifact"] == "screenshot.viewport.png" and region["width"] > 0
    assert answers["political_ad_targeting"]["state"] == "not_checked"  # nobody said where they looked
    assert answers["political_ad_notice_link"] == {"layer": 2, "kind": "political_ad_notice_link", "state": "not_checked"}


def test_an_area_is_marked_by_keyboard_alone_and_stands_in_the_statement(browser: Chromium, capturing: Page) -> None:
    capturing.click("#masking summary")
    capturing.click("#observe summary")  # closed again: the other part still holds the sealing back
    capturing.focus("#add-mask")
    capturing.keyboard.press("Enter")
    expect(capturing.locator("#region-stage")).to_be_focused()
    for key in ("Shift+ArrowLeft", "ArrowUp", "Alt+ArrowUp", "Enter"):
        capturing.keyboard.press(key)
    expect(capturing.locator("#masks li")).to_have_count(1)
    capturing.focus("#add-mask")
    capturing.keyboard.press("Enter")
    expect(capturing.locator("#region-stage")).to_be_focused()
    capturing.keyboard.press("Escape")
    expect(capturing.locator("#region")).to_be_hidden()
    expect(capturing.locator("#masks li")).to_have_count(1)
    capturing.click("#seal-now")
    predicate = sealed(browser, capturing)
    (mask,) = predicate["masks"]
    assert mask["reason"] == "own_account" and mask["box"]["width"] > 1
    assert "labelObservations" not in predicate  # the form was open and nobody touched it


def test_a_closed_popup_lets_the_capture_be_sealed(browser: Chromium, capturing: Page) -> None:
    capturing.goto("about:blank")
    browser.wait_for_item(lambda item: item["state"] == "queued", timeout_s=60)


def test_what_the_page_says_of_its_post_is_shown_and_sealed_as_its_claim(browser: Chromium) -> None:
    facts = {"@context": "https://schema.org", "@type": "NewsArticle", "headline": "A", "datePublished": "2026-01-02T03:04:05Z"}
    article = browser.context.new_page()
    article.goto(f"data:text/html,<title>A</title><script type='application/ld+json'>{json.dumps(facts)}</script><p>Words")
    popup = browser.context.new_page()
    popup.goto(f"chrome-extension://{browser.id}/ui/queue.html")
    popup.evaluate(PUT_ITEMS, [])
    tab_id = popup.evaluate("async () => (await chrome.tabs.query({})).find((tab) => tab.url.startsWith('data:')).id")
    popup.goto(f"chrome-extension://{browser.id}/ui/popup.html?tabId={tab_id}")
    post = sealed(browser, popup)["post"]
    assert (post["platform"], post["postedAt"][0]["value"][:19]) == ("web", "2026-01-02T03:04:05")
    popup.click("#post summary")
    expect(popup.locator("#post")).to_contain_text("nobody has checked them")
    expect(popup.locator("#post-facts")).to_contain_text("from the page's data")
    article.close()
    popup.close()
