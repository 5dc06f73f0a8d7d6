"""Truth checks and import, as a person meets them: a page edited in the browser, a capture that comes as a file."""

import json
import zipfile
from pathlib import Path

import pytest

from server.trust.dsse import sign_envelope
from tests.e2e.chromium import Chromium
from tests.e2e.site import DemoSite
from tests.e2e.stack import Stack
from tests.live.device import HttpDevice, SignsStatements, until
from tests.trust.parties import statement_payload

pytestmark = [pytest.mark.browser, pytest.mark.live]
FORGE = """() => {
  const passage = [...document.querySelectorAll("article p")].find((one) => one.textContent.includes("twice the number"));
  passage.textContent = passage.textContent.replace("twice the number", "half the number");
}"""


def test_a_page_edited_in_the_browser_comes_out_failed_with_both_texts(browser: Chromium, site: DemoSite, stack: Stack) -> None:
    page = browser.open(site.article)
    site.log.settle()
    page.evaluate(FORGE)
    before = {item["captureId"] for item in browser.items()}
    browser.click_toolbar(page)
    item = browser.wait_for_item(lambda one: one["captureId"] not in before and one["state"] == "sealed", timeout_s=90)
    checks = until(lambda: stack._api(browser.token, f"captures/{item['captureId']}")["checks"], logs=lambda: "no checks")
    verdicts = {check["name"]: check for check in checks}
    assert verdicts["page_text"]["outcome"] == "FAILED"
    assert "half the number expected" in verdicts["page_text"]["reason"]
    assert "twice the number expected" in verdicts["page_text"]["reason"]
    for name in ("page_missing", "screenshot_size", "page_archive_dates", "clock"):
        assert verdicts[name]["outcome"] == "PASSED", verdicts[name]


def test_a_capture_that_was_never_sent_is_imported_from_its_file(stack: Stack, tmp_path: Path) -> None:
    device = HttpDevice(stack.url, stack.pairing_code())
    artifacts = device.make_artifacts()
    payload = statement_payload(artifacts, {"nonce": None, "notBefore": None, "clock": None})
    envelope = sign_envelope(payload, SignsStatements(device.device))
    path = tmp_path / "one.holdstill.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as packed:
        for name, data in {"statement.dsse.json": envelope, **artifacts}.items():
            packed.writestr(name, data)
    first, second = (json.loads(stack.cli("import", path, "--json")) for _ in range(2))
    assert (first["state"], first["known"], second["known"]) == ("sealed", False, True)
    assert device.read(first["capture_id"])["state"] == "sealed"
    path.write_bytes(path.read_bytes()[:-30])
    stack.cli("import", path, expect=1)
    device.close()
