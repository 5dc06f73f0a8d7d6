"""What a recording does when it is cut off, when it is too much, and when the page must not be loaded twice."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from tests.e2e.chromium import wait_for
from tests.e2e.proving_ground import ProvingGround
from tests.extension.recorded.recording import RecordingBrowser, record

pytestmark = pytest.mark.browser
FRAME = "<iframe src=/framed></iframe>"


def ended_by(browser: RecordingBrowser, page: Page) -> str | None:
    """Why the tab's recording ended; None: it runs."""
    facts = browser.facts(page)
    assert facts is not None
    return str(facts["endedBy"]) if facts["endedBy"] is not None else None


@pytest.fixture
def page(browser: RecordingBrowser) -> Iterator[Page]:
    opened = browser.armed()
    yield opened
    opened.close()


def test_cancel_in_the_bar_keeps_what_there_is_as_partial(browser: RecordingBrowser, ground: ProvingGround, page: Page) -> None:
    page.goto(f"{ground.url}/encodings")
    page.wait_for_selector("body[data-done]")
    wait_for(lambda: browser.badge(page) == "REC", 30, lambda: f"badge: {browser.badge(page)!r}")
    browser.end_as_cancelled(page)
    mark = ground.log.settle(quiet_s=0.4)
    wait_for(lambda: ended_by(browser, page) is not None, 30, lambda: f"recording: {browser.facts(page)}")
    assert ended_by(browser, page) == "the person pressed Cancel"
    page.evaluate("() => fetch('/json/plain.json?later').then((answer) => answer.text())")
    captured = browser.click(page, mode="recorded")
    info = captured.pageinfo
    assert (info["state"], captured.result["pageinfo"]["state"]) == ("PARTIAL", "PARTIAL")
    held = {entry["url"]: entry["sha256"] for entry in info["resources"]}
    for entry in ground.exchanges()[:mark]:
        if entry.url.endswith("/json/br.json") and entry.nonce in str(captured.records):
            assert held[entry.url] == entry.sha256
    later = [entry for entry in info["omitted"] if entry["url"].endswith("?later")]
    assert later and "recording" in later[0]["reason"]
    assert browser.facts(page) is None


def test_what_a_dead_worker_had_recorded_is_kept(browser: RecordingBrowser, ground: ProvingGround, page: Page) -> None:
    page.goto(f"{ground.url}/encodings")
    page.wait_for_selector("body[data-done]")
    wanted = {f"{ground.url}{path}" for path in ("/json/br.json", "/css/latin1.css", "/js/mark.js")}
    wait_for(lambda: wanted <= browser.kept(page), 30, lambda: f"kept: {browser.kept(page)}")
    browser.worker.evaluate("() => globalThis.forgetLive()")
    captured = browser.click(page, mode="recorded")
    info = captured.pageinfo
    assert info["state"] == "PARTIAL"
    assert info["recording"]["endedBy"] == "the browser ended the extension's worker"
    assert wanted <= {one["url"] for one in info["resources"]}
    sent = {entry.sha256 for entry in ground.exchanges()}
    assert all(one["sha256"] in sent for one in info["resources"] if one["source"] == "live_stream")


def test_navigating_on_keeps_both_pages(browser: RecordingBrowser, ground: ProvingGround, page: Page) -> None:
    for path in ("/posts", "/components"):
        page.goto(ground.url + path)
        page.wait_for_selector("body[data-done]")
    captured = browser.click(page, mode="recorded")
    held = {entry["url"].removeprefix(ground.url) for entry in captured.pageinfo["resources"]}
    assert {"/posts", "/api/echo", "/components", "/img/open.png", f"{ground.foreign_url}/foreign"} <= held
    assert captured.result["page"]["url"] == f"{ground.url}/components"


def test_a_tab_that_a_recorded_one_opened_is_recorded_when_the_case_is(browser: RecordingBrowser, ground: ProvingGround) -> None:
    page = browser.armed(scope="case")
    page.goto(f"{ground.url}/form")
    with page.expect_popup() as opening:
        page.evaluate("() => { window.open('about:blank#opened', 'other'); }")
    other = opening.value
    wait_for(lambda: browser.facts(other) is not None, 30, lambda: "the tab is not recorded")
    other.goto(f"{ground.url}/posts")
    other.wait_for_selector("body[data-done]")
    captured = browser.click(other, mode="recorded")
    assert captured.pageinfo["recording"]["scope"] == "case"
    assert sum(entry["url"].startswith(f"{ground.url}/api/echo") for entry in captured.pageinfo["resources"]) == 3
    other.close()
    page.close()


def test_reloading_says_it_is_a_second_load_and_keeps_the_first_shot(browser: RecordingBrowser, ground: ProvingGround) -> None:
    done = record(browser, ground, "/encodings", mode="reloaded")
    info = done.captured.pageinfo
    assert info["mode"] == done.captured.result["mode"] == "reloaded"
    names = [artifact["name"] for artifact in done.captured.result["artifacts"]]
    assert names == ["screenshot.viewport.png", "screenshot.full.png", "screenshot.viewport.2.png", "page.wacz"]
    second = {entry.sha256 for entry in done.during}
    first = {entry.sha256 for entry in done.sent}
    fresh = [entry for entry in info["resources"] if entry["source"] == "refetched"]
    assert len(fresh) >= 15
    assert all(entry["sha256"] in second and entry["sha256"] not in first for entry in fresh)
    assert "live_stream" not in {entry["source"] for entry in info["resources"]}
    assert any("second time" in note for note in info["notes"])


