"""No planted secret is in any byte that leaves the browser, whatever the way of capturing, and the page's own words stay."""

import contextlib
import io
import json
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Page, Playwright
from warcio.archiveiterator import ArchiveIterator

from tests.e2e.acts import click_menu, granted_browser, ids, sealed, statement
from tests.e2e.canary import Hit, payload_of, search_everywhere, search_folder
from tests.e2e.canary_site import MEANING, CanarySite
from tests.e2e.chromium import Chromium, wait_for
from tests.e2e.journey import write_policy
from tests.e2e.recordedline import RecordedLine
from tests.e2e.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.live]
# What the list of removed secrets names, by the words it uses; header names in lower case.
LISTED = {
    "cookie sid",
    "header cookie",
    "csrf-token",
    "csrf_field",
    "parameter access_token",
    "parameter jsessionid",
    "web token",
}
LISTED_OF_RECORDINGS = {"header authorization", "header set-cookie", "header x-csrf-token"}
WAYS = ("as_seen", "recorded", "reloaded", "image", "region", "list", "second_pass")


@pytest.fixture(scope="module")
def account() -> Iterator[CanarySite]:
    with CanarySite() as running:
        yield running


@pytest.fixture(scope="module")
def line(stack: Stack) -> Iterator[RecordedLine]:
    with RecordedLine(stack.port) as running:
        yield running


@pytest.fixture(scope="module")
def browser(
    playwright: Playwright, stack: Stack, line: RecordedLine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Chromium]:
    with granted_browser(playwright, stack, tmp_path_factory.mktemp("canary")) as started:
        started.pair(line.url, stack.pairing_code())
        yield started


def open_account(browser: Chromium, account: CanarySite) -> Page:
    page = browser.open(account.page)
    page.wait_for_selector('[data-done="yes"]', state="attached")
    return page


def capture(browser: Chromium, account: CanarySite, way: str) -> dict[str, Any]:
    before = ids(browser)
    if way == "list":
        lists = browser.context.new_page()
        lists.goto(f"chrome-extension://{browser.id}/ui/batch.html")
        lists.fill("#urls", account.page)
        lists.click("#start")
        found = sealed(browser, before)
        lists.close()
        return found
    page = open_account(browser, account)
    if way == "image":
        click_menu(browser, page, "capture-image", srcUrl=page.locator("img[alt='a face']").evaluate("(one) => one.src"))
    elif way == "region":
        popup = browser.open_popup(page)
        popup.click("#capture-region")  # lets the page come to the front
        page.wait_for_selector("holdstill-region")
        popup.close()
        page.keyboard.press("Enter")
    elif way == "as_seen":
        browser.click_toolbar(page)
    else:
        start_in_popup(browser, account, page, way)
    found = sealed(browser, before)
    chosen = statement(found)["predicate"].get("selection")
    assert way not in ("image", "region") or chosen["kind"] == way
    page.close()
    return found


def start_in_popup(browser: Chromium, account: CanarySite, page: Page, way: str) -> None:
    popup = browser.open_popup(page)
    if way == "second_pass":
        popup.check("#second-pass")
    else:
        popup.select_option("#mode", way)
    popup.click("#capture")
    if way == "recorded":
        wait_for(lambda: popup.is_visible("#finish"), 15, lambda: popup.inner_text("#status"))
        page.bring_to_front()
        page.reload()
        page.wait_for_selector('[data-done="yes"]', state="attached")
        browser.click_toolbar(page)
    popup.close()


def stored(stack: Stack, browser: Chromium, item: dict[str, Any]) -> dict[str, bytes]:
    """The statement and every artifact, as the service holds them."""
    base, auth = f"{stack.url}/api/v1/captures/{item['captureId']}", {"Authorization": f"Bearer {browser.token}"}
    files = {"statement.dsse.json": item["envelope"].encode(), "statement payload": payload_of(item["envelope"])}
    for one in item["artifacts"]:
        answer = httpx2.get(f"{base}/artifacts/{one['name']}", headers=auth, timeout=60)
        assert answer.status_code == 200, answer.text
        files[one["name"]] = bytes(answer.content)
    return files


def records(wacz: bytes) -> list[tuple[str, str, bytes, Any]]:
    """(type, address, body, WARC headers) of each record."""
    with zipfile.ZipFile(io.BytesIO(wacz)) as packed:
        found = ArchiveIterator(io.BytesIO(packed.read("archive/data.warc.gz")))
        return [
            (one.rec_type, one.rec_headers.get_header("WARC-Target-URI") or "", one.content_stream().read(), one.rec_headers)
            for one in found
        ]


def told(hits: list[Hit]) -> str:
    first = {hit.name: f"{hit.name}: {hit.layers} ({hit.spelling}) {hit.around!r}" for hit in reversed(hits)}
    return "\n".join(first.values())


