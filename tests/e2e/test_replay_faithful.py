"""Archives of every kind and page of the site, replayed in ReplayWeb.page and pywb, show what it showed, and ask it for nothing.

Where that cannot be, tests/e2e/replayless.py names what shows instead, and why.
"""

import contextlib
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import BrowserContext, Error, Page, Playwright

from tests.e2e.chromium import BrowserTimeout, Chromium, wait_for
from tests.e2e.firefox import Firefox
from tests.e2e.proving_ground import ProvingGround
from tests.e2e.pywb import pywb_playing
from tests.e2e.replaying import Look, chromium_reader, looks, open_replay, original_address
from tests.e2e.replayless import Expected, with_scripts
from tests.e2e.replayshelf import SHELVED, Shelf
from tests.e2e.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.live, pytest.mark.timeout(900)]
Folders = pytest.TempPathFactory
# What a reader who scrolls down sees: a replay's window is lower than the one that was captured.
SCROLLED = "() => { for (const one of document.images) one.loading = 'eager'; }"
SHOWING_S = 20
STAYS_MS = 1000  # what shows less has to stay so: a page may only be slow
Quiet = Callable[[], tuple[list[str], list[str]]]


@pytest.fixture(scope="module")
def ground() -> Iterator[ProvingGround]:
    with ProvingGround() as running:
        yield running


@pytest.fixture(scope="module")
def shelf(browser: Chromium, stack: Stack, ground: ProvingGround, tmp_path_factory: Folders) -> Shelf:
    made = Shelf(stack, ground)
    made.from_chromium(browser)
    browser.stop()
    with Firefox(tmp_path_factory.mktemp("firefox")) as firefox:
        firefox.pair(stack.url, stack.pairing_code())
        firefox.consent()
        made.from_firefox(firefox)
    assert set(made.kept) == set(SHELVED)
    for (_kind, path), kept in made.kept.items():
        assert [url for url, look in kept.seen.items() if not look.title] == [], path
        if path == "/components":  # the page itself, a frame of another host, one of its own
            assert [len(look.pictures) for look in kept.seen.values()] == [1, 1, 0] and all(
                look.text for look in kept.seen.values()
            )
    return made


@pytest.fixture(scope="module")
def reader(playwright: Playwright, stack: Stack, tmp_path_factory: Folders) -> Iterator[BrowserContext]:
    with chromium_reader(playwright, stack, tmp_path_factory.mktemp("reader")) as context:
        yield context


@pytest.fixture(scope="module")
def pywb(shelf: Shelf, tmp_path_factory: Folders) -> Iterator[str]:
    archives = {name_of(*key): kept.wacz for key, kept in shelf.kept.items()}
    with pywb_playing(tmp_path_factory.mktemp("pywb"), archives) as address:
        yield address


def name_of(kind: str, path: str) -> str:
    """The name of the archive's collection."""
    return kind + "".join(letter if letter.isalnum() else "-" for letter in path)


def shown_in(page: Page, expected: Expected) -> dict[str, Look]:
    """What the replay shows once it shows what is expected, or at the end of its time."""
    shown: dict[str, Look] = {}

    def same() -> bool:
        page.wait_for_timeout(200)
        shown.clear()
        with contextlib.suppress(Error):  # a frame that goes away while it is looked at: looked at again
            for frame in page.frames:
                if original_address(frame.url):
                    frame.evaluate(SCROLLED)
            shown.update(expected.told(looks(page, original_address)))
        return shown == expected.wanted

    def says_what_it_lacks() -> bool:
        page.wait_for_timeout(100)
        return not expected.absent or any("Not Found" in frame.title() for frame in page.frames)

    with contextlib.suppress(BrowserTimeout):  # the caller compares, and its report shows the difference
        wait_for(same, SHOWING_S, str)
        wait_for(says_what_it_lacks, SHOWING_S, str)
        if expected.pattern_at:
            page.wait_for_timeout(STAYS_MS)
            same()
    assert says_what_it_lacks(), f"not said of {sorted(expected.absent)}"
    return shown


@pytest.fixture
def quiet(ground: ProvingGround, reader: BrowserContext) -> Iterator[Quiet]:
    """Gives, at the end: what the site was asked, and every address the reader asked for."""
    mark = ground.log.mark()
    asked: list[str] = []
    remember = lambda request: asked.append(request.url)  # noqa: E731 - one object to add and to remove
    reader.on("request", remember)
    yield lambda: ([entry.url for entry in ground.log.since(mark)], asked)
    reader.remove_listener("request", remember)


@pytest.mark.parametrize(("kind", "path"), SHELVED)
def test_replayweb_page_shows_what_the_page_showed(
    kind: str, path: str, shelf: Shelf, stack: Stack, reader: BrowserContext, quiet: Quiet
) -> None:
    """As it stood: all of it, always. With its scripts: all but what replayless.py names."""
    kept = shelf.kept[kind, path]
    page = open_replay(reader, stack, kept.capture_id)
    assert shown_in(page, Expected(kept.seen)) == kept.seen
    expected = with_scripts(kind, path, kept)
    page.click("#view-scripts")
    assert shown_in(page, expected) == expected.wanted
    site_asked, asked = quiet()
    assert site_asked == []
    allowed = (f"{stack.url}/", f"http://{kept.capture_id[:32]}.localhost:{stack.replay_port}/", "data:", "blob:", "about:")
    assert [url for url in asked if not url.startswith(allowed)] == []
    page.close()


@pytest.mark.parametrize(("kind", "path"), SHELVED)
def test_pywb_shows_what_the_page_showed(
    kind: str, path: str, shelf: Shelf, pywb: str, reader: BrowserContext, quiet: Quiet
) -> None:
    """Its scripts run in pywb: all but what replayless.py names, and but for documents that the archive says it lacks."""
    kept = shelf.kept[kind, path]
    expected = with_scripts(kind, path, kept)
    page = reader.new_page()
    page.goto(f"{pywb}/{name_of(kind, path)}/{kept.url}")
    assert shown_in(page, expected) == expected.wanted
    site_asked, asked = quiet()
    assert site_asked == []
    assert [url for url in asked if not url.startswith((f"{pywb}/", "data:", "blob:", "about:"))] == []
    page.close()
