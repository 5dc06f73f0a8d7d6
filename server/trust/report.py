"""What a verification found: checks by step, the time bracket of each capture, the verdict, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from server.trust.errors import VerificationError
from server.trust.jsontext import format_time

STEPS = {
    1: "The container is safe to open",
    2: "Every file is listed once, with its digest",
    3: "The export is signed and covers the manifest",
    4: "Statements: device signature, enrolled key, artifacts",
    5: "Page archives: complete, intact, signed by the device",
    6: "Custody chains: contiguous, and every event in the log",
    7: "The log's checkpoint is signed, and witnessed as the policy asks",
    8: "Timestamps: not after",
    9: "Timestamps: not before",
    10: "What this proves",
}
SCOPE = (
    "Proved, as far as the steps passed: these bytes were signed by an enrolled device, committed to the log within the stated"
    " time bracket, and have not changed since.",
    "NOT proved: that the page told the truth, or that the page, the device or its user was honest when the bytes were made.",
    "NOT proved: that nothing happened to the evidence which the service never recorded, or after this export.",
    "NOT proved: that these chains have no later events, revocations included, which the service left out; the bundle alone"
    " excludes none. Ask the log.",
    "The bracket is about when the statement was signed, not when the page was loaded; capturedAt is the device's claim.",
    "Nobody signed VERIFY.md, bag-info.txt and trust/: they are for convenience.",
    "Whether a timestamping certificate was revoked is not checked.",
)


class Outcome(StrEnum):
    """What became of a check."""

    PASSED = "PASSED"
    FAILED = "FAILED"
    NOT_CHECKED = "NOT_CHECKED"


class Verdict(StrEnum):
    """INVALID: something failed. INCOMPLETE: nothing failed, but something that matters could not be checked."""

    VALID = "VALID"
    INVALID = "INVALID"
    INCOMPLETE = "INCOMPLETE"


@dataclass(frozen=True)
class Check:
    """One finding. path: the bundle file it is about. required: when not checked, the verdict cannot be VALID."""

    step: int
    outcome: Outcome
    path: str | None
    reason: str | None = None
    required: bool = True


@dataclass(frozen=True)
class CaptureSummary:
    """A capture in words and its time bracket. captured_at is the device's claim; not_before and not_after are proved or None."""

    capture_id: str
    url: str
    captured_at: datetime
    device_key_id: str
    artifacts: int
    not_before: datetime | None = None
    not_after: datetime | None = None


@dataclass
class Findings:
    """Collects checks while steps run."""

    checks: list[Check] = field(default_factory=list)

    def passed(self, step: int, path: str | None = None, reason: str | None = None) -> None:
        """Records that a check held."""
        self.checks.append(Check(step, Outcome.PASSED, path, reason))

    def failed(self, step: int, path: str | None, reason: str) -> None:
        """Records that a check did not hold."""
        self.checks.append(Check(step, Outcome.FAILED, path, reason))

    def not_checked(self, step: int, path: str | None, reason: str, *, required: bool = True) -> None:
        """Records that a check could not be made, and why."""
        self.checks.append(Check(step, Outcome.NOT_CHECKED, path, reason, required))

    def any_of(self, step: int) -> bool:
        """True when the step has a finding."""
        return any(check.step == step for check in self.checks)

    @contextmanager
    def attempt(self, step: int, path: str | None) -> Iterator[None]:
        """PASSED when the block ends, FAILED when it raises VerificationError; the error's own path is the more exact one."""
        try:
            yield
        except VerificationError as error:
            self.failed(step, error.path or path, error.reason)
        else:
            self.passed(step, path)


