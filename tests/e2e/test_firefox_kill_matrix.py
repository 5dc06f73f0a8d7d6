"""The kill matrix in Firefox, whose background is an event page: what is killed × where the capture stands.

Killed: the event page, the browser (kill -9), the service (kill -9). Standing: queued, committing, uploading, sealing. In each of
the twelve the capture ends sealed, once: none is lost and none is there twice.
"""

import time
from collections.abc import Callable, Iterator

import pytest

from tests.e2e.chromium import wait_for
from tests.e2e.firefox import Firefox
from tests.e2e.firefox_profile import UUID
from tests.e2e.gate import BYTES, COMMIT, SEAL, Gate
from tests.e2e.site import DemoSite
from tests.e2e.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.live]
PICTURES, KILOBYTES = 3, 60


@pytest.fixture(scope="module")
def firefox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firefox]:
    started = Firefox(tmp_path_factory.mktemp("firefox-kills")).start()
    try:
        started.consent()
        yield started
    finally:
        started.stop()


@pytest.fixture(scope="module")
def gate(stack: Stack, firefox: Firefox) -> Iterator[Gate]:
    """The line to the service; the browser is paired through it."""
    with Gate(stack.port) as relay:
        firefox.pair(relay.url, stack.pairing_code())
        yield relay


def kill_event_page(firefox: Firefox, stack: Stack) -> None:
    firefox.end_background()


def kill_browser(firefox: Firefox, stack: Stack) -> None:
    firefox.kill()
    firefox.start()


def kill_service(firefox: Firefox, stack: Stack) -> None:
    assert stack.serve is not None
    stack.serve.kill()
    stack.start_serve()


KILLS: dict[str, Callable[[Firefox, Stack], None]] = {
    "event page": kill_event_page,
    "browser": kill_browser,
    "service": kill_service,
}


def begin(firefox: Firefox, site: DemoSite, state: str) -> str:
    """Captures a page; gives the capture's id once it stands in `state`."""
    page = firefox.open(site.many(PICTURES, KILOBYTES))
    before = {item["captureId"] for item in firefox.items()}
    firefox.click_toolbar(page)
    item = firefox.wait_for_item(lambda item: item["captureId"] not in before and item["state"] == state)
    firefox.close(page)
    return str(item["captureId"])


def sealed_once(firefox: Firefox, stack: Stack, captures: list[str]) -> None:
    """Each is sealed in the browser with two receipts of its own, and the service logged its commit and its seal once.

    A person looks at the list of captures now and then, which makes the queue go on before its alarm of 30 seconds.
    """
    queue = firefox.open(f"moz-extension://{UUID}/ui/queue.html")

    def done() -> bool:
        states = {item["captureId"]: item["state"] for item in firefox.items()}
        if all(states.get(capture_id) == "sealed" for capture_id in captures):
            return True
        time.sleep(1)
        firefox.go(queue, queue.url)
        return False

    wait_for(done, 90, lambda: str([(item["captureId"][:8], item["state"], item["reason"]) for item in firefox.items()]))
    firefox.close(queue)
    items = {item["captureId"]: item for item in firefox.items()}
    for capture_id in captures:
        assert items[capture_id]["committed"]["index"] < items[capture_id]["sealed"]["index"]
        events = stack.event_types(firefox.token, capture_id)
        assert (events.count("capture.committed"), events.count("capture.sealed")) == (1, 1), events


@pytest.mark.parametrize("killed", KILLS)
def test_a_kill_loses_no_capture_and_doubles_none(
    firefox: Firefox, site: DemoSite, stack: Stack, gate: Gate, killed: str
) -> None:
    gate.hold(BYTES, is_answered=False)
    uploading = begin(firefox, site, "uploading")
    gate.wait()
    gate.hold(COMMIT, is_answered=True)
    committing = begin(firefox, site, "committing")
    gate.wait()
    queued = begin(firefox, site, "queued")
    KILLS[killed](firefox, stack)
    gate.open()
    sealed_once(firefox, stack, [uploading, committing, queued])

    gate.hold(SEAL, is_answered=True)
    sealing = begin(firefox, site, "uploading")
    gate.wait()
    KILLS[killed](firefox, stack)
    gate.open()
    sealed_once(firefox, stack, [sealing])
    assert len(firefox.items()) == len({item["captureId"] for item in firefox.items()})
    stack.log_check()


def test_a_capture_cut_off_by_the_end_of_the_event_page_leaves_nothing_half_made(
    firefox: Firefox, site: DemoSite, stack: Stack, gate: Gate
) -> None:
    """Ended before it was sealed there is no capture, and the page can be captured again; never half of one."""
    page = firefox.open(site.many(PICTURES, KILOBYTES))
    before = {item["captureId"] for item in firefox.items()}
    firefox.click_toolbar(page)

    def made() -> list[str]:
        return [item["captureId"] for item in firefox.items() if item["captureId"] not in before]

    wait_for(lambda: bool(made()) or "collecting" in {run["phase"] for run in firefox.runs()}, 20, lambda: str(firefox.runs()))
    firefox.end_background()
    time.sleep(1)
    left = made()
    assert len(left) <= 1
    firefox.click_toolbar(page)
    item = firefox.wait_for_item(lambda item: item["captureId"] not in {*before, *left})
    firefox.close(page)
    sealed_once(firefox, stack, [item["captureId"], *left])
