"""A page of somebody who is signed in, with a secret of every kind in every place where sites put them. On real sockets.

Each secret is drawn anew for each run, so that a hit is a leak and never chance. `MEANING` is text of the same page that must
stay: a capture that loses words of the page to the search for secrets is as wrong as one that leaks.
"""

import base64
import contextlib
import json
import struct
import subprocess
import threading
from functools import cached_property
from hashlib import sha1
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote, urlsplit

from tests.e2e.canary import make_canaries
from tests.e2e.pictures import noise_png
from tests.e2e.proving_ground import SOCKET_GUID

PAGES = Path(__file__).parent / "pages"
NAMES = (
    "cookie", "set_cookie", "authorization", "basic_password", "csrf_meta", "csrf_field", "csrf_header", "query", "fragment",
    "matrix", "path", "jwt", "json_field", "json_nested", "local_storage", "session_storage", "indexed_db", "computed_storage",
    "echo", "json_ld", "hydration", "attribute", "script", "form_post", "json_post", "multipart_post", "socket",
    "socket_address", "event", "twice", "in_base64", "image_query", "referrer", "svg", "css", "frame",
)  # fmt: skip
MEANING = (
    "The council sold the ferry berth to its own member.",
    "Token of thanks: the session of 12 March 2026 was secret.",
    "csrf is three letters and an f; session=closed; token: none",
    "Invoice A-2026-0077-1234 was paid twice.",
)

MEDIA_TYPES = {
    "/account": "text/html; charset=utf-8",
    "/frame": "text/html; charset=utf-8",
    "/app.js": "text/javascript; charset=utf-8",
    "/style.css": "text/css",
    "/face.png": "image/png",
    "/i.png": "image/png",
    "/mark.svg": "image/svg+xml",
}


class CanarySite:
    """`page` is the address to open; `text(name)` of pages/canary.html with the secrets in it. Use as a context manager."""

    def __init__(self) -> None:
        self.canaries = make_canaries(NAMES)
        claims = base64.urlsafe_b64encode(json.dumps({"sub": self.canaries["jwt"]}).encode()).decode().rstrip("=")
        self.jwt = f"eyJhbGciOiJIUzI1NiJ9.{claims}.c2lnbmF0dXJlLW9mLWEtdG9rZW4"
        self.received: list[tuple[str, dict[str, str], bytes]] = []
        self._server = _Server(("127.0.0.1", 0), self)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.frame_url = f"http://localhost:{self._server.server_address[1]}"

    @property
    def page(self) -> str:
        """The address with secrets in its query, its path parameters and its fragment."""
        secret = self.canaries
        path = f"/account;jsessionid={secret['matrix']}"
        return f"{self.url}{path}?tab=posts&access_token={secret['query']}&page=2#view=all&id_token={secret['fragment']}"

    def __enter__(self) -> "CanarySite":
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def text(self, name: str) -> bytes:
        """A file of pages/ with every `{{name}}` filled in."""
        text = (PAGES / name).read_text("utf-8")
        for key, value in {**self.canaries, **self.places}.items():
            text = text.replace("{{" + key + "}}", value)
        return text.encode()

    def answer(self, path: str) -> bytes:
        """The body of one answer, before content coding."""
        secret = self.canaries
        match path:
            case "/account" | "/frame" | "/app.js":
                return self.text({"/account": "canary.html", "/frame": "canary-frame.html", "/app.js": "canary.js"}[path])
            case "/style.css":
                return f"body{{margin:2em}}p::after{{background:url(/i.png?token={secret['css']})}}".encode()
            case "/me.json":
                nested = {"session": {"session_token": secret["json_nested"], "note": "seen 41 times"}, "story": MEANING[0]}
                return json.dumps({"access_token": secret["json_field"], **nested}).encode()
            case "/face.png" | "/i.png":
                return noise_png(9_000, path)
            case "/mark.svg":
                return f'<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40" data-token="{secret["svg"]}"/>'.encode()
        return b'{"ok": true}'

    @cached_property
    def places(self) -> dict[str, str]:
        """What the pages need besides the secrets themselves: addresses, and secrets in other coats."""
        secret = self.canaries
        inner = quote(f"/cb?token={secret['twice']}", safe="")
        return {
            "frame_url": self.frame_url,
            "jwt_token": self.jwt,
            "twice_coded": quote(inner, safe=""),
            "state": base64.b64encode(json.dumps({"v": 1, "access_token": secret["in_base64"]}).encode()).decode(),
            "cookie_state": base64.urlsafe_b64encode(f"user=1;sid={secret['cookie']};x".encode()).decode(),
            "escaped_hydration": secret["hydration"].replace("Q", "\\u0051"),
            "computed_first": secret["computed_storage"][:9],
            "computed_last": secret["computed_storage"][9:],
        }


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], site: CanarySite) -> None:
        self.site = site
        super().__init__(address, _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    server_version = "courier"

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        site = self.server.site
        site.received.append((self.path, dict(self.headers.items()), body))
        path = urlsplit(self.path).path.split(";")[0]
        if path == "/socket":
            return self._talk()
        if path == "/events":
            return self._stream()
        answered = site.answer(path)
        coding = _coding(path)
        if coding == "br":
            program = "process.stdout.write(require('zlib').brotliCompressSync(require('fs').readFileSync(0)))"
            answered = subprocess.run(["node", "-e", program], input=answered, capture_output=True, check=True, timeout=30).stdout
        self.send_response(200)
        self.send_header("Content-Type", MEDIA_TYPES.get(path, "application/json"))
        self.send_header("Cache-Control", "no-cache")
        if coding:
            self.send_header("Content-Encoding", coding)
        if path == "/account":
            self.send_header("Set-Cookie", f"sid={site.canaries['cookie']}; Path=/")
            self.send_header("Set-Cookie", f"refresh={site.canaries['set_cookie']}; HttpOnly; Path=/")
            self.send_header("X-CSRF-Token", site.canaries["csrf_header"])
        self.send_header("Content-Length", str(len(answered)))
        self.end_headers()
        self.wfile.write(answered)

    def _stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        self.wfile.write(f"data: {json.dumps({'session_token': self.server.site.canaries['event']})}\n\n".encode())

    def _talk(self) -> None:
        """A WebSocket that says one secret. Source: RFC 6455 §4.2.2, §5.2."""
        proof = base64.b64encode(sha1(self.headers["Sec-WebSocket-Key"].encode() + SOCKET_GUID, usedforsecurity=False).digest())
        self.send_response(101)
        for name, value in {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Accept": proof.decode()}.items():
            self.send_header(name, value)
        self.end_headers()
        said = json.dumps({"auth_token": self.server.site.canaries["socket"]}).encode()
        self.wfile.write(struct.pack(">BB", 0x81, len(said)) + said)
        self.close_connection = True
        with contextlib.suppress(OSError):  # a line that breaks at once takes with it what was said
            self.connection.settimeout(30)
            self.connection.recv(4096)

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""


def _coding(path: str) -> str:
    return "br" if path in ("/me.json", "/app.js") else ""
