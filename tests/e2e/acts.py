"""What the tests of single images, regions, lists and automatic captures share.

The menu of the browser has no window here, so a click in it is handed to the extension's own listener with a real tab and
frame; what the click would permit for one tab, the extension of these tests has been granted for all.
"""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, Playwright

from tests.e2e.chromium import Chromium
from tests.e2e.stack import Stack

CLICK = """async ([url, frameUrl, click]) => {
  const tab = (await chrome.tabs.query({})).find((one) => one.url === url);
  const frames = await chrome.webNavigation.getAllFrames({ tabId: tab.id });
  const frame = frames.find((one) => one.url === frameUrl);
  const place = { editable: false, pageUrl: url, frameUrl: frame.frameId === 0 ? undefined : frameUrl, frameId: frame.frameId };
  chrome.contextMenus.onClicked.dispatch({ ...place, ...click }, tab);
}"""


@contextmanager
def granted_browser(playwright: Playwright, stack: Stack, folder: Path) -> Iterator[Chromium]:
    """A paired Chromium whose extension may read every site."""
    with Chromium(playwright, folder / "profile") as started:
        started.pair(stack.url, stack.pairing_code())
        yield started


def click_menu(browser: Chromium, page: Page, entry: str, *, frame_url: str | None = None, **click: str) -> None:
    browser.worker().evaluate(CLICK, [page.url, frame_url or page.url, {"menuItemId": entry, **click}])


def ids(browser: Chromium) -> set[str]:
    return {item["captureId"] for item in browser.items()}


def sealed(browser: Chromium, before: set[str]) -> dict[str, Any]:
    return browser.wait_for_item(lambda item: item["captureId"] not in before and item["state"] == "sealed", timeout_s=60)


def statement(item: dict[str, Any]) -> dict[str, Any]:
    return dict(json.loads(base64.b64decode(json.loads(item["envelope"])["payload"])))
