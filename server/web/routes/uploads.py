"""Artifact bytes on their way in: one PUT, or tus 1.0.0 (creation, termination). Source: tus.io protocol 1.0.0."""

import uuid
from http import HTTPStatus

from fastapi import APIRouter, Request, Response

from server.captures.values import UploadStatus
from server.errors import NotFound
from server.web.bodies import content_length, header_number
from server.web.deps import DeviceCaller, ServicesDep
from server.web.problems import problem

router = APIRouter(prefix="/api/v1", tags=["uploads"])
TUS = {"Tus-Resumable": "1.0.0"}
BINARY_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.put(
    "/captures/{capture_id}/artifacts/{sha256}",
    status_code=HTTPStatus.NO_CONTENT,
    response_class=Response,
    openapi_extra=BINARY_BODY,
)
async def put(request: Request, capture_id: str, sha256: str, actor: DeviceCaller, services: ServicesDep) -> Response:
    """Stores an artifact of at most 16 MiB; a wrong digest is 422 and nothing is kept. Repeating is success."""
    await services.captures.uploads.put(actor, (capture_id, sha256), content_length(request), request.stream())
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.post("/captures/{capture_id}/artifacts/{sha256}", status_code=HTTPStatus.CREATED, response_class=Response)
async def create(request: Request, capture_id: str, sha256: str, actor: DeviceCaller, services: ServicesDep) -> Response:
    """Opens a resumable upload of the artifact (tus creation): `Upload-Length` in, `Location` out."""
    if (refusal := _refuse_version(request)) is not None:
        return refusal
    length = header_number(request, "Upload-Length")
    status = await services.captures.uploads.create(actor, capture_id, sha256, length)
    headers = TUS | {"Location": f"/api/v1/uploads/{status.upload_id.hex}", "Upload-Offset": str(status.offset)}
    return Response(status_code=HTTPStatus.CREATED, headers=headers)


@router.head("/uploads/{upload_id}", response_class=Response)
async def status(upload_id: str, actor: DeviceCaller, services: ServicesDep) -> Response:
    """Where the upload stands (tus HEAD)."""
    found = await services.captures.uploads.status(actor, _upload_id(upload_id))
    return Response(status_code=HTTPStatus.OK, headers=_place(found) | {"Upload-Length": str(found.size_bytes)})


@router.patch("/uploads/{upload_id}", status_code=HTTPStatus.NO_CONTENT, response_class=Response, openapi_extra=BINARY_BODY)
async def append(request: Request, upload_id: str, actor: DeviceCaller, services: ServicesDep) -> Response:
    """Appends bytes at `Upload-Offset` (tus PATCH); the last byte stores the artifact."""
    if (refusal := _refuse_version(request)) is not None:
        return refusal
    if request.headers.get("content-type", "").split(";")[0].strip() != "application/offset+octet-stream":
        return problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", headers=TUS)
    span = (header_number(request, "Upload-Offset"), content_length(request))
    found = await services.captures.uploads.append(actor, _upload_id(upload_id), span, request.stream())
    return Response(status_code=HTTPStatus.NO_CONTENT, headers=_place(found))


@router.delete("/uploads/{upload_id}", status_code=HTTPStatus.NO_CONTENT, response_class=Response)
async def terminate(upload_id: str, actor: DeviceCaller, services: ServicesDep) -> Response:
    """Ends an open upload and forgets its bytes (tus termination)."""
    await services.captures.uploads.terminate(actor, _upload_id(upload_id))
    return Response(status_code=HTTPStatus.NO_CONTENT, headers=TUS)


@router.options("/captures/{capture_id}/artifacts/{sha256}", response_class=Response, include_in_schema=False)
@router.options("/uploads/{upload_id}", response_class=Response, include_in_schema=False)
async def options(services: ServicesDep) -> Response:
    """What this server's tus can do."""
    facts = {
        "Tus-Version": "1.0.0",
        "Tus-Extension": "creation,termination",
        "Tus-Max-Size": str(services.settings.upload_limit_bytes),
    }
    return Response(status_code=HTTPStatus.NO_CONTENT, headers=TUS | facts)


def _place(status: UploadStatus) -> dict[str, str]:
    return TUS | {"Upload-Offset": str(status.offset), "Cache-Control": "no-store"}


def _refuse_version(request: Request) -> Response | None:
    if request.headers.get("tus-resumable") == "1.0.0":
        return None
    return problem(HTTPStatus.PRECONDITION_FAILED, "tus_version", headers={"Tus-Version": "1.0.0"})


def _upload_id(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(hex=text)
    except ValueError as error:
        raise NotFound(kind="upload", id=text[:64]) from error
