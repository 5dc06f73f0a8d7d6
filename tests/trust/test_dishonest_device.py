"""Statements that no enrolled device signed as they stand, and page archives whose own signature is not about them."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import zipfile

import pytest

from server.trust import dsse, events, note
from tests.simulator import PNG, Device, Files, SimCapture, World
from tests.trust.archive import make_wacz, make_warc, stored_zip
from tests.trust.conftest import Judge, assert_refused, failed_steps


def test_signature_of_another_device_under_this_key_id_is_refused(world: World, device: Device, judge: Judge) -> None:
    taken = world.capture(device)
    envelope = json.loads(taken.statement)
    other = json.loads(dsse.sign_envelope(dsse.parse_envelope(taken.statement).payload, Device()))
    envelope["signatures"][0]["sig"] = other["signatures"][0]["sig"]
    path = f"{taken.folder}/statement.dsse.json"
    report = judge(world.export([taken], edit_data=lambda data: data.update({path: json.dumps(envelope).encode()})))
    assert_refused(report, 4, path, "does not verify")


def test_key_that_was_never_enrolled_is_refused(world: World, judge: Judge) -> None:
    taken = world.capture(Device())
    report = judge(world.export([taken]))
    assert_refused(report, 4, f"{taken.folder}/statement.dsse.json", "which no event in the bundle enrols")


def test_key_enrolled_after_the_capture_is_refused(world: World, judge: Judge) -> None:
    late = Device()
    taken = world.capture(late)
    world.enrol(late)
    report = judge(world.export([taken]))
    assert_refused(report, 4, f"data/devices/{late.key_id}/events/0000.dsse.json", "not enrolled before")
    assert failed_steps(report) == {4}


def test_key_revoked_before_the_capture_is_refused(world: World, device: Device, judge: Judge) -> None:
    world.enrol(device, "key.revoked")
    report = judge(world.export([world.capture(device)]))
    assert_refused(report, 4, f"data/devices/{device.key_id}/events/0001.dsse.json", "revoked before")
    assert failed_steps(report) == {4}


def test_revocation_left_out_of_the_bundle_is_refused(world: World, device: Device, judge: Judge) -> None:
    """The export names the device chain's true head, so a chain without its last event does not end there."""
    world.enrol(device, "key.revoked")
    taken = world.capture(device)
    chain = world.chains[f"device:{device.key_id}"]

    def hide(data: Files) -> None:
        del data[f"data/devices/{device.key_id}/events/0001.dsse.json"]

    def head(details: dict[str, object]) -> None:
        details["devices"] = [{"keyId": device.key_id, "seq": 1, "head": hashlib.sha256(chain[-1]).hexdigest()}]

    report = judge(world.export([taken], edit_data=hide, edit_details=head))
    assert_refused(report, 6, f"data/devices/{device.key_id}", "does not end at")


def test_enrolment_that_carries_another_key_is_refused(world: World, judge: Judge) -> None:
    """The chain is named after one key, the event in it gives another one, and that other one signs."""
    honest, hidden = Device(), Device()
    chain = events.device_item(honest.key_id)
    details: dict[str, object] = {"keyId": honest.key_id, "publicKey": note.format_base64(hidden.spki_der), "operator": "urn:x"}
    world.record(events.NewEvent("key.enrolled", chain, "device.spki.der", honest.key_id, "urn:x", "operator", "", details))
    hidden.key_id, hidden.spki_der = honest.key_id, honest.spki_der
    report = judge(world.export([world.capture(hidden)]))
    assert_refused(report, 4, f"data/devices/{honest.key_id}/events/0000.dsse.json", "not the key of its chain")


def test_statement_in_the_folder_of_another_capture_is_refused(world: World, device: Device, judge: Judge) -> None:
    taken, other = world.capture(device), world.capture(device, note="other")
    path = f"{other.folder}/statement.dsse.json"
    report = judge(world.export([taken, other], edit_data=lambda data: data.update({path: taken.statement})))
    assert_refused(report, 4, path, "not of its folder")


def test_file_that_the_statement_does_not_name_is_refused(world: World, device: Device, judge: Judge) -> None:
    taken = world.capture(device)
    path = f"{taken.folder}/screenshot.full.png"
    report = judge(world.export([taken], edit_data=lambda data: data.update({path: PNG})))
    assert_refused(report, 4, path, "does not name this file")
    assert failed_steps(report) == {4}


