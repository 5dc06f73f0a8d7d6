"""Every kind of archive, replayed in ReplayWeb.page and in pywb, shows what the page showed; the site is asked for nothing."""

import contextlib
import io
import json
import zipfile
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from playwright.sync_api import BrowserContext, Page, Playwright

from tests.e2e.chromium import BrowserTimeout, Chromium, wait_for
from tests.e2e.firefox import Firefox
from tests.e2e.firefox_captures import START, open_page
from tests.e2e.proving_ground import ProvingGround
from tests.e2e.pywb import pywb_playing
from tests.e2e.replaying import Look, chromium_reader, firefox_looks, looks, open_replay, original_address
from tests.e2e.stack import Stack
from tests.extension.capture.browser import read_records

pytestmark = [pytest.mark.browser, pytest.mark.live]
KINDS = ("chromium-as_seen", "chromium-recorded", "chromium-reloaded", "firefox-as_seen", "firefox-reloaded")
Folders = pytest.TempPathFactory


@dataclass(frozen=True)
class Kept:
    """One sealed capture: its archive, and what the page showed when it was captured, by the address of each frame."""

    capture_id: str
    wacz: bytes
    seen: dict[str, Look]


class Shelf:
    """The captures by kind."""

    def __init__(self, stack: Stack, ground: ProvingGround) -> None:
        self.url = f"{ground.url}/components"
        self.kept: dict[str, Kept] = {}
        self._stack = stack
        self._ground = ground

    def keep(self, kind: str, browser: Chromium | Firefox, before: set[str], see: Callable[[], dict[str, Look]]) -> None:
        """The next capture, once it is sealed."""
        found = browser.wait_for_item(lambda item: item["captureId"] not in before and item["state"] == "sealed", timeout_s=120)
        capture_id = str(found["captureId"])
        address = f"{self._stack.url}/api/v1/captures/{capture_id}/artifacts/page.wacz"
        answer = httpx2.get(address, headers={"Authorization": f"Bearer {browser.token}"}, timeout=60)
        self.kept[kind] = Kept(capture_id, answer.raise_for_status().content, see())

    def from_chromium(self, browser: Chromium) -> None:
        page = browser.open(self.url)
        self._wait(page)
        before = known(browser)
        browser.click_toolbar(page)
        self.keep("chromium-as_seen", browser, before, lambda: looks(page))
        popup = browser.open_popup(page)
        before = known(browser)
        popup.select_option("#mode", "reloaded")
        popup.click("#capture")
        self.keep("chromium-reloaded", browser, before, lambda: looks(page))
        popup.close()
        popup = browser.open_popup(page)
        popup.select_option("#mode", "recorded")
        popup.click("#capture")
        wait_for(lambda: popup.is_visible("#finish"), 30, lambda: popup.inner_text("#status"))
        popup.close()
        page.bring_to_front()
        page.reload()
        self._wait(page)
        before = known(browser)
        browser.click_toolbar(page)
        self.keep("chromium-recorded", browser, before, lambda: looks(page))
        page.close()

    def from_firefox(self, firefox: Firefox) -> None:
        page = open_page(firefox, self.url)
        self._ground.log.settle()
        before = known(firefox)
        firefox.click_toolbar(page)
        self.keep("firefox-as_seen", firefox, before, lambda: firefox_looks(firefox, page, (0, 1)))
        before = known(firefox)
        firefox.show(page)
        firefox.at_desk(START, page.url, {"mode": "reloaded"})
        self.keep("firefox-reloaded", firefox, before, lambda: firefox_looks(firefox, page, (0, 1)))

    def _wait(self, page: Page) -> None:
        page.wait_for_selector("body[data-done]")
        self._ground.log.settle()


def known(browser: Chromium | Firefox) -> set[str]:
    return {item["captureId"] for item in browser.items()}


@pytest.fixture(scope="module")
def ground() -> Iterator[ProvingGround]:
    with ProvingGround() as running:
        yield running


@pytest.fixture(scope="module")
def shelf(browser: Chromium, stack: Stack, ground: ProvingGround, tmp_path_factory: Folders) -> Shelf:
    made = Shelf(stack, ground)
    made.from_chromium(browser)
    browser.stop()
    firefox = Firefox(tmp_path_factory.mktemp("firefox")).start()
    try:
        firefox.pair(stack.url, stack.pairing_code())
        firefox.consent()
        made.from_firefox(firefox)
    finally:
        firefox.stop()
    assert sorted(made.kept) == sorted(KINDS)
    for kept in made.kept.values():  # the page itself, a frame of another host, one of its own
        assert [len(look.pictures) for look in kept.seen.values()] == [1, 1, 0] and all(look.text for look in kept.seen.values())
    return made


