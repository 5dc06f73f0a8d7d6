"""Bundles made by somebody who holds the service's and the log's keys: history rewritten, events dropped, chains cut.

What he does not hold is the witness's key and the timestamping authorities'. Everything else in these bundles fits.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from server.exports.layout import StampedCheckpoint
from server.trust import dsse, keys
from tests.simulator import Device, Files, SimCapture, World, fix_manifests
from tests.trust.conftest import Judge, assert_refused, failed_steps, resigned
from tests.trust.parties import SimLog, statement_payload


@pytest.fixture
def taken(world: World, device: Device) -> SimCapture:
    taken = world.capture(device)
    world.record_capture(taken, "capture.viewed", {})
    return taken


def test_forked_log_without_witness_is_refused(tmp_path: Path, world: World, judge: Judge) -> None:
    fork = World(tmp_path / "fork", world.authorities, keys_of=world, witnessed=False)
    device = Device()
    fork.enrol(device)
    report = judge(fork.export([fork.capture(device)]))
    assert_refused(report, 7, "proofs/checkpoint", "0 of the policy's witnesses")
    assert failed_steps(report) == {7}


def test_forked_log_with_a_witness_of_the_same_name_is_refused(tmp_path: Path, world: World, judge: Judge) -> None:
    fork = World(tmp_path / "fork", world.authorities, keys_of=world)
    assert fork.witness.name == world.witness.name
    device = Device()
    fork.enrol(device)
    assert_refused(judge(fork.export([fork.capture(device)])), 7, "proofs/checkpoint", "0 of the policy's witnesses")


def test_checkpoint_signed_again_without_witness_is_refused(
    tmp_path: Path, world: World, taken: SimCapture, judge: Judge
) -> None:
    """The checkpoint is replaced by one of a log that holds one leaf more, signed by the log's own key."""

    def sign_again(proofs: Files) -> None:
        world.log.append(b"\x00" * 32)
        proofs["proofs/checkpoint"] = world.log.checkpoint()

    report = judge(world.export([taken], edit_proofs=sign_again))
    assert_refused(report, 7, "proofs/checkpoint", "it may be a fork")
    assert_refused(report, 6, "/events/0000", "another checkpoint")


def test_checkpoint_signed_by_another_log_key_is_refused(world: World, taken: SimCapture, judge: Judge) -> None:
    def sign_otherwise(proofs: Files) -> None:
        other = keys.LogSigner.generate(world.log.signer.name)
        mine, world.log.signer = world.log.signer, other
        proofs["proofs/checkpoint"] = world.publish()
        world.log.signer = mine

    assert_refused(judge(world.export([taken], edit_proofs=sign_otherwise)), 7, "proofs/checkpoint", "no signature by")


def test_backdated_event_is_refused(world: World, taken: SimCapture, judge: Judge) -> None:
    path = f"{taken.folder}/events/0002.dsse.json"

    def backdate(data: Files) -> None:
        data[path] = resigned(world, data[path], time="2020-01-01T00:00:00.000Z")

    report = judge(world.export([taken], edit_data=backdate))
    assert_refused(report, 6, path, "not proved to be in the log")
    assert failed_steps(report) == {6}


def test_commit_backdated_with_the_whole_chain_signed_again_is_refused(world: World, taken: SimCapture, judge: Judge) -> None:
    def backdate(data: Files) -> None:
        prev = None
        for seq in range(3):
            path = f"{taken.folder}/events/{seq:04d}.dsse.json"
            data[path] = resigned(world, data[path], time="2020-01-01T00:00:00.000Z", prev=prev)
            prev = hashlib.sha256(data[path]).hexdigest()

    report = judge(world.export([taken], edit_data=backdate))
    for seq in range(3):
        assert_refused(report, 6, f"/events/{seq:04d}.dsse.json", "not proved to be in the log")


def test_dropped_event_is_refused(world: World, taken: SimCapture, judge: Judge) -> None:
    path = f"{taken.folder}/events/0001.dsse.json"
    report = judge(world.export([taken], edit_data=lambda data: data.__delitem__(path)))
    assert_refused(report, 6, path, "missing from its chain")


def test_dropped_event_with_the_rest_renumbered_is_refused(world: World, taken: SimCapture, judge: Judge) -> None:
    first, second = (f"{taken.folder}/events/{seq:04d}.dsse.json" for seq in (1, 2))

    def drop(data: Files) -> None:
        data[first] = data.pop(second)

    report = judge(world.export([taken], edit_data=drop))
    assert_refused(report, 6, first, "number 2 of its chain")


def test_dropped_seal_is_refused(world: World, device: Device, judge: Judge) -> None:
    taken = world.capture(device, seal=False)
    assert_refused(judge(world.export([taken])), 6, taken.folder, "never sealed")


def test_chain_cut_after_the_export_was_signed_is_refused(world: World, taken: SimCapture, judge: Judge) -> None:
    files = world.export([taken])
    del files[f"{taken.folder}/events/0002.dsse.json"]
    report = judge(fix_manifests(files))
    assert_refused(report, 6, taken.folder, "does not end at the event the export names")
    assert_refused(report, 3, "proofs/export.dsse.json")


