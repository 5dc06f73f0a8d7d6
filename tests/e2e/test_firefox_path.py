"""The path of a capture in a real Firefox: consent once, nothing asked of the site, the true bytes, a valid bundle."""

import base64
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from PIL import Image, ImageChops

from tests.e2e import journey
from tests.e2e.firefox import Firefox
from tests.e2e.journey import Captured
from tests.e2e.site import SESSION_SECRET, DemoSite
from tests.e2e.stack import Stack
from tests.extension.capture.browser import Record, read_records, sha256

pytestmark = [pytest.mark.browser, pytest.mark.live]
BIN = Path(sys.executable).parent
Folders = pytest.TempPathFactory


@pytest.fixture(scope="module")
def firefox(stack: Stack, tmp_path_factory: Folders) -> Iterator[Firefox]:
    """A Firefox with the extension, paired with the service, its person's consent given."""
    with Firefox(tmp_path_factory.mktemp("firefox")) as started:
        started.pair(stack.url, stack.pairing_code())
        stack.wait_for_stamped_checkpoint(started.token)
        yield started


@pytest.fixture(scope="module")
def unarmed(firefox: Firefox, site: DemoSite) -> Captured:
    """A capture before the consent, which is then given for everything that follows."""
    done = journey.capture(firefox, site, site.article)
    firefox.consent()
    return done


@pytest.fixture(scope="module")
def captured(firefox: Firefox, site: DemoSite, stack: Stack, unarmed: Captured) -> Captured:
    done = journey.capture(firefox, site, site.article)
    stack.wait_for_stamp(firefox.token, done.capture_id)
    return done


@pytest.fixture(scope="module")
def bag(stack: Stack, captured: Captured, firefox: Firefox, tmp_path_factory: Folders) -> Path:
    """The bundle unpacked, after `holdstill verify` called it VALID."""
    folder = tmp_path_factory.mktemp("firefox-bundle")
    bundle = stack.export_bundle(captured.capture_id, folder / "evidence.zip")
    policy = journey.write_policy(stack, firefox, folder / "policy.toml")
    report = json.loads(stack.cli("verify", bundle, "--policy", policy, "--json"))
    assert report["verdict"] == "VALID"
    with zipfile.ZipFile(bundle) as packed:
        packed.extractall(folder / "bag")
    return folder / "bag"


@pytest.fixture(scope="module")
def files(bag: Path, captured: Captured) -> Path:
    return bag / "data" / "captures" / captured.capture_id


def records_of(wacz: Path) -> list[Record]:
    with zipfile.ZipFile(wacz) as packed:
        return list(read_records(packed.read("archive/data.warc.gz")))


def share_that_differs(left: Image.Image, right: Image.Image) -> float:
    """Of the pixels, 0 to 1: those that differ by more than what another tiling does to a smoothed edge."""
    assert left.size == right.size
    histogram = ImageChops.difference(left, right).convert("L").histogram()
    return sum(histogram[3:]) / sum(histogram)


def pageinfo_of(records: list[Record]) -> dict[str, Any]:
    (info,) = [record for record in records if record.uri.startswith("urn:pageinfo:")]
    return dict(json.loads(info.body))


@pytest.fixture(scope="module")
def records(files: Path) -> list[Record]:
    return records_of(files / "page.wacz")


def test_the_site_is_asked_for_nothing_during_the_capture(captured: Captured, unarmed: Captured) -> None:
    assert captured.requests == [] and unarmed.requests == []


def test_every_body_the_site_sent_is_in_the_archive_byte_for_byte(
    records: list[Record], captured: Captured, site: DemoSite
) -> None:
    kept = {(record.uri, sha256(record.body)) for record in records if record.type == "response"}
    sent = {(answer.url, answer.sha256) for answer in captured.loaded if not answer.url.endswith("/pictures/icon")}
    assert len(sent) > 15
    assert sent - kept == set()
    claimed = [record for record in records if record.metadata.get("source") == "live_stream"]
    assert {record.uri for record in claimed} >= {url for url, _hash in sent}
    ever = site.log.bodies()  # an icon may have come out of the browser's cache
    assert [record.uri for record in claimed if sha256(record.body) not in ever[record.uri]] == []


