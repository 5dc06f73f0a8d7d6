"""Cases: the list, one case, and what members add to it."""

import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request, Response
from starlette.responses import RedirectResponse

from server.captures.sharing import MemberRole
from server.cases.entities import CONFIDENCES, RELATIONS
from server.cases.models import CaseFile, CaseNote, CaseState, EntityKind, Tlp
from server.cases.notes import MOMENT_KINDS, NOTES_SHOWN, MomentOrder
from server.cases.searchquery import STATES, SearchQuery
from server.cases.service import CaseOrder
from server.errors import BadInput, NotFound
from server.notices import rechecks
from server.operators.actors import OperatorActor
from server.operators.roles import Right
from server.rules.catalogue import shipped
from server.web.deps import CaseMaker, Lead, Reader, ServicesDep, Writer
from server.web.forms import optional, typed_id, utc_time
from server.web.pages.picks import picks_of
from server.web.pages.render import render, texts_of

router = APIRouter()
_DIGEST = re.compile(r"[0-9a-f]{64}")
Line = Annotated[str, Form(max_length=300)]
Long = Annotated[str, Form(max_length=10_000)]
ENTITIES_SHOWN, FINDINGS_SHOWN, FINDINGS_ROWS, CASES_SHOWN = 25, 25, 50, 50
MARKINGS = tuple(one.value for one in Tlp)


@router.get("/cases")
async def index(
    request: Request, actor: Reader, services: ServicesDep, before: Annotated[str, Query(max_length=80)] = ""
) -> Response:
    """A page of the cases the reader may see, the newest first."""
    rows = await services.cases.list(actor, before=_place("before", before), limit=CASES_SHOWN + 1)
    shown, elections = rows[:CASES_SHOWN], shipped().elections.values()
    last = shown[-1].case if len(rows) > CASES_SHOWN else None
    older = last and f"/cases?{urlencode({'before': _cursor(last)})}"
    return render(request, "cases.html", section="cases", rows=shown, older=older, tlps=MARKINGS, elections=elections)


@router.post("/cases")
async def open_case(
    actor: CaseMaker,
    services: ServicesDep,
    title: Line,
    summary: Long = "",
    tlp: Line = Tlp.AMBER.value,
    election: Line = "",
) -> Response:
    """Opens a case and goes to it."""
    case = await services.cases.open(actor, CaseOrder(title, summary, tlp, election or None))
    return _to(case.id)


@router.get("/cases/join/{token}")
async def invited(request: Request, token: str, actor: Reader) -> Response:
    """Asks before the invitation to a case of another organisation is used up."""
    return render(request, "case_join.html", section="cases", token=token[:256])


@router.post("/cases/join/{token}")
async def join(token: str, actor: Reader, services: ServicesDep) -> Response:
    """Becomes a member of the case the invitation was for."""
    return _to(await services.cases.members.redeem(actor, token[:256]))


@router.get("/cases/{case_id}")
async def one(
    request: Request,
    case_id: uuid.UUID,
    actor: Reader,
    services: ServicesDep,
    q: Annotated[str, Query(max_length=200)] = "",
    after: Annotated[int, Query(ge=0)] = 0,
    notes: Annotated[str, Query(max_length=80)] = "",
) -> Response:
    """One case: exhibits, the newest findings, notes and entities, timeline, members; or what a search in it finds, alone."""
    if q.strip():
        return await _found(request, actor, services, SearchQuery(q, case_id=case_id))
    return await _page(request, actor, services, case_id, Shown(after=after, notes=_place("notes", notes)))


@router.get("/cases/{case_id}/findings")
async def findings(
    request: Request,
    case_id: uuid.UUID,
    actor: Reader,
    services: ServicesDep,
    before: Annotated[int | None, Query(ge=0)] = None,
    state: Annotated[str, Query(max_length=16)] = "",
) -> Response:
    """The case's findings, the newest first."""
    case = await services.cases.read(actor, case_id)
    state = state if state in STATES else ""
    rows = await services.findings.lists.page(actor, case_id, FINDINGS_ROWS + 1, before=before, state=state)
    shown = rows[:FINDINGS_ROWS]
    following = urlencode({"before": shown[-1].finding.number, "state": state}) if len(rows) > FINDINGS_ROWS else ""
    next_url = following and f"/cases/{case_id}/findings?{following}"
    choices = {"states": STATES}
    return render(
        request, "case_findings.html", section="cases", case=case, findings=shown, state=state, next_url=next_url, choices=choices
    )


