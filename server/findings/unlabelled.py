"""How long advertisements stood without the platform's label, each by itself and in sum: bounds, never one invented number."""

import json
import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.cases.models import CaseFile
from server.findings.body import stored_body
from server.findings.errors import StatisticRefused
from server.findings.labels import ASSUMPTION, Look, unlabelled_in_order, unlabelled_time
from server.findings.models import Finding, FindingVersion, LabelLook
from server.findings.statistics import Question, count
from server.findings.tallies import Bounds, Line, Tally, key_text, times_member
from server.rules.posttimes import FIRST_RULE, TIME_RULE

ABOUT = "unlabelled"
PLATFORM_LAYER = 2
RULE = (
    "Whole minutes without the platform's label, over distinct (platform, ad id) of confirmed findings: from the sum of what each"
    f" stood without it at least to the sum of what it did at most. Assumed: {ASSUMPTION}. Advertisements whose time nothing"
    " bounds from above (no label was ever seen, or nothing tells since when they ran) are counted apart, with no minute of"
    " theirs."
)


@dataclass(frozen=True)
class _Ad:
    """One advertisement: its first finding, the earliest moment it can have run, every look for the platform's label."""

    finding_id: uuid.UUID
    began: datetime | None
    looks: tuple[Look, ...]


async def tally_unlabelled(
    session: AsyncSession, cases: Any, case_id: uuid.UUID | None, as_of: datetime, *, time_rule: int = TIME_RULE
) -> Tally:
    """The answer over confirmed findings of `cases` (a condition on CaseFile), by looks recorded until a moment.

    `time_rule`: which of several times of posting counts; under the first, one never compared bounded the minutes too.
    Raises: StatisticRefused (no advertisement was found without its label).
    """
    lines: list[Line] = []
    unbounded = 0
    for key, ad in (await _ads(session, cases, (case_id, as_of), time_rule)).items():
        time = (unlabelled_in_order if time_rule == FIRST_RULE else unlabelled_time)(ad.looks, began=ad.began)
        if time is None:
            continue
        if time.upper_s is None:
            unbounded += 1
            continue
        values = [*json.loads(key), time.lower_s, time.upper_s, time.first_unlabelled.astimezone(UTC).isoformat()]
        lines.append(Line(key_text(values), ad.finding_id))
    if not lines and not unbounded:
        raise StatisticRefused(reason="no advertisement was found without its label")
    lines.sort(key=lambda one: one.key)
    query = {
        "about": ABOUT, "case_id": None if case_id is None else str(case_id), "platform": "", "sli_label": "", "member_state": "",
    } | times_member(time_rule)  # fmt: skip
    return Tally(
        lines=tuple(lines),
        bounds=unlabelled_bounds([one.key for one in lines]),
        without_key=unbounded,
        unit="minutes",
        rule=RULE,
        query=json.dumps(query, sort_keys=True, separators=(",", ":")),
    )


def unlabelled_bounds(keys: Sequence[str]) -> Bounds:
    """Whole minutes of a list: seconds are summed first, then the least is rounded down and the most up."""
    told = [json.loads(key) for key in keys]
    return Bounds(int(sum(one[2] for one in told) // 60), int(-(-sum(one[3] for one in told) // 60)))


async def _ads(session: AsyncSession, cases: Any, asked: tuple[uuid.UUID | None, datetime], time_rule: int) -> dict[str, _Ad]:
    case_id, as_of = asked
    answer = await count(session, cases, "ads", (Question(case_id=case_id), as_of))
    seen = select(Finding.id).join(CaseFile, col(CaseFile.id) == col(Finding.case_id)).where(cases)
    if case_id is not None:
        seen = seen.where(Finding.case_id == case_id)
    versions = (await session.exec(select(FindingVersion).where(col(FindingVersion.finding_id).in_(seen)))).all()
    bodies = {(one.finding_id, one.version): one.body for one in versions}
    looks: dict[uuid.UUID, list[Look]] = defaultdict(list)
    wanted = select(LabelLook).where(col(LabelLook.finding_id).in_(seen), LabelLook.layer == PLATFORM_LAYER)
    wanted = wanted.where(LabelLook.recorded_at <= as_of)
    for row in (await session.exec(wanted.order_by(col(LabelLook.seen_at), col(LabelLook.id)))).all():
        looks[row.finding_id].append(Look(row.seen_at, row.state))
    found: dict[str, _Ad] = {}
    for one in answer.items:
        posted = stored_body(bodies[one.finding_id, one.version]).posted_by(time_rule)
        tells = posted is not None and (posted.compared or time_rule == FIRST_RULE)
        since = posted.interval[0] if posted is not None and tells else None
        known = found.get(one.key, _Ad(one.finding_id, None, ()))
        began = [moment for moment in (known.began, since) if moment is not None]
        found[one.key] = _Ad(known.finding_id, min(began, default=None), (*known.looks, *looks[one.finding_id]))
    return found
