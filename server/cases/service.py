"""Cases: opening, reading, closing. Each function is scoped by require_case(); the parts of a case have services of their own."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, tuple_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.captures.sharing import CaseMember, Exhibit, MemberRole
from server.cases.entities import Entities
from server.cases.exhibits import Exhibits
from server.cases.members import Members
from server.cases.models import CaseFile, CaseState, Tlp
from server.cases.notes import Notes
from server.cases.parts import CaseParts
from server.cases.recording import record
from server.cases.scope import require_case, visible_cases
from server.cases.search import CaseSearch, Searching
from server.cases.texts import long_text, one_line
from server.db import lock_for_transaction
from server.errors import BadInput
from server.operators.actors import OperatorActor
from server.operators.rights import demand, own_rows
from server.operators.roles import Right
from server.rules.catalogue import shipped

TITLE_LIMIT = 200
SUMMARY_LIMIT = 5000
LIST_LIMIT = 200
Place = tuple[datetime, uuid.UUID]
"""When the last case of a page was opened, and its id: the next page begins after it."""


@dataclass(frozen=True)
class CaseOrder:
    """What a new case is called. `election_id`: one of the rule packs', or None."""

    title: str
    summary: str = ""
    tlp: str = Tlp.AMBER.value
    election_id: str | None = None


@dataclass(frozen=True)
class CaseRow:
    """One line of the list of cases."""

    case: CaseFile
    exhibits: int
    members: int


@dataclass(frozen=True)
class CaseChoices:
    """Cases that a form lets one choose from, newest first. `is_cut`: there are others that are not among them."""

    cases: Sequence[CaseFile]
    is_cut: bool


class CaseService:
    """Everything about cases; findings and statistics stand above it."""

    def __init__(self, parts: CaseParts) -> None:
        self.parts = parts
        self.exhibits = Exhibits(parts)
        self.members = Members(parts)
        self.notes = Notes(parts)
        self.entities = Entities(parts)
        self.search = CaseSearch(parts)
        self.searching = Searching(parts)

    async def open(self, actor: OperatorActor, order: CaseOrder) -> CaseFile:
        """A new case whose first member, as its lead, is the actor; `case.opened` is recorded. Raises: Forbidden; BadInput."""
        demand(actor, Right.CREATE_CASES)
        title, summary = one_line("title", order.title, TITLE_LIMIT), long_text("summary", order.summary, SUMMARY_LIMIT)
        if order.tlp not in {one.value for one in Tlp}:
            raise BadInput(field="tlp", reason="a marking of TLP 2.0")
        if order.election_id is not None and order.election_id not in shipped().elections:
            raise BadInput(field="election_id", reason="an election of the rule packs")
        now = self.parts.clock.now()
        async with self.parts.database.transaction() as session:
            await lock_for_transaction(session, f"case numbers:{actor.organisation_id}")
            last = select(func.max(CaseFile.number)).where(CaseFile.organisation_id == actor.organisation_id)
            case = CaseFile(
                organisation_id=actor.organisation_id,
                number=((await session.exec(last)).one() or 0) + 1,
                title=title,
                summary=summary,
                tlp=order.tlp,
                election_id=order.election_id,
                created_by=actor.operator_id,
                created_at=now,
            )
            session.add(case)
            await session.flush()
            session.add(
                CaseMember(
                    case_id=case.id,
                    operator_id=actor.operator_id,
                    organisation_id=actor.organisation_id,
                    role=MemberRole.LEAD,
                    added_by=actor.operator_id,
                    added_at=now,
                )
            )
            await record(self.parts, session, actor, case, ("case.opened", {"number": case.number, "tlp": case.tlp}))
        return case

    async def list(self, actor: OperatorActor, *, before: Place | None = None, limit: int = LIST_LIMIT) -> list[CaseRow]:
        """A page of the cases the actor may see, newest first, those after `before`; three statements however many there are.
        Raises: Forbidden."""
        demand(actor, Right.READ)
        wanted = visible_cases(actor)
        if before is not None:
            wanted &= tuple_(col(CaseFile.created_at), col(CaseFile.id)) < tuple_(*before)
        async with self.parts.database.session() as session:
            cases = await _newest(session, wanted, limit)
            ids = [case.id for case in cases]
            exhibits = await _counts(session, Exhibit, col(Exhibit.withdrawn_at).is_(None), ids)
            members = await _counts(session, CaseMember, col(CaseMember.ended_at).is_(None), ids)
        return [CaseRow(case, exhibits.get(case.id, 0), members.get(case.id, 0)) for case in cases]

    async def choices(self, actor: OperatorActor, *, is_own: bool = False, named: Collection[uuid.UUID] = ()) -> CaseChoices:
        """The newest LIST_LIMIT cases the actor may see, of the own organisation alone where `is_own`, and of the older ones
        those `named`. Raises: Forbidden."""
        demand(actor, Right.READ)
        wanted = visible_cases(actor)
        if is_own:
            wanted &= own_rows(actor, CaseFile.organisation_id)
        async with self.parts.database.session() as session:
            newest = await _newest(session, wanted, LIST_LIMIT + 1)
            shown = newest[:LIST_LIMIT]
            older = set(named) - {one.id for one in shown}
            kept = await _newest(session, wanted & col(CaseFile.id).in_(older), len(older)) if older else []
        return CaseChoices([*shown, *kept], len(newest) > LIST_LIMIT)

    async def read(self, actor: OperatorActor, case_id: uuid.UUID) -> CaseFile:
        """The case. Raises: Forbidden; NotFound."""
        async with self.parts.database.session() as session:
            return await require_case(session, actor, case_id, "read")

    async def mark(self, actor: OperatorActor, case_id: uuid.UUID, tlp: str) -> None:
        """Another TLP marking; `case.marked` is recorded. Raises: Forbidden; NotFound; CaseClosed; BadInput."""
        if tlp not in {one.value for one in Tlp}:
            raise BadInput(field="tlp", reason="a marking of TLP 2.0")
        async with self.parts.database.transaction() as session:
            case = await require_case(session, actor, case_id, "lead")
            before, case.tlp = case.tlp, tlp
            await record(self.parts, session, actor, case, ("case.marked", {"from": before, "to": tlp}))

    async def close(self, actor: OperatorActor, case_id: uuid.UUID) -> None:
        """The case is read only from now on; `case.closed` is recorded. Raises: Forbidden; NotFound; CaseClosed."""
        async with self.parts.database.transaction() as session:
            case = await require_case(session, actor, case_id, "lead")
            case.state, case.closed_at = CaseState.CLOSED, self.parts.clock.now()
            await record(self.parts, session, actor, case, ("case.closed", {}))


async def _newest(session: AsyncSession, wanted: ColumnElement[bool], limit: int) -> Sequence[CaseFile]:
    order = (col(CaseFile.created_at).desc(), col(CaseFile.id).desc())
    return (await session.exec(select(CaseFile).where(wanted).order_by(*order).limit(limit))).all()


async def _counts(
    session: AsyncSession, model: type[Exhibit] | type[CaseMember], live: ColumnElement[bool], ids: list[uuid.UUID]
) -> dict[uuid.UUID, int]:
    wanted = select(model.case_id, func.count()).where(col(model.case_id).in_(ids), live).group_by(col(model.case_id))
    return dict((await session.exec(wanted)).all())
