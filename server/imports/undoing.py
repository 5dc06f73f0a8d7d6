"""Undoing an import: what it alone made goes; what somebody has worked on since, or another import says too, stays, with why."""

import uuid
from collections.abc import Sequence

from sqlalchemy.exc import IntegrityError
from sqlmodel.ext.asyncio.session import AsyncSession

from server.cases.models import CaseFile, CaseState
from server.cases.recording import record
from server.db import run_sql
from server.imports.models import ImportState, TableImport
from server.imports.parts import ImportParts
from server.imports.running import locked_import
from server.operators.models import Operator
from server.operators.service import operator_actor

KEPT = ("withdrawn", "another_import", "relation", "metric", "counted", "finding", "referred_to")
"""Why something stays: a relation that a person withdrew; another import's rows; somebody's relation, number or finding; any
other record that refers to it. `counted`: a reading that a frozen statistic counts."""

_WITHDRAWN = """
UPDATE import_made SET outcome = 'withdrawn' WHERE import_id = :i AND kind = 'relation' AND outcome = ''
AND ref IN (SELECT id FROM relation WHERE case_id = :case_id AND withdrawn_at IS NOT NULL)
"""
_SAID_ELSEWHERE = """
UPDATE import_made SET outcome = 'another_import' WHERE import_id = :i AND kind = 'relation' AND outcome = ''
AND EXISTS (SELECT 1 FROM relation r JOIN observation o ON o.entity_id = r.from_id AND o.account_id = r.to_id
            WHERE r.id = import_made.ref AND o.import_id <> :i)
"""
_COUNTED = """
UPDATE import_made SET outcome = 'counted' WHERE import_id = :i AND kind = 'metric' AND outcome = ''
AND EXISTS (SELECT 1 FROM statistic_line l WHERE l.ref = import_made.ref)
"""
_NAMED_ELSEWHERE = """
UPDATE import_made SET outcome = 'another_import' WHERE import_id = :i AND kind = 'entity' AND outcome = ''
AND (EXISTS (SELECT 1 FROM observation o WHERE o.entity_id = import_made.ref AND o.import_id <> :i)
     OR EXISTS (SELECT 1 FROM observation o WHERE o.account_id = import_made.ref AND o.import_id <> :i))
"""
_RELATED = """
UPDATE import_made SET outcome = 'relation' WHERE import_id = :i AND kind = 'entity' AND outcome = ''
AND (EXISTS (SELECT 1 FROM relation r WHERE r.from_id = import_made.ref)
     OR EXISTS (SELECT 1 FROM relation r WHERE r.to_id = import_made.ref))
"""
_MEASURED = """
UPDATE import_made SET outcome = 'metric' WHERE import_id = :i AND kind = 'entity' AND outcome = ''
AND EXISTS (SELECT 1 FROM metric r WHERE r.entity_id = import_made.ref)
"""
# Two joins by equality: with OR in one join every entity is compared with every word of every finding.
_CITED = """
WITH said AS MATERIALIZED (
  SELECT CAST(v.body AS jsonb) AS body FROM finding_version v JOIN finding f ON f.id = v.finding_id WHERE f.case_id = :case_id
), cited AS MATERIALIZED (
  SELECT jsonb_path_query(body, '$.subject.*') #>> '{}' AS word FROM said
  UNION SELECT jsonb_path_query(body, '$.accounts[*]') #>> '{}' FROM said
  UNION SELECT jsonb_path_query(body, '$.sightings[*].url') #>> '{}' FROM said
  UNION SELECT jsonb_path_query(body, '$.redirect_chain[*]') #>> '{}' FROM said
), named AS MATERIALIZED (
  SELECT e.id FROM entity e JOIN cited c ON c.word = e.external_id WHERE e.case_id = :case_id AND c.word <> ''
  UNION SELECT e.id FROM entity e JOIN cited c ON c.word = e.url WHERE e.case_id = :case_id AND c.word <> ''
)
UPDATE import_made SET outcome = 'finding' WHERE import_id = :i AND kind = 'entity' AND outcome = ''
AND ref IN (SELECT id FROM named)
"""
_HAND_ON_RELATIONS = """
INSERT INTO import_made (import_id, kind, ref, outcome)
SELECT DISTINCT ON (m.ref) o.import_id, m.kind, m.ref, '' FROM import_made m JOIN relation r ON r.id = m.ref
JOIN observation o ON o.entity_id = r.from_id AND o.account_id = r.to_id JOIN table_import t ON t.id = o.import_id
WHERE m.import_id = :i AND m.kind = 'relation' AND m.outcome = 'another_import' AND o.import_id <> :i
ORDER BY m.ref, t.number ON CONFLICT DO NOTHING
"""
_HAND_ON_THINGS = """
INSERT INTO import_made (import_id, kind, ref, outcome)
SELECT DISTINCT ON (m.ref) o.import_id, m.kind, m.ref, '' FROM import_made m
JOIN (SELECT entity_id AS ref, import_id FROM observation WHERE case_id = :case_id
      UNION SELECT account_id, import_id FROM observation WHERE case_id = :case_id) o ON o.ref = m.ref
JOIN table_import t ON t.id = o.import_id
WHERE m.import_id = :i AND m.kind = 'entity' AND m.outcome = 'another_import' AND o.import_id <> :i
ORDER BY m.ref, t.number ON CONFLICT DO NOTHING
"""
_DROP_RELATIONS = """
DELETE FROM relation USING import_made m
WHERE m.import_id = :i AND m.kind = 'relation' AND m.outcome = '' AND m.ref = relation.id
"""
_DROP_METRICS = """
DELETE FROM metric USING import_made m WHERE m.import_id = :i AND m.kind = 'metric' AND m.outcome = '' AND m.ref = metric.id
"""
_REMOVED = "UPDATE import_made SET outcome = 'removed' WHERE import_id = :i AND kind = :kind AND outcome = ''"
_LEFT = "SELECT ref FROM import_made WHERE import_id = :i AND kind = 'entity' AND outcome = '' ORDER BY ref"
_DROP_TEXTS = "DELETE FROM case_text WHERE case_id = :case_id AND kind = 'entity' AND ref = ANY(:refs)"
_DROP_THINGS = "DELETE FROM entity WHERE case_id = :case_id AND id = ANY(:refs)"
_COUNTS = "SELECT kind, outcome, count(*) AS n FROM import_made WHERE import_id = :i GROUP BY kind, outcome"


