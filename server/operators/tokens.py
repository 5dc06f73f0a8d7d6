"""API tokens: some of a person's rights for a program, for some time. A token makes no further tokens, browsers or people."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from sqlmodel import col, select

from server.errors import BadInput, Forbidden, NotFound, Unauthenticated
from server.operators.actors import OperatorActor
from server.operators.models import ApiToken, Operator
from server.operators.rights import demand
from server.operators.roles import TOKEN_SCOPES, Right
from server.operators.secrets import digest, new_token
from server.operators.service import LABEL_LIMIT, OperatorService, operator_actor

PREFIX = "hsa"
DAYS_LIMIT = 366


@dataclass(frozen=True)
class TokenOrder:
    """What is asked for: a label, scopes (values of Right), and for how many days."""

    label: str
    scopes: tuple[str, ...]
    days: int


class TokenService:
    """A person's own tokens."""

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
        async with self.operators.database.transaction() as session:
            session.add(row)
        return row, token

    async def authenticate(self, token: str) -> OperatorActor:
        """The person behind a token, with what of its scopes the person may still do. Raises: Unauthenticated."""
        wanted = select(ApiToken, Operator).where(ApiToken.token_sha256 == digest(token), Operator.id == ApiToken.operator_id)
        async with self.operators.database.session() as session:
            found = (await session.exec(wanted)).first()
        if found is None:
            raise Unauthenticated(reason="unknown_token")
        row, operator = found
        if row.revoked_at is not None or row.expires_at <= self.operators.clock.now() or operator.disabled_at is not None:
            raise Unauthenticated(reason="unknown_token")
        actor = operator_actor(operator)
        kept = frozenset(right for right in actor.rights & TOKEN_SCOPES if right.value in row.scopes)
        return replace(actor, rights=kept, token_id=row.id)

    async def list(self, actor: OperatorActor) -> list[ApiToken]:
        """The actor's own tokens, newest first."""
        demand(actor, Right.ACCOUNT)
        wanted = select(ApiToken).where(ApiToken.operator_id == actor.operator_id).order_by(col(ApiToken.created_at).desc())
        async with self.operators.database.session() as session:
            return [*(await session.exec(wanted)).all()]

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
