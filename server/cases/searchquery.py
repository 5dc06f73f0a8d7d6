"""What can be asked of the search: words, and what narrows them."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from server.captures.textquery import TextQuery

CAPTURE = "capture"
KINDS = (CAPTURE, "exhibit", "note", "entity", "moment", "finding", "deposit")
STATES = ("draft", "reviewed", "confirmed", "rejected")
WHOSE = ("any", "own", "shared")
FACETS = ("platform", "account", "language", "tag", "host")
Span = tuple[datetime | None, datetime | None]
"""From the first moment on, before the second one; None: open."""
OPEN: Span = (None, None)
PAGE_ROWS = 20


@dataclass(frozen=True)
class SearchQuery:
    """Words and filters; each filter leaves out what does not have what it asks for. `kinds`: empty means all.

    `facets`: platform, account, language, tag or host by their whole value, folded. `captured` and `state`: only captures,
    only findings have one. `in_cluster`: captures with a picture that was seen in another capture too. Shown is the page of
    `rows` hits with the number `page`, or the one after `cursor`.
    """

    text: str = ""
    case_id: uuid.UUID | None = None
    whose: Literal["any", "own", "shared"] = "any"
    kinds: tuple[str, ...] = ()
    facets: Mapping[str, str] = field(default_factory=dict)
    captured: Span = OPEN
    posted: Span = OPEN
    state: str = ""
    in_cluster: bool = False
    page: int = 0
    rows: int = PAGE_ROWS
    cursor: str = ""

    def at(self, *, page: int = 0, rows: int = PAGE_ROWS, cursor: str = "") -> "SearchQuery":
        """The same search at another page: by its number, or after a cursor."""
        return replace(self, page=page, rows=rows, cursor=cursor)

    def takes(self, kind: str) -> bool:
        """Whether things of this kind can match."""
        if self.kinds and kind not in self.kinds:
            return False
        return not (kind == CAPTURE and self.state)

    @property
    def takes_things(self) -> bool:
        """Whether anything of a case but its captures can match."""
        if self.in_cluster or self.captured != OPEN:
            return False
        return not self.kinds or any(kind != CAPTURE for kind in self.kinds)

    def asks_anything(self, asked: TextQuery) -> bool:
        """False for a form that nobody filled in, and for words of which none is one."""
        if self.text.strip() and asked.is_empty:
            return False
        narrowed = self.facets or self.captured != OPEN or self.posted != OPEN or self.state or self.in_cluster
        return not asked.is_empty or bool(narrowed)
