"""Steps 7, 8 and 9 of verify.py: the log's head, and the time bracket that outside authorities put around each capture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import combinations

from server.trust.bundle import CHECKPOINT, CONSISTENCY, EXPORT_RECEIPT, Bundle, LogHead
from server.trust.checkpoint import Checkpoint, parse_checkpoint_file, verify_checkpoint
from server.trust.errors import VerificationError
from server.trust.jsontext import Members, format_time, parse_base64, parse_json
from server.trust.merkle import verify_consistency
from server.trust.note import MAX_NOTE_BYTES
from server.trust.policy import Policy
from server.trust.receipt import MAX_RECEIPT_BYTES, parse_receipt, verify_receipt
from server.trust.report import CaptureSummary
from server.trust.statement import NotBefore
from server.trust.timestamp import MAX_TOKEN_BYTES, VerifiedTimestamp, verify_timestamp
from server.trust.verify_captures import SignedCapture
from server.trust.verify_chains import Chain

CLOCK_TOLERANCE = timedelta(seconds=5)
"""How far two authorities' clocks may contradict each other before the bracket is called impossible."""
STAMP_TOLERANCE = timedelta(seconds=60)
"""How far two authorities may lie apart over one checkpoint, beyond their own accuracy: the service asks them together."""
_MAX_CONSISTENCY_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class Anchor:
    """The head all time proofs lead to, its timestamps, and the way to it from older heads: (size, root) → hashes."""

    policy: Policy
    head: LogHead
    head_stamps: tuple[VerifiedTimestamp, ...]
    consistency: dict[tuple[int, bytes], tuple[bytes, ...]]


def read_head(bundle: Bundle) -> LogHead | None:
    """proofs/checkpoint, parsed; None (and a failure of step 7) when it cannot be."""
    try:
        note, checkpoint = parse_checkpoint_file(bundle.read(CHECKPOINT, MAX_NOTE_BYTES))
    except VerificationError as error:
        bundle.findings.failed(7, error.path or CHECKPOINT, error.reason)
        return None
    return LogHead(note.text, checkpoint)


def check_checkpoint(bundle: Bundle, head: LogHead | None) -> None:
    """Step 7. The head: this origin, the log's key, the policy's quorum of witnesses.

    Cosignatures that came after the head was stamped stand in the export's receipt, over the same text; they count too.
    """
    findings = bundle.findings
    if bundle.policy is None:
        findings.not_checked(7, CHECKPOINT, "no policy was given: the log's key and its witnesses are not known")
        return
    if head is None:
        return
    trust = bundle.policy.log
    with findings.attempt(7, CHECKPOINT):
        found = {
            c.witness for c in verify_checkpoint(bundle.read(CHECKPOINT, MAX_NOTE_BYTES), trust, need_quorum=False).cosignatures
        }
        if len(found) < trust.quorum and bundle.has(EXPORT_RECEIPT):
            copy = parse_receipt(bundle.read(EXPORT_RECEIPT, MAX_RECEIPT_BYTES)).checkpoint
            if parse_checkpoint_file(copy)[0].text == head.text:
                found |= {c.witness for c in verify_checkpoint(copy, trust, need_quorum=False).cosignatures}
        if len(found) < trust.quorum:
            raise VerificationError(
                f"{len(found)} of the policy's witnesses cosigned, {trust.quorum} must have: it may be a fork"
            )
    if trust.quorum == 0:
        findings.not_checked(7, CHECKPOINT, "the policy asks for no witness: a forked log would go unnoticed", required=False)


