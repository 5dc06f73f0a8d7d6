"""Single images and marked regions in a real browser, against what the demo site knows it sent."""

import contextlib
import io
import zipfile
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Page, Playwright
from warcio.archiveiterator import ArchiveIterator

from tests.e2e.acts import click_menu, granted_browser, ids, sealed, statement
from tests.e2e.chromium import Chromium, wait_for
from tests.e2e.site import DemoSite
from tests.e2e.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.live]


@pytest.fixture(scope="module")
def browser(playwright: Playwright, stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    with granted_browser(playwright, stack, tmp_path_factory.mktemp("acts")) as started:
        yield started


def artifact(stack: Stack, browser: Chromium, item: dict[str, Any], name: str) -> bytes:
    """The stored bytes, as the service gives them."""
    url = f"{stack.url}/api/v1/captures/{item['captureId']}/artifacts/{name}"
    answer = httpx2.get(url, headers={"Authorization": f"Bearer {browser.token}"}, timeout=60)
    assert answer.status_code == 200, answer.text
    return bytes(answer.content)


def generated(wacz: bytes) -> str:
    """Everything that was read of the page itself: DOM, text, MHTML."""
    with zipfile.ZipFile(io.BytesIO(wacz)) as packed:
        records = ArchiveIterator(io.BytesIO(packed.read("archive/data.warc.gz")))
        return "".join(record.raw_stream.read().decode("utf-8", "replace") for record in records if record.rec_type == "resource")


def assert_close(box: dict[str, float], expected: dict[str, float], within: float = 1) -> None:
    assert {side: abs(box[side] - expected[side]) <= within for side in expected} == dict.fromkeys(expected, True), (
        box,
        expected,
    )


@pytest.fixture
def article(browser: Chromium, site: DemoSite) -> Iterator[Page]:
    page = browser.open(site.article)
    site.log.settle()
    yield page
    page.close()


def test_the_shortcuts_are_bound(browser: Chromium) -> None:
    bound = browser.worker().evaluate(
        "async () => (await chrome.commands.getAll()).map(({ name, shortcut }) => [name, shortcut])"
    )
    assert dict(bound) == {"_execute_action": "Alt+Shift+E", "capture-region": "Alt+Shift+S"}


@pytest.mark.parametrize("place", ["in the page", "in a frame of another site"])
def test_a_picked_image_is_kept_as_it_was_served(
    browser: Chromium, site: DemoSite, stack: Stack, article: Page, place: str
) -> None:
    in_page = place == "in the page"
    frame_url = site.article if in_page else f"{site.frame_url}/notice"
    image = f"{site.url}/pictures/ferry" if in_page else f"{site.frame_url}/pictures/poster"
    frame = next(one for one in article.frames if one.url == frame_url)
    frame.locator(f'img[src="{image[image.index("/pictures") :]}"]').scroll_into_view_if_needed()
    expected = frame.locator(f'img[src="{image[image.index("/pictures") :]}"]').bounding_box()
    before, mark = ids(browser), site.log.settle()
    click_menu(browser, article, "capture-image", frame_url=frame_url, srcUrl=image)
    item = sealed(browser, before)
    assert site.log.asked(mark) == [], "the site is asked for nothing"
    stated = statement(item)
    chosen = stated["predicate"]["selection"]
    assert (chosen["kind"], chosen["srcUrl"], chosen["frameUrl"], chosen["matches"]) == ("image", image, frame_url, 1)
    assert (chosen["source"], chosen["exact"], chosen["reason"], stated["predicate"]["trigger"]) == (
        "live_memory",
        True,
        "",
        "image",
    )
    assert expected is not None
    assert_close(chosen["box"], dict(expected))
    subjects = {one["name"]: one for one in stated["subject"]}
    assert subjects[chosen["artifact"]]["annotations"]["role"] == "image"
    assert subjects[chosen["artifact"]]["digest"]["sha256"] in site.log.bodies()[image]
    assert {"page.wacz", "screenshot.viewport.png", "screenshot.full.png"} < set(subjects), "with the whole page around it"
    assert artifact(stack, browser, item, chosen["artifact"])


def test_an_image_the_browser_no_longer_holds_is_asked_for_again_only_by_the_setting(
    browser: Chromium, site: DemoSite, article: Page
) -> None:
    gone = f"{site.url}/pictures/market?v=1"
    for may_refetch in (False, True):
        browser.worker().evaluate("(refetchImages) => chrome.storage.local.set({ refetchImages })", may_refetch)
        before, mark = ids(browser), site.log.settle()
        click_menu(browser, article, "capture-image", srcUrl=gone)
        stated = statement(sealed(browser, before))
        chosen, asked = stated["predicate"]["selection"], [sent.url for sent in site.log.asked(mark)]
        names = {one["name"]: one["digest"]["sha256"] for one in stated["subject"]}
        assert (chosen["box"], chosen["matches"]) == (None, 0)
        if may_refetch:
            assert (asked, chosen["source"], chosen["artifact"]) == ([gone], "refetched", "image.1.jpg")
            assert names["image.1.jpg"] in site.log.bodies()[gone]
        else:
            assert (asked, chosen["source"], chosen["artifact"], "image.1.jpg" in names) == ([], None, None, False)
            assert "does not hold its bytes" in chosen["reason"]


def test_a_region_is_marked_on_the_shot_and_leaves_nothing_in_the_page(
    browser: Chromium, site: DemoSite, stack: Stack, article: Page
) -> None:
    before, mark = ids(browser), site.log.settle()
    click_menu(browser, article, "capture-region")
    article.wait_for_selector("holdstill-region")
    article.mouse.move(100, 120)
    article.mouse.down()
    article.mouse.move(300, 180, steps=3)
    article.mouse.move(420, 330)
    article.mouse.up()
    item = sealed(browser, before)
    stated = statement(item)["predicate"]
    assert stated["selection"] == {"kind": "region", "box": {"x": 100, "y": 120, "width": 320, "height": 210}}
    assert (stated["trigger"], stated["viewport"]["shotBy"], site.log.asked(mark)) == ("region", "captureVisibleTab", [])
    kept = generated(artifact(stack, browser, item, "page.wacz"))
    assert "Night ferry to run all winter" in kept and "holdstill-region" not in kept
    assert article.locator("holdstill-region").count() == 0
    with contextlib.closing(browser.context.new_page()) as page:
        page.goto(stack.sign_in_link())
        page.click("main form button")
        page.wait_for_url(f"{stack.url}/")

        def is_drawn() -> bool:  # the working copies are made by a job after the seal
            page.goto(f"{stack.url}/captures/{item['captureId']}")
            return page.locator(".marked svg rect").count() == 1

        wait_for(is_drawn, 30, lambda: page.inner_text("main")[:500])
        assert page.locator(".marked svg rect").get_attribute("width") == "320"
        assert page.locator(".crop svg").get_attribute("viewBox") == "100 120 320 210"


def test_a_region_by_keyboard_and_escape_keeps_nothing(browser: Chromium, site: DemoSite, article: Page) -> None:
    before = ids(browser)
    click_menu(browser, article, "capture-region")
    article.wait_for_selector("holdstill-region")
    article.keyboard.press("Escape")
    article.wait_for_selector("holdstill-region", state="detached")
    click_menu(browser, article, "capture-region")
    article.wait_for_selector("holdstill-region")
    for key in ["ArrowLeft", "ArrowUp", "Shift+ArrowRight", "Shift+Alt+ArrowDown", "Enter"]:
        article.keyboard.press(key)
    item = sealed(browser, before)
    assert ids(browser) - before == {item["captureId"]}, "what was given up is not kept"
    box = statement(item)["predicate"]["selection"]["box"]
    width, height = 1280, 800
    assert box == {
        "x": round(width * 0.3) - 10,
        "y": round(height * 0.3) - 10,
        "width": width * 0.4 + 10,
        "height": height * 0.4 + 1,
    }
