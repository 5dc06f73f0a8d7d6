"""A real Chromium with the capture modules in it: click the toolbar button of a page, get what the capture gave."""

import base64
import hashlib
import hmac
import io
import json
import subprocess
import zipfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, Page, Playwright, Worker, sync_playwright
from warcio.archiveiterator import ArchiveIterator

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Record:
    """One WARC record; `body` is the payload, `head` the HTTP head as text ("" without one)."""

    type: str
    uri: str
    headers: dict[str, str]
    status_line: str
    http: list[tuple[str, str]]
    body: bytes

    @property
    def metadata(self) -> dict[str, Any]:
        return dict(json.loads(self.headers.get("WARC-JSON-Metadata", "{}")))


@dataclass(frozen=True)
class Captured:
    """What one capture gave: the result's own account, and every artifact's bytes by name."""

    result: dict[str, Any]
    files: dict[str, bytes]

    @property
    def records(self) -> list[Record]:
        with zipfile.ZipFile(io.BytesIO(self.files["page.wacz"])) as archive:
            return list(read_records(archive.read("archive/data.warc.gz")))

    @property
    def pageinfo(self) -> dict[str, Any]:
        (record,) = [record for record in self.records if record.uri.startswith("urn:pageinfo:")]
        return dict(json.loads(record.body))

    def generated(self, kind: str) -> list[str]:
        return [record.body.decode() for record in self.records if record.uri.startswith(f"urn:{kind}:")]


def mark_of_original(body_sha256: str) -> str:
    """What stands for a body from which secrets were taken, under the key that worker.js gives."""
    return hmac.new(bytes([7]) * 32, bytes.fromhex(body_sha256), hashlib.sha256).hexdigest()


def sizes(result: dict[str, Any]) -> dict[str, int]:
    return {artifact["name"]: artifact["sizeBytes"] for artifact in result["artifacts"]}


def read_records(warc: bytes) -> Iterator[Record]:
    for record in ArchiveIterator(io.BytesIO(warc)):
        http = record.http_headers
        yield Record(
            record.rec_type,
            record.rec_headers.get_header("WARC-Target-URI") or "",
            dict(record.rec_headers.headers),
            http.statusline if http else "",
            list(http.headers) if http else [],
            record.raw_stream.read(),
        )


class CaptureBrowser:
    """One browser profile. Not thread safe."""

    def __init__(self, playwright: Playwright, context: BrowserContext) -> None:
        self.playwright = playwright
        self.context = context
        self.worker: Worker = (
            context.service_workers[0] if context.service_workers else context.wait_for_event("serviceworker", timeout=60_000)
        )
        self.extension_id = self.worker.url.split("/")[2]

    def open(self, url: str, *, settle: bool = True) -> Page:
        page = self.context.new_page()
        page.goto(url, wait_until="load")
        if settle:
            page.wait_for_load_state("networkidle")
        return page

    def wait_until_observing(self, url: str) -> None:
        """The browser begins to report requests a moment after the worker asked for them; an earlier page is not observed."""
        page = self.context.new_page()
        for _ in range(50):
            page.goto(url)
            if self.worker.evaluate("() => globalThis.countObserved()") > 0:
                break
            page.wait_for_timeout(100)
        else:
            raise AssertionError("no request was ever observed")
        page.close()

    def forget(self, *origins: str) -> None:
        """As if it had never been there: no page is open; no worker, storage, cookie or cached body of these origins is left."""
        page = self.context.new_page()
        for other in self.context.pages:
            if other is not page:
                other.close()
        session = self.context.new_cdp_session(page)
        for origin in origins:
            session.send("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": "all"})
        session.send("Network.clearBrowserCookies")
        session.send("Network.clearBrowserCache")

    def beside(self, folder: Path, *, hosts: tuple[str, ...], scale: int = 1) -> AbstractContextManager["CaptureBrowser"]:
        """Another browser in the same run: Playwright allows one of itself for each thread."""
        return _launch(self.playwright, folder, hosts, scale)

    def click(self, page: Page, **options: Any) -> Captured:
        """Clicks the toolbar button while `page` is in front, and waits for the capture."""
        self.start(page, **options)
        return self.take()

    def start(self, page: Page, **options: Any) -> None:
        """Clicks the toolbar button: a real activeTab grant."""
        self.worker.evaluate("options => { globalThis.options = options; globalThis.stepsEnded = []; }", options)
        session = self.context.browser.new_browser_cdp_session()  # type: ignore[union-attr]
        targets = session.send("Target.getTargets", {"filter": [{"type": "tab"}]})["targetInfos"]
        (target,) = [target for target in targets if target["url"] == page.url]  # of two, either could be meant
        session.send("Extensions.triggerAction", {"id": self.extension_id, "targetId": target["targetId"]})
        session.detach()

    def closed_after(self, page: Page, step: str) -> Captured:
        """Clicks, and closes the page when the capture has ended `step`, whatever its outcome, and has not begun another."""
        self.worker.evaluate("step => globalThis.holdAfter(step)", step)
        self.start(page)
        self.worker.evaluate("step => globalThis.waitForStep(step)", step)
        page.close()
        self.worker.evaluate("() => globalThis.letGo()")
        return self.take()

    def run_without_click(self, page: Page) -> Captured:
        """Captures a tab by its id, as the popup opened by address does: no activeTab."""
        tab = self.worker.evaluate(
            "async url => (await chrome.debugger.getTargets()).find(t => t.url === url && t.type === 'page').tabId", page.url
        )
        self.worker.evaluate("id => { globalThis.options = {}; void globalThis.runOnTab(id); }", tab)
        return self.take()

    def take(self) -> Captured:
        result = self.worker.evaluate("() => globalThis.takeResult()")
        assert "error" not in result, result["error"]
        return Captured(
            result, {artifact["name"]: self._read(artifact["name"], artifact["sizeBytes"]) for artifact in result["artifacts"]}
        )

    def _read(self, name: str, size_bytes: int) -> bytes:
        found = b""
        while len(found) < size_bytes:
            part = self.worker.evaluate("([name, part]) => globalThis.readArtifact(name, part)", [name, len(found) // (6 << 20)])
            found += base64.b64decode(part)
        return found


@contextmanager
def capture_browser(folder: Path, *, hosts: tuple[str, ...], scale: int = 1) -> Iterator[CaptureBrowser]:
    """`hosts`: the host permissions that are granted. The bar of an attached debugger is shown, as for everybody."""
    with sync_playwright() as playwright, _launch(playwright, folder, hosts, scale) as browser:
        yield browser


@contextmanager
def _launch(playwright: Playwright, folder: Path, hosts: tuple[str, ...], scale: int) -> Iterator[CaptureBrowser]:
    extension = folder / "extension"
    extension.mkdir(parents=True)
    subprocess.run(["node", HERE / "build.mjs", extension, *hosts], check=True, timeout=240)
    load = (f"--disable-extensions-except={extension}", f"--load-extension={extension}")
    context = playwright.chromium.launch_persistent_context(
        folder / "profile",
        executable_path="/usr/bin/chromium",
        headless=True,
        args=["--no-sandbox", f"--force-device-scale-factor={scale}", "--window-size=1000,863", *load],
        no_viewport=True,  # an emulated one would hide what the debugger's bar does to the page
    )
    try:
        yield CaptureBrowser(playwright, context)
    finally:
        context.close()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
