"""Members of a case: colleagues by choice of its lead, people of other organisations by an invitation that they redeem."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.captures.sharing import CaseMember, MemberRole
from server.cases.models import CaseFile, CaseInvitation, CaseState
from server.cases.parts import CaseParts
from server.cases.recording import record
from server.cases.scope import require_case
from server.errors import BadInput, Forbidden, NotFound
from server.operators.actors import OperatorActor, operator_urn
from server.operators.models import Operator, Organisation
from server.operators.rights import demand, own_rows
from server.operators.roles import Right
from server.operators.secrets import digest, new_token
from server.operators.service import operator_actor
from server.operators.standing import demand_now, hold_roles

INVITATION_DAYS = 7


@dataclass(frozen=True)
class MemberView:
    """One member as the page shows it."""

    operator_id: uuid.UUID
    name: str
    organisation: str
    role: str
    added_at: datetime
    foreign: bool


class Members:
    """Who works on a case."""

    def __init__(self, parts: CaseParts) -> None:
        self._parts = parts

    async def present(self, actor: OperatorActor, case_id: uuid.UUID) -> list[MemberView]:
        """The members, the first added first. Raises: Forbidden; NotFound."""
        async with self._parts.database.session() as session:
            case = await require_case(session, actor, case_id, "read")
            wanted = (
                select(CaseMember, Operator.name, Organisation.name)
                .join(Operator, col(Operator.id) == col(CaseMember.operator_id))
                .join(Organisation, col(Organisation.id) == col(CaseMember.organisation_id))
                .where(CaseMember.case_id == case.id, col(CaseMember.ended_at).is_(None))
                .order_by(col(CaseMember.added_at), col(CaseMember.operator_id))
            )
            rows = (await session.exec(wanted)).all()
        return [
            MemberView(row.operator_id, name, house, row.role, row.added_at, row.organisation_id != case.organisation_id)
            for row, name, house in rows
        ]

    async def colleagues(self, actor: OperatorActor, case_id: uuid.UUID) -> list[Operator]:
        """People of the case's organisation who could be added, for its lead. Raises: Forbidden; NotFound; CaseClosed."""
        async with self._parts.database.session() as session:
            case = await require_case(session, actor, case_id, "lead")
            there = select(CaseMember.operator_id).where(CaseMember.case_id == case.id, col(CaseMember.ended_at).is_(None))
            wanted = select(Operator).where(
                own_rows(actor, Operator.organisation_id), col(Operator.disabled_at).is_(None), col(Operator.id).not_in(there)
            )
            return [*(await session.exec(wanted.order_by(col(Operator.name), col(Operator.id)))).all()]

    async def add(self, actor: OperatorActor, case_id: uuid.UUID, operator_id: uuid.UUID, role: str) -> None:
        """A colleague of the actor's own organisation as member; `case.member_added` is recorded.

        Raises: Forbidden; NotFound (also for somebody of another organisation: they come by an invitation); CaseClosed; BadInput.
        """
        wanted_role = _role(role, foreign=False)
        async with self._parts.database.transaction() as session:
            await demand_now(session, actor, Right.LEAD)
            case = await require_case(session, actor, case_id, "lead")
            found = select(Operator).where(Operator.id == operator_id, own_rows(actor, Operator.organisation_id))
            operator = (await session.exec(found)).first()
            if operator is None or operator.disabled_at is not None or case.organisation_id != actor.organisation_id:
                raise NotFound(kind="operator", id=str(operator_id))
            await self._join(session, case, operator, (wanted_role, actor.operator_id))
            details: dict[str, object] = {"member": operator_urn(operator.id), "role": wanted_role}
            await record(self._parts, session, actor, case, ("case.member_added", details))

    async def remove(self, actor: OperatorActor, case_id: uuid.UUID, operator_id: uuid.UUID) -> None:
        """The member sees nothing more of the case; `case.member_removed` is recorded. Raises: Forbidden; NotFound; BadInput."""
        async with self._parts.database.transaction() as session:
            case = await require_case(session, actor, case_id, "lead")
            row = await session.get(CaseMember, (case.id, operator_id), with_for_update=True)
            if row is None or row.ended_at is not None:
                raise NotFound(kind="member", id=str(operator_id))
            row.ended_at = self._parts.clock.now()
            details: dict[str, object] = {"member": operator_urn(operator_id)}
            await record(self._parts, session, actor, case, ("case.member_removed", details))

    async def invite(self, actor: OperatorActor, case_id: uuid.UUID, role: str) -> str:
        """A token, shown once, by which one person of another organisation joins this case. Raises: Forbidden; NotFound;
        CaseClosed."""
        wanted_role, token, now = _role(role, foreign=True), new_token("hsc"), self._parts.clock.now()
        async with self._parts.database.transaction() as session:
            await demand_now(session, actor, Right.LEAD)
            case = await require_case(session, actor, case_id, "lead")
            session.add(
                CaseInvitation(
                    token_sha256=digest(token),
                    case_id=case.id,
                    role=wanted_role,
                    created_by=actor.operator_id,
                    created_at=now,
                    expires_at=now + timedelta(days=INVITATION_DAYS),
                )
            )
        return token

    async def redeem(self, actor: OperatorActor, token: str) -> uuid.UUID:
        """The case the invitation was for; the actor is its member now. `case.shared` is recorded with both organisations.

        Raises: Forbidden; NotFound (one answer for unknown, used, expired, of somebody who leads the case no more, and a case
        that was closed).
        """
        demand(actor, Right.READ)
        async with self._parts.database.transaction() as session:
            await _hold_inviter(session, token)
            await demand_now(session, actor, Right.READ)
            row = await session.get(CaseInvitation, digest(token), with_for_update=True)
            case = None if row is None else await session.get(CaseFile, row.case_id, with_for_update=True)
            now = self._parts.clock.now()
            if row is None or case is None or row.used_at is not None or row.expires_at <= now or case.state != CaseState.OPEN:
                raise NotFound(kind="invitation", id="")
            await _require_still_leads(session, row)
            row.used_at = now
            operator = await session.get_one(Operator, actor.operator_id)
            await self._join(session, case, operator, (row.role, row.created_by))
            details: dict[str, object] = {
                "member": actor.urn,
                "role": row.role,
                "organisation": str(actor.organisation_id),
                "invitedBy": operator_urn(row.created_by),
            }
            kind = "case.member_added" if case.organisation_id == actor.organisation_id else "case.shared"
            await record(self._parts, session, actor, case, (kind, details))
        return case.id

    async def _join(self, session: AsyncSession, case: CaseFile, operator: Operator, how: tuple[str, uuid.UUID]) -> None:
        row = await session.get(CaseMember, (case.id, operator.id), with_for_update=True)
        if row is None:
            row = CaseMember(
                case_id=case.id,
                operator_id=operator.id,
                organisation_id=operator.organisation_id,
                role=how[0],
                added_by=how[1],
                added_at=self._parts.clock.now(),
            )
            session.add(row)
        row.role, row.added_by, row.added_at, row.ended_at = how[0], how[1], self._parts.clock.now(), None
        await session.flush()


async def _hold_inviter(session: AsyncSession, token: str) -> None:
    """Keeps the rights of whoever made the invitation as they are. Their row is not locked: other work of theirs may hold it and
    wait for the case."""
    house = select(Operator.organisation_id).join(CaseInvitation, col(CaseInvitation.created_by) == col(Operator.id))
    found = (await session.exec(house.where(CaseInvitation.token_sha256 == digest(token)))).first()
    if found is not None:
        await hold_roles(session, found)


async def _require_still_leads(session: AsyncSession, invitation: CaseInvitation) -> None:
    """Returns if whoever made the invitation could make it now: one kept back must not be a way in again. Raises: NotFound."""
    inviter = operator_actor(await session.get_one(Operator, invitation.created_by))
    try:
        await require_case(session, inviter, invitation.case_id, "lead")
    except (Forbidden, NotFound) as error:
        raise NotFound(kind="invitation", id="") from error


def _role(role: str, *, foreign: bool) -> str:
    allowed = [one.value for one in MemberRole if not (foreign and one is MemberRole.LEAD)]
    if role not in allowed:
        raise BadInput(field="role", reason="one of " + ", ".join(allowed))
    return role
