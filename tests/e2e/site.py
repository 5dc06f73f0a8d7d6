"""A small invented newspaper on real sockets: the page that the demo and the browser tests capture.

Two servers on 127.0.0.1: the newspaper, opened as `http://127.0.0.1:<port>`, and the paid notice in its iframe, opened as
`http://localhost:<port>` (another host name, so that the browser puts it into another process). Every answer carries a nonce
of its own, and the site remembers the SHA-256 of every body it sent: what an archive claims to have seen can be compared with
what left the server, and any second request shows. Answers say `no-cache`, so that a browser asking again is always seen here.
"""

import argparse
import gzip
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from tests.e2e.pictures import noise_png, picture

PAGES = Path(__file__).parent / "pages"
SESSION_SECRET = "lowmarsh-session-5f1d0c"
POSTS = [
    (0, "Mara of Stone Quay", "Took it home after the late shift. Warm, on time, and nobody shouted.", 41),
    (1, "quayside_bird", "So where did the bridge money go then? Asking for a whole east bank.", 18),
    (2, "Old Tom's Nets", "Berth fees paid for it. It says so in the minutes. Read them.", 67),
    (3, "R. of the Allotments", "Midnight boat AND the lighthouse on Sundays. A good week.", 23),
    (4, "Marsh Walkers", "The road floods at spring tide anyway. Boat every time.", 12),
]
MEDIA_TYPES = {".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}


ICONS = ("/favicon.ico", "/pictures/icon")


@dataclass(frozen=True)
class Sent:
    """One answer as it left the server. `sha256` is over the body before content coding; `at` is time.monotonic()."""

    method: str
    url: str
    status: int
    nonce: str
    sha256: str
    size_bytes: int
    request_headers: dict[str, str]
    at: float

    @property
    def is_of_browser(self) -> bool:
        """Asked for by the browser itself, when it likes: a tab's icon, and whether a service worker's program is the newest.

        Chromium and Firefox both ask for an icon as for an image (`Sec-Fetch-Dest`); a program that fetches one, a page's or an
        extension's, asks for `empty`, and that counts. What is not told apart: an icon's address in an `<img>`.
        """
        is_icon = urlsplit(self.url).path in ICONS and self.request_headers.get("sec-fetch-dest") == "image"
        return is_icon or self.request_headers.get("service-worker") == "script"


@dataclass
class SiteLog:
    """Every request seen and every body sent, by both servers."""

    sent: list[Sent] = field(default_factory=list)
    _pending: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, entry: Sent) -> None:
        with self._lock:
            self.sent.append(entry)

    @contextmanager
    def answering(self) -> Iterator[None]:
        """While it lasts the site is not at rest: a request came, and its answer is on its way."""
        with self._lock:
            self._pending += 1
        try:
            yield
        finally:
            with self._lock:
                self._pending -= 1

    def mark(self) -> int:
        """A place in the log, for `since`."""
        with self._lock:
            return len(self.sent)

    def since(self, mark: int) -> list[Sent]:
        with self._lock:
            return self.sent[mark:]

    def asked(self, mark: int) -> list[Sent]:
        """What was asked for since `mark` by a page, or by whoever works with it: without what the browser asks for by itself."""
        return [entry for entry in self.since(mark) if not entry.is_of_browser]

    def bodies(self) -> dict[str, set[str]]:
        """URL → SHA-256 of every body ever sent for it."""
        with self._lock:
            found: dict[str, set[str]] = {}
            for entry in self.sent:
                found.setdefault(entry.url, set()).add(entry.sha256)
            return found

    def settle(self, *, quiet_s: float = 0.8, timeout_s: float = 60) -> int:
        """Waits until no request has come for `quiet_s` and none is being answered, then gives `mark()`.

        Only for what a browser asks for by itself (an icon, a worker's script): what a page loads, it says itself when it has it.
        A browser does not say when it has asked: all that may depend on this wait is on which side of the mark that stands, and
        `asked` leaves it out on both.
        """
        deadline = time.monotonic() + timeout_s
        seen, since = self.mark(), time.monotonic()
        while time.monotonic() < deadline:
            time.sleep(0.05)
            if (now := self.mark()) != seen or self._pending > 0:
                seen, since = now, time.monotonic()
            elif time.monotonic() - since >= quiet_s:
                return seen
        raise TimeoutError("the demo site is still being asked")