def test_stated_size_that_is_not_the_files_is_refused(world: World, device: Device, judge: Judge) -> None:
    taken = world.capture(device, artifacts={"upload.0.bin": b"four"})
    payload = json.loads(dsse.parse_envelope(taken.statement).payload)
    payload["subject"][0]["annotations"]["sizeBytes"] = 5
    data = json.dumps(payload).encode()
    lying = SimCapture(hashlib.sha256(data).hexdigest(), device, dsse.sign_envelope(data, device), taken.artifacts, None)
    world.record_capture(lying, "capture.committed", {"captureId": lying.capture_id, "deviceKeyId": device.key_id})
    assert_refused(judge(world.export([lying])), 4, f"{lying.folder}/upload.0.bin", "size")


def archive_parts(wacz: bytes) -> Files:
    with zipfile.ZipFile(io.BytesIO(wacz)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def with_archive(world: World, device: Device, files: Files) -> SimCapture:
    return world.capture(device, artifacts={"page.wacz": stored_zip(files)})


@pytest.fixture
def parts(device: Device) -> Files:
    return archive_parts(make_wacz(device.sign_page_digest))


def test_wacz_signature_transplanted_from_another_archive_is_refused(
    world: World, device: Device, parts: Files, judge: Judge
) -> None:
    donor = json.loads(archive_parts(make_wacz(device.sign_page_digest, body=b"<h1>Another</h1>"))["datapackage-digest.json"])
    digest = json.loads(parts["datapackage-digest.json"])
    parts["datapackage-digest.json"] = json.dumps({**digest, "signedData": donor["signedData"]}).encode()
    taken = with_archive(world, device, parts)
    report = judge(world.export([taken]))
    assert_refused(report, 5, f"{taken.folder}/page.wacz", "over another archive")
    assert failed_steps(report) == {5}


def test_wacz_signature_of_another_hash_under_this_one_is_refused(
    world: World, device: Device, parts: Files, judge: Judge
) -> None:
    digest = json.loads(parts["datapackage-digest.json"])
    digest["signedData"]["signature"] = device.sign_page_digest("sha256:" + "00" * 32)["signature"]
    parts["datapackage-digest.json"] = json.dumps(digest).encode()
    taken = with_archive(world, device, parts)
    assert_refused(judge(world.export([taken])), 5, f"{taken.folder}/page.wacz", "does not verify")


def test_wacz_signed_by_another_key_is_refused(world: World, device: Device, judge: Judge) -> None:
    taken = world.capture(device, artifacts={"page.wacz": make_wacz(Device().sign_page_digest)})
    assert_refused(judge(world.export([taken])), 5, f"{taken.folder}/page.wacz", "another key than the statement")


def test_wacz_digest_of_another_datapackage_is_refused(world: World, device: Device, parts: Files, judge: Judge) -> None:
    parts["datapackage.json"] = parts["datapackage.json"].replace(b"simulator", b"Simulator")
    taken = with_archive(world, device, parts)
    assert_refused(judge(world.export([taken])), 5, f"{taken.folder}/page.wacz", "does not name the SHA-256")


@pytest.mark.parametrize("name", ["archive/evil.warc", "evil"])
def test_wacz_with_an_undeclared_file_is_refused(world: World, device: Device, judge: Judge, name: str) -> None:
    wacz = make_wacz(device.sign_page_digest, undeclared={name: gzip.decompress(make_warc(b"x")) if "warc" in name else b"x"})
    taken = world.capture(device, artifacts={"page.wacz": wacz})
    report = judge(world.export([taken]))
    assert_refused(report, 5, f"{taken.folder}/page.wacz", f"{name}: not declared")


def test_wacz_with_a_missing_file_is_refused(world: World, device: Device, parts: Files, judge: Judge) -> None:
    del parts["pages/pages.jsonl"]
    taken = with_archive(world, device, parts)
    assert_refused(judge(world.export([taken])), 5, f"{taken.folder}/page.wacz", "pages/pages.jsonl: missing")


def test_wacz_with_a_changed_record_is_refused(world: World, device: Device, judge: Judge) -> None:
    """The datapackage fits the changed WARC; the record's own digest does not."""
    body = b"<h1>A story</h1>"
    changed = gzip.compress(gzip.decompress(make_warc(body)).replace(b"A story", b"B story"), mtime=0)
    wacz = make_wacz(device.sign_page_digest, warc=changed)
    taken = world.capture(device, artifacts={"page.wacz": wacz})
    report = judge(world.export([taken]))
    assert_refused(report, 5, f"{taken.folder}/page.wacz", "digest does not match")
    assert failed_steps(report) == {5}


def test_wacz_that_is_no_zip_is_refused(world: World, device: Device, judge: Judge) -> None:
    taken = world.capture(device, artifacts={"page.wacz": b"not a zip"})
    assert_refused(judge(world.export([taken])), 5, f"{taken.folder}/page.wacz")
