"""Lists of pages and automatic captures in a real browser: each address once, whatever dies meanwhile."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Playwright

from tests.e2e.acts import granted_browser, ids, sealed, statement
from tests.e2e.chromium import Chromium, wait_for
from tests.e2e.processes import free_port
from tests.e2e.site import DemoSite
from tests.e2e.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.live]


@pytest.fixture(scope="module")
def browser(playwright: Playwright, stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    with granted_browser(playwright, stack, tmp_path_factory.mktemp("acts")) as started:
        yield started


def stop_worker(browser: Chromium) -> None:
    """Ends the service worker as the browser does: in the middle of what it does."""
    assert browser.context.browser is not None
    session = browser.context.browser.new_browser_cdp_session()
    targets = session.send("Target.getTargets")["targetInfos"]
    (worker,) = [one for one in targets if one["type"] == "service_worker" and browser.id in one["url"]]
    session.send("Target.closeTarget", {"targetId": worker["targetId"]})
    session.detach()


def test_a_list_is_worked_through_although_the_worker_dies(browser: Chromium, site: DemoSite, tmp_path: Path) -> None:
    good = [f"{site.url}/harbour/list-{at}" for at in range(8)]
    missing, unreachable = f"{site.url}/missing", f"http://127.0.0.1:{free_port()}/"
    lines = ["url;who", *(f"{url};x" for url in [*good[:3], missing, good[0], unreachable, *good[3:]]), "ftp://no.test/;y"]
    (tmp_path / "list.csv").write_text("\n".join(lines), "utf-8")
    before = ids(browser)
    page = browser.context.new_page()
    page.goto(f"chrome-extension://{browser.id}/ui/batch.html")
    page.set_input_files("#file", tmp_path / "list.csv")
    wait_for(lambda: "10 addresses, 1 repeated" in page.inner_text("#list-found"), 5, lambda: page.inner_text("#list-found"))
    assert "Line 13" in page.inner_text("#list-errors")
    page.fill("#delay", "1")
    page.fill("#host-delay", "1")
    page.click("#start")
    working = 'tr[data-result="working"]'
    page.wait_for_selector(f"{working}:nth-child(2)")
    page.wait_for_timeout(700)  # into the middle of it; wherever that is, all below holds
    assert page.evaluate("chrome.alarms.get('batch')"), "what wakes the next worker when nobody does"
    stop_worker(browser)
    page.reload()  # somebody looks how far it is
    done = 'tr[data-result="sealed"], tr[data-result="failed"]'
    wait_for(lambda: page.locator(done).count() == 10, 150, lambda: page.inner_text("#run"))
    with page.expect_download() as download:
        page.click("#download")
    rows = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text("utf-8-sig"))))
    results = {row["url"]: row for row in rows}
    assert [results[url]["result"] for url in [*good, missing]] == ["sealed"] * 9
    assert (results[missing]["http_status"], results[unreachable]["result"], results[unreachable]["capture_id"]) == (
        "404",
        "failed",
        "",
    )
    assert results[unreachable]["reason"] == "The browser could not load it."
    new = [item for item in browser.items() if item["captureId"] not in before]
    assert sorted(item["captureId"] for item in new) == sorted(row["capture_id"] for row in rows if row["capture_id"])
    stated = statement(new[0])["predicate"]
    assert (stated["trigger"], stated["viewport"]["shotBy"], stated["mode"]) == ("list", "debugger", "as_seen")
    alarm = "chrome.alarms.get('batch').then((alarm) => alarm ?? null)"
    wait_for(lambda: page.evaluate(alarm) is None, 15, lambda: "it still wakes a worker, with nothing left to do")
    wait_for(lambda: not any(one.url.startswith(site.url) for one in browser.context.pages), 15, lambda: "its tabs stay open")
    page.close()


def test_a_listed_site_is_captured_once_while_browsing(browser: Chromium, site: DemoSite) -> None:
    badge = "async () => chrome.action.getBadgeText({})"
    settings = browser.context.new_page()
    settings.goto(f"chrome-extension://{browser.id}/ui/batch.html")
    assert browser.worker().evaluate(badge) == ""
    settings.check("#auto-on")
    settings.fill("#auto-patterns", "127.0.0.1/harbour/auto")
    settings.click("#auto-save")
    wait_for(lambda: browser.worker().evaluate(badge) == "A", 5, lambda: "no badge")
    before = ids(browser)
    page = browser.open(f"{site.url}/harbour/auto-1")
    item = sealed(browser, before)
    assert statement(item)["predicate"]["trigger"] == "site_list"
    mark = site.log.settle()
    page.reload()
    page.goto(f"{site.url}/harbour/other")
    site.log.settle()
    assert ids(browser) - before == {item["captureId"]}, "the same address not again, other addresses not at all"
    settings.uncheck("#auto-on")
    settings.click("#auto-save")
    wait_for(lambda: browser.worker().evaluate(badge) == "", 5, lambda: "the badge stays")
    page.goto(f"{site.url}/harbour/auto-2")
    site.log.settle()
    assert ids(browser) - before == {item["captureId"]} and site.log.since(mark)
    page.close()
    settings.close()


def test_a_list_goes_on_after_the_browser_was_killed(browser: Chromium, site: DemoSite) -> None:
    before = ids(browser)
    page = browser.context.new_page()
    page.goto(f"chrome-extension://{browser.id}/ui/batch.html")
    page.fill("#urls", "\n".join(f"{site.url}/harbour/killed-{at}" for at in range(3)))
    page.fill("#delay", "1")
    page.fill("#host-delay", "1")
    page.click("#start")
    page.wait_for_selector('tr[data-result="working"]:nth-child(2)')
    page.wait_for_timeout(500)  # into the middle of it; wherever that is, all below holds
    browser.kill()
    browser.start()
    wait_for(lambda: len(ids(browser) - before) == 3, 60, lambda: f"{len(ids(browser) - before)} captured")
    page = browser.context.new_page()
    page.goto(f"chrome-extension://{browser.id}/ui/batch.html")
    wait_for(lambda: "Finished. 3 of 3 done" in page.inner_text("#run"), 15, lambda: page.inner_text("#run"))
    assert len(ids(browser) - before) == 3, "none twice"
