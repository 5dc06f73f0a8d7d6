"""Findings whose evidence was withdrawn after they were confirmed: they stay confirmed and counted, and it is said."""

import uuid
from collections.abc import Collection, Mapping
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from server.db import run_sql
from server.findings.models import Statistic

_WITHDRAWN = """
WITH behind AS (
  SELECT finding_id FROM statistic_item WHERE statistic_id = :statistic_id
  UNION SELECT ref FROM statistic_line WHERE statistic_id = :statistic_id
), said AS (
  SELECT DISTINCT ON (r.finding_id) f.id, f.case_id, f.number, r.pins
  FROM behind b JOIN finding f ON f.id = b.finding_id
  JOIN finding_review r ON r.finding_id = f.id AND r.verdict = 'confirmed' AND r.at <= :as_of
  ORDER BY r.finding_id, r.id DESC
)
SELECT s.id FROM said s
WHERE EXISTS (
  SELECT 1 FROM exhibit e WHERE e.case_id = s.case_id AND e.withdrawn_at IS NOT NULL
    AND jsonb_exists(s.pins->'captures', e.capture_id)
) OR EXISTS (
  SELECT 1 FROM deposit d WHERE d.case_id = s.case_id AND d.withdrawn_at IS NOT NULL
    AND s.pins->'deposits' @> jsonb_build_array(jsonb_build_object('id', d.id::text))
) ORDER BY s.case_id, s.number
"""


async def withdrawn_behind(session: AsyncSession, statistic: Statistic) -> tuple[uuid.UUID, ...]:
    """Ids of the findings that were counted and whose confirmation pins an exhibit or a deposit that is withdrawn by now.

    Not looked at: captures of looks for a label that the finding does not cite; what a finding's later versions cite.
    """
    rows = await run_sql(session, _WITHDRAWN, statistic_id=statistic.id, as_of=statistic.as_of)
    return tuple(row.id for row in rows)


_CASES = """
SELECT c.id FROM case_file c
WHERE c.organisation_id IN (SELECT organisation_id FROM statistic WHERE id = ANY(CAST(:ids AS uuid[])))
  AND (EXISTS (SELECT 1 FROM exhibit e WHERE e.case_id = c.id AND e.withdrawn_at IS NOT NULL)
    OR EXISTS (SELECT 1 FROM deposit d WHERE d.case_id = c.id AND d.withdrawn_at IS NOT NULL))
"""
_COUNTED = """
WITH touched AS MATERIALIZED (
  SELECT DISTINCT r.id, r.finding_id, r.at FROM finding f
  JOIN finding_review r ON r.finding_id = f.id AND r.verdict = 'confirmed'
  CROSS JOIN LATERAL (
    SELECT c AS ref FROM jsonb_array_elements_text(r.pins->'captures') c
    UNION ALL SELECT d->>'id' FROM jsonb_array_elements(r.pins->'deposits') d
  ) pinned
  JOIN (
    SELECT case_id, capture_id AS ref FROM exhibit WHERE withdrawn_at IS NOT NULL
    UNION ALL SELECT case_id, id::text FROM deposit WHERE withdrawn_at IS NOT NULL
  ) gone ON gone.case_id = f.case_id AND gone.ref = pinned.ref
  WHERE f.case_id = ANY(CAST(:cases AS uuid[]))
), behind AS (
  SELECT statistic_id, finding_id FROM statistic_item
  WHERE statistic_id = ANY(CAST(:ids AS uuid[])) AND finding_id IN (SELECT finding_id FROM touched)
  UNION SELECT statistic_id, ref FROM statistic_line
  WHERE statistic_id = ANY(CAST(:ids AS uuid[])) AND ref IN (SELECT finding_id FROM touched)
)
SELECT s.id, count(*) AS n FROM behind b
JOIN touched t ON t.finding_id = b.finding_id
JOIN statistic s ON s.id = b.statistic_id AND t.at <= s.as_of
WHERE NOT EXISTS (
  SELECT 1 FROM finding_review o
  WHERE o.finding_id = t.finding_id AND o.verdict = 'confirmed' AND o.at <= s.as_of AND o.id > t.id
) GROUP BY s.id
"""


async def withdrawn_counted(session: AsyncSession, statistic_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, int]:
    """How many withdrawn_behind() gives, for each of the statistics for which it gives any. Two statements; where nothing of the
    organisation was withdrawn, no list behind a number is read, and of the lists only findings that pin what was withdrawn
    are put together."""
    cases = [row.id for row in await run_sql(session, _CASES, ids=list(statistic_ids))]
    if not cases:
        return {}
    return {row.id: row.n for row in await run_sql(session, _COUNTED, ids=list(statistic_ids), cases=cases)}


_OF_THESE = """
SELECT e.capture_id AS ref, e.withdrawn_at AS at FROM exhibit e
WHERE e.case_id = :case_id AND e.withdrawn_at <= :as_of AND e.capture_id = ANY(CAST(:captures AS text[]))
UNION ALL
SELECT d.id::text, d.withdrawn_at FROM deposit d
WHERE d.case_id = :case_id AND d.withdrawn_at <= :as_of AND d.id = ANY(CAST(:deposits AS uuid[]))
"""


async def withdrawn_of(
    session: AsyncSession, case_id: uuid.UUID, captures: Collection[str], deposits: Collection[str], as_of: datetime
) -> Mapping[str, datetime]:
    """Those of the captures, and of the deposits by id, that had been withdrawn from the case by `as_of`: each with when."""
    asked = {"case_id": case_id, "as_of": as_of, "captures": list(captures), "deposits": list(deposits)}
    return {row.ref: row.at for row in await run_sql(session, _OF_THESE, **asked)}
