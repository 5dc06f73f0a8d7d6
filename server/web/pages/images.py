"""Images of an organisation: clusters, two pictures over each other, one image, search by picture, contact sheets."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Path, Query, Request, Response, UploadFile
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse

from server.composition import Services
from server.errors import BadInput, NotFound
from server.images.errors import ClusterEnded, PictureRefused
from server.images.views import ClusterView, MemberView
from server.operators.actors import OperatorActor
from server.web.deps import Grouper, Reader, ServicesDep
from server.web.middleware import CONTENT_SECURITY_POLICY
from server.web.pages.image_words import (
    ClusterLink,
    MatchRow,
    count_line,
    count_rows,
    evidence_line,
    facts_line,
    is_known,
    kinds_line,
    overlay_of,
    pair_of,
    whose_line,
)
from server.web.pages.render import render, texts_of
from server.web.pages.sheet import sheet_pdf
from server.web.pages.sheet_view import SHEET_WORDS, cluster_sheet
from server.web.texts import Texts

router = APIRouter(prefix="/images")
PAGE_CLUSTERS = 40
PICTURE_CACHE = {"Cache-Control": "private, max-age=3600"}
PASTE_POLICY = {"Content-Security-Policy": f"{CONTENT_SECURITY_POLICY}; script-src 'self'"}
_CAPTURE = re.compile(r"(?:^|/captures/)([0-9a-f]{64})(?:$|[/?#])")
_CLUSTER = re.compile(r"(?:^|/clusters/)([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})(?:$|[/?#])")
Digest = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]
Reason = Annotated[str, Form(min_length=1, max_length=1000)]


@dataclass(frozen=True)
class MemberRow:
    """A member as the page shows it."""

    member: MemberView
    relation: str
    facts: str
    evidence: str
    has_overlay: bool


@router.get("")
async def index(
    request: Request, actor: Reader, services: ServicesDep, after: Annotated[int | None, Query(ge=0)] = None
) -> Response:
    """The organisation's clusters, newest first."""
    texts = texts_of(request)
    clusters = await services.images.reads.clusters(actor, limit=PAGE_CLUSTERS, after=after)
    lines = [count_line(texts, one.counts) for one in clusters]
    next_url = f"/images?after={clusters[-1].number}" if len(clusters) == PAGE_CLUSTERS else ""
    return render(request, "images.html", section="images", clusters=clusters, lines=lines, next_url=next_url)


@router.get("/search")
async def search_form(
    request: Request, actor: Reader, services: ServicesDep, capture: Annotated[str, Query(max_length=400)] = ""
) -> Response:
    """The search page; with the address of a capture, on to that capture's images."""
    if capture.strip():
        named = _CAPTURE.search(capture.strip())
        if named is None:
            raise BadInput(field="capture", reason="no address of a capture of this service")
        return RedirectResponse(f"/captures/{named.group(1)}#images", status_code=HTTPStatus.SEE_OTHER)
    return await _search_page(request, actor, services)


@router.post("/search")
async def search(request: Request, actor: Reader, services: ServicesDep, picture: UploadFile) -> Response:
    """What the organisation holds of this picture. Nothing is stored."""
    data = await picture.read()
    try:
        answer = await services.images.search.by_bytes(actor, data)
    except PictureRefused as refused:
        reason = str(refused.data["reason"])
        return await _search_page(request, actor, services, status=HTTPStatus.UNPROCESSABLE_ENTITY, refused=reason)
    texts = texts_of(request)
    matches = [
        MatchRow(one, facts_line(texts, one.image), evidence_line(texts, one.evidence, own="known")) for one in answer.matches
    ]
    signals = await services.images.origins.in_bytes(data)
    sure = sum(one.kind != "variant" for one in answer.matches)
    kinds = kinds_line(texts, answer.matches)
    return await _search_page(request, actor, services, answer=answer, matches=matches, signals=signals, sure=sure, kinds=kinds)