@pytest.fixture(scope="module")
def reader(playwright: Playwright, stack: Stack, tmp_path_factory: Folders) -> Iterator[BrowserContext]:
    with chromium_reader(playwright, stack, tmp_path_factory.mktemp("reader")) as context:
        yield context


@pytest.fixture(scope="module")
def pywb(shelf: Shelf, tmp_path_factory: Folders) -> Iterator[str]:
    with pywb_playing(tmp_path_factory.mktemp("pywb"), {kind: kept.wacz for kind, kept in shelf.kept.items()}) as address:
        yield address


def shown_in(page: Page, wanted: dict[str, Look], but: Set[str] = frozenset()) -> dict[str, Look]:
    """What the replay shows once it shows what is wanted, or at the end of its time, without the addresses `but`."""
    shown: dict[str, Look] = {}

    def same() -> bool:
        page.wait_for_timeout(200)
        shown.clear()
        shown.update({url: look for url, look in looks(page, original_address).items() if url not in but})
        return shown == wanted

    with contextlib.suppress(BrowserTimeout):  # the caller compares, and its report shows the difference
        wait_for(same, 20, str)
    return shown


Quiet = Callable[[], tuple[list[str], list[str]]]


@pytest.fixture
def quiet(ground: ProvingGround, reader: BrowserContext) -> Iterator[Quiet]:
    """Gives, at the end: what the site was asked, and every address the reader asked for."""
    mark = ground.log.settle()
    asked: list[str] = []
    remember = lambda request: asked.append(request.url)  # noqa: E731 - one object to add and to remove
    reader.on("request", remember)
    yield lambda: ([entry.url for entry in ground.log.since(mark)], asked)
    reader.remove_listener("request", remember)


@pytest.mark.parametrize("kind", KINDS)
def test_replayweb_page_shows_what_the_page_showed(
    kind: str, shelf: Shelf, stack: Stack, reader: BrowserContext, quiet: Quiet
) -> None:
    kept = shelf.kept[kind]
    page = open_replay(reader, stack, kept.capture_id)
    assert shown_in(page, kept.seen) == kept.seen
    if kind != "chromium-as_seen":  # there its scripts find no frames: the browser handed out none
        page.click("#view-scripts")
        assert shown_in(page, kept.seen) == kept.seen
    site_asked, asked = quiet()
    assert site_asked == []
    allowed = (f"{stack.url}/", f"http://{kept.capture_id[:32]}.localhost:{stack.replay_port}/", "data:", "blob:", "about:")
    assert [url for url in asked if not url.startswith(allowed)] == []
    page.close()


@pytest.mark.parametrize("kind", KINDS)
def test_pywb_shows_what_the_page_showed(
    kind: str, shelf: Shelf, pywb: str, ground: ProvingGround, reader: BrowserContext, quiet: Quiet
) -> None:
    """But for documents that the archive says it lacks: Chromium hands out no frame that was there before, only its DOM."""
    kept = shelf.kept[kind]
    lacking = {gap["url"] for gap in pageinfo(kept.wacz)["omitted"]} & set(kept.seen)
    assert lacking <= ({f"{ground.foreign_url}/foreign", f"{ground.url}/inner"} if kind == "chromium-as_seen" else set())
    wanted = {url: look for url, look in kept.seen.items() if url not in lacking}
    page = reader.new_page()
    page.goto(f"{pywb}/{kind}/{shelf.url}")
    assert shown_in(page, wanted, lacking) == wanted
    site_asked, asked = quiet()
    assert site_asked == []
    assert [url for url in asked if not url.startswith((f"{pywb}/", "data:", "blob:", "about:"))] == []
    page.close()


def pageinfo(wacz: bytes) -> dict[str, Any]:
    with zipfile.ZipFile(io.BytesIO(wacz)) as packed:
        records = read_records(packed.read("archive/data.warc.gz"))
        return dict(json.loads(next(record.body for record in records if record.uri.startswith("urn:pageinfo:"))))