@router.post("/cases/{case_id}/exhibits")
async def add_exhibit(
    request: Request, case_id: uuid.UUID, actor: Writer, services: ServicesDep, capture: Line, note: Long = ""
) -> Response:
    """Admits a capture: its id, or the address of its page. Words are asked back: which of the captures that hold them."""
    capture_id = capture.strip().rstrip("/").rsplit("/", 1)[-1].lower()
    if not _DIGEST.fullmatch(capture_id):
        case = await services.cases.read(actor, case_id)
        picks = await picks_of(services, actor, (case_id, "captures", capture[:200]), texts_of(request))
        if not picks:
            raise BadInput(field="capture", reason=f"no capture holds {capture.strip()[:100]!r}: try other words of the page")
        return render(request, "exhibit_pick.html", section="cases", case=case, typed=capture, picks=picks, note=note)
    await services.cases.exhibits.add(actor, case_id, capture_id, note)
    return _to(case_id, "exhibits")


@router.post("/cases/{case_id}/exhibits/{number}/withdraw")
async def withdraw_exhibit(case_id: uuid.UUID, number: int, actor: Writer, services: ServicesDep, reason: Long) -> Response:
    """The exhibit no longer counts; its number is not given again."""
    await services.cases.exhibits.withdraw(actor, case_id, number, reason)
    return _to(case_id, "exhibits")


@router.post("/cases/{case_id}/notes")
async def write_note(case_id: uuid.UUID, actor: Writer, services: ServicesDep, text: Long, corrects: Line = "") -> Response:
    """A note, or the correction of one."""
    await services.cases.notes.write(actor, case_id, text, corrects=optional(typed_id, "corrects", corrects))
    return _to(case_id, "notes")


@router.post("/cases/{case_id}/moments")
async def add_moment(
    case_id: uuid.UUID,
    actor: Writer,
    services: ServicesDep,
    kind: Line,
    title: Line,
    at: Line,
    ends_at: Line = "",
    source: Long = "",
) -> Response:
    """Something on the timeline; times are UTC."""
    ends: datetime | None = optional(utc_time, "ends_at", ends_at)
    await services.cases.notes.add_moment(actor, case_id, MomentOrder(kind, title, utc_time("at", at), ends, source))
    return _to(case_id, "timeline")


@router.post("/cases/{case_id}/members")
async def add_member(
    case_id: uuid.UUID, actor: Lead, services: ServicesDep, role: Line, operator_id: uuid.UUID = Form()
) -> Response:
    """A colleague as member, or another part for one."""
    await services.cases.members.add(actor, case_id, operator_id, role)
    return _to(case_id, "members")


@router.post("/cases/{case_id}/members/{operator_id}/remove")
async def remove_member(case_id: uuid.UUID, operator_id: uuid.UUID, actor: Lead, services: ServicesDep) -> Response:
    """The member sees nothing more of the case."""
    await services.cases.members.remove(actor, case_id, operator_id)
    return _to(case_id, "members")


@router.post("/cases/{case_id}/invitations")
async def invite(request: Request, case_id: uuid.UUID, actor: Lead, services: ServicesDep, role: Line) -> Response:
    """An invitation for one person of another organisation, shown on this very answer and never again."""
    token = await services.cases.members.invite(actor, case_id, role)
    return await _page(request, actor, services, case_id, Shown(invitation=token))


@router.post("/cases/{case_id}/mark")
async def mark(case_id: uuid.UUID, actor: Lead, services: ServicesDep, tlp: Line) -> Response:
    """Another TLP marking."""
    await services.cases.mark(actor, case_id, tlp)
    return _to(case_id)


