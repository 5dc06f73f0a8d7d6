"""`make demo`: the whole chain once, on real parts, told step by step.

A service with embedded PostgreSQL, a time-stamping authority and a witness of this machine; a real Chromium with the
extension; a page captured by a click of the toolbar button; receipts, inbox, bundle, offline verification; and what a flipped
byte does to it. At a terminal the service then stays up for looking around; otherwise, or with CI=true, everything is
stopped. Exit code 0: every step held.
"""

import os
import shutil
import sys
import threading

from playwright.sync_api import sync_playwright

from tests.e2e import journey
from tests.e2e.chromium import Chromium
from tests.e2e.narrator import Narrator
from tests.e2e.processes import REPOSITORY, service_folder
from tests.e2e.site import DemoSite
from tests.e2e.stack import Stack

SHOW = REPOSITORY / "dist" / "demo"
STEPS = 9


def main() -> int:
    """0 when every step held. Raises whatever a step raised: its text says what went wrong."""
    shutil.rmtree(SHOW, ignore_errors=True)
    SHOW.mkdir(parents=True)
    narrator = Narrator(STEPS)
    with service_folder("demo") as folder:
        stack = Stack(folder)
        try:
            with DemoSite() as site, sync_playwright() as playwright:
                browser = Chromium(playwright, folder / "browser")
                try:
                    run(narrator, stack, browser, site)
                finally:
                    browser.stop()
            narrator.close(f"Every step held. Bundle, policy and pictures are in {SHOW.relative_to(REPOSITORY)}/.")
            if sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("CI") != "true":
                stay(stack)
        finally:
            stack.stop()
    return 0


def run(narrator: Narrator, stack: Stack, browser: Chromium, site: DemoSite) -> None:
    """The nine steps."""
    with narrator.step("Starting the service (embedded PostgreSQL, local folder), a time-stamping authority and a witness"):
        stack.start()
        narrator.tell(f"service {stack.url}")
    with narrator.step("Starting Chromium with the extension, and pairing it through its options page"):
        browser.start()
        narrator.tell(browser.pair(stack.url, stack.pairing_code()))
        stack.wait_for_stamped_checkpoint(browser.token)
    with narrator.step("Opening a newspaper page and clicking the toolbar button"):
        captured = journey.capture(browser, site, site.article)
        assert captured.requests == [], f"the site was asked again during the capture: {[sent.url for sent in captured.requests]}"
        narrator.tell(f"capture {captured.capture_id}")
        narrator.tell(f"commit receipt after {captured.committed_s:.1f} s, sealed after {captured.sealed_s:.1f} s")
        narrator.tell("requests that the newspaper saw during the capture: 0")
    with narrator.step("Both receipts, verified inside the extension against the log key it pinned"):
        for name in ("committed", "sealed"):
            proof = captured.item[name]
            narrator.tell(f"capture.{name}: leaf {proof['index']} of a log of {proof['treeSize']}, {proof['time']}")
    with narrator.step("Waiting for the timestamp over the log"):
        narrator.tell(f"not after {stack.wait_for_stamp(browser.token, captured.capture_id)}")
    with narrator.step("The capture in the web inbox"):
        show_web(stack, browser, captured)
        narrator.tell(f"pictures: {', '.join(sorted(path.name for path in SHOW.glob('*.png')))}")
    with narrator.step("Exporting the chain-of-custody bundle"):
        bundle = stack.export_bundle(captured.capture_id, SHOW / "evidence.zip")
        policy = journey.write_policy(stack, browser, SHOW / "policy.toml")
        narrator.tell(f"{bundle.name}, {bundle.stat().st_size / 1e6:.2f} MB")
    with narrator.step("Verifying it offline"):
        report = stack.verify(bundle, policy)
        assert "VALID" in report and "INVALID" not in report, report
        narrator.tell(report)
    with narrator.step("Flipping one byte of a copy, and verifying that"):
        tampered = SHOW / "evidence-tampered.zip"
        name = journey.flip_one_byte(bundle, tampered, "screenshot.viewport.png")
        report = stack.verify(tampered, policy, expect=1)
        assert "INVALID" in report and name in report, report
        narrator.tell("\n".join(line for line in report.splitlines() if "INVALID" in line or "FAILED" in line))
        narrator.tell("exit code 1")


def show_web(stack: Stack, browser: Chromium, captured: journey.Captured) -> None:
    """Signs in by the one-time link and keeps pictures of the inbox, the capture's page and the popup."""
    capture_id = captured.capture_id
    web = browser.context.new_page()
    web.set_viewport_size({"width": 1280, "height": 900})
    web.goto(stack.sign_in_link())
    web.get_by_role("button", name="Sign in").click()
    web.wait_for_url(f"{stack.url}/")
    web.wait_for_selector(f"a[href*='{capture_id}']", timeout=60_000)
    web.screenshot(path=SHOW / "inbox.png")
    web.locator(f"a[href*='{capture_id}']").first.click()
    web.wait_for_load_state("load")
    assert capture_id in web.url, web.url
    web.screenshot(path=SHOW / "capture.png")
    web.close()
    popup = browser.open_popup(captured.page)
    popup.wait_for_selector("#queue li")
    popup.screenshot(path=SHOW / "popup.png", full_page=True)
    popup.close()


def stay(stack: Stack) -> None:
    """Leaves the service up until Ctrl-C."""
    print(f"\nThe service stays up: {stack.url}\nSign in once with: {stack.sign_in_link()}\nCtrl-C ends it.", flush=True)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        print("\nStopping.", flush=True)


if __name__ == "__main__":
    sys.exit(main())
