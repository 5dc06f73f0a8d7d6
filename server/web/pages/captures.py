"""Inbox and capture page."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response

from server.captures.observations import label_observations, post_claims
from server.captures.previews import THUMBNAIL, preview_kind
from server.captures.views import CaptureQuery
from server.errors import NotFound
from server.web.deps import Reader, RecordedRead, ServicesDep
from server.web.pages.render import render
from server.web.pages.resources_view import resources_of
from server.web.pages.selection_view import selection_of
from server.web.pages.statement_view import predicate_of, shots_of, statement_facts, with_actor_names

router = APIRouter()
PAGE_ROWS = 25
PICTURE_CACHE = {"Cache-Control": "private, max-age=3600"}


@router.get("/")
async def inbox(
    request: Request,
    actor: Reader,
    services: ServicesDep,
    q: Annotated[str, Query(max_length=200)] = "",
    host: Annotated[str, Query(max_length=255)] = "",
    cursor: Annotated[str | None, Query(max_length=400)] = None,
) -> Response:
    """The organisation's captures, newest first."""
    query = CaptureQuery(text=q.strip() or None, host=host.strip() or None, cursor=cursor, limit=PAGE_ROWS)
    page = await services.captures.search.search(actor, query)
    following = {"q": q, "host": host, "cursor": page.next_cursor or ""}
    next_url = "/?" + urlencode({name: value for name, value in following.items() if value})
    return render(request, "inbox.html", section="captures", query=query, page=page, next_url=next_url)


@router.get("/captures/{capture_id}", dependencies=[RecordedRead])
async def capture(request: Request, capture_id: str, actor: Reader, services: ServicesDep) -> Response:
    """One capture. Looking at it is a custody event, recorded before anything is shown."""
    await services.captures.reading.record_view(actor, capture_id)
    detail = await services.captures.details.detail(actor, capture_id)
    shots = shots_of(detail)
    predicate = predicate_of(detail.statement_payload)
    masked = await services.captures.masked.of_capture(actor, capture_id)
    return render(
        request,
        "capture.html",
        section="captures",
        capture=with_actor_names(detail, request),
        bracket=detail.bracket,
        statement=statement_facts(detail.statement, detail.statement_payload),
        shots=shots,
        masked={one.artifact for one in masked.copies},
        own=masked.own,
        selection=selection_of(detail.statement_payload, shots),
        post=post_claims(predicate),
        observations=label_observations(predicate),
        has_archive=any(one.role == "page.wacz" and one.stored for one in detail.artifacts),
        resources=await resources_of(services, actor, capture_id),
        images=await services.images.reads.capture(actor, capture_id),
        may_bundle=await services.exports.may_bundle(actor, capture_id),
        exports=await services.exports.recent(actor, capture_id=capture_id, limit=10),
    )


@router.get("/captures/{capture_id}/thumbnail")
async def thumbnail(capture_id: str, actor: Reader, services: ServicesDep) -> Response:
    """The inbox's small picture: a working copy, so looking at it is no custody event."""
    copy, data = await services.captures.reading.working_copy(actor, capture_id, THUMBNAIL)
    return Response(data, media_type=copy.media_type, headers=PICTURE_CACHE)


@router.get("/captures/{capture_id}/preview/{name}")
async def preview(capture_id: str, name: str, actor: Reader, services: ServicesDep) -> Response:
    """The working copy of one picture of the capture."""
    artifacts = await services.captures.reading.artifact_names(actor, capture_id)
    if name not in artifacts:
        raise NotFound(kind="preview", id=name[:80])
    copy, data = await services.captures.reading.working_copy(actor, capture_id, preview_kind(artifacts.index(name)))
    return Response(data, media_type=copy.media_type, headers=PICTURE_CACHE)
