"""One browser for each test file, and a service that answers pairing only, and badly: the real path is tests/e2e."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import Page, sync_playwright

from tests.e2e.chromium import Chromium
from tests.extension.ui.pages import blank_tab, opened


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    with sync_playwright() as playwright, Chromium(playwright, tmp_path_factory.mktemp("profile")) as started:
        yield started


@pytest.fixture(autouse=True)
def as_if_new(request: pytest.FixtureRequest) -> None:
    """No test finds runs or choices of the one before it, however that one ended. The captures stay: each test puts its own."""
    if "browser" in request.fixturenames:
        request.getfixturevalue("browser").worker().evaluate(
            "() => Promise.all([chrome.storage.session.clear(), chrome.storage.local.clear()])"
        )


class BadService(ThreadingHTTPServer):
    """Answers every pairing with `answer` = (status, JSON)."""

    answer: tuple[int, dict[str, Any]] = (500, {})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: BadService

    def do_OPTIONS(self) -> None:
        self._send(204, b"")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        status, body = self.server.answer
        self._send(status, json.dumps(body).encode())

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        for name, value in (("Origin", "*"), ("Headers", "content-type"), ("Methods", "POST")):
            self.send_header(f"Access-Control-Allow-{name}", value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def service() -> Iterator[BadService]:
    server = BadService(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def options(browser: Chromium) -> Iterator[Page]:
    yield from opened(browser, "options.html")


@pytest.fixture
def popup(browser: Chromium) -> Iterator[Page]:
    """The popup of a tab that is about:blank, waiting for its button."""
    yield from opened(browser, f"popup.html?tabId={blank_tab(browser)}&start=0")
