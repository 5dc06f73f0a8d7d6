"""The form that pairs: what a person types is never mixed with what the page fills in, and new keys are accepted for once."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from server.trust.keys import Ed25519Signer
from tests.e2e.chromium import Chromium
from tests.extension.ui.conftest import BadService
from tests.extension.ui.pages import opened

pytestmark = pytest.mark.browser

ORIGIN = "form.example/log"
KNOWN = "http://127.0.0.1:23456"
PUT_PAIRING = """async (pairing) => {
  const opening = indexedDB.open("holdstill", 1);
  const database = await new Promise((resolve) => { opening.onsuccess = () => resolve(opening.result); });
  const transaction = database.transaction("pairing", "readwrite");
  if (pairing === null) transaction.objectStore("pairing").clear();
  else transaction.objectStore("pairing").put(pairing, "current");
  await new Promise((resolve) => { transaction.oncomplete = resolve; });
  database.close();
}"""
# The database of a slow machine: what it read of the pairing is told when the test says so.
SLOW_DATABASE = """
const told = new Promise((resolve) => { globalThis.tell = resolve; });
const get = IDBObjectStore.prototype.get;
IDBObjectStore.prototype.get = function (...key) {
  const real = get.apply(this, key);
  if (this.name !== "pairing") return real;
  return { get result() { return real.result; }, set onerror(then) { real.onerror = then; },
    set onsuccess(then) { real.onsuccess = () => void told.then(then); } };
};"""


@pytest.fixture
def known(options: Page) -> Iterator[Page]:
    """The options page of a browser that is paired with the service at KNOWN."""
    expect(options.locator("#pair-status")).not_to_be_empty()
    pairing = {
        "serverUrl": KNOWN,
        **{"origin": ORIGIN, "logVkey": "l", "serviceVkey": "s", "deviceId": "d", "token": "t", "keyId": "k", "label": "Browser"},
        **{"pairedAt": "2026-01-02T03:04:05.000Z", "revokedAt": None},
    }
    options.evaluate(PUT_PAIRING, pairing)
    yield options
    options.evaluate(PUT_PAIRING, None)


def keys() -> dict[str, Any]:
    """What a service answers that has keys of its own."""
    log, service = Ed25519Signer.generate(ORIGIN), Ed25519Signer.generate(f"{ORIGIN}/service")
    return {"device_id": "d", "token": "t", "origin": ORIGIN, "log_vkey": log.vkey, "service_vkey": service.vkey}


def test_nobody_types_into_a_form_that_the_page_has_still_to_fill(browser: Chromium, known: Page) -> None:
    """Filled in while someone types, the known address came before theirs in the same field, and their label was gone."""
    for page in opened(browser, "queue.html"):
        page.add_init_script(SLOW_DATABASE)
        page.goto(known.url)
        expect(page.locator("#build")).not_to_be_empty()
        expect(page.locator("#pair-form :disabled")).to_have_count(5)
        expect(page.locator("#pair-form :enabled")).to_have_count(0)
        page.evaluate("tell()")
        expect(page.locator("#server-url")).to_have_value(KNOWN)
        page.fill("#server-url", "http://evidence.example")
        page.fill("#device-label", "Newsroom")
        page.fill("#pairing-code", "CODE")
        page.click("#pair")
        expect(page.locator("#pair-status")).to_contain_text("Use https://")
        typed = [page.input_value(field) for field in ("#server-url", "#device-label", "#pairing-code")]
        assert typed == ["http://evidence.example", "Newsroom", "CODE"]


def test_other_keys_are_accepted_once_not_for_ever(known: Page, service: BadService) -> None:
    def pair(says: str) -> None:
        known.fill("#pairing-code", "CODE")
        known.click("#pair")
        expect(known.locator("#pair-status")).to_contain_text(says)

    known.fill("#server-url", service.url)
    service.answer = (201, keys())
    pair("other log keys")
    known.check("#accept-new-keys")
    pair("Paired with")
    expect(known.locator("#pinned-log")).to_have_text(str(service.answer[1]["log_vkey"]))
    service.answer = (201, keys())
    pair("other log keys")
    expect(known.locator("#accept-new-keys")).not_to_be_checked()


def test_a_pairing_that_the_browser_cannot_keep_is_said(options: Page) -> None:
    """The disk is full, or the database is not to be had: the page said "pairing" for ever."""
    expect(options.locator("#pair")).to_be_enabled()
    options.evaluate("() => { indexedDB.open = () => { throw new DOMException('full', 'QuotaExceededError'); }; }")
    options.fill("#server-url", "http://127.0.0.1:1")
    options.fill("#pairing-code", "CODE")
    options.click("#pair")
    expect(options.locator("#pair-status")).to_contain_text("could not be kept in this browser")
    expect(options.locator("#pair")).to_be_enabled()
