"""What a capture of the page on screen promises, in a real browser against a server that remembers every byte it sent."""

import io
from pathlib import Path

import pytest
from PIL import Image

from tests.extension.archive.checks import assert_wacz_is_sound
from tests.extension.capture.browser import CaptureBrowser, sha256
from tests.extension.capture.oddsite import OddSite
from tests.extension.capture.visits import Visit, visit

pytestmark = pytest.mark.browser
MARK = """() => {
  window.scrollTo(0, 900);
  window.scrolls = 0;
  window.mine = Math.random();
  addEventListener('scroll', () => { window.scrolls += 1; });
}"""
STATE = "() => [window.scrollY, window.mine, window.scrolls, document.documentElement.outerHTML]"


@pytest.fixture(scope="module")
def plain(granted_nothing: CaptureBrowser, site: OddSite) -> Visit:
    return visit(granted_nothing, site)


@pytest.fixture(scope="module")
def observed(granted_all: CaptureBrowser, site: OddSite) -> Visit:
    return visit(granted_all, site)


@pytest.fixture(params=["plain", "observed"])
def either(request: pytest.FixtureRequest) -> Visit:
    return request.getfixturevalue(request.param)  # type: ignore[no-any-return]


def test_the_site_is_asked_nothing_during_a_capture(either: Visit) -> None:
    assert either.during == []
    assert either.captured.result["pageinfo"]["captured"] > 15


def test_every_body_claimed_as_seen_is_the_first_one_the_site_sent_for_that_address(either: Visit) -> None:
    claimed = [
        record
        for record in either.captured.records
        if record.metadata.get("source") == "live_memory" and record.uri.startswith("http")
    ]
    assert len(claimed) >= 13
    moved = {"/moved.png": "/b.png"}
    for record in claimed:
        sent = [
            sha
            for url, sha in either.first_sent.items()
            if url == record.uri or any(record.uri.endswith(old) and new in url for old, new in moved.items())
        ]
        redacted = [sha for url, sha in either.first_sent.items() if url.split("?")[0] == record.uri.split("?")[0]]
        assert sha256(record.body) in (sent or redacted), record.uri


def test_the_document_is_the_caches_copy_and_says_so(plain: Visit, observed: Visit) -> None:
    for found in (plain, observed):
        (document,) = [entry for entry in found.captured.pageinfo["resources"] if entry["type"] == "Document"]
        assert document["source"] == "http_cache"
        assert document["sha256"] == found.first_sent[document["url"]]
    assert "is not known" in next(entry for entry in plain.captured.pageinfo["resources"] if entry["type"] == "Document")["note"]


def test_a_body_whose_bytes_cannot_be_known_is_never_claimed(plain: Visit, observed: Visit) -> None:
    def exact(found: Visit) -> dict[str, bool]:
        return {entry["url"].rsplit("/", 1)[-1]: entry["exact"] for entry in found.captured.pageinfo["resources"]}

    for found in (exact(plain), exact(observed)):
        assert found["broken.js"] is False
        assert found["undeclared-latin1.js"] is False
        assert found["utf8.css"] is found["mark.css"] is found["mark.js"] is True
    # Only the response's own headers tell that a stylesheet is Latin-1: without permission to see them there is no claim.
    assert (exact(plain)["latin1.css"], exact(observed)["latin1.css"]) == (False, True)
    assert (exact(plain)["latin1.js"], exact(observed)["latin1.js"]) == (False, True)
    for found in (plain, observed):
        for entry in found.captured.pageinfo["resources"]:
            assert entry["exact"] == (entry["source"] != "generated"), entry


def test_captured_and_omitted_are_together_what_was_asked_for(plain: Visit, observed: Visit) -> None:
    for found, unknown in ((plain, {"/from-worker.json", "/b.png"}), (observed, set())):
        info = found.captured.pageinfo
        listed = [entry["url"] for entry in info["resources"]] + [entry["url"] for entry in info["omitted"]]
        known = {url.split("?")[0] for url in listed if url.startswith("http")}
        asked = {url.split("?")[0] for url in found.asked}
        assert asked - known == {url for url in asked if any(url.endswith(path) for path in unknown)}
        assert known - asked == set()
        assert all(entry["reason"] for entry in info["omitted"])
        assert len(info["resources"]) == found.captured.result["pageinfo"]["captured"]
        assert len(info["omitted"]) == found.captured.result["pageinfo"]["omitted"]


def test_each_picture_stands_in_the_account_with_its_place_on_the_page(plain: Visit) -> None:
    listed = {entry["url"].rsplit("/", 1)[-1]: entry for entry in plain.captured.pageinfo["images"] if "frameUrl" not in entry}
    far = listed["lazy.png"]
    assert (far["box"]["width"], far["box"]["height"]) == (64, 64) and far["box"]["y"] > 6000
    needed, more = {"kind", "url", "box", "natural"}, {"frameUrl", "at", "scheme", "approximate"}
    assert all(needed <= set(entry) <= needed | more for entry in plain.captured.pageinfo["images"])
    assert not any(entry["url"].startswith("data:") for entry in plain.captured.pageinfo["images"])


