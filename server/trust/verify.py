"""Verifies a bundle, offline, against a policy from outside it. The numbers are those of the paragraphs below.

 1. The container is safe to open: entries, bytes, ratio, names. (Done by whoever opens the bag; see server/verifier.py.)
 2. Every file is listed exactly once with its SHA-256, and none is unlisted.
 3. The export event is signed by the service and covers this manifest.
 4. Each statement: the device's signature, its key enrolled and not revoked before it by log order, the artifacts' digests.
 5. Each page archive: complete, its digests right, `signedData.hash` == the digest == SHA-256(datapackage.json), same device.
 6. Each custody chain: contiguous, linked, ending where the export says; every event proved to be a leaf of the log.
 7. The checkpoint: origin, log key, quorum of witnesses.
 8. Timestamps over it (granted, imprint, pinned roots, purpose, chain at their own time) → not after.
 9. The stamped checkpoint each statement names, if it is there, consistent with the log → not before.
10. The report: every layer PASSED, FAILED or NOT_CHECKED, the bracket, and what is not proved.

A step that fails does not stop the others: a reader wants all that is wrong. Nothing but VerificationError is raised inside, and
every one becomes a finding.
"""

from __future__ import annotations

from server.trust.bundle import Bag, Bundle, InspectWacz
from server.trust.policy import Policy
from server.trust.report import CaptureSummary, Report
from server.trust.verify_captures import SignedCapture, check_archives, check_custody_of, check_key_order, check_statements
from server.trust.verify_chains import check_chains, check_export, load_custody
from server.trust.verify_files import check_files
from server.trust.verify_time import bracket, check_checkpoint, check_not_after, check_not_before, read_anchor, read_head


def verify_bundle(bag: Bag, policy: Policy | None, inspect_wacz: InspectWacz) -> Report:
    """The report on an opened bag. Without a policy the verdict is at best INCOMPLETE: nothing is signed by anyone known.

    Cost: every file is hashed once, page archives are read a second time for their inner digests.
    """
    bundle = Bundle(bag, policy)

    # 1. The bag is open: whoever opened it refused unsafe names, sizes and ratios.
    bundle.findings.passed(1)

    # 2. Files against manifests; the digests are kept for all later comparisons.
    check_files(bundle)

    # 3. The export event over the manifest.
    export = check_export(bundle)

    # 4. Statements and their artifacts (key order follows after step 6, when the places in the log are known).
    custody = load_custody(bundle)
    captures = check_statements(bundle, custody)

    # 5. Page archives.
    check_archives(bundle, captures, inspect_wacz)

    # 6. Custody chains, and the place of every event in the log.
    head = read_head(bundle)
    check_chains(bundle, custody, export, head)
    check_custody_of(bundle, custody, captures)

    # 4, concluded: enrolled before, not revoked before, by log order.
    check_key_order(bundle, custody, captures)

    # 7. The checkpoint that all of this leads to.
    check_checkpoint(bundle, head)

    # 8 and 9. The time bracket of each capture.
    anchor = read_anchor(bundle, head)
    summaries = []
    for capture in captures:
        summary = _summary(capture)
        if anchor is not None:
            chain = custody.captures[capture.statement.capture_id]
            not_after = check_not_after(bundle, anchor, capture, chain)
            not_before = check_not_before(bundle, anchor, capture)
            summary = bracket(bundle, summary, (not_before, not_after))
        summaries.append(summary)

    # 10. The report.
    words = None if policy is None else f"log {policy.log.origin}, {policy.log.quorum} of {len(policy.log.witnesses)} witnesses"
    return Report(tuple(bundle.findings.checks), tuple(summaries), words, None if policy is None else policy.log.quorum)


def _summary(capture: SignedCapture) -> CaptureSummary:
    statement = capture.statement
    return CaptureSummary(
        statement.capture_id, statement.url, statement.captured_at, capture.device.key_id, len(statement.artifacts)
    )
