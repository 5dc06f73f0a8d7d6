"""Firefox on the harsh site: what the archive says was sent and received is what the site's own log says, page by page."""

import io
import json
import time
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

import pytest
from PIL import Image

from tests.e2e.chromium import wait_for
from tests.e2e.firefox import Firefox
from tests.e2e.proving_answers import BAND_PX, BANDS, CANARIES
from tests.e2e.proving_ground import Exchange, ProvingGround
from tests.extension.capture.browser import Record, read_records, sha256

pytestmark = pytest.mark.browser
Folders = pytest.TempPathFactory
PLAIN_PAGES = ("/encodings", "/posts", "/lazy", "/components", "/workers", "/sw/page", "/video", "/big?mb=2", "/forged")
EVERY_PAGE = (*PLAIN_PAGES, "/streams", "/big?mb=120", "/tall?px=30000", "/account", "/form", "/result")
ACTS = {"/result": ("/form", 'document.getElementById("send").click()')}  # a page that only a form leads to
CLOCKS_S = 0.05  # one clock, read by two programs, kept in milliseconds
FRAMING = {"content-encoding", "content-length", "transfer-encoding", "connection"}


@dataclass(frozen=True)
class Visit:
    """One page of the site: what the site answered for it, what it was asked while the capture ran, and what the capture gave.

    `done_s`: seconds since 1970 when the capture was there.
    """

    exchanges: list[Exchange]
    during: list[Exchange]
    records: list[Record]
    full: bytes
    done_s: float

    @property
    def info(self) -> dict[str, Any]:
        (record,) = [record for record in self.records if record.uri.startswith("urn:pageinfo:")]
        return dict(json.loads(record.body))

    def kept(self, kind: str = "response") -> list[Record]:
        return [record for record in self.records if record.type == kind and not record.uri.startswith("urn:")]

    def omitted(self) -> dict[str, str]:
        return {urlsplit(gap["url"]).path: gap["reason"] for gap in self.info["omitted"]}


class Visitor:
    """A Firefox whose person has consented, not paired with anything: its captures stay in it."""

    def __init__(self, firefox: Firefox, site: ProvingGround) -> None:
        self.firefox = firefox
        self.site = site
        self._known: dict[str, Visit] = {}

    def visit(self, path: str) -> Visit:
        """The page's one visit; made when first asked for."""
        if path not in self._known:
            self._known[path] = self.capture(path)
        return self._known[path]

    def capture(self, path: str) -> Visit:
        """Opens the page in a tab of its own, through the page that leads to it if there is one; captures, closes the tab."""
        opened = self.site.log.mark()
        begin, act = ACTS.get(path, (path, ""))
        page = self.firefox.open(self.site.url + begin)
        if act:
            self.firefox.evaluate(page, f"setTimeout(() => {{ {act} }}, 0);")
        done = """return location.pathname + location.search === args[0] && document.readyState === "complete"
            && document.body.dataset.done === "1";"""
        wait_for(lambda: bool(self.firefox.evaluate(page, done, path)), 20, lambda: f"{path} did not finish")
        mark = self.site.log.settle(quiet_s=0.4)
        before = {item["captureId"] for item in self.firefox.items()}
        self.firefox.click_toolbar(page)
        item = self.firefox.wait_for_item(lambda item: item["captureId"] not in before)
        with zipfile.ZipFile(io.BytesIO(self.firefox.artifact(item, "page.wacz"))) as wacz:
            records = list(read_records(wacz.read("archive/data.warc.gz")))
        full = self.firefox.artifact(item, "screenshot.full.png")
        done_s = time.time()
        self.site.log.settle(quiet_s=0.2)
        during = [one for one in self.site.exchanges(mark) if not one.is_of_browser]
        self.firefox.close(page)
        made = [one for one in self.site.exchanges(opened)[: mark - opened] if not one.url.endswith("/favicon.ico")]
        return Visit(made, during, records, full, done_s)


@pytest.fixture(scope="module")
def visitor(tmp_path_factory: Folders) -> Iterator[Visitor]:
    with Firefox(tmp_path_factory.mktemp("firefox-ground")) as firefox:
        firefox.consent()
        with ProvingGround() as site:
            yield Visitor(firefox, site)


