"""A recorded load holds what the server sent: bodies, heads, requests, addresses and times; for every page of the ground."""

import io
import zipfile
from collections import Counter
from datetime import datetime
from pathlib import Path

import pytest

from tests.e2e.proving_ground import CANARIES, PATHS, Exchange, ProvingGround
from tests.extension.archive.checks import assert_wacz_is_sound
from tests.extension.capture.browser import Captured, Record, mark_of_original, sha256
from tests.extension.recorded.recording import Recorded, RecordingBrowser, record

pytestmark = pytest.mark.browser
CLOCKS_S = 0.05  # one clock, read by two programs, kept in milliseconds
BODILESS = {"redirect", "stream without an end", "WebSocket"}


@pytest.fixture(scope="module")
def recorded(browser: RecordingBrowser, ground: ProvingGround) -> dict[str, Recorded]:
    browser.forget(ground.url, ground.foreign_url)
    return {path: record(browser, ground, path) for path in PATHS}


def without_secrets(url: str) -> str:
    return url.split("?access_token=")[0]


def responses(captured: Captured, url: str) -> list[Record]:
    return [item for item in captured.records if item.type in ("response", "resource") and item.uri == url]


def answered(recorded: dict[str, Recorded]) -> list[tuple[Captured, Exchange]]:
    """Every exchange whose answer has a body that can be kept: no redirects, no endless streams."""
    found = [(page.captured, entry) for page in recorded.values() for entry in page.sent]
    return [
        (captured, entry) for captured, entry in found if entry.status not in (101, 302) and not entry.url.endswith("/events")
    ]


def test_bodies_are_those_that_were_sent(recorded: dict[str, Recorded]) -> None:
    wrong = []
    pairs = answered(recorded)
    for captured, entry in pairs:
        listed = [one for one in captured.pageinfo["resources"] if without_secrets(one["url"]) == without_secrets(entry.url)]
        if not {entry.sha256, mark_of_original(entry.sha256)} & {one.get("originalHmacSha256", one["sha256"]) for one in listed}:
            wrong.append((entry.method, entry.url, listed))
    assert len(pairs) > 50
    assert len(wrong) <= len(pairs) // 100, wrong


def test_a_body_in_the_archive_is_the_one_its_record_claims(recorded: dict[str, Recorded]) -> None:
    for page in recorded.values():
        exact = {one["sha256"] for one in page.captured.pageinfo["resources"] if one["exact"]}
        sent = {entry.sha256 for entry in page.sent}
        for item in page.captured.records:
            if item.type == "response" and not item.metadata.get("headersOnly"):
                made = item.metadata.get("servedBy") == "service_worker"
                if item.metadata["exact"]:
                    assert sha256(item.body) in exact
                    assert made or sha256(item.body) in sent, item.uri
                    assert item.metadata["source"] == "live_stream", item.uri
                else:  # secrets were taken out of it: it claims nothing, and names what it was
                    assert (item.metadata["source"], item.metadata["derivedFrom"]) == ("generated", "live_stream"), item.uri
                    assert item.metadata["originalHmacSha256"] in set(map(mark_of_original, sent)), item.uri


def test_captured_and_omitted_are_together_what_was_asked_for(recorded: dict[str, Recorded]) -> None:
    """The tab's icon is left out: the browser itself asks for it, once for a host and when it likes."""
    for path, page in recorded.items():
        info = page.captured.pageinfo
        listed = Counter(
            without_secrets(one["url"])
            for one in [*info["resources"], *info["omitted"]]
            if not one["url"].endswith("/favicon.ico")
        )
        asked = Counter(without_secrets(entry.url) for entry in page.sent if not entry.url.endswith("/favicon.ico"))
        made_here = Counter(one["url"] for one in info["resources"] if "service worker" in one.get("note", ""))
        assert listed - made_here == asked, path
        assert all(any(word in one["reason"] for word in BODILESS) for one in info["omitted"]), (path, info["omitted"])
        assert info["mode"] == "recorded"
        assert info["state"] == "COMPLETE"