def test_a_script_fetch_of_a_captured_picture_is_counted_as_a_gap_of_its_own(observed: Visit) -> None:
    assert any(
        entry["url"].endswith("/a.png") and entry["type"] in ("XHR", "Fetch") for entry in observed.captured.pageinfo["omitted"]
    )


def test_headers_and_address_are_kept_where_they_were_seen_and_named_as_omitted_where_not(plain: Visit, observed: Visit) -> None:
    assert all("no permission" in entry["headers"] for entry in plain.captured.pageinfo["resources"])
    assert [record for record in plain.captured.records if record.type in ("response", "request")] == []
    (style,) = [record for record in observed.captured.records if record.type == "response" and record.uri.endswith("/utf8.css")]
    assert style.status_line == "200 OK"
    assert style.headers["WARC-IP-Address"] == "127.0.0.1"
    assert style.headers["WARC-Protocol"] == "http/1.1"
    assert ("Content-Length", str(len(style.body))) in style.http
    assert any(record.type == "request" and record.uri == style.uri for record in observed.captured.records)


def test_a_redirect_keeps_its_headers_and_claims_no_body(observed: Visit) -> None:
    (hop,) = [record for record in observed.captured.records if record.uri.endswith("/moved.png") and record.type == "response"]
    assert hop.status_line.startswith("302")
    assert hop.body == b""
    assert hop.headers["WARC-Truncated"] == "unspecified"


def test_dom_text_and_metadata_of_every_frame_are_kept_with_closed_shadow_roots(either: Visit) -> None:
    dom = "".join(either.captured.generated("dom"))
    text = "".join(either.captured.generated("text"))
    for part in ("inside the open root", "inside the closed root", "cadru", "străin"):
        assert part in dom, part
        assert part in text, part
    assert any("og:title" in part and "NewsArticle" in part for part in either.captured.generated("metadata"))
    assert len(either.captured.generated("mhtml")) == 1


def test_every_step_is_recorded_with_its_outcome(either: Visit) -> None:
    steps = {step["name"]: step["outcome"] for step in either.captured.pageinfo["steps"]}
    assert steps.pop("read certificates") == "NOT_CHECKED"
    assert set(steps.values()) == {"PASSED"}
    assert {"attach debugger", "block re-fetch of style sheets", "read bodies", "full-page screenshot", "detach"} <= set(steps)


def test_the_viewport_shot_is_first_and_was_taken_before_the_debuggers_bar(either: Visit) -> None:
    result = either.captured.result
    assert [artifact["role"] for artifact in result["artifacts"]] == ["screenshot.viewport", "screenshot.full", "page.wacz"]
    assert result["page"]["shotBy"] == "captureVisibleTab"
    with Image.open(io.BytesIO(either.captured.files["screenshot.viewport.png"])) as picture:
        assert picture.size == (result["page"]["width"], result["page"]["height"])
        assert picture.size[0] == 1000


def test_the_page_is_neither_scrolled_nor_changed_nor_reloaded(granted_nothing: CaptureBrowser, site: OddSite) -> None:
    page = granted_nothing.open(f"{site.url}/tall")
    page.evaluate(MARK)
    page.wait_for_function("window.scrolls > 0")  # the scrolling was the test's own
    before = page.evaluate(STATE)
    captured = granted_nothing.click(page)
    assert captured.result["page"]["scrollY"] == 900
    assert page.evaluate(STATE) == before
    page.close()


def test_a_document_that_was_asked_for_again_is_flagged(granted_all: CaptureBrowser, site: OddSite) -> None:
    page = granted_all.open(f"{site.url}/tall")
    other = granted_all.open(f"{site.url}/tall#again")
    page.bring_to_front()
    captured = granted_all.click(page)
    (document,) = [entry for entry in captured.pageinfo["resources"] if entry["type"] == "Document"]
    assert "later request" in document["note"]
    page.close()
    other.close()


def test_a_page_behind_a_service_worker_asks_the_site_nothing_either(granted_nothing: CaptureBrowser, site: OddSite) -> None:
    page = granted_nothing.open(f"{site.url}/offline")
    page.evaluate("() => navigator.serviceWorker.ready")
    page.reload(wait_until="networkidle")
    assert page.evaluate("() => navigator.serviceWorker.controller !== null")
    mark = site.log.settle()
    captured = granted_nothing.click(page)
    site.log.settle()
    assert [entry.url for entry in site.log.asked(mark)] == []
    info = captured.pageinfo
    assert {entry["url"].rsplit("/", 1)[-1] for entry in info["resources"]} >= {
        "utf8.css",
        "importing.css",
        "imported.css",
        "a.png",
        "c.png",
    }
    documents = {entry["url"]: entry["reason"] for entry in info["omitted"] if entry["type"] == "Document"}
    assert "service worker" in documents[f"{site.url}/offline"]
    page.evaluate("async () => { for (const it of await navigator.serviceWorker.getRegistrations()) await it.unregister(); }")
    page.close()


def test_other_tools_accept_what_a_real_capture_wrote(either: Visit, tmp_path: Path) -> None:
    path = tmp_path / "page.wacz"
    path.write_bytes(either.captured.files["page.wacz"])
    assert_wacz_is_sound(path, tmp_path)