@dataclass(frozen=True)
class Report:
    """The whole result. policy: in words, which policy was used, or None. quorum: the witnesses it asks for, None without one."""

    checks: tuple[Check, ...]
    captures: tuple[CaptureSummary, ...] = ()
    policy: str | None = None
    quorum: int | None = None

    def title(self, step: int) -> str:
        """What the step looked at; step 7 never speaks of witnesses that nobody asked for."""
        if step != 7 or self.quorum is None:
            return STEPS[step]
        if self.quorum == 0:
            return "The log's checkpoint is signed; no witness required by the policy"
        return "The log's checkpoint is signed and witnessed"

    @property
    def verdict(self) -> Verdict:
        """FAILED beats NOT_CHECKED beats PASSED."""
        if any(check.outcome is Outcome.FAILED for check in self.checks):
            return Verdict.INVALID
        if any(check.outcome is Outcome.NOT_CHECKED and check.required for check in self.checks):
            return Verdict.INCOMPLETE
        return Verdict.VALID

    @property
    def exit_code(self) -> int:
        """0 valid, 1 invalid, 2 incomplete."""
        return {Verdict.VALID: 0, Verdict.INVALID: 1, Verdict.INCOMPLETE: 2}[self.verdict]

    def of_step(self, step: int) -> list[Check]:
        """The checks of one step."""
        return [check for check in self.checks if check.step == step]

    def outcome_of(self, step: int) -> Outcome:
        """A step failed if one of its checks did; it was not checked if nothing in it was, or something required was not."""
        checks = self.of_step(step)
        if any(check.outcome is Outcome.FAILED for check in checks):
            return Outcome.FAILED
        unchecked = [check for check in checks if check.outcome is Outcome.NOT_CHECKED]
        if any(check.required for check in unchecked) or len(unchecked) == len(checks):
            return Outcome.NOT_CHECKED
        return Outcome.PASSED

    def to_json(self) -> dict[str, object]:
        """The report as JSON values; passed checks are only counted."""
        return {
            "verdict": self.verdict.value,
            "policy": self.policy,
            "captures": [_capture_json(capture) for capture in self.captures],
            "steps": [
                {
                    "step": step,
                    "title": self.title(step),
                    "outcome": self.outcome_of(step).value,
                    "checks": len(self.of_step(step)),
                }
                for step in range(1, 10)
            ],
            "findings": [
                {
                    "step": check.step,
                    "outcome": check.outcome.value,
                    "path": check.path,
                    "reason": check.reason,
                    "required": check.required,
                }
                for check in self.checks
                if check.outcome is not Outcome.PASSED
            ],
            "scope": list(SCOPE),
        }

    def to_text(self) -> str:
        """The report for people. Whatever came from the bundle is shown without control or direction characters."""
        lines = [f"{self.verdict.value}", "", f"policy: {_plain(self.policy) if self.policy else 'none given'}", ""]
        for step in range(1, 10):
            checks = self.of_step(step)
            lines.append(f"{step:>3}  {self.outcome_of(step).value:<12} {self.title(step)} ({len(checks)} checks)")
            lines += [f"       {_finding(check)}" for check in checks if check.outcome is not Outcome.PASSED]
        for capture in self.captures:
            lines += ["", f"capture {capture.capture_id}", f"  url          {_plain(capture.url)}"]
            lines.append(f"  signed       not before {_bound(capture.not_before)}, not after {_bound(capture.not_after)}")
            lines.append(f"  device says  {format_time(capture.captured_at)} (key {capture.device_key_id[:16]}…)")
        lines += ["", " 10  " + STEPS[10], *(f"       {sentence}" for sentence in SCOPE)]
        return "\n".join(lines) + "\n"


def _capture_json(capture: CaptureSummary) -> dict[str, object]:
    return {
        "capture_id": capture.capture_id,
        "url": capture.url,
        "captured_at": format_time(capture.captured_at),
        "device_key_id": capture.device_key_id,
        "artifacts": capture.artifacts,
        "not_before": None if capture.not_before is None else format_time(capture.not_before),
        "not_after": None if capture.not_after is None else format_time(capture.not_after),
    }


def _finding(check: Check) -> str:
    return f"{check.outcome.value} {_plain(check.path or 'bundle')}: {_plain(check.reason or '')}"


def _bound(moment: datetime | None) -> str:
    return "UNKNOWN" if moment is None else format_time(moment)


def _plain(text: str) -> str:
    """Text from the bundle that cannot move the cursor, hide itself or run backwards on a terminal."""
    shown = "".join(char if char.isprintable() else f"\\u{{{ord(char):x}}}" for char in text)
    return shown if len(shown) <= 2000 else shown[:2000] + "…"
