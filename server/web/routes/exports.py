"""Exports: ask for a bundle, see how far it is, fetch the file."""

from http import HTTPStatus
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from server.exports.service import ExportOrder
from server.web.bodies import json_body, read_json
from server.web.deps import Exporter, HandingOver, RecordedRead, ServicesDep
from server.web.ranges import ServedFile, file_response, head_response
from server.web.schemas import ExportAccepted, ExportAnswer, ExportRequest

router = APIRouter(prefix="/api/v1/exports", tags=["exports"])
FILE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}}}
}


@router.post("", status_code=HTTPStatus.ACCEPTED, openapi_extra=json_body(ExportRequest))
async def ask(request: Request, actor: Exporter, services: ServicesDep) -> ExportAccepted:
    """Queues a bundle of sealed captures."""
    asked = await read_json(request, ExportRequest)
    order = ExportOrder(tuple(asked.captures), asked.purpose, asked.recipient)
    made = await services.exports.request(actor, order)
    return ExportAccepted(export_id=made.export_id, state=made.state)


@router.get("/{export_id}")
async def read(export_id: UUID, actor: Exporter, services: ServicesDep) -> ExportAnswer:
    """How far the export is."""
    return ExportAnswer.model_validate(await services.exports.read(actor, export_id))


@router.post("/{export_id}/retry", status_code=HTTPStatus.ACCEPTED)
async def retry(export_id: UUID, actor: Exporter, services: ServicesDep) -> ExportAccepted:
    """Queues a failed export again: the same captures, chains and manifest."""
    made = await services.exports.retry(actor, export_id)
    return ExportAccepted(export_id=made.export_id, state=made.state)


@router.get("/{export_id}/file", response_class=Response, responses=FILE, dependencies=[RecordedRead])
async def file(request: Request, export_id: UUID, actor: HandingOver, services: ServicesDep) -> Response:
    """The bundle; Range is honoured. 409 until it is ready."""
    opened = await services.exports.open_file(actor, export_id)
    served = ServedFile(opened.name, "application/zip", opened.size_bytes, opened.sha256)
    return file_response(request, served, opened.open_range)


@router.head("/{export_id}/file", response_class=Response)
async def file_head(export_id: UUID, actor: HandingOver, services: ServicesDep) -> Response:
    """Size and digest of the bundle."""
    found = await services.exports.find_file(actor, export_id)
    return head_response(ServedFile(found.name, "application/zip", found.size_bytes, found.sha256))
