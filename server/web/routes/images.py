"""Images and clusters: search by picture, read, count, decide."""

import re
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from starlette.datastructures import UploadFile

from server.errors import BadInput, NotFound
from server.images.views import Placed, Seen
from server.web.bodies import json_body, read_json
from server.web.deps import AnyCaller, Grouper, Reader, ServicesDep
from server.web.image_schemas import (
    CaptureImagesAnswer,
    ClusterAnswer,
    ClusterList,
    ClusterRow,
    ElsewhereRow,
    FrozenAnswer,
    ImageRow,
    MergeAnswer,
    MergeRequest,
    RejectRequest,
    SearchResult,
    SearchResults,
    SightingList,
    SightingRow,
    SignalsAnswer,
    SplitRequest,
)

router = APIRouter(prefix="/api/v1", tags=["images"])
_BINARY = {"type": "string", "format": "binary", "description": "a picture, at most 32 MiB"}
PICTURE_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/octet-stream": {"schema": _BINARY},
            "multipart/form-data": {"schema": {"type": "object", "required": ["file"], "properties": {"file": _BINARY}}},
        },
    }
}
WEBP: dict[int | str, dict[str, Any]] = {200: {"content": {"image/webp": {"schema": {"type": "string", "format": "binary"}}}}}
_CAPTURE = re.compile(r"(?:.*/captures/)?([0-9a-f]{64})(?:[/?#].*)?", re.DOTALL)


@router.post("/images/search", openapi_extra=PICTURE_BODY)
async def search(request: Request, actor: AnyCaller, services: ServicesDep) -> SearchResult:
    """What the organisation holds of the picture in the body. Nothing is stored, no address is fetched."""
    data = await _picture(request)
    return SearchResult.model_validate(await services.images.search.by_bytes(actor, data))


@router.get("/images/search")
async def search_again(
    actor: AnyCaller,
    services: ServicesDep,
    image: Annotated[str | None, Query(max_length=64)] = None,
    capture: Annotated[str | None, Query(max_length=2000)] = None,
) -> SearchResults:
    """The same for a picture that is held: `image` (its SHA-256), or those of `capture` (its id, or its page's address)."""
    if (image is None) == (capture is None):
        raise BadInput(field="image", reason="either an image or a capture")
    if image is not None:
        return SearchResults(results=[SearchResult.model_validate(await services.images.search.by_image(actor, image))])
    named = _CAPTURE.fullmatch((capture or "").strip())
    if named is None:
        raise BadInput(field="capture", reason="no id and no address of a capture of this service")
    found = await services.images.search.by_capture(actor, named[1])
    return SearchResults(results=[SearchResult.model_validate(one) for one in found])


@router.get("/images/{sha256}")
async def read(sha256: str, actor: AnyCaller, services: ServicesDep) -> ImageRow:
    """One picture, by its SHA-256."""
    return ImageRow.model_validate(await services.images.reads.image(actor, sha256))


@router.get("/images/{sha256}/sightings")
async def sightings(sha256: str, actor: AnyCaller, services: ServicesDep) -> SightingList:
    """Where exactly this file was seen."""
    found = await services.images.reads.sightings(actor, sha256)
    return _sightings(found, await services.images.reads.elsewhere(actor, sha256))


@router.get("/images/{sha256}/signals")
async def signals(sha256: str, actor: AnyCaller, services: ServicesDep) -> SignalsAnswer:
    """What the file's own bytes say about its origin: signals, and what they do not prove."""
    return SignalsAnswer.model_validate(await services.images.origins.of(actor, sha256))


@router.get("/images/{sha256}/thumbnail", response_class=Response, responses=WEBP)
async def thumbnail(sha256: str, actor: AnyCaller, services: ServicesDep) -> Response:
    """A working copy, WebP, at most 384 pixels a side."""
    data = await services.images.reads.thumbnail(actor, sha256)
    return Response(data, media_type="image/webp", headers={"Cache-Control": "private, max-age=3600"})


@router.get("/captures/{capture_id}/images")
async def of_capture(capture_id: str, actor: AnyCaller, services: ServicesDep) -> CaptureImagesAnswer:
    """The pictures of a capture, each with its outcome."""
    return CaptureImagesAnswer.model_validate(await services.images.reads.capture(actor, capture_id))


