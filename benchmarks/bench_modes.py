"""The other ways to capture, click → kept in the browser: recorded and reloaded in Chromium, as seen with true bodies in Firefox.

The page has 70 pictures and 2.7 MB. Nothing is paired: what is measured ends when the signed capture is on the browser's disk.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Playwright, sync_playwright

from benchmarks.figures import MB, Goal, load_average, tell
from tests.e2e.chromium import Chromium, wait_for
from tests.e2e.firefox import Firefox
from tests.e2e.firefox_captures import open_page
from tests.e2e.site import DemoSite

ROUNDS = 20
WAIT_S = 120
GOALS = {
    "recorded in Chromium, after the last action": (15.0, 90.0),
    "reloaded in Chromium, its second load included": (None, None),
    "as seen in Firefox, bodies from the load on screen": (4.0, 15.0),
}


def until_kept(browser: Chromium | Firefox, act: Callable[[], None]) -> tuple[float, float]:
    """Seconds from `act` to a new capture in the queue, and its size in megabytes."""
    before = {item["captureId"] for item in browser.items()}
    begun = time.monotonic()
    act()
    item = browser.wait_for_item(lambda item: item["captureId"] not in before, timeout_s=WAIT_S)
    took_s = time.monotonic() - begun
    return took_s, sum(int(artifact["sizeBytes"]) for artifact in item["artifacts"]) / MB


def take_recorded(browser: Chromium, site: DemoSite, url: str) -> tuple[float, float]:
    page = browser.open(site.article)
    popup = browser.open_popup(page)
    popup.select_option("#mode", "recorded")
    popup.click("#capture")
    wait_for(lambda: popup.is_visible("#finish"), 20, lambda: popup.inner_text("#status"))
    popup.close()
    page.bring_to_front()
    page.goto(url, wait_until="load")
    site.log.settle()
    taken = until_kept(browser, lambda: browser.click_toolbar(page))
    page.close()
    return taken


def take_reloaded(browser: Chromium, site: DemoSite, url: str) -> tuple[float, float]:
    page = browser.open(url)
    site.log.settle()
    popup = browser.open_popup(page)
    popup.select_option("#mode", "reloaded")
    taken = until_kept(browser, lambda: popup.click("#capture"))
    popup.close()
    page.close()
    return taken


def take_in_firefox(firefox: Firefox, site: DemoSite, url: str) -> tuple[float, float]:
    page = open_page(firefox, url)
    site.log.settle()
    taken = until_kept(firefox, lambda: firefox.click_toolbar(page))
    firefox.close(page)
    return taken


def measure(what: str, take: Callable[[], tuple[float, float]]) -> bool:
    """Prints the figures of one way to capture; whether its goal was met."""
    take()  # the first capture of a browser compiles what the others find compiled
    runs = [take() for _ in range(ROUNDS)]
    is_met = tell(Goal(what, *GOALS[what]), [took_s for took_s, _ in runs])
    tell(Goal("  its size"), [size_mb for _, size_mb in runs], unit="MB")
    print(f"   {load_average()}", flush=True)
    return is_met


def in_chromium(playwright: Playwright, folder: Path, site: DemoSite, url: str) -> list[bool]:
    with Chromium(playwright, folder) as browser:
        recorded, reloaded, _ = GOALS
        return [
            measure(recorded, lambda: take_recorded(browser, site, url)),
            measure(reloaded, lambda: take_reloaded(browser, site, url)),
        ]


def in_firefox(folder: Path, site: DemoSite, url: str) -> list[bool]:
    with Firefox(folder) as firefox:
        firefox.consent()
        return [measure(list(GOALS)[-1], lambda: take_in_firefox(firefox, site, url))]


def main() -> int:
    """0 when every goal was met."""
    with tempfile.TemporaryDirectory(prefix="holdstill-bench-") as name, DemoSite() as site, sync_playwright() as playwright:
        url = site.many(70, 38)
        met = [*in_chromium(playwright, Path(name) / "chromium", site, url), *in_firefox(Path(name) / "firefox", site, url)]
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
