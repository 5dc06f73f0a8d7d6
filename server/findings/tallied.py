"""Freezing numbers that count no findings: over readings, posts judged by a window, minutes without a label."""

import uuid

from sqlmodel import col, select

from server.cases.models import CaseFile
from server.cases.parts import CaseParts
from server.cases.scope import hold_still
from server.errors import NotFound
from server.findings.judged import tally_judged
from server.findings.models import Judging, Statistic
from server.findings.ranges import RangeQuestion, tally_readings
from server.findings.statistics import own_cases
from server.findings.tallies import freeze_tally
from server.findings.unlabelled import tally_unlabelled
from server.operators.actors import OperatorActor
from server.operators.rights import demand
from server.operators.roles import Right


class Tallies:
    """Reading and listing them is server/findings/statistics.py: they are statistics as any other."""

    def __init__(self, parts: CaseParts) -> None:
        self._parts = parts

    async def freeze_readings(self, actor: OperatorActor, label: str, question: RangeQuestion) -> Statistic:
        """What the readings come to, with their list. Raises: Forbidden; BadInput; StatisticRefused."""
        demand(actor, Right.REVIEW)
        async with self._parts.database.transaction() as session:
            await hold_still(session, own_cases(actor))
            now = self._parts.clock.now()
            tally = await tally_readings(session, own_cases(actor), question, now)
            return await freeze_tally(session, actor, label, (tally, now))

    async def freeze_unlabelled(self, actor: OperatorActor, label: str, case_id: uuid.UUID | None = None) -> Statistic:
        """How many minutes advertisements stood without the platform's label. Raises: Forbidden; BadInput; StatisticRefused."""
        demand(actor, Right.REVIEW)
        async with self._parts.database.transaction() as session:
            await hold_still(session, own_cases(actor))
            now = self._parts.clock.now()
            tally = await tally_unlabelled(session, own_cases(actor), case_id, now)
            return await freeze_tally(session, actor, label, (tally, now))

    async def freeze_judged(self, actor: OperatorActor, label: str, judging_id: uuid.UUID, platform: str = "") -> Statistic:
        """How many judged posts lie in the window, with their list. Raises: Forbidden; NotFound; BadInput; StatisticRefused."""
        demand(actor, Right.REVIEW)
        async with self._parts.database.transaction() as session:
            wanted = select(Judging).join(CaseFile, col(CaseFile.id) == col(Judging.case_id))
            judging = (await session.exec(wanted.where(Judging.id == judging_id, own_cases(actor)))).first()
            if judging is None:
                raise NotFound(kind="judging", id=str(judging_id))
            tally = await tally_judged(session, judging, platform)
            return await freeze_tally(session, actor, label, (tally, self._parts.clock.now()))
