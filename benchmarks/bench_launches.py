"""Full-page shots in browsers that have just been started for the first time: twenty launches, each pixel compared.

Each launch has a profile of its own, opens the page at once and captures it as a person does, by the toolbar. Goal: every shot of
every launch is the reference, pixel by pixel: no viewport stands in it twice, the sticky header stands in it once, the page of
30,000 pixels is there from top to bottom. The tests do the same with fewer launches. One argument chooses one browser.
"""

import argparse
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from playwright.sync_api import Playwright, sync_playwright

from tests.e2e import chromium_launches, firefox_captures
from tests.e2e.launches import Launch, faults
from tests.e2e.proving_ground import ProvingGround

LAUNCHES = 20
BROWSERS = ("chromium", "firefox")


def main() -> int:
    """0 when every shot was right."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("browser", nargs="?", choices=BROWSERS)
    chosen = parser.parse_args().browser
    wrong = 0
    with sync_playwright() as playwright:
        for name in [chosen] if chosen else BROWSERS:
            wrong += count_faults(name, playwright)
    print(f"goal: {wrong} wrong ≤ 0: {'met' if wrong == 0 else 'MISSED'}")
    return 0 if wrong == 0 else 1


def count_faults(name: str, playwright: Playwright) -> int:
    """Launches one browser twenty times and prints what was wrong."""
    by_name: dict[str, Launch] = {
        "chromium": partial(chromium_launches.shots_of_a_first_start, playwright),
        "firefox": firefox_captures.shots_of_a_first_start,
    }
    begun = time.monotonic()
    with ProvingGround() as site, tempfile.TemporaryDirectory() as folder:
        found = faults(by_name[name], site.url, Path(folder), count=LAUNCHES)
    seconds = (time.monotonic() - begun) / LAUNCHES
    print(f"{name}: {LAUNCHES - len(found)} of {LAUNCHES} first launches right, {seconds:.1f} s each", flush=True)
    print("".join(f"  {line}\n" for line in found), end="", flush=True)
    return len(found)


if __name__ == "__main__":
    sys.exit(main())