def test_the_capture_itself_asks_nothing_of_the_site(recorded: dict[str, Recorded]) -> None:
    assert {path: [entry.url for entry in page.during] for path, page in recorded.items() if page.during} == {}


def test_heads_keep_status_and_every_line(recorded: dict[str, Recorded]) -> None:
    redacted = {"set-cookie": "X-Holdstill-Redacted"}
    moved = {"content-length", "content-encoding"}
    for captured, entry in answered(recorded):
        for item in [
            one for one in responses(captured, entry.url) if one.type == "response" and sha256(one.body) == entry.sha256
        ]:
            if item.metadata.get("servedBy"):
                continue
            assert item.status_line.split()[0] == str(entry.status)
            kept = Counter(name for name, _value in item.http)
            for name, value in entry.response_headers:
                if name.lower() in moved:
                    assert (f"X-Archive-Orig-{name}", value) in item.http
                elif name.lower() not in redacted:
                    assert (name, value) in item.http
            twice = Counter(
                redacted.get(name.lower(), name) for name, _value in entry.response_headers if name.lower() not in moved
            )
            assert {name: kept[name] for name, count in twice.items() if count > 1} == {
                name: count for name, count in twice.items() if count > 1
            }


def test_requests_keep_method_and_body(recorded: dict[str, Recorded]) -> None:
    for path in ("/posts", "/workers"):
        page = recorded[path]
        requests = {item.uri: item for item in page.captured.records if item.type == "request"}
        for entry in page.sent:
            item = requests[entry.url]
            assert item.status_line.split()[0] == entry.method or item.headers["WARC-Type"] == "request"
            assert item.body == entry.request_body, entry.url


def test_address_protocol_and_time_are_the_servers(recorded: dict[str, Recorded]) -> None:
    """The time: not before the server began to answer, nor after the page had everything, however long a machine took between."""
    for page in recorded.values():
        for captured, entry in answered({"": page}):
            began_s = min(one.wall_s for one in page.sent if one.url == entry.url)  # parts of a film have one address
            for item in responses(captured, entry.url):
                if item.metadata.get("servedBy"):
                    continue
                if item.uri.endswith("/sw/worker.js"):
                    continue  # the browser's own process loads a service worker's program and does not say from where
                assert item.headers["WARC-IP-Address"] in ("127.0.0.1", "::1")
                assert item.headers["WARC-Protocol"] == "http/1.1"
                at = datetime.fromisoformat(item.headers["WARC-Date"]).timestamp()
                assert began_s - CLOCKS_S <= at <= page.loaded_s + CLOCKS_S, entry.url


def test_archives_pass_the_tools_of_others(recorded: dict[str, Recorded], tmp_path: Path) -> None:
    for path in ("/encodings", "/posts", "/sw/page", "/video"):
        wacz = tmp_path / "page.wacz"
        wacz.write_bytes(recorded[path].captured.files["page.wacz"])
        assert_wacz_is_sound(wacz, tmp_path)


def test_no_planted_secret_is_in_any_byte(recorded: dict[str, Recorded]) -> None:
    for path, page in recorded.items():
        with zipfile.ZipFile(io.BytesIO(page.captured.files["page.wacz"])) as archive:
            everything = b"".join(archive.read(name) for name in archive.namelist())
        for item in page.captured.records:
            everything += repr([item.uri, item.headers, item.status_line, item.http]).encode()
            everything += item.body.replace(b"=\r\n", b"").replace(b"=3D", b"=")
        everything += repr(page.captured.result).encode()
        for name, canary in CANARIES.items():
            for spelling in (
                canary,
                canary.replace("/", "\\/"),
                canary.replace("/", "%2F").replace("+", "%2B").replace("=", "%3D"),
            ):
                assert spelling.encode() not in everything, (path, name)
    removed = recorded["/account"].captured.pageinfo["secrets"]
    assert len(removed) >= 8
