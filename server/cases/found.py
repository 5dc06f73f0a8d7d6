"""What a search found: each hit with where it was found and a piece of the text there, the hit marked."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from server.captures.folding import clean
from server.captures.models import Capture
from server.captures.snippets import Piece, hits, snippet
from server.captures.textquery import TextQuery
from server.captures.texts import PARTS, CaptureText
from server.cases.models import CaseFile, CaseText

SHOWN = "shown"
"""The part of a capture that is the text of its page."""


@dataclass(frozen=True)
class Place:
    """Where a candidate is kept, and how it is ranked. `text_id`: of a thing of a case."""

    kind: str
    ref: str
    text_id: uuid.UUID | None
    rank: float
    at: datetime


@dataclass(frozen=True)
class NotSearched:
    """How much was not looked through: captures whose text was not read (they are found by their statements, if at all), and
    texts of cases without an index."""

    captures: int
    texts: int


@dataclass(frozen=True)
class Hit:
    """One thing that matches. `ref` is its id (a capture id for an exhibit), `label` what to call it; `parts` where it was
    found, `pieces` a piece of the text of the last of these. `at`: when it was captured, or written down."""

    kind: str
    ref: str
    label: str
    parts: tuple[str, ...] = ()
    pieces: tuple[Piece, ...] = ()
    at: datetime | None = None
    host: str = ""
    case_id: uuid.UUID | None = None
    case: str = ""
    state: str = ""


@dataclass(frozen=True)
class FoundPage:
    """One page of hits. `total` is exact unless `is_more`: then only the newest ones were ranked. `next_cursor`: None on the last
    page."""

    hits: tuple[Hit, ...]
    total: int
    is_more: bool
    not_searched: NotSearched
    case: CaseFile | None
    asked: TextQuery
    next_cursor: str | None = None


def hit_of_capture(kept: CaptureText, capture: Capture, asked: TextQuery) -> Hit:
    """The capture, with every part of it that holds something of what was asked."""
    texts = {part: kept.stated.get(part, "") for part in PARTS} | {SHOWN: kept.shown}
    parts = tuple(part for part, text in texts.items() if text and hits(text, asked, limit=1))
    best = next((part for part in (SHOWN, "post", "note", "labels", "url", "title") if part in parts), "")
    return Hit(
        kind="capture",
        ref=capture.capture_id,
        label=capture.title or capture.final_url or capture.url,
        parts=parts,
        pieces=snippet(texts[best], asked) if best else (),
        at=capture.captured_at,
        host=capture.host,
    )


def hit_of_thing(kept: CaseText, case: CaseFile, state: str, asked: TextQuery) -> Hit:
    """A thing of a case; its text is one part."""
    pieces = snippet(kept.text, asked)
    label = clean(kept.label)
    return Hit(
        kind=kept.kind,
        ref=kept.ref,
        label=label,
        parts=(kept.kind,) if pieces else (),
        pieces=pieces,
        at=kept.created_at,
        case_id=case.id,
        case=f"C-{case.number} {case.title}",
        state=state,
    )
