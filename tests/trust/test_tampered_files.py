"""Bundles changed by somebody without the service's keys. Each is refused with the step and the file at fault."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

import pytest

from tests.simulator import PNG, Device, Files, SimCapture, World, fix_manifests, pack
from tests.trust.archive import stored_zip
from tests.trust.conftest import Judge, assert_refused, failed_steps


@pytest.fixture
def taken(world: World, device: Device) -> SimCapture:
    return world.capture(device)


@pytest.fixture
def files(world: World, taken: SimCapture) -> Files:
    return world.export([taken])


def test_one_flipped_byte_is_named(files: Files, taken: SimCapture, judge: Judge) -> None:
    packed = bytearray(pack(files))
    packed[packed.index(PNG) + 40] ^= 1
    report = judge(bytes(packed))
    assert_refused(report, 2, f"{taken.folder}/screenshot.viewport.png", "CRC")


def test_flipped_byte_with_its_crc_fixed_is_named(files: Files, taken: SimCapture, judge: Judge) -> None:
    path = f"{taken.folder}/page.wacz"
    report = judge({**files, path: files[path][:-1] + b"\x01"})
    assert_refused(report, 2, path, "SHA-256")
    assert_refused(report, 4, path, "not the one the device signed")


def test_swapped_artifact_with_fixed_manifests_is_named(files: Files, taken: SimCapture, judge: Judge) -> None:
    path = f"{taken.folder}/screenshot.viewport.png"
    report = judge(fix_manifests({**files, path: PNG + b"\x00"}))
    assert_refused(report, 4, path, "not the one the device signed")
    assert_refused(report, 3, "proofs/export.dsse.json", "another manifest")
    assert failed_steps(report) == {3, 4}


@pytest.mark.parametrize("name", ["data/captures/extra.html", "proofs/run-me.sh", "trust/more.pem", "README"])
def test_unlisted_file_is_named(files: Files, judge: Judge, name: str) -> None:
    assert_refused(judge({**files, name: b"#!/bin/sh\n"}), 2, name, "not listed")


def test_missing_file_is_named(files: Files, taken: SimCapture, judge: Judge) -> None:
    path = f"{taken.folder}/screenshot.viewport.png"
    report = judge({name: data for name, data in files.items() if name != path})
    assert_refused(report, 2, path, "missing")
    assert_refused(report, 4, path, "missing")


def test_file_listed_twice_is_refused(files: Files, judge: Judge) -> None:
    first = files["manifest-sha256.txt"].split(b"\n")[0] + b"\n"
    doubled = {**files, "manifest-sha256.txt": files["manifest-sha256.txt"] + first}
    assert_refused(judge(doubled), 2, "manifest-sha256.txt", "second time")


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil", "c:evil", "a\\evil", "data/\u202egnp.exe"])
def test_path_traversal_is_refused_before_anything_is_read(files: Files, judge: Judge, name: str) -> None:
    report = judge(stored_zip({**files, name: b"x"}))
    assert_refused(report, 1, "")
    assert failed_steps(report) == {1}


def _zip(add: Callable[[zipfile.ZipFile], None], files: Files) -> bytes:
    out = io.BytesIO(stored_zip(files))
    with zipfile.ZipFile(out, "a") as archive:
        add(archive)
    return out.getvalue()


def test_zip_bomb_is_refused_unopened(files: Files, judge: Judge) -> None:
    bomb = _zip(lambda archive: archive.writestr("data/bomb", bytes(64 << 20), zipfile.ZIP_DEFLATED), files)
    assert len(bomb) < 1 << 20
    report = judge(bomb)
    assert_refused(report, 1, "data/bomb")
    assert failed_steps(report) == {1}


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_duplicate_entry_is_refused(files: Files, judge: Judge) -> None:
    assert_refused(judge(_zip(lambda archive: archive.writestr("proofs/checkpoint", b"other"), files)), 1, "proofs/checkpoint")


def test_entry_that_differs_in_case_only_is_refused(files: Files, judge: Judge) -> None:
    assert_refused(judge(_zip(lambda archive: archive.writestr("PROOFS/checkpoint", b"other"), files)), 1, "PROOFS/checkpoint")


def test_trailing_bytes_and_truncation_are_refused(files: Files, judge: Judge) -> None:
    packed = pack(files)
    for broken in (packed + b"x", packed[:-1], packed[: len(packed) // 2], b"", b"PK\x05\x06" + bytes(18)):
        report = judge(broken)
        assert report.exit_code == 1 and failed_steps(report) <= set(range(1, 10))


def test_another_bag_version_is_refused(files: Files, judge: Judge) -> None:
    old = fix_manifests({**files, "bagit.txt": b"BagIt-Version: 0.97\nTag-File-Character-Encoding: UTF-8\n"})
    assert_refused(judge(old), 2, "bagit.txt")


def test_export_event_over_another_manifest_is_refused(world: World, device: Device, files: Files, judge: Judge) -> None:
    other = world.export([world.capture(device, note="another")])
    moved = fix_manifests({**files, **{name: data for name, data in other.items() if name.startswith("proofs/")}})
    assert_refused(judge(moved), 3, "proofs/export.dsse.json", "another manifest")


def test_removed_capture_is_refused(world: World, device: Device, taken: SimCapture, judge: Judge) -> None:
    files = world.export([taken, world.capture(device, note="second")])
    report = judge(fix_manifests({name: data for name, data in files.items() if not name.startswith(taken.folder)}))
    assert_refused(report, 6, taken.folder, "does not hold it")
    assert_refused(report, 3, "proofs/export.dsse.json", "another manifest")


def test_missing_export_event_is_refused(files: Files, judge: Judge) -> None:
    del files["proofs/export.dsse.json"]
    assert_refused(judge(fix_manifests(files)), 3, "proofs/export.dsse.json", "missing")


def test_missing_event_receipt_is_refused(files: Files, judge: Judge) -> None:
    path = next(name for name in files if name.startswith("proofs/events/"))
    report = judge(fix_manifests({name: data for name, data in files.items() if name != path}))
    assert_refused(report, 6, "/events/000", "not proved to be in the log")


def test_swapped_event_receipts_are_refused(files: Files, judge: Judge) -> None:
    one, two = [name for name in files if name.startswith("proofs/events/")][:2]
    report = judge(fix_manifests({**files, one: files[two], two: files[one]}))
    assert_refused(report, 6, "/events/000", "does not lead to the checkpoint's root")


def test_missing_checkpoint_is_refused(files: Files, judge: Judge) -> None:
    del files["proofs/checkpoint"]
    assert_refused(judge(fix_manifests(files)), 7, "proofs/checkpoint", "missing")


def test_empty_bag_is_refused(judge: Judge) -> None:
    report = judge(fix_manifests({"bagit.txt": b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"}))
    assert_refused(report, 4, "data/captures", "no capture")
