"""Cases: opening, reading, closing. Each function is scoped by require_case(); the parts of a case have services of their own."""

import uuid
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func
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
from server.operators.rights import demand
from server.operators.roles import Right
from server.rules.catalogue import shipped

TITLE_LIMIT = 200
SUMMARY_LIMIT = 5000
LIST_LIMIT = 200


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

    async def list(self, actor: OperatorActor) -> list[CaseRow]:
        """The cases the actor may see, newest first, at most LIST_LIMIT; three statements however many there are. Raises:
        Forbidden."""
        demand(actor, Right.READ)
        wanted = select(CaseFile).where(visible_cases(actor)).order_by(col(CaseFile.created_at).desc()).limit(LIST_LIMIT)
        async with self.parts.database.session() as session:
            cases = (await session.exec(wanted)).all()
            ids = [case.id for case in cases]
            exhibits = await _counts(session, Exhibit, col(Exhibit.withdrawn_at).is_(None), ids)
            members = await _counts(session, CaseMember, col(CaseMember.ended_at).is_(None), ids)
        return [CaseRow(case, exhibits.get(case.id, 0), members.get(case.id, 0)) for case in cases]

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


async def _counts(
    session: AsyncSession, model: type[Exhibit] | type[CaseMember], live: ColumnElement[bool], ids: list[uuid.UUID]
) -> dict[uuid.UUID, int]:
    wanted = select(model.case_id, func.count()).where(col(model.case_id).in_(ids), live).group_by(col(model.case_id))
    return dict((await session.exec(wanted)).all())
