"""Reading the confirmed findings of a case in batches, as they stood at a moment."""

import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func
from sqlmodel import col, select, tuple_
from sqlmodel.ext.asyncio.session import AsyncSession

from server.captures.models import Capture
from server.cases.models import CaseFile
from server.db import Database
from server.exports.tables.findings import ConfirmedFinding
from server.findings.body import stored_body
from server.findings.models import Finding, FindingReview, FindingState, FindingVersion
from server.operators.models import Operator, Organisation

BATCH = 500


@dataclass(frozen=True)
class CaseFacts:
    """Whose findings are read."""

    case_id: uuid.UUID
    number: int
    organisation: str


async def case_facts(session: AsyncSession, case_id: uuid.UUID) -> CaseFacts:
    """The case and the name of its organisation. Not checked: who may see it."""
    case = await session.get_one(CaseFile, case_id)
    return CaseFacts(case.id, case.number, (await session.get_one(Organisation, case.organisation_id)).name)


async def confirmed_findings(
    database: Database, case_id: uuid.UUID, as_of: datetime, *, batch: int = BATCH
) -> AsyncIterator[list[ConfirmedFinding]]:
    """Findings by number whose last word at `as_of` was a confirmation, each in the version confirmed. Not checked: rights.

    A batch is read in a few statements and then forgotten; it may be empty where drafts lie between.
    """
    after = 0
    while True:
        async with database.session() as session:
            facts = await case_facts(session, case_id)
            wanted = select(Finding).where(Finding.case_id == case_id, col(Finding.number) > after)
            findings = (await session.exec(wanted.order_by(col(Finding.number)).limit(batch))).all()
            if not findings:
                return
            read = await _confirmed(session, facts, findings, as_of)
        yield read
        after = findings[-1].number


async def _confirmed(
    session: AsyncSession, facts: CaseFacts, findings: Sequence[Finding], as_of: datetime
) -> list[ConfirmedFinding]:
    last = (
        select(func.max(FindingReview.id))
        .where(
            col(FindingReview.finding_id).in_([one.id for one in findings]),
            FindingReview.at <= as_of,
            col(FindingReview.verdict).in_([FindingState.CONFIRMED, FindingState.REJECTED]),
        )
        .group_by(col(FindingReview.finding_id))
    )
    words = (await session.exec(select(FindingReview).where(col(FindingReview.id).in_(last)))).all()
    said = {one.finding_id: one for one in words if one.verdict == FindingState.CONFIRMED}
    keys = [(one.finding_id, one.version) for one in said.values()]
    wanted = select(FindingVersion).where(tuple_(FindingVersion.finding_id, FindingVersion.version).in_(keys))
    versions = {one.finding_id: one for one in (await session.exec(wanted)).all()}
    bodies = {finding_id: stored_body(one.body) for finding_id, one in versions.items()}
    cited = {capture for body in bodies.values() for capture in body.cited_captures}
    taken = select(Capture.capture_id, Capture.captured_at).where(col(Capture.capture_id).in_(cited))
    captured_at = dict((await session.exec(taken)).all())
    people = {one.author_id for one in versions.values()} | {one.reviewer_id for one in said.values()}
    names = dict((await session.exec(select(Operator.id, Operator.name).where(col(Operator.id).in_(people)))).all())
    return [
        ConfirmedFinding(
            case_id=facts.case_id,
            case_number=facts.number,
            organisation=facts.organisation,
            finding_id=one.id,
            number=one.number,
            type=one.type,
            version=versions[one.id].version,
            body_sha256=versions[one.id].body_sha256,
            body=bodies[one.id],
            confirmed_at=said[one.id].at,
            pins=said[one.id].pins,
            captured_at=captured_at,
            author=names.get(versions[one.id].author_id, ""),
            reviewer=names.get(said[one.id].reviewer_id, ""),
        )
        for one in findings
        if one.id in versions
    ]
