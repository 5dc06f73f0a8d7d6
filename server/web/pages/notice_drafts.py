"""The draft of a notice: written anew, or put in the place of the one before while nothing was sent."""

import uuid
from http import HTTPStatus

from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from server.cases.models import CaseFile
from server.errors import BadInput, NotFound, ServiceError
from server.notices.errors import NoticeRefused
from server.notices.service import DraftOrder, NoticeView
from server.notices.state import draft_seq
from server.operators.actors import OperatorActor
from server.rules.channels import ROUTES
from server.web.deps import ServicesDep, Writer
from server.web.notice_form import draft_of, export_named, fields_of
from server.web.pages.proposals import chosen_of, proposed, said_of
from server.web.pages.render import render, texts_of
from server.web.problems import status_of

router = APIRouter()


@router.get("/cases/{case_id}/notices/new")
async def new(request: Request, case_id: uuid.UUID, actor: Writer, services: ServicesDep) -> Response:
    """An empty draft."""
    return await _page(request, actor, services, (await services.cases.read(actor, case_id), {}, None))


@router.post("/cases/{case_id}/notices/new")
async def draft(request: Request, case_id: uuid.UUID, actor: Writer, services: ServicesDep) -> Response:
    """Keeps the draft; what was typed is never lost."""
    case, fields = await services.cases.read(actor, case_id), await _fields(request)
    try:
        made = await services.notice_records.draft(actor, case_id, _order(fields))
    except (BadInput, NotFound) as error:
        return await _page(request, actor, services, (case, fields, error))
    return _to(made.id)


@router.get("/notices/{notice_id}/draft")
async def written(request: Request, notice_id: uuid.UUID, actor: Writer, services: ServicesDep) -> Response:
    """The draft as it stands, to be revised; what was sent is only read."""
    view = await services.notice_records.read(actor, notice_id)
    if view.tracked.standing.sent is not None:
        return _to(notice_id)
    fields = fields_of(view.tracked.standing.draft) | {"after": str(draft_seq(view.entries))}
    return await _page(request, actor, services, (view.case, fields, None), view)


@router.post("/notices/{notice_id}/draft")
async def revise(request: Request, notice_id: uuid.UUID, actor: Writer, services: ServicesDep) -> Response:
    """Another draft in its place, with the reason; both stay to be read. One that somebody else kept meanwhile is named first."""
    view, fields = await services.notice_records.read(actor, notice_id), await _fields(request)
    after = fields.get("after", "")
    seq = int(after) if after.isascii() and after.isdigit() and len(after) < 7 else 0
    try:
        await services.notice_records.revise(actor, notice_id, seq, (_order(fields), fields.get("reason", "")))
    except (BadInput, NotFound, NoticeRefused) as error:
        kept = fields | {"after": str(error.data.get("newest", after))}
        return await _page(request, actor, services, (view.case, kept, error), view)
    return _to(notice_id)


def _order(fields: dict[str, str]) -> DraftOrder:
    """The draft of the form; its document is typed, by id or address, or chosen beside that. Raises: BadInput."""
    return draft_of(fields | {"export": chosen_of("export", fields | {"export": export_named(fields)})})


async def _page(
    request: Request,
    actor: OperatorActor,
    services: ServicesDep,
    typed: tuple[CaseFile, dict[str, str], ServiceError | None],
    revised: NoticeView | None = None,
) -> Response:
    """Exports are proposed to the organisation whose case it is: nobody else makes or names one."""
    case, fields, error = typed
    catalogue, texts = services.findings.catalogue, texts_of(request)
    asked = ("export",) if case.organisation_id == actor.organisation_id else ()
    proposals = await proposed(services, actor, case.id, asked, texts)
    return render(
        request,
        "notice_draft.html",
        status=HTTPStatus.OK if error is None else status_of(error),
        section="cases",
        case=case,
        revised=None if revised is None else revised.notice,
        fields=fields,
        error=None if error is None else said_of(error, "notice_record", proposals, texts),
        proposals=proposals,
        routes=ROUTES,
        rules=catalogue.silence.values(),
        elections=catalogue.elections.values(),
        election=case.election_id or "",
    )


async def _fields(request: Request) -> dict[str, str]:
    form = await request.form(max_files=0, max_fields=100)
    return {name: value for name, value in form.items() if isinstance(value, str)}


def _to(notice_id: uuid.UUID) -> Response:
    return RedirectResponse(f"/notices/{notice_id}", status_code=HTTPStatus.SEE_OTHER)