@router.get("/clusters")
async def clusters(
    actor: Reader,
    services: ServicesDep,
    after: Annotated[int | None, Query(ge=0)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 30,
    repeated: bool = False,
) -> ClusterList:
    """One page of clusters, newest first; with `repeated` those seen in at least two captures."""
    found = await services.images.reads.clusters(actor, limit=limit, after=after, repeated=repeated)
    return ClusterList(clusters=[ClusterRow.model_validate(one) for one in found])


@router.get("/clusters/{cluster_id}")
async def cluster(cluster_id: str, actor: Reader, services: ServicesDep) -> ClusterAnswer:
    """One cluster; 410 with `into_id` when its pictures stand in another one now."""
    return ClusterAnswer.model_validate(await services.images.reads.cluster(actor, _cluster(cluster_id)))


@router.get("/clusters/{cluster_id}/sightings")
async def cluster_sightings(cluster_id: str, actor: Reader, services: ServicesDep) -> SightingList:
    """Every instance of the cluster's pictures."""
    found = await services.images.reads.cluster_sightings(actor, _cluster(cluster_id))
    return _sightings(found, await services.images.reads.cluster_elsewhere(actor, _cluster(cluster_id)))


@router.post("/clusters/{cluster_id}/merge", openapi_extra=json_body(MergeRequest))
async def merge(request: Request, cluster_id: str, actor: Grouper, services: ServicesDep) -> MergeAnswer:
    """Both clusters become one; the older id stays, the other one leads to it."""
    asked = await read_json(request, MergeRequest)
    stays = await services.images.decisions.merge(actor, _cluster(cluster_id), asked.other, asked.reason)
    return MergeAnswer(cluster_id=stays)


@router.post("/clusters/{cluster_id}/split", openapi_extra=json_body(SplitRequest), status_code=HTTPStatus.NO_CONTENT)
async def split(request: Request, cluster_id: str, actor: Grouper, services: ServicesDep) -> None:
    """The named pictures leave and form a cluster of their own."""
    asked = await read_json(request, SplitRequest)
    await services.images.decisions.split(actor, _cluster(cluster_id), asked.images, asked.reason)


@router.post("/clusters/{cluster_id}/reject", openapi_extra=json_body(RejectRequest), status_code=HTTPStatus.NO_CONTENT)
async def reject(request: Request, cluster_id: str, actor: Grouper, services: ServicesDep) -> None:
    """The named picture is not this one, and is not joined with it again."""
    asked = await read_json(request, RejectRequest)
    await services.images.decisions.reject(actor, _cluster(cluster_id), asked.image, asked.reason)


@router.post("/clusters/{cluster_id}/counts", status_code=HTTPStatus.CREATED)
async def freeze(cluster_id: str, actor: Grouper, services: ServicesDep) -> FrozenAnswer:
    """Freezes the cluster's counts with what they were counted from."""
    return FrozenAnswer.model_validate(await services.images.counting.freeze(actor, _cluster(cluster_id)))


@router.get("/counts/{count_id}")
async def frozen(count_id: str, actor: Reader, services: ServicesDep) -> FrozenAnswer:
    """A frozen count, counted again."""
    return FrozenAnswer.model_validate(await services.images.counting.frozen(actor, _uuid(count_id, "count")))


async def _picture(request: Request) -> bytes:
    """The picture in a multipart field `file`, or the whole body. BodyLimit has capped both. Raises: BadInput."""
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        return await request.body()
    async with request.form(max_files=1, max_fields=4) as form:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise BadInput(field="file", reason="a picture is wanted")
        return await file.read()


def _sightings(found: Seen, elsewhere: Placed) -> SightingList:
    return SightingList(
        count=found.count,
        truncated=found.truncated,
        sightings=[SightingRow.model_validate(one) for one in found.shown],
        elsewhere=[ElsewhereRow.model_validate(one) for one in elsewhere.shown],
        elsewhere_count=elsewhere.count,
    )


def _cluster(text: str) -> UUID:
    return _uuid(text, "cluster")


def _uuid(text: str, kind: str) -> UUID:
    """Raises: NotFound: what is no id names nothing."""
    try:
        return UUID(text)
    except ValueError as error:
        raise NotFound(kind=kind, id=text[:64]) from error
