"""The proving ground itself: every page comes to its end in a browser, and the log agrees with what a plain client received."""

import hashlib
import urllib.request
from collections.abc import Iterator

import pytest
from playwright.sync_api import sync_playwright

from tests.e2e.chromium import wait_for
from tests.e2e.proving_ground import PATHS, ProvingGround


@pytest.fixture(scope="module")
def ground() -> Iterator[ProvingGround]:
    with ProvingGround() as running:
        yield running


def test_the_log_holds_what_a_client_received(ground: ProvingGround) -> None:
    mark = ground.log.mark()
    with urllib.request.urlopen(f"{ground.url}/big.bin?mb=2", timeout=20) as answer:
        body = answer.read()
    request = urllib.request.Request(f"{ground.url}/api/echo", data=b"asked")
    with urllib.request.urlopen(request, timeout=20) as answer:
        echo = answer.read()
    wait_for(lambda: ground.log.mark() >= mark + 2, 20, lambda: "the log is short of an exchange")
    big, posted = sorted(ground.exchanges(mark), key=lambda one: one.method)  # the log is written after the answer
    assert (len(body), hashlib.sha256(body).hexdigest()) == (2 << 20, big.sha256)
    assert (posted.method, posted.request_body, posted.sha256) == ("POST", b"asked", hashlib.sha256(echo).hexdigest())


@pytest.mark.browser
def test_every_page_comes_to_its_end_in_a_browser(ground: ProvingGround) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        try:
            page = browser.new_page()
            for path in PATHS:
                page.goto(ground.url + path)
                page.wait_for_selector("body[data-done]", timeout=20_000)
            page.goto(f"{ground.url}/encodings")
            page.wait_for_selector("body[data-done]")
            ran_last = page.evaluate("() => globalThis.q")
        finally:
            browser.close()
    asked = {entry.url.removeprefix(ground.url) for entry in ground.exchanges()}
    assert {"/redirect/two.png", "/img/closed.png", "/json/worker.json", "/sw/picture.png", "/events", "/film.webm"} <= asked
    brotli = [entry for entry in ground.exchanges() if entry.url.endswith("/js/br.js")][-1]
    assert ("Content-Encoding", "br") in brotli.response_headers
    assert ran_last == f"é€ {brotli.nonce}"
    assert any(entry.status == 206 for entry in ground.exchanges())
