"""What a search asks for, as parameters of an address: the same for the page and for programs."""

from datetime import date, timedelta
from typing import Annotated, Literal
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field

from server.captures.textquery import parse_query
from server.cases.found import Hit
from server.cases.search import CANDIDATES
from server.cases.searchquery import FACETS, KINDS, PAGE_ROWS, STATES, SearchQuery, Span
from server.errors import BadInput
from server.web.forms import typed_id, utc_time

Word = Annotated[str, Field(max_length=200)]
Moment = Annotated[str, Field(max_length=40)]
DATE_CHARS = len("2024-07-06")
ROWS_LIMIT = 100


class SearchAsked(BaseModel):
    """Words and filters. Times are UTC; a day alone is taken whole."""

    q: Word = ""
    case: Moment = ""
    whose: Literal["any", "own", "shared"] = "any"
    kind: Annotated[list[str], Field(max_length=len(KINDS))] = []
    platform: Word = ""
    account: Word = ""
    language: Word = ""
    tag: Word = ""
    host: Word = ""
    captured_from: Moment = ""
    captured_to: Moment = ""
    posted_from: Moment = ""
    posted_to: Moment = ""
    state: Moment = ""
    cluster: bool = False

    def query(self) -> SearchQuery:
        """What is asked. Raises: BadInput (a time, the case's id)."""
        typed = {name: str(getattr(self, name)).strip() for name in FACETS}
        typed["account"] = typed["account"].lstrip("@")
        return SearchQuery(
            text=self.q,
            case_id=typed_id("case", self.case) if self.case else None,
            whose=self.whose,
            kinds=tuple(one for one in self.kind if one in KINDS),
            facets={name: value for name, value in typed.items() if value},
            captured=_span("captured", self.captured_from, self.captured_to),
            posted=_span("posted", self.posted_from, self.posted_to),
            state=self.state if self.state in STATES else "",
            in_cluster=self.cluster,
        )


class SearchForm(SearchAsked):
    """What the page's form sends."""

    page: Annotated[int, Field(ge=0, lt=CANDIDATES // PAGE_ROWS)] = 0

    def query(self) -> SearchQuery:
        """The form as a query of one of its pages. Raises: BadInput."""
        return super().query().at(page=self.page)

    def address(self, page: int) -> str:
        """The same search at another page."""
        asked = {name: value for name, value in self.model_dump(exclude_defaults=True).items() if value} | {"page": page}
        return "/search?" + urlencode(asked, doseq=True)

    @property
    def is_narrowed(self) -> bool:
        """True if anything but the words was filled in."""
        return bool(set(self.model_dump(exclude_defaults=True)) - {"q", "page"})


class SearchCall(SearchAsked):
    """What a program sends. A filter that is misspelt is refused: what it would leave out must not look found."""

    model_config = ConfigDict(extra="forbid")

    cursor: Annotated[str, Field(max_length=400)] = ""
    limit: Annotated[int, Field(ge=1, le=ROWS_LIMIT)] = PAGE_ROWS

    def query(self) -> SearchQuery:
        """The call as a query. Raises: BadInput, also if no word and no filter is in it: nothing found would be no answer."""
        for field, said, known in (("kind", self.kind, KINDS), ("state", [self.state] if self.state else [], STATES)):
            if set(said) - set(known):
                raise BadInput(field=field, reason="one of " + ", ".join(known))
        asked = super().query()
        if not asked.asks_anything(parse_query(asked.text)):
            raise BadInput(field="q", reason="say a word to look for, or a filter")
        return asked.at(rows=self.limit, cursor=self.cursor)


def hit_path(hit: Hit) -> str:
    """The page of what was found."""
    if hit.kind in ("capture", "exhibit"):
        return f"/captures/{hit.ref}"
    if hit.kind in ("finding", "deposit"):
        return f"/{hit.kind}s/{hit.ref}"
    if hit.kind == "entity":
        return f"/cases/{hit.case_id}/entities?entity={hit.ref}"
    return f"/cases/{hit.case_id}#" + ("notes" if hit.kind == "note" else "timeline")


def _span(field: str, since: str, until: str) -> Span:
    begin = utc_time(f"{field}_from", since) if since.strip() else None
    end = utc_time(f"{field}_to", until) if until.strip() else None
    if end is not None and len(until.strip()) == DATE_CHARS:
        end = end + timedelta(days=1) if end.date() < date.max else None
    return begin, end
