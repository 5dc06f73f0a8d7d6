"""A harsh second test site on real sockets: everything that a capture gets wrong, and a log of every byte that left it.

One threaded server, opened as `http://127.0.0.1:<port>`; its foreign frame is `http://localhost:<port>`, another host name, so
that the browser puts it into another process. Every answer carries a nonce; `log` holds every request (method, headers, body) and
of every answer the status, the header lines in order, and the SHA-256 of the body before content coding. See PATHS for the pages.
"""

import argparse
import base64
import contextlib
import hashlib
import os
import secrets
import struct
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.e2e.proving_answers import CANARIES, FORGERY, TRUTH, Answer, Headers, Request, answer, make_film
from tests.e2e.site import Sent, SiteLog

__all__ = ["CANARIES", "FORGE", "FORGERY", "PATHS", "TRUTH", "Exchange", "ProvingGround"]
# Every page says `data-done` on its body when it has everything it asks for.
PATHS = (
    "/encodings",
    "/posts",
    "/form",
    "/lazy",
    "/components",
    "/workers",
    "/sw/page",
    "/streams",
    "/video",
    "/big?mb=2",
    "/tall?px=30000",
    "/forged",
    "/account",
)
# What somebody types into the developer tools of /forged before the capture.
FORGE = f"document.getElementById('claim').textContent = '{FORGERY}'"
SOCKET_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
MEBIBYTE = 1 << 20


@dataclass(frozen=True)
class Exchange(Sent):
    """One answer with what it answered. `wall_s` is seconds since 1970 when the status line was written.

    `response_headers`: name and value as sent, in order, repeated ones repeated.
    """

    request_body: bytes
    response_headers: Headers
    wall_s: float


class ProvingGround:
    """The site. Use as a context manager; `log.sent` holds Exchange entries."""

    def __init__(self, *, port: int = 0) -> None:
        self.log = SiteLog()
        self.film = make_film(secrets.token_hex(16))
        self.closing = threading.Event()
        self._server = _Server(("127.0.0.1", port), self)
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.foreign_url = f"http://localhost:{self.port}"

    def __enter__(self) -> "ProvingGround":
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()

    def exchanges(self, mark: int = 0) -> list[Exchange]:
        """What was answered since `mark`, oldest first."""
        return [entry for entry in self.log.since(mark) if isinstance(entry, Exchange)]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], site: ProvingGround) -> None:
        self.site = site
        super().__init__(address, _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that goes away in the middle of a body is no fault of the site's."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    server_version = "courier"

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_HEAD(self) -> None:
        self._serve()

    def do_OPTIONS(self) -> None:
        self._serve()

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, headers, body)
        nonce = secrets.token_hex(16)
        match self.path.split("?")[0]:
            case "/events":
                self._stream_events(request, nonce)
            case "/socket":
                self._talk(request, nonce)
            case "/big.bin":
                self._pour(request, nonce)
            case _:
                self._answer(request, answer(request, nonce, self.server.site.foreign_url, self.server.site.film), nonce)

    def _answer(self, request: Request, given: Answer, nonce: str) -> None:
        headers = [*given.headers, ("Content-Length", str(len(given.coded)))]
        self._head(given.status, headers)
        self._remember(request, given.status, headers, given.body, nonce)
        if request.method != "HEAD":
            self.wfile.write(given.coded)

    def _head(self, status: int, headers: Headers) -> None:
        self._head_s = time.time()
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()

    def _remember(self, request: Request, status: int, headers: Headers, body: bytes, nonce: str, *, digest: str = "") -> None:
        scheme = "ws" if status == 101 else "http"
        url = f"{scheme}://{self.headers.get('Host')}{self.path}"
        sha256, size = digest or hashlib.sha256(body).hexdigest(), len(body)
        entry = Exchange(
            request.method,
            url,
            status,
            nonce,
            sha256,
            size,
            request.headers,
            time.monotonic(),
            request.body,
            headers,
            self._head_s,
        )
        self.server.site.log.add(entry)

    def _stream_events(self, request: Request, nonce: str) -> None:
        """Three server-sent events, then silence until the browser or the site goes away."""
        headers = [("Content-Type", "text/event-stream"), ("Cache-Control", "no-store"), ("Connection", "close")]
        self._head(200, headers)
        events = "".join(f"data: event {number} {nonce}\n\n" for number in range(3)).encode()
        self._remember(request, 200, headers, events, nonce)
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.wfile.write(events)
            while not self.server.site.closing.wait(0.5):
                self.wfile.write(b":\n\n")

    def _talk(self, request: Request, nonce: str) -> None:
        """A WebSocket that says one thing and then listens. Source: RFC 6455 §4.2.2, §5.2."""
        proof = base64.b64encode(
            hashlib.sha1(request.headers["sec-websocket-key"].encode() + SOCKET_GUID, usedforsecurity=False).digest()
        )
        headers = [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", proof.decode())]
        self._head(101, headers)
        said = f"socket {nonce}".encode()
        self._remember(request, 101, headers, said, nonce)
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.wfile.write(struct.pack(">BB", 0x81, len(said)) + said)
            self.connection.settimeout(0.5)
            while not self.server.site.closing.is_set():
                try:
                    if not self.connection.recv(4096):
                        return
                except TimeoutError:
                    continue

    def _pour(self, request: Request, nonce: str) -> None:
        """`mb` mebibytes that do not compress, none of them held as a whole."""
        count = int(request.query.get("mb", "120"))
        block, digest = bytearray(os.urandom(MEBIBYTE)), hashlib.sha256()
        headers = [
            ("Content-Type", "application/octet-stream"),
            ("Content-Length", str(count * MEBIBYTE)),
            ("Cache-Control", "no-store"),
        ]
        self._head(200, headers)
        try:
            for number in range(count):
                block[:40] = nonce.encode() + number.to_bytes(8, "big")
                digest.update(block)
                self.wfile.write(block)
        finally:
            self._remember(request, 200, headers, b"", nonce, digest=digest.hexdigest())

    def log_message(self, *_: Any) -> None:
        """Nothing is printed: the log is in memory."""


def main() -> None:
    """Serves the site until it is interrupted, for looking at it."""
    parser = argparse.ArgumentParser(description="the proving ground")
    parser.add_argument("--port", type=int, default=0)
    with ProvingGround(port=parser.parse_args().port) as site:
        for path in PATHS:
            print(site.url + path, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