def read_anchor(bundle: Bundle, head: LogHead | None) -> Anchor | None:
    """What steps 8 and 9 lean on; None (recorded in step 8) without a policy or a head."""
    if bundle.policy is None or head is None:
        reason = "no policy was given" if bundle.policy is None else "there is no readable checkpoint"
        bundle.findings.not_checked(8, None, f"{reason}: no time is proved")
        bundle.findings.not_checked(9, None, f"{reason}: no time is proved")
        return None
    proofs: dict[tuple[int, bytes], tuple[bytes, ...]] = {}
    if bundle.has(CONSISTENCY):
        with bundle.findings.attempt(8, CONSISTENCY):
            proofs = parse_consistency(bundle.read(CONSISTENCY, _MAX_CONSISTENCY_BYTES))
    stamps = _timestamps(bundle, bundle.policy, 8, CHECKPOINT)
    _check_agreement(bundle, stamps, CHECKPOINT)
    return Anchor(bundle.policy, head, tuple(stamps), proofs)


def parse_consistency(data: bytes) -> dict[tuple[int, bytes], tuple[bytes, ...]]:
    """(size, root) of each older head → the hashes that lead to proofs/checkpoint. Raises: VerificationError."""
    root = Members(parse_json(data, limit_bytes=_MAX_CONSISTENCY_BYTES), "consistency")
    root.only("proofs")
    proofs = {}
    for entry in root.objects("proofs", limit=100_000):
        entry.only("fromSize", "fromRoot", "hashes")
        hashes = entry.array("hashes", limit=130)
        if not all(isinstance(value, str) for value in hashes):
            raise VerificationError("consistency hashes are base64 strings")
        old = entry.integer("fromSize"), entry.base64("fromRoot", limit_bytes=32)
        proofs[old] = tuple(parse_base64(str(value), "consistency hash") for value in hashes)
    return proofs


def check_not_after(bundle: Bundle, anchor: Anchor, capture: SignedCapture, chain: Chain) -> datetime | None:
    """Step 8. The earliest moment by which an authority had surely stamped a checkpoint that holds the capture's commit event."""
    own = f"proofs/{capture.statement.capture_id}"
    found: list[datetime] = []
    if bundle.has(f"{own}.checkpoint") or bundle.has(f"{own}.tlog-proof"):
        with bundle.findings.attempt(8, f"{own}.checkpoint"):
            checkpoint = _older_checkpoint(bundle, anchor, f"{own}.checkpoint")
            if not chain.events:
                raise VerificationError("the capture has no events")
            leaf = bytes.fromhex(chain.events[0].sha256)
            receipt = verify_receipt(_read_receipt(bundle, f"{own}.tlog-proof"), leaf, anchor.policy.log)
            if receipt.checkpoint != checkpoint:
                raise VerificationError(
                    "the receipt is against another checkpoint than the stamped one", path=f"{own}.tlog-proof"
                )
            stamps = _timestamps(bundle, anchor.policy, 8, f"{own}.checkpoint")
            _check_agreement(bundle, stamps, f"{own}.checkpoint")
            found += [stamp.span.latest for stamp in stamps]
    if chain.events and chain.events[0].sha256 in bundle.leaves:
        found += [stamp.span.latest for stamp in anchor.head_stamps]
    if not found:
        bundle.findings.not_checked(8, capture.folder, "no timestamp of a pinned authority covers the capture")
        return None
    return min(found)


def check_not_before(bundle: Bundle, anchor: Anchor, capture: SignedCapture) -> datetime | None:
    """Step 9. The latest time in a timestamp that the statement names: whoever signed that name had the timestamp in hand."""
    findings, path = bundle.findings, f"{capture.folder}/notbefore.checkpoint"
    named = capture.statement.not_before
    if named is None:
        findings.not_checked(9, capture.folder, "the statement names no earlier checkpoint (offline)", required=False)
        return None
    if not named.timestamps:
        reason = "the statement names a checkpoint but no timestamp over it, which proves no time (ADR 0003)"
        findings.not_checked(9, capture.folder, reason, required=False)
        return None
    if path not in bundle.bag.names():
        reason = "the checkpoint that the statement names is not in the bundle: no lower bound is claimed"
        findings.not_checked(9, path, reason, required=False)
        return None
    stamps: list[VerifiedTimestamp] = []
    with findings.attempt(9, path):
        _check_named_checkpoint(bundle, anchor, path, named)
        hashes = {stamp.sha256 for stamp in named.timestamps}
        for _, token in bundle.timestamps_of(path):
            if bundle.digest(token) not in hashes:
                raise VerificationError("the statement does not name this timestamp", path=token)
        stamps = _timestamps(bundle, anchor.policy, 9, path)
        if not stamps:
            findings.not_checked(9, path, "no timestamp of a pinned authority among those that the statement names")
    return max((stamp.span.earliest for stamp in stamps), default=None)


