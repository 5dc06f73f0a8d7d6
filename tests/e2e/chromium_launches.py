"""A capture in a Chromium that has never run before (see tests.e2e.launches)."""

import shutil
from pathlib import Path

from playwright.sync_api import Playwright

from tests.e2e.chromium import Chromium
from tests.e2e.launches import Shots

WAIT_S = 90


def shots_of_a_first_start(playwright: Playwright, profile: Path, url: str) -> Shots:
    """Of a page opened at once, in a window of its own size: the bar of the debugger moves it, as it does for people."""
    with Chromium(playwright, profile, own_window=True) as browser:
        browser.click_toolbar(browser.open(url))
        item = browser.wait_for_item(lambda found: True, timeout_s=WAIT_S)
        shots = Shots(browser.artifact(item, "screenshot.viewport.png"), browser.artifact(item, "screenshot.full.png"))
    shutil.rmtree(profile, ignore_errors=True)
    return shots
