"""API tokens: some of a person's rights for a program, for some time. A token makes no further tokens, browsers or people.

Where an organisation asks the person for a passkey, a token works only if a session by passkey made it. What was made before with
a password alone rests until the rule is taken back: nobody can tell whether the person made it, or whoever knew the password.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, exists, func
from sqlmodel import col, select

from server.errors import BadInput, Forbidden, NotFound, Unauthenticated
from server.operators.actors import OperatorActor
from server.operators.models import ApiToken, Operator, Organisation, Passkey, WebSession
from server.operators.rights import demand, own_rows
from server.operators.roles import TOKEN_SCOPES, Right
from server.operators.secrets import digest, new_token
from server.operators.service import LABEL_LIMIT, OperatorService, operator_actor
from server.operators.sessions import is_passkey_asked
from server.operators.standing import demand_now

PREFIX = "hsa"
DAYS_LIMIT = 366


@dataclass(frozen=True)
class TokenOrder:
    """What is asked for: a label, scopes (values of Right), and for how many days."""

    label: str
    scopes: tuple[str, ...]
    days: int


@dataclass(frozen=True)
class UnprovedTokens:
    """How many tokens somebody has that work now, or would but for the rule, and were made without a passkey."""

    name: str
    count: int
    is_resting: bool


def proved() -> ColumnElement[bool]:
    """The condition that a passkey stands behind a token: one whose counter never went back. One that was removed still does."""
    return exists().where(col(Passkey.id) == col(ApiToken.passkey_id), col(Passkey.suspected_at).is_(None))


class TokenService:
    """A person's own tokens, and how many of an organisation's a rule stops."""

    def __init__(self, operators: OperatorService) -> None:
        self.operators = operators

    async def create(self, actor: OperatorActor, order: TokenOrder) -> tuple[ApiToken, str]:
        """The row and the token, shown once. Raises: BadInput (label, scopes, days); Forbidden (more than the person may)."""
        demand(actor, Right.ACCOUNT)
        label = order.label.strip()
        if not label or len(label) > LABEL_LIMIT or not label.isprintable():
            raise BadInput(field="label", reason=f"1 to {LABEL_LIMIT} printable characters")
        if not 1 <= order.days <= DAYS_LIMIT:
            raise BadInput(field="days", reason=f"1 to {DAYS_LIMIT}")
        scopes = _scopes(order.scopes)
        beyond = scopes - actor.rights
        if beyond:
            raise Forbidden(needs=" and ".join(sorted(beyond)))
        token, now = new_token(PREFIX), self.operators.clock.now()
        row = ApiToken(
            operator_id=actor.operator_id,
            label=label,
            scopes=sorted(scope.value for scope in scopes),
            token_sha256=digest(token),
            created_at=now,
            expires_at=now + timedelta(days=order.days),
        )
        opened = select(WebSession.passkey_id).where(col(WebSession.id) == actor.session_id, WebSession.method == "passkey")
        async with self.operators.database.transaction() as session:
            await demand_now(session, actor, Right.ACCOUNT, *scopes)
            row.passkey_id = (await session.exec(opened)).first()
            session.add(row)
        return row, token

    async def authenticate(self, token: str) -> OperatorActor:
        """The person behind a token, with what of its scopes the person may still do: nothing while it rests (`passkey_due`).

        Raises: Unauthenticated.
        """
        wanted = select(ApiToken, Operator, Organisation, proved()).where(
            ApiToken.token_sha256 == digest(token),
            Operator.id == ApiToken.operator_id,
            Organisation.id == Operator.organisation_id,
        )
        async with self.operators.database.session() as session:
            found = (await session.exec(wanted)).first()
        if found is None:
            raise Unauthenticated(reason="unknown_token")
        row, operator, organisation, is_proved = found
        if row.revoked_at is not None or row.expires_at <= self.operators.clock.now() or operator.disabled_at is not None:
            raise Unauthenticated(reason="unknown_token")
        actor = operator_actor(operator)
        if is_passkey_asked(organisation, operator) and not is_proved:
            return replace(actor, rights=frozenset(), token_id=row.id, passkey_due=True)
        kept = frozenset(right for right in actor.rights & TOKEN_SCOPES if right.value in row.scopes)
        return replace(actor, rights=kept, token_id=row.id)

    async def list(self, actor: OperatorActor) -> list[ApiToken]:
        """The actor's own tokens, newest first."""
        demand(actor, Right.ACCOUNT)
        wanted = (
            select(ApiToken)
            .where(ApiToken.operator_id == actor.operator_id)
            .order_by(col(ApiToken.created_at).desc(), col(ApiToken.id))
        )
        async with self.operators.database.session() as session:
            return [*(await session.exec(wanted)).all()]

    async def resting(self, actor: OperatorActor) -> set[UUID]:
        """Which of the actor's own tokens rest: the organisation asks the actor for a passkey, and none stands behind them."""
        demand(actor, Right.ACCOUNT)
        wanted = select(ApiToken.id).where(ApiToken.operator_id == actor.operator_id, ~proved())
        async with self.operators.database.session() as session:
            operator = await session.get_one(Operator, actor.operator_id)
            organisation = await session.get_one(Organisation, actor.organisation_id)
            return set((await session.exec(wanted)).all()) if is_passkey_asked(organisation, operator) else set()

    async def unproved(self, actor: OperatorActor) -> tuple[UnprovedTokens, ...]:
        """Who in the organisation has tokens that a rule stops or would stop, by name; labels are their owners' business.

        Raises: Forbidden.
        """
        demand(actor, Right.ADMINISTER)
        works = (col(ApiToken.revoked_at).is_(None), col(ApiToken.expires_at) > self.operators.clock.now(), ~proved())
        wanted = select(Operator, func.count()).join(ApiToken, col(ApiToken.operator_id) == col(Operator.id))
        wanted = wanted.where(own_rows(actor, Operator.organisation_id), col(Operator.disabled_at).is_(None), *works)
        wanted = wanted.group_by(col(Operator.id)).order_by(col(Operator.name), col(Operator.id))
        async with self.operators.database.session() as session:
            organisation = await session.get_one(Organisation, actor.organisation_id)
            found = (await session.exec(wanted)).all()
        return tuple(UnprovedTokens(one.name, count, is_passkey_asked(organisation, one)) for one, count in found)

    async def revoke(self, actor: OperatorActor, token_id: UUID) -> None:
        """Ends one of the actor's own tokens. Idempotent. Raises: NotFound."""
        demand(actor, Right.ACCOUNT)
        async with self.operators.database.transaction() as session:
            row = await session.get(ApiToken, token_id, with_for_update=True)
            if row is None or row.operator_id != actor.operator_id:
                raise NotFound(kind="token", id=str(token_id))
            row.revoked_at = row.revoked_at or self.operators.clock.now()


def _scopes(texts: Iterable[str]) -> frozenset[Right]:
    known = {right.value: right for right in TOKEN_SCOPES}
    asked = tuple(texts)
    if not asked or any(text not in known for text in asked):
        raise BadInput(field="scopes", reason="one or more of " + ", ".join(sorted(known)))
    return frozenset(known[text] for text in asked)