@router.post("/cases/{case_id}/close")
async def close(case_id: uuid.UUID, actor: Lead, services: ServicesDep) -> Response:
    """Read only from now on."""
    await services.cases.close(actor, case_id)
    return _to(case_id)


@dataclass(frozen=True)
class Shown:
    """Which part of a long case is shown. `after`: the number of the last exhibit before; `notes`: the last note before."""

    after: int = 0
    notes: tuple[datetime, uuid.UUID] | None = None
    invitation: str | None = None


async def _found(request: Request, actor: OperatorActor, services: ServicesDep, query: SearchQuery) -> Response:
    """The best hits of a search in one case."""
    found = await services.cases.searching.search(actor, query)
    if found.case is None:
        raise NotFound(kind="case", id=str(query.case_id))
    election = shipped().elections.get(found.case.election_id or "")
    return render(request, "case_found.html", section="cases", case=found.case, election=election, found=found, q=query.text)


async def _page(request: Request, actor: OperatorActor, services: ServicesDep, case_id: uuid.UUID, shown: Shown) -> Response:
    cases, token = services.cases, shown.invitation
    case = await cases.read(actor, case_id)
    leads = Right.LEAD in actor.rights and case.organisation_id == actor.organisation_id and case.state == CaseState.OPEN
    exhibits = await cases.exhibits.page(actor, case_id, after=shown.after)
    entities = await cases.entities.lists.overview(actor, case_id, limit=ENTITIES_SHOWN)
    findings = await services.findings.lists.page(actor, case_id, FINDINGS_SHOWN + 1)
    notes = await cases.notes.written(actor, case_id, before=shown.notes)
    last = notes[-1].note if len(notes) == NOTES_SHOWN else None
    return render(
        request,
        "case.html",
        picker=True,
        section="cases",
        case=case,
        election=shipped().elections.get(case.election_id or ""),
        exports=Right.EXPORT_PUBLIC in actor.rights and case.organisation_id == actor.organisation_id,
        writes=Right.WRITE in actor.rights and case.state == CaseState.OPEN,
        leads=leads,
        exhibits=exhibits,
        next_after=exhibits[-1].exhibit.number if len(exhibits) == 50 else None,
        findings=findings[:FINDINGS_SHOWN],
        more_findings=len(findings) > FINDINGS_SHOWN,
        rechecks=await services.notice_records.rechecks.of_case(actor, case_id, services.clock.now()),
        rechecks_limit=rechecks.ROWS_LIMIT,
        judgings=await services.imports.judgings.of_case(actor, case_id, limit=3),
        types=shipped().types.values(),
        notes=notes,
        older_notes=last and f"/cases/{case_id}?{urlencode({'notes': _cursor(last)})}#notes",
        timeline=await cases.notes.timeline(actor, case_id),
        members=await cases.members.present(actor, case_id),
        colleagues=await cases.members.colleagues(actor, case_id) if leads else [],
        entities=entities,
        invitation=None if token is None else f"{services.settings.public_url.rstrip('/')}/cases/join/{token}",
        me=actor.operator_id,
        own=actor.organisation_id,
        choices={
            "tlps": MARKINGS,
            "kinds": [one.value for one in EntityKind],
            "relations": RELATIONS,
            "confidences": CONFIDENCES,
            "moments": MOMENT_KINDS,
            "roles": [one.value for one in MemberRole],
        },
    )


def _cursor(last: CaseFile | CaseNote) -> str:
    """Where the page after this one begins: the moment with microseconds, and the id."""
    return f"{last.created_at.astimezone(UTC).isoformat()}|{last.id}"


def _place(field: str, cursor: str) -> tuple[datetime, uuid.UUID] | None:
    """What _cursor() wrote; None where a list begins. Raises: BadInput."""
    if not cursor:
        return None
    at, _, last = cursor.partition("|")
    return utc_time(field, at), typed_id(field, last)


def _to(case_id: uuid.UUID, part: str = "") -> Response:
    return RedirectResponse(f"/cases/{case_id}" + (f"#{part}" if part else ""), status_code=HTTPStatus.SEE_OTHER)
