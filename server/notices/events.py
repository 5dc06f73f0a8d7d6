"""The stored events of notices as entries."""

import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.cases.models import CaseFile
from server.notices.bodies import stored_body
from server.notices.models import Notice, NoticeEvent
from server.notices.state import Entry, standing_of
from server.notices.table import Tracked, track
from server.notices.timing import TIMING_RULE


@dataclass(frozen=True)
class Writing:
    """Where the next event goes: its number is counted per notice, under the case's lock."""

    case: CaseFile
    notice: Notice
    seq: int


async def events_of(session: AsyncSession, notice_id: uuid.UUID) -> tuple[Entry, ...]:
    """The notice's events by number."""
    wanted = select(NoticeEvent).where(NoticeEvent.notice_id == notice_id).order_by(col(NoticeEvent.seq))
    return tuple(_entry(row) for row in (await session.exec(wanted)).all())


async def tracked_in(
    session: AsyncSession, case_id: uuid.UUID, last_event: int | None = None, *, rule: int = TIMING_RULE
) -> list[Tracked]:
    """Every notice of the case by number as its events leave it; `last_event`: as it stood then. Two statements."""
    notices = (await session.exec(select(Notice).where(Notice.case_id == case_id).order_by(col(Notice.number)))).all()
    wanted = select(NoticeEvent).join(Notice, col(Notice.id) == col(NoticeEvent.notice_id)).where(Notice.case_id == case_id)
    if last_event is not None:
        wanted = wanted.where(col(NoticeEvent.id) <= last_event)
    entries: dict[uuid.UUID, list[Entry]] = defaultdict(list)
    for row in (await session.exec(wanted.order_by(col(NoticeEvent.id)))).all():
        entries[row.notice_id].append(_entry(row))
    return [tracked_of(one, entries[one.id], rule=rule) for one in notices if one.id in entries]


def tracked_of(notice: Notice, entries: Sequence[Entry], *, rule: int = TIMING_RULE) -> Tracked:
    """The notice as it stands, with its times."""
    return track((notice.id, notice.number, notice.platform), len(entries), standing_of(entries), rule=rule)


def _entry(row: NoticeEvent) -> Entry:
    return Entry(row.seq, stored_body(row.body), row.author_id, row.recorded_at)
