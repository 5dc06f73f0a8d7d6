"""The organisation's log of what it did (trainings, meetings, publications), as reports under the Code ask for it. Stated by its
authors, never counted from evidence; a line is never changed, another one takes its place."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, func, or_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.cases.entities import MOST
from server.cases.models import CaseFile
from server.cases.parts import CaseParts
from server.cases.recording import record
from server.cases.scope import require_case, visible_cases
from server.cases.texts import long_text
from server.db import lock_for_transaction
from server.errors import BadInput, NotFound
from server.findings.models import Activity
from server.operators.actors import OperatorActor
from server.operators.rights import demand, own_rows
from server.operators.roles import Right

KINDS = ("training", "workshop", "meeting", "press", "publication", "campaign", "tool", "agreement", "other")
MEASURES = ("12.1.1", "13.1.1", "14.1.1", "16.1.1", "16.2.1", "17.2.1", "30.1.1", "30.3.1")
TEXT_LIMIT = 2_000
LIST_LIMIT = 500
PEOPLE_LIMIT = 2**31 - 1


@dataclass(frozen=True)
class ActivityOrder:
    """A line to keep. `text` is counted as the form counts. `source`: what shows it (a list of participants, an address)."""

    on: date
    kind: str
    measure: str
    text: str
    participants: int | None = None
    reach_low: int | None = None
    reach_high: int | None = None
    languages: str = ""
    source: str = ""
    case_id: uuid.UUID | None = None


class Activities:
    """The log."""

    def __init__(self, parts: CaseParts) -> None:
        self._parts = parts

    async def record(self, actor: OperatorActor, order: ActivityOrder) -> Activity:
        """A new line. Raises: Forbidden; NotFound (the case); CaseClosed; BadInput."""
        async with self._parts.database.transaction() as session:
            return await self._add(session, actor, order, None)

    async def correct(self, actor: OperatorActor, activity_id: uuid.UUID, order: ActivityOrder) -> Activity:
        """A line in place of another one. Raises: Forbidden; NotFound (also where one took its place before); CaseClosed;
        BadInput."""
        async with self._parts.database.transaction() as session:
            return await self._add(session, actor, order, await self._current(session, actor, activity_id))

    async def withdraw(self, actor: OperatorActor, activity_id: uuid.UUID, reason: str) -> Activity:
        """Nothing in place of a line; why is kept. Raises: Forbidden; NotFound; CaseClosed; BadInput."""
        why = _form_text("reason", reason)
        async with self._parts.database.transaction() as session:
            old = await self._current(session, actor, activity_id)
            order = ActivityOrder(old.on_day, old.kind, old.measure, why, case_id=old.case_id)
            return await self._add(session, actor, order, old, withdrawn=True)

    async def said(
        self, actor: OperatorActor, first: date | None = None, last: date | None = None, *, limit: int = LIST_LIMIT
    ) -> list[Activity]:
        """The lines that hold, newest day first; of cases those the actor may see. Raises: Forbidden."""
        demand(actor, Right.READ)
        async with self._parts.database.session() as session:
            return await said_between(session, actor, (first, last), limit)

    async def _current(self, session: AsyncSession, actor: OperatorActor, activity_id: uuid.UUID) -> Activity:
        demand(actor, Right.WRITE)
        await lock_for_transaction(session, f"activity numbers:{actor.organisation_id}")
        wanted = select(Activity).where(Activity.id == activity_id, _seen_by(actor), _holds())
        found = (await session.exec(wanted)).first()
        if found is None:
            raise NotFound(kind="activity", id=str(activity_id))
        return found

    async def _add(
        self, session: AsyncSession, actor: OperatorActor, order: ActivityOrder, old: Activity | None, *, withdrawn: bool = False
    ) -> Activity:
        demand(actor, Right.WRITE)
        _checked(order)
        await lock_for_transaction(session, f"activity numbers:{actor.organisation_id}")  # before rows, everywhere
        case = None if order.case_id is None else await require_case(session, actor, order.case_id, "write")
        if case is not None and case.organisation_id != actor.organisation_id:
            raise BadInput(field="case", reason="the log is an organisation's own: a case of another one has no place in it")
        last = select(func.max(Activity.number)).where(own_rows(actor, Activity.organisation_id))
        row = Activity(
            organisation_id=actor.organisation_id,
            number=((await session.exec(last)).one() or 0) + 1,
            case_id=order.case_id,
            on_day=order.on,
            kind=order.kind,
            measure=order.measure,
            text=_form_text("text", order.text),
            participants=order.participants,
            reach_low=order.reach_low,
            reach_high=order.reach_high,
            languages=long_text("languages", order.languages, 200),
            source=long_text("source", order.source, 2000),
            corrects=None if old is None else old.id,
            withdrawn=withdrawn,
            author_id=actor.operator_id,
            recorded_at=self._parts.clock.now(),
        )
        session.add(row)
        if case is not None:
            details: dict[str, object] = {"activity": row.number, "kind": row.kind}
            await record(self._parts, session, actor, case, ("case.activity_recorded", details))
        return row


async def said_between(
    session: AsyncSession, actor: OperatorActor, days: tuple[date | None, date | None], limit: int
) -> list[Activity]:
    """The lines of the actor's organisation that hold, both days included, newest day first."""
    wanted = select(Activity).where(_seen_by(actor), _holds(), col(Activity.withdrawn).is_(False))
    if days[0] is not None:
        wanted = wanted.where(Activity.on_day >= days[0])
    if days[1] is not None:
        wanted = wanted.where(Activity.on_day <= days[1])
    wanted = wanted.order_by(col(Activity.on_day).desc(), col(Activity.number).desc())
    return list((await session.exec(wanted.limit(limit))).all())


