"""Tables of times to action: as things stand, frozen with the list behind them, and counted again."""

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func
from sqlmodel import col, select

from server.cases.parts import CaseParts
from server.cases.scope import require_case
from server.cases.texts import one_line
from server.db import Database
from server.errors import BadInput, NotFound
from server.findings.recounting import RecountCheck
from server.notices.events import tracked_in
from server.notices.models import Notice, NoticeEvent, NoticeTable
from server.notices.scope import refuse_guests
from server.notices.table import UNITS, PlatformRow, Tracked, Unit, lines_of, rows_of, rule_of, table_json
from server.operators.actors import OperatorActor
from server.operators.rights import demand
from server.operators.roles import Right


@dataclass(frozen=True)
class Overview:
    """A case's notices by number, and the rows of their platforms."""

    tracked: tuple[Tracked, ...]
    rows: tuple[PlatformRow, ...]


@dataclass(frozen=True)
class TableRecount:
    """A frozen table counted again. `n`: lines of its list; `counted`: lines that counting again gives."""

    table: NoticeTable
    n: int
    counted: int
    checks: tuple[RecountCheck, ...]

    @property
    def is_sound(self) -> bool:
        """True when every check passed."""
        return all(check.outcome == "PASSED" for check in self.checks)


class NoticeTables:
    """Reading and freezing."""

    def __init__(self, parts: CaseParts) -> None:
        self._parts = parts

    async def overview(self, actor: OperatorActor, case_id: uuid.UUID, unit: str = "notices") -> Overview:
        """The case's notices as they stand. Raises: Forbidden; NotFound; BadInput (unit)."""
        counted = unit_of(unit)
        async with self._parts.database.session() as session:
            case = await require_case(session, actor, case_id, "read")
            tracked = await tracked_in(session, case.id)
        return Overview(tuple(tracked), rows_of(tracked, counted))

    async def freeze(self, actor: OperatorActor, case_id: uuid.UUID, label: str, unit: str) -> NoticeTable:
        """The table as it stands now, with its list; the case is locked, so no event is half taken in.

        Raises: Forbidden (also a guest: a case's numbers are its owner's); NotFound; CaseClosed; BadInput (label, unit, nothing
        sent).
        """
        demand(actor, Right.REVIEW)
        said, counted = one_line("label", label, 200), unit_of(unit)
        async with self._parts.database.transaction() as session:
            case = await require_case(session, actor, case_id, "write")
            refuse_guests(actor, case)
            tracked = await tracked_in(session, case.id)
            listed = lines_of(tracked, counted)
            if not listed:
                raise BadInput(field="unit", reason="nothing was sent yet")
            of_case = select(func.max(NoticeEvent.id)).join(Notice, col(Notice.id) == col(NoticeEvent.notice_id))
            last_event = (await session.exec(of_case.where(Notice.case_id == case.id))).one() or 0
            last = (await session.exec(select(func.max(NoticeTable.number)).where(NoticeTable.case_id == case.id))).one() or 0
            table = NoticeTable(
                case_id=case.id,
                number=last + 1,
                label=said,
                unit=counted,
                rows=table_json(rows_of(tracked, counted)),
                ids=_file(listed),
                ids_sha256=hashlib.sha256(_file(listed).encode()).hexdigest(),
                last_event=last_event,
                frozen_by=actor.operator_id,
                frozen_at=self._parts.clock.now(),
            )
            session.add(table)
        return table

    async def of_case(self, actor: OperatorActor, case_id: uuid.UUID) -> list[NoticeTable]:
        """The case's frozen tables, newest first. Raises: Forbidden; NotFound."""
        async with self._parts.database.session() as session:
            case = await require_case(session, actor, case_id, "read")
            wanted = select(NoticeTable).where(NoticeTable.case_id == case.id).order_by(col(NoticeTable.number).desc())
            return [*(await session.exec(wanted.limit(100))).all()]

    async def read(self, actor: OperatorActor, table_id: uuid.UUID) -> NoticeTable:
        """One frozen table. Raises: Forbidden; NotFound, in the same words for an absent one and for one of a case unseen."""
        async with self._parts.database.session() as session:
            table = await session.get(NoticeTable, table_id)
            try:
                await require_case(session, actor, table_id if table is None else table.case_id, "read")
            except NotFound as error:
                raise NotFound(kind="table", id=str(table_id)) from error
            assert table is not None  # noqa: S101 - no case has a table's id
            return table


async def recount_table(database: Database, table_id: uuid.UUID) -> TableRecount:
    """The table counted again. For who runs the service: it is not scoped to an organisation. Raises: NotFound.

    1 `list`: the frozen list has its hash.  2 `bodies`: every event taken in still has the hash it was stored with.
    3 `events`: those events give the same list and the same rows, by the rule of timing under which the table was frozen.
    """
    async with database.session() as session:
        table = await session.get(NoticeTable, table_id)
        if table is None:
            raise NotFound(kind="table", id=str(table_id))
        of_case = select(NoticeEvent.body, NoticeEvent.body_sha256).join(Notice, col(Notice.id) == col(NoticeEvent.notice_id))
        taken_in = of_case.where(Notice.case_id == table.case_id, col(NoticeEvent.id) <= table.last_event)
        bodies = (await session.exec(taken_in)).all()
        changed = sum(hashlib.sha256(body.encode()).hexdigest() != sha256 for body, sha256 in bodies)
        rule = rule_of(table.ids)
        tracked = await tracked_in(session, table.case_id, table.last_event, rule=rule)
    unit = unit_of(table.unit)
    listed, rows = lines_of(tracked, unit), table_json(rows_of(tracked, unit), rule=rule)
    digest = hashlib.sha256(table.ids.encode()).hexdigest()
    checks = (
        _check("list", digest == table.ids_sha256, f"SHA-256 {digest}"),
        _check("bodies", changed == 0, f"{changed} of {len(bodies)} events differ from their hash"),
        _check("events", (_file(listed), rows) == (table.ids, table.rows), f"{len(listed)} {unit} counted again"),
    )
    return TableRecount(table, table.ids.count("\n"), len(listed), checks)


def unit_of(text: str) -> Unit:
    """The unit. Raises: BadInput."""
    for unit in UNITS:
        if unit == text:
            return unit
    raise BadInput(field="unit", reason="one of " + ", ".join(UNITS))


def _file(listed: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in listed)


def _check(name: str, passed: bool, reason: str) -> RecountCheck:
    return RecountCheck(name, "PASSED" if passed else "FAILED", reason)
