"""Judging the posts that a case's tables name by a silence window: in, out or unknown, as server/rules/windows.py judges.

A judgement keeps the rule's id and version, the window's edges and the time it rests on: a later rule, and the undoing of the
import, change nothing of it. It is no finding: nobody read what the posts say.
"""

import asyncio
import json
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.cases.models import CaseFile, CaseState
from server.cases.recording import record
from server.cases.scope import require_case
from server.db import run_sql
from server.errors import BadInput, NotFound
from server.findings.body import SilenceChoice
from server.findings.judged import CONTRADICTS, window_of, window_text
from server.findings.models import JudgedPost, Judging, JudgingState
from server.imports.errors import ImportRefused
from server.imports.models import ImportState, TableImport
from server.imports.parts import JUDGE_TASK, ImportParts
from server.operators.actors import OperatorActor
from server.operators.models import Operator
from server.operators.service import operator_actor
from server.rules.catalogue import Catalogue, shipped
from server.rules.errors import RuleError
from server.rules.posttimes import TIME_RULE, PostTime, best_time, can_all_be_true, of_id, spoken
from server.rules.windows import SilenceWindow, judge

PAGE_POSTS = 5_000
UNDER_WAY = (ImportState.QUEUED, ImportState.RUNNING, ImportState.UNDOING)
GOING_ON = "a table of the case is still being taken in or taken back: judge its posts when that has ended"
NO_TIME = "no row gives a time of posting"
LIST_LIMIT = 100
PLACES = ("in", "out", "unknown")
_POSTS = """
SELECT e.id, e.platform, e.external_id, jsonb_agg(o.posted_at ORDER BY o.import_id, o.row) AS times, count(*) AS sightings
FROM (SELECT id, platform, external_id FROM entity WHERE case_id = :case_id AND kind = 'post' AND id > :after
      ORDER BY id LIMIT :n) e
JOIN observation o ON o.entity_id = e.id GROUP BY e.id, e.platform, e.external_id ORDER BY e.id
"""
_LAST = """
SELECT id FROM (SELECT id FROM entity WHERE case_id = :case_id AND kind = 'post' AND id > :after ORDER BY id LIMIT :n) e
ORDER BY id DESC LIMIT 1
"""
_INSERT = """
INSERT INTO judged_post (judging_id, entity_id, platform, post_id, posted_at, precision_s, source, compared, beside,
                         place, margin_s, can_confirm, reason, sightings)
SELECT :judging_id, r.entity_id, r.platform, r.post_id, r.posted_at, r.precision_s, r.source, r.compared, r.beside,
       r.place, r.margin_s, r.can_confirm, r.reason, r.sightings
FROM jsonb_to_recordset(CAST(:rows AS jsonb))
  AS r(entity_id uuid, platform text, post_id text, posted_at timestamptz, precision_s float, source text, compared boolean,
       beside text, place text, margin_s float, can_confirm boolean, reason text, sightings int)
"""


@dataclass(frozen=True)
class JudgingView:
    """A judging with its first posts of a place (by platform and id) and its author's name."""

    judging: Judging
    author: str
    window: SilenceWindow
    posts: Sequence[JudgedPost]


