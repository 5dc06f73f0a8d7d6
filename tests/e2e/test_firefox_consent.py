"""Consent and its limits in Firefox; HTTPS; a browser that is left alone."""

import base64
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from tests.e2e.firefox import Firefox
from tests.e2e.firefox_captures import capture, document_gap, open_page
from tests.e2e.proving_ground import ProvingGround
from tests.e2e.securepage import SecurePage

pytestmark = pytest.mark.browser
Folders = pytest.TempPathFactory
IDLE_MS = 22_000
TRUST = """
  const certificates = Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB);
  certificates.addCertFromBase64(args[0], "CT,,");"""


@pytest.fixture(scope="module")
def site() -> Iterator[ProvingGround]:
    with ProvingGround() as running:
        yield running


@pytest.fixture(scope="module")
def firefox(tmp_path_factory: Folders) -> Iterator[Firefox]:
    """Its background page is ended sooner than usual when it idles: 22 s instead of 30."""
    prefs = {"extensions.background.idle.timeout": IDLE_MS}
    with Firefox(tmp_path_factory.mktemp("firefox-modes"), prefs=prefs) as started:
        yield started


def test_a_page_loaded_before_the_consent_says_so(firefox: Firefox, site: ProvingGround) -> None:
    page = open_page(firefox, f"{site.url}/forged")
    firefox.consent()
    captured = capture(firefox, page)
    firefox.close(page)
    assert document_gap(captured, page.url) == "consent was given after this page had loaded"
    assert captured.bodies == set() and captured.statement["method"] == "dom_only"


def test_the_lists_of_sites_are_kept_to(firefox: Firefox, site: ProvingGround) -> None:
    firefox.consent(sites="only", hosts="localhost")
    outside = open_page(firefox, f"{site.url}/components")  # a page of 127.0.0.1 with a frame of localhost
    captured = capture(firefox, outside)
    firefox.close(outside)
    assert captured.bodies == set()
    assert document_gap(captured, outside.url) == "this site is not among those whose pages are kept"
    inside = open_page(firefox, f"{site.foreign_url}/forged")
    assert inside.url in {url for url, _hash in capture(firefox, inside).bodies}
    firefox.close(inside)
    firefox.consent()


def test_a_spared_site_is_not_kept_and_every_other_is(firefox: Firefox, site: ProvingGround) -> None:
    firefox.consent(sites="except", hosts="localhost")
    spared = open_page(firefox, f"{site.foreign_url}/forged")
    captured = capture(firefox, spared)
    firefox.close(spared)
    assert captured.bodies == set()
    assert document_gap(captured, spared.url) == "this site is not among those whose pages are kept"
    other = open_page(firefox, f"{site.url}/forged")
    assert other.url in {url for url, _hash in capture(firefox, other).bodies}
    firefox.close(other)
    firefox.consent()


def test_a_full_buffer_gives_up_what_came_first_and_says_so(firefox: Firefox, site: ProvingGround) -> None:
    firefox.consent(megabytes=8)
    page = open_page(firefox, f"{site.url}/forged")
    for number in range(4):
        read = f'return (await (await fetch("/big.bin?mb=3&n={number}")).arrayBuffer()).byteLength'
        assert firefox.evaluate(page, read) == 3 << 20
    captured = capture(firefox, page)
    firefox.close(page)
    firefox.consent()
    kept = {
        record.uri.rsplit("=", 1)[1]: len(record.body) for record in captured.records if "/big.bin" in record.uri and record.body
    }
    given_up = {gap["url"].rsplit("=", 1)[1]: gap["reason"] for gap in captured.info["omitted"] if "/big.bin" in gap["url"]}
    assert kept == {"2": 3 << 20, "3": 3 << 20}
    assert given_up == dict.fromkeys("01", "evicted from the buffer: 8 MB")
    assert page.url in {url for url, _hash in captured.bodies}  # the document is the last to go


def test_nothing_of_a_private_window_is_kept_even_where_the_extension_is_let_in(site: ProvingGround, tmp_path: Path) -> None:
    with Firefox(tmp_path / "profile", is_let_into_private=True) as firefox:
        firefox.consent()
        page = open_page(firefox, f"{site.url}/components", in_private=True)
        captured = capture(firefox, page)
        firefox.close(page)
    assert captured.bodies == set() and captured.info["resources"] == []
    assert document_gap(captured, page.url) == "a window of private browsing: nothing that it loads is kept"
    assert captured.statement["method"] == "dom_only"


def test_consent_taken_back_empties_the_buffer_at_once(firefox: Firefox, site: ProvingGround) -> None:
    page = open_page(firefox, f"{site.url}/forged")
    firefox.withdraw()
    captured = capture(firefox, page)
    firefox.close(page)
    assert captured.bodies == set()
    assert document_gap(captured, page.url) == "consent to keep what pages load was not given"


def test_what_is_kept_outlives_a_browser_left_alone(firefox: Firefox, site: ProvingGround) -> None:
    """The background page is ended after 22 s without work here, and its memory with it, unless it has something to keep."""
    firefox.consent()
    mark = site.log.mark()
    page = open_page(firefox, f"{site.url}/forged")
    time.sleep(IDLE_MS / 1000 + 6)
    captured = capture(firefox, page)
    firefox.close(page)
    sent = {(one.url, one.sha256) for one in site.exchanges(mark) if not one.url.endswith("/favicon.ico")}
    assert sent and sent <= captured.bodies


def test_the_certificates_of_the_connection_are_kept_as_the_browser_accepted_them(firefox: Firefox, tmp_path: Path) -> None:
    firefox.consent()
    with SecurePage(tmp_path) as secure:
        firefox.marionette.run(TRUST, base64.b64encode(secure.chain[1]).decode(), chrome=True)
        page = open_page(firefox, secure.url)
        captured = capture(firefox, page)
        firefox.close(page)
    (record,) = [record for record in captured.records if record.uri.startswith("urn:certificates:")]
    kept = [one.public_bytes(serialization.Encoding.DER) for one in x509.load_pem_x509_certificates(record.body)]
    assert kept == secure.chain
    assert page.url in {url for url, _hash in captured.bodies}
