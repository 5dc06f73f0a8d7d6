"""“Seen before?” in a real browser: the menu on a picture, the small window, and what the service knows of it."""

import io
import json
import zipfile
from collections.abc import Iterator

import httpx2
import pytest
from playwright.sync_api import Page, Playwright, expect

from tests.e2e.acts import click_menu, granted_browser, ids, sealed
from tests.e2e.boxes import assert_places
from tests.e2e.chromium import Chromium, wait_for
from tests.e2e.pictures import picture
from tests.e2e.site import DemoSite
from tests.e2e.stack import Stack
from tests.extension.capture.browser import read_records
from tests.extension.ui.test_accessibility import violations

pytestmark = [pytest.mark.browser, pytest.mark.live]
SVG = (
    "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' width='300' height='200'><circle cx='150' cy='100' r='80'/></svg>"
)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A service of this module's own: what was never seen before must not have been seen by other tests."""
    with Stack(tmp_path_factory.mktemp("unseen")) as started:
        yield started


@pytest.fixture(scope="module")
def browser(playwright: Playwright, stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    with granted_browser(playwright, stack, tmp_path_factory.mktemp("seen")) as started:
        yield started


def asked(browser: Chromium, page: Page, image: str) -> Page:
    """The small window that the menu opens, with its answer."""
    with browser.context.expect_page(lambda one: "ui/seen.html" in one.url, timeout=80_000) as opening:
        click_menu(browser, page, "seen-before", srcUrl=image)
    window = opening.value
    expect(window.locator("#progress")).to_be_hidden(timeout=120_000)
    return window


def test_a_picture_is_asked_about_and_nothing_is_captured(browser: Chromium, site: DemoSite, stack: Stack) -> None:
    image = f"{site.url}/pictures/ferry"
    page = browser.open(site.article)
    mark = site.log.settle()
    first = asked(browser, page, image)
    expect(first.locator("#status")).to_have_text("Not seen before in your captures")
    expect(first.locator("#note")).to_contain_text("That proves nothing")
    expect(first.locator("#preview")).to_be_visible()
    assert violations(first) == []
    first.close()
    assert site.log.asked(mark) == [], "the site is asked for nothing"
    assert ids(browser) == set(), "nothing is captured"

    click_menu(browser, page, "capture-image", srcUrl=image)
    capture_id = sealed(browser, set())["captureId"]
    headers = {"Authorization": f"Bearer {browser.token}"}
    listed = f"{stack.url}/api/v1/captures/{capture_id}/images"
    wait_for(
        lambda: httpx2.get(listed, headers=headers, timeout=60).json()["state"] != "pending",
        60,
        lambda: "the pictures are not read",
    )

    mark = site.log.settle()
    again = asked(browser, page, image)
    expect(again.locator("#status")).to_contain_text("Seen before. Places:")
    identical = again.locator('#matches > li[data-kind="exact"]')
    expect(identical).to_have_count(1)
    expect(identical.locator(".kind")).to_have_text("Identical: the same file")
    expect(identical.locator("a").first).to_have_attribute("href", f"{stack.url}/captures/{capture_id}")
    expect(again.locator("#how")).to_contain_text("as this page loaded it")
    wait_for(lambda: bool(again.evaluate("document.querySelector('#matches img').naturalWidth")), 10, lambda: "no picture")
    assert violations(again) == []
    again.close()
    assert site.log.asked(mark) == []
    assert ids(browser) == {capture_id}
    page.close()


def test_what_the_browser_no_longer_holds_is_not_asked_of_the_site(browser: Chromium, site: DemoSite) -> None:
    page = browser.open(site.article)
    mark = site.log.settle()
    gone = asked(browser, page, f"{site.url}/pictures/market?v=1")
    expect(gone.locator("#status")).to_have_text("The browser gives neither the file nor a view of this picture.")
    gone.close()
    assert site.log.asked(mark) == []
    page.close()


def test_a_drawing_is_compared_by_what_the_screen_shows_and_says_so(browser: Chromium, site: DemoSite) -> None:
    page = browser.open(site.article)
    page.evaluate(
        "(src) => { const image = new Image(); image.src = src; document.body.prepend(image); return image.decode(); }", SVG
    )
    page.evaluate("scrollTo(0, 0)")
    drawn = asked(browser, page, page.evaluate("document.images[0].src"))
    expect(drawn.locator("#how")).to_contain_text("what the screen shows of it")
    expect(drawn.locator("#status")).to_have_text("Not seen before in your captures")
    drawn.close()
    page.close()


def test_a_canvas_is_found_again_though_no_file_of_it_was_loaded(browser: Chromium, site: DemoSite, stack: Stack) -> None:
    page, before = browser.open(site.boxes), ids(browser)
    page.wait_for_function("document.body.dataset.done === '1'")
    browser.click_toolbar(page)
    item = sealed(browser, before)
    headers = {"Authorization": f"Bearer {browser.token}"}
    address = f"{stack.url}/api/v1/captures/{item['captureId']}"
    archive = httpx2.get(f"{address}/artifacts/page.wacz", headers=headers, timeout=60).content
    with zipfile.ZipFile(io.BytesIO(archive)) as wacz:
        records = read_records(wacz.read("archive/data.warc.gz"))
        assert_places(json.loads(next(one.body for one in records if one.uri.startswith("urn:pageinfo:"))), site)

    wait_for(
        lambda: httpx2.get(f"{address}/images", headers=headers, timeout=60).json()["state"] != "pending", 60, lambda: "not read"
    )
    bridge, _ = picture("bridge", "another file of it")
    found = httpx2.post(f"{stack.url}/api/v1/images/search", content=bridge, headers=headers, timeout=60).json()["matches"]
    drawn = [place for one in found for place in one["sightings"] if place["source"] == "box"]
    assert [(one["url"], one["box"]) for one in drawn] == [("", [10, 120, 320, 180])]
    page.close()


def test_without_a_service_nothing_is_claimed(
    playwright: Playwright, site: DemoSite, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with Chromium(playwright, tmp_path_factory.mktemp("alone")) as alone:
        page = alone.open(site.article)
        window = asked(alone, page, f"{site.url}/pictures/ferry")
        expect(window.locator("#status")).to_contain_text("not paired with a service")
        expect(window.locator("#pair a")).to_be_visible()
        assert violations(window) == []
