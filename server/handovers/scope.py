"""Which links somebody may see and change: those of the organisation, of profiles that the person may hand over."""

import uuid

from sqlalchemy import ColumnElement, or_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.cases.models import CaseFile
from server.cases.scope import visible_cases
from server.errors import NotFound
from server.exports.case_models import CaseExport
from server.exports.profiles import FETCHES
from server.handovers.models import Handover
from server.operators.actors import OperatorActor
from server.operators.rights import own_rows


def visible_links(actor: OperatorActor) -> ColumnElement[bool]:
    """Links of the organisation, of profiles the actor may hand over; to exports of cases only where one may see the case."""
    profiles = [profile.value for profile, right in FETCHES.items() if right in actor.rights]
    cases = select(CaseExport.id).join(CaseFile, col(CaseFile.id) == col(CaseExport.case_id)).where(visible_cases(actor))
    of_case = or_(col(Handover.case_export_id).is_(None), col(Handover.case_export_id).in_(cases))
    return own_rows(actor, Handover.organisation_id) & col(Handover.profile).in_(profiles) & of_case


async def require_link(session: AsyncSession, actor: OperatorActor, handover_id: uuid.UUID, *, lock: bool = False) -> Handover:
    """The link, if the actor may see it; locked for change on request. Raises: NotFound."""
    wanted = select(Handover).where(Handover.id == handover_id, visible_links(actor))
    if lock:
        wanted = wanted.with_for_update().execution_options(populate_existing=True)
    row = (await session.exec(wanted)).first()
    if row is None:
        raise NotFound(kind="handover", id=str(handover_id))
    return row