class Undoer:
    """Undoes imports."""

    def __init__(self, parts: ImportParts) -> None:
        self._parts = parts

    async def run(self, import_id: uuid.UUID) -> None:
        """All of it in one transaction, with `case.import_undone` in the case's chain. Nothing to do if it is not `undoing`.

        The import's own row, its problems, its file and the record of what it made stay: that it happened is not undone.
        """
        async with self._parts.database.transaction() as session:
            found = await locked_import(session, import_id)
            if found.state != ImportState.UNDOING:
                return
            case = await session.get_one(CaseFile, found.case_id)
            if case.state == CaseState.CLOSED:  # it can be asked for again when the case is open
                found.reason = "the case was closed"
                return
            await self._undo(session, found)
            found.state, found.undone_at = ImportState.UNDONE, self._parts.clock.now()
            counts = {f"{row.kind}.{row.outcome}": row.n for row in await run_sql(session, _COUNTS, i=import_id)}
            actor = operator_actor(await session.get_one(Operator, found.undone_by or found.author_id))
            details: dict[str, object] = {"import": found.number, "fileSha256": found.sha256, "outcomes": counts}
            await record(self._parts.cases, session, actor, case, ("case.import_undone", details))

    async def _undo(self, session: AsyncSession, found: TableImport) -> None:
        """1 relations and metrics, 2 what the rows said, 3 entities that nothing else speaks of."""
        i, case_id = found.id, found.case_id
        await run_sql(session, _WITHDRAWN, i=i, case_id=case_id)
        for sql in (_SAID_ELSEWHERE, _HAND_ON_RELATIONS, _DROP_RELATIONS, _COUNTED, _DROP_METRICS):
            await run_sql(session, sql, i=i)
        for kind in ("relation", "metric"):
            await run_sql(session, _REMOVED, i=i, kind=kind)
        await run_sql(session, "DELETE FROM observation WHERE import_id = :i", i=i)
        await run_sql(session, _CITED, i=i, case_id=case_id)
        await run_sql(session, _NAMED_ELSEWHERE, i=i)
        await run_sql(session, _HAND_ON_THINGS, i=i, case_id=case_id)
        for sql in (_RELATED, _MEASURED):
            await run_sql(session, sql, i=i)
        left = [row.ref for row in await run_sql(session, _LEFT, i=i)]
        referred = await self._remove(session, found.case_id, left)
        mark = "UPDATE import_made SET outcome = 'referred_to' WHERE import_id = :i AND kind = 'entity' AND ref = ANY(:refs)"
        await run_sql(session, mark, i=i, refs=referred)
        await run_sql(session, _REMOVED, i=i, kind="entity")

    async def _remove(self, session: AsyncSession, case_id: uuid.UUID, refs: Sequence[uuid.UUID]) -> list[uuid.UUID]:
        """Deletes the entities; gives those that another record refers to, found by halving: most often there is none."""
        if not refs:
            return []
        try:
            async with session.begin_nested():
                await run_sql(session, _DROP_TEXTS, case_id=case_id, refs=[str(ref) for ref in refs])
                await run_sql(session, _DROP_THINGS, case_id=case_id, refs=list(refs))
            return []
        except IntegrityError:
            if len(refs) == 1:
                return list(refs)
        half = len(refs) // 2
        first = await self._remove(session, case_id, refs[:half])
        return first + await self._remove(session, case_id, refs[half:])
