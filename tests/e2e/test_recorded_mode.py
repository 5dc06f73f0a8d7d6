"""The real extension, driven as a person would: start a recording in the popup, load the page, click the toolbar."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Playwright

from tests.e2e.chromium import Chromium, wait_for
from tests.e2e.proving_ground import ProvingGround

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def ground() -> Iterator[ProvingGround]:
    with ProvingGround() as running:
        yield running


@pytest.fixture(scope="module")
def unpaired(playwright: Playwright, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    """A browser without a service: what it captures stays in its queue."""
    with Chromium(playwright, tmp_path_factory.mktemp("unpaired")) as started:
        yield started


def predicate(item: dict[str, Any]) -> dict[str, Any]:
    envelope = json.loads(item["envelope"])
    return dict(json.loads(base64.b64decode(envelope["payload"]))["predicate"])


def test_a_recording_started_in_the_popup_is_taken_by_the_next_click(unpaired: Chromium, ground: ProvingGround) -> None:
    page = unpaired.open(f"{ground.url}/form")
    popup = unpaired.open_popup(page)
    popup.select_option("#mode", "recorded")
    popup.click("#capture")
    wait_for(lambda: popup.is_visible("#finish"), 15, lambda: popup.inner_text("#status"))
    popup.close()
    page.bring_to_front()
    page.goto(f"{ground.url}/posts")
    page.wait_for_selector("body[data-done]")
    ground.log.settle(quiet_s=0.4)
    unpaired.click_toolbar(page)
    item = unpaired.wait_for_item(lambda found: True, timeout_s=60)
    said = predicate(item)
    assert said["mode"] == "recorded"
    assert said["pageinfo"]["captured"] >= 4
    assert "state" not in said["pageinfo"]
    page.close()


def test_a_reload_chosen_in_the_popup_says_so(unpaired: Chromium, ground: ProvingGround) -> None:
    page = unpaired.open(f"{ground.url}/forged")
    popup = unpaired.open_popup(page)
    popup.select_option("#mode", "reloaded")
    popup.click("#capture")
    item = unpaired.wait_for_item(lambda found: predicate(found)["mode"] == "reloaded", timeout_s=60)
    names = [artifact["name"] for artifact in item["artifacts"]]
    assert "screenshot.viewport.2.png" in names
    popup.close()
    page.close()
