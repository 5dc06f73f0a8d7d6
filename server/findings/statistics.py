"""Numbers that can be counted again: a named question over confirmed findings, frozen with its list of ids and that list's
hash."""

import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.cases.models import CaseFile
from server.cases.parts import CaseParts
from server.cases.scope import hold_still, visible_cases
from server.cases.texts import one_line
from server.db import lock_for_transaction
from server.errors import BadInput, NotFound
from server.findings.body import FindingBody, stored_body
from server.findings.errors import StatisticRefused
from server.findings.models import (
    Finding,
    FindingReview,
    FindingState,
    FindingVersion,
    Statistic,
    StatisticItem,
    StatisticLine,
)
from server.findings.sampling import Sample, sample_of
from server.findings.tallies import frozen_keys, frozen_lines
from server.findings.withdrawn import withdrawn_behind, withdrawn_counted
from server.operators.actors import OperatorActor
from server.operators.rights import demand, own_rows
from server.operators.roles import Right

UNITS = ("findings", "posts", "ads", "images", "instances", "accounts", "channels")
DEDUP: dict[str, str] = {
    "findings": "each confirmed finding once",
    "posts": "distinct (platform, post id)",
    "ads": "distinct (platform, ad id)",
    "images": "distinct cluster, or SHA-256 of the file where there is no cluster",
    "instances": "distinct (image as above, platform, post id)",
    "accounts": "distinct (platform, account id); a finding's account set counts each of its accounts",
    "channels": "distinct (platform, channel id)",
}
MULTI_LABEL = (
    "A thing with two content types counts once in the total and once under each: parts may add up to more than the total."
)
ITEMS_LIMIT = 200_000
ROWS_LIMIT = 200


@dataclass(frozen=True)
class Question:
    """What is counted. Empty means any. Only the last word before `as_of` counts: a finding confirmed then, and not rejected
    since."""

    types: tuple[str, ...] = ()
    sli_label: str = ""
    platform: str = ""
    member_state: str = ""
    case_id: uuid.UUID | None = None
    confirmed_from: datetime | None = None
    confirmed_to: datetime | None = None

    def text(self) -> str:
        """Canonical JSON: the question as it is stored and asked again."""
        values = {
            "types": sorted(self.types),
            "sli_label": self.sli_label,
            "platform": self.platform,
            "member_state": self.member_state,
            "case_id": None if self.case_id is None else str(self.case_id),
            "confirmed_from": _iso(self.confirmed_from),
            "confirmed_to": _iso(self.confirmed_to),
        }
        return json.dumps(values, sort_keys=True, separators=(",", ":"))


@dataclass(frozen=True)
class Counted:
    """One thing that counts: its key in the unit, and the version it comes of."""

    key: str
    finding_id: uuid.UUID
    version: int
    body_sha256: str


@dataclass(frozen=True)
class Answer:
    """Keys in order, the items behind them, and how many confirmed findings had no key in this unit (said, never hidden)."""

    items: tuple[Counted, ...]
    without_key: int
    keys: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "keys", tuple(sorted({one.key for one in self.items})))

    @property
    def ids_sha256(self) -> str:
        """SHA-256 of the ids file."""
        return hashlib.sha256(ids_file(self.keys)).hexdigest()


