"""A browser or a service that is killed in the middle of an upload: the capture goes on where it was, and nothing is lost."""

from collections.abc import Callable, Iterator

import pytest

from tests.e2e import journey
from tests.e2e.chromium import Chromium
from tests.e2e.processes import answers
from tests.e2e.site import DemoSite
from tests.e2e.slowline import StoppingLine
from tests.e2e.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.live]
CUT_AFTER = 8_000_000  # bytes of a page archive of 20 MB
PICTURES, KILOBYTES = 100, 200


@pytest.fixture
def line(stack: Stack, browser: Chromium) -> Iterator[StoppingLine]:
    """A line to the service; the browser is paired anew through it."""
    with StoppingLine(stack.port) as relay:
        browser.pair(relay.url, stack.pairing_code())
        yield relay


def cut_upload(browser: Chromium, site: DemoSite, line: StoppingLine, cut: Callable[[], None]) -> str:
    """Captures a page of 20 MB and calls `cut()` while its upload stands still in the middle. Gives the capture id."""
    page = browser.open(site.many(PICTURES, KILOBYTES))
    site.log.settle()
    before = {item["captureId"] for item in browser.items()}
    line.stop_after(CUT_AFTER)
    browser.click_toolbar(page)
    line.wait()
    item = browser.wait_for_item(lambda item: item["captureId"] not in before and item["state"] == "uploading", timeout_s=60)
    assert item["committed"] is not None, "the time is fixed before the upload"
    cut()
    return str(item["captureId"])


def test_a_killed_browser_resumes_its_upload(browser: Chromium, site: DemoSite, stack: Stack, line: StoppingLine) -> None:
    capture_id = cut_upload(browser, site, line, browser.kill)
    line.go_on()
    browser.start()
    item = browser.wait_for_item(lambda item: item["captureId"] == capture_id and item["state"] == "sealed", timeout_s=90)
    assert item["sealed"]["index"] > item["committed"]["index"]
    stack.log_check()


def test_a_killed_service_loses_nothing_and_the_upload_goes_on(
    browser: Chromium, site: DemoSite, stack: Stack, line: StoppingLine
) -> None:
    assert stack.serve is not None
    capture_id = cut_upload(browser, site, line, stack.serve.kill)
    assert not answers(f"{stack.url}/readyz")()
    line.go_on()
    browser.wait_for_item(lambda item: item["captureId"] == capture_id and item["attempts"] > 0)
    stack.start_serve()
    item = browser.wait_for_item(lambda item: item["captureId"] == capture_id and item["state"] == "sealed", timeout_s=120)
    assert item["sealed"]["index"] > item["committed"]["index"]
    stack.log_check()


def test_a_capture_made_without_a_connection_goes_out_later(
    browser: Chromium, site: DemoSite, stack: Stack, line: StoppingLine
) -> None:
    assert stack.serve is not None
    stack.serve.stop()
    page = browser.open(site.article)
    site.log.settle()
    before = {item["captureId"] for item in browser.items()}
    browser.click_toolbar(page)
    item = browser.wait_for_item(lambda item: item["captureId"] not in before and item["attempts"] > 0, timeout_s=60)
    assert item["committed"] is None and item["reason"] == "unreachable"
    stack.start_serve()
    sealed = browser.wait_for_item(
        lambda found: found["captureId"] == item["captureId"] and found["state"] == "sealed", timeout_s=90
    )
    stack.wait_for_stamp(browser.token, sealed["captureId"])
    bundle = stack.export_bundle(sealed["captureId"], stack.folder / "offline.zip")
    policy = journey.write_policy(stack, browser, stack.folder / "offline-policy.toml")
    report = stack.verify(bundle, policy)
    assert "not before UNKNOWN, not after 2" in report, report
    assert "NOT_CHECKED  Timestamps: not before" in report, report