def bracket(bundle: Bundle, summary: CaptureSummary, bounds: tuple[datetime | None, datetime | None]) -> CaptureSummary:
    """The summary with its bracket; a failure of step 9 when the bounds contradict each other by more than CLOCK_TOLERANCE."""
    not_before, not_after = bounds
    if not_before is not None and not_after is not None and not_before > not_after + CLOCK_TOLERANCE:
        path = f"data/captures/{summary.capture_id}/notbefore.checkpoint"
        bundle.findings.failed(9, path, "the authorities contradict each other: not before lies after not after")
    return replace(summary, not_before=not_before, not_after=not_after)


def _check_named_checkpoint(bundle: Bundle, anchor: Anchor, path: str, named: NotBefore) -> None:
    if bundle.digest(path) != named.checkpoint_sha256:
        raise VerificationError("this is not the checkpoint that the statement names", path=path)
    checkpoint = _older_checkpoint(bundle, anchor, path)
    if checkpoint.origin != named.origin or checkpoint.size != named.tree_size:
        raise VerificationError("the statement gives the checkpoint another origin or size", path=path)


def _older_checkpoint(bundle: Bundle, anchor: Anchor, path: str) -> Checkpoint:
    """A checkpoint file signed by the trusted log and proved to be a beginning of the head. Raises: VerificationError."""
    try:
        verified = verify_checkpoint(bundle.read(path, MAX_NOTE_BYTES), anchor.policy.log, need_quorum=False).checkpoint
        head = anchor.head.checkpoint
        proof: Sequence[bytes] = ()
        if 0 < verified.size < head.size:
            proof = anchor.consistency.get((verified.size, verified.root)) or ()
            if not proof:
                raise VerificationError(f"{CONSISTENCY} does not lead from this checkpoint to {CHECKPOINT}")
        verify_consistency((verified.size, verified.root), (head.size, head.root), proof)
    except VerificationError as error:
        raise error.located(path=path) from error
    return verified


def _timestamps(bundle: Bundle, policy: Policy, step: int, path: str) -> list[VerifiedTimestamp]:
    """The timestamps over the checkpoint file at `path` that verify.

    One that claims a pinned authority and does not verify is a failure; one of an authority that the policy does not know proves
    nothing and is recorded as not checked.
    """
    data = bundle.read(path, MAX_NOTE_BYTES)
    found = []
    for name, token in bundle.timestamps_of(path):
        tsa = policy.tsa(name)
        if tsa is None:
            bundle.findings.not_checked(step, token, f"the policy pins no authority named {name}", required=False)
            continue
        with bundle.findings.attempt(step, token):
            found.append(verify_timestamp(bundle.read(token, MAX_TOKEN_BYTES), data, tsa))
    return found


def _check_agreement(bundle: Bundle, stamps: Sequence[VerifiedTimestamp], path: str) -> None:
    """A failure of step 8 for each two authorities that put one checkpoint at times that cannot both be right."""
    for one, other in combinations(stamps, 2):
        if one.span.apart(other.span) > STAMP_TOLERANCE:
            times = f"{one.tsa} says {format_time(one.gen_time)}, {other.tsa} says {format_time(other.gen_time)}"
            bundle.findings.failed(8, path, f"the authorities contradict each other over this checkpoint: {times}")


def _read_receipt(bundle: Bundle, path: str) -> bytes:
    return bundle.read(path, MAX_RECEIPT_BYTES)