@pytest.mark.parametrize("way", WAYS)
def test_no_secret_is_in_any_byte_of_a_capture(way: str, browser: Chromium, account: CanarySite, stack: Stack) -> None:
    item = capture(browser, account, way)
    files = stored(stack, browser, item)
    hits = [hit for name, data in files.items() for hit in search_everywhere(data, account.canaries, what=name)]
    assert not hits, told(hits)
    kept = b"\n".join(
        body for kind, address, body, _ in records(files["page.wacz"]) if address.startswith(("urn:text:", "urn:dom:"))
    )
    assert [words for words in MEANING if words.encode() not in kept] == []
    pageinfo = next(
        json.loads(body) for _, address, body, _ in records(files["page.wacz"]) if address.startswith("urn:pageinfo:")
    )
    assert item_secrets(item) == {"kept": False, "removed": len(pageinfo["secrets"])}
    listed = " ".join(f"{one['where']} {one['name']}" for one in pageinfo["secrets"])
    expected = LISTED | (LISTED_OF_RECORDINGS if way in ("recorded", "reloaded") else set())
    assert {name for name in expected if name not in listed} == set()


def item_secrets(item: dict[str, Any]) -> Any:
    return statement(item)["predicate"]["secrets"]


def test_the_canaries_are_real(browser: Chromium, account: CanarySite) -> None:
    """What is not found was there: each secret came with the page, was sent by it or was kept in the browser."""
    if not account.received:  # alone, without the captures above
        open_account(browser, account).close()
    there = b"".join(account.text(name) for name in ("canary.html", "canary-frame.html", "canary.js")) + account.page.encode()
    there += b"".join(body + json.dumps(headers).encode() for _, headers, body in account.received)
    there += b"".join(account.answer(path) for path in ("/me.json", "/style.css", "/mark.svg"))
    found = {hit.name for hit in search_everywhere(there, account.canaries)}
    spoken = {
        "set_cookie",
        "socket",
        "event",
        "computed_storage",
    }  # in a header of the answer, in a frame of the socket, in two halves
    assert set(account.canaries) - found <= spoken


def test_no_secret_went_over_the_line_or_into_a_log(
    browser: Chromium, account: CanarySite, line: RecordedLine, stack: Stack
) -> None:
    """Everything the browser sent with the captures above, connection by connection, and everything the service wrote."""
    if not ids(browser):  # alone, without them
        capture(browser, account, "as_seen")
    sent = line.sent()
    assert sum(map(len, sent)) > 100_000
    assert b"PUT /api/v1/captures/" in b"".join(sent)
    hits = [hit for at, data in enumerate(sent) for hit in search_everywhere(data, account.canaries, what=f"connection {at}")]
    assert not hits, told(hits)
    assert b"\r\ncookie:" not in b"".join(sent).lower()
    hits = search_folder(stack.logs, account.canaries)
    assert not hits, told(hits)
    for folder, _, names in os.walk(stack.folder / "data"):
        for path in (Path(folder, name) for name in names):
            with contextlib.suppress(FileNotFoundError):  # the service goes on working: a file of its own may be gone again
                data = path.read_bytes() if path.stat().st_size < 64 << 20 and path.is_file() else b""
                assert [name for name, value in account.canaries.items() if value.encode() in data] == [], path.name


def test_an_unsent_capture_leaves_as_a_file_without_secrets_and_is_imported(
    browser: Chromium, account: CanarySite, line: RecordedLine, stack: Stack, tmp_path: Path
) -> None:
    """The service is out of reach; the person saves the capture; somebody imports the file; the bundle of it verifies."""
    before = ids(browser)
    line.cut = True
    page = open_account(browser, account)
    browser.click_toolbar(page)
    item = browser.wait_for_item(lambda one: one["captureId"] not in before)
    page.close()
    path = tmp_path / "saved.holdstill.zip"
    queue = browser.context.new_page()
    queue.goto(f"chrome-extension://{browser.id}/ui/queue.html")
    entry = queue.locator(f'li[data-capture-id="{item["captureId"]}"]')
    entry.locator("details.files > summary").click()
    with queue.expect_download() as download:
        entry.locator("details.files li button").last.click()
    download.value.save_as(path)
    queue.close()
    hits = search_everywhere(path.read_bytes(), account.canaries, what="file")
    assert not hits, told(hits)
    taken = json.loads(stack.cli("import", path, "--json"))
    assert (taken["capture_id"], taken["state"], taken["known"]) == (item["captureId"], "sealed", False)
    stack.wait_for_stamp(browser.token, item["captureId"])
    bundle = stack.export_bundle(item["captureId"], tmp_path / "bundle.zip")
    said = stack.verify(bundle, write_policy(stack, browser, tmp_path / "policy.toml"))
    assert "VALID" in said, said
    line.cut = False
    browser.pair(line.url, stack.pairing_code())
    done = browser.wait_for_item(lambda one: one["captureId"] == item["captureId"] and one["state"] == "sealed", timeout_s=60)
    assert done["state"] == "sealed", "the browser's own copy goes the usual way: known already, sealed"
