"""What was made elsewhere: tables of sightings (upload, mapping with preview, progress, problems, undo) and archives."""

import csv
import io
import uuid
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Form, Path, Query, Request, Response
from starlette.datastructures import FormData, UploadFile
from starlette.responses import RedirectResponse, StreamingResponse

from server.cases.entities import CONFIDENCES
from server.cases.models import CaseState
from server.composition import Services
from server.errors import BadInput
from server.exports.tables.cells import csv_cell
from server.imports.contents import LISTED_LIMIT
from server.imports.deposits import MEDIA_TYPES, RECORDS_PAGE, DepositOrder
from server.imports.errors import FileRefused
from server.imports.fields import FIELDS
from server.imports.models import DepositState, ImportState, TableImport
from server.imports.options import TIME_SOURCES
from server.imports.service import ENDED, STOPPED, TableFile, is_planned
from server.imports.sniffing import DELIMITERS, ENCODINGS
from server.imports.times import DATE_ORDERS
from server.imports.views import Plan, ProblemRow
from server.operators.actors import OperatorActor
from server.operators.roles import Right
from server.web.deps import Reader, RecordedRead, ServicesDep, Writer
from server.web.pages.image_words import facts_line
from server.web.pages.images import PICTURE_CACHE, Digest
from server.web.pages.render import render, texts_of
from server.web.ranges import ServedFile, file_response

router = APIRouter()
Long = Annotated[str, Form(max_length=2000)]
Position = Annotated[int, Path(ge=0, le=2**31 - 1)]
OPTIONS = (
    "source", "zone", "date_order", "platform", "time_source", "seen_at", "seen_by", "window", "claimed_by", "confidence",
)  # fmt: skip
CHOICES = {
    "fields": FIELDS, "encodings": ENCODINGS, "delimiters": tuple(DELIMITERS), "date_orders": DATE_ORDERS,
    "time_sources": TIME_SOURCES, "confidences": CONFIDENCES,
}  # fmt: skip


@router.get("/cases/{case_id}/imports")
async def of_case(request: Request, case_id: uuid.UUID, actor: Reader, services: ServicesDep) -> Response:
    """The case's imports and archives, with the forms for more."""
    return await _list(request, actor, services, case_id)


@router.post("/cases/{case_id}/imports")
async def upload(request: Request, case_id: uuid.UUID, actor: Writer, services: ServicesDep) -> Response:
    """Takes a table in as a draft and goes to its mapping. The body is read only after the right was shown."""
    async with request.form(max_files=1, max_fields=200) as form:
        try:
            file = _file(form)
            found = await services.imports.upload(actor, case_id, TableFile(file.file, file.filename or ""))
        except FileRefused as refused:
            return await _list(request, actor, services, case_id, refused=str(refused.data["reason"]))
    return _to(f"/imports/{found.id}")


@router.post("/cases/{case_id}/deposits")
async def deposit(request: Request, case_id: uuid.UUID, actor: Writer, services: ServicesDep) -> Response:
    """Takes an archive or a picture in as it is and goes to its page."""
    async with request.form(max_files=1, max_fields=200) as form:
        try:
            file = _file(form)
            order = DepositOrder(_text(form, "said_by"), _text(form, "said_url"), _text(form, "note"))
            found = await services.imports.deposits.take(actor, case_id, (file.file, file.filename or ""), order)
        except FileRefused as refused:
            return await _list(request, actor, services, case_id, refused=str(refused.data["reason"]))
    return _to(f"/deposits/{found.id}")


@router.get("/imports/{import_id}")
async def one(request: Request, import_id: uuid.UUID, actor: Reader, services: ServicesDep) -> Response:
    """A draft with its mapping and preview; else how far it is, what was refused, and what an undo kept."""
    view = await services.imports.read(actor, import_id)
    if view.table.state == ImportState.DRAFT:
        return await _draft(request, (actor, services), view.table, None)
    case = await services.cases.read(actor, view.table.case_id)
    going = view.table.state in (ImportState.QUEUED, ImportState.RUNNING, ImportState.UNDOING)
    return render(
        request,
        "import.html",
        section="cases",
        case=case,
        view=view,
        table=view.table,
        writes=Right.WRITE in actor.rights and case.state == CaseState.OPEN,
        ended=view.table.state in (*ENDED, ImportState.UNDOING),
        stopped=view.table.state in STOPPED and is_planned(view.table),
        renews=going,
        going=going,
    )