class Statistics:
    """Freezing and reading; counting again is server/findings/recount.py."""

    def __init__(self, parts: CaseParts) -> None:
        self.parts = parts

    async def freeze(self, actor: OperatorActor, label: str, unit: str, question: Question) -> Statistic:
        """The number with its frozen list. Counted are findings of cases of the actor's organisation. Raises: Forbidden;
        BadInput; StatisticRefused."""
        demand(actor, Right.REVIEW)
        said = one_line("label", label, 200)
        async with self.parts.database.transaction() as session:
            await hold_still(session, own_cases(actor))
            now = self.parts.clock.now()
            await lock_for_transaction(session, f"statistic numbers:{actor.organisation_id}")
            answer = await count(session, own_cases(actor), unit, (question, now))
            if len(answer.items) > ITEMS_LIMIT:
                raise StatisticRefused(reason=f"at most {ITEMS_LIMIT} items")
            last = select(func.max(Statistic.number)).where(own_rows(actor, Statistic.organisation_id))
            n = len(answer.keys)
            statistic = Statistic(
                organisation_id=actor.organisation_id,
                number=((await session.exec(last)).one() or 0) + 1,
                label=said,
                unit=unit,
                query=question.text(),
                dedup_rule=DEDUP[unit],
                n=n,
                n_low=n,
                n_high=n,
                without_key=answer.without_key,
                ids_sha256=answer.ids_sha256,
                as_of=now,
                frozen_by=actor.operator_id,
                frozen_at=now,
            )
            session.add(statistic)
            await session.flush()
            session.add_all(
                StatisticItem(
                    statistic_id=statistic.id,
                    position=position,
                    key=one.key,
                    finding_id=one.finding_id,
                    version=one.version,
                    body_sha256=one.body_sha256,
                )
                for position, one in enumerate(answer.items)
            )
        return statistic

    async def sample(self, actor: OperatorActor, statistic_id: uuid.UUID, seed: str, size: int) -> Sample:
        """A part of the frozen list, the same for the same seed and size. Raises: Forbidden; NotFound; BadInput."""
        statistic, keys = await self.keys(actor, statistic_id)
        return sample_of(keys, seed, size, f"S-{statistic.number}", statistic.ids_sha256)

    async def keys(self, actor: OperatorActor, statistic_id: uuid.UUID) -> tuple[Statistic, tuple[str, ...]]:
        """The number and its whole list: the keys in order, each once. Raises: Forbidden; NotFound."""
        statistic, _ = await self.read(actor, statistic_id, limit=0)
        async with self.parts.database.session() as session:
            return statistic, await frozen_keys(session, statistic.id) or ()

    async def list(self, actor: OperatorActor, *, before: int | None = None, limit: int = ROWS_LIMIT) -> Sequence[Statistic]:
        """A page of the organisation's statistics, newest first, those of a number below `before`. Raises: Forbidden."""
        demand(actor, Right.READ)
        wanted = select(Statistic).where(own_rows(actor, Statistic.organisation_id)).order_by(col(Statistic.number).desc())
        if before is not None:
            wanted = wanted.where(Statistic.number < before)
        async with self.parts.database.session() as session:
            return (await session.exec(wanted.limit(limit))).all()

    async def read(
        self, actor: OperatorActor, statistic_id: uuid.UUID, *, limit: int | None = None
    ) -> tuple[Statistic, Sequence[StatisticItem]]:
        """The number and the findings it came of, the first `limit`; readings and posts are in lines(). Raises: Forbidden;
        NotFound."""
        demand(actor, Right.READ)
        async with self.parts.database.session() as session:
            wanted = select(Statistic).where(Statistic.id == statistic_id, own_rows(actor, Statistic.organisation_id))
            statistic = (await session.exec(wanted)).first()
            if statistic is None:
                raise NotFound(kind="statistic", id=str(statistic_id))
            items = select(StatisticItem).where(StatisticItem.statistic_id == statistic.id).order_by(col(StatisticItem.position))
            return statistic, (await session.exec(items if limit is None else items.limit(limit))).all()

    async def lines(self, actor: OperatorActor, statistic_id: uuid.UUID, limit: int) -> Sequence[StatisticLine]:
        """The first readings or posts that it counts; none where it counts findings. Raises: Forbidden; NotFound."""
        await self.read(actor, statistic_id, limit=0)
        async with self.parts.database.session() as session:
            return await frozen_lines(session, statistic_id, limit)

    async def withdrawn(self, actor: OperatorActor, statistic_id: uuid.UUID) -> tuple[uuid.UUID, ...]:
        """Findings that it counted and whose evidence was withdrawn. Raises: Forbidden; NotFound."""
        statistic, _ = await self.read(actor, statistic_id, limit=0)
        async with self.parts.database.session() as session:
            return await withdrawn_behind(session, statistic)

    async def withdrawn_counts(self, actor: OperatorActor, statistic_ids: Sequence[uuid.UUID]) -> Mapping[uuid.UUID, int]:
        """How many findings withdrawn() gives for each of the organisation's, of those for which it gives any. Raises:
        Forbidden."""
        demand(actor, Right.READ)
        wanted = select(Statistic.id).where(own_rows(actor, Statistic.organisation_id), col(Statistic.id).in_(statistic_ids))
        async with self.parts.database.session() as session:
            return await withdrawn_counted(session, (await session.exec(wanted)).all())


