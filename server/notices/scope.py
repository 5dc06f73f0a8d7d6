"""Who may see which notice: whoever may see its case; and which right each kind of event asks for."""

import uuid

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.cases.models import CaseFile
from server.cases.scope import Need, require_case
from server.errors import Forbidden, NotFound
from server.notices.bodies import Body, Complained, Corrected, Sent
from server.notices.models import Notice
from server.operators.actors import OperatorActor
from server.operators.rights import demand
from server.operators.roles import Right


async def require_notice(
    session: AsyncSession, actor: OperatorActor, notice_id: uuid.UUID, need: Need
) -> tuple[CaseFile, Notice]:
    """The notice and its case, the case locked unless they are only read: its notices change one after the other.

    Raises: Forbidden; NotFound, in the same words for an absent notice and for one of a case the actor may not see; CaseClosed.
    """
    notice = (await session.exec(select(Notice).where(Notice.id == notice_id))).first()
    try:
        case = await require_case(session, actor, notice_id if notice is None else notice.case_id, need)
    except NotFound as error:
        raise NotFound(kind="notice", id=str(notice_id)) from error
    assert notice is not None  # noqa: S101 - no case has a notice's id
    return case, notice


def demand_for(actor: OperatorActor, body: Body, corrected: Body | None = None) -> None:
    """Returns when the actor may record this. What goes to a platform asks for more than writing, what goes to an authority for
    most.

    `corrected`: the event that a correction is about; it asks for the same right. Raises: Forbidden.
    """
    demand(actor, Right.WRITE)
    for one in (corrected, body.content if isinstance(body, Corrected) else body):
        if isinstance(one, Complained) and one.remedy == "authority_complaint":
            demand(actor, Right.EXPORT_AUTHORITY)
        elif isinstance(one, Sent | Complained):
            demand(actor, Right.EXPORT_PLATFORM)


def goes_out(body: Body, corrected: Body | None = None) -> bool:
    """True for what leaves the house: only the organisation whose case it is says that it did."""
    return any(isinstance(one, Sent | Complained) for one in (body, corrected))


def refuse_guests(actor: OperatorActor, case: CaseFile) -> None:
    """Returns for people of the case's organisation. Raises: Forbidden."""
    if case.organisation_id != actor.organisation_id:
        raise Forbidden(needs="a case of one's own organisation")
