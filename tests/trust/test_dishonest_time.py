"""Timestamps that are forged, about other bytes, or about another checkpoint than the one that is bounded by them."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from server.exports.layout import StampedCheckpoint
from server.trust.errors import VerificationError
from server.trust.report import Outcome
from server.trust.timestamp import TsaAnchors, timestamp_request, verify_timestamp
from tests.simulator import Device, Files, SimCapture, World
from tests.trust.authority import Authority, twin_of
from tests.trust.conftest import Judge, assert_refused, failed_steps

DATA = b"holdstill.example/log\n1\n"


@pytest.fixture
def taken(world: World, device: Device) -> SimCapture:
    return world.capture(device)


def judge_with_head_token(world: World, taken: SimCapture, judge: Judge, make: object) -> object:
    """The report on a bundle whose proofs/checkpoint.alpha.tsr is `make(checkpoint bytes)`."""

    def replace(proofs: Files) -> None:
        proofs["proofs/checkpoint.alpha.tsr"] = make(proofs["proofs/checkpoint"])  # type: ignore[operator]

    return judge(world.export([taken], edit_proofs=replace))


def test_forged_token_that_brings_its_own_anchor_is_refused(
    world: World, taken: SimCapture, judge: Judge, authorities: dict[str, Authority]
) -> None:
    evil = authorities["evil"]

    def forge(data: bytes) -> bytes:
        return evil.resign(evil.info_of(data), extra=evil.root.public_bytes(Encoding.PEM))

    report = judge_with_head_token(world, taken, judge, forge)
    assert_refused(report, 8, "proofs/checkpoint.alpha.tsr", "does not verify under alpha")  # type: ignore[arg-type]
    assert failed_steps(report) == {8}  # type: ignore[arg-type]


def test_backdated_token_of_the_captures_own_checkpoint_is_refused(
    world: World, taken: SimCapture, judge: Judge, authorities: dict[str, Authority]
) -> None:
    """The earliest stamp decides the "not after": that is where a forger aims."""
    evil, path = authorities["evil"], f"proofs/{taken.capture_id}.checkpoint"

    def forge(proofs: Files) -> None:
        proofs[f"{path}.alpha.tsr"] = evil.resign(evil.info_of(proofs[path]), at=datetime(2026, 1, 1, tzinfo=UTC))

    report = judge(world.export([taken], edit_proofs=forge))
    assert_refused(report, 8, f"{path}.alpha.tsr", "does not verify under alpha")
    assert report.captures[0].not_after is None or report.captures[0].not_after.year > 2026 - 1
    assert report.captures[0].not_after != datetime(2026, 1, 1, tzinfo=UTC)


def test_token_of_a_certificate_without_the_timestamping_purpose_is_refused(
    world: World, taken: SimCapture, judge: Judge, authorities: dict[str, Authority]
) -> None:
    report = judge_with_head_token(
        world, taken, judge, lambda data: authorities["blind"].resign(authorities["alpha"].info_of(data))
    )
    assert_refused(report, 8, "proofs/checkpoint.alpha.tsr")  # type: ignore[arg-type]


def test_purpose_borrowed_from_a_twin_certificate_is_refused(authorities: dict[str, Authority]) -> None:
    """The signer lacks the purpose; a worthless certificate of the same issuer and serial number beside it has it."""
    blind, alpha = authorities["blind"], authorities["alpha"]
    twin = twin_of(blind, authorities["evil"]).public_bytes(Encoding.PEM)
    token = blind.resign(alpha.info_of(DATA), extra=twin)
    with pytest.raises(VerificationError, match="certificates for its signer"):
        verify_timestamp(token, DATA, alpha.anchors)


def test_token_over_other_bytes_is_refused(
    world: World, taken: SimCapture, judge: Judge, authorities: dict[str, Authority]
) -> None:
    report = judge_with_head_token(world, taken, judge, lambda data: authorities["alpha"].stamp(data + b" "))
    assert_refused(report, 8, "proofs/checkpoint.alpha.tsr", "Mismatch")  # type: ignore[arg-type]


def test_token_of_another_pinned_authority_under_this_name_is_refused(
    world: World, taken: SimCapture, judge: Judge, authorities: dict[str, Authority]
) -> None:
    report = judge_with_head_token(world, taken, judge, authorities["beta"].stamp)
    assert_refused(report, 8, "proofs/checkpoint.alpha.tsr")  # type: ignore[arg-type]


def test_token_made_after_the_certificate_ended_is_refused(authorities: dict[str, Authority]) -> None:
    ended, alpha = authorities["ended"], authorities["alpha"]
    info = alpha.info_of(DATA)
    inside = ended.resign(info, at=datetime.now(UTC) - timedelta(days=600))
    assert verify_timestamp(inside, DATA, alpha.anchors).gen_time < datetime.now(UTC) - timedelta(days=599)
    for at in (datetime.now(UTC), datetime.now(UTC) - timedelta(days=1000)):
        with pytest.raises(VerificationError):
            verify_timestamp(ended.resign(info, at=at), DATA, alpha.anchors)


def test_refusal_and_modification_are_not_grants(authorities: dict[str, Authority]) -> None:
    alpha = authorities["alpha"]
    token = alpha.stamp(DATA)
    assert token.count(bytes.fromhex("3003020100")) >= 1
    for status in (1, 2, 3):
        with pytest.raises(VerificationError):
            verify_timestamp(token.replace(bytes.fromhex("3003020100"), bytes([0x30, 3, 2, 1, status]), 1), DATA, alpha.anchors)


def test_answer_to_another_request_is_refused(authorities: dict[str, Authority]) -> None:
    alpha = authorities["alpha"]
    request, other = timestamp_request(DATA), timestamp_request(DATA)
    token = alpha.stamp(DATA, request)
    assert verify_timestamp(token, DATA, alpha.anchors, request=request).tsa == "alpha"
    with pytest.raises(VerificationError, match="Nonce"):
        verify_timestamp(token, DATA, alpha.anchors, request=other)


def test_self_issued_certificate_cannot_be_pinned_as_an_intermediate(authorities: dict[str, Authority]) -> None:
    alpha, evil = authorities["alpha"], authorities["evil"]
    with pytest.raises(VerificationError, match="self-issued"):
        TsaAnchors("alpha", (alpha.root,), (evil.root,))
    with pytest.raises(VerificationError, match="not self-issued"):
        TsaAnchors("alpha", (alpha.certificate,))
    with pytest.raises(VerificationError, match="no root"):
        TsaAnchors("alpha", ())


def test_swapped_not_before_checkpoint_is_refused(world: World, taken: SimCapture, judge: Judge) -> None:
    """Another genuine stamped checkpoint of the same log in place of the one that the device named."""
    later, path = world.stamped(), f"{taken.folder}/notbefore.checkpoint"

    def swap(data: Files) -> None:
        data[path] = later.checkpoint
        data.update({f"{path}.{name}.tsr": token for name, token in later.timestamps.items()})

    report = judge(world.export([taken], edit_data=swap))
    assert_refused(report, 9, path, "not the checkpoint that the statement names")
    assert report.captures[0].not_before is None
    assert failed_steps(report) == {9}


def test_later_timestamp_over_the_named_checkpoint_is_refused(
    world: World, taken: SimCapture, judge: Judge, authorities: dict[str, Authority]
) -> None:
    """A genuine stamp, made after the capture, over the old checkpoint: it would move "not before" forward."""
    path = f"{taken.folder}/notbefore.checkpoint"
    assert taken.not_before is not None
    token = authorities["alpha"].stamp(taken.not_before.checkpoint)
    report = judge(world.export([taken], edit_data=lambda data: data.update({f"{path}.alpha.tsr": token})))
    assert_refused(report, 9, f"{path}.alpha.tsr", "does not name this timestamp")
    assert report.captures[0].not_before is None


def test_named_timestamp_that_is_missing_is_incomplete(world: World, taken: SimCapture, judge: Judge) -> None:
    def drop(data: Files) -> None:
        for name in [name for name in data if name.endswith(".tsr")]:
            del data[name]

    report = judge(world.export([taken], edit_data=drop))
    assert report.exit_code == 2 and report.outcome_of(9) is Outcome.NOT_CHECKED
    assert report.captures[0].not_before is None


def test_forged_token_that_the_statement_names_is_refused(
    world: World, device: Device, judge: Judge, authorities: dict[str, Authority]
) -> None:
    """A dishonest device names a token of its own authority."""
    challenge, evil = world.stamped(), authorities["evil"]
    forged = StampedCheckpoint(challenge.checkpoint, {"alpha": evil.stamp(challenge.checkpoint)})
    taken = world.capture(device, not_before="offline", notBefore=world.not_before(forged))
    taken.not_before = forged
    report = judge(world.export([taken]))
    assert_refused(report, 9, "notbefore.checkpoint.alpha.tsr", "does not verify under alpha")
    assert report.captures[0].not_before is None


@pytest.mark.parametrize("member", [{"treeSize": 99}, {"origin": "elsewhere.example/log"}])
def test_not_before_of_another_origin_or_size_is_refused(
    world: World, device: Device, judge: Judge, member: dict[str, object]
) -> None:
    challenge = world.stamped()
    taken = world.capture(device, not_before="offline", notBefore=world.not_before(challenge) | member)
    taken.not_before = challenge
    assert_refused(judge(world.export([taken])), 9, "notbefore.checkpoint", "another origin or size")


def test_not_before_of_a_log_that_was_rewritten_is_refused(world: World, device: Device, judge: Judge) -> None:
    """The named checkpoint is genuine, but the log of the bundle does not begin with it."""
    fork = World(world.folder / "fork", world.authorities, keys_of=world)
    for device_of_fork in (Device(), Device(), Device()):
        fork.enrol(device_of_fork)
    challenge = fork.stamped()
    taken = world.capture(device, not_before="offline", notBefore=world.not_before(challenge))
    files = world.export([taken], edit_data=lambda data: data.update(stamped_files(taken, challenge)))
    report = judge(files)
    assert_refused(report, 9, f"{taken.folder}/notbefore.checkpoint", "consistency.json does not lead")


def stamped_files(taken: SimCapture, challenge: StampedCheckpoint) -> Files:
    path = f"{taken.folder}/notbefore.checkpoint"
    return {path: challenge.checkpoint, **{f"{path}.{name}.tsr": token for name, token in challenge.timestamps.items()}}


def test_forged_consistency_proof_is_refused(world: World, taken: SimCapture, judge: Judge) -> None:
    def forge(proofs: Files) -> None:
        entries = json.loads(proofs["proofs/consistency.json"])
        for entry in entries["proofs"]:
            entry["hashes"] = [base64.b64encode(bytes(32)).decode() for _ in entry["hashes"]]
        proofs["proofs/consistency.json"] = json.dumps(entries).encode()

    report = judge(world.export([taken], edit_proofs=forge))
    assert_refused(report, 8, f"proofs/{taken.capture_id}.checkpoint", "not a beginning of the newer")
    assert_refused(report, 9, f"{taken.folder}/notbefore.checkpoint", "not a beginning of the newer")


def test_earlier_stamped_checkpoint_without_the_capture_is_refused(world: World, taken: SimCapture, judge: Judge) -> None:
    """A genuine, earlier checkpoint and stamp in place of the one that first held the capture, to move "not after" back."""
    assert taken.not_before is not None and taken.commitment is not None
    early, path = taken.not_before, f"proofs/{taken.capture_id}.checkpoint"

    def move_back(proofs: Files) -> None:
        proofs[path] = early.checkpoint
        proofs.update({f"{path}.{name}.tsr": token for name, token in early.timestamps.items()})

    report = judge(world.export([taken], edit_proofs=move_back))
    assert_refused(report, 8, f"proofs/{taken.capture_id}.tlog-proof", "another checkpoint than the stamped one")
