"""Findings: the form that says at once what is missing, one finding, its reviews and looks."""

import uuid
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request, Response
from starlette.responses import RedirectResponse

from server.cases.exhibits import ExhibitView
from server.cases.models import CaseState
from server.errors import BadInput, ServiceError
from server.findings.body import FindingBody
from server.findings.evidence import DepositFact, Gap, Known, gaps, silence_verdict
from server.findings.models import FindingState
from server.findings.review import FROM
from server.findings.scope import Opened
from server.findings.service import LookOrder, unlabelled
from server.imports.models import Deposit
from server.operators.actors import OperatorActor
from server.operators.roles import Right
from server.rules.errors import RuleError
from server.web.deps import Reader, Reviewer, ServicesDep, Writer
from server.web.finding_form import Numbers, body_of, fields_of
from server.web.forms import utc_time
from server.web.pages.render import render

router = APIRouter()
Line = Annotated[str, Form(max_length=300)]
EXHIBITS_SHOWN = 1000


@router.get("/cases/{case_id}/findings/new")
async def new(
    request: Request, case_id: uuid.UUID, actor: Writer, services: ServicesDep, kind: Annotated[str, Query(alias="type")] = ""
) -> Response:
    """An empty form, with everything the type asks for named as missing."""
    return await _form(request, actor, services, (case_id, kind, FindingBody(), None))


@router.post("/cases/{case_id}/findings/new")
async def create(request: Request, case_id: uuid.UUID, actor: Writer, services: ServicesDep) -> Response:
    """Keeps the draft, or only checks it; what was typed is never lost."""
    form, kind = await _fields(request), request.query_params.get("type", "")
    numbers = await _numbers(actor, services, case_id)
    try:
        body = body_of(form, numbers, services.findings.catalogue)
        if form.get("act") != "check":
            finding = await services.findings.draft(actor, case_id, kind, body)
            return _to(finding.id)
    except BadInput as error:
        return await _form(request, actor, services, (case_id, kind, form, error))
    return await _form(request, actor, services, (case_id, kind, body, None))


@router.get("/findings/{finding_id}")
async def one(request: Request, finding_id: uuid.UUID, actor: Reader, services: ServicesDep) -> Response:
    """One finding: facts, assessment and alleged basis apart, what is missing, the looks, reviews and versions."""
    opened = await services.findings.read(actor, finding_id)
    versions, reviews = await services.findings.history(actor, finding_id)
    members = {one.operator_id: one.name for one in await services.cases.members.present(actor, opened.case.id)}
    numbers = await _numbers(actor, services, opened.case.id)
    mine = actor.operator_id in (
        opened.version.author_id,
        opened.version.facts_by,
        opened.version.assessment_by,
        opened.version.basis_by,
    )
    is_open = opened.case.state == CaseState.OPEN
    onward = (FindingState.REVIEWED, FindingState.CONFIRMED)
    possible = [state for state, before in FROM.items() if opened.finding.state in before]
    verdicts = [state for state in possible if not (opened.gaps and state in onward)]
    return render(
        request,
        "finding.html",
        picker=True,
        section="cases",
        opened=opened,
        body=opened.body,
        kind=services.findings.catalogue.types[opened.finding.type],
        verdict=_verdict(opened),
        numbers=numbers,
        versions=versions,
        reviews=reviews,
        names=members,
        unlabelled={layer: unlabelled(opened, layer) for layer in (1, 2, 3)},
        bases=services.findings.catalogue.bases,
        newer=services.findings.catalogue.techniques.suggested,
        writes=Right.WRITE in actor.rights and is_open,
        verdicts=verdicts if Right.REVIEW in actor.rights and is_open and not mine else [],
        own=mine,
    )


@router.get("/findings/{finding_id}/edit")
async def edit(request: Request, finding_id: uuid.UUID, actor: Writer, services: ServicesDep) -> Response:
    """The newest version in the form; saving makes the next one."""
    opened = await services.findings.read(actor, finding_id)
    return await _form(request, actor, services, (opened.case.id, opened.finding.type, opened.body, None), opened)


@router.post("/findings/{finding_id}/edit")
async def revise(request: Request, finding_id: uuid.UUID, actor: Writer, services: ServicesDep) -> Response:
    """A new version, or only a check of what was typed."""
    opened = await services.findings.read(actor, finding_id)
    form = await _fields(request)
    asked: tuple[uuid.UUID, str, Any, ServiceError | None] = (opened.case.id, opened.finding.type, form, None)
    try:
        body = body_of(form, await _numbers(actor, services, opened.case.id), services.findings.catalogue)
        if form.get("act") != "check":
            after = form.get("after", "")
            version = int(after) if after.isascii() and after.isdigit() and len(after) < 7 else 0
            await services.findings.revise(actor, finding_id, version, (body, form.get("reason", "")))
            return _to(finding_id)
    except BadInput as error:
        return await _form(request, actor, services, (*asked[:3], error), opened)
    return await _form(request, actor, services, (opened.case.id, opened.finding.type, body, None), opened)


