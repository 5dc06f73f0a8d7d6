"""The one error of this floor: what was found wrong, in which step of a verification, and in which file."""

from __future__ import annotations


class VerificationError(Exception):
    """Bytes that are malformed, or that do not prove what they claim. Nothing else is raised by a function of `server.trust`.

    reason: one plain sentence.  step: the numbered step of verify.py, or None outside a bundle.  path: the bundle file at fault.
    """

    def __init__(self, reason: str, *, step: str | None = None, path: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.step = step
        self.path = path

    def __str__(self) -> str:
        place = " ".join(part for part in (f"step {self.step}" if self.step else "", self.path or "") if part)
        return f"{place}: {self.reason}" if place else self.reason

    def located(self, *, step: str | None = None, path: str | None = None) -> VerificationError:
        """The same finding with its place filled in; a place already known is kept, because it is the more exact one."""
        return VerificationError(self.reason, step=self.step or step, path=self.path or path)
