"""Types of findings: the content type of SLI 16.1.1 each counts under, and the evidence that each must have to be confirmed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from server.rules.errors import RuleError
from server.rules.packs import Pack, only, optional_text, text_of, texts_of

SLI_LABELS = (
    "AI content",
    "silence period violations",
    "unlabelled ads",
    "influence operations",
    "CIB networks",
    "sanctions violations",
    "other",
)
EVIDENCE = (
    "media", "labels_1_2", "ai_assessment", "actor", "posted_at", "silence_window", "propaganda_text", "ad_id",
    "ad_library_capture", "label_history", "sponsor", "ttps", "narrative", "two_sightings", "account_set",
    "coordination_signal", "listed_entity",
    "pair_capture", "redirect_chain", "notice_attempt",
)  # fmt: skip


@dataclass(frozen=True)
class FindingType:
    """One type: `evidence` are names of EVIDENCE, `disarm` ids to suggest, `bases` ids of legal bases to suggest.

    `deposits_suffice`: archives made elsewhere may stand in for captures of one's own; else they only support them.
    """

    code: str
    version: str
    title: str
    sli_label: str
    evidence: tuple[str, ...]
    disarm: tuple[str, ...]
    bases: tuple[str, ...]
    deposits_suffice: bool = False


def finding_types(pack: Pack) -> tuple[FindingType, ...]:
    """The types of a pack. Raises: RuleError (an SLI label or a piece of evidence this version does not know)."""
    return tuple(_type(entry, pack.version) for entry in pack.entries)


def _type(entry: Mapping[str, Any], version: str) -> FindingType:
    only(entry, "id", "title", "sli_label", "evidence", "disarm", "bases", "deposits")
    label, evidence = text_of(entry, "sli_label"), texts_of(entry, "evidence")
    if label not in SLI_LABELS:
        raise RuleError(f"sli_label is one of {', '.join(SLI_LABELS)}")
    unknown = set(evidence) - set(EVIDENCE)
    if unknown:
        raise RuleError(f"evidence this version does not know: {', '.join(sorted(unknown))}")
    deposits = optional_text(entry, "deposits") or "support"
    if deposits not in ("support", "suffice"):
        raise RuleError("deposits support or suffice")
    return FindingType(
        text_of(entry, "id"),
        version,
        text_of(entry, "title"),
        label,
        evidence,
        texts_of(entry, "disarm"),
        texts_of(entry, "bases"),
        deposits == "suffice",
    )
