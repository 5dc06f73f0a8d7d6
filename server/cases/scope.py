"""Who may see which case: the one place that turns an actor into a condition on rows of cases."""

import uuid
from dataclasses import replace
from typing import Literal

from sqlalchemy import ColumnElement, or_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.captures.sharing import CaseMember, MemberRole
from server.cases.errors import CaseClosed
from server.cases.models import CaseFile, CaseState
from server.errors import Forbidden, NotFound
from server.operators.actors import OperatorActor
from server.operators.rights import demand, own_rows
from server.operators.roles import Right

Need = Literal["read", "write", "lead"]
RIGHT_OF: dict[Need, Right] = {"read": Right.READ, "write": Right.WRITE, "lead": Right.LEAD}


def visible_cases(actor: OperatorActor) -> ColumnElement[bool]:
    """The condition on CaseFile rows: cases one is a member of; with READ_CASES every case of one's organisation."""
    joined = select(CaseMember.case_id).where(CaseMember.operator_id == actor.operator_id, col(CaseMember.ended_at).is_(None))
    member = col(CaseFile.id).in_(joined)
    if Right.READ_CASES not in actor.rights:
        return member
    return or_(member, own_rows(actor, CaseFile.organisation_id))


async def require_case(session: AsyncSession, actor: OperatorActor, case_id: uuid.UUID, need: Need) -> CaseFile:
    """The case, locked for change unless it is only read.

    Raises: Forbidden (the actor's rights, or the part a member has); NotFound, in the same words for an absent case and for one
    the actor may not see; CaseClosed (for more than reading).
    """
    demand(actor, RIGHT_OF[need])
    wanted = select(CaseFile).where(CaseFile.id == case_id, visible_cases(actor))
    if need != "read":
        wanted = wanted.with_for_update().execution_options(populate_existing=True)
    case = (await session.exec(wanted)).first()
    if case is None:
        raise NotFound(kind="case", id=str(case_id))
    if need != "read":
        await _refuse_beyond_membership(session, actor, case, need)
        if case.state == CaseState.CLOSED:
            raise CaseClosed(case=str(case_id))
    return case


async def hold_still(session: AsyncSession, cases: ColumnElement[bool]) -> None:
    """Waits for what is being written in cases (a condition on CaseFile); nobody writes in them until the transaction ends.

    Who counts then knows that nothing from before the moment of counting is still to come, or to go. A clock is read afterwards.
    """
    held = select(CaseFile.id).where(cases).order_by(col(CaseFile.id))
    await session.exec(held.with_for_update(read=True, of=CaseFile))


async def _refuse_beyond_membership(session: AsyncSession, actor: OperatorActor, case: CaseFile, need: Need) -> None:
    if case.organisation_id == actor.organisation_id and Right.READ_CASES in actor.rights:
        return
    member = await session.get(CaseMember, (case.id, actor.operator_id))
    allowed = {"write": (MemberRole.CONTRIBUTOR, MemberRole.LEAD), "lead": (MemberRole.LEAD,)}[need]
    if member is None or member.ended_at is not None or member.role not in allowed:
        raise Forbidden(needs=f"{need} in this case")


def for_owner(actor: OperatorActor, organisation_id: uuid.UUID) -> OperatorActor:
    """The actor as the author of an event in another organisation's chain: the same person, the chain's owner."""
    return replace(actor, organisation_id=organisation_id)
