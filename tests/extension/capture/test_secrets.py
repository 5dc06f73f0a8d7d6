"""Secrets planted all over a page are in no byte of its archive."""

import io
import json
import zipfile

import pytest

from tests.extension.capture.browser import CaptureBrowser, Captured, mark_of_original
from tests.extension.capture.oddsite import COOKIE_CANARY, CSRF_CANARY, PARTS, TOKEN_CANARY, OddSite

pytestmark = pytest.mark.browser


def capture_account(browser: CaptureBrowser, site: OddSite, **options: object) -> Captured:
    page = browser.open(f"{site.url}/account?token={TOKEN_CANARY}#access_token={TOKEN_CANARY}")
    site.log.settle()
    mark = site.log.mark()
    captured = browser.click(page, **options)
    page.close()
    site.log.settle()
    assert site.log.asked(mark) == []
    return captured


def every_byte(captured: Captured) -> bytes:
    """The archive's files, and its records unpacked, with soft line breaks of the mail format taken out."""
    with zipfile.ZipFile(io.BytesIO(captured.files["page.wacz"])) as archive:
        files = b"".join(archive.read(name) for name in archive.namelist() if not name.endswith(".gz"))
    records = b""
    for record in captured.records:
        head = json.dumps([record.uri, record.headers, record.status_line, record.http]).encode()
        records += head + record.body.replace(b"=\r\n", b"").replace(b"=3D", b"=")
    return files + records + json.dumps(captured.result).encode()


@pytest.mark.parametrize("granted", ["granted_nothing", "granted_all"])
def test_no_planted_secret_is_in_any_byte(granted: str, site: OddSite, request: pytest.FixtureRequest) -> None:
    captured = capture_account(request.getfixturevalue(granted), site)
    everything = every_byte(captured)
    for name, canary in PARTS.items():
        for spelling in (canary, canary.replace("/", "%2F").replace("+", "%2B").replace("=", "%3D"), canary.replace("/", "\\/")):
            assert spelling.encode() not in everything, name
    assert b"holdstill-redacted-" in everything
    assert captured.result["secrets"] == {"kept": False, "removed": len(captured.pageinfo["secrets"])}
    assert captured.result["secrets"]["removed"] >= 8
    assert "csrf-token" in " ".join(part["name"] for part in captured.pageinfo["secrets"])


def test_a_body_that_lost_a_secret_is_not_claimed_and_names_what_it_was(granted_all: CaptureBrowser, site: OddSite) -> None:
    captured = capture_account(granted_all, site)
    changed = {
        entry["url"].split("/")[-1].split("?")[0]: entry
        for entry in captured.pageinfo["resources"]
        if "originalHmacSha256" in entry
    }
    assert set(changed) == {"account", "talkative.js"}
    sent = {entry.sha256 for entry in site.log.sent}
    for entry in changed.values():
        assert entry["source"] == "generated"
        assert entry["exact"] is False
        assert entry["originalHmacSha256"] in set(map(mark_of_original, sent))
        assert not sent & set(map(str, entry.values())), "a plain hash of the body would let anybody try out a short secret"
        assert entry["sha256"] not in sent


def test_a_secret_header_leaves_its_name_and_an_hmac(granted_all: CaptureBrowser, site: OddSite) -> None:
    captured = capture_account(granted_all, site)
    headers = [header for record in captured.records for header in record.http]
    assert not {"cookie", "set-cookie"} & {name.lower() for name, _value in headers}
    removed = {value.split(";")[0] for name, value in headers if name == "X-Holdstill-Redacted"}
    assert removed == {"cookie", "set-cookie"}


def test_who_keeps_secrets_gets_them_and_the_result_says_so(granted_all: CaptureBrowser, site: OddSite) -> None:
    captured = capture_account(granted_all, site, keepSecrets=True)
    assert captured.result["secrets"] == {"kept": True, "removed": 0}
    assert COOKIE_CANARY.encode() in every_byte(captured)
    assert CSRF_CANARY in "".join(captured.generated("dom"))


@pytest.mark.parametrize("claim", ['"resources":[', '","omitted"', "http:", "Odd page, seen by everyone"])
def test_a_page_cannot_stop_its_capture_or_erase_its_words_by_calling_them_secret(
    claim: str, granted_all: CaptureBrowser, site: OddSite
) -> None:
    page = granted_all.open(f"{site.url}/offline")
    page.evaluate(
        """(claim) => {
          const field = Object.assign(document.createElement("input"), {type: "hidden", name: "csrf"});
          field.setAttribute("value", claim);
          document.title = claim;
          document.body.append(field, claim);
        }""",
        claim,
    )
    captured = granted_all.click(page)
    page.close()
    assert captured.result["page"]["url"] == f"{site.url}/offline"
    assert captured.result["page"]["title"] == claim
    assert captured.pageinfo["url"] == f"{site.url}/offline"
    assert isinstance(captured.pageinfo["resources"], list)
    assert claim in captured.generated("text")[0]
