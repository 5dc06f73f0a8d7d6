"""Covering parts of a capture's pictures: drawn with the mouse or typed as numbers, rendered by the service as a working copy."""

import uuid
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from starlette.responses import RedirectResponse

from server.captures.masked import MaskOrder
from server.captures.masking import BoxesRefused, MaskBox, parse_boxes
from server.captures.previews import preview_kind
from server.errors import BadInput, NotFound
from server.web.deps import Reader, RecordedRead, ServicesDep, Writer
from server.web.middleware import CONTENT_SECURITY_POLICY
from server.web.pages.render import render
from server.web.ranges import ServedFile, file_response

router = APIRouter(prefix="/captures/{capture_id}")
DRAW_POLICY = {"Content-Security-Policy": f"{CONTENT_SECURITY_POLICY}; script-src 'self'"}
EMPTY_ROWS = 4
Numbers = Annotated[list[str], Form(max_length=80)]


@router.get("/masks/{name}", dependencies=[RecordedRead])
async def form(request: Request, capture_id: str, name: str, actor: Writer, services: ServicesDep) -> Response:
    """The picture with the boxes of its newest copy, or what the browser's person marked, to be changed. Looking is recorded."""
    picture = await services.captures.masked.picture(actor, capture_id, name)
    await services.captures.reading.record_view(actor, capture_id)
    boxes = [MaskBox(**one) for one in picture.copies[0].boxes] if picture.copies else list(picture.suggested)
    shown = await _preview_size(services, actor, capture_id, name)
    page = render(
        request,
        "mask.html",
        section="captures",
        capture_id=capture_id,
        picture=picture,
        old=await services.handovers.renewals.of_capture(actor, capture_id),
        boxes=boxes,
        suggested=bool(picture.suggested) and not picture.copies,
        empty_rows=range(EMPTY_ROWS),
        shown=shown,
        view_height=0 if shown is None else round(picture.facts.width * shown[1] / shown[0]),
    )
    page.headers.update(DRAW_POLICY)
    return page


@router.post("/masks")
async def make(
    capture_id: str,
    actor: Writer,
    services: ServicesDep,
    artifact: Annotated[str, Form(max_length=80)],
    reason: Annotated[str, Form(max_length=500)],
    x: Numbers = [],  # noqa: B006 - FastAPI copies defaults
    y: Numbers = [],  # noqa: B006
    width: Numbers = [],  # noqa: B006
    height: Numbers = [],  # noqa: B006
) -> Response:
    """Makes the copy and goes back to the form, which shows it."""
    if not len(x) == len(y) == len(width) == len(height):
        raise BadInput(field="boxes", reason="each box has four numbers")
    try:
        boxes = parse_boxes(zip(x, y, width, height, strict=True))
    except BoxesRefused as error:
        raise BadInput(field="boxes", reason=error.reason) from error
    await services.captures.masked.make(actor, capture_id, MaskOrder(artifact, boxes, reason))
    return RedirectResponse(f"/captures/{capture_id}/masks/{artifact}#copies", status_code=HTTPStatus.SEE_OTHER)


@router.get("/masked/{masked_id}")
async def masked(request: Request, capture_id: str, masked_id: uuid.UUID, actor: Reader, services: ServicesDep) -> Response:
    """The masked copy's PNG: a working copy, so looking at it is no custody event."""
    found = await services.captures.masked.read(actor, capture_id, masked_id)
    row = found.row
    served = ServedFile(f"{row.artifact}.masked.png", "image/png", row.size_bytes, row.sha256)
    return file_response(request, served, found.open_range)


async def _preview_size(services: ServicesDep, actor: Writer, capture_id: str, name: str) -> tuple[int, int] | None:
    """Pixels of the working copy that is shown, or None while there is none."""
    names = await services.captures.reading.artifact_names(actor, capture_id)
    try:
        copy, _ = await services.captures.reading.working_copy(actor, capture_id, preview_kind(names.index(name)))
    except NotFound:
        return None
    return copy.width, copy.height