class Judgings:
    """Asking for a judging, running it, reading it."""

    def __init__(self, parts: ImportParts, catalogue: Catalogue | None = None) -> None:
        self._parts = parts
        self._catalogue = catalogue or shipped()

    async def ask(self, actor: OperatorActor, case_id: uuid.UUID, choice: SilenceChoice, *, queued: bool = True) -> Judging:
        """Queues the judging of the case's posts. `queued=False`: the caller runs it itself.

        Raises: Forbidden; NotFound; CaseClosed; BadInput (a choice that gives no window); ImportRefused (not all is in).
        """
        window = self._window(choice)
        async with self._parts.database.transaction() as session:
            case = await require_case(session, actor, case_id, "write")
            if await _is_going(session, case.id):
                raise ImportRefused(reason=GOING_ON)
            last = select(func.max(Judging.number)).where(Judging.case_id == case.id)
            judging = Judging(
                case_id=case.id,
                number=((await session.exec(last)).one() or 0) + 1,
                rule_id=window.rule_id,
                rule_version=window.rule_version,
                territory=window.territory,
                election_id=choice.election_id,
                verified=window.verified,
                window=window_text(window),
                counts={},
                reasons={},
                author_id=actor.operator_id,
                asked_at=self._parts.clock.now(),
            )
            session.add(judging)
            await session.flush()
            if queued:
                await self._parts.jobs.defer(session, JUDGE_TASK, judging_id=str(judging.id))
        return judging

    async def run(self, judging_id: uuid.UUID) -> str:
        """The state reached; all of it in one transaction, with `case.posts_judged` in the case's chain. Safe to run again."""
        async with self._parts.database.transaction() as session:
            judging = await session.get_one(Judging, judging_id, with_for_update=True)
            if judging.state == JudgingState.DONE:
                return judging.state
            case = await session.get_one(CaseFile, judging.case_id, with_for_update=True)
            if case.state == CaseState.CLOSED:
                judging.state, judging.reason = JudgingState.FAILED, "the case was closed"
                return judging.state
            if await _is_going(session, case.id):
                judging.state, judging.reason = JudgingState.FAILED, GOING_ON
                return judging.state
            places, reasons = await self._judge_all(session, judging)
            judging.counts = {place: places[place] for place in PLACES}
            judging.reasons = dict(sorted(reasons.items()))
            judging.time_rule = TIME_RULE
            judging.state, judging.reason, judging.judged_at = JudgingState.DONE, "", self._parts.clock.now()
            actor = operator_actor(await session.get_one(Operator, judging.author_id))
            details: dict[str, object] = {
                "judging": judging.number, "rule": judging.rule_id, "ruleVersion": judging.rule_version,
                "territory": judging.territory, "election": judging.election_id, **judging.counts,
            }  # fmt: skip
            await record(self._parts.cases, session, actor, case, ("case.posts_judged", details))
            return judging.state

    async def _judge_all(self, session: AsyncSession, judging: Judging) -> tuple[Counter[str], Counter[str]]:
        """Judges the case's posts page by page, in the order of their ids; how many by place, and by reason."""
        window, places, reasons = window_of(judging), Counter[str](), Counter[str]()
        after = uuid.UUID(int=0)
        while (last := await self._last(session, judging.case_id, after)) is not None:
            found = await run_sql(session, _POSTS, case_id=judging.case_id, after=after, n=PAGE_POSTS)
            rows = await asyncio.to_thread(_judged_page, found, window)
            if rows:
                await run_sql(session, _INSERT, judging_id=judging.id, rows=json.dumps(rows))
            places.update(str(one["place"]) for one in rows)
            reasons.update(str(one["reason"]) for one in rows)
            after = last
        return places, reasons

    async def fail(self, judging_id: uuid.UUID, reason: str) -> None:
        """It ends without a verdict on any post; it can be asked for again."""
        async with self._parts.database.transaction() as session:
            judging = await session.get_one(Judging, judging_id, with_for_update=True)
            if judging.state == JudgingState.QUEUED:
                judging.state, judging.reason = JudgingState.FAILED, reason[:1000]

    async def of_case(self, actor: OperatorActor, case_id: uuid.UUID, *, limit: int = LIST_LIMIT) -> list[Judging]:
        """The case's judgings, newest first. Raises: Forbidden; NotFound."""
        async with self._parts.database.session() as session:
            case = await require_case(session, actor, case_id, "read")
            wanted = select(Judging).where(Judging.case_id == case.id).order_by(col(Judging.number).desc())
            return list((await session.exec(wanted.limit(limit))).all())

    async def read(self, actor: OperatorActor, judging_id: uuid.UUID, place: str = "in", *, limit: int = 200) -> JudgingView:
        """One judging with the first posts of a place. Raises: Forbidden; NotFound; BadInput (place)."""
        if place not in PLACES:
            raise BadInput(field="place", reason="one of " + ", ".join(PLACES))
        async with self._parts.database.session() as session:
            judging = await session.get(Judging, judging_id)
            try:
                await require_case(session, actor, judging_id if judging is None else judging.case_id, "read")
            except NotFound as error:
                raise NotFound(kind="judging", id=str(judging_id)) from error
            if judging is None:
                raise NotFound(kind="judging", id=str(judging_id))
            posts = select(JudgedPost).where(JudgedPost.judging_id == judging.id, JudgedPost.place == place)
            first = posts.order_by(col(JudgedPost.platform), col(JudgedPost.post_id)).limit(limit)
            author = (await session.get_one(Operator, judging.author_id)).name
            return JudgingView(judging, author, window_of(judging), (await session.exec(first)).all())

    async def _last(self, session: AsyncSession, case_id: uuid.UUID, after: uuid.UUID) -> uuid.UUID | None:
        rows = await run_sql(session, _LAST, case_id=case_id, after=after, n=PAGE_POSTS)
        return rows[0].id if rows else None

    def _window(self, choice: SilenceChoice) -> SilenceWindow:
        rule, election = self._catalogue.silence.get(choice.rule_id), self._catalogue.elections.get(choice.election_id)
        if rule is None or election is None or rule.jurisdiction != election.jurisdiction:
            raise BadInput(field="rule_id", reason="a rule and an election of one country")
        try:
            return rule.window(choice.territory, election.poll_day)
        except RuleError as error:
            raise BadInput(field="territory", reason=error.reason) from error


