"""Checks: opinions with reasons. What fails says why, what breaks says NOT_CHECKED, and evidence is never touched by either."""

import io
import random
import struct
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PIL import Image

from server.captures.checks import runner as module
from server.captures.previews import UnreadableImage, make_preview, make_thumbnail, read_image_facts
from storage.errors import StorageError
from tests.services.stage import HeldClock
from tests.trust.archive import make_wacz
from tests.trust.parties import Device as Keys
from tests.web.site import Device, Site, open_site, picture, settings_of


@pytest.fixture
async def site(database_url: str, tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(settings_of(tmp_path, database_url), clock=HeldClock()) as running:
        yield running


async def checked(device: Device, artifacts: dict[str, bytes], **changes: object) -> dict[tuple[str, str], tuple[str, str]]:
    """(check, file) → (outcome, reason) after a capture of these artifacts."""
    capture_id = await device.capture(artifacts, **changes)
    services = device.site.services
    assert await services.captures.checks.run(capture_id) == 1
    assert await services.captures.checks.run(capture_id) == 0, "a repeated job records nothing twice"
    answer = (await device.site.http.get(f"/api/v1/captures/{capture_id}", headers=device.headers)).json()
    for name, data in artifacts.items():
        stored = await device.site.http.get(f"/api/v1/captures/{capture_id}/artifacts/{name}", headers=device.headers)
        assert stored.content == data, "a check never alters evidence"
    await device.site.sound()
    return {(one["name"], one["subject"]): (one["outcome"], one["reason"]) for one in answer["checks"]}


async def test_an_honest_capture_passes_every_check(site: Site) -> None:
    device = await site.pair()
    found = await checked(device, device.artifacts())
    passed = {name for (name, _), (outcome, _) in found.items() if outcome == "PASSED"}
    about_the_file = {"clock", "page_archive", "page_archive_signature", "page_archive_digests", "page_archive_dates", "image"}
    assert passed >= about_the_file | {"screenshot_size"}, found
    others = {outcome: reason for (name, _), (outcome, reason) in found.items() if name not in passed}
    assert set(others) <= {"NOT_CHECKED"} and all(others.values()), "this archive holds neither a page's text nor its account"


async def test_an_archive_signed_by_another_key_fails(site: Site) -> None:
    device = await site.pair()
    found = await checked(device, {"page.wacz": make_wacz(Keys().sign_page_digest)})
    assert found["page_archive_signature", "page.wacz"] == ("FAILED", "signed by another key than the device's")
    assert found["page_archive", "page.wacz"][0] == "PASSED"


async def test_an_archive_without_a_signature_is_not_checked_and_not_passed(site: Site) -> None:
    device = await site.pair()
    found = await checked(device, {"page.wacz": make_wacz(None)})
    assert found["page_archive_signature", "page.wacz"] == ("NOT_CHECKED", "the archive carries no signature")


async def test_a_smuggled_file_in_the_archive_fails_by_name(site: Site) -> None:
    device = await site.pair()
    wacz = make_wacz(device.keys.sign_page_digest, undeclared={"archive/extra.txt": b"hidden"})
    outcome, reason = (await checked(device, {"page.wacz": wacz}))["page_archive", "page.wacz"]
    assert outcome == "FAILED" and "archive/extra.txt" in reason


async def test_records_younger_than_the_capture_fail(site: Site) -> None:
    device = await site.pair()
    site.clock.time = site.clock.time.replace(year=2025)
    found = await checked(device, device.artifacts(), capturedAt="2025-03-04T05:06:07.000Z")
    outcome, reason = found["page_archive_dates", "page.wacz"]
    assert outcome == "FAILED" and "after the capture" in reason


async def test_records_older_than_a_recording_fail_but_not_those_of_a_page_as_seen(site: Site) -> None:
    device = await site.pair()
    late = "2026-03-01T00:00:00.000Z"
    recorded = await checked(device, device.artifacts(), mode="recorded", capturedAt=late)
    as_seen = await checked(device, device.artifacts(body=b"2"), mode="as_seen", capturedAt=late)
    assert recorded["page_archive_dates", "page.wacz"][0] == "FAILED"
    assert as_seen["page_archive_dates", "page.wacz"][0] == "PASSED"


async def test_a_clock_far_off_fails_and_an_unmeasured_one_is_not_checked(site: Site) -> None:
    device = await site.pair()
    off = {"offsetMs": 90_000, "roundTripMs": 40, "measuredAt": "2026-01-02T03:04:00.000Z"}
    assert (await checked(device, {"upload.0.bin": b"1"}, clock=off))["clock", ""][0] == "FAILED"
    offline = await device.commit(await device.statement({"upload.0.bin": b"1"}, online=False))
    capture_id = offline.json()["capture_id"]
    await device.seal(capture_id)
    await site.services.captures.checks.run(capture_id)
    answer = (await site.http.get(f"/api/v1/captures/{capture_id}", headers=device.headers)).json()
    assert answer["checks"][0]["outcome"] == "NOT_CHECKED"


@pytest.mark.parametrize("name", ["page.wacz", "screenshot.viewport.png"])
async def test_garbage_is_kept_sealed_and_called_garbage(site: Site, name: str) -> None:
    device = await site.pair()
    found = await checked(device, {name: random.Random(name).randbytes(5000)})
    check = "page_archive" if name == "page.wacz" else "image"
    assert found[check, name][0] == "FAILED"
    assert "PASSED" not in {outcome for (check, _), (outcome, _) in found.items() if check != "clock"}


async def test_a_check_that_breaks_is_not_checked_and_the_others_go_on(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("secret page content")

    monkeypatch.setattr(module, "check_signature", broken)
    device = await site.pair()
    found = await checked(device, device.artifacts())
    assert found["page_archive_signature", "page.wacz"] == ("NOT_CHECKED", "the check broke (RuntimeError)")
    assert found["page_archive", "page.wacz"][0] == "PASSED"


async def test_a_store_that_does_not_answer_is_not_checked(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    device = await site.pair()
    capture_id = await device.capture()
    original = site.services.blobs.open

    def silent(*_: object, **__: object) -> None:
        raise StorageError("no answer")

    monkeypatch.setattr(site.services.blobs, "open", silent)
    await site.services.captures.checks.run(capture_id)
    monkeypatch.setattr(site.services.blobs, "open", original)
    answer = (await site.http.get(f"/api/v1/captures/{capture_id}", headers=device.headers)).json()
    assert {one["outcome"] for one in answer["checks"] if one["name"] != "clock"} == {"NOT_CHECKED"}
    await site.sound()


async def test_a_picture_of_another_type_than_stated_fails(site: Site) -> None:
    device = await site.pair()
    out = io.BytesIO()
    Image.new("RGB", (30, 20)).save(out, "JPEG")
    outcome, reason = (await checked(device, {"screenshot.viewport.png": out.getvalue()}))["image", "screenshot.viewport.png"]
    assert outcome == "FAILED" and "image/jpeg" in reason


def png_claiming(width: int, height: int) -> bytes:
    """A PNG whose header claims a size and whose pixels are a few compressed zeros: a decompression bomb."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


def test_a_picture_bomb_is_refused_by_its_header() -> None:
    for size in ((100_000, 100_000), (2**31 - 1, 2**31 - 1), (20_000, 6_001)):
        for read in (read_image_facts, make_preview, make_thumbnail):
            with pytest.raises(UnreadableImage):
                read(io.BytesIO(png_claiming(*size)))


def test_any_bytes_give_facts_or_the_one_error() -> None:
    good = picture(60, 40)
    for cut in range(0, len(good), 7):
        for data in (good[:cut], good[:cut] + b"\xff" + good[cut + 1 :]):
            for read in (read_image_facts, make_thumbnail):
                try:
                    read(io.BytesIO(data))
                except UnreadableImage:
                    continue


def test_working_copies_are_small_and_of_the_right_shape() -> None:
    tall = picture(2800, 3000)
    preview, thumbnail = make_preview(io.BytesIO(tall)), make_thumbnail(io.BytesIO(tall))
    assert (preview.width, preview.height) == (1400, 1500)
    assert (thumbnail.width, thumbnail.height) == (480, 300) and len(thumbnail.data) < 60_000
    tiny = make_thumbnail(io.BytesIO(picture(10, 6)))
    assert (tiny.width, tiny.height) == (10, 6), "never larger than the picture"
