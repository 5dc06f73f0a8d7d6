"""What a picture's own bytes say about where it comes from: signals, one shape for every reader.

A signal is something that stands in the file, never a verdict about the picture. Most of it can be written by anyone with a text
editor, and platforms strip nearly all of it from what they show. So a signal that is missing proves nothing (ABSENCE_NOTE), and
no signal makes a picture "made by a machine" or "genuine".
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from enum import StrEnum
from importlib.metadata import version

ABSENCE_NOTE = (
    "Most platforms remove these marks from the pictures they show, and anyone can remove or write them. "
    "Where none was found, nothing follows about how the picture was made."
)
VALUE_LIMIT = 500
SIGNAL_LIMIT = 60
READER = "holdstill-signals"
READER_VERSION = "1"
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


class SignalOutcome(StrEnum):
    """FOUND: it stands there. NOT_FOUND: looked for, not there. NOT_CHECKED: could not be looked for; the reason says why."""

    FOUND = "FOUND"
    NOT_FOUND = "NOT_FOUND"
    NOT_CHECKED = "NOT_CHECKED"


@dataclass(frozen=True)
class Signal:
    """One thing a reader looked for.

    kind: stable word of KINDS. value: what stands there, at most 500 characters, "" unless FOUND. where: the place in the file.
    reason: one plain sentence on what was checked about it and what was not. tool, tool_version: what read it.
    """

    kind: str
    value: str
    where: str
    outcome: SignalOutcome
    reason: str = ""
    tool: str = READER
    tool_version: str = READER_VERSION

    def as_json(self) -> dict[str, str]:
        """The signal as it is stored and sent."""
        return asdict(self) | {"outcome": self.outcome.value}


KINDS = (
    "c2pa",
    "c2pa.signer",
    "c2pa.claim_generator",
    "c2pa.source_type",
    "c2pa.remote",
    "xmp",
    "xmp.source_type",
    "xmp.creator_tool",
    "xmp.ai_system",
    "xmp.credit",
    "exif",
    "exif.software",
    "exif.camera",
    "iptc.program",
    "iptc.instructions",
    "generator",
    "generator.parameters",
    "generator.workflow",
    "generator.name",
    "text",
    "qr_code",
)


def clean(text: str) -> str:
    """The text in one line, without control or direction characters, at most 500 characters (then it ends in …)."""
    said = " ".join(_CONTROL.sub("", text[: 8 * VALUE_LIMIT]).split())
    return said if len(said) <= VALUE_LIMIT else said[: VALUE_LIMIT - 1] + "…"


def found(kind: str, value: str, where: str, reason: str = "") -> Signal:
    """A signal of our own readers that stands in the file."""
    return Signal(kind, clean(value), where, SignalOutcome.FOUND, reason)


def not_found(kind: str, where: str, reason: str = "") -> Signal:
    """Looked for at `where`, not there."""
    return Signal(kind, "", where, SignalOutcome.NOT_FOUND, reason)


def not_checked(kind: str, where: str, reason: str) -> Signal:
    """Could not be looked for."""
    return Signal(kind, "", where, SignalOutcome.NOT_CHECKED, reason)


def by_tool(signal: Signal, package: str) -> Signal:
    """The signal as read by an installed package, with its version."""
    return Signal(signal.kind, signal.value, signal.where, signal.outcome, signal.reason, package, version(package))
