"""The forms of the two notices: what is written is kept, everything that is missing is named at once."""

import uuid
from http import HTTPStatus
from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import ValidationError
from starlette.responses import RedirectResponse

from server.errors import BadInput, NotFound, ServiceError
from server.exports.documents.notice import BONA_FIDE, EXPLANATION_LIMIT, TITLES, NoticeDraft, notice_parts
from server.exports.documents.values import bad_input
from server.exports.errors import ExportRefused
from server.exports.notices import NoticeKind, NoticeOrder
from server.operators.actors import OperatorActor
from server.web.deps import PlatformExporter, ServicesDep
from server.web.pages.proposals import numbers_of, proposed, said_of, typed_form
from server.web.pages.render import render, texts_of
from server.web.problems import status_of

router = APIRouter()
ONE_LINE = (
    "provider",
    "service",
    "notifier_name",
    "notifier_email",
    "notifier_organisation",
    "findings",
    "requested_action",
    "territorial_scope",
)
CONTENT_TYPES = ("TEXT", "IMAGE", "VIDEO", "AUDIO", "SYNTHETIC_MEDIA", "APP", "PRODUCT", "OTHER")
KEYWORDS = (
    "MISINFORMATION_DISINFORMATION",
    "VIOLATION_EU_LAW",
    "VIOLATION_NATIONAL_LAW",
    "INAUTHENTIC_ACCOUNTS",
    "IMPERSONATION_ACCOUNT_HIJACKING",
    "HIDDEN_ADVERTISEMENT",
)
Kind = Literal["dsa_notice", "policy_report"]


@router.get("/cases/{case_id}/exports/notices/{notice_kind}")
async def form(
    request: Request, case_id: uuid.UUID, notice_kind: Kind, actor: PlatformExporter, services: ServicesDep
) -> Response:
    """An empty form."""
    return await _page(request, actor, services, (case_id, notice_kind, {}, None, None))


@router.post("/cases/{case_id}/exports/notices/{notice_kind}")
async def write(
    request: Request, case_id: uuid.UUID, notice_kind: Kind, actor: PlatformExporter, services: ServicesDep
) -> Response:
    """Shows what would be sent, or makes it; what was typed is never lost."""
    fields = await typed_form(request)
    try:
        order = NoticeOrder(notice_kind, fields.get("purpose", ""), _draft(fields))
        if fields.get("act") == "make":
            made = await services.notices.request(actor, case_id, order)
            return RedirectResponse(f"/case-exports/{made.id}", status_code=HTTPStatus.SEE_OTHER)
        shown = notice_parts(await services.notices.preview(actor, case_id, order))
    except (BadInput, ExportRefused, NotFound) as error:
        if error.data.get("kind") == "case":
            raise
        return await _page(request, actor, services, (case_id, notice_kind, fields, None, error))
    return await _page(request, actor, services, (case_id, notice_kind, fields, shown, None))


async def _page(
    request: Request,
    actor: OperatorActor,
    services: ServicesDep,
    asked: tuple[uuid.UUID, NoticeKind, dict[str, str], list[dict[str, object]] | None, ServiceError | None],
) -> Response:
    case_id, kind, fields, shown, error = asked
    await services.case_exports.of_case(actor, case_id, limit=1)
    proposals = await proposed(services, actor, case_id, ONE_LINE, texts_of(request))
    return render(
        request,
        "notice_form.html",
        status=HTTPStatus.OK if error is None else status_of(error),
        section="cases",
        case=await services.cases.read(actor, case_id),
        kind=kind,
        title=TITLES[kind],
        fields=fields,
        one_line=ONE_LINE,
        content_types=CONTENT_TYPES,
        keywords=KEYWORDS,
        bona_fide=BONA_FIDE,
        limit=EXPLANATION_LIMIT,
        shown=shown,
        proposals=proposals,
        error=None if error is None else said_of(error, "notice", proposals, texts_of(request)),
    )


def _draft(fields: dict[str, str]) -> NoticeDraft:
    values: dict[str, object] = {name: fields.get(name, "") for name in (*ONE_LINE, "explanation")}
    values |= {
        "findings": numbers_of("findings", fields),
        "territorial_scope": fields.get("territorial_scope", "").upper().replace(",", " ").split(),
        "content_type": f"CONTENT_TYPE_{fields.get('content_type') or 'OTHER'}",
        "keywords": [f"KEYWORD_{fields['keyword']}"] if fields.get("keyword") else [],
        "bona_fide": fields.get("bona_fide") == "yes",
    }
    try:
        return NoticeDraft.model_validate(values)
    except ValidationError as error:
        raise bad_input(error) from error
