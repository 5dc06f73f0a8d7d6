"""What the tests of replay share: a signed-in reader, what a frame shows, and a server that must never be asked."""

import base64
import json
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
from playwright.sync_api import BrowserContext, Frame, Page, Playwright

from tests.e2e.chromium import chromium_program, wait_for
from tests.e2e.firefox import Firefox, FirefoxPage
from tests.e2e.stack import Stack

REPLAYED = re.compile(r"/(?:[a-z0-9-]+/)?\d*(?:mp|if)_/(https?://.+)$")
# The title; the text as rendered and that of open shadow roots, spaces made one; of each picture that shows: width, height, a sum
# over its pixels; how the heading looks.
LOOK = """async () => {
  const roots = [document];
  for (const root of roots) for (const one of root.querySelectorAll("*")) if (one.shadowRoot) roots.push(one.shadowRoot);
  const pictures = [];
  for (const one of roots.flatMap((root) => [...root.querySelectorAll("img")])) {
    if (!one.naturalWidth) continue;
    const canvas = Object.assign(document.createElement("canvas"), { width: one.naturalWidth, height: one.naturalHeight });
    const brush = canvas.getContext("2d");
    brush.drawImage(one, 0, 0);
    let sum = 0;
    for (const part of brush.getImageData(0, 0, canvas.width, canvas.height).data) sum = (sum * 31 + part) >>> 0;
    pictures.push([one.naturalWidth, one.naturalHeight, sum]);
  }
  const heading = document.querySelector("h1, b, p");
  const style = heading ? getComputedStyle(heading) : {};
  const inner = roots.slice(1).flatMap((root) => [...root.querySelectorAll("p")].map((one) => one.innerText));
  const text = [document.body ? document.body.innerText : "", ...inner].join(" ").replace(/\\s+/g, " ").trim();
  return { title: document.title, text, pictures, style: [style.color, style.fontSize] };
}"""


@dataclass(frozen=True)
class Look:
    """What one document shows: its title, its text, its pictures, the computed style of its first heading."""

    title: str
    text: str
    pictures: list[list[int]]
    style: list[str]


class Outside(ThreadingHTTPServer):
    """A server that is not the service: the page's author, or the live site. Remembers every request."""

    daemon_threads = True

    def __init__(self) -> None:
        self.asked: list[str] = []
        super().__init__(("127.0.0.1", 0), _Answer)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    @classmethod
    @contextmanager
    def running(cls) -> Iterator["Outside"]:
        with cls() as server:
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
            yield server
            server.shutdown()


class _Answer(BaseHTTPRequestHandler):
    server: Outside

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.send_response(200)
        self.send_header("Access-Control-Allow-Origin", "*")
        self.end_headers()
        self.wfile.write(b"stolen")

    do_POST = do_GET
    do_OPTIONS = do_GET
    do_HEAD = do_GET

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""


@contextmanager
def chromium_reader(playwright: Playwright, stack: Stack, folder: Path) -> Iterator[BrowserContext]:
    """A Chromium without the extension, signed in at the service.

    The last --disable-features counts: playwright's own turns off the partitioned storage that people's browsers have.
    """
    context = playwright.chromium.launch_persistent_context(
        folder,
        executable_path=chromium_program(),
        args=["--no-sandbox", "--disable-features=HttpsUpgrades"],
        viewport={"width": 1280, "height": 900},
    )
    try:
        page = context.new_page()
        page.goto(stack.sign_in_link())
        page.click("form button")
        page.wait_for_url(f"{stack.url}/")
        yield context
    finally:
        context.close()


def open_replay(context: BrowserContext, stack: Stack, capture_id: str) -> Page:
    """The replay of a capture, by its button on the capture's page."""
    page = context.new_page()
    page.goto(f"{stack.url}/captures/{capture_id}")
    page.click("#open-replay")
    return page


def captured_frame(page: Page, selector: str) -> Frame:
    """The frame where the captured page runs, once it shows `selector`."""
    found: list[Frame] = []

    def shown() -> bool:
        page.wait_for_timeout(100)  # lets the browser's events arrive
        found[:] = [frame for frame in page.frames if "mp_/" in frame.url and frame.query_selector(selector)]
        return bool(found)

    wait_for(shown, 40, lambda: f"frames: {[frame.url for frame in page.frames]}")
    return found[0]


def looks(page: Page, name: Callable[[str], str] = lambda url: url) -> dict[str, Look]:
    """Address → what its document shows, for each frame with an address that `name` keeps."""
    named = [(name(frame.url), frame) for frame in page.frames]
    return {url: Look(**frame.evaluate(LOOK)) for url, frame in named if url.startswith("http")}


def firefox_looks(firefox: Firefox, page: FirefoxPage, frames: Sequence[int]) -> dict[str, Look]:
    """The same in Firefox, of the page and of its frames with these numbers."""
    read = f"return [location.href, await ({LOOK})()];"
    found = [firefox.evaluate(page, read)]
    for number in frames:
        firefox.marionette.call("WebDriver:SwitchToFrame", id=number)
        found.append(firefox.marionette.run(read))
        firefox.marionette.call("WebDriver:SwitchToParentFrame")
    return {url: Look(**look) for url, look in found}


def original_address(url: str) -> str:
    """The captured page's own address out of a player's; "" for frames of the player itself."""
    found = REPLAYED.search(url)
    return found[1] if found else ""


def purposes(stack: Stack, context: BrowserContext, capture_id: str) -> list[tuple[str, str]]:
    """(type, purpose) of the capture's custody events."""
    answer: dict[str, Any] = context.request.get(f"{stack.url}/api/v1/captures/{capture_id}/events").json()
    payloads = [json.loads(base64.b64decode(json.loads(event["envelope"])["payload"])) for event in answer["events"]]
    return [(one["predicate"]["type"], one["predicate"]["purpose"]) for one in payloads]


def requests_at_rest(stack: Stack, *, quiet_s: float = 2, timeout_s: float = 120) -> Counter[str]:
    """The count once it has stood still for `quiet_s`: what a page asks for last (its icon, say) belongs to it too."""
    deadline, counted, since = time.monotonic() + timeout_s, requests_answered(stack), time.monotonic()
    while time.monotonic() - since < quiet_s:
        assert time.monotonic() < deadline, f"the service is still being asked: {counted}"
        time.sleep(0.1)
        if (now := requests_answered(stack)) != counted:
            counted, since = now, time.monotonic()
    return counted


def requests_answered(stack: Stack) -> Counter[str]:
    """The service's own count: `METHOD route` → answers, without /metrics and /readyz."""
    with httpx2.Client(timeout=60) as http:
        text = http.get(f"{stack.url}/metrics").text
    found = re.findall(r'^holdstill_http_requests_total\{method="([A-Za-z]+)",route="([^"]*)",status="\d+"\} (\S+)$', text, re.M)
    counted: Counter[str] = Counter()
    for method, route, number in found:
        if route not in ("/metrics", "/readyz"):
            counted[f"{method} {route}"] += int(float(number))
    return counted