def test_chain_shorter_than_the_export_says_is_refused(world: World, taken: SimCapture, judge: Judge) -> None:
    head = world.chains[f"capture:{taken.capture_id}"][-1]

    def cut(data: Files) -> None:
        del data[f"{taken.folder}/events/0002.dsse.json"]

    def keep(details: dict[str, object]) -> None:
        details["captures"] = [{"captureId": taken.capture_id, "seq": 2, "head": hashlib.sha256(head).hexdigest()}]

    report = judge(world.export([taken], edit_data=cut, edit_details=keep))
    assert_refused(report, 6, taken.folder, "does not end at the event the export names (number 2)")
    assert failed_steps(report) == {6}


def without_last_leaf(log: SimLog) -> SimLog:
    rebuilt = SimLog(log.signer)
    for leaf in log.leaves[:-1]:
        rebuilt.append(leaf)
    return rebuilt


def test_export_logged_before_an_event_that_it_exports_is_refused(world: World, taken: SimCapture, judge: Judge) -> None:
    late = hashlib.sha256(world.record_capture(taken, "capture.viewed", {})).digest()
    world.log = without_last_leaf(world.log)
    honest = world.stamped

    def stamped() -> StampedCheckpoint:
        world.log.append(late)
        return honest()

    world.stamped = stamped  # type: ignore[method-assign]
    report = judge(world.export([taken]))
    assert_refused(report, 6, "proofs/export.tlog-proof", "before an event that it exports")
    assert failed_steps(report) == {6}


def test_events_logged_in_another_order_are_refused(world: World, taken: SimCapture, judge: Judge) -> None:
    """A viewing that is logged only after what follows it in the chain."""
    late = world.record_capture(taken, "capture.viewed", {})
    world.log = without_last_leaf(world.log)
    world.record_capture(taken, "capture.downloaded", {})
    world.log.append(hashlib.sha256(late).digest())
    assert_refused(judge(world.export([taken])), 6, "/events/0004.dsse.json", "before the one it follows")


def test_capture_named_by_the_export_but_withheld_is_refused(
    world: World, device: Device, taken: SimCapture, judge: Judge
) -> None:
    ghost = "ab" * 32

    def name(details: dict[str, object]) -> None:
        listed = details["captures"]
        assert isinstance(listed, list)
        listed.append({"captureId": ghost, "seq": 0, "head": ghost})

    assert_refused(judge(world.export([taken], edit_details=name)), 6, f"data/captures/{ghost}", "does not hold it")


def test_capture_that_the_export_does_not_name_is_refused(world: World, taken: SimCapture, judge: Judge) -> None:
    report = judge(world.export([taken], edit_details=lambda details: details.update(captures=[])))
    assert_refused(report, 6, taken.folder, "does not name this chain")


def test_event_of_another_capture_is_refused(world: World, device: Device, taken: SimCapture, judge: Judge) -> None:
    other = world.capture(device, note="other")
    path = f"{taken.folder}/events/0002.dsse.json"
    report = judge(
        world.export([taken], edit_data=lambda data: data.update({path: world.chains[f"capture:{other.capture_id}"][1]}))
    )
    assert_refused(report, 6, path, "belongs to")


def test_sealed_artifacts_other_than_stated_are_refused(world: World, device: Device, judge: Judge) -> None:
    taken = world.capture(device, seal=False)
    listed = [{"name": "page.wacz", "sha256": "00" * 32, "sizeBytes": 1}]
    world.record_capture(taken, "capture.sealed", {"captureId": taken.capture_id, "artifacts": listed})
    assert_refused(judge(world.export([taken])), 6, "/events/0001.dsse.json", "other artifacts were sealed")


def test_event_signed_by_an_unknown_service_key_is_refused(world: World, taken: SimCapture, judge: Judge) -> None:
    mine, world.service = world.service, keys.ServiceSigner.generate(world.service.name)
    world.record_capture(taken, "capture.viewed", {}, at=datetime(2026, 1, 1, tzinfo=UTC))
    world.service = mine
    assert_refused(judge(world.export([taken])), 6, "/events/0003.dsse.json", "not a service key of the policy")


def test_commit_about_another_device_is_refused(world: World, device: Device, judge: Judge) -> None:
    """Another enrolled device signs the same payload: the capture id stays, the statement file does not."""
    taken, other = world.capture(device), Device()
    world.enrol(other)
    payload = dsse.parse_envelope(taken.statement).payload
    taken.device, swapped = other, dsse.sign_envelope(payload, other)
    statement = f"{taken.folder}/statement.dsse.json"
    report = judge(world.export([taken], edit_data=lambda data: data.update({statement: swapped})))
    assert_refused(report, 6, "/events/0000.dsse.json", "another subject")
    assert_refused(report, 6, "/events/0000.dsse.json", "another capture or device")


def test_statement_rewritten_by_the_service_is_refused(world: World, taken: SimCapture, judge: Judge) -> None:
    """The service changes the URL and signs in the device's place."""
    statement = f"{taken.folder}/statement.dsse.json"
    payload = statement_payload(taken.artifacts, {"url": "https://elsewhere.example/", "notBefore": None})
    forged = dsse.sign_envelope(payload, world.service)
    report = judge(world.export([taken], edit_data=lambda data: data.update({statement: forged})))
    assert_refused(report, 4, statement, "which no event in the bundle enrols")
