"""The contact sheet of a cluster as PDF: every image of it, every sighting, every place in files made elsewhere, the counts.
Set by typst, with its own fonts only.

The same sheet gives the same bytes. Text of captured pages comes as data, never as markup; pictures are small working copies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from server.exports.documents.paper import set_pdf

TEMPLATE = Path(__file__).parent.parent / "templates" / "sheet.typ"
SIGHTINGS_LIMIT = 5_000
TEXT_LIMIT = 400


@dataclass(frozen=True)
class SheetMember:
    """One image of the sheet, in words. thumbnail: WebP, b"" when there is none."""

    sha256: str
    relation: str
    facts: str
    evidence: str
    signals: tuple[str, ...]
    thumbnail: bytes


@dataclass(frozen=True)
class SheetSighting:
    """One line: when and where, whose post, in which capture; of a file made elsewhere, when it was received."""

    when: str
    title: str
    url: str
    what: str
    whose: str
    capture: str


@dataclass(frozen=True)
class Sheet:
    """A contact sheet in words of the reader's language. counts: name and number, in order. thumbnail: the representative's."""

    title: str
    subtitle: str
    notes: tuple[str, ...]
    foot: str
    made_at: datetime
    counts: tuple[tuple[str, str], ...]
    thumbnail: bytes
    members: tuple[SheetMember, ...]
    sightings: tuple[SheetSighting, ...]
    elsewhere: tuple[SheetSighting, ...] = ()


def sheet_pdf(sheet: Sheet, words: Mapping[str, str]) -> bytes:
    """The PDF (A-2b). Blocking. words: the headings the template names. Raises: typst.TypstError."""
    with TemporaryDirectory(prefix="holdstill-sheet-") as folder:
        root = Path(folder)
        (root / "sheet.typ").write_bytes(TEMPLATE.read_bytes())
        data = {
            **{name: getattr(sheet, name) for name in ("title", "subtitle", "notes", "foot", "counts")},
            "words": dict(words),
            "made": {"year": sheet.made_at.year, "month": sheet.made_at.month, "day": sheet.made_at.day},
            "picture": _put(root, "representative", sheet.thumbnail),
            "members": [_member(root, number, one) for number, one in enumerate(sheet.members)],
            "sightings": _short([asdict(one) for one in sheet.sightings[:SIGHTINGS_LIMIT]]),
            "elsewhere": _short([asdict(one) for one in sheet.elsewhere[:SIGHTINGS_LIMIT]]),
        }
        return set_pdf(root / "sheet.typ", root, data, sheet.made_at)


def _member(root: Path, number: int, one: SheetMember) -> dict[str, object]:
    plain: dict[str, object] = {name: getattr(one, name) for name in ("sha256", "relation", "facts", "evidence", "signals")}
    return plain | {"picture": _put(root, f"member{number}", one.thumbnail)}


def _put(root: Path, name: str, thumbnail: bytes) -> str:
    if not thumbnail:
        return ""
    (root / f"{name}.webp").write_bytes(thumbnail)
    return f"{name}.webp"


def _short(rows: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    return [{name: text if len(text) <= TEXT_LIMIT else f"{text[:TEXT_LIMIT]}…" for name, text in row.items()} for row in rows]
