"""The search over everything one may see."""

from datetime import date, timedelta
from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from server.cases.search import CANDIDATES, PAGE_ROWS
from server.cases.searchquery import FACETS, KINDS, STATES, WHOSE, SearchQuery, Span
from server.cases.service import CaseRow
from server.rules.catalogue import shipped
from server.web.deps import Reader, ServicesDep
from server.web.forms import typed_id, utc_time
from server.web.pages.render import render

router = APIRouter()
Word = Annotated[str, Field(max_length=200)]
Moment = Annotated[str, Field(max_length=40)]
DATE_CHARS = len("2024-07-06")


class SearchForm(BaseModel):
    """What the form sends. Times are UTC; a day alone is taken whole."""

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
    page: Annotated[int, Field(ge=0, lt=CANDIDATES // PAGE_ROWS)] = 0

    def query(self) -> SearchQuery:
        """The form as a query. Raises: BadInput (a time, the case's id)."""
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
            page=self.page,
        )

    def address(self, page: int) -> str:
        """The same search at another page."""
        asked = {name: value for name, value in self.model_dump(exclude_defaults=True).items() if value} | {"page": page}
        return "/search?" + urlencode(asked, doseq=True)

    @property
    def is_narrowed(self) -> bool:
        """True if anything but the words was filled in."""
        return bool(set(self.model_dump(exclude_defaults=True)) - {"q", "page"})


@router.get("/search")
async def search(request: Request, actor: Reader, services: ServicesDep, form: Annotated[SearchForm, Query()]) -> Response:
    """Hits, the best first, each with where it was found."""
    found = await services.cases.searching.search(actor, form.query())
    cases = {row.case.id: _name(row) for row in await services.cases.list(actor)}
    if found.case is not None:
        cases.setdefault(found.case.id, f"C-{found.case.number} {found.case.title}")
    return render(
        request,
        "search.html",
        section="search",
        form=form,
        found=found,
        asked=bool(form.q.strip()) or form.is_narrowed,
        cases=cases,
        choices={"kinds": KINDS, "states": STATES, "whose": WHOSE, "platforms": _platforms()},
        next_url=form.address(form.page + 1) if (form.page + 1) * PAGE_ROWS < found.total else None,
        before_url=form.address(form.page - 1) if form.page else None,
    )


def _name(row: CaseRow) -> str:
    return f"C-{row.case.number} {row.case.title}"


def _platforms() -> list[str]:
    """Platforms that the rule packs name: proposals, any other may be typed."""
    return sorted({channel.platform for channel in shipped().channels})


def _span(field: str, since: str, until: str) -> Span:
    begin = utc_time(f"{field}_from", since) if since.strip() else None
    end = utc_time(f"{field}_to", until) if until.strip() else None
    if end is not None and len(until.strip()) == DATE_CHARS:
        end = end + timedelta(days=1) if end.date() < date.max else None
    return begin, end