@router.get("/clusters/{cluster_id}")
async def cluster(request: Request, cluster_id: UUID, actor: Reader, services: ServicesDep, moved: bool = False) -> Response:
    """One cluster; for one that ended, the cluster its images stand in now."""
    try:
        view = await services.images.reads.cluster(actor, cluster_id)
    except ClusterEnded as ended:
        return RedirectResponse(f"/images/clusters/{ended.data['into_id']}?moved=true", status_code=HTTPStatus.SEE_OTHER)
    texts = texts_of(request)
    members = _rows(texts, view, view.members)
    seen = await services.images.reads.cluster_sightings(actor, cluster_id)
    elsewhere = await services.images.reads.cluster_elsewhere(actor, cluster_id)
    return render(
        request,
        "cluster.html",
        section="images",
        cluster=view,
        moved=moved,
        line=count_line(texts, view.counts) or texts.get("deposit.elsewhere"),
        counts=count_rows(texts, view.counts),
        members=members,
        variants=_rows(texts, view, view.variants),
        splittable=[one for one in members if one.relation not in ("representative", "contains")],
        sightings=seen.shown,
        sightings_count=seen.count,
        elsewhere=elsewhere.shown,
        elsewhere_count=elsewhere.count,
        elsewhere_counts=[(texts.get(f"elsewhere.{unit}"), number) for unit, number in vars(view.elsewhere).items()],
        only_elsewhere={one.sha256 for one in elsewhere.shown} - {one.sha256 for one in seen.shown},
        roles={one.image.sha256: one.role for one in view.members},
        names=await services.captures.details.names(actor, {one.actor for one in view.decisions}),
        whose=lambda one: whose_line(texts, one),
    )


@router.get("/clusters/{cluster_id}/overlay/{sha256}")
async def overlay(request: Request, cluster_id: UUID, sha256: Digest, actor: Reader, services: ServicesDep) -> Response:
    """Two pictures over each other, by the stored matrix, or measured now when hashes alone decided: working copies only."""
    view = await services.images.reads.cluster(actor, cluster_id)
    member = next((one for one in view.members if one.image.sha256 == sha256), None)
    pair = None if member is None else pair_of(member, view.representative)
    if pair is None:
        raise NotFound(kind="overlay", id=sha256)
    by = "stored"
    if pair.evidence.correlation is None:
        measured = await services.images.overlays.measured(actor, pair.query, pair.known)
        unmeasured = "none" if pair.evidence.matrix is None else "turn"
        pair, by = (pair, unmeasured) if measured is None else (replace(pair, evidence=measured), "now")
    return render(
        request,
        "overlay.html",
        section="images",
        cluster_id=cluster_id,
        overlay=overlay_of(pair),
        pair=pair,
        by=by,
        evidence=evidence_line(texts_of(request), pair.evidence),
    )


@router.post("/clusters/{cluster_id}/merge")
async def merge(
    cluster_id: UUID, actor: Grouper, services: ServicesDep, other: Annotated[str, Form(max_length=400)], reason: Reason
) -> Response:
    """Two clusters become one, by a person's word."""
    named = _CLUSTER.search(other.strip())
    if named is None:
        raise BadInput(field="other", reason="no id or address of a cluster of this service")
    kept = await services.images.decisions.merge(actor, cluster_id, UUID(named.group(1)), reason)
    return _to_cluster(kept)


@router.post("/clusters/{cluster_id}/split")
async def split(
    cluster_id: UUID,
    actor: Grouper,
    services: ServicesDep,
    reason: Reason,
    images: Annotated[list[str], Form(max_length=2000)],
) -> Response:
    """Some images leave the cluster together."""
    await services.images.decisions.split(actor, cluster_id, images, reason)
    return _to_cluster(cluster_id)


@router.post("/clusters/{cluster_id}/reject")
async def reject(
    cluster_id: UUID, actor: Grouper, services: ServicesDep, image: Annotated[str, Form(max_length=64)], reason: Reason
) -> Response:
    """One image is not this picture: it leaves and stays out."""
    await services.images.decisions.reject(actor, cluster_id, image, reason)
    return _to_cluster(cluster_id)