def form_characters(text: str) -> int:
    """The length as a form's field counts it: UTF-16 code units, a line break once. Source: HTML, `maxlength`, API value."""
    return len(text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-16-le", "surrogatepass")) // 2


def drafted(lines: Sequence[Activity], measure: str) -> str:
    """The lines of a measure as a text to begin an answer with, oldest first; "" without one. A person goes on from there."""
    own = sorted((one for one in lines if one.measure == measure), key=lambda one: (one.on_day, one.number))
    return "\n".join(f"{one.on_day.isoformat()}: {one.text}" for one in own)


def _seen_by(actor: OperatorActor) -> ColumnElement[bool]:
    cases = select(CaseFile.id).where(visible_cases(actor))
    return own_rows(actor, Activity.organisation_id) & or_(col(Activity.case_id).is_(None), col(Activity.case_id).in_(cases))


def _holds() -> ColumnElement[bool]:
    later = select(Activity.corrects).where(col(Activity.corrects).is_not(None))
    return col(Activity.id).not_in(later)


def _form_text(field: str, text: str) -> str:
    said = long_text(field, text, 4 * TEXT_LIMIT)
    if not said or form_characters(said) > TEXT_LIMIT:
        raise BadInput(field=field, reason=f"1 to {TEXT_LIMIT} characters")
    return said


def _checked(order: ActivityOrder) -> None:
    if order.kind not in KINDS:
        raise BadInput(field="kind", reason="one of " + ", ".join(KINDS))
    if order.measure not in MEASURES:
        raise BadInput(field="measure", reason="one of " + ", ".join(MEASURES))
    if order.participants is not None and not 0 <= order.participants <= PEOPLE_LIMIT:
        raise BadInput(field="participants", reason="a number of people")
    low, high = order.reach_low, order.reach_high
    if (low is None) != (high is None) or (low is not None and high is not None and not 0 <= low <= high <= MOST):
        raise BadInput(field="reach_high", reason="a reach goes from a lower to an upper end, from 0 on")