@router.post("/imports/{import_id}")
async def plan(request: Request, import_id: uuid.UUID, actor: Writer, services: ServicesDep) -> Response:
    """Shows what the mapping would make of the first rows, or starts the import."""
    async with request.form(max_files=0, max_fields=1000) as form:
        said = _plan(form)
        act = _text(form, "act")
    view = await services.imports.read(actor, import_id)
    if act != "start":
        return await _draft(request, (actor, services), view.table, said)
    try:
        await services.imports.start(actor, import_id, said)
    except (BadInput, FileRefused) as refused:
        return await _draft(request, (actor, services), view.table, said, refused=str(refused.data["reason"]))
    return _to(f"/imports/{import_id}")


@router.post("/imports/{import_id}/cancel")
async def cancel(import_id: uuid.UUID, actor: Writer, services: ServicesDep) -> Response:
    """No further row is taken."""
    found = await services.imports.cancel(actor, import_id)
    return _to(f"/imports/{found.id}" if is_planned(found) else f"/cases/{found.case_id}/imports")


@router.post("/imports/{import_id}/resume")
async def resume(import_id: uuid.UUID, actor: Writer, services: ServicesDep) -> Response:
    """Goes on where it stopped."""
    return _to(f"/imports/{(await services.imports.resume(actor, import_id)).id}")


@router.post("/imports/{import_id}/undo")
async def undo(import_id: uuid.UUID, actor: Writer, services: ServicesDep) -> Response:
    """Takes back what this import alone made."""
    return _to(f"/imports/{(await services.imports.undo(actor, import_id)).id}")


