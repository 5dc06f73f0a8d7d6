"""Statistics over readings of numbers (views, followers, spending): ranges stay ranges, what is not known is counted apart, and
what a platform claims never stands beside what somebody read."""

import json
import uuid
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.cases.models import CaseFile, Entity, EntityKind, Metric
from server.errors import BadInput
from server.findings.errors import StatisticRefused
from server.findings.tallies import Bounds, Line, Tally, key_text

ABOUT = "readings"
AGGREGATES = ("sum", "least", "most")
_SAYS = {
    "sum": "sum of the lower ends to sum of the upper ends",
    "least": "least lower end to least upper end",
    "most": "greatest lower end to greatest upper end",
}
RULE = (
    "{what}, over distinct (platform, id) of kind {kind}; of each its newest reading of {name} ({unit}, {window}) before it was"
    " counted, and where several bear that time, from the least to the most they say. {origin} Kept in cases, not confirmed by a"
    " second person. Ends are never averaged. {claims}"
)
Thing = tuple[str, str, str]
_ENDS: dict[str, Callable[[Sequence[int]], int]] = {"sum": sum, "least": min, "most": max}


@dataclass(frozen=True)
class RangeQuestion:
    """What is read. name, unit, window and kind are exact. `claimed_by`: whose own claims are meant; empty: nobody's, what the
    organisation read or counted itself."""

    name: str
    unit: str
    window: str
    kind: str
    aggregate: str = "sum"
    platform: str = ""
    case_id: uuid.UUID | None = None
    claimed_by: str = ""
    read_from: datetime | None = None
    read_to: datetime | None = None

    def text(self) -> str:
        """Canonical JSON: the question as it is stored and asked again."""
        values: dict[str, Any] = {"about": ABOUT, "sli_label": "", "member_state": "", **asdict(self)}
        values["case_id"] = None if self.case_id is None else str(self.case_id)
        for name in ("read_from", "read_to"):
            moment = getattr(self, name)
            values[name] = None if moment is None else moment.astimezone(UTC).isoformat()
        return json.dumps(values, sort_keys=True, separators=(",", ":"))


def range_question(text: str) -> RangeQuestion:
    """The question from its stored text."""
    values = {name: value for name, value in json.loads(text).items() if name not in ("about", "sli_label", "member_state")}
    values["case_id"] = None if values["case_id"] is None else uuid.UUID(values["case_id"])
    for name in ("read_from", "read_to"):
        values[name] = None if values[name] is None else datetime.fromisoformat(values[name])
    return RangeQuestion(**values)


async def tally_readings(session: AsyncSession, cases: Any, question: RangeQuestion, as_of: datetime) -> Tally:
    """The answer over entities of `cases` (a condition on CaseFile) from what was kept until a moment.

    Raises: BadInput (kind, aggregate, a member that is missing); StatisticRefused (no reading at all).
    """
    _checked(question)
    rows = (await session.exec(_readings(cases, question, as_of))).all()
    own = [(metric, entity) for metric, entity in rows if metric.claimed_by == question.claimed_by]
    newest: dict[Thing, list[Metric]] = defaultdict(list)
    for metric, entity in own:  # the newest first
        found = newest[_thing(entity)]
        if not found or found[0].as_of == metric.as_of:
            found.append(metric)
    lines = {key_text(_values(thing, one)): one.id for thing, readings in newest.items() for one in readings}
    if not lines:
        raise StatisticRefused(reason="nothing was read")
    keys = sorted(lines)
    return Tally(
        lines=tuple(Line(key, lines[key]) for key in keys),
        bounds=bounds_of(question.aggregate, keys),
        without_key=len(await _things(session, cases, question, as_of) - set(newest)),
        unit=question.unit,
        rule=_rule(question, len(rows) - len(own)),
        query=question.text(),
    )


def bounds_of(aggregate: str, keys: Sequence[str]) -> Bounds:
    """What the keys of a list come to: one range per thing, then the sum, the least or the most of their ends."""
    ranges: dict[tuple[str, ...], tuple[int, int]] = {}
    for key in keys:
        kind, platform, external_id, low, high, _ = json.loads(key)
        thing = (kind, platform, external_id)
        known = ranges.get(thing, (low, high))
        ranges[thing] = (min(known[0], low), max(known[1], high))
    ends = _ENDS[aggregate]
    return Bounds(ends([low for low, _ in ranges.values()]), ends([high for _, high in ranges.values()]))


def reading_key(metric: Metric, entity: Entity) -> str:
    """The key that a reading has now: what a recount compares with the frozen one."""
    return key_text(_values(_thing(entity), metric))


def _values(thing: Thing, one: Metric) -> list[object]:
    return [*thing, one.low, one.high, one.as_of.astimezone(UTC).isoformat()]


def _thing(entity: Entity) -> Thing:
    return entity.kind, entity.platform, entity.external_id


def _checked(question: RangeQuestion) -> None:
    if question.kind not in {one.value for one in EntityKind}:
        raise BadInput(field="kind", reason="one of " + ", ".join(one.value for one in EntityKind))
    if question.aggregate not in AGGREGATES:
        raise BadInput(field="aggregate", reason="one of " + ", ".join(AGGREGATES))
    for name in ("name", "unit", "window"):
        if not getattr(question, name):
            raise BadInput(field=name, reason="say which: only readings of one name, unit and window can be put together")


def _readings(cases: Any, question: RangeQuestion, as_of: datetime) -> Any:
    wanted = (
        select(Metric, Entity)
        .join(Entity, col(Entity.id) == col(Metric.entity_id))
        .join(CaseFile, col(CaseFile.id) == col(Entity.case_id))
        .where(cases, Entity.kind == question.kind, Metric.created_at <= as_of)
        .where(Metric.name == question.name, Metric.unit == question.unit, Metric.window == question.window)
    )
    for asked, condition in (
        (question.platform, Entity.platform == question.platform),
        (question.case_id, Entity.case_id == question.case_id),
        (question.read_from, None if question.read_from is None else Metric.as_of >= question.read_from),
        (question.read_to, None if question.read_to is None else Metric.as_of < question.read_to),
    ):
        if asked and condition is not None:
            wanted = wanted.where(condition)
    return wanted.order_by(col(Metric.as_of).desc(), col(Metric.id))


async def _things(session: AsyncSession, cases: Any, question: RangeQuestion, as_of: datetime) -> set[Thing]:
    """Everything of the kind that was asked about, read or not."""
    wanted = (
        select(Entity.kind, Entity.platform, Entity.external_id)
        .join(CaseFile, col(CaseFile.id) == col(Entity.case_id))
        .where(cases, Entity.kind == question.kind, Entity.created_at <= as_of)
    )
    if question.platform:
        wanted = wanted.where(Entity.platform == question.platform)
    if question.case_id is not None:
        wanted = wanted.where(Entity.case_id == question.case_id)
    return set((await session.exec(wanted.distinct())).all())


def _rule(question: RangeQuestion, apart: int) -> str:
    who = question.claimed_by
    origin = (
        f"Claims of {who} about itself, not counted by us." if who else "Our own readings; no platform's claim is among them."
    )
    claims = f"{apart} readings of another origin are left out." if apart else ""
    words = RULE.format(
        what=_SAYS[question.aggregate], kind=question.kind, name=question.name, unit=question.unit, window=question.window,
        origin=origin, claims=claims,
    )  # fmt: skip
    return words[0].upper() + words[1:].rstrip()