def test_reloading_leaves_the_service_worker_in_charge(browser: RecordingBrowser, ground: ProvingGround) -> None:
    done = record(browser, ground, "/sw/page", mode="reloaded")
    made = [entry for entry in done.captured.pageinfo["resources"] if entry["url"].endswith("/sw/made.json")]
    assert [entry["status"] for entry in made] == [200]
    assert not any(entry.url.endswith("/sw/made.json") for entry in done.during)
    browser.forget(ground.url)


def test_a_post_is_never_sent_again(browser: RecordingBrowser, ground: ProvingGround) -> None:
    page = browser.context.new_page()
    page.goto(f"{ground.url}/form")
    page.click("#send")
    page.wait_for_url("**/result")
    mark = ground.log.settle(quiet_s=0.4)
    captured = browser.click(page, mode="reloaded")
    ground.log.settle(quiet_s=0.4)
    assert ground.log.asked(mark) == []
    info = captured.pageinfo
    assert info["mode"] == captured.result["mode"] == "as_seen"
    assert "POST" in info["notReloaded"]
    assert page.inner_text("h1") == "Result"
    assert len([artifact for artifact in captured.result["artifacts"] if artifact["role"] == "screenshot.full"]) == 1
    page.close()


def test_a_frames_form_does_not_pass_a_second_load_off_as_the_first(browser: RecordingBrowser, ground: ProvingGround) -> None:
    page = browser.context.new_page()
    page.goto(f"{ground.url}/encodings")
    page.wait_for_selector("body[data-done]")
    page.evaluate("() => { document.body.insertAdjacentHTML('afterbegin', '<h1>Words of the first load</h1>'); }")
    sends_form = "<form method=post action=/result><input name=query value=x></form><script>document.forms[0].submit()</script>"
    page.route("**/encodings", lambda route: route.fulfill(response=(answer := route.fetch()), body=answer.text() + FRAME))
    page.route("**/framed", lambda route: route.fulfill(content_type="text/html", body=sends_form))
    mark = ground.log.settle(quiet_s=0.4)
    captured = browser.click(page, mode="reloaded")
    after = ground.log.settle(quiet_s=0.4)
    page.close()
    info = captured.pageinfo
    assert info["mode"] == captured.result["mode"] == "reloaded" and "notReloaded" not in info
    assert [one.method for one in ground.exchanges(mark)[: after - mark] if one.method == "POST"] == []
    (form,) = [one for one in info["omitted"] if one["url"].endswith("/result")]
    assert "not asked for" in form["reason"] and form["method"] == "POST"
    (before,) = [one for one in captured.records if one.uri.startswith("urn:text-before:")]
    assert b"Words of the first load" in before.body


def test_a_recorded_form_result_holds_the_post(browser: RecordingBrowser, ground: ProvingGround, page: Page) -> None:
    page.goto(f"{ground.url}/form")
    page.click("#send")
    page.wait_for_url("**/result")
    captured = browser.click(page, mode="recorded")
    (sent,) = [
        entry
        for entry in ground.exchanges()
        if entry.method == "POST" and entry.url.endswith("/result") and entry.nonce in page.title()
    ]
    (listed,) = [entry for entry in captured.pageinfo["resources"] if entry["url"].endswith("/result")]
    assert (listed["method"], listed["sha256"]) == ("POST", sent.sha256)
    (request,) = [item for item in captured.records if item.type == "request" and item.uri.endswith("/result")]
    assert request.body == sent.request_body == b"query=night+ferry"


def test_the_second_pass_comes_after_and_says_so(browser: RecordingBrowser, ground: ProvingGround) -> None:
    done = record(browser, ground, "/lazy", mode="as_seen", secondPass=True)
    info = done.captured.pageinfo
    names = [artifact["name"] for artifact in done.captured.result["artifacts"]]
    assert names == ["screenshot.viewport.png", "screenshot.full.png", "screenshot.full.2.png", "page.wacz"]
    steps = [step["name"] for step in info["steps"]]
    assert steps.index("full-page screenshot") < steps.index("second pass: scroll and expand")
    second = [entry for entry in info["resources"] if entry.get("pass") == 2]
    assert {entry["sha256"] for entry in second} == {entry.sha256 for entry in done.during}
    assert len(second) >= 8
    assert info["secondPass"]["requests"] == len(second)
    assert any("second pass" in note for note in info["notes"])


def test_without_being_chosen_there_is_no_second_pass(browser: RecordingBrowser, ground: ProvingGround) -> None:
    done = record(browser, ground, "/lazy", mode="as_seen")
    assert done.during == []
    assert not any("second pass" in step["name"] for step in done.captured.pageinfo["steps"])
