"""The search over everything one may see, for programs."""

from typing import Annotated

from fastapi import APIRouter, Query

from server.web.deps import Reader, ServicesDep
from server.web.search_form import SearchCall, hit_path
from server.web.search_schemas import SearchAnswer, SearchRow

router = APIRouter(prefix="/api/v1/search", tags=["search"])


@router.get("")
async def search(actor: Reader, services: ServicesDep, asked: Annotated[SearchCall, Query()]) -> SearchAnswer:
    """Hits, the best first: captures, and the exhibits, notes, entities, moments, findings and deposits of cases that the caller
    may open. Words all have to occur, each may be the beginning of one; "phrases" stand as they are, -words are left out.

    Only the newest 300 that match are ranked: `more_than_ranked` says that there are others. `not_searched` counts what could not
    be looked through."""
    found = await services.cases.searching.search(actor, asked.query())
    hits = [SearchRow.model_validate({**vars(hit), "id": hit.ref, "path": hit_path(hit)}) for hit in found.hits]
    return SearchAnswer.model_validate(
        {
            "hits": hits,
            "total": found.total,
            "more_than_ranked": found.is_more,
            "not_searched": vars(found.not_searched),
            "next_cursor": found.next_cursor,
        }
    )
