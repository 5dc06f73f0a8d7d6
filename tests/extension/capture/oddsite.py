"""A page made of what a capture gets wrong: encodings, byte order marks, redirects, workers, frames, tokens. On real sockets."""

import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from tests.e2e.pictures import noise_png
from tests.e2e.site import Sent, SiteLog

COOKIE_CANARY = "c00kie-canary-8f31a2b7c9d4"
CSRF_CANARY = "csrf/canary+5c1d9e77=="
TOKEN_CANARY = "tok-canary-77aa01"
HYDRATION_CANARY = "hydration-canary-1b2c3d4e"
LINK_CANARY = "link-canary-99ff"
CANARIES = (COOKIE_CANARY, CSRF_CANARY, TOKEN_CANARY, HYDRATION_CANARY, LINK_CANARY)
BANDS = [(200, 30, 30), (30, 160, 60), (40, 60, 200), (230, 190, 20), (120, 40, 150), (20, 150, 170)]
BAND_PX = 500

Answer = tuple[int, str, bytes, dict[str, str]]


def odd_page(nonce: str, frame_url: str) -> str:
    return f"""<!doctype html><html lang="ro"><head><meta charset="utf-8"><title>Pagină ciudată</title>
<meta property="og:title" content="Odd"><meta name="nonce" content="{nonce}">
<link rel="manifest" href="/app.webmanifest"><link rel="stylesheet" href="/utf8.css"><link rel="stylesheet" href="/latin1.css">
<link rel="stylesheet" href="/mark.css"><link rel="stylesheet" href="/importing.css"><link rel="stylesheet" href="/nostore.css">
<script src="/utf8.js"></script><script src="/latin1.js"></script><script src="/undeclared-latin1.js"></script><script src="/mark.js"></script>
<script src="/broken.js"></script><script type="module" src="/module.js"></script>
<script type="application/ld+json">{{"@type": "NewsArticle", "headline": "Odd"}}</script></head>
<body><h1>O pagină — cu de toate</h1><img src="/a.png"><img src="/moved.png"><img src="/x.svg"><img src="/missing.png"><img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=">
<img loading="lazy" src="/lazy.png" style="display:block;margin-top:6000px" width="64" height="64">
<iframe src="/frame.html"></iframe><iframe src="{frame_url}/foreign.html"></iframe><open-part></open-part><closed-part></closed-part>
<script>
fetch('/data.json').then(r => r.json()); new Worker('/worker.js');
fetch('/a.png').then(r => r.blob()).then(b => {{ const i = new Image(); i.src = URL.createObjectURL(b); document.body.append(i); }});
customElements.define('open-part', class extends HTMLElement {{ constructor() {{ super(); this.attachShadow({{mode: 'open'}}).innerHTML = '<p>inside the open root</p>'; }} }});
customElements.define('closed-part', class extends HTMLElement {{ constructor() {{ super(); this.attachShadow({{mode: 'closed'}}).innerHTML = '<p>inside the closed root</p>'; }} }});
</script></body></html>"""


def secret_page(nonce: str) -> str:
    return f"""<!doctype html><html><head><meta charset="utf-8"><title>Account {COOKIE_CANARY}</title><meta name="csrf-token" content="{CSRF_CANARY}">
<link rel="stylesheet" href="/utf8.css?access_token={TOKEN_CANARY}"></head><body><form><input type="hidden" name="authenticity_token" value="{CSRF_CANARY}"></form>
<p>Your session is {COOKIE_CANARY}. {nonce}</p><a href="/logout?auth_token={LINK_CANARY}&amp;x=1">out</a><img src="/a.png?token={TOKEN_CANARY}&w=64">
<img src="/moved.png?to={TOKEN_CANARY}"><script>window.__STATE__ = {{"user": 1, "accessToken": "{HYDRATION_CANARY}"}};</script><script src="/talkative.js"></script>
<p style="width:40ch">A long line so that the mail format must break it somewhere: {"word " * 12}{TOKEN_CANARY} {COOKIE_CANARY}</p></body></html>"""


def tall_page(nonce: str, height_px: int) -> str:
    rows = height_px // BAND_PX
    bands = "".join(f'<div style="height:{BAND_PX}px;background:rgb{BANDS[row % len(BANDS)]}"></div>' for row in range(rows))
    return f"""<!doctype html><title>Tall</title><style>body{{margin:0}}#bar{{position:sticky;top:0;height:40px;background:#000}}
</style><!-- {nonce} --><div id="bar"></div><div style="margin-top:-40px">{bands}</div>"""


class OddSite:
    """`url` is http://127.0.0.1:…, `frame_url` the same server under another host name, so that its frames live in another process."""

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

    def answer(self, path: str, nonce: str) -> Answer:
        pages: dict[str, Callable[[], str]] = {
            "/": lambda: odd_page(nonce, self.frame_url),
            "/account": lambda: secret_page(nonce),
            "/tall": lambda: tall_page(nonce, 3000),
            "/very-tall": lambda: tall_page(nonce, 20000),
            "/frame.html": lambda: (
                f'<!doctype html><meta charset="utf-8"><p>cadru</p><img src="/c.png"><link rel="stylesheet" href="/frame.css">{nonce}'
            ),
            "/foreign.html": lambda: (
                f'<!doctype html><meta charset="utf-8"><p>străin</p><img src="/d.png"><link rel="stylesheet" href="/foreign.css"><script src="/foreign.js"></script>{nonce}'
            ),
        }
        if path in pages:
            return 200, "text/html; charset=utf-8", pages[path]().encode(), {}
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