async def _is_going(session: AsyncSession, case_id: uuid.UUID) -> bool:
    """True while a table of the case is taken in or taken back: half of its posts would be counted as all of them."""
    going = select(TableImport.id).where(TableImport.case_id == case_id, col(TableImport.state).in_(UNDER_WAY))
    return (await session.exec(going.limit(1))).first() is not None


def _judged_page(found: Sequence[Any], window: SilenceWindow) -> list[dict[str, object]]:
    return [_judged(one, window) for one in found]


def _judged(row: Any, window: SilenceWindow) -> dict[str, object]:
    """One post by the best of all the times that its rows state; times that cannot all be true make it unknown.

    Whether an id's time was compared is asked of the id, not of the row: rows of before say more than they knew.
    """
    stated = of_id([_time(one) for times in row.times for one in times], row.platform, row.external_id)
    told = {"entity_id": str(row.id), "platform": row.platform, "post_id": row.external_id, "sightings": row.sightings}
    posted = best_time(stated)
    if posted is None:
        return told | _kept(None) | {"place": "unknown", "margin_s": 0.0, "can_confirm": False, "reason": NO_TIME}
    verdict = judge(window, posted)
    if not can_all_be_true(stated):
        said = {"place": "unknown", "margin_s": 0.0, "can_confirm": False, "reason": f"{CONTRADICTS} each other"}
        return told | _kept(posted) | said
    said = {"place": verdict.place, "margin_s": verdict.margin_s, "can_confirm": verdict.can_confirm, "reason": verdict.reason}
    return told | _kept(posted) | said


def _kept(posted: PostTime | None) -> dict[str, object]:
    if posted is None:
        return {"posted_at": None, "precision_s": None, "source": "", "compared": False, "beside": ""}
    at = posted.value.isoformat()
    told = {"posted_at": at, "precision_s": posted.precision_s, "source": posted.source, "compared": posted.compared}
    return told | {"beside": "" if posted.beside is None else spoken(posted.beside)}


def _time(stored: dict[str, Any]) -> PostTime:
    at = datetime.fromisoformat(stored["value"])
    return PostTime(at, stored["source"], stored["precision_s"], stored["note"], stored["compared"])
