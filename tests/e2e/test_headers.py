"""The archive has the headers that the load on screen had, nothing secret among them, and the site is not asked."""

import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from playwright.sync_api import Playwright
from warcio.archiveiterator import ArchiveIterator

from tests.e2e import journey
from tests.e2e.chromium import Chromium
from tests.e2e.site import SESSION_SECRET, DemoSite
from tests.e2e.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.live]


@pytest.fixture(scope="module")
def permitted(playwright: Playwright, stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    folder = tmp_path_factory.mktemp("permitted")
    browser = Chromium(playwright, folder / "profile").start()
    try:
        browser.pair(stack.url, stack.pairing_code())
        stack.wait_for_stamped_checkpoint(browser.token)
        yield browser
    finally:
        browser.stop()


def test_headers_are_kept_secrets_are_not(permitted: Chromium, site: DemoSite, stack: Stack, tmp_path: Path) -> None:
    captured = journey.capture(permitted, site, site.article)
    assert captured.requests == []
    assert captured.item["state"] == "sealed"
    stack.wait_for_stamp(permitted.token, captured.capture_id)
    bundle = stack.export_bundle(captured.capture_id, tmp_path / "evidence.zip")
    with zipfile.ZipFile(bundle) as packed:
        assert not [name for name in packed.namelist() if SESSION_SECRET.encode() in packed.read(name)]
        page = packed.read(f"data/captures/{captured.capture_id}/page.wacz")
    with zipfile.ZipFile(BytesIO(page)) as packed:
        warc = packed.read("archive/data.warc.gz")
    headers = {}
    for record in ArchiveIterator(BytesIO(warc)):
        assert SESSION_SECRET.encode() not in record.raw_stream.read()
        if record.rec_type == "response":
            headers[record.rec_headers.get_header("WARC-Target-URI")] = record.http_headers.headers
    assert site.article in headers and f"{site.url}/pictures/ferry" in headers
    names = {name.lower(): value for name, value in headers[site.article]}
    assert names["content-type"] == "text/html; charset=utf-8"
    assert "set-cookie" not in names
    assert SESSION_SECRET not in str(headers)
    redacted = [value for name, value in headers[site.article] if name.lower() == "x-holdstill-redacted"]
    assert any(value.lower().startswith("set-cookie; hmac-sha256=") for value in redacted), headers[site.article]
