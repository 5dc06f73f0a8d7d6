"""“Seen before?” in a real Firefox, from its real context menu: each answer that a person can get."""

import base64
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.e2e.boxes import assert_places
from tests.e2e.chromium import wait_for
from tests.e2e.firefox import Firefox, FirefoxPage
from tests.e2e.firefox_captures import capture, open_page
from tests.e2e.relay import Connection, Relay, Send
from tests.e2e.site import DemoSite
from tests.e2e.stack import Stack
from tests.media.pictures import encoded, resembling, scene

pytestmark = [pytest.mark.browser, pytest.mark.live]
KNOWN, LIKE_IT = resembling(94)
BROKEN = encoded(scene(91), "JPEG")[:-9000]
SVG = b"<svg xmlns='http://www.w3.org/2000/svg' width='300' height='200'><circle cx='150' cy='100' r='80'/></svg>"
PUT = """const [address] = args;
  const image = new Image();
  image.id = "asked";
  image.src = address;
  document.querySelector("#asked")?.remove();
  document.body.prepend(image);
  await image.decode().catch(() => null);"""
WHERE = """const image = document.querySelector(args[0]);
  image.scrollIntoView({ block: "center", behavior: "instant" });
  const { x, y, width, height } = image.getBoundingClientRect();
  return [Math.round(x + width / 2), Math.round(y + height / 2)];"""
CHOOSE = """const menu = document.getElementById("contentAreaContextMenu");
  const entry = menu.querySelector(`[id$="-menuitem-_${args[0]}"]`);
  if (menu.state !== "open" || !entry) return false;
  const closed = new Promise((resolve) => menu.addEventListener("popuphidden", resolve, { once: true }));
  entry.doCommand();
  menu.hidePopup();
  await closed;
  return true;"""
ANSWER = """const shown = (id) => document.querySelector(id).checkVisibility();
  const words = (one) => [one.dataset.kind, one.querySelector(".kind").innerText];
  return location.pathname !== "/ui/seen.html" || document.readyState !== "complete" || shown("#progress") ? null : {
    status: document.querySelector("#status").innerText,
    how: document.querySelector("#how").innerText,
    pair: shown("#pair"), note: shown("#note"), preview: shown("#preview"),
    matches: [...document.querySelectorAll("#matches > li")].map(words),
    copies: [...document.querySelectorAll("#matches img")].map((one) => one.naturalWidth > 0),
    places: [...document.querySelectorAll("#matches ul a")].map((one) => one.href),
  };"""


class Line(Relay):
    """Between browser and service, until it is cut."""

    is_cut = False

    def pass_up(self, data: bytes, send: Send, connection: Connection) -> bool:
        return not self.is_cut and super().pass_up(data, send, connection)


@pytest.fixture(scope="module")
def line(stack: Stack) -> Iterator[Line]:
    with Line(stack.port) as started:
        yield started


@pytest.fixture(scope="module")
def firefox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firefox]:
    """Not paired with anything yet."""
    with Firefox(tmp_path_factory.mktemp("firefox-seen")) as started:
        started.consent()
        yield started


@pytest.fixture(scope="module")
def paired(firefox: Firefox, stack: Stack, line: Line) -> Firefox:
    firefox.pair(line.url, stack.pairing_code())
    return firefox


def choose(firefox: Firefox, page: FirefoxPage, image: str, entry: str) -> None:
    """A right click on the picture, then the extension's entry in the menu that comes up."""
    firefox.show(page)
    x, y = firefox.evaluate(page, WHERE, image)
    steps = [
        {"type": "pointerMove", "x": x, "y": y, "duration": 0, "origin": "viewport"},
        {"type": "pointerDown", "button": 2},
        {"type": "pointerUp", "button": 2},
    ]
    pointer = {"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": steps}
    firefox.marionette.call("WebDriver:PerformActions", actions=[pointer])
    wait_for(lambda: bool(firefox.marionette.run(CHOOSE, entry, chrome=True)), 10, lambda: "the menu has no such entry")


