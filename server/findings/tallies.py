"""Numbers that count no findings: readings that are ranges, posts judged by a window. Frozen with lines that say all that is
counted, so that the number can be recounted from its list alone."""

import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.cases.entities import MOST
from server.cases.texts import one_line
from server.db import lock_for_transaction, run_sql
from server.findings.errors import StatisticRefused
from server.findings.models import Statistic, StatisticItem, StatisticLine
from server.operators.actors import OperatorActor
from server.operators.rights import own_rows
from server.rules.posttimes import FIRST_RULE

LINES_LIMIT = 500_000
BATCH_LINES = 10_000
_INSERT = """
INSERT INTO statistic_line (statistic_id, position, key, ref)
SELECT :statistic_id, r.position, r.key, r.ref
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(position int, key text, ref uuid)
"""


@dataclass(frozen=True)
class Line:
    """One thing that is counted: everything that counts of it, as a canonical JSON list, and the row it is from."""

    key: str
    ref: uuid.UUID


@dataclass(frozen=True)
class Bounds:
    """A number from `low` to `high`; `exact` when they are one."""

    low: int
    high: int

    @property
    def exact(self) -> int | None:
        """The number, None where there is only a range: nothing between its ends stands for it."""
        return self.low if self.low == self.high else None


@dataclass(frozen=True)
class Tally:
    """An answer: its lines by key, what they come to, and how many things were asked about that say nothing."""

    lines: tuple[Line, ...]
    bounds: Bounds
    without_key: int
    unit: str
    rule: str
    query: str

    @property
    def ids_sha256(self) -> str:
        """SHA-256 of the list as a file: one key a line, each line ended by LF."""
        return hashlib.sha256("".join(f"{one.key}\n" for one in self.lines).encode()).hexdigest()


def times_member(rule: int) -> dict[str, int]:
    """What a question says of the rule for times it was asked by; nothing for the first, as before there was another."""
    return {} if rule == FIRST_RULE else {"times": rule}


def time_rule_of(query: Mapping[str, Any]) -> int:
    """The rule for times that a stored question was asked by."""
    return int(query.get("times", FIRST_RULE))


def key_text(values: Sequence[object]) -> str:
    """A key: a JSON list without spaces."""
    return json.dumps(list(values), ensure_ascii=False, separators=(",", ":"))


async def freeze_tally(session: AsyncSession, actor: OperatorActor, label: str, counted: tuple[Tally, datetime]) -> Statistic:
    """The number with its list, in the caller's transaction. counted: the answer, and the moment it is of.

    Raises: BadInput (label); StatisticRefused (too many, too large).
    """
    said, (tally, now) = one_line("label", label, 200), counted
    if len(tally.lines) > LINES_LIMIT:
        raise StatisticRefused(reason=f"at most {LINES_LIMIT} lines")
    if tally.bounds.high > MOST:
        raise StatisticRefused(reason="the number is too large to be kept")
    await lock_for_transaction(session, f"statistic numbers:{actor.organisation_id}")
    last = select(func.max(Statistic.number)).where(own_rows(actor, Statistic.organisation_id))
    statistic = Statistic(
        organisation_id=actor.organisation_id,
        number=((await session.exec(last)).one() or 0) + 1,
        label=said,
        unit=tally.unit,
        query=tally.query,
        dedup_rule=tally.rule,
        n=tally.bounds.exact,
        n_low=tally.bounds.low,
        n_high=tally.bounds.high,
        without_key=tally.without_key,
        ids_sha256=tally.ids_sha256,
        as_of=now,
        frozen_by=actor.operator_id,
        frozen_at=now,
    )
    session.add(statistic)
    await session.flush()
    for begin in range(0, len(tally.lines), BATCH_LINES):
        batch = enumerate(tally.lines[begin : begin + BATCH_LINES], begin)
        rows = [{"position": position, "key": one.key, "ref": str(one.ref)} for position, one in batch]
        await run_sql(session, _INSERT, statistic_id=statistic.id, rows=json.dumps(rows, ensure_ascii=False))
    return statistic


async def frozen_lines(session: AsyncSession, statistic_id: uuid.UUID, limit: int | None = None) -> list[StatisticLine]:
    """The statistic's lines in order; none for one that counts findings."""
    wanted = select(StatisticLine).where(StatisticLine.statistic_id == statistic_id).order_by(col(StatisticLine.position))
    return list((await session.exec(wanted if limit is None else wanted.limit(limit))).all())


async def frozen_keys(session: AsyncSession, statistic_id: uuid.UUID, limit: int | None = None) -> tuple[str, ...] | None:
    """Every key behind the number, sorted, each once; None when there are more than `limit`."""
    keys: set[str] = set()
    for model in (StatisticItem, StatisticLine):
        wanted = select(model.key).where(model.statistic_id == statistic_id).distinct()
        keys.update((await session.exec(wanted if limit is None else wanted.limit(limit + 1))).all())
    return None if limit is not None and len(keys) > limit else tuple(sorted(keys))