@router.get("/clusters/{cluster_id}/sheet")
async def sheet(request: Request, cluster_id: UUID, actor: Reader, services: ServicesDep) -> Response:
    """The contact sheet to read or print: a custody event, as everything that is made to be handed on."""
    texts = texts_of(request)
    made = await cluster_sheet(services, actor, cluster_id, texts)
    await services.images.sheets.handed_out(actor, cluster_id, made.on_it, None)
    return render(
        request,
        "sheet.html",
        section="images",
        cluster=made.cluster,
        sheet=made.sheet,
        images=[one.image for one in made.cluster.members],
        sightings=made.sightings,
        elsewhere=made.elsewhere,
        roles={one.image.sha256: one.role for one in made.cluster.members},
        whose=lambda one: whose_line(texts, one),
    )


@router.get("/clusters/{cluster_id}/sheet.pdf")
async def sheet_file(request: Request, cluster_id: UUID, actor: Reader, services: ServicesDep) -> Response:
    """The same as PDF; the event names the file by its hash."""
    texts = texts_of(request)
    made = await cluster_sheet(services, actor, cluster_id, texts)
    data = await run_in_threadpool(sheet_pdf, made.sheet, {name: texts.get(key) for name, key in SHEET_WORDS.items()})
    await services.images.sheets.handed_out(actor, cluster_id, made.on_it, data)
    name = f"contact-sheet-{str(cluster_id)[:8]}.pdf"
    return Response(data, media_type="application/pdf", headers={"Content-Disposition": f'attachment; filename="{name}"'})


@router.get("/{sha256}")
async def image(request: Request, sha256: Digest, actor: Reader, services: ServicesDep) -> Response:
    """One picture file: what its bytes say, and every place where exactly these bytes were seen."""
    texts = texts_of(request)
    view = await services.images.reads.image(actor, sha256)
    homes = await services.images.reads.clusters_with(actor, sha256)
    seen = await services.images.reads.sightings(actor, sha256)
    placed = await services.images.reads.elsewhere(actor, sha256)
    return render(
        request,
        "image.html",
        section="images",
        image=view,
        facts=facts_line(texts, view),
        signals=await services.images.origins.of(actor, sha256),
        elsewhere=placed.shown,
        elsewhere_count=placed.count,
        sightings=seen.shown,
        sightings_count=seen.count,
        clusters=[ClusterLink(one.cluster_id, count_line(texts, one.counts) or texts.get("deposit.elsewhere")) for one in homes],
        whose=lambda one: whose_line(texts, one),
    )


@router.get("/{sha256}/thumbnail")
async def thumbnail(sha256: Digest, actor: Reader, services: ServicesDep) -> Response:
    """A small re-encoded working copy: looking at it is no custody event."""
    return Response(await services.images.reads.thumbnail(actor, sha256), media_type="image/webp", headers=PICTURE_CACHE)


def _rows(texts: Texts, view: ClusterView, members: tuple[MemberView, ...]) -> list[MemberRow]:
    return [
        MemberRow(
            one,
            one.role,
            facts_line(texts, one.image),
            evidence_line(texts, one.evidence, own="known" if is_known(one) else "query"),
            pair_of(one, view.representative) is not None,
        )
        for one in members
    ]


async def _search_page(
    request: Request, actor: OperatorActor, services: Services, *, status: int = HTTPStatus.OK, **values: object
) -> Response:
    """The page, with how far the index is: asked after the search, which may have waited for it."""
    given = {"answer": None, "refused": "", "matches": [], "signals": None, "sure": 0, "kinds": ""} | values
    texts = texts_of(request)
    page = render(
        request,
        "image_search.html",
        status=status,
        section="images",
        whose=lambda one: whose_line(texts, one),
        index=await services.images.states.of(actor),
        **given,
    )
    page.headers.update(PASTE_POLICY)
    return page


def _to_cluster(cluster_id: UUID) -> Response:
    return RedirectResponse(f"/images/clusters/{cluster_id}", status_code=HTTPStatus.SEE_OTHER)
