"""What a link does at this moment: by its own times and tries, and by the marking that its case has by now."""

import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import or_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from server.captures.sharing import Exhibit
from server.cases.models import CaseFile, Tlp
from server.exports.case_models import CaseExport
from server.exports.profiles import Profile
from server.handovers.models import Handover, HandoverState
from server.handovers.passcodes import TRIES


def state_of(row: Handover, now: datetime, *, is_kept_back: bool, counts_tries: bool = True) -> HandoverState:
    """The first of revoked, expired, locked, marked, embargoed that holds; else open. is_kept_back: as kept_back() says.

    counts_tries: False for a visit under way, which a lock by somebody else's wrong passcodes does not end.
    """
    if row.revoked_at is not None:
        return HandoverState.REVOKED
    if row.expires_at <= now:
        return HandoverState.EXPIRED
    if counts_tries and row.wrong_tries >= TRIES:
        return HandoverState.LOCKED
    if is_kept_back:
        return HandoverState.MARKED
    return HandoverState.EMBARGOED if row.opens_at is not None and now < row.opens_at else HandoverState.OPEN


async def state_now(session: AsyncSession, row: Handover, now: datetime, *, counts_tries: bool = True) -> HandoverState:
    """The state of one link, its case's marking read anew."""
    return state_of(row, now, is_kept_back=bool(await kept_back(session, [row])), counts_tries=counts_tries)


async def kept_back(session: AsyncSession, rows: Sequence[Handover]) -> frozenset[uuid.UUID]:
    """Ids of those links to the public whose capture or export belongs, by now, to a case that is not marked TLP:CLEAR.

    One statement for all of them. The same rule as when a link is made (things.py).
    """
    public = [row.id for row in rows if row.profile == Profile.PUBLIC]
    if not public:
        return frozenset()
    exports = select(CaseExport.id).join(CaseFile, col(CaseFile.id) == col(CaseExport.case_id)).where(CaseFile.tlp != Tlp.CLEAR)
    of_marked = or_(col(Handover.capture_id).in_(marked_captures()), col(Handover.case_export_id).in_(exports))
    return frozenset((await session.exec(select(Handover.id).where(col(Handover.id).in_(public), of_marked))).all())


def marked_captures() -> SelectOfScalar[str]:
    """Ids of captures that are exhibits of a case, of whichever organisation, that is not marked TLP:CLEAR."""
    marked = select(Exhibit.capture_id).join(CaseFile, col(CaseFile.id) == col(Exhibit.case_id))
    return marked.where(col(Exhibit.withdrawn_at).is_(None), CaseFile.tlp != Tlp.CLEAR)