@pytest.fixture(params=PLAIN_PAGES)
def visited(visitor: Visitor, request: pytest.FixtureRequest) -> Visit:
    return visitor.visit(request.param)


@pytest.mark.parametrize("path", EVERY_PAGE)
def test_the_site_is_asked_for_nothing(visitor: Visitor, path: str) -> None:
    assert [one.url for one in visitor.visit(path).during] == []


@pytest.mark.parametrize("path", EVERY_PAGE)
def test_captured_and_omitted_are_together_what_was_asked_for(visitor: Visitor, path: str) -> None:
    """Exchange by exchange: an address that was asked for twice is told twice."""
    visit = visitor.visit(path)
    asked = Counter(bare(one.url) for one in visit.exchanges)
    info = visit.info
    told = Counter(bare(entry["url"]) for entry in info["resources"])
    for gap in info["omitted"]:
        told[bare(gap["url"])] += gap.get("times", 1)
        assert gap["reason"], gap
    for url in [url for url in told if url.endswith("/favicon.ico")]:
        del told[url]  # asked for when the browser likes
    made = Counter({f"{visitor.site.url}/sw/made.json": 1}) if path == "/sw/page" else Counter()  # by the page's service worker
    if path == "/result":
        asked -= Counter([f"{visitor.site.url}/form"])  # the page before it
    assert told == asked + made


def test_every_body_is_kept_byte_for_byte_and_every_gap_is_told(visited: Visit) -> None:
    kept = {(record.uri, sha256(record.body)) for record in visited.kept() if record.metadata.get("source") == "live_stream"}
    sent = {(one.url, one.sha256) for one in visited.exchanges if one.status != 302}
    assert sent and sent - kept == set()
    assert all(record.metadata["exact"] for record in visited.kept() if record.metadata["source"] == "live_stream")
    told = {entry["url"] for entry in (*visited.info["resources"], *visited.info["omitted"])}
    assert {one.url for one in visited.exchanges} <= told
    assert all(gap["reason"] for gap in visited.info["omitted"])
    assert [step for step in visited.info["steps"] if step["outcome"] == "FAILED"] == []


def test_each_record_agrees_with_the_sites_own_log(visited: Visit) -> None:
    """Status, header lines with repeated ones repeated, the server's address; the time not before the server began to answer."""
    for one in visited.exchanges:
        digest = sha256(b"") if one.status == 302 else one.sha256
        (record, *_) = [found for found in visited.kept() if found.uri == one.url and sha256(found.body) == digest]
        assert record.status_line.split()[0] == str(one.status)
        assert record.headers["WARC-IP-Address"] in ("127.0.0.1", "::1")
        at = datetime.fromisoformat(record.headers["WARC-Date"]).timestamp()
        began_s = min(other.wall_s for other in visited.exchanges if other.url == one.url)  # parts of a film have one address
        assert began_s - CLOCKS_S <= at <= visited.done_s + CLOCKS_S, one.url
        said = [f"{name.lower()}: {value}" for name, value in record.http]
        assert [header for header in lines_as_the_browser_gives_them(one) if header not in said] == []
        cookies = [value for name, value in one.response_headers if name == "Set-Cookie"]
        removed = [value for name, value in record.http if name == "X-Holdstill-Redacted" and value.startswith("set-cookie;")]
        assert len(removed) == len(cookies)


def bare(url: str) -> str:
    """Without the secret that one address of the site has."""
    return url.split("?access_token=")[0]


def lines_as_the_browser_gives_them(one: Exchange) -> list[str]:
    """Lines of one name joined by commas, which means the same (RFC 9110 §5.3); only cookies stay lines of their own."""
    values: dict[str, list[str]] = {}
    for name, value in one.response_headers:
        if name.lower() not in FRAMING | {"set-cookie"}:
            values.setdefault(name.lower(), []).append(value)
    return [f"{name}: {', '.join(several)}" for name, several in values.items()]