def asked(firefox: Firefox, page: FirefoxPage, image: str) -> dict[str, Any]:
    """What the small window says that the menu opens."""
    before = set(firefox.marionette.call("WebDriver:GetWindowHandles"))
    choose(firefox, page, image, "seen-before")
    opened: list[str] = []

    def is_open() -> bool:
        opened[:] = set(firefox.marionette.call("WebDriver:GetWindowHandles")) - before
        return bool(opened)

    wait_for(is_open, 20, lambda: "no window opened")
    window, found = FirefoxPage(opened[0], ""), {}

    def answered() -> bool:
        found.update(firefox.evaluate(window, ANSWER) or {})
        return bool(found)

    wait_for(answered, 30, lambda: "the window gives no answer")
    if found["matches"]:
        wait_for(lambda: all(firefox.evaluate(window, ANSWER)["copies"]), 10, lambda: "no working copies")
    firefox.close(window)
    return found


def shown(firefox: Firefox, page: FirefoxPage, address: str) -> str:
    """Puts a picture on the page; its selector."""
    firefox.evaluate(page, PUT, address)
    return "#asked"


def inline(data: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def captured(firefox: Firefox, page: FirefoxPage, stack: Stack) -> str:
    """Captures the picture on the page from its menu, and waits until its pictures have been read; the capture's id."""
    before = [item["captureId"] for item in firefox.items()]
    choose(firefox, page, "#asked", "capture-image")
    item = firefox.wait_for_item(lambda item: item["captureId"] not in before and item["state"] == "sealed")
    address, headers = f"{stack.url}/api/v1/captures/{item['captureId']}/images", {"Authorization": f"Bearer {firefox.token}"}
    with httpx2.Client(headers=headers, timeout=60) as service:
        wait_for(lambda: service.get(address).json()["state"] != "pending", 60, lambda: "the pictures are not read")
    return str(item["captureId"])


def test_every_way_of_showing_a_picture_has_its_place_in_the_archive(firefox: Firefox, site: DemoSite) -> None:
    page = open_page(firefox, site.boxes)
    assert_places(capture(firefox, page).info, site)
    firefox.close(page)


def test_without_a_service_nothing_is_claimed(firefox: Firefox, site: DemoSite) -> None:
    page = open_page(firefox, site.article)
    answer = asked(firefox, page, "figure img")
    assert "not paired with a service" in answer["status"] and answer["pair"] and answer["matches"] == []
    firefox.close(page)


def test_a_picture_is_asked_about_and_nothing_is_captured(paired: Firefox, site: DemoSite, stack: Stack, line: Line) -> None:
    page = open_page(paired, site.article)
    image = shown(paired, page, f"{site.url}/pictures/scene-901")
    mark, before = site.log.settle(), {item["captureId"] for item in paired.items()}
    first = asked(paired, page, image)
    assert first["status"] == "Not seen before in your captures" and first["note"] and first["preview"]
    assert site.log.asked(mark) == [], "the site is asked for nothing"
    assert {item["captureId"] for item in paired.items()} == before, "nothing is captured"

    capture_id = captured(paired, page, stack)
    again = asked(paired, page, image)
    assert again["status"].startswith("Seen before. Places:") and "as this page loaded it" in again["how"]
    assert again["matches"][0] == ["exact", "Identical: the same file"]
    assert f"{line.url}/captures/{capture_id}" in again["places"]
    assert site.log.asked(mark) == []
    paired.close(page)


def test_what_only_resembles_it_is_not_called_seen(paired: Firefox, site: DemoSite, stack: Stack) -> None:
    page = open_page(paired, site.article)
    shown(paired, page, inline(encoded(KNOWN), "png"))
    captured(paired, page, stack)
    answer = asked(paired, page, shown(paired, page, inline(encoded(LIKE_IT), "png")))
    assert answer["status"] == "Not seen, but something resembles it"
    assert {kind for kind, _ in answer["matches"]} == {"variant"}
    paired.close(page)


def test_what_cannot_be_read_or_is_only_drawn_says_so(paired: Firefox, site: DemoSite) -> None:
    page = open_page(paired, site.article)
    refused = asked(paired, page, shown(paired, page, inline(BROKEN, "jpeg")))
    assert "cannot read this picture" in refused["status"] and refused["matches"] == [] and not refused["note"]
    drawn = asked(paired, page, shown(paired, page, inline(SVG, "svg+xml")))
    assert "what the screen shows of it" in drawn["how"] and drawn["status"] == "Not seen before in your captures"
    paired.close(page)


def test_when_the_service_is_away_nothing_was_searched(paired: Firefox, site: DemoSite, line: Line) -> None:
    page = open_page(paired, site.article)
    line.is_cut = True
    away = asked(paired, page, "figure img")
    assert away["status"] == "No connection to the service. Nothing was searched."
    assert away["matches"] == [] and not away["note"]
    paired.close(page)
