"""Memory that recording one body of 120 MB takes: the browser's peak with a recording, less that without one.

Everything is real: Chromium with the extension, a site that pours bytes that do not compress, a page that reads them, a person
who starts a recording in the popup and clicks the toolbar, the service that gets it all. Measured is USS (what only that process
holds), summed over the browser's processes, sampled every 50 ms from the load until the service has sealed the capture, and for a
second after it. Goal: at most 100 MB extra. The service's archive must hold the body that was sent.
"""

import contextlib
import hashlib
import io
import sys
import tempfile
import threading
import time
import zipfile
from pathlib import Path

import httpx2
import psutil
from playwright.sync_api import Page, sync_playwright
from warcio.archiveiterator import ArchiveIterator

from benchmarks.figures import load_average
from tests.e2e.chromium import Chromium, wait_for
from tests.e2e.proving_ground import ProvingGround
from tests.e2e.stack import Stack

MEBIBYTE = 1 << 20
GOAL_MB, BODY_MB, ROUNDS = 100, 120, 2
WAIT_S = 300


class Watch:
    """Samples the browser's memory from `start` on; `peaks` are bytes by kind of process, `peak` of their sum."""

    def __init__(self, profile: Path) -> None:
        self._mark = f"--user-data-dir={profile}"
        self.peak = 0
        self.peaks: dict[str, int] = {}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(0.05):
            total = 0
            for process in self._processes():
                with contextlib.suppress(psutil.Error):
                    uss = process.memory_full_info().uss
                    total += uss
                    kind = self._kind(process)
                    self.peaks[kind] = max(self.peaks.get(kind, 0), uss)
            self.peak = max(self.peak, total)

    def _processes(self) -> list[psutil.Process]:
        for process in psutil.process_iter(["pid"]):
            with contextlib.suppress(psutil.Error):
                line = process.cmdline()
                if self._mark in line and not any(part.startswith("--type=") for part in line):
                    return [process, *process.children(recursive=True)]
        return []

    def _kind(self, process: psutil.Process) -> str:
        line = process.cmdline()
        kind = next((part.removeprefix("--type=") for part in line if part.startswith("--type=")), "browser")
        return "extension" if "--extension-process" in line else kind


def measure(browser: Chromium, ground: ProvingGround, stack: Stack, *, recorded: bool) -> Watch:
    """Loads, captures and hands in the page once. Raises: AssertionError when the archive does not hold what was sent."""
    mark, before = ground.log.mark(), {item["captureId"] for item in browser.items()}
    page = browser.open(f"{ground.url}/form")
    if recorded:
        start_recording(browser, page)
    with Watch(browser.profile) as watch:
        begun = time.monotonic()
        page.goto(f"{ground.url}/big?mb={BODY_MB}")
        page.wait_for_selector("body[data-done]", timeout=180_000)
        loaded_s, loading_peak = time.monotonic() - begun, watch.peak
        browser.click_toolbar(page)
        browser.wait_for_item(lambda item: item["captureId"] not in before, timeout_s=WAIT_S)
        kept_s, kept_peak = time.monotonic() - begun - loaded_s, watch.peak
        item = browser.wait_for_item(lambda item: item["captureId"] not in before and item["state"] == "sealed", timeout_s=WAIT_S)
        sealed_s = time.monotonic() - begun - loaded_s
        time.sleep(1)
    page.close()
    sent = next(entry.sha256 for entry in ground.exchanges(mark) if "big.bin" in entry.url)
    held = big_bodies(stack, browser.token, item["captureId"])
    assert held == ([sent] if recorded else []), (held, sent)
    assert "browser" in watch.peaks, watch.peaks
    parts = ", ".join(f"{kind} {size / MEBIBYTE:.0f}" for kind, size in sorted(watch.peaks.items()))
    what = "recorded" if recorded else "as seen"
    times = f"loaded {loaded_s:.1f} s, kept after {kept_s:.1f} s, sealed after {sealed_s:.1f} s"
    peaks = ", ".join(f"{size / MEBIBYTE:.0f}" for size in (loading_peak, kept_peak, watch.peak))
    print(f"{what:<9} {times}; peaks {peaks} MB ({parts})", flush=True)
    return watch


def start_recording(browser: Chromium, page: Page) -> None:
    """As a person does, in the popup; what the tab loads from here on is recorded."""
    popup = browser.open_popup(page)
    popup.select_option("#mode", "recorded")
    popup.click("#capture")
    wait_for(lambda: popup.is_visible("#finish"), 30, lambda: popup.inner_text("#status"))
    popup.close()
    page.bring_to_front()


def big_bodies(stack: Stack, token: str, capture_id: str) -> list[str]:
    """SHA-256 of each large body in the archive, as the service gives it."""
    url = f"{stack.url}/api/v1/captures/{capture_id}/artifacts/page.wacz"
    answer = httpx2.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=120)
    assert answer.status_code == 200, answer.text
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed, packed.open("archive/data.warc.gz") as warc:
        return [
            hashlib.sha256(record.content_stream().read()).hexdigest()
            for record in ArchiveIterator(warc)
            if record.rec_type == "response" and "big.bin" in record.rec_headers.get_header("WARC-Target-URI")
        ]


def main() -> int:
    """0 when the goal was met in every round."""
    extra = []
    with (
        tempfile.TemporaryDirectory(prefix="holdstill-bench-") as name,
        ProvingGround() as ground,
        sync_playwright() as playwright,
        Stack(Path(name) / "service") as stack,
        Chromium(playwright, Path(name) / "profile") as browser,
    ):
        browser.pair(stack.url, stack.pairing_code())
        for _ in range(ROUNDS):
            plain = measure(browser, ground, stack, recorded=False)
            with_recording = measure(browser, ground, stack, recorded=True)
            extra.append((with_recording.peak - plain.peak) / MEBIBYTE)
    worst = max(extra)
    print(f"extra memory for one body of {BODY_MB} MB: {', '.join(f'{value:.0f}' for value in extra)} MB; {load_average()}")
    print(f"goal: {worst:.0f} MB ≤ {GOAL_MB} MB: {'met' if worst <= GOAL_MB else 'MISSED'}")
    return 0 if worst <= GOAL_MB else 1


if __name__ == "__main__":
    sys.exit(main())
