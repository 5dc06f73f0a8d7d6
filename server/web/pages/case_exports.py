"""Exports of a case: what a kind and a profile show, making one, following it, confirming it, fetching the file."""

import uuid
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from starlette.responses import RedirectResponse

from server.cases.models import Tlp
from server.errors import BadInput, ServiceError
from server.exports.errors import ExportRefused
from server.exports.kind import CaseExportOrder, ExportKind, Form, Plain, PreviewPart
from server.exports.kinds import KINDS, kind_of
from server.exports.models import ExportState
from server.exports.profiles import ASKS, FETCHES, SECOND_PERSON, Profile
from server.operators.actors import OperatorActor
from server.web.deps import PublicExporter, RecordedRead, ServicesDep
from server.web.pages.render import render
from server.web.problems import status_of
from server.web.ranges import ServedFile, file_response

router = APIRouter()
NAME_LIMIT = 16


@router.get("/cases/{case_id}/exports")
async def of_case(
    request: Request,
    case_id: uuid.UUID,
    actor: PublicExporter,
    services: ServicesDep,
    kind: Annotated[str, Query(max_length=NAME_LIMIT)] = "tables",
    profile: Annotated[str, Query(max_length=NAME_LIMIT)] = "",
) -> Response:
    """The case's exports, a preview of what a kind would show in a profile, and a form to make just that."""
    fields = {"kind": kind_of(kind).name, "profile": profile or _first(actor, kind_of(kind))}
    try:
        shown = await services.case_exports.preview(actor, case_id, kind, _order(fields))
    except ExportRefused as error:
        return await _page(request, actor, services, (case_id, fields, (), error))
    return await _page(request, actor, services, (case_id, fields, shown, None))


@router.post("/cases/{case_id}/exports")
async def make(request: Request, case_id: uuid.UUID, actor: PublicExporter, services: ServicesDep) -> Response:
    """Asks for an export and goes to its page; what was typed is not lost when it is refused."""
    sent = await request.form(max_files=0, max_fields=50)
    fields = {name: value for name, value in sent.items() if isinstance(value, str)}
    try:
        made = await services.case_exports.request(actor, case_id, fields.get("kind", ""), _order(fields))
    except (BadInput, ExportRefused) as error:
        fields |= {"kind": kind_of(fields.get("kind", "")).name}
        return await _page(request, actor, services, (case_id, fields, (), error))
    return RedirectResponse(f"/case-exports/{made.id}", status_code=HTTPStatus.SEE_OTHER)


async def _page(
    request: Request,
    actor: OperatorActor,
    services: ServicesDep,
    asked: tuple[uuid.UUID, dict[str, str], tuple[PreviewPart, ...], ServiceError | None],
) -> Response:
    case_id, fields, shown, error = asked
    exports = await services.case_exports.of_case(actor, case_id)
    case = await services.cases.read(actor, case_id)
    kind = kind_of(fields["kind"])
    return render(
        request,
        "case_exports.html",
        status=HTTPStatus.OK if error is None or request.method == "GET" else status_of(error),
        section="cases",
        case=case,
        exports=exports,
        kind=kind,
        options=kind.asked.options if isinstance(kind.asked, Plain) else (),
        kinds=[one.name for one in KINDS.values() if isinstance(one.asked, Plain) and _profiles(actor, one)],
        documents=[(one.name, one.asked.path) for one in KINDS.values() if isinstance(one.asked, Form) and _profiles(actor, one)],
        profiles=_profiles(actor, kind),
        fields=fields,
        shown=shown,
        refused=fields.get("profile") == Profile.PUBLIC and case.tlp != Tlp.CLEAR,
        second_person=fields.get("profile") in SECOND_PERSON,
        error=None if error is None else error.data,
    )


def _profiles(actor: OperatorActor, kind: ExportKind) -> list[str]:
    return [one.value for one in Profile if one in kind.profiles and ASKS[one] in actor.rights]


def _first(actor: OperatorActor, kind: ExportKind) -> str:
    """What a page shows when nobody chose: the profile that tells the least."""
    return (_profiles(actor, kind) or [Profile.PUBLIC.value])[-1]


def _order(fields: dict[str, str]) -> CaseExportOrder:
    return CaseExportOrder(fields.get("profile", ""), fields.get("purpose", ""), fields.get("recipient", ""), fields)


@router.get("/case-exports/{case_export_id}")
async def one(request: Request, case_export_id: uuid.UUID, actor: PublicExporter, services: ServicesDep) -> Response:
    """One export: progress while it is made, then the file."""
    export = await services.case_exports.read(actor, case_export_id)
    return render(
        request,
        "case_export.html",
        section="cases",
        renews=export.state in (ExportState.QUEUED, ExportState.RUNNING),
        export=export,
        fetches=FETCHES[Profile(export.profile)] in actor.rights,
        asks=ASKS[Profile(export.profile)] in actor.rights,
        unconfirmed=export.profile in SECOND_PERSON and export.confirmed_at is None,
        second=export.actor != actor.urn,
    )


@router.post("/case-exports/{case_export_id}/retry")
async def retry(case_export_id: uuid.UUID, actor: PublicExporter, services: ServicesDep) -> Response:
    """Queues a failed export again."""
    await services.case_exports.retry(actor, case_export_id)
    return RedirectResponse(f"/case-exports/{case_export_id}", status_code=HTTPStatus.SEE_OTHER)


@router.post("/case-exports/{case_export_id}/confirm")
async def confirm(case_export_id: uuid.UUID, actor: PublicExporter, services: ServicesDep) -> Response:
    """Lets a finished file go to the authority, as somebody who did not ask for it."""
    await services.case_exports.confirm(actor, case_export_id)
    return RedirectResponse(f"/case-exports/{case_export_id}", status_code=HTTPStatus.SEE_OTHER)


@router.get("/case-exports/{case_export_id}/file", dependencies=[RecordedRead])
async def file(request: Request, case_export_id: uuid.UUID, actor: PublicExporter, services: ServicesDep) -> Response:
    """The file; Range is honoured. 409 until it is ready."""
    opened = await services.case_exports.open_file(actor, case_export_id)
    media_type = "application/zip" if opened.name.endswith(".zip") else "application/octet-stream"
    served = ServedFile(opened.name, media_type, opened.size_bytes, opened.sha256)
    return file_response(request, served, opened.open_range)
