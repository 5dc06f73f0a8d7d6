"""What somebody may do at this very moment: asked of the rows that say so, which nobody changes until the transaction ends."""

from dataclasses import replace
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.db import lock_for_transaction
from server.errors import Forbidden, Unauthenticated
from server.operators.actors import OperatorActor
from server.operators.models import ApiToken, Operator, Organisation, WebSession
from server.operators.roles import Right, rights_of
from server.operators.sessions import is_passkey_asked


async def hold_roles(session: AsyncSession, organisation_id: UUID) -> None:
    """Waits for who changes roles in the organisation or lets somebody leave; nobody does either until the transaction ends.

    By an advisory lock, before any row is locked: a person's own row may be held by a request that waits for one's rows.
    """
    await lock_for_transaction(session, f"people:{organisation_id}")


async def demand_now(session: AsyncSession, actor: OperatorActor, *rights: Right) -> OperatorActor:
    """The actor with the rights there are now, if these are among them and what the actor came by still lets somebody in.

    For whatever hands out lasting power: a way in, a role, a token, a link, a second person's word. The request was authenticated
    some milliseconds ago; a demotion, a sign-out or a revocation since then is either seen here, or waits until what is written
    is there to be withdrawn with the rest; so is the rule of whom a passkey is asked. Locks the organisation's row against a
    new rule, then the person's, then the session's or the token's: call it before other rows are locked, after advisory locks.
    Raises: Forbidden; Unauthenticated (who left, a session that ended, a token that was revoked).
    """
    rule = select(Organisation).where(Organisation.id == actor.organisation_id).with_for_update(read=True)
    organisation = (await session.exec(rule.execution_options(populate_existing=True))).one()
    held = select(Operator).where(Operator.id == actor.operator_id).with_for_update(key_share=True)
    operator = (await session.exec(held.execution_options(populate_existing=True))).first()
    if operator is None or operator.disabled_at is not None:
        raise Unauthenticated(reason="no_session")
    present = actor.rights & rights_of(operator.roles)
    if actor.session_id is not None:
        present = present & await _by_session(session, actor, (operator, organisation))
    if actor.token_id is not None:
        by = select(ApiToken.revoked_at).where(ApiToken.id == actor.token_id).with_for_update(read=True)
        if (await session.exec(by)).one_or_none() is not None:
            raise Unauthenticated(reason="unknown_token")
    missing = [right.value for right in rights if right not in present]
    if missing:
        raise Forbidden(needs=" and ".join(missing))
    return replace(actor, rights=present)


async def _by_session(session: AsyncSession, actor: OperatorActor, whose: tuple[Operator, Organisation]) -> frozenset[Right]:
    """What the session is good for: the own account alone, where a passkey is asked for and did not open it."""
    by = select(WebSession.ended_at, WebSession.method).where(col(WebSession.id) == actor.session_id).with_for_update(read=True)
    found = (await session.exec(by)).first()
    if found is None or found[0] is not None:
        raise Unauthenticated(reason="no_session")
    operator, organisation = whose
    is_due = found[1] != "passkey" and is_passkey_asked(organisation, operator)
    return frozenset({Right.ACCOUNT}) if is_due else frozenset(Right)
