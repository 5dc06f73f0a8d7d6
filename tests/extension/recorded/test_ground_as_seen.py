"""A capture as seen of every page of the proving ground: nothing asked, true bytes, and an account that leaves nothing out."""

import pytest

from tests.e2e.proving_ground import PATHS, ProvingGround
from tests.extension.capture.browser import sha256
from tests.extension.recorded.recording import Recorded, RecordingBrowser, record

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def seen(browser: RecordingBrowser, ground: ProvingGround) -> dict[str, Recorded]:
    browser.forget(ground.url, ground.foreign_url)
    browser.wait_until_observing(f"{ground.url}/form")
    return {path: record(browser, ground, path, mode="as_seen") for path in PATHS}


def bare(url: str) -> str:
    return url.split("?access_token=")[0]


def test_nothing_is_asked_of_the_site(seen: dict[str, Recorded]) -> None:
    assert {path: [entry.url for entry in page.during] for path, page in seen.items() if page.during} == {}


def test_every_body_claimed_live_is_one_that_was_sent(seen: dict[str, Recorded]) -> None:
    count = 0
    for path, page in seen.items():
        sent = {entry.sha256 for entry in page.sent}
        for item in page.captured.records:
            if item.metadata.get("source") == "live_memory" and item.uri.startswith("http"):
                count += 1
                assert sha256(item.body) in sent or path == "/sw/page", item.uri
    assert count >= 12


def test_captured_and_omitted_are_together_what_was_asked_for(seen: dict[str, Recorded]) -> None:
    for path, page in seen.items():
        info = page.captured.pageinfo
        listed = {bare(one["url"]) for one in [*info["resources"], *info["omitted"]]}
        asked = {bare(entry.url) for entry in page.sent}
        icon = {url for url in asked | listed if url.endswith("/favicon.ico")}
        made = {f"{page.captured.result['page']['url'].removesuffix('/page')}/made.json"} if path == "/sw/page" else set()
        assert asked - listed - icon == set(), path
        assert listed - asked - icon - made == set(), path
        assert all(one["reason"] for one in info["omitted"])
