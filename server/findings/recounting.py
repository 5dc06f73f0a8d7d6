"""Counting again what counts no findings: readings, and posts judged by a window."""

import hashlib
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.cases.models import CaseFile, Entity, Metric
from server.findings import judged, ranges, unlabelled
from server.findings.errors import StatisticRefused
from server.findings.models import FindingVersion, Judging, Statistic, StatisticLine
from server.findings.tallies import Bounds, Tally, frozen_lines, time_rule_of

Outcome = Literal["PASSED", "FAILED"]


@dataclass(frozen=True)
class RecountCheck:
    """One check with its outcome and reason."""

    name: str
    outcome: Outcome
    reason: str


async def recount_lines(session: AsyncSession, statistic: Statistic) -> tuple[int, tuple[RecountCheck, ...]]:
    """How many ids the list has, and the checks of a statistic over readings or judged posts.

    1 `list`: the frozen keys have the frozen hash and come to the frozen number, by themselves.  2 `rows`: each row behind them
    is there and still gives its key; a judged post's kept time still gives its verdict.  3 `question`: asked again, as things
    stood when it was frozen, the answer has the same list.
    """
    lines = await frozen_lines(session, statistic.id)
    about = json.loads(statistic.query)["about"]
    checks = (
        _check("list", _list_problem(statistic, [one.key for one in lines]), f"{len(lines)} ids"),
        _check("rows", await _ROWS[about](session, statistic, lines), f"{len(lines)} rows are as they were counted"),
        _check("question", await _question_problem(session, statistic, lines), "asked again: the same"),
    )
    return len(lines), checks


def _check(name: str, problem: str, passed: str) -> RecountCheck:
    return RecountCheck(name, "FAILED" if problem else "PASSED", problem or passed)


def _list_problem(statistic: Statistic, keys: Sequence[str]) -> str:
    digest = hashlib.sha256("".join(f"{key}\n" for key in keys).encode()).hexdigest()
    if digest != statistic.ids_sha256:
        return f"the list has SHA-256 {digest}, frozen was {statistic.ids_sha256}"
    bounds = _bounds(statistic, keys)
    if bounds != Bounds(statistic.n_low, statistic.n_high) or bounds.exact != statistic.n:
        return f"the list comes to {bounds.low} to {bounds.high}, frozen were {statistic.n_low} to {statistic.n_high}"
    return ""


def _bounds(statistic: Statistic, keys: Sequence[str]) -> Bounds:
    about = json.loads(statistic.query)["about"]
    if about == judged.ABOUT:
        return judged.judged_bounds(keys)
    if about == unlabelled.ABOUT:
        return unlabelled.unlabelled_bounds(keys)
    return ranges.bounds_of(ranges.range_question(statistic.query).aggregate, keys)


async def _reading_rows(session: AsyncSession, statistic: Statistic, lines: Sequence[StatisticLine]) -> str:
    wanted = select(Metric, Entity).join(Entity, col(Entity.id) == col(Metric.entity_id))
    behind = select(StatisticLine.ref).where(StatisticLine.statistic_id == statistic.id)
    found = (await session.exec(wanted.where(col(Metric.id).in_(behind)))).all()
    now = {metric.id: ranges.reading_key(metric, entity) for metric, entity in found}
    return _first([f"reading {one.ref} says otherwise, or is gone" for one in lines if now.get(one.ref) != one.key])


async def _judged_rows(session: AsyncSession, statistic: Statistic, lines: Sequence[StatisticLine]) -> str:
    judging = await session.get(Judging, uuid.UUID(json.loads(statistic.query)["judging"]))
    if judging is None:
        return "the judging is gone"
    return _first(await judged.contradicted(session, judging, [one.ref for one in lines]))


async def _finding_rows(session: AsyncSession, statistic: Statistic, lines: Sequence[StatisticLine]) -> str:
    behind = select(StatisticLine.ref).where(StatisticLine.statistic_id == statistic.id)
    versions = (await session.exec(select(FindingVersion).where(col(FindingVersion.finding_id).in_(behind)))).all()
    changed = [one for one in versions if hashlib.sha256(one.body.encode()).hexdigest() != one.body_sha256]
    gone = {one.ref for one in lines} - {one.finding_id for one in versions}
    return _first([f"finding {one.finding_id} was changed" for one in changed] + [f"finding {one} is gone" for one in gone])


async def _question_problem(session: AsyncSession, statistic: Statistic, lines: Sequence[StatisticLine]) -> str:
    try:
        again = await _asked_again(session, statistic)
    except StatisticRefused as refused:
        return f"asked again, there is no answer: {refused.data['reason']}"
    if again is None:
        return "the judging is gone"
    now, then = {one.key for one in again.lines}, {one.key for one in lines}
    if now == then:
        return ""
    named = [f"+{one}" for one in sorted(now - then)[:5]] + [f"-{one}" for one in sorted(then - now)[:5]]
    return f"{len(now - then)} more, {len(then - now)} fewer: " + ", ".join(named)


async def _asked_again(session: AsyncSession, statistic: Statistic) -> Tally | None:
    asked = json.loads(statistic.query)
    rule = time_rule_of(asked)
    if asked["about"] == judged.ABOUT:
        judging = await session.get(Judging, uuid.UUID(asked["judging"]))
        return None if judging is None else await judged.tally_judged(session, judging, asked["platform"], time_rule=rule)
    own = col(CaseFile.organisation_id) == statistic.organisation_id
    if asked["about"] == unlabelled.ABOUT:
        case_id = None if asked["case_id"] is None else uuid.UUID(asked["case_id"])
        return await unlabelled.tally_unlabelled(session, own, case_id, statistic.as_of, time_rule=rule)
    return await ranges.tally_readings(session, own, ranges.range_question(statistic.query), statistic.as_of)


def _first(problems: Sequence[str]) -> str:
    return "" if not problems else f"{len(problems)} differ: " + "; ".join(problems[:5])


_ROWS = {ranges.ABOUT: _reading_rows, judged.ABOUT: _judged_rows, unlabelled.ABOUT: _finding_rows}
