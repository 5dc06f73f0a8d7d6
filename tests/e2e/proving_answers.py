"""What the proving ground answers, path by path: every body carries the nonce of its answer, unless the body is the film."""

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from tests.e2e.pictures import noise_png

PAGES = Path(__file__).parent / "proving"
TRUTH, FORGERY = "The council voted 41 to 18 for the bridge.", "The council voted 18 to 41 against the bridge."
CANARIES = {
    "cookie": "canary0cookie5f1d0c77aa01",
    "httponly": "canary0httponly9c4d8f31a2b7",
    "csrf": "canary/csrf+5c1d9e77==",
    "hydration": "canary0hydration1b2c3d4e",
    "link": "canary0link99ffa1b2",
    "query": "canary0query77aa01c3",
    "storage": "canary0storage31a2b7c9",
    "bearer": "canary0bearer8f31a2b7c9d4",
    "password": "canary0password d9e77!",
    "body": "canary0body0a1b2c3d4e5f",
}
BAND_PX, BANDS = 500, ["#c81e1e", "#1ea03c", "#283cc8", "#e6be14", "#782896", "#1496aa"]
LAZY_IMAGES = 12
TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "json": "application/json", "png": "image/png"}
HTML = "text/html; charset=utf-8"
Headers = list[tuple[str, str]]


