"""Custody events of cases."""

import hashlib

from sqlmodel.ext.asyncio.session import AsyncSession

from server.cases.models import CaseFile
from server.cases.parts import CaseParts
from server.cases.scope import for_owner
from server.custody.service import EventDraft
from server.operators.actors import OperatorActor


async def record(
    parts: CaseParts, session: AsyncSession, actor: OperatorActor, case: CaseFile, what: tuple[str, dict[str, object]]
) -> None:
    """An event in the case's chain, which belongs to the case's organisation whoever acts. Titles and names stay out of it."""
    urn = f"urn:holdstill:case:{case.id}"
    subject = hashlib.sha256(urn.encode()).hexdigest()
    draft = EventDraft(what[0], f"case:{case.id}", "case.urn", subject, "case work", {"case": urn, **what[1]})
    await parts.custody.record(session, for_owner(actor, case.organisation_id), draft)