@router.get("/imports/{import_id}/problems.csv")
async def problems(import_id: uuid.UUID, actor: Reader, services: ServicesDep) -> Response:
    """Every refused row and every note, as a table that no spreadsheet takes for formulas."""
    pages = await services.imports.problems(actor, import_id)
    headers = {"Content-Disposition": f'attachment; filename="import-{import_id.hex[:12]}-problems.csv"'}
    return StreamingResponse(_csv(pages), media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/deposits/{deposit_id}")
async def archive(
    request: Request,
    deposit_id: uuid.UUID,
    actor: Reader,
    services: ServicesDep,
    after: Annotated[int, Query(ge=-1, le=2**31 - 1)] = -1,
) -> Response:
    """An archive made elsewhere: who says so, what it says of itself and holds, its checks, since when it provably exists."""
    view = await services.imports.deposits.read(actor, deposit_id, after)
    texts = texts_of(request)
    case = await services.cases.read(actor, view.deposit.case_id)
    writes = Right.WRITE in actor.rights and case.state == CaseState.OPEN and view.deposit.withdrawn_at is None
    return render(
        request,
        "deposit.html",
        section="cases",
        renews=view.deposit.state == DepositState.RECEIVED or view.pictures.state == "pending",
        case=case,
        view=view,
        deposit=view.deposit,
        writes=writes,
        facts=lambda image: facts_line(texts, image),
        page_size=RECORDS_PAGE,
        listed_limit=LISTED_LIMIT,
    )


@router.get("/deposits/{deposit_id}/pictures/{sha256}")
async def archive_picture(deposit_id: uuid.UUID, sha256: Digest, actor: Reader, services: ServicesDep) -> Response:
    """A small re-encoded working copy of a picture in it: looking at it is no custody event."""
    data = await services.imports.deposits.thumbnail(actor, deposit_id, sha256)
    return Response(data, media_type="image/webp", headers=PICTURE_CACHE)


@router.get("/deposits/{deposit_id}/records/{position}", dependencies=[RecordedRead])
async def archive_record(
    request: Request, deposit_id: uuid.UUID, position: Position, actor: Reader, services: ServicesDep
) -> Response:
    """One record as text: nothing of it is rendered, run or fetched. The opening is recorded."""
    deposit, record, text = await services.imports.deposits.record_text(actor, deposit_id, position)
    return render(request, "deposit_record.html", section="cases", deposit=deposit, record=record, text=text)


@router.get("/deposits/{deposit_id}/file", dependencies=[RecordedRead])
async def archive_file(request: Request, deposit_id: uuid.UUID, actor: Reader, services: ServicesDep) -> Response:
    """Its bytes as they came; the opening is recorded. Range is honoured."""
    opened = await services.imports.deposits.open_file(actor, deposit_id)
    found = opened.deposit
    name = f"made-elsewhere-{found.number}-{found.sha256[:12]}.{ {'warc': 'warc', 'wacz': 'wacz'}.get(found.kind, 'bin') }"
    served = ServedFile(name, MEDIA_TYPES[found.kind], found.size_bytes, found.sha256)
    return file_response(request, served, opened.open_range)


@router.get("/deposits/{deposit_id}/receipt")
async def archive_receipt(deposit_id: uuid.UUID, actor: Reader, services: ServicesDep) -> Response:
    """The proof that the log holds its receipt."""
    return Response(await services.imports.deposits.receipt(actor, deposit_id), media_type="text/plain; charset=utf-8")


@router.post("/deposits/{deposit_id}/withdraw")
async def withdraw(deposit_id: uuid.UUID, actor: Writer, services: ServicesDep, reason: Long) -> Response:
    """It no longer counts; file and record stay."""
    return _to(f"/deposits/{(await services.imports.deposits.withdraw(actor, deposit_id, reason)).id}")


async def _list(request: Request, actor: OperatorActor, services: Services, case_id: uuid.UUID, *, refused: str = "") -> Response:
    case = await services.cases.read(actor, case_id)
    return render(
        request,
        "imports.html",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if refused else HTTPStatus.OK,
        section="cases",
        case=case,
        imports=await services.imports.of_case(actor, case_id),
        deposits=await services.imports.deposits.of_case(actor, case_id),
        writes=Right.WRITE in actor.rights and case.state == CaseState.OPEN,
        refused=refused,
    )


async def _draft(
    request: Request, who: tuple[OperatorActor, Services], table: TableImport, said: Plan | None, *, refused: str = ""
) -> Response:
    actor, services = who
    preview = await services.imports.preview(actor, table.id, said)
    case = await services.cases.read(actor, table.case_id)
    return render(
        request,
        "import_draft.html",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if refused else HTTPStatus.OK,
        section="cases",
        case=case,
        table=table,
        preview=preview,
        said={name: "" if said is None else said.options.get(name, "") for name in OPTIONS},
        choices=CHOICES,
        writes=Right.WRITE in actor.rights and case.state == CaseState.OPEN,
        refused=refused,
    )


def _plan(form: FormData) -> Plan:
    """What the form says: columns by the names they were shown under."""
    mapping: dict[str, str] = {}
    for key in form:
        if key.startswith("name-") and (meaning := _text(form, f"column-{key.removeprefix('name-')}")):
            mapping[_text(form, key)] = meaning
    options = {name: text for name in OPTIONS if (text := _text(form, name))}
    delimiter = _text(form, "delimiter_other") or _text(form, "delimiter")
    return Plan(mapping, options, _text(form, "encoding"), delimiter, _text(form, "sheet"))


def _file(form: FormData) -> UploadFile:
    file = form.get("file")
    if not isinstance(file, UploadFile):
        raise BadInput(field="file", reason="a file is wanted")
    return file


def _text(form: FormData, name: str) -> str:
    value = form.get(name, "")
    return value.strip()[:2000] if isinstance(value, str) else ""


async def _csv(pages: AsyncIterator[list[ProblemRow]]) -> AsyncIterator[str]:
    yield "\ufeff" + _lines([["row", "severity", "column", "value", "reason"]])
    async for page in pages:
        yield _lines([[csv_cell(one.row), *map(csv_cell, (one.severity, one.column, one.value, one.reason))] for one in page])


def _lines(rows: list[list[str]]) -> str:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue()


def _to(path: str) -> Response:
    return RedirectResponse(path, status_code=HTTPStatus.SEE_OTHER)
