"""Papers of titled parts with lines, facts and tables, as the template custody_report.typ sets them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from server.exports.documents.paper import pdf
from server.visible import visible

_RUN = re.compile(r"(\S{12})(?=\S)")
TEMPLATE = "custody_report.typ"


@dataclass(frozen=True)
class Part:
    """One part. facts: name and value. widths: of the columns in typst's units, "" as wide as needed. mono: columns of hashes."""

    title: str
    lines: tuple[str, ...] = ()
    level: int = 2
    list: bool = False
    facts: tuple[tuple[str, str], ...] = ()
    columns: tuple[str, ...] = ()
    widths: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    mono: tuple[int, ...] = ()


@dataclass(frozen=True)
class Head:
    """What stands above and below: all of it plain text."""

    title: str
    head: str
    foot: str
    tlp: str
    at: datetime


def breakable(text: str) -> str:
    """The text with places where a long word, as an address, may be broken between lines (zero-width spaces)."""
    return _RUN.sub("\\1\u200b", text)


def paper(head: Head, parts: Sequence[Part]) -> bytes:
    """The PDF (A-2b). Blocking."""
    at = head.at
    data: Mapping[str, object] = {
        "title": head.title,
        "head": head.head,
        "foot": head.foot,
        "tlp": head.tlp,
        "date": {"year": at.year, "month": at.month, "day": at.day},
        "parts": [asdict(part) for part in parts],
    }
    return pdf(TEMPLATE, data, at)


def plain_text(title: str, parts: Sequence[tuple[str, Sequence[str]]]) -> str:
    """The same for an e-mail or a file."""
    return visible("\n\n".join([title, *("\n".join([name.upper(), *lines]).rstrip() for name, lines in parts)]) + "\n")
