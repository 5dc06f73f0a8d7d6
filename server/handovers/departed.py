"""Links that work on after their maker left: for who administers the people, who may not see what is handed over."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import col, select

from server.errors import NotFound
from server.handovers.judging import kept_back, state_of
from server.handovers.models import Handover, HandoverState
from server.handovers.parts import HandoverParts
from server.handovers.recording import record
from server.operators.actors import OperatorActor
from server.operators.models import Operator
from server.operators.rights import demand, own_rows
from server.operators.roles import Right
from server.operators.standing import demand_now


@dataclass(frozen=True)
class DepartedLink:
    """A link that has not ended: who made it and left, what kind of thing it gives to whom, until when."""

    handover_id: uuid.UUID
    maker: str
    kind: str
    recipient: str
    state: HandoverState
    created_at: datetime
    expires_at: datetime


class DepartedLinks:
    """Links belong to the organisation and stay when their maker leaves (docs/adr/0042): none ends unawares, none is lost."""

    def __init__(self, parts: HandoverParts) -> None:
        self._parts = parts

    async def list(self, actor: OperatorActor, *, limit: int) -> Sequence[DepartedLink]:
        """Those that end last come first; nothing of what they give. Raises: Forbidden."""
        demand(actor, Right.ADMINISTER)
        now = self._parts.clock.now()
        wanted = (
            select(Handover, Operator.name)
            .join(Operator, col(Operator.id) == Handover.created_by)
            .where(
                own_rows(actor, Handover.organisation_id),
                col(Operator.disabled_at).is_not(None),
                col(Handover.revoked_at).is_(None),
                Handover.expires_at > now,
            )
            .order_by(col(Handover.expires_at).desc(), col(Handover.id))
            .limit(limit)
        )
        async with self._parts.database.session() as session:
            found = (await session.exec(wanted)).all()
            kept = await kept_back(session, [row for row, _ in found])
        return [
            DepartedLink(
                handover_id=row.id,
                maker=maker,
                kind=row.kind,
                recipient=row.recipient,
                state=state_of(row, now, is_kept_back=row.id in kept),
                created_at=row.created_at,
                expires_at=row.expires_at,
            )
            for row, maker in found
        ]

    async def close(self, actor: OperatorActor, handover_id: uuid.UUID) -> None:
        """Such a link, and every visit under way, ends now; `handover.revoked` is recorded. Idempotent. Raises: Forbidden;
        NotFound (also a link whose maker is still there: that one is not for an administrator to end)."""
        demand(actor, Right.ADMINISTER)
        async with self._parts.database.transaction() as session:
            actor = await demand_now(session, actor, Right.ADMINISTER)
            left = select(Operator.id).where(col(Operator.disabled_at).is_not(None))
            mine = (own_rows(actor, Handover.organisation_id), col(Handover.created_by).in_(left))
            wanted = select(Handover).where(Handover.id == handover_id, *mine).with_for_update()
            row = (await session.exec(wanted.execution_options(populate_existing=True))).first()
            if row is None:
                raise NotFound(kind="handover", id=str(handover_id))
            if row.revoked_at is None:
                row.revoked_at = self._parts.clock.now()
                await record(session, self._parts.custody, actor, row, ("revoked", {}))
