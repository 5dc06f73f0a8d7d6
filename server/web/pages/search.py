"""The search over everything one may see."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from server.cases.searchquery import KINDS, PAGE_ROWS, STATES, WHOSE
from server.rules.catalogue import shipped
from server.web.deps import Reader, ServicesDep
from server.web.pages.render import render
from server.web.search_form import SearchForm

router = APIRouter()


@router.get("/search")
async def search(request: Request, actor: Reader, services: ServicesDep, form: Annotated[SearchForm, Query()]) -> Response:
    """Hits, the best first, each with where it was found."""
    found = await services.cases.searching.search(actor, form.query())
    choices = await services.cases.choices(actor, named=[found.case.id] if found.case is not None else [])
    return render(
        request,
        "search.html",
        section="search",
        form=form,
        found=found,
        asked=bool(form.q.strip()) or form.is_narrowed,
        cases=choices,
        choices={"kinds": KINDS, "states": STATES, "whose": WHOSE, "platforms": _platforms()},
        next_url=form.address(form.page + 1) if (form.page + 1) * PAGE_ROWS < found.total else None,
        before_url=form.address(form.page - 1) if form.page else None,
    )


def _platforms() -> list[str]:
    """Platforms that the rule packs name: proposals, any other may be typed."""
    return sorted({channel.platform for channel in shipped().channels})
