"""Counting a frozen statistic again, from what is stored: the list, the versions behind it, and the question itself."""

import hashlib
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.cases.models import CaseFile
from server.db import Database
from server.errors import NotFound
from server.findings.body import stored_body
from server.findings.models import FindingVersion, Statistic, StatisticItem
from server.findings.recounting import RecountCheck, recount_lines
from server.findings.statistics import Question, count, ids_file, keys_of
from server.findings.tallies import Bounds
from server.findings.withdrawn import withdrawn_behind


@dataclass(frozen=True)
class Recount:
    """A statistic counted again. `n` is None and `bounds` are its ends where it is a range; `counted`: ids in its list.

    withdrawn: findings behind it whose evidence was withdrawn. They are counted, so no check fails by them.
    """

    statistic_id: uuid.UUID
    number: int
    label: str
    unit: str
    n: int | None
    bounds: Bounds
    counted: int
    checks: tuple[RecountCheck, ...]
    withdrawn: tuple[uuid.UUID, ...]

    @property
    def is_sound(self) -> bool:
        """True when every check passed."""
        return all(check.outcome == "PASSED" for check in self.checks)


async def recount(database: Database, statistic_id: uuid.UUID) -> Recount:
    """The statistic counted again in three ways. For who runs the service: it is not scoped to an organisation. Raises: NotFound.

    1 `list`: the frozen keys give the frozen number and hash.  2 `versions`: each version behind them still has its hash and
    gives
    its key.  3 `question`: the question asked again, as things stood when it was frozen, gives the same list.
    For readings and judged posts see server/findings/recounting.py.
    """
    async with database.session() as session:
        statistic = await session.get(Statistic, statistic_id)
        if statistic is None:
            raise NotFound(kind="statistic", id=str(statistic_id))
        about = json.loads(statistic.query).get("about", "findings")
        counted, checks = await (_findings if about == "findings" else recount_lines)(session, statistic)
        withdrawn = await withdrawn_behind(session, statistic)
    bounds = Bounds(statistic.n_low, statistic.n_high)
    told = (statistic.id, statistic.number, statistic.label, statistic.unit, statistic.n)
    return Recount(*told, bounds, counted, checks, withdrawn)


async def _findings(session: AsyncSession, statistic: Statistic) -> tuple[int, tuple[RecountCheck, ...]]:
    ordered = select(StatisticItem).where(StatisticItem.statistic_id == statistic.id).order_by(col(StatisticItem.position))
    items = (await session.exec(ordered)).all()
    keys = sorted({item.key for item in items})
    return len(keys), (
        _check_list(statistic, keys),
        await _check_versions(session, statistic, items),
        await _check_question(session, statistic, keys),
    )


def _check_list(statistic: Statistic, keys: Sequence[str]) -> RecountCheck:
    digest = hashlib.sha256(ids_file(keys)).hexdigest()
    if digest != statistic.ids_sha256:
        return RecountCheck("list", "FAILED", f"the list has SHA-256 {digest}, frozen was {statistic.ids_sha256}")
    if len(keys) != statistic.n:
        return RecountCheck("list", "FAILED", f"the list has {len(keys)} ids, frozen were {statistic.n}")
    return RecountCheck("list", "PASSED", f"{len(keys)} ids, SHA-256 {digest}")


async def _check_versions(session: AsyncSession, statistic: Statistic, items: Sequence[StatisticItem]) -> RecountCheck:
    behind = select(StatisticItem.finding_id).where(StatisticItem.statistic_id == statistic.id)
    wanted = select(FindingVersion).where(col(FindingVersion.finding_id).in_(behind))
    versions = {(row.finding_id, row.version): row for row in (await session.exec(wanted)).all()}
    for item in items:
        version = versions.get((item.finding_id, item.version))
        if version is None:
            return RecountCheck("versions", "FAILED", f"finding {item.finding_id} version {item.version} is gone")
        digest = hashlib.sha256(version.body.encode("utf-8")).hexdigest()
        if digest != item.body_sha256:
            return RecountCheck("versions", "FAILED", f"finding {item.finding_id} version {item.version} was changed")
        if item.key not in keys_of(statistic.unit, item.finding_id, stored_body(version.body)):
            return RecountCheck("versions", "FAILED", f"finding {item.finding_id} does not give {item.key}")
    return RecountCheck("versions", "PASSED", f"{len(items)} versions have their hashes and give their keys")


async def _check_question(session: AsyncSession, statistic: Statistic, keys: Sequence[str]) -> RecountCheck:
    own = col(CaseFile.organisation_id) == statistic.organisation_id
    answer = await count(session, own, statistic.unit, (question_of(statistic.query), statistic.as_of))
    if list(answer.keys) == list(keys):
        return RecountCheck("question", "PASSED", f"asked again as of {statistic.as_of.isoformat()}: the same {len(keys)}")
    more, fewer = sorted(set(answer.keys) - set(keys)), sorted(set(keys) - set(answer.keys))
    named = ", ".join([f"+{one}" for one in more[:5]] + [f"-{one}" for one in fewer[:5]])
    return RecountCheck("question", "FAILED", f"{len(more)} more, {len(fewer)} fewer: {named}")


def question_of(text: str) -> Question:
    """The question from its stored text."""
    values = json.loads(text)
    return Question(
        types=tuple(values["types"]),
        sli_label=values["sli_label"],
        platform=values["platform"],
        member_state=values["member_state"],
        case_id=None if values["case_id"] is None else uuid.UUID(values["case_id"]),
        confirmed_from=_moment(values["confirmed_from"]),
        confirmed_to=_moment(values["confirmed_to"]),
    )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
