"""Re-checks: when to look again after a notice was sent. The service never looks itself; a person does, and says what was
found."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.cases.models import CaseFile, CaseState
from server.cases.scope import require_case, visible_cases
from server.db import Database
from server.notices.bodies import Sent
from server.notices.models import Notice, NoticeEvent, NoticeRecheck
from server.notices.vocabulary import CHECKS
from server.operators.actors import OperatorActor
from server.operators.rights import demand
from server.operators.roles import Right

ROWS_LIMIT = 500
AFTER: dict[str, timedelta] = {"after_1h": timedelta(hours=1), "after_24h": timedelta(hours=24)}


@dataclass(frozen=True)
class DueRecheck:
    """One open re-check with its notice. `is_due`: its time has come."""

    recheck: NoticeRecheck
    notice: Notice
    case: CaseFile
    is_due: bool


def due_times(sent: Sent, names: Sequence[str]) -> list[tuple[str, datetime]]:
    """When to look, for each of `names` that applies, the earliest first. The window's end applies if it lies after the sending.

    The look at the window's end is due at the last moment that can be its end: only then is nothing of the window left.
    """
    end = None if sent.window is None else sent.window.end[1]
    found = [(name, sent.at.value + AFTER[name]) for name in CHECKS if name in names and name in AFTER]
    if "window_end" in names and end is not None and end > sent.at.value:
        found.append(("window_end", end))
    return sorted(found, key=lambda one: one[1])


class Rechecks:
    """What is still to be looked at."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of_case(self, actor: OperatorActor, case_id: uuid.UUID, now: datetime) -> list[DueRecheck]:
        """The case's open re-checks, the earliest first, at most ROWS_LIMIT and one that says there are more. Raises: Forbidden;
        NotFound."""
        async with self._database.session() as session:
            case = await require_case(session, actor, case_id, "read")
            return await _open(session, col(CaseFile.id) == case.id, now)

    async def of_everybody(self, actor: OperatorActor, now: datetime) -> list[DueRecheck]:
        """Open re-checks of every open case the actor may see, the earliest first, at most ROWS_LIMIT and one that says there are
        more. Raises: Forbidden."""
        demand(actor, Right.READ)
        async with self._database.session() as session:
            return await _open(session, visible_cases(actor) & (col(CaseFile.state) == CaseState.OPEN), now)


async def open_of(session: AsyncSession, notice_id: uuid.UUID) -> list[NoticeRecheck]:
    """The notice's open re-checks, the earliest first."""
    wanted = select(NoticeRecheck).where(NoticeRecheck.notice_id == notice_id, _unsettled())
    return [*(await session.exec(wanted.order_by(col(NoticeRecheck.due_at), col(NoticeRecheck.id)))).all()]


async def _open(session: AsyncSession, cases: ColumnElement[bool], now: datetime) -> list[DueRecheck]:
    wanted = (
        select(NoticeRecheck, Notice, CaseFile)
        .join(Notice, col(Notice.id) == col(NoticeRecheck.notice_id))
        .join(CaseFile, col(CaseFile.id) == col(Notice.case_id))
        .where(cases, _unsettled())
        .order_by(col(NoticeRecheck.due_at), col(NoticeRecheck.id))
        .limit(ROWS_LIMIT + 1)
    )
    return [DueRecheck(*row, is_due=row[0].due_at <= now) for row in (await session.exec(wanted)).all()]


def _unsettled() -> ColumnElement[bool]:
    settled = select(NoticeEvent.recheck_id).where(col(NoticeEvent.recheck_id) == col(NoticeRecheck.id))
    return ~settled.exists()
