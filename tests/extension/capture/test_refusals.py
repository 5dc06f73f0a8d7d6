"""What a capture gives when the browser, the person or the page does not let it do everything."""

import io

import pytest
from PIL import Image

from tests.extension.capture.browser import CaptureBrowser, Captured
from tests.extension.capture.oddsite import BANDS, OddSite

pytestmark = pytest.mark.browser


def test_a_page_closed_in_the_middle_keeps_what_was_read_and_says_what_is_missing(
    granted_nothing: CaptureBrowser, site: OddSite
) -> None:
    captured = _closed_after(granted_nothing, f"{site.url}/very-tall", "read frames")
    _assert_cut_off(captured)
    assert captured.generated("dom")


def test_a_page_closed_at_the_first_step_is_said_to_be_cut_off(granted_nothing: CaptureBrowser, site: OddSite) -> None:
    _assert_cut_off(_closed_after(granted_nothing, f"{site.url}/very-tall", "attach debugger"))


def _closed_after(browser: CaptureBrowser, url: str, step: str) -> Captured:
    return browser.closed_after(browser.open(url), step)


def _assert_cut_off(captured: Captured) -> None:
    assert "full-page screenshot" in captured.result["pageinfo"]["failedSteps"]
    assert any("debugger was lost" in note for note in captured.result["notes"])
    assert [artifact["role"] for artifact in captured.result["artifacts"]] == ["screenshot.viewport", "page.wacz"]


def test_a_tab_that_is_not_in_front_is_never_confused_with_the_one_that_is(granted_all: CaptureBrowser, site: OddSite) -> None:
    page = granted_all.open(f"{site.url}/tall")
    front = granted_all.open(f"{site.url}/frame.html")
    captured = granted_all.run_without_click(page)
    assert captured.result["page"]["shotBy"] == "debugger"
    with Image.open(io.BytesIO(captured.files["screenshot.viewport.png"])) as picture:
        assert picture.convert("RGB").getpixel((500, 250)) == BANDS[0]
    page.close()
    front.close()


def test_without_the_debugger_the_page_is_read_by_script_and_every_body_is_named_as_missing(
    granted_nothing: CaptureBrowser, site: OddSite
) -> None:
    page = granted_nothing.open(f"{site.url}/")
    mark = site.log.settle()
    granted_nothing.worker.evaluate("url => globalThis.occupy(url)", page.url)
    captured = granted_nothing.click(page)
    site.log.settle()
    assert site.log.asked(mark) == []
    assert captured.result["method"] == "scripting"
    assert captured.result["pageinfo"]["failedSteps"] == ["attach debugger"]
    assert "inside the open root" in captured.generated("dom")[0]
    assert captured.pageinfo["resources"] == []
    assert {entry["url"].rsplit("/", 1)[-1] for entry in captured.pageinfo["omitted"]} >= {"", "utf8.css", "a.png", "data.json"}
    page.close()


def test_a_page_the_debugger_may_not_touch_still_gives_the_viewport_shot(granted_all: CaptureBrowser) -> None:
    page = granted_all.open("chrome://version/", settle=False)
    captured = granted_all.click(page)
    assert captured.result["method"] == "viewport_only"
    assert [artifact["role"] for artifact in captured.result["artifacts"]] == ["screenshot.viewport", "page.wacz"]
    assert "attach debugger" in captured.result["pageinfo"]["failedSteps"]
    page.close()
