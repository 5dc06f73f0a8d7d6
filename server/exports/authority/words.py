"""What the papers of a bundle say of what is missing, unproved or limited: plain words, one sentence for each code."""

from server.exports.authority.order import Missing

MISSING = {
    "exhibit_withdrawn": "The exhibit was withdrawn from the case. Its number is not used again.",
    "exhibit_of_others": "The capture belongs to another organisation, which alone can hand it over.",
    "findings_draft": (
        "Findings whose newest version is a draft, which is not in the bundle. Where one was confirmed before, that version is."
    ),
    "findings_reviewed": "Findings whose newest version was reviewed but not confirmed. It is not in the bundle.",
    "findings_rejected": "Findings that a second person rejected. They are not in the bundle.",
    "findings_none": "No finding of the case is confirmed. The bundle holds evidence and no conclusions.",
    "notes": "Internal notes of the case. They are working papers and not in the bundle.",
    "case_events": (
        "The signed files of the case's own chain name other recipients and are not in the bundle. Each is listed in "
        "custody.jsonl with its hash, and proofs/events proves that it is in the log."
    ),
    "cited_not_here": "A confirmed finding cites this capture, which is not in the bundle.",
    "check_failed": "A check of the capture failed. It changed nothing in the files; the reason is given.",
    "check_not_made": "A check of the capture could not be made. That is not a check that passed.",
    "checks_none": "No check of the capture's files had run when the bundle was ordered.",
    "not_before_unproved": "No time stamp proves that the capture was not signed earlier.",
    "not_after_unproved": "No time stamp proved the latest time of the capture when this was ordered. Later ones are in proofs/.",
}
LIMITS = (
    "These files prove that the bytes were signed by an enrolled device, entered the log within the stated times and have not "
    "changed since. They do not prove that the page told the truth, or that the person at the device was honest.",
    '"Captured" is the clock of the device: a claim. What is proved is the time between "not before" and "not after", and it is '
    "the time of signing, not of loading the page.",
    "The log cannot show what the service never recorded, or what happened after this bundle was made.",
    "From which country a page was loaded is not recorded in a capture. What a page shows can depend on it.",
    "A finding is what its authors allege and a second person confirmed. It is no decision. Facts, assessment and alleged "
    "basis are kept apart; who is to decide decides on the facts.",
    'A picture called similar is not called identical. "Not checked" never means "absent".',
    "This paper is a reading aid. If it differs from the signed files, the signed files are right.",
)
HOW_TO_VERIFY = (
    "holdstill verify BUNDLE.zip --policy policy.toml, or python holdstill-verify.pyz with the same arguments; neither needs the "
    "service or a network. Take the policy from the organisation by another way than this bundle.",
    "Without our software: VERIFY.md beside the data folder names the commands of sha256sum, bagit.py, openssl and others.",
)
REASONS = {
    "none": "the device named no checkpoint",
    "unknown": "the device named a checkpoint that this log never published",
    "unstamped": "the checkpoint that the device named has no stamp",
    "pending": "no stamp yet",
    "no_tsa": "no time-stamping authority is set up",
}


def missing_words(one: Missing) -> str:
    """The sentence, and its detail."""
    return f"{MISSING[one.code]} ({one.detail})" if one.detail else MISSING[one.code]
