"""One import as its page shows it: how far it is, its first problems, what its rows said, what an undo kept."""

import uuid

from sqlalchemy import func, tuple_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.cases.models import Entity
from server.db import run_sql
from server.imports.models import ImportMade, Observation, RowProblem, TableImport
from server.imports.views import ImportView, Kept, ProblemRow, SaidRow
from server.operators.models import Operator

SHOWN_PROBLEMS = 50
SHOWN_KEPT = 50
SHOWN_ROWS = 20
_KEPT = """
SELECT m.kind, m.outcome AS why, coalesce(e.name, f.name || ' → ' || t.name, '?') AS name
FROM import_made m LEFT JOIN entity e ON m.kind = 'entity' AND e.id = m.ref
LEFT JOIN relation r ON m.kind = 'relation' AND r.id = m.ref
LEFT JOIN entity f ON f.id = r.from_id LEFT JOIN entity t ON t.id = r.to_id
WHERE m.import_id = :i AND m.outcome NOT IN ('', 'removed') ORDER BY m.kind, name LIMIT :most
"""


async def view_of(session: AsyncSession, found: TableImport) -> ImportView:
    """The view. Not asked: who may see it; the caller knows."""
    first = select(RowProblem).where(RowProblem.import_id == found.id)
    first = first.order_by(col(RowProblem.severity), col(RowProblem.row), col(RowProblem.position)).limit(SHOWN_PROBLEMS)
    problems = [_problem(one) for one in (await session.exec(first)).all()]  # errors come before notes
    notes = select(func.count()).where(RowProblem.import_id == found.id, RowProblem.severity == "note")
    made = select(ImportMade.kind, ImportMade.outcome, func.count()).where(ImportMade.import_id == found.id)
    outcomes = (await session.exec(made.group_by(ImportMade.kind, ImportMade.outcome).order_by(ImportMade.kind))).all()
    kept = await run_sql(session, _KEPT, i=found.id, most=SHOWN_KEPT)
    said = (
        select(Entity, Observation)
        .join(Observation, col(Observation.entity_id) == col(Entity.id))
        .where(Observation.import_id == found.id)
        .order_by(col(Observation.row))
    )
    names = {one.id: one.name for one in (await session.exec(select(Operator).where(col(Operator.id).in_(_who(found)))))}
    return ImportView(
        table=found,
        author=names.get(found.author_id, ""),
        problems=problems,
        notes=(await session.exec(notes)).one(),
        outcomes=list(outcomes),
        kept=[Kept(row.kind, row.name, row.why) for row in kept],
        said=[SaidRow(*row) for row in (await session.exec(said.limit(SHOWN_ROWS))).all()],
        undone_by=names.get(found.undone_by, "") if found.undone_by else "",
    )


def _who(found: TableImport) -> list[uuid.UUID]:
    return [found.author_id] if found.undone_by is None else [found.author_id, found.undone_by]


async def problems_page(session: AsyncSession, import_id: uuid.UUID, after: tuple[int, int], limit: int) -> list[ProblemRow]:
    """The problems behind (row, position) `after`, in the file's order."""
    wanted = (
        select(RowProblem)
        .where(RowProblem.import_id == import_id, tuple_(col(RowProblem.row), col(RowProblem.position)) > after)
        .order_by(col(RowProblem.row), col(RowProblem.position))
        .limit(limit)
    )
    rows = (await session.exec(wanted)).all()
    return [_problem(one) for one in rows]


def _problem(one: RowProblem) -> ProblemRow:
    return ProblemRow(one.row, one.position, one.severity, one.column_name, one.value, one.reason)
