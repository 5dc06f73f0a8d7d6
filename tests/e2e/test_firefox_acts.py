"""Single images, marked regions and a killed browser in Firefox."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.chromium import wait_for
from tests.e2e.firefox import Firefox
from tests.e2e.firefox_captures import START, Capture, capture, open_page
from tests.e2e.proving_ground import ProvingGround
from tests.e2e.stack import Stack
from tests.extension.capture.browser import sha256

pytestmark = [pytest.mark.browser, pytest.mark.live]
DRAG = ((100, 120), (300, 180), (420, 330))


@pytest.fixture(scope="module")
def site() -> Iterator[ProvingGround]:
    with ProvingGround() as running:
        yield running


@pytest.fixture(scope="module")
def firefox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firefox]:
    with Firefox(tmp_path_factory.mktemp("firefox-acts")) as started:
        started.consent()
        yield started


def drag(firefox: Firefox) -> None:
    """Moves the pointer over the page in front with its button pressed."""
    (first, *rest) = [{"type": "pointerMove", "x": x, "y": y, "duration": 40, "origin": "viewport"} for x, y in DRAG]
    steps = [first, {"type": "pointerDown", "button": 0}, *rest, {"type": "pointerUp", "button": 0}]
    pointer = {"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": steps}
    firefox.marionette.call("WebDriver:PerformActions", actions=[pointer])


def test_a_picked_image_has_its_bytes_as_served_out_of_the_load_on_screen(firefox: Firefox, site: ProvingGround) -> None:
    firefox.consent()
    mark = site.log.mark()
    page = open_page(firefox, f"{site.url}/forged")
    asked = site.log.settle(quiet_s=0.4)
    source = f"{site.url}/img/council.png"
    wish = {"kind": "image", "srcUrl": source, "frameUrl": page.url, "frameId": 0}
    captured = capture(firefox, page, selection=wish)
    assert site.log.asked(asked) == []
    firefox.close(page)
    (sent,) = [one for one in site.exchanges(mark) if one.url == source]
    assert sha256(firefox.artifact(captured.item, "image.1.png")) == sent.sha256
    chosen = captured.statement["selection"]
    assert (chosen["source"], chosen["exact"], chosen["matches"]) == ("live_stream", True, 1)
    assert chosen["box"]["width"] == 60 and chosen["box"]["height"] == 60


def test_a_region_is_marked_on_the_shot_and_leaves_nothing_in_the_page(firefox: Firefox, site: ProvingGround) -> None:
    page = open_page(firefox, f"{site.url}/forged")
    before = {item["captureId"] for item in firefox.items()}
    firefox.at_desk(f"void (async () => {{ {START} }})();", page.url, {"selection": {"kind": "region"}})
    firefox.show(page)
    shown = 'return document.querySelector("holdstill-region") !== null'
    wait_for(lambda: bool(firefox.evaluate(page, shown)), 10, lambda: f"no overlay: {firefox.runs()}")
    drag(firefox)
    captured = Capture.of(firefox, firefox.wait_for_item(lambda item: item["captureId"] not in before))
    assert captured.statement["selection"] == {"kind": "region", "box": {"x": 100, "y": 120, "width": 320, "height": 210}}
    assert not firefox.evaluate(page, shown)
    assert not any(b"holdstill-region" in record.body for record in captured.records)
    firefox.close(page)


def test_an_unsent_capture_outlives_kill_9_of_the_browser(stack: Stack, site: ProvingGround, tmp_path: Path) -> None:
    with Firefox(tmp_path / "profile") as firefox:
        capture_id = capture(firefox, open_page(firefox, f"{site.url}/forged")).item["captureId"]
        firefox.kill()
        firefox.start()
        assert [(item["captureId"], item["state"]) for item in firefox.items()] == [(capture_id, "queued")]
        firefox.pair(stack.url, stack.pairing_code())
        sealed = firefox.wait_for_item(lambda item: item["state"] == "sealed", timeout_s=90)
        assert sealed["captureId"] == capture_id
