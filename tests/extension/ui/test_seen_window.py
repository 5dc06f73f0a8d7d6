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


@pytest.mark.parametrize(
    ("matches", "is_partial", "status", "more"),
    [
        (1, False, "Seen before. Places: 1", None),
        (12, False, "Seen before. Places: 12", None),
        (15, False, "Seen before. Places: 15", "Found, but not listed here: 3."),
        (1, True, "Seen before. Places: at least 1", "This is not all"),
        (0, True, "Not seen before in your captures", "did not compare everything that is near"),
    ],
)
def test_what_is_not_listed_is_said(browser: Chromium, matches: int, is_partial: bool, status: str, more: str | None) -> None:
    seen: dict[str, Any] = {"matches": [MATCH] * matches, "searched": 99, "notes": [], "isPartial": is_partial}
    result = {"state": "found", "how": "load", "preview": "", "seen": seen, "serverUrl": "http://127.0.0.1:9"}
    for page in opened(browser, "seen.html?ask=none"):
        page.add_init_script(f"chrome.runtime.sendMessage = async () => ({json.dumps(result)})")
        page.reload()
        expect_drawn(page)
        expect(page.locator("#status")).to_have_text(status)
        expect(page.locator("#matches > li")).to_have_count(min(matches, 12))
        if more is None:
            expect(page.locator("#more")).to_be_hidden()
        else:
            expect(page.locator("#more")).to_contain_text(more)
