"""What an audit found: every contradiction between stored bytes, and what could not be checked."""

from dataclasses import dataclass, field
from typing import Literal

Outcome = Literal["FAILED", "NOT_CHECKED"]


@dataclass(frozen=True)
class Finding:
    """One stored thing that is not what it must be (FAILED), or that could not be judged (NOT_CHECKED)."""

    outcome: Outcome
    where: str
    reason: str


@dataclass
class AuditReport:
    """The result of one audit over one snapshot. `counts` says how many things of each kind were checked; `root` is hex."""

    size: int = 0
    root: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    @property
    def is_sound(self) -> bool:
        """No contradiction was found. What was not checked stands in `findings`."""
        return not self.failures

    @property
    def failures(self) -> list[Finding]:
        """The contradictions."""
        return [finding for finding in self.findings if finding.outcome == "FAILED"]

    def fail(self, where: str, reason: str) -> None:
        """Notes a contradiction."""
        self.findings.append(Finding("FAILED", where, reason))

    def skip(self, where: str, reason: str) -> None:
        """Notes what could not be checked."""
        self.findings.append(Finding("NOT_CHECKED", where, reason))

    def count(self, kind: str, number: int = 1) -> None:
        """Counts things that were checked."""
        self.counts[kind] = self.counts.get(kind, 0) + number
