"""A redirect that the browser answers out of its cache has a head of its own, never that of the page it leads to."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from tests.extension.recorded.recording import RecordingBrowser

pytestmark = pytest.mark.browser
PAGE = b"<title>Two</title><h1>Page two</h1>"
ASKED: list[str] = []


class Handler(BaseHTTPRequestHandler):
    """`/r` moves to `/p2` for good, and may be remembered."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        ASKED.append(self.path)
        moved = self.path == "/r"
        self.send_response(301 if moved else 200)
        self.send_header("X-Of", "redirect" if moved else "page")
        self.send_header(*(("Location", "/p2") if moved else ("Set-Cookie", "of_page=1")))
        self.send_header("Cache-Control", "max-age=9999" if moved else "no-store")
        self.send_header("Content-Length", "0" if moved else str(len(PAGE)))
        self.end_headers()
        self.wfile.write(b"" if moved else PAGE)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_cached_redirect_is_not_recorded_with_the_head_of_the_page(browser: RecordingBrowser, site: str) -> None:
    page = browser.armed()
    for _ in range(2):
        page.goto(f"{site}/r")
    captured = browser.click(page, mode="recorded")
    page.close()
    assert ASKED.count("/r") == 1, "the second time it came out of the cache"
    heads = [record for record in captured.records if record.type == "response" and record.uri == f"{site}/r"]
    assert len(heads) == 2
    for record in heads:
        assert record.status_line.startswith("301"), record
        assert dict(record.http)["X-Of"] == "redirect" and "Set-Cookie" not in dict(record.http)