@dataclass(frozen=True)
class Request:
    """One request as it came. `path` with its query, `headers` with lower-case names."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def query(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}


@dataclass(frozen=True)
class Answer:
    """`body` before content coding, `coded` what goes over the line (the same, unless coded)."""

    status: int
    headers: Headers
    body: bytes
    coded: bytes


def answer(request: Request, nonce: str, foreign_url: str, film: bytes) -> Answer:
    """The answer to one request. Unknown paths are answered with 404 and a body of their own."""
    path = urlsplit(request.path).path
    page = PAGE_FILES.get(path)
    if page is not None:
        return _page(page, request, nonce, foreign_url)
    parts = path.strip("/").split("/")
    handle = FOLDERS.get(parts[0])
    if handle is not None:
        return handle(parts[1:], request, nonce)
    match path:
        case "/worker.js":
            return _file("worker.js", nonce)
        case "/film.webm":
            return _film(request, film)
    return _plain(404, HTML, f"<!doctype html><title>Not here</title><p>Not here {nonce}".encode())


PAGE_FILES = {
    "/encodings": "encodings.html",
    "/posts": "posts.html",
    "/form": "form.html",
    "/result": "result.html",
    "/lazy": "lazy.html",
    "/components": "components.html",
    "/foreign": "foreign.html",
    "/inner": "inner.html",
    "/workers": "workers.html",
    "/sw/page": "serviceworker.html",
    "/streams": "streams.html",
    "/video": "video.html",
    "/big": "big.html",
    "/tall": "tall.html",
    "/forged": "forged.html",
    "/account": "account.html",
}


def _page(name: str, request: Request, nonce: str, foreign_url: str) -> Answer:
    height_px = int(request.query.get("px", "30000"))
    values = {
        **CANARIES,
        "nonce": nonce,
        "frame": foreign_url,
        "truth": TRUTH,
        "method": request.method,
        "body": request.body.decode("utf-8", "replace"),
        "mb": request.query.get("mb", "120"),
        "images": "".join(f'<img loading="lazy" src="/img/lazy-{index}.png" alt="">' for index in range(LAZY_IMAGES)),
        "bands": "".join(f'<div style="background:{BANDS[row % len(BANDS)]}"></div>' for row in range(height_px // BAND_PX)),
    }
    text = (PAGES / name).read_text("utf-8")
    for key, value in values.items():
        text = text.replace("{{" + key + "}}", value)
    cookies = [
        ("Set-Cookie", f"visit={CANARIES['cookie']}; Path=/"),
        ("Set-Cookie", f"session={CANARIES['httponly']}; HttpOnly; Path=/; SameSite=Lax"),
    ]
    return _coded(200, HTML, text.encode(), request, "gzip", [("Cache-Control", "no-cache"), *cookies])


def _css(parts: list[str], request: Request, nonce: str) -> Answer:
    match parts:
        case ["latin1.css"]:
            return _plain(200, "text/css; charset=iso-8859-1", f"p {{ margin: 0 }} /* é {nonce} */".encode("latin-1"))
        case ["mark.css"]:
            return _plain(200, TYPES["css"], b"\xef\xbb\xbf" + f"p {{ padding: 0 }} /* ţ {nonce} */".encode())
        case ["nostore.css"]:
            return _plain(200, TYPES["css"], f"h1 {{ color: #123 }} /* {nonce} */".encode(), [("Cache-Control", "no-store")])
        case ["cached.css"]:
            return _plain(200, TYPES["css"], f"h1 {{ margin: 1px }} /* {nonce} */".encode(), [("Cache-Control", "max-age=3600")])
    return _plain(200, TYPES["css"], f"p {{ color: #234 }} /* é „ţ” {nonce} */".encode(), [("Cache-Control", "no-cache")])


def _js(parts: list[str], request: Request, nonce: str) -> Answer:
    text = f'globalThis.q = "é€ {nonce}";\r\n'.encode()
    match parts:
        case ["mark.js"]:
            return _plain(200, TYPES["js"], b"\xef\xbb\xbf" + text)
        case ["gzip.js"]:
            return _coded(200, TYPES["js"], text, request, "gzip")
        case ["br.js"]:
            return _coded(200, TYPES["js"], text, request, "br")
    return _plain(200, TYPES["js"], text)


def _json(parts: list[str], request: Request, nonce: str) -> Answer:
    body = json.dumps({"nonce": nonce, "words": "ţară și ț"}, ensure_ascii=False).encode()
    coding = parts[0].removesuffix(".json")
    extra = [("Cache-Control", "no-store")] if coding == "nostore" else [("Access-Control-Allow-Origin", "*")]
    return _coded(200, TYPES["json"], body, request, coding, extra)


def _img(parts: list[str], request: Request, nonce: str) -> Answer:
    return _plain(200, TYPES["png"], noise_png(9_000, nonce), [("X-Twice", "one"), ("X-Twice", "two")])


def _redirect(parts: list[str], request: Request, nonce: str) -> Answer:
    target = {"one.png": "/redirect/two.png", "two.png": "/img/redirected.png", "data.json": "/json/redirected.json"}[parts[0]]
    moved = f"moved {nonce}".encode()
    return _plain(302, "text/plain", moved, [("Location", target), ("Set-Cookie", f"hop={CANARIES['cookie']}; Path=/redirect")])


def _missing(parts: list[str], request: Request, nonce: str) -> Answer:
    return _plain(404, "text/plain; charset=utf-8", f"no such thing {nonce}".encode())


def _api(parts: list[str], request: Request, nonce: str) -> Answer:
    if parts == ["me"]:
        body = {"nonce": nonce, "name": "reader", "access_token": CANARIES["body"], "user": {"session_id": CANARIES["hydration"]}}
        return _plain(200, TYPES["json"], json.dumps(body).encode(), [("Cache-Control", "no-store")])
    echo = {"nonce": nonce, "method": request.method, "size": len(request.body)}
    return _coded(200, TYPES["json"], json.dumps(echo).encode(), request, "gzip")


def _sw(parts: list[str], request: Request, nonce: str) -> Answer:
    if parts == ["worker.js"]:
        return _file("sw.js", nonce)
    if parts == ["picture.png"]:
        return _img([], request, nonce)
    return _json(["plain.json"], request, nonce)


FOLDERS: dict[str, Callable[[list[str], Request, str], Answer]] = {
    "css": _css,
    "js": _js,
    "json": _json,
    "img": _img,
    "redirect": _redirect,
    "missing": _missing,
    "api": _api,
    "sw": _sw,
}


def _file(name: str, nonce: str) -> Answer:
    return _plain(200, TYPES["js"], (PAGES / name).read_text("utf-8").replace("{{nonce}}", nonce).encode())


def _film(request: Request, film: bytes) -> Answer:
    """The whole film, or the range asked for: its bytes are the same for the life of the site, as parts must fit together."""
    asked = request.headers.get("range", "").removeprefix("bytes=")
    headers = [("Accept-Ranges", "bytes"), ("Cache-Control", "no-cache")]
    if not asked:
        return _plain(200, "video/webm", film, headers)
    first, _, last = asked.partition("-")
    begin, end = int(first), min(int(last) if last else len(film) - 1, len(film) - 1)
    part = film[begin : end + 1]
    return _plain(206, "video/webm", part, [*headers, ("Content-Range", f"bytes {begin}-{end}/{len(film)}")])


def make_film(nonce: str) -> bytes:
    """The shipped clip with the nonce in an EBML Void element behind it, which players skip."""
    mark = nonce.encode()
    return (PAGES / "clip.webm").read_bytes() + b"\xec" + bytes([0x80 | len(mark)]) + mark


def _plain(status: int, media_type: str, body: bytes, headers: Headers | None = None) -> Answer:
    return Answer(status, [("Content-Type", media_type), *(headers or [])], body, body)


def _coded(status: int, media_type: str, body: bytes, request: Request, coding: str, headers: Headers | None = None) -> Answer:
    accepted = request.headers.get("accept-encoding", "")
    if coding not in ("gzip", "br") or coding not in accepted:
        return _plain(status, media_type, body, headers)
    coded = gzip.compress(body, 6) if coding == "gzip" else stored_brotli(body)
    return Answer(status, [("Content-Type", media_type), ("Content-Encoding", coding), *(headers or [])], body, coded)


def stored_brotli(data: bytes) -> bytes:
    """A brotli stream of uncompressed meta-blocks: true brotli without an encoder. Source: RFC 7932 §9.1, §9.2."""
    out = bytearray()
    for at in range(0, len(data), 1 << 16):
        block = data[at : at + (1 << 16)]
        # ISLAST 0, MNIBBLES 0 (four nibbles), MLEN - 1, ISUNCOMPRESSED 1; before the first block WBITS 16, one zero bit.
        bits = (len(block) - 1) << 3 | 1 << 19
        out += (bits << 1 if at == 0 else bits).to_bytes(3, "little") + block
    return bytes(out) + (b"\x03" if data else b"\x06")
