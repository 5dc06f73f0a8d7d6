"""What is killed × where the capture stands.

Killed: the extension's worker, the browser (kill -9), the service (kill -9). Standing: queued, committing, uploading, sealing.
In each of the twelve the capture ends sealed, once: none is lost and none is there twice. The capture that is committing waits
for an answer the service has already given, so that the service knows what the browser does not; the same for the one that is
sealing. Three captures stand in three states at once, so that one killing serves three.
"""

import time
from collections.abc import Callable, Iterator

import httpx2
import pytest

from tests.e2e.chromium import Chromium, wait_for
from tests.e2e.gate import BYTES, COMMIT, SEAL, Gate
from tests.e2e.site import DemoSite
from tests.e2e.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.live]
PICTURES, KILOBYTES = 3, 60


@pytest.fixture(scope="module")
def gate(stack: Stack, browser: Chromium) -> Iterator[Gate]:
    """The line to the service; the browser is paired through it."""
    with Gate(stack.port) as relay:
        browser.pair(relay.url, stack.pairing_code())
        yield relay


def kill_worker(browser: Chromium, stack: Stack) -> None:
    """Ends the extension's worker as the browser itself does, in the middle of whatever it does."""
    page = browser.context.new_page()
    page.goto(f"chrome-extension://{browser.id}/ui/options.html")
    session = browser.context.new_cdp_session(page)
    session.send("ServiceWorker.enable")
    session.send("ServiceWorker.stopAllWorkers")
    page.close()


def kill_browser(browser: Chromium, stack: Stack) -> None:
    browser.kill()
    browser.start()


def kill_service(browser: Chromium, stack: Stack) -> None:
    assert stack.serve is not None
    stack.serve.kill()
    stack.start_serve()


KILLS: dict[str, Callable[[Chromium, Stack], None]] = {"worker": kill_worker, "browser": kill_browser, "service": kill_service}


def begin(browser: Chromium, site: DemoSite, state: str) -> str:
    """Captures a page; gives the capture's id once it stands in `state`."""
    page = browser.open(site.many(PICTURES, KILOBYTES))
    site.log.settle(quiet_s=0.3)
    before = {item["captureId"] for item in browser.items()}
    browser.click_toolbar(page)
    item = browser.wait_for_item(lambda item: item["captureId"] not in before and item["state"] == state, timeout_s=60)
    page.close()
    return str(item["captureId"])


def sealed_once(browser: Chromium, stack: Stack, captures: list[str]) -> None:
    """Each is sealed in the browser with two receipts of its own, and the service logged its commit and its seal once.

    A person looks at the list of captures now and then, which makes the queue go on before its alarm of 30 seconds.
    """
    page = browser.context.new_page()

    def done() -> bool:
        page.goto(f"chrome-extension://{browser.id}/ui/queue.html")
        time.sleep(1)
        states = {item["captureId"]: item["state"] for item in browser.items()}
        return all(states.get(capture_id) == "sealed" for capture_id in captures)

    wait_for(done, 90, lambda: str([(item["captureId"][:8], item["state"], item["reason"]) for item in browser.items()]))
    page.close()
    items = {item["captureId"]: item for item in browser.items()}
    for capture_id in captures:
        assert items[capture_id]["committed"]["index"] < items[capture_id]["sealed"]["index"]
        events = event_types(stack, browser.token, capture_id)
        assert (events.count("capture.committed"), events.count("capture.sealed")) == (1, 1), events


def event_types(stack: Stack, token: str, capture_id: str) -> list[str]:
    answer = httpx2.get(
        f"{stack.url}/api/v1/captures/{capture_id}/events", headers={"Authorization": f"Bearer {token}"}, timeout=10
    )
    return [event["type"] for event in answer.raise_for_status().json()["events"]]


@pytest.mark.parametrize("killed", KILLS)
def test_a_kill_loses_no_capture_and_doubles_none(
    browser: Chromium, site: DemoSite, stack: Stack, gate: Gate, killed: str
) -> None:
    gate.hold(BYTES, is_answered=False)
    uploading = begin(browser, site, "uploading")
    gate.wait()
    gate.hold(COMMIT, is_answered=True)
    committing = begin(browser, site, "committing")
    gate.wait()
    queued = begin(browser, site, "queued")
    KILLS[killed](browser, stack)
    gate.open()
    sealed_once(browser, stack, [uploading, committing, queued])

    gate.hold(SEAL, is_answered=True)
    sealing = begin(browser, site, "uploading")
    gate.wait()
    KILLS[killed](browser, stack)
    gate.open()
    sealed_once(browser, stack, [sealing])
    assert len(browser.items()) == len({item["captureId"] for item in browser.items()})
    stack.log_check()
