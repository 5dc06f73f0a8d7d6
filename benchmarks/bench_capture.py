"""What a person waits for: click → commit receipt, and click → sealed for a page of 100 pictures and 20 MB.

Everything is real: `holdstill serve`, a local time-stamping authority and witness, Chromium with the extension, a click of
the toolbar. Goals: commit receipt on the newspaper page, p50 of five, at most 1.5 s; sealed with 100 resources / 20 MB at
most 4 s. The seconds are of the machine at hand; beside them stands what that machine needs to hash the same bytes once, as a
measure of the machine.
"""

import hashlib
import statistics
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.e2e import journey
from tests.e2e.chromium import Chromium
from tests.e2e.site import DemoSite
from tests.e2e.stack import Stack

ROUNDS = 5
COMMIT_GOAL_S, SEALED_GOAL_S = 1.5, 4.0
PICTURES, KILOBYTES = 100, 200


def main() -> int:
    """0 when both goals were met."""
    with tempfile.TemporaryDirectory(prefix="holdstill-bench-") as name, DemoSite() as site, sync_playwright() as playwright:
        folder = Path(name)
        with Stack(folder / "service") as stack:
            browser = Chromium(playwright, folder / "browser").start()
            try:
                browser.pair(stack.url, stack.pairing_code())
                stack.wait_for_stamped_checkpoint(browser.token)
                return measure(browser, site)
            finally:
                browser.stop()


def measure(browser: Chromium, site: DemoSite) -> int:
    """Prints the times of both pages; 0 when the goals were met."""
    article = [take(browser, site, site.article) for _ in range(ROUNDS)]
    big = [take(browser, site, site.many(PICTURES, KILOBYTES)) for _ in range(ROUNDS)]
    commit_s = statistics.median(captured.committed_s for captured in article)
    sealed_s = statistics.median(captured.sealed_s for captured in big)
    size = sum(int(artifact["sizeBytes"]) for artifact in big[0].item["artifacts"])
    hash_s = seconds_to_hash(size)
    report("click → commit receipt, newspaper page", article, "committed_s")
    report("click → sealed, newspaper page", article, "sealed_s")
    report(f"click → commit receipt, {PICTURES} pictures", big, "committed_s")
    report(f"click → sealed, {PICTURES} pictures", big, "sealed_s")
    print(
        f"{size / 1e6:.1f} MB of artifacts; one SHA-256 over them takes {hash_s:.2f} s here: sealed = {sealed_s / hash_s:.0f} ×"
    )
    print(f"goal: commit receipt p50 {commit_s:.2f} s ≤ {COMMIT_GOAL_S} s: {'met' if commit_s <= COMMIT_GOAL_S else 'MISSED'}")
    print(f"goal: sealed p50 {sealed_s:.2f} s ≤ {SEALED_GOAL_S} s: {'met' if sealed_s <= SEALED_GOAL_S else 'MISSED'}")
    return 0 if commit_s <= COMMIT_GOAL_S and sealed_s <= SEALED_GOAL_S else 1


def take(browser: Chromium, site: DemoSite, url: str) -> journey.Captured:
    captured = journey.capture(browser, site, url)
    captured.page.close()
    return captured


def report(what: str, runs: list[journey.Captured], name: str) -> None:
    seconds = sorted(getattr(captured, name) for captured in runs)
    each = ", ".join(f"{value:.2f}" for value in seconds)
    print(f"{what:<44} p50 {statistics.median(seconds):.2f} s   (of {len(seconds)}: {each})")


def seconds_to_hash(size_bytes: int) -> float:
    data = bytes(size_bytes)
    begun = time.perf_counter()
    hashlib.sha256(data).digest()
    return time.perf_counter() - begun


if __name__ == "__main__":
    sys.exit(main())
