"""Captures: commit, seal, search, read."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from server.captures.views import CaptureQuery
from server.web.deps import AnyCaller, DeviceCaller, RecordedRead, ServicesDep
from server.web.ranges import ServedFile, file_response, head_response
from server.web.schemas import (
    CaptureAnswer,
    CaptureList,
    CaptureRow,
    CommitmentAnswer,
    EventList,
    EventRow,
    SealAnswer,
)

router = APIRouter(prefix="/api/v1/captures", tags=["captures"])
ENVELOPE_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/vnd.in-toto+json": {"schema": {"type": "object", "description": "DSSE envelope, at most 1 MiB"}}
        },
    }
}
TEXT: dict[int | str, dict[str, Any]] = {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}}
BYTES: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}
}


@router.post(
    "",
    status_code=HTTPStatus.CREATED,
    responses={200: {"model": CommitmentAnswer, "description": "Known already"}},
    openapi_extra=ENVELOPE_BODY,
)
async def commit(request: Request, response: Response, actor: DeviceCaller, services: ServicesDep) -> CommitmentAnswer:
    """Commits a statement (the exact bytes of the envelope file); the same payload again gives 200 and its receipt."""
    made = await services.captures.intake.commit(actor, await request.body())
    if made.known:
        response.status_code = HTTPStatus.OK
    return CommitmentAnswer.model_validate(
        {
            "capture_id": made.capture_id,
            "state": made.state,
            "receipt": made.receipt,
            "event": made.event,
            "missing": list(made.missing),
        }
    )


@router.post("/{capture_id}/seal")
async def seal(capture_id: str, actor: DeviceCaller, services: ServicesDep) -> SealAnswer:
    """Hashes every stored byte again and seals; 409 with what is missing. Repeating gives the receipt again."""
    sealed = await services.captures.sealer.seal(actor, capture_id)
    return SealAnswer(capture_id=sealed.capture_id, state="sealed", receipt=sealed.receipt, event=sealed.event)


@router.get("")
async def search(
    actor: AnyCaller,
    services: ServicesDep,
    q: Annotated[str | None, Query(max_length=200)] = None,
    host: Annotated[str | None, Query(max_length=255)] = None,
    cursor: Annotated[str | None, Query(max_length=400)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 30,
) -> CaptureList:
    """One page of captures, newest received first."""
    page = await services.captures.search.search(actor, CaptureQuery(text=q, host=host, cursor=cursor, limit=limit))
    return CaptureList(captures=[CaptureRow.model_validate(row) for row in page.captures], next_cursor=page.next_cursor)


@router.get("/{capture_id}", dependencies=[RecordedRead])
async def read(capture_id: str, actor: AnyCaller, services: ServicesDep) -> CaptureAnswer:
    """One capture. A person's reading is written to the chain of custody; a device's look at its own capture is not."""
    if actor.role == "operator":
        await services.captures.reading.record_view(actor, capture_id)
    return CaptureAnswer.model_validate(await services.captures.details.detail(actor, capture_id))


@router.get("/{capture_id}/receipt", response_class=Response, responses=TEXT)
async def receipt(capture_id: str, actor: AnyCaller, services: ServicesDep) -> Response:
    """C2SP tlog-proof of the committed event."""
    return Response(await services.captures.reading.receipt(actor, capture_id), media_type="text/plain; charset=utf-8")


@router.get("/{capture_id}/statement", response_class=Response, responses=BYTES, dependencies=[RecordedRead])
async def statement(capture_id: str, actor: AnyCaller, services: ServicesDep) -> Response:
    """The exact envelope file the device sent."""
    headers = {"Content-Disposition": 'attachment; filename="statement.dsse.json"'}
    return Response(await services.captures.reading.statement(actor, capture_id), media_type="application/json", headers=headers)


@router.get("/{capture_id}/events")
async def events(capture_id: str, actor: AnyCaller, services: ServicesDep) -> EventList:
    """The capture's custody events by seq, each with its exact envelope."""
    chain = await services.captures.details.chain(actor, capture_id)
    return EventList(
        events=[
            EventRow(seq=one.seq, type=one.type, time=one.time, sha256=one.sha256, envelope=one.envelope.decode("utf-8"))
            for one in chain
        ]
    )


@router.get("/{capture_id}/artifacts/{name}", response_class=Response, responses=BYTES, dependencies=[RecordedRead])
async def artifact(request: Request, capture_id: str, name: str, actor: AnyCaller, services: ServicesDep) -> Response:
    """An artifact's bytes, by role or file name; Range is honoured. The download is a custody event."""
    opened = await services.captures.reading.open_artifact(actor, capture_id, name)
    found = opened.artifact
    file = ServedFile(found.name, found.media_type, found.size_bytes, found.sha256)
    return file_response(request, file, opened.open_range)


@router.head("/{capture_id}/artifacts/{name}", response_class=Response)
async def artifact_head(capture_id: str, name: str, actor: AnyCaller, services: ServicesDep) -> Response:
    """Size, type and digest of an artifact without its bytes."""
    found = await services.captures.reading.find_artifact(actor, capture_id, name)
    return head_response(ServedFile(found.name, found.media_type, found.size_bytes, found.sha256))
