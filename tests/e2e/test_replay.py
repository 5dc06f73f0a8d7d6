"""Replay in a real Chromium: the page as recorded, nothing asked of its site, and nothing for a hostile page to reach."""

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import BrowserContext, Playwright

from tests.e2e import journey
from tests.e2e.chromium import Chromium, wait_for
from tests.e2e.replaying import captured_frame, chromium_reader, open_replay, purposes
from tests.e2e.site import DemoSite
from tests.e2e.stack import Stack
from tests.live.device import HttpDevice
from tests.simulator import PNG
from tests.storage.test_wacz_still import archive

pytestmark = [pytest.mark.browser, pytest.mark.live]
HOSTILE = (Path(__file__).parent / "pages" / "hostile.html").read_text("utf-8")


@pytest.fixture(scope="module")
def reader(playwright: Playwright, stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    with chromium_reader(playwright, stack, tmp_path_factory.mktemp("reader")) as context:
        yield context


def test_replay_shows_text_and_pictures_and_asks_the_site_for_nothing(
    browser: Chromium, site: DemoSite, stack: Stack, reader: BrowserContext
) -> None:
    captured = journey.capture(browser, site, site.article)
    captured.page.close()
    mark = site.log.settle()
    asked: list[str] = []
    reader.on("request", lambda request: asked.append(request.url))
    page = open_replay(reader, stack, captured.capture_id)
    frame = captured_frame(page, "h1")
    assert frame.inner_text("h1") == "Night ferry to run all winter, council told"
    assert "twice the number expected" in frame.inner_text("article")
    widths = "() => [...document.images].map((image) => image.naturalWidth)"
    wait_for(lambda: all(frame.evaluate(widths)), 20, lambda: f"pictures: {frame.evaluate(widths)}")
    assert len(frame.evaluate(widths)) == 10
    assert "Marsh Walkers" in frame.inner_text("#posts")
    page.wait_for_timeout(1500)
    assert site.log.since(mark) == []
    allowed = (f"{stack.url}/", f"http://{captured.capture_id[:32]}.localhost:{stack.replay_port}/", "data:", "blob:", "about:")
    assert [url for url in asked if not url.startswith(allowed)] == []
    assert purposes(stack, reader, captured.capture_id)[-1] == ("capture.viewed", "replay")
    wait_for(lambda: bool(page.reload()) and page.locator("[data-source]").count() > 0, 30, lambda: "no list of resources")
    assert "11 pictures" in page.inner_text("[data-source=live_memory]")
    assert "/api/posts" in (page.text_content("[data-why=by_script]") or "")
    page.click("#view-scripts")
    frame = captured_frame(page, "#posts")
    wait_for(lambda: "Marsh Walkers" not in frame.inner_text("#posts"), 20, lambda: "its script did not run")


def test_no_script_of_a_page_shown_as_it_stood_runs(stack: Stack, reader: BrowserContext) -> None:
    address = "https://news.example/story"
    kept = (
        "<p id=words>Stood</p><img src=x onerror=\"document.body.textContent='other words'\"><script>document.title = 1</script>"
    )
    artifacts = {"page.wacz": archive({address: kept.encode()}), "screenshot.viewport.png": PNG}
    device = HttpDevice(stack.url, stack.pairing_code())
    committed = device.commit(artifacts, url=address)
    device.upload(committed["capture_id"], artifacts, committed["missing"])
    sealed = device.seal(committed["capture_id"])
    device.close()
    frame = captured_frame(open_replay(reader, stack, str(sealed["capture_id"])), "#words")
    added = """() => {
      const box = document.createElement("div");
      document.body.append(box);
      box.innerHTML = '<img src="data:," onerror="document.title = 2"><a href="javascript:void(document.title = 3)">x</a>';
      const script = document.createElement("script");
      script.textContent = "document.title = 4";
      box.append(script);
      box.querySelector("a").click();
      return new Promise((done) => setTimeout(() => done(document.title), 500));
    }"""
    assert frame.evaluate(added) == ""
    assert frame.inner_text("#words") == "Stood"


def test_the_replay_origin_serves_nothing_of_the_application_and_takes_no_cookie(stack: Stack, reader: BrowserContext) -> None:
    device = HttpDevice(stack.url, stack.pairing_code())
    capture_id = device.capture()
    device.close()
    page = reader.new_page()
    page.goto(f"{stack.url}/captures/{capture_id}/replay")
    frame_url = page.get_attribute("#replay-frame", "src") or ""
    assert page.get_attribute("#replay-frame", "sandbox") == "allow-scripts allow-same-origin"
    base, host = f"http://127.0.0.1:{stack.replay_port}", frame_url.split("/")[2]
    path = frame_url.removeprefix(f"http://{host}")
    with httpx2.Client(base_url=base, headers={"Host": host}, timeout=60) as nobody:
        shown = nobody.get(path)
        assert shown.status_code == 200
        assert "frame-ancestors " + stack.url in shown.headers["content-security-policy"]
        assert "set-cookie" not in shown.headers
        whole = nobody.head(path + "page.wacz")
        assert whole.headers["accept-ranges"] == "bytes"
        part = nobody.get(path + "page.wacz", headers={"Range": "bytes=-22"})
        assert (part.status_code, len(part.content)) == (206, 22)
        assert "access-control-allow-origin" not in part.headers
        for other in (
            "/",
            "/captures",
            f"/captures/{capture_id}",
            "/api/v1/captures",
            "/sign-in/x",
            "/readyz",
            "/log/checkpoint",
        ):
            assert nobody.get(other).status_code == 404, other
        assert nobody.post(path).status_code == 405
        forged = path[:40] + ("A" if path[40] != "A" else "B") + path[41:]
        assert nobody.get(forged + "page.wacz").status_code == 404
        assert nobody.get(path + "page.wacz", headers={"Host": f"{'0' * 32}.localhost:{stack.replay_port}"}).status_code == 404
    cookies = reader.cookies(frame_url)
    assert cookies == []
