"""No planted secret is in any byte that leaves Firefox, whatever the way of capturing, and the page's own words stay."""

import gzip
import io
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.canary import Hit, payload_of, search_everywhere
from tests.e2e.canary_site import MEANING, CanarySite
from tests.e2e.chromium import wait_for
from tests.e2e.firefox import Firefox, FirefoxPage
from tests.e2e.firefox_captures import START
from tests.e2e.recordedline import RecordedLine
from tests.e2e.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.live]
# What the popup and the menu ask for; "unarmed" is a capture without consent, of the shots and the DOM.
WISHES: dict[str, dict[str, Any]] = {
    "as_seen": {},
    "reloaded": {"mode": "reloaded"},
    "image": {"selection": {"kind": "image", "frameId": 0}},
    "unarmed": {},
}


@pytest.fixture(scope="module")
def account() -> Iterator[CanarySite]:
    with CanarySite() as running:
        yield running


@pytest.fixture(scope="module")
def firefox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firefox]:
    """Not paired yet: what is captured stays in it, to be looked at."""
    with Firefox(tmp_path_factory.mktemp("firefox-canary")) as started:
        started.consent()
        yield started


def open_account(firefox: Firefox, account: CanarySite) -> FirefoxPage:
    page = firefox.open(account.page)
    done = """return document.querySelector("[data-done='yes']") !== null"""
    wait_for(lambda: bool(firefox.evaluate(page, done)), 20, lambda: "the page did not finish")
    return page


def take(firefox: Firefox, account: CanarySite, way: str) -> dict[str, bytes]:
    """Every file of a capture as it would leave the browser, by name."""
    if way == "unarmed":
        firefox.withdraw()
    page = open_account(firefox, account)
    before = {item["captureId"] for item in firefox.items()}
    wish = {name: dict(value) if isinstance(value, dict) else value for name, value in WISHES[way].items()}
    if way == "image":
        face = firefox.evaluate(page, """return document.querySelector("img[alt='a face']").src""")
        wish["selection"] |= {"srcUrl": face, "frameUrl": page.url}
    firefox.show(page)
    address = firefox.evaluate(page, "return location.href")
    firefox.at_desk(START, address, wish)
    item = firefox.wait_for_item(lambda item: item["captureId"] not in before)
    firefox.close(page)
    if way == "unarmed":
        firefox.consent()
    files = {one["name"]: firefox.artifact(item, one["name"]) for one in item["artifacts"]}
    return {**files, "statement.dsse.json": item["envelope"].encode(), "statement": payload_of(item["envelope"])}


def told(hits: list[Hit]) -> str:
    return "\n".join(f"{hit.name}: {hit.layers} ({hit.spelling}) {hit.around!r}" for hit in hits[:40])


@pytest.mark.parametrize("way", WISHES)
def test_no_secret_is_in_any_byte_of_a_capture_and_its_words_are(firefox: Firefox, account: CanarySite, way: str) -> None:
    files = take(firefox, account, way)
    hits = [hit for name, data in files.items() for hit in search_everywhere(data, account.canaries, what=name)]
    assert hits == [], told(hits)
    with zipfile.ZipFile(io.BytesIO(files["page.wacz"])) as wacz:
        archive = gzip.decompress(wacz.read("archive/data.warc.gz")).decode("utf-8", "replace")
    assert [words for words in MEANING if words not in archive] == []


def test_nothing_that_goes_over_the_line_holds_a_secret(firefox: Firefox, account: CanarySite, stack: Stack) -> None:
    """With the captures of the tests before, which wait in the browser for a service to send them to; alone, with one."""
    if not firefox.items():
        take(firefox, account, "as_seen")
    waiting = len(firefox.items())
    with RecordedLine(stack.port) as line:
        firefox.pair(line.url, stack.pairing_code())
        wait_for(lambda: {item["state"] for item in firefox.items()} == {"sealed"}, 90, lambda: str(firefox.items())[:2000])
        sent = line.sent()
    assert sum(map(len, sent)) > waiting * 10_000
    hits = [hit for data in sent for hit in search_everywhere(data, account.canaries, what="line")]
    assert hits == [], told(hits)
