"""A hostile captured page, replayed in both browsers, reaches nothing: not the service, not another replay, not its author."""

import json
import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import BrowserContext, Playwright

from tests.e2e.chromium import wait_for
from tests.e2e.firefox import Firefox
from tests.e2e.marionette import MarionetteError
from tests.e2e.replaying import Outside, captured_frame, chromium_reader, requests_at_rest
from tests.e2e.stack import Stack
from tests.live.device import HttpDevice
from tests.simulator import PNG
from tests.trust.archive import make_wacz

pytestmark = [pytest.mark.browser, pytest.mark.live, pytest.mark.timeout(600)]
HOSTILE = (Path(__file__).parent / "pages" / "hostile.html").read_text("utf-8")
SECRET, READABLE, MARK = "canary0inbox7d1f", "canary0cookie5b2e", "canary0planted91c4"
AFTER_S = 9  # the forms and navigations after the attempts have had their time
Folders = pytest.TempPathFactory


@dataclass(frozen=True)
class Trap:
    """The capture of the hostile page, another one beside it, and the author's server."""

    hostile: str
    other: str
    author: Outside


@pytest.fixture(scope="module")
def author() -> Iterator[Outside]:
    with Outside.running() as server:
        yield server


@pytest.fixture(scope="module")
def trap(stack: Stack, author: Outside) -> Trap:
    device = HttpDevice(stack.url, stack.pairing_code())
    other = keep(device, b"<h1 id=words>Somebody else's page</h1>", title=SECRET)
    with httpx2.Client(follow_redirects=True, timeout=60) as person:
        person.post(stack.sign_in_link())
        replay = re.findall(r'src="(http[^"]+)"', person.get(f"{stack.url}/captures/{other}/replay").text)[0]
    words = {"app": stack.url, "thief": author.url, "port": str(stack.port), "other": replay, "mark": MARK}
    text = HOSTILE
    for name, value in words.items():
        text = text.replace("{{" + name + "}}", value)
    hostile = keep(device, text.encode(), title="Hostile")
    device.close()
    return Trap(hostile, other, author)


def keep(device: HttpDevice, body: bytes, *, title: str) -> str:
    """A sealed capture of a page with this body; its id."""
    artifacts = {"page.wacz": make_wacz(device.device.sign_page_digest, body=body), "screenshot.viewport.png": PNG}
    committed = device.commit(artifacts, title=title, mode="recorded")
    device.upload(committed["capture_id"], artifacts, committed["missing"])
    return str(device.seal(committed["capture_id"])["capture_id"])


def judge(results: dict[str, str], trap: Trap) -> None:
    """Every attempt came to its end, and none brought anything home."""
    assert results["unwrapped"] == "true", "the page found no function that the player had not wrapped: the test is too tame"
    assert "broke" not in results and len(results) > 80, results
    loot = (SECRET, READABLE, "capture_id", "Holdstill", "stolen", "Somebody else")
    got = {name: said for name, said in results.items() if said.startswith("GOT") and any(one in said for one in loot)}
    assert got == {}
    answered = {name: said for name, said in results.items() if " fetch " in name or " xhr " in name}
    assert len(answered) == 20 and all(said.startswith(("refused", "GOT 404", "GOT nothing")) for said in answered.values()), (
        answered
    )
    assert trap.author.asked == []


LEFT = """async () => [
  document.cookie, localStorage.getItem("planted"), (await indexedDB.databases()).map((one) => one.name).join(),
  (await caches.keys()).join(), (await navigator.serviceWorker.getRegistrations()).map((one) => one.scope).join(),
]"""


@pytest.fixture(scope="module")
def reader(playwright: Playwright, stack: Stack, tmp_path_factory: Folders) -> Iterator[BrowserContext]:
    with chromium_reader(playwright, stack, tmp_path_factory.mktemp("reader")) as context:
        context.add_cookies([{"name": "readable", "value": READABLE, "url": stack.url}])
        yield context


