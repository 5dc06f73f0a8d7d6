"""The truth checks over captures of a real Firefox: it has what scripts fetched, so an edit there is found as seen."""

import base64
import io
import json
from collections.abc import Iterator

import pytest

from server.captures.checks.container import Verdict
from server.captures.checks.truth import TruthQuestion, truth_verdicts
from server.trust.statement import parse_statement
from tests.e2e.firefox import Firefox, FirefoxPage
from tests.e2e.firefox_captures import Capture, capture, open_page
from tests.e2e.honest_site import FORGE, FORGERY, SENTENCE, HonestSite

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def honest() -> Iterator[HonestSite]:
    with HonestSite() as running:
        yield running


@pytest.fixture(scope="module")
def firefox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firefox]:
    with Firefox(tmp_path_factory.mktemp("firefox-truth")) as started:
        started.consent()
        yield started


def verdicts(firefox: Firefox, captured: Capture) -> dict[str, Verdict]:
    payload = base64.b64decode(json.loads(captured.item["envelope"])["payload"])
    archive = firefox.artifact(captured.item, "page.wacz")
    asked = TruthQuestion(parse_statement(payload), payload, ("page.wacz", lambda: io.BytesIO(archive)), None)
    return {verdict.name: verdict for verdict in truth_verdicts(asked)}


def forge(firefox: Firefox, page: FirefoxPage) -> None:
    firefox.evaluate(page, f"({FORGE})({json.dumps([SENTENCE, FORGERY])})")


@pytest.mark.parametrize("shape", ["fetched", "shadow", "packed"])
def test_an_honest_page_passes_and_an_edited_one_fails_as_seen(firefox: Firefox, honest: HonestSite, shape: str) -> None:
    page = open_page(firefox, f"{honest.url}/{shape}")
    true = verdicts(firefox, capture(firefox, page))["page_text"]
    assert true.outcome.value == "PASSED", true.reason
    forge(firefox, page)
    forged = verdicts(firefox, capture(firefox, page))["page_text"]
    firefox.close(page)
    assert forged.outcome.value == "FAILED", forged.reason
    assert "eighteen to forty-one against" in forged.reason


def test_an_edit_that_a_reload_undoes_is_found_in_the_text_before_it(firefox: Firefox, honest: HonestSite) -> None:
    page = open_page(firefox, f"{honest.url}/plain")
    forge(firefox, page)
    found = verdicts(firefox, capture(firefox, page, mode="reloaded"))
    firefox.close(page)
    assert found["page_text"].outcome.value == "PASSED", found["page_text"].reason
    assert found["page_text_before"].outcome.value == "FAILED", found["page_text_before"].reason