async def count(session: AsyncSession, cases: Any, unit: str, asked: tuple[Question, datetime]) -> Answer:
    """The answer over findings of `cases` (a condition on CaseFile) as things stood at a moment. Raises: BadInput (unit)."""
    if unit not in UNITS:
        raise BadInput(field="unit", reason="one of " + ", ".join(UNITS))
    question, as_of = asked
    last = (
        select(FindingReview.finding_id, func.max(FindingReview.id).label("id"))
        .where(FindingReview.at <= as_of, col(FindingReview.verdict).in_([FindingState.CONFIRMED, FindingState.REJECTED]))
        .group_by(col(FindingReview.finding_id))
        .subquery()
    )
    wanted = (
        select(FindingVersion, FindingReview)
        .join(
            FindingReview,
            (col(FindingReview.finding_id) == FindingVersion.finding_id) & (FindingReview.version == FindingVersion.version),
        )
        .join(last, last.c.id == FindingReview.id)
        .join(Finding, col(Finding.id) == FindingVersion.finding_id)
        .join(CaseFile, col(CaseFile.id) == col(Finding.case_id))
        .where(cases, FindingReview.verdict == FindingState.CONFIRMED)
    )
    if question.types:
        wanted = wanted.where(col(Finding.type).in_(question.types))
    if question.case_id is not None:
        wanted = wanted.where(Finding.case_id == question.case_id)
    items: list[Counted] = []
    without = 0
    for version, review in (await session.exec(wanted)).all():
        body = stored_body(version.body)
        if not _asked_for(question, body, review):
            continue
        keys = keys_of(unit, version.finding_id, body)
        without += not keys
        items += [Counted(key, version.finding_id, version.version, version.body_sha256) for key in keys]
    return Answer(tuple(sorted(items, key=lambda one: (one.key, str(one.finding_id)))), without)


def keys_of(unit: str, finding_id: uuid.UUID, body: FindingBody) -> tuple[str, ...]:
    """The finding's keys in a unit, each a canonical JSON list; empty when it has none. Image, instance, post and account
    differ."""
    subject = body.subject
    image = subject.cluster.partition("@")[0] or subject.media_sha256
    post = (subject.platform, subject.post_id)
    accounts = dict.fromkeys([*([subject.account_id] if subject.account_id else []), *body.accounts])
    found: dict[str, list[tuple[str, ...]]] = {
        "findings": [(str(finding_id),)],
        "posts": [post] if all(post) else [],
        "ads": [(subject.platform, subject.ad_id)] if subject.platform and subject.ad_id else [],
        "images": [(image,)] if image else [],
        "instances": [(image, *post)] if image and all(post) else [],
        "accounts": [(subject.platform, account) for account in accounts] if subject.platform else [],
        "channels": [(subject.platform, subject.channel_id)] if subject.platform and subject.channel_id else [],
    }
    return tuple(json.dumps(key, ensure_ascii=False, separators=(",", ":")) for key in found[unit])


def ids_file(keys: Sequence[str]) -> bytes:
    """The frozen list as a file: one key a line, sorted, each line ended."""
    return "".join(f"{key}\n" for key in keys).encode("utf-8")


def _asked_for(question: Question, body: FindingBody, review: FindingReview) -> bool:
    label = str(review.pins.get("type", {}).get("sli_label", ""))
    return (
        (not question.sli_label or label == question.sli_label)
        and (not question.platform or body.subject.platform == question.platform)
        and (not question.member_state or body.member_state == question.member_state)
        and (question.confirmed_from is None or review.at >= question.confirmed_from)
        and (question.confirmed_to is None or review.at < question.confirmed_to)
    )


def own_cases(actor: OperatorActor) -> Any:
    """Cases that the actor may see and that are of the organisation: a number is never made of what others own."""
    return visible_cases(actor) & own_rows(actor, CaseFile.organisation_id)


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat()
