"""The check of a page's text against real captures: honest pages of many shapes are not accused, an edited sentence is found.

As seen, recorded and reloaded, in Chromium. What is not captured (the answer a script asked for) is not checked, never passed.
"""

import base64
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Playwright

from server.captures.checks.container import Verdict
from server.captures.checks.truth import TruthQuestion, truth_verdicts
from server.trust.statement import parse_statement
from tests.e2e.chromium import Chromium, wait_for
from tests.e2e.honest_site import FORGE, FORGERY, SENTENCE, SHAPES, TRANSLATE, HonestSite

pytestmark = pytest.mark.browser
NOT_CAPTURED = {"fetched"}  # as seen, the browser gives no answers to scripts
EDITABLE = {"drafted"}
SHOWS = {"fetched": "#list p", "clock": "#ago:not(:empty)"}  # what comes into the page after it has loaded
Looked = dict[str, tuple[dict[str, Verdict], dict[str, Verdict]]]


@pytest.fixture(scope="module")
def honest() -> Iterator[HonestSite]:
    with HonestSite() as running:
        yield running


@pytest.fixture(scope="module")
def browser(playwright: Playwright, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    """Not paired: what it captures stays in its queue, and is judged here as the service judges it."""
    with Chromium(playwright, tmp_path_factory.mktemp("shapes")) as started:
        yield started


def capture(browser: Chromium, page: Any, mode: str = "as_seen") -> dict[str, Verdict]:
    """The verdicts over one capture of the page."""
    before = {item["captureId"] for item in browser.items()}
    page.bring_to_front()
    if mode == "as_seen":
        browser.click_toolbar(page)
    else:
        popup = browser.open_popup(page)
        popup.select_option("#mode", mode)
        popup.click("#capture")
    item = browser.wait_for_item(lambda one: one["captureId"] not in before, timeout_s=90)
    if mode != "as_seen":
        popup.close()
    payload = base64.b64decode(json.loads(item["envelope"])["payload"])
    archive = browser.artifact(item, "page.wacz")
    asked = TruthQuestion(parse_statement(payload), payload, ("page.wacz", lambda: io.BytesIO(archive)), None)
    return {verdict.name: verdict for verdict in truth_verdicts(asked)}


@pytest.fixture(scope="module")
def looked_at(browser: Chromium, honest: HonestSite) -> Looked:
    """For each shape the verdicts over the honest page, and over it after its sentence was edited."""
    found = {}
    for shape in SHAPES:
        page = browser.open(f"{honest.url}/{shape}")
        page.wait_for_selector(SHOWS.get(shape, "body"), state="attached")
        if shape in EDITABLE:
            page.click("#draft")
            page.keyboard.type("My own draft of an answer that nobody has sent yet.")
        true = capture(browser, page)
        page.evaluate(FORGE, [SENTENCE.replace("bridge", "bri\u00addge") if shape == "typeset" else SENTENCE, FORGERY])
        found[shape] = (true, capture(browser, page))
        page.close()
    return found


@pytest.mark.parametrize("shape", SHAPES)
def test_an_honest_page_is_not_accused(shape: str, looked_at: Looked) -> None:
    found = looked_at[shape][0]
    expected = "NOT_CHECKED" if shape in NOT_CAPTURED | EDITABLE else "PASSED"
    assert found["page_text"].outcome.value == expected, found["page_text"].reason
    assert {name: one.reason for name, one in found.items() if one.outcome.value == "FAILED"} == {}


@pytest.mark.parametrize("shape", sorted(SHAPES.keys() - {"typeset"}))
def test_an_edited_sentence_is_found_in_every_shape(shape: str, looked_at: Looked) -> None:
    found = looked_at[shape][1]["page_text"]
    assert found.outcome.value == ("NOT_CHECKED" if shape in NOT_CAPTURED else "FAILED"), found.reason
    assert "eighteen to forty-one against" in found.reason


def test_a_page_that_the_browser_translated_is_not_accused(browser: Chromium, honest: HonestSite) -> None:
    page = browser.open(f"{honest.url}/plain")
    page.evaluate(TRANSLATE)
    found = capture(browser, page)["page_text"]
    page.close()
    assert found.outcome.value == "NOT_CHECKED"
    assert "translated" in found.reason


def test_an_edit_is_found_in_a_recording_although_a_script_asked_for_the_text(browser: Chromium, honest: HonestSite) -> None:
    page = browser.open(f"{honest.url}/fetched")
    popup = browser.open_popup(page)
    popup.select_option("#mode", "recorded")
    popup.click("#capture")
    wait_for(lambda: popup.is_visible("#finish"), 15, lambda: popup.inner_text("#status"))
    popup.close()
    page.bring_to_front()
    page.reload()
    page.wait_for_selector(SHOWS["fetched"])
    page.evaluate(FORGE, [SENTENCE, FORGERY])
    found = capture(browser, page)["page_text"]
    page.close()
    assert found.outcome.value == "FAILED", found.reason
    assert "eighteen to forty-one against" in found.reason


def test_an_edit_that_a_reload_undoes_is_found_in_the_text_before_it(browser: Chromium, honest: HonestSite) -> None:
    page = browser.open(f"{honest.url}/plain")
    page.evaluate(FORGE, [SENTENCE, FORGERY])
    found = capture(browser, page, "reloaded")
    page.close()
    assert found["page_text"].outcome.value == "PASSED", found["page_text"].reason
    assert found["page_text_before"].outcome.value == "FAILED", found["page_text_before"].reason
    assert "eighteen to forty-one against" in found["page_text_before"].reason