def test_what_was_posted_is_in_the_request_records(visitor: Visitor) -> None:
    visit = visitor.visit("/posts")
    posted = {one.url: one.request_body for one in visit.exchanges if one.method == "POST"}
    assert len(posted) == 3
    for url, body in posted.items():
        (request,) = [record for record in visit.kept("request") if record.uri == url]
        assert request.body == body


def test_a_page_that_came_of_a_form_has_its_fields_and_its_method(visitor: Visitor) -> None:
    visit = visitor.visit("/result")
    (result,) = [one for one in visit.exchanges if one.url.endswith("/result")]
    (request,) = [record for record in visit.kept("request") if record.uri == result.url]
    assert (result.method, request.body) == ("POST", result.request_body)
    assert request.metadata == {"requestBody": "put together from the form's fields"}
    assert result.sha256 in {sha256(record.body) for record in visit.kept()}


def test_redirects_stand_as_they_happened(visitor: Visitor) -> None:
    visit = visitor.visit("/encodings")
    moved = [record for record in visit.kept() if record.status_line.startswith("302")]
    assert {urlsplit(record.uri).path for record in moved} == {"/redirect/one.png", "/redirect/two.png", "/redirect/data.json"}
    assert all(record.metadata["headersOnly"] for record in moved)
    assert visit.omitted()["/redirect/one.png"] == "a redirect: the browser keeps no body of it"


def test_what_a_service_worker_made_up_is_named_and_what_it_passed_on_is_kept(visitor: Visitor) -> None:
    visit = visitor.visit("/sw/page")
    assert set(visit.omitted()) == {"/sw/made.json"}
    assert "service worker" in visit.omitted()["/sw/made.json"]
    passed = [record for record in visit.kept() if record.uri.endswith("/sw/passed.json")]
    assert "service worker" in passed[0].metadata["note"]


def test_a_stream_that_is_open_is_kept_as_far_as_it_came_and_a_socket_is_named(visitor: Visitor) -> None:
    visit = visitor.visit("/streams")
    (events,) = [record for record in visit.kept("resource") if record.uri.endswith("/events")]
    assert events.body.startswith(b"data: event 0") and events.metadata["exact"] is False
    assert "still open at the capture" in events.metadata["note"]
    assert visit.omitted()["/socket"] == "a WebSocket: the browser gives no stream of it"


def test_shadow_roots_are_read_the_closed_ones_too(visitor: Visitor) -> None:
    visit = visitor.visit("/components")
    dom = next(
        record.body.decode()
        for record in visit.records
        if record.uri.endswith("/components") and record.uri.startswith("urn:dom:")
    )
    assert '<template shadowrootmode="open">' in dom and '<template shadowrootmode="closed">' in dom
    assert "words in a closed root" in dom


def test_a_body_over_the_limit_passes_through_and_is_named(visitor: Visitor) -> None:
    visit = visitor.visit("/big?mb=120")
    assert visit.omitted()["/big.bin"] == "larger than the 32 MB that one body may have"
    text = next(record.body.decode() for record in visit.records if record.uri.startswith("urn:text:"))
    assert f"read {120 << 20}" in text


def test_a_page_of_30_000_pixels_is_drawn_once_from_top_to_bottom(visitor: Visitor) -> None:
    shot = Image.open(io.BytesIO(visitor.visit("/tall?px=30000").full)).convert("RGB")
    assert shot.height == 30_000
    colours = [shot.getpixel((100, row * BAND_PX + BAND_PX // 2)) for row in range(30_000 // BAND_PX)]
    assert colours == [_rgb(BANDS[row % len(BANDS)]) for row in range(30_000 // BAND_PX)]
    assert all(upper != lower for upper, lower in pairwise(colours))
    black = [y for y in range(0, 30_000, 20) if shot.getpixel((100, y)) == (0, 0, 0)]
    assert black == [0, 20]  # the sticky header, once


def _rgb(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour[1:]))


def test_no_canary_leaves_the_browser(visitor: Visitor) -> None:
    visit = visitor.visit("/account")
    for name in CANARIES:
        found = [
            record.uri for record in visit.records if CANARIES[name].encode() in record.body or CANARIES[name] in str(record.http)
        ]
        assert found == [], name
