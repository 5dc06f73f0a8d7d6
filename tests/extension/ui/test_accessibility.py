"""Each page, in each state and both colour schemes, as axe-core judges it (WCAG 2.2 AA). Not checked: how it is to use."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.chromium import Chromium
from tests.e2e.processes import REPOSITORY
from tests.extension.ui.pages import PROOF, blank_tab, hold_tab, item, opened, put_run, show

pytestmark = pytest.mark.browser
AXE = REPOSITORY / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
ITEMS = [
    item("1", state="sealed", committed=PROOF, sealed=PROOF),
    item("2", state="uploading", committed=PROOF, retryAt=4_000_000_000_000, reason="unreachable"),
    item("3", state="failed", reason="receipt_invalid"),
    item("4"),
]
POST = {
    "platform": "x",
    "accountHandle": "harbour",
    "accountName": "Harbour",
    "postId": "1",
    "postedAt": [],
    "claims": [{"kind": "ai_label", "state": "present", "value": True}],
}


def violations(page: Page) -> list[Any]:
    """What axe-core finds wrong, in both colour schemes. Raises: AssertionError when it judged nothing."""
    found = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme="light" if scheme == "light" else "dark", reduced_motion="reduce")
        if not page.evaluate("'axe' in globalThis"):
            page.evaluate(AXE.read_text("utf-8"))  # the page's own policy lets no other script in
        judged = page.evaluate("(tags) => axe.run(document, {runOnly: tags})", RULES)
        assert len(judged["passes"]) > 10
        found += [(scheme, one["id"], [node["html"][:160] for node in one["nodes"]]) for one in judged["violations"]]
    return found


@pytest.mark.parametrize("page_name", ["options.html", "queue.html", "batch.html", "popup.html?start=0"])
def test_a_page_has_no_fault_that_axe_finds(browser: Chromium, page_name: str) -> None:
    for page in opened(browser, page_name):
        if page_name.startswith(("queue", "popup")):
            show(page, *ITEMS)
        page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
        assert violations(page) == []


def test_a_running_capture_with_its_form_has_no_fault_that_axe_finds(browser: Chromium, popup: Page) -> None:
    tab_id = blank_tab(browser)
    hold_tab(popup, tab_id)
    summary = {"captured": 1, "omitted": 2, "failedSteps": ["read bodies"]}
    put_run(popup, tab_id, phase="waiting", pageinfo=summary, post=POST)
    popup.click("#observe summary")
    expect(popup.locator("#seal-now")).to_be_visible()
    popup.click("#post summary")
    popup.select_option("#state-platform_ai_label", "absent")
    popup.select_option("#place-platform_ai_label", "selector")
    popup.select_option("#state-poster_ai_disclosure", "present")
    assert violations(popup) == []
