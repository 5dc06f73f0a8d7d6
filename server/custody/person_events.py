"""Events of the chain `operator:<id>`: what happens to a person's access. They hold ids, roles and numbers, never a name."""

import hashlib
from dataclasses import dataclass, field
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from server.custody.service import CustodyService, EventDraft
from server.operators.actors import Actor, operator_urn


@dataclass(frozen=True)
class PersonEvent:
    """What is recorded of a person: type (docs/formats.md section 4), purpose in words, details as JSON values."""

    type: str
    purpose: str
    details: dict[str, object] = field(default_factory=dict)


async def record_person(
    custody: CustodyService, session: AsyncSession, actor: Actor, operator_id: UUID, event: PersonEvent
) -> None:
    """Records the event in the person's chain, in the caller's transaction."""
    urn = operator_urn(operator_id)
    subject = hashlib.sha256(urn.encode()).hexdigest()
    details = {"operator": urn, **event.details}
    draft = EventDraft(event.type, f"operator:{operator_id}", "operator.urn", subject, event.purpose, details)
    await custody.record(session, actor, draft)