def test_in_chromium_it_reaches_nothing(stack: Stack, reader: BrowserContext, trap: Trap) -> None:
    page = reader.new_page()
    usual = Counter[str]()
    for _ in range(2):  # the second look finds the style sheet in the cache, as the one at the hostile page does
        before = requests_at_rest(stack)
        page.goto(f"{stack.url}/captures/{trap.other}/replay")
        captured_frame(page, "#words")
        usual = requests_at_rest(stack) - before
    before = requests_at_rest(stack)
    page.goto(f"{stack.url}/captures/{trap.hostile}/replay?view=scripts")
    frame = captured_frame(page, "#out")

    def done() -> bool:
        page.wait_for_timeout(200)
        return bool(frame.inner_text("#out"))

    wait_for(done, 90, lambda: f"the hostile script stopped at {frame.inner_text('#now')}")
    results: dict[str, str] = json.loads(frame.inner_text("#out"))
    page.wait_for_timeout(AFTER_S * 1000)
    assert page.url == f"{stack.url}/captures/{trap.hostile}/replay?view=scripts" and len(reader.pages) == 3
    assert requests_at_rest(stack) - before == usual
    judge(results, trap)
    assert reader.request.get(f"{stack.url}/api/v1/captures").status == 200, "the hostile page ended the session"
    assert not [one for one in reader.cookies([stack.url]) if MARK in str(one["value"])]
    page.goto(f"{stack.url}/captures/{trap.other}/replay")
    left = captured_frame(page, "#words").evaluate(LEFT)
    assert not [one for one in left if MARK in str(one)] and trap.hostile[:32] not in str(left)


@pytest.fixture(scope="module")
def firefox(stack: Stack, tmp_path_factory: Folders) -> Iterator[Firefox]:
    """Signed in at the service, with a cookie that scripts could read."""
    with Firefox(tmp_path_factory.mktemp("firefox-reader")) as started:
        page = started.open(stack.sign_in_link())
        started.evaluate(page, 'setTimeout(() => document.querySelector("form button").click(), 0)')
        wait_for(lambda: bool(started.evaluate(page, 'return location.pathname === "/"')), 20, lambda: "not signed in")
        started.evaluate(page, "document.cookie = `readable=${args[0]}; path=/`;", READABLE)
        yield started


def in_captured_frame(firefox: Firefox, script: str) -> str:
    """What the script gives in the innermost frame, "" while there is none."""
    marionette = firefox.marionette
    try:
        for _ in range(3):  # the player's page, the player's inner page, the captured page
            marionette.call("WebDriver:SwitchToFrame", id=0)
        return str(marionette.run(script) or "")
    except MarionetteError:
        return ""
    finally:
        marionette.call("WebDriver:SwitchToFrame", id=None)


def test_in_firefox_it_reaches_nothing(stack: Stack, firefox: Firefox, trap: Trap) -> None:
    usual, found = Counter[str](), [""]
    page = firefox.open(f"{stack.url}/captures/{trap.other}/replay")
    wait_for(lambda: bool(in_captured_frame(firefox, "return document.body.innerText;")), 60, lambda: "no replay")
    before = requests_at_rest(stack)
    firefox.go(page, f"{stack.url}/captures/{trap.other}/replay")
    wait_for(lambda: bool(in_captured_frame(firefox, "return document.body.innerText;")), 60, lambda: "no replay")
    usual = requests_at_rest(stack) - before
    before = requests_at_rest(stack)
    firefox.go(page, f"{stack.url}/captures/{trap.hostile}/replay?view=scripts")

    def done() -> bool:
        time.sleep(0.3)
        firefox.show(page)
        found[0] = in_captured_frame(firefox, 'return document.getElementById("out")?.textContent;')
        return found[0] != ""

    wait_for(done, 120, lambda: in_captured_frame(firefox, "return location.href + document.body.innerText.slice(0, 500);"))
    time.sleep(AFTER_S)
    assert firefox.evaluate(page, "return location.pathname") == f"/captures/{trap.hostile}/replay"
    assert requests_at_rest(stack) - before == usual
    judge(json.loads(found[0]), trap)
    home = firefox.open(f"{stack.url}/")
    assert SECRET in firefox.evaluate(home, "return document.body.innerText;"), "the hostile page ended the session"
    firefox.show(page)
    firefox.go(page, f"{stack.url}/captures/{trap.other}/replay")
    wait_for(lambda: bool(in_captured_frame(firefox, "return document.body.innerText;")), 60, lambda: "no replay")
    left = json.loads(in_captured_frame(firefox, f"return JSON.stringify(await ({LEFT})());"))
    assert not [one for one in left[1:] if MARK in str(one)] and trap.hostile[:32] not in str(left)
