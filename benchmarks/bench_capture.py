"""What a person waits for in Chromium: click → commit receipt, → kept in the browser, → sealed by the service.

Everything is real: `holdstill serve`, a local time-stamping authority and witness, Chromium with the extension, a click of the
toolbar. Three pages: a newspaper's; one of 70 pictures and 2.7 MB, as a page of the web has on the median; one of 100 pictures
and 20 MB. Seconds are of the machine at hand, so beside them stands each page's own load, and what one SHA-256 of it all takes.
"""

import hashlib
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import sync_playwright

from benchmarks.figures import MB, Goal, load_average, nearest_rank, tell
from tests.e2e.chromium import Chromium
from tests.e2e.processes import REPOSITORY
from tests.e2e.site import DemoSite
from tests.e2e.stack import Stack

ROUNDS = 20
WAIT_S = 180
COMMIT_GOAL = {"p50": 1.5, "p95": 4.0}
KEPT_GOAL = {"p50": 4.0, "p95": 15.0}
SIZE_GOAL = {"p50": 8.0, "p95": 40.0}


@dataclass(frozen=True)
class Timed:
    """Seconds of the page's load; from the click on until it is kept (signed, on the browser's disk), committed, sealed."""

    load_s: float
    kept_s: float
    committed_s: float
    sealed_s: float
    size_mb: float


def take(browser: Chromium, site: DemoSite, url: str) -> Timed:
    """One capture of the page in a new tab."""
    before = {item["captureId"] for item in browser.items()}
    begun = time.monotonic()
    page = browser.open(url)
    load_s = time.monotonic() - begun
    site.log.settle()
    clicked = time.monotonic()
    browser.click_toolbar(page)
    seconds = []
    for reached in (
        lambda item: True,
        lambda item: item["committed"] is not None,
        lambda item: item["state"] == "sealed",
    ):
        item = browser.wait_for_item(
            lambda item, reached=reached: item["captureId"] not in before and reached(item), timeout_s=WAIT_S
        )
        seconds.append(time.monotonic() - clicked)
    page.close()
    size_mb = sum(int(artifact["sizeBytes"]) for artifact in item["artifacts"]) / MB
    return Timed(load_s, *seconds, size_mb)


def measure(browser: Chromium, site: DemoSite, what: str, url: str) -> list[bool]:
    """Prints the figures of one page; whether each goal was met."""
    take(browser, site, url)  # the first capture of a browser compiles what the others find compiled
    runs = [take(browser, site, url) for _ in range(ROUNDS)]
    print(f"-- {what}; {load_average()}", flush=True)
    met = [
        tell(Goal("click → commit receipt", **COMMIT_GOAL if "newspaper" in what else {}), [run.committed_s for run in runs]),
        tell(Goal("click → kept in the browser", **KEPT_GOAL), [run.kept_s for run in runs]),
        tell(Goal("click → sealed by the service", **KEPT_GOAL), [run.sealed_s for run in runs]),
        tell(Goal("size", **SIZE_GOAL if "20 MB" not in what else {}), [run.size_mb for run in runs], unit="MB"),
    ]
    sealed_s, size_mb = nearest_rank([run.sealed_s for run in runs], 0.5), runs[0].size_mb
    load_s, hash_s = nearest_rank([run.load_s for run in runs], 0.5), seconds_to_hash(round(size_mb * MB))
    per_load, per_hash = sealed_s / load_s, sealed_s / hash_s
    print(
        f"   the page's own load {load_s:.2f} s, sealed = {per_load:.1f} x; one SHA-256 {hash_s:.3f} s, sealed = {per_hash:.0f} x"
    )
    return met


def seconds_to_hash(size_bytes: int) -> float:
    data = bytes(size_bytes)
    begun = time.perf_counter()
    hashlib.sha256(data).digest()
    return time.perf_counter() - begun


def tell_sizes() -> None:
    """The built extension of each browser, as files and as the archive that people install."""
    for name in ("chromium", "firefox"):
        files = [path for path in (REPOSITORY / "extension" / "dist" / name).rglob("*") if path.is_file()]
        total = sum(path.stat().st_size for path in files)
        print(f"the built extension for {name}: {len(files)} files, {total / 1000:.0f} kB", flush=True)


def main() -> int:
    """0 when every goal was met."""
    tell_sizes()
    with tempfile.TemporaryDirectory(prefix="holdstill-bench-") as name, DemoSite() as site, sync_playwright() as playwright:
        folder = Path(name)
        with Stack(folder / "service") as stack, Chromium(playwright, folder / "browser") as browser:
            browser.pair(stack.url, stack.pairing_code())
            stack.wait_for_stamped_checkpoint(browser.token)
            met = [
                *measure(browser, site, "a newspaper's page", site.article),
                *measure(browser, site, "70 pictures, 2.7 MB", site.many(70, 38)),
                *measure(browser, site, "100 pictures, 20 MB", site.many(100, 200)),
            ]
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
