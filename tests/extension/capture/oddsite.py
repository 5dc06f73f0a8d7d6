"""A page made of what a capture gets wrong: encodings, byte order marks, redirects, workers, frames, tokens. On real sockets."""

import hashlib
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.e2e.chromium import wait_for
from tests.e2e.pictures import noise_png
from tests.e2e.site import Sent, SiteLog

COOKIE_CANARY = "c00kie-canary-8f31a2b7c9d4"
CSRF_CANARY = "csrf/canary+5c1d9e77=="
TOKEN_CANARY = "tok7Qx9canary4Zr2Lm8"
HYDRATION_CANARY = "hydration-canary-1b2c3d4e"
LINK_CANARY = "link-canary-99ff"
PARTS = {"cookie": COOKIE_CANARY, "csrf": CSRF_CANARY, "token": TOKEN_CANARY, "hydration": HYDRATION_CANARY, "link": LINK_CANARY}
PAGES = Path(__file__).parent / "pages"
PAGE_FILES = {
    "/": "odd.html",
    "/offline": "offline.html",
    "/account": "account.html",
    "/frame.html": "frame.html",
    "/foreign.html": "foreign.html",
}
LAST_OF = {"/": "/from-worker.json"}
"""What a page asks for last, where neither its load event nor the browser's quiet waits for it."""
TALL_PX = {"/tall": 3000, "/very-tall": 20000}
BANDS = [(200, 30, 30), (30, 160, 60), (40, 60, 200), (230, 190, 20), (120, 40, 150), (20, 150, 170)]
BAND_PX = 500

Answer = tuple[int, str, bytes, dict[str, str]]


def tall_page(nonce: str, height_px: int) -> str:
    rows = height_px // BAND_PX
    bands = "".join(f'<div style="height:{BAND_PX}px;background:rgb{BANDS[row % len(BANDS)]}"></div>' for row in range(rows))
    return f"""<!doctype html><title>Tall</title><style>body{{margin:0}}#bar{{position:sticky;top:0;height:40px;background:#000}}
</style><!-- {nonce} --><div id="bar"></div><div style="margin-top:-40px">{bands}</div>"""


class OddSite:
    """`url` is http://127.0.0.1:…, `frame_url` the same server by another name, so that its frames live in another process."""

    def __init__(self) -> None:
        self.log = SiteLog()
        self._server = _Server(("127.0.0.1", 0), self)
        port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{port}"
        self.frame_url = f"http://localhost:{port}"

    def __enter__(self) -> "OddSite":
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def wait_until_asked(self, mark: int, path: str) -> None:
        """Returns once `path` was asked for since `mark`. Raises: BrowserTimeout."""
        wait_for(lambda: path in self.asked(mark), 60, lambda: f"{path} was not asked for, only {sorted(self.asked(mark))}")

    def asked(self, mark: int) -> set[str]:
        """The paths that were asked for since `mark`."""
        return {urlsplit(entry.url).path for entry in self.log.since(mark)}

    def answer(self, path: str, nonce: str) -> Answer:
        if path in PAGE_FILES:
            text = (PAGES / PAGE_FILES[path]).read_text("utf-8")
            for name, value in {**PARTS, "nonce": nonce, "frame": self.frame_url}.items():
                text = text.replace("{{" + name + "}}", value)
            return 200, "text/html; charset=utf-8", text.encode(), {}
        if path in TALL_PX:
            return 200, "text/html; charset=utf-8", tall_page(nonce, TALL_PX[path]).encode(), {}
        special = self._special(path, nonce)
        if special:
            return special
        if path.endswith(".css"):
            return 200, "text/css; charset=utf-8", f"p {{ color: #123 }} /* é „ţ” {nonce} */".encode(), {}
        if path.endswith(".js"):
            return 200, "text/javascript; charset=utf-8", f'globalThis.q = "é€ {nonce}";\r\n'.encode(), {}
        if path.endswith(".png"):
            return 200, "image/png", noise_png(12_000, nonce), {}
        if path.endswith(".json"):
            return 200, "application/json", json.dumps({"nonce": nonce}).encode(), {}
        return 404, "text/html", f"not here {nonce}".encode(), {}

    def _special(self, path: str, nonce: str) -> Answer | None:
        match path:
            case "/latin1.css":
                return 200, "text/css; charset=iso-8859-1", f"p {{ margin: 0 }} /* é {nonce} */".encode("latin-1"), {}
            case "/mark.css":
                return 200, "text/css", b"\xef\xbb\xbf" + f"p {{ padding: 0 }} /* ţ {nonce} */".encode(), {}
            case "/importing.css":
                return 200, "text/css", f'@import "/imported.css"; /* {nonce} */'.encode(), {}
            case "/nostore.css":
                return 200, "text/css", f"/* {nonce} */".encode(), {"Cache-Control": "no-store"}
            case "/latin1.js":
                return 200, "text/javascript; charset=windows-1252", f'q1 = "é {nonce}"'.encode("cp1252"), {}
            case "/undeclared-latin1.js":
                return 200, "text/javascript", f'q2 = "é {nonce}"'.encode("latin-1"), {}
            case "/mark.js":
                return 200, "text/javascript", b"\xef\xbb\xbf" + f'q3 = "ţ {nonce}"'.encode(), {}
            case "/broken.js":
                return 200, "text/javascript", b'q4 = "\xff\xfe ' + nonce.encode() + b'"', {}
            case "/worker.js":
                return 200, "text/javascript", b'fetch("/from-worker.json")', {}
            case "/talkative.js":
                return 200, "text/javascript", f'q5 = "{COOKIE_CANARY} {nonce}"'.encode(), {}
            case "/x.svg":
                return (
                    200,
                    "image/svg+xml",
                    f'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><!-- é {nonce} --></svg>'.encode(),
                    {},
                )
            case "/moved.png":
                return 302, "text/plain", b"", {"Location": f"/b.png?token={TOKEN_CANARY}"}
            case "/missing.png":
                return 404, "text/plain", f"no {nonce}".encode(), {}
            case "/service-worker.js":
                return 200, "text/javascript", (PAGES / "service-worker.js").read_bytes(), {}
            case "/app.webmanifest":
                return 200, "application/manifest+json", b'{"name": "odd"}', {}
        return None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], site: OddSite) -> None:
        self.site = site
        super().__init__(address, _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        nonce = secrets.token_hex(12)
        status, media_type, body, headers = self.server.site.answer(urlsplit(self.path).path, nonce)
        url = f"http://{self.headers.get('Host')}{self.path}"
        received = {name.lower(): value for name, value in self.headers.items()}
        self.server.site.log.add(
            Sent(self.command, url, status, nonce, hashlib.sha256(body).hexdigest(), len(body), received, time.monotonic())
        )
        self.send_response(status)
        for name, value in {"Content-Type": media_type, "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.send_header("Set-Cookie", f"sessionid={COOKIE_CANARY}; HttpOnly; Path=/")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing is printed: the log is in memory."""