def test_the_frame_of_another_host_is_there_with_what_it_loaded(records: list[Record], site: DemoSite) -> None:
    by_uri = {record.uri: record for record in records if record.type == "response"}
    assert {f"{site.frame_url}/{name}" for name in ("notice", "notice.css", "pictures/poster")} <= set(by_uri)
    text = next(record for record in records if record.uri == f"urn:text:{site.frame_url}/notice").body.decode()
    assert "They spent your bridge on a boat" in " ".join(text.split())


def test_the_account_is_complete_and_says_how_the_page_was_read(records: list[Record], captured: Captured, files: Path) -> None:
    info = pageinfo_of(records)
    told = {entry["url"] for entry in (*info["resources"], *info["omitted"])}
    assert {answer.url for answer in captured.loaded if not answer.url.endswith("/pictures/icon")} <= told
    assert all(gap["reason"] for gap in info["omitted"])
    assert [step for step in info["steps"] if step["outcome"] == "FAILED"] == []
    assert (info["mode"], info["method"]) == ("as_seen", "webRequest.filterResponseData")


def test_no_secret_of_the_person_leaves_the_browser(records: list[Record], bag: Path) -> None:
    stored = b"".join(path.read_bytes() for path in bag.rglob("*") if path.is_file())
    assert SESSION_SECRET.encode() not in stored
    unpacked = [record.uri for record in records if SESSION_SECRET in f"{record.http}{record.body.decode('latin-1')}"]
    assert unpacked == []
    assert any(("X-Holdstill-Redacted" in dict(record.http)) for record in records)


def test_the_full_page_shot_is_the_page_and_the_viewport_shot_its_part_on_screen(
    firefox: Firefox, captured: Captured, files: Path
) -> None:
    viewport = Image.open(files / "screenshot.viewport.png").convert("RGB")
    full = Image.open(files / "screenshot.full.png").convert("RGB")
    size = firefox.evaluate(captured.page, "return [document.documentElement.scrollWidth, document.documentElement.scrollHeight]")  # type: ignore[arg-type]
    assert list(full.size) == size and full.height > viewport.height
    on_screen = (0, 0, full.width, viewport.height)
    assert share_that_differs(full.crop(on_screen), viewport.crop(on_screen)) < 0.001
    reference = firefox.marionette.call("WebDriver:TakeScreenshot", full=True, hash=False)
    drawn = Image.open(io.BytesIO(base64.b64decode(reference))).convert("RGB")
    assert share_that_differs(drawn, full) == 0


def test_the_tools_of_web_archiving_accept_the_page(files: Path, tmp_path: Path) -> None:
    for command in (
        [BIN / "wacz", "validate", "-f", files / "page.wacz"],
        [BIN / "warcio", "check", tmp_path / "archive/data.warc.gz"],
    ):
        with zipfile.ZipFile(files / "page.wacz") as packed:
            packed.extract("archive/data.warc.gz", tmp_path)
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)
        assert done.returncode == 0, done.stdout + done.stderr


def test_without_consent_nothing_was_kept_and_the_account_says_so(
    stack: Stack, firefox: Firefox, unarmed: Captured, site: DemoSite, tmp_path: Path
) -> None:
    for name in ("screenshot.full.png", "page.wacz"):
        address = f"{stack.url}/api/v1/captures/{unarmed.capture_id}/artifacts/{name}"
        answer = httpx2.get(address, headers={"Authorization": f"Bearer {firefox.token}"}, timeout=30)
        (tmp_path / name).write_bytes(answer.raise_for_status().content)
    records = records_of(tmp_path / "page.wacz")
    info = pageinfo_of(records)
    assert info["resources"] == [] and info["method"] == "dom_only"
    (document,) = [gap for gap in info["omitted"] if gap["url"] == site.article]
    assert document["reason"] == "consent to keep what pages load was not given"
    assert any("Night ferry to run all winter" in record.body.decode() for record in records if record.uri.startswith("urn:dom:"))


def test_the_shortcut_captures_too(firefox: Firefox, captured: Captured) -> None:
    before = {item["captureId"] for item in firefox.items()}
    firefox.press_shortcut(captured.page)  # type: ignore[arg-type]
    firefox.wait_for_item(lambda item: item["captureId"] not in before and item["state"] == "sealed")
