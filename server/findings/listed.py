"""Findings as lines of lists: the state of the newest version, and which version is confirmed while that one is still a draft."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.dialects.postgresql import distinct_on
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.cases.models import CaseFile
from server.cases.parts import CaseParts
from server.cases.scope import require_case, visible_cases
from server.findings.body import Subject, stored_body
from server.findings.models import Finding, FindingReview, FindingState, FindingVersion
from server.operators.actors import OperatorActor
from server.operators.rights import demand
from server.operators.roles import Right


@dataclass(frozen=True)
class ListedFinding:
    """A finding; `confirmed`: the version whose confirmation stands, None if there is none."""

    finding: Finding
    confirmed: int | None


class FindingLists:
    """Reading findings for lists; each call has the same number of statements however many there are."""

    def __init__(self, parts: CaseParts) -> None:
        self._parts = parts

    async def page(
        self, actor: OperatorActor, case_id: uuid.UUID, limit: int, *, before: int | None = None, state: str = ""
    ) -> list[ListedFinding]:
        """The newest of the case's findings, those of a number below `before`, of one state. Raises: Forbidden; NotFound."""
        async with self._parts.database.session() as session:
            case = await require_case(session, actor, case_id, "read")
            wanted = select(Finding).where(Finding.case_id == case.id)
            if before is not None:
                wanted = wanted.where(Finding.number < before)
            if state:
                wanted = wanted.where(Finding.state == state)
            found = (await session.exec(wanted.order_by(col(Finding.number).desc()).limit(limit))).all()
            return await _lines(session, found)

    async def these(self, actor: OperatorActor, finding_ids: Collection[uuid.UUID]) -> Mapping[uuid.UUID, ListedFinding]:
        """Those of the ids that are in cases the actor may see. Raises: Forbidden."""
        demand(actor, Right.READ)
        wanted = select(Finding).join(CaseFile, col(CaseFile.id) == Finding.case_id).where(visible_cases(actor))
        async with self._parts.database.session() as session:
            found = (await session.exec(wanted.where(col(Finding.id).in_(finding_ids)))).all()
            return {one.finding.id: one for one in await _lines(session, found)}

    async def subjects(self, actor: OperatorActor, finding_ids: Collection[uuid.UUID]) -> Mapping[uuid.UUID, Subject]:
        """What the newest versions are about, of those of the ids that are in cases the actor may see: each whole body is read.
        Raises: Forbidden."""
        demand(actor, Right.READ)
        newest = (
            select(FindingVersion.finding_id, FindingVersion.body)
            .join(Finding, (col(Finding.id) == FindingVersion.finding_id) & (col(Finding.version) == FindingVersion.version))
            .join(CaseFile, col(CaseFile.id) == Finding.case_id)
            .where(visible_cases(actor), col(FindingVersion.finding_id).in_(finding_ids))
        )
        async with self._parts.database.session() as session:
            return {finding: stored_body(body).subject for finding, body in (await session.exec(newest)).all()}


async def _lines(session: AsyncSession, findings: Sequence[Finding]) -> list[ListedFinding]:
    ids = [one.id for one in findings]
    words = col(FindingReview.verdict).in_([FindingState.CONFIRMED, FindingState.REJECTED])
    last = (
        select(FindingReview.finding_id, FindingReview.version, FindingReview.verdict)
        .where(col(FindingReview.finding_id).in_(ids), words)
        .order_by(col(FindingReview.finding_id), col(FindingReview.id).desc())
        .ext(distinct_on(col(FindingReview.finding_id)))
    )
    said = {finding: (version, verdict) for finding, version, verdict in (await session.exec(last)).all()}
    lines = []
    for one in findings:
        version, verdict = said.get(one.id, (None, ""))
        lines.append(ListedFinding(one, version if verdict == FindingState.CONFIRMED else None))
    return lines
