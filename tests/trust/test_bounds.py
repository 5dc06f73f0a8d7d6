"""What a bundle may hold, what a stamp can mean, and whom a policy may name: limits that a forger would like wider."""

from __future__ import annotations

import hashlib
import itertools
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from server.trust.dsse import parse_envelope
from server.trust.errors import VerificationError
from server.trust.events import capture_item, parse_event
from server.trust.policy import format_policy, parse_policy
from server.trust.report import Outcome, Verdict
from server.trust.timestamp import claimed_span, span_of, verify_timestamp
from tests.simulator import Device, Files, World, fix_manifests
from tests.trust.authority import Authority
from tests.trust.conftest import Judge, assert_refused, failed_steps

DATA = b"holdstill.example/log\n1\n"
ELSEWHERE = {
    "origin": "elsewhere.example/log",
    "treeSize": 7,
    "checkpointSha256": "ab" * 32,
    "timestamps": [{"tsa": "alpha", "sha256": "cd" * 32}],
}


@pytest.mark.parametrize(
    "name",
    ["custody-report.pdf", "proofs/report.html", "manifest-sha512.txt", "fetch.txt", "metadata/findings.jsonl",
     "data/report.html", "trust/report.pdf", "proofs/checkpoint.a_b.tsr", "trust/tsa-alpha.pem.html"],
)  # fmt: skip
def test_file_that_nobody_signed_and_no_format_names_is_refused(world: World, device: Device, judge: Judge, name: str) -> None:
    files = world.export([world.capture(device)])
    files[name] = b"a forged report"
    report = judge(fix_manifests(files))
    assert_refused(report, 2, name, "no file of this name")
    assert failed_steps(report) <= {2, 3}


def test_stamps_that_contradict_each_other_over_one_checkpoint_are_refused(
    world: World, device: Device, judge: Judge, authorities: dict[str, Authority]
) -> None:
    """One dishonest authority of two could otherwise move "not after" back alone."""
    taken, alpha = world.capture(device, not_before="offline"), authorities["alpha"]
    for path in (f"proofs/{taken.capture_id}.checkpoint", "proofs/checkpoint"):

        def forge(proofs: Files, path: str = path) -> None:
            back = datetime.now(UTC) - timedelta(minutes=30)
            proofs[f"{path}.alpha.tsr"] = alpha.resign(alpha.info_of(proofs[path]), at=back)

        report = judge(world.export([taken], edit_proofs=forge))
        assert_refused(report, 8, path, "alpha says")
        assert "beta says" in report.to_text() and failed_steps(report) == {8}


def test_a_token_is_backdated_whatever_bytes_the_hash_of_its_data_has(authorities: dict[str, Authority]) -> None:
    """Tag and length of a time stand in one SHA-256 of 2,000: there these tests' forger once wrote the time into the hash."""
    alpha, back = authorities["alpha"], datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    made = (b"data %d" % number for number in itertools.count())
    data = next(one for one in made if b"\x18\x0f" in hashlib.sha256(one).digest())
    assert claimed_span(alpha.resign(alpha.info_of(data), at=back)).earliest == back - timedelta(seconds=1)


def test_bracket_holds_the_moments_that_a_cut_off_second_and_the_accuracy_allow(
    world: World, device: Device, judge: Judge, authorities: dict[str, Authority]
) -> None:
    at = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
    second, half = timedelta(seconds=1), timedelta(seconds=0.5)
    assert (span_of(at, 0).earliest, span_of(at, 0).latest) == (at, at + second)
    assert (span_of(at + half, 0.25).earliest, span_of(at + half, 0.25).latest) == (at + half / 2, at + half + half / 2)
    assert span_of(at, 3).latest == at + 3 * second and span_of(at, 3).earliest == at - 3 * second
    assert span_of(at, 0).apart(span_of(at + 61 * second, 0)) == 60 * second
    token = authorities["alpha"].stamp(DATA)
    verified = verify_timestamp(token, DATA, authorities["alpha"].anchors)
    assert claimed_span(token) == verified.span and verified.accuracy_s == 1
    taken = world.capture(device)
    committed = parse_event(parse_envelope(world.chains[capture_item(taken.capture_id)][0]).payload).time
    summary = judge(world.export([taken])).captures[0]
    assert summary.not_before is not None and summary.not_after is not None
    assert summary.not_before < committed < summary.not_after, "a stamp made in the same second is not before the event"


