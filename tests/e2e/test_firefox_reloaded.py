"""A second load in Firefox: only on demand, said so, and never a form sent again."""

from collections.abc import Iterator

import pytest

from tests.e2e.chromium import wait_for
from tests.e2e.firefox import Firefox, FirefoxPage
from tests.e2e.firefox_captures import capture, open_page
from tests.e2e.proving_ground import ProvingGround

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def site() -> Iterator[ProvingGround]:
    with ProvingGround() as running:
        yield running


@pytest.fixture(scope="module")
def firefox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firefox]:
    with Firefox(tmp_path_factory.mktemp("firefox-reloaded")) as started:
        yield started


def test_a_second_load_is_one_only_on_demand_and_says_so(firefox: Firefox, site: ProvingGround) -> None:
    assert not firefox.stored_consent().get("givenAt")  # a load that is asked for needs no consent to keep every load
    page = open_page(firefox, f"{site.url}/encodings")
    mark = site.log.mark()
    captured = capture(firefox, page, mode="reloaded")
    second = {(one.url, one.sha256) for one in site.exchanges(mark) if one.status != 302 and not one.url.endswith("/favicon.ico")}
    firefox.close(page)
    assert page.url in {url for url, _hash in second} and second <= captured.bodies
    assert (captured.statement["mode"], captured.info["mode"]) == ("reloaded", "reloaded")
    names = [artifact["name"] for artifact in captured.item["artifacts"]]
    assert names[0] == "screenshot.viewport.png" and "screenshot.viewport.2.png" in names
    assert any("loaded a second time" in note for note in captured.info["notes"])


@pytest.mark.parametrize("consented", [True, False])
def test_a_page_that_came_of_a_form_is_never_asked_for_again_by_post(
    firefox: Firefox, site: ProvingGround, consented: bool
) -> None:
    firefox.consent() if consented else firefox.withdraw()
    page = open_page(firefox, f"{site.url}/form")
    firefox.evaluate(page, 'setTimeout(() => document.getElementById("send").click(), 0)')
    result = FirefoxPage(page.handle, f"{site.url}/result")
    there = 'return location.pathname === "/result" && document.readyState === "complete" && document.body.dataset.done === "1"'
    wait_for(lambda: bool(firefox.evaluate(page, there)), 10, lambda: "no result")
    site.log.settle(quiet_s=0.4)
    mark = site.log.mark()
    captured = capture(firefox, result, mode="reloaded")
    asked = site.exchanges(mark)
    firefox.close(page)
    assert [one for one in asked if one.method == "POST"] == []
    if consented:
        assert [one for one in asked if not one.is_of_browser] == [] and captured.statement["mode"] == "as_seen"
        assert any("asked for with POST" in note for note in captured.info["notes"])