@router.post("/findings/{finding_id}/review")
async def review(
    finding_id: uuid.UUID,
    actor: Reviewer,
    services: ServicesDep,
    verdict: Line,
    version: Annotated[int, Form()],
    note: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """The second person's word."""
    await services.findings.reviews.judge(actor, finding_id, version, (verdict, note))
    return _to(finding_id)


@router.post("/findings/{finding_id}/looks")
async def look(
    finding_id: uuid.UUID,
    actor: Writer,
    services: ServicesDep,
    layer: Annotated[int, Form()],
    kind: Line,
    state: Line,
    seen_at: Line,
    place: Annotated[str, Form(max_length=2000)] = "",
    exhibit: Line = "",
) -> Response:
    """One more look for a label."""
    opened = await services.findings.read(actor, finding_id)
    numbers = await _numbers(actor, services, opened.case.id)
    capture_id = numbers.capture("exhibit", exhibit) if exhibit.strip() else None
    order = LookOrder(layer, kind, state, utc_time("seen_at", seen_at), place, "", capture_id)
    await services.findings.look(actor, finding_id, order)
    return _to(finding_id, "looks")


@router.post("/findings/{finding_id}/looks/statement")
async def take_looks(finding_id: uuid.UUID, actor: Writer, services: ServicesDep, exhibit: Line) -> Response:
    """Takes over what the person who captured an exhibit looked for."""
    opened = await services.findings.read(actor, finding_id)
    numbers = await _numbers(actor, services, opened.case.id)
    await services.findings.take_looks(actor, finding_id, numbers.capture("exhibit", exhibit))
    return _to(finding_id, "looks")


async def _form(
    request: Request,
    actor: OperatorActor,
    services: ServicesDep,
    asked: tuple[uuid.UUID, str, FindingBody | Mapping[str, str], ServiceError | None],
    opened: Opened | None = None,
) -> Response:
    """The form, filled with a body or with what was typed, beside everything that is missing."""
    case_id, type_code, content, error = asked
    catalogue = services.findings.catalogue
    kind = catalogue.types.get(type_code)
    if kind is None:
        raise BadInput(field="type", reason="no such type of finding")
    case = await services.cases.read(actor, case_id)
    exhibits = await services.cases.exhibits.page(actor, case_id, limit=EXHIBITS_SHOWN)
    held = [one for one in await services.imports.deposits.of_case(actor, case_id) if one.withdrawn_at is None]
    numbers = _numbered(exhibits, held)
    typed = isinstance(content, Mapping)
    known = Known({}, catalogue=catalogue)
    if not typed:
        live = {one.exhibit.capture_id: one.captured_at for one in exhibits if one.exhibit.withdrawn_at is None}
        facts = [DepositFact(one.id, one.number, one.kind, one.sha256, one.received_at) for one in held]
        known = Known(live, () if opened is None else opened.known.looks, facts, catalogue=catalogue)
    missing: tuple[Gap, ...] = () if isinstance(content, Mapping) else gaps(type_code, content, known)
    return render(
        request,
        "finding_form.html",
        picker=True,
        section="cases",
        status=HTTPStatus.OK if error is None else HTTPStatus.UNPROCESSABLE_ENTITY,
        case=case,
        kind=kind,
        fields={**fields_of(FindingBody(), numbers), **content} if isinstance(content, Mapping) else fields_of(content, numbers),
        gaps=missing,
        error=error,
        opened=opened,
        exhibits=[one for one in exhibits if one.exhibit.withdrawn_at is None],
        deposits=held,
        rules=catalogue.silence.values(),
        elections=catalogue.elections.values(),
        suggested=[catalogue.bases[basis] for basis in kind.bases],
        techniques=[found for one in kind.disarm if (found := catalogue.techniques.find("DISARM", one)) is not None],
        election=case.election_id or "",
    )


async def _fields(request: Request) -> dict[str, str]:
    form = await request.form(max_files=0, max_fields=100)
    return {name: value for name, value in form.items() if isinstance(value, str)}


async def _numbers(actor: OperatorActor, services: ServicesDep, case_id: uuid.UUID) -> Numbers:
    exhibits = await services.cases.exhibits.page(actor, case_id, limit=EXHIBITS_SHOWN)
    held = await services.imports.deposits.of_case(actor, case_id)
    return _numbered(exhibits, [one for one in held if one.withdrawn_at is None])


def _numbered(exhibits: Sequence[ExhibitView], deposits: Sequence[Deposit]) -> Numbers:
    captures = {one.exhibit.number: one.exhibit.capture_id for one in exhibits if one.exhibit.withdrawn_at is None}
    return Numbers(captures, {one.number: one.id for one in deposits})


def _verdict(opened: Opened) -> object:
    try:
        return silence_verdict(opened.body, opened.known)
    except RuleError:
        return None


def _to(finding_id: uuid.UUID, part: str = "") -> Response:
    return RedirectResponse(f"/findings/{finding_id}" + (f"#{part}" if part else ""), status_code=HTTPStatus.SEE_OTHER)
