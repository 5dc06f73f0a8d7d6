"""Accounts that one finding of a case names and another keeps behind a pseudonym: for the public none of them is named."""

import uuid
from collections.abc import Mapping
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from server.db import run_sql
from server.exports.tables.findings import ConfirmedFinding, HeldBack

_BOTH = """
WITH words AS MATERIALIZED (
  SELECT DISTINCT ON (r.finding_id) r.finding_id, r.verdict, r.version, r.at
  FROM finding f JOIN finding_review r ON r.finding_id = f.id
  WHERE f.case_id = :case_id AND r.at <= :as_of AND r.verdict IN ('confirmed', 'rejected')
  ORDER BY r.finding_id, r.id DESC
), about AS MATERIALIZED (
  SELECT v.finding_id, v.version, said.subject->>'platform' AS platform, said.subject->>'account_id' AS account,
    coalesce(said.actor, '') <> '' OR coalesce(said.subject->>'ad_id', '') <> '' AS is_named, said.accounts AS members
  FROM words w JOIN finding_version v ON v.finding_id = w.finding_id
  CROSS JOIN LATERAL jsonb_to_record(v.body::jsonb) AS said (subject jsonb, actor text, accounts jsonb)
  WHERE EXISTS (
    SELECT 1 FROM finding_review r
    WHERE r.finding_id = v.finding_id AND r.version = v.version AND r.verdict = 'confirmed' AND r.at <= :as_of
  )
), held AS (
  SELECT finding_id, version, platform, account FROM about WHERE NOT is_named
  UNION SELECT finding_id, version, platform, jsonb_array_elements_text(members) FROM about
), named AS (
  SELECT DISTINCT platform, account FROM about WHERE is_named AND account <> ''
)
SELECT n.platform, n.account, bool_or(w.verdict = 'confirmed' AND w.version = h.version) AS is_held, max(w.at) AS at
FROM named n
JOIN held h ON lower(h.platform) = lower(n.platform) AND ltrim(lower(h.account), '@') = ltrim(lower(n.account), '@')
JOIN words w ON w.finding_id = h.finding_id
GROUP BY n.platform, n.account
"""


def account_key(finding: ConfirmedFinding) -> tuple[str, str]:
    """(platform, account) as the finding names it."""
    return finding.body.subject.platform, finding.body.subject.account_id


async def held_back(session: AsyncSession, case_id: uuid.UUID, as_of: datetime) -> Mapping[tuple[str, str], HeldBack]:
    """(platform, account) as a finding of the case names it → what other findings, or its own account set, made of it by `as_of`.

    Only accounts that somebody named and that a confirmed version ever kept behind a pseudonym. The same account is meant by
    platforms and accounts that differ in capitals or in a leading @. One statement; memory grows with such accounts alone. Not
    checked: an account that is told by another id, by an address or in a text.
    """
    rows = await run_sql(session, _BOTH, case_id=case_id, as_of=as_of)
    return {(row.platform, row.account): HeldBack(row.is_held, row.at) for row in rows}