def test_statement_that_names_a_checkpoint_the_service_does_not_hold_spoils_nothing(
    world: World, device: Device, judge: Judge
) -> None:
    good, foreign = world.capture(device), world.capture(device, not_before="offline", notBefore=ELSEWHERE)
    report = judge(world.export([good, foreign]))
    assert report.verdict is Verdict.VALID, report.to_text()
    bounds = {summary.capture_id: summary.not_before for summary in report.captures}
    assert bounds[foreign.capture_id] is None and bounds[good.capture_id] is not None
    assert [check.path for check in report.of_step(9) if check.outcome is Outcome.NOT_CHECKED] == [
        f"{foreign.folder}/notbefore.checkpoint"
    ]


def test_whatever_is_wrong_with_a_token_is_said_and_never_a_crash(authorities: dict[str, Authority]) -> None:
    alpha = authorities["alpha"]
    token = alpha.stamp(DATA)
    version = bytes.fromhex("a003020102")
    tokens = [token.replace(version, bytes.fromhex("a0030201") + bytes([other])) for other in (0, 3, 5, 255)]
    dice = random.Random(1)
    for _ in range(1500):
        changed = bytearray(token)
        for _ in range(dice.choice((1, 1, 2, 4))):
            changed[dice.randrange(len(changed))] = dice.randrange(256)
        tokens.append(bytes(changed))
    readers: tuple[Callable[[bytes], object], ...] = (
        lambda given: verify_timestamp(given, DATA, alpha.anchors),
        claimed_span,
    )
    refused = 0
    for given in tokens:
        for read in readers:
            try:
                read(given)
            except VerificationError:
                refused += 1
    assert refused > 500


def test_report_on_a_token_that_makes_the_parser_panic(world: World, device: Device, judge: Judge) -> None:
    def edit(proofs: Files) -> None:
        token = proofs["proofs/checkpoint.alpha.tsr"]
        proofs["proofs/checkpoint.alpha.tsr"] = token.replace(bytes.fromhex("a003020102"), bytes.fromhex("a003020105"))

    report = judge(world.export([world.capture(device)], edit_proofs=edit))
    assert_refused(report, 8, "proofs/checkpoint.alpha.tsr")


def test_report_never_speaks_of_witnesses_that_the_policy_does_not_ask_for(world: World, device: Device, judge: Judge) -> None:
    policy = replace(world.policy, log=replace(world.policy.log, witnesses=(), quorum=0))
    text = judge(world.export([world.capture(device)]), policy).to_text()
    assert "no witness required by the policy" in text and "signed and witnessed" not in text
    assert "signed and witnessed" in judge(world.export([world.capture(device)])).to_text()


def test_report_says_that_left_out_later_events_are_not_excluded(world: World, device: Device, judge: Judge) -> None:
    world.enrol(device, "key.revoked")
    text = judge(world.export([world.capture(device)])).to_text()
    assert "later events, revocations included, which the service left out" in text


def test_policy_gives_no_key_two_roles(world: World) -> None:
    text = format_policy(world.policy)
    log, service, witness = str(world.policy.log.log), world.service.vkey, str(world.policy.log.witnesses[0])
    assert parse_policy(text) == world.policy
    with pytest.raises(VerificationError, match="two roles"):
        parse_policy(text.replace(service, log))
    with pytest.raises(VerificationError, match="two roles"):
        parse_policy(text.replace(f'"{service}"', f'"{service}", "{service}"'))
    from server.trust.note import COSIGNATURE_V1, VerifierKey

    twin = str(VerifierKey("twin", COSIGNATURE_V1, world.policy.log.log.public))
    with pytest.raises(VerificationError, match="two roles"):
        parse_policy(text.replace(witness, twin))
