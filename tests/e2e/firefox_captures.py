"""A capture in Firefox that stays in the browser, and what it holds."""

import base64
import io
import json
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.chromium import wait_for
from tests.e2e.firefox import Firefox, FirefoxPage
from tests.e2e.launches import Shots
from tests.extension.capture.browser import Record, read_records, sha256

START = """
  const [url, wish] = args;
  const tab = (await browser.tabs.query({})).find((one) => one.url === url);
  return await browser.runtime.sendMessage({ type: "capture.start", tabId: tab.id, ...wish });"""


@dataclass(frozen=True)
class Capture:
    """One capture as the extension keeps it."""

    item: dict[str, Any]
    records: list[Record]

    @classmethod
    def of(cls, firefox: Firefox, item: dict[str, Any]) -> "Capture":
        with zipfile.ZipFile(io.BytesIO(firefox.artifact(item, "page.wacz"))) as wacz:
            return cls(item, list(read_records(wacz.read("archive/data.warc.gz"))))

    @property
    def info(self) -> dict[str, Any]:
        (record,) = [record for record in self.records if record.uri.startswith("urn:pageinfo:")]
        return dict(json.loads(record.body))

    @property
    def bodies(self) -> set[tuple[str, str]]:
        return {(record.uri, sha256(record.body)) for record in self.records if record.metadata.get("source") == "live_stream"}

    @property
    def statement(self) -> dict[str, Any]:
        envelope = json.loads(self.item["envelope"])
        return dict(json.loads(base64.b64decode(envelope["payload"]))["predicate"])


def open_page(firefox: Firefox, url: str, *, in_private: bool = False) -> FirefoxPage:
    page = firefox.open(url, in_private=in_private)
    ready = """return document.readyState === "complete" && (document.body.dataset.done ?? "1") === "1"
        && document.documentElement.dataset.ready !== "no";"""
    wait_for(lambda: bool(firefox.evaluate(page, ready)), 20, lambda: f"{url} did not finish")
    return page


def capture(firefox: Firefox, page: FirefoxPage, **wish: Any) -> Capture:
    """By the toolbar; with a wish (mode, selection) as the popup and the menu ask the background page for it."""
    before = {item["captureId"] for item in firefox.items()}
    firefox.show(page)
    if wish:
        firefox.at_desk(START, page.url, wish)
    else:
        firefox.click_toolbar(page)
    return Capture.of(firefox, firefox.wait_for_item(lambda item: item["captureId"] not in before))


def document_gap(captured: Capture, url: str) -> str:
    return next((str(gap["reason"]) for gap in captured.info["omitted"] if gap["url"] == url), "")


def shots_of_a_first_start(profile: Path, url: str) -> Shots:
    """Of a page opened at once in a Firefox that has never run before (see tests.e2e.launches)."""
    with Firefox(profile) as firefox:
        item = capture(firefox, open_page(firefox, url)).item
        shots = Shots(firefox.artifact(item, "screenshot.viewport.png"), firefox.artifact(item, "screenshot.full.png"))
    shutil.rmtree(profile, ignore_errors=True)
    return shots
