"""Bundles that must pass, and those that must be called incomplete rather than valid."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from server.exports.layout import StampedCheckpoint
from server.trust.policy import Policy, format_policy
from server.trust.report import Outcome, Verdict
from server.verifier import main
from tests.simulator import PNG, Device, World, pack
from tests.trust.archive import make_wacz
from tests.trust.authority import Authority
from tests.trust.conftest import Judge


def test_honest_bundle_is_valid_with_a_bracket_on_both_sides(world: World, device: Device, judge: Judge) -> None:
    begin = datetime.now(UTC) - timedelta(seconds=2)
    report = judge(world.export([world.capture(device), world.capture(device, note="second")]))
    assert report.verdict is Verdict.VALID and report.exit_code == 0, report.to_text()
    assert all(report.outcome_of(step) is Outcome.PASSED for step in range(1, 10))
    assert len(report.captures) == 2
    for capture in report.captures:
        assert capture.not_before is not None and capture.not_after is not None
        assert begin <= capture.not_before <= capture.not_after <= datetime.now(UTC) + timedelta(seconds=1)


def test_same_input_gives_the_same_bytes(world: World, device: Device) -> None:
    files = world.export([world.capture(device)])
    assert pack(files) == pack(dict(reversed(files.items())))


def test_without_policy_it_is_incomplete(world: World, device: Device, judge: Judge) -> None:
    report = judge(world.export([world.capture(device)]), None)
    assert report.verdict is Verdict.INCOMPLETE and report.exit_code == 2
    assert report.captures[0].not_after is None and report.captures[0].not_before is None
    assert {check.step for check in report.checks if check.outcome is Outcome.NOT_CHECKED} == {3, 6, 7, 8, 9}


def test_offline_capture_is_valid_without_a_lower_bound(world: World, device: Device, judge: Judge) -> None:
    report = judge(world.export([world.capture(device, not_before="offline", nonce=None, clock=None)]))
    assert report.verdict is Verdict.VALID, report.to_text()
    assert report.captures[0].not_before is None and report.captures[0].not_after is not None
    assert report.outcome_of(9) is Outcome.NOT_CHECKED


def test_checkpoint_named_without_timestamps_claims_no_lower_bound(world: World, device: Device, judge: Judge) -> None:
    report = judge(world.export([world.capture(device, not_before="unstamped")]))
    assert report.verdict is Verdict.VALID, report.to_text()
    assert report.captures[0].not_before is None
    assert "ADR 0003" in str(report.of_step(9)[0].reason)


def test_key_revoked_after_the_capture_changes_nothing(world: World, device: Device, judge: Judge) -> None:
    taken = world.capture(device)
    world.enrol(device, "key.revoked")
    report = judge(world.export([taken]))
    assert report.verdict is Verdict.VALID, report.to_text()


def test_key_enrolled_again_after_a_revocation_counts_from_then(world: World, device: Device, judge: Judge) -> None:
    world.enrol(device, "key.revoked")
    world.enrol(device)
    taken = world.capture(device)
    world.enrol(device, "key.revoked")
    world.enrol(device)
    report = judge(world.export([taken]))
    assert report.verdict is Verdict.VALID, report.to_text()


def test_archive_without_a_signature_of_its_own_is_said(world: World, device: Device, judge: Judge) -> None:
    report = judge(world.export([world.capture(device, artifacts={"page.wacz": make_wacz(None)})]))
    assert report.verdict is Verdict.VALID, report.to_text()
    assert "carries no signature of its own" in report.to_text()


def test_capture_without_a_page_archive_is_valid(world: World, device: Device, judge: Judge) -> None:
    taken = world.capture(device, artifacts={"screenshot.viewport.png": PNG, "image.1.png": PNG + b"x", "upload.0.tar.gz": b""})
    report = judge(world.export([taken]))
    assert report.verdict is Verdict.VALID, report.to_text()
    assert report.outcome_of(5) is Outcome.NOT_CHECKED


def test_later_custody_events_are_part_of_the_chain(world: World, device: Device, judge: Judge) -> None:
    taken = world.capture(device)
    world.record_capture(taken, "capture.viewed", {})
    world.record_capture(taken, "capture.invented_later", {"unknown": [1, None, {"a": "b"}]})
    assert judge(world.export([taken])).verdict is Verdict.VALID


def test_no_timestamp_of_a_pinned_authority_is_incomplete(world: World, device: Device, judge: Judge) -> None:
    unknown = Policy(world.policy.log, world.policy.services, ())
    report = judge(world.export([world.capture(device)]), unknown)
    assert report.verdict is Verdict.INCOMPLETE
    assert report.captures[0].not_after is None and report.captures[0].not_before is None


def test_one_pinned_authority_of_two_is_enough(world: World, device: Device, judge: Judge) -> None:
    policy = Policy(world.policy.log, world.policy.services, world.policy.tsas[:1])
    report = judge(world.export([world.capture(device)]), policy)
    assert report.verdict is Verdict.VALID, report.to_text()
    assert report.captures[0].not_before is not None


def test_cosignature_that_came_after_the_stamp_counts(world: World, device: Device, judge: Judge) -> None:
    taken = world.capture(device)
    bare: dict[str, bytes] = {}

    def uncosign(proofs: dict[str, bytes]) -> None:
        file = proofs["proofs/checkpoint"].split("\u2014 witness".encode())[0]
        bare.update(
            {"proofs/checkpoint": file, **{f"proofs/checkpoint.{n}.tsr": a.stamp(file) for n, a in world.authorities.items()}}
        )
        proofs.update(bare)

    report = judge(world.export([taken], edit_proofs=uncosign))
    assert b"witness" not in bare["proofs/checkpoint"]
    assert report.verdict is Verdict.VALID, report.to_text()


def test_token_of_an_authority_whose_certificate_has_ended_since_still_counts(
    world: World, device: Device, judge: Judge, authorities: dict[str, Authority]
) -> None:
    taken, past = world.capture(device), datetime.now(UTC).replace(microsecond=0) - timedelta(days=600)
    assert taken.commitment is not None and taken.not_before is not None
    file = taken.commitment.stamped.checkpoint
    token = authorities["ended"].resign(authorities["alpha"].info_of(file), at=past)
    taken.commitment = type(taken.commitment)(taken.commitment.receipt, StampedCheckpoint(file, {"ended": token}))
    world.authorities["ended"] = authorities["ended"]
    head_only = world.authorities
    world.authorities = {"alpha": authorities["alpha"]}
    files = world.export([taken])
    world.authorities = head_only
    report = judge(files)
    assert report.captures[0].not_after == past + timedelta(seconds=1), "its second may be cut off"
    assert [c.reason for c in report.checks if c.outcome is Outcome.FAILED] == [
        "the authorities contradict each other: not before lies after not after"
    ]


def test_command_prints_the_verdict_and_ends_with_its_code(
    world: World, device: Device, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle, policy = tmp_path / "b.zip", tmp_path / "policy.toml"
    bundle.write_bytes(pack(world.export([world.capture(device, url="https://news.example/\u202etxt.\x1b[2J")])))
    policy.write_text(format_policy(world.policy))
    assert main([str(bundle), "--policy", str(policy)]) == 0
    text = capsys.readouterr().out
    assert text.startswith("VALID") and "NOT proved" in text
    assert "\u202e" not in text and "\x1b" not in text and "\\u{202e}" in text
    assert main([str(bundle), "--policy", str(policy), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["verdict"] == "VALID" and found["captures"][0]["not_after"].endswith("Z")
    assert main([str(bundle)]) == 2
    assert main([str(tmp_path / "absent.zip"), "--policy", str(policy)]) == 2
    policy.write_text("origin = 1")
    assert main([str(bundle), "--policy", str(policy)]) == 2
    bundle.write_bytes(b"not a zip")
    policy.write_text(format_policy(world.policy))
    assert main([str(bundle), "--policy", str(policy)]) == 1