class DemoSite:
    """The newspaper and the notice, each a threaded HTTP server on a free port. Use as a context manager."""

    def __init__(self, *, port: int = 0) -> None:
        self.log = SiteLog()
        self._main = _Server(("127.0.0.1", port), self)
        self._frame = _Server(("127.0.0.1", 0), self)
        self.url = f"http://127.0.0.1:{self._main.server_address[1]}"
        self.frame_url = f"http://localhost:{self._frame.server_address[1]}"

    @property
    def article(self) -> str:
        return f"{self.url}/harbour/night-ferry"

    @property
    def boxes(self) -> str:
        """A page that shows pictures in every way that pages have."""
        return f"{self.url}/boxes"

    def many(self, n: int, kb: int) -> str:
        """A page of `n` pictures of about `kb` kilobytes each that do not compress."""
        return f"{self.url}/many?n={n}&kb={kb}"

    def __enter__(self) -> "DemoSite":
        for server in (self._main, self._frame):
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for server in (self._main, self._frame):
            server.shutdown()
            server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], site: DemoSite) -> None:
        self.site = site
        super().__init__(address, _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    server_version = "courier"

    def do_GET(self) -> None:
        with self.server.site.log.answering():
            self._send()

    def _send(self) -> None:
        nonce = secrets.token_hex(16)
        status, body, media_type = self._answer(nonce)
        packed = body
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Cache-Control", "no-cache")
        if media_type.startswith(("text/html", "application/json")) and "gzip" in self.headers.get("Accept-Encoding", ""):
            packed = gzip.compress(body, 6)
            self.send_header("Content-Encoding", "gzip")
            self.send_header("Set-Cookie", f"session={SESSION_SECRET}; HttpOnly; Path=/; SameSite=Lax")
        self.send_header("Content-Length", str(len(packed)))
        self.end_headers()
        self._remember(status, body, nonce)
        self.wfile.write(packed)

    def _answer(self, nonce: str) -> tuple[int, bytes, str]:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        match parts.path.strip("/").split("/"):
            case [""] | ["harbour", _]:
                return self._page("article.html", nonce, frame=self.server.site.frame_url)
            case ["style.css" | "app.js" | "notice.css" as name]:
                return self._page(name, nonce)
            case ["boxes"]:
                return self._page("boxes.html", nonce, frame=self.server.site.frame_url)
            case ["notice"]:
                return self._page("notice.html", nonce)
            case ["many"]:
                n, kb = int(query.get("n", "100")), int(query.get("kb", "200"))
                images = "".join(f'<img src="/bulk/{index}.png?kb={kb}" alt="">' for index in range(n))
                return self._page("many.html", nonce, n=str(n), images=images)
            case ["bulk", _]:
                return 200, noise_png(int(query.get("kb", "200")) * 1000, nonce), "image/png"
            case ["api", "posts"]:
                posts = [{"avatar": face, "name": name, "text": text, "likes": likes} for face, name, text, likes in POSTS]
                return 200, json.dumps({"nonce": nonce, "posts": posts}).encode(), "application/json"
            case ["pictures", name]:
                try:
                    return 200, *picture(name, nonce)
                except KeyError:
                    pass
        return 404, f"<!doctype html><title>Not here</title><p>Not here. <!-- {nonce} -->".encode(), MEDIA_TYPES[".html"]

    def _page(self, name: str, nonce: str, **values: str) -> tuple[int, bytes, str]:
        text = (PAGES / name).read_text("utf-8")
        for key, value in {"nonce": nonce, **values}.items():
            text = text.replace("{{" + key + "}}", value)
        return 200, text.encode(), MEDIA_TYPES[Path(name).suffix]

    def _remember(self, status: int, body: bytes, nonce: str) -> None:
        url = f"http://{self.headers.get('Host')}{self.path}"
        headers = {name.lower(): value for name, value in self.headers.items()}
        digest = hashlib.sha256(body).hexdigest()
        self.server.site.log.add(Sent(self.command, url, status, nonce, digest, len(body), headers, time.monotonic()))

    def log_message(self, *_: object) -> None:
        """Nothing is printed: the log is in memory."""


def main() -> None:
    """Serves the site until it is interrupted, for looking at it."""
    parser = argparse.ArgumentParser(description="the demo newspaper")
    parser.add_argument("--port", type=int, default=0)
    with DemoSite(port=parser.parse_args().port) as site:
        print(site.article, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
