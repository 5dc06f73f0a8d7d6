"""The small window of “Seen before?” when there is more than it shows: it says so, whatever the service left out."""

import json
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.e2e.chromium import Chromium
from tests.extension.ui.pages import expect_drawn, opened

pytestmark = pytest.mark.browser
PLACE = {"captureId": "a" * 64, "title": "A page", "pageUrl": "https://news.example/a", "capturedAt": "2026-01-02T03:04:05Z"}
MATCH = {"kind": "same", "sha256": "b" * 64, "clusterId": None, "places": [PLACE], "unlisted": 0, "hidden": 0, "isShared": True}
VARIANT = MATCH | {"kind": "variant"}


@pytest.mark.parametrize(
    ("matches", "is_partial", "status", "more"),
    [
        ([MATCH], False, "Seen before. Places: 1", None),
        ([MATCH] * 12, False, "Seen before. Places: 12", None),
        ([MATCH] * 15, False, "Seen before. Places: 15", "Found, but not listed here: 3."),
        ([MATCH], True, "Seen before. Places: at least 1", "This is not all"),
        ([], False, "Not seen before in your captures", None),
        ([], True, "Not found among what was compared", "did not compare everything that is near"),
        ([VARIANT], False, "Not seen, but something resembles it", None),
        ([VARIANT], True, "Not found among what was compared, but something resembles it", "This is not all"),
    ],
)
def test_what_is_not_listed_is_said(
    browser: Chromium, matches: list[dict[str, Any]], is_partial: bool, status: str, more: str | None
) -> None:
    seen: dict[str, Any] = {"matches": matches, "searched": 99, "notes": [], "isPartial": is_partial}
    result = {"state": "found", "how": "load", "preview": "", "seen": seen, "serverUrl": "http://127.0.0.1:9"}
    for page in opened(browser, "seen.html?ask=none"):
        page.add_init_script(f"chrome.runtime.sendMessage = async () => ({json.dumps(result)})")
        page.reload()
        expect_drawn(page)
        expect(page.locator("#status")).to_have_text(status)
        expect(page.locator("#matches > li")).to_have_count(min(len(matches), 12))
        if more is None:
            expect(page.locator("#more")).to_be_hidden()
        else:
            expect(page.locator("#more")).to_contain_text(more)
