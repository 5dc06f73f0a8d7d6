"""The alert's form: what is written is kept, what is missing is named, and the page shows what would be printed."""

import uuid
from http import HTTPStatus

from fastapi import APIRouter, Request, Response
from pydantic import ValidationError
from starlette.responses import RedirectResponse

from server.errors import BadInput, NotFound, ServiceError
from server.exports.documents.alert import AlertDraft, paper_data
from server.exports.documents.values import bad_input
from server.exports.errors import ExportRefused
from server.exports.kind import CaseExportOrder
from server.exports.profiles import ASKS, Profile
from server.operators.actors import OperatorActor
from server.web.deps import PublicExporter, ServicesDep
from server.web.forms import lines
from server.web.pages.proposals import chosen_of, numbers_of, proposed, said_of, typed_form
from server.web.pages.render import render, texts_of
from server.web.problems import status_of

router = APIRouter()
ONE_LINE = ("number", "title", "network", "contact", "authors", "statistics", "bundle")
LONG = ("overview", "narratives", "impact", "actions", "recommendations")


@router.get("/cases/{case_id}/exports/alert")
async def form(request: Request, case_id: uuid.UUID, actor: PublicExporter, services: ServicesDep) -> Response:
    """An empty form."""
    return await _page(request, actor, services, (case_id, {}, None, None))


@router.post("/cases/{case_id}/exports/alert")
async def write(request: Request, case_id: uuid.UUID, actor: PublicExporter, services: ServicesDep) -> Response:
    """Shows what would be printed, or makes it; what was typed is never lost."""
    fields = await typed_form(request)
    order = CaseExportOrder(fields.get("profile", ""), fields.get("purpose", ""), fields.get("recipient", ""))
    try:
        draft = _draft(fields)
        if fields.get("act") == "make":
            made = await services.alerts.request(actor, case_id, order, draft)
            return RedirectResponse(f"/case-exports/{made.id}", status_code=HTTPStatus.SEE_OTHER)
        shown = paper_data(await services.alerts.preview(actor, case_id, order, draft))
    except (BadInput, ExportRefused, NotFound) as error:
        if error.data.get("kind") == "case":
            raise
        return await _page(request, actor, services, (case_id, fields, None, error))
    return await _page(request, actor, services, (case_id, fields, shown, None))


async def _page(
    request: Request,
    actor: OperatorActor,
    services: ServicesDep,
    asked: tuple[uuid.UUID, dict[str, str], dict[str, object] | None, ServiceError | None],
) -> Response:
    case_id, fields, shown, error = asked
    await services.case_exports.of_case(actor, case_id, limit=1)
    proposals = await proposed(services, actor, case_id, ONE_LINE, texts_of(request))
    return render(
        request,
        "alert_form.html",
        status=HTTPStatus.OK if error is None else status_of(error),
        section="cases",
        case=await services.cases.read(actor, case_id),
        profiles=[one.value for one in Profile if ASKS[one] in actor.rights],
        fields=fields,
        one_line=ONE_LINE,
        long=LONG,
        shown=shown,
        proposals=proposals,
        error=None if error is None else said_of(error, "alert", proposals, texts_of(request)),
    )


def _draft(fields: dict[str, str]) -> AlertDraft:
    values: dict[str, object] = {name: fields.get(name, "") for name in (*ONE_LINE, "overview")}
    values |= {name: lines(fields.get(name, "")) for name in LONG if name != "overview"}
    values |= {"statistics": numbers_of("statistics", fields), "bundle": chosen_of("bundle", fields) or None}
    try:
        return AlertDraft.model_validate(values)
    except ValidationError as error:
        raise bad_input(error) from error
