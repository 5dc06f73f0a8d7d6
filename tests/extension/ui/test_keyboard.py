"""The popup and the list of captures without a mouse: all is reached in the order it is read, visibly, and can be done."""

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.chromium import Chromium
from tests.extension.ui.pages import PROOF, PUT_ITEMS, expect_drawn, expect_sealed, item, opened, show

pytestmark = pytest.mark.browser
FOCUSED = """() => {
  const node = document.activeElement;
  if (node === null || node === document.body) return null;
  const style = getComputedStyle(node);
  node.dataset.walked ??= String(document.querySelectorAll("[data-walked]").length);
  return {walked: Number(node.dataset.walked), isSeen: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0};
}"""
NOT_WALKED = """() => [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']")]
  .filter((node) => node.checkVisibility() && !node.disabled && node.dataset.walked === undefined)
  .map((node) => node.id || node.textContent.trim().slice(0, 40))"""
ORDER = "() => [...document.querySelectorAll('[data-walked]')].map((node) => Number(node.dataset.walked))"


def walk(page: Page) -> None:
    """Presses Tab until it comes round. Raises: AssertionError for what is not reached, out of order, or not marked."""
    page.locator("body").evaluate("(body) => { document.activeElement.blur(); body.tabIndex = -1; body.focus(); }")
    unseen, seen = [], 0
    for _ in range(200):
        page.keyboard.press("Tab")
        found = page.evaluate(FOCUSED)
        if found is None or found["walked"] < seen:
            break
        seen = found["walked"] + 1
        if not found["isSeen"]:
            unseen.append(found["walked"])
    assert page.evaluate(NOT_WALKED) == []
    assert unseen == []
    order = page.evaluate(ORDER)
    assert len(order) > 5 and order == sorted(order)


def test_every_part_of_the_popup_is_reached_by_tab(popup: Page) -> None:
    show(popup, item("1", state="sealed", committed=PROOF, sealed=PROOF), item("2"))
    popup.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
    walk(popup)


@pytest.mark.parametrize("name", ["queue.html", "options.html", "batch.html"])
def test_every_part_of_a_page_is_reached_by_tab(browser: Chromium, name: str) -> None:
    for page in opened(browser, name):
        if name == "queue.html":
            show(page, item("1", state="sealed", committed=PROOF, sealed=PROOF), item("2"))
            page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
        walk(page)


def test_a_page_is_captured_with_a_note_by_keys_alone(popup: Page) -> None:
    popup.evaluate(PUT_ITEMS, [])
    popup.reload()
    expect_drawn(popup)  # before that the button cannot have the focus
    popup.focus("#note")
    popup.keyboard.type("what matters")
    popup.focus("#second-pass")
    popup.keyboard.press("Space")
    expect(popup.locator("#second-pass")).to_be_checked()
    popup.keyboard.press("Space")
    popup.focus("#observe summary")
    popup.keyboard.press("Enter")
    expect(popup.locator("#finding")).to_be_visible()
    popup.keyboard.press("Enter")
    popup.focus("#capture")
    popup.keyboard.press("Enter")
    expect_sealed(popup)


def test_a_capture_is_found_and_given_up_by_keys_alone(browser: Chromium) -> None:
    for page in opened(browser, "queue.html"):
        show(page, item("1"), item("2"))
        page.on("dialog", lambda dialog: dialog.accept())
        page.focus("#search")
        page.keyboard.type("Page 2")
        expect(page.locator("#queue > li")).to_have_count(1)
        page.get_by_role("button", name="Discard: Page 2").focus()
        page.keyboard.press("Enter")
        expect(page.locator("#queue > li")).to_have_count(0)
        page.fill("#search", "")
        expect(page.locator("#queue > li")).to_have_count(1)
