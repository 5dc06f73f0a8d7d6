"""Who may see which finding: whoever may see its case. The one place where a finding is looked up for somebody."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.captures.models import Capture
from server.captures.sharing import Exhibit
from server.cases.models import CaseFile
from server.cases.scope import Need, require_case
from server.db import run_sql
from server.errors import NotFound
from server.findings.body import FindingBody, stored_body
from server.findings.evidence import DepositFact, Gap, Known, LookFact, gaps
from server.findings.models import Finding, FindingVersion, LabelLook
from server.operators.actors import OperatorActor
from server.rules.catalogue import Catalogue

_DEPOSITS = """
SELECT id, number, kind, sha256, received_at FROM deposit
WHERE case_id = :case_id AND withdrawn_at IS NULL AND id = ANY(:wanted) ORDER BY number
"""


@dataclass(frozen=True)
class Opened:
    """A finding with its case, newest version and what the checks know."""

    case: CaseFile
    finding: Finding
    version: FindingVersion
    body: FindingBody
    looks: tuple[LabelLook, ...]
    known: Known

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """What keeps the newest version from being confirmed."""
        return gaps(self.finding.type, self.body, self.known)


async def require_finding(
    session: AsyncSession, actor: OperatorActor, finding_id: uuid.UUID, need: Need
) -> tuple[CaseFile, Finding]:
    """The finding and its case; both locked for change unless they are only read.

    Raises: Forbidden; NotFound, in the same words for an absent finding and for one of a case the actor may not see; CaseClosed.
    """
    where = select(Finding.case_id).where(Finding.id == finding_id)
    case_id = (await session.exec(where)).first()
    try:
        case = await require_case(session, actor, case_id or finding_id, need)
    except NotFound as error:
        raise NotFound(kind="finding", id=str(finding_id)) from error
    wanted = select(Finding).where(Finding.id == finding_id)
    if need != "read":
        wanted = wanted.with_for_update().execution_options(populate_existing=True)
    return case, (await session.exec(wanted)).one()


async def open_finding(session: AsyncSession, parts: tuple[CaseFile, Finding], catalogue: Catalogue) -> Opened:
    """The finding with everything its checks need."""
    case, finding = parts
    version = await session.get_one(FindingVersion, (finding.id, finding.version))
    body = stored_body(version.body)
    ordered = select(LabelLook).where(LabelLook.finding_id == finding.id).order_by(col(LabelLook.seen_at), col(LabelLook.id))
    looks = tuple((await session.exec(ordered)).all())
    facts = tuple(LookFact(look.layer, look.state, look.seen_at, look.kind) for look in looks)
    exhibits = await exhibits_of(session, case.id, body.cited_captures)
    deposits = await deposits_of(session, case.id, body.cited_deposits)
    return Opened(case, finding, version, body, looks, Known(exhibits, facts, deposits, catalogue=catalogue))


async def deposits_of(session: AsyncSession, case_id: uuid.UUID, wanted: Sequence[uuid.UUID]) -> tuple[DepositFact, ...]:
    """Which of these archives made elsewhere are the case's and were not withdrawn, by number. Their rows belong to a floor
    above (server/imports): read here as they stand, never written."""
    if not wanted:
        return ()
    rows = await run_sql(session, _DEPOSITS, case_id=case_id, wanted=list(wanted))
    return tuple(DepositFact(row.id, row.number, row.kind, row.sha256, row.received_at) for row in rows)


async def exhibits_of(session: AsyncSession, case_id: uuid.UUID, captures: tuple[str, ...]) -> Mapping[str, datetime]:
    """Which of these captures are exhibits of the case that were not withdrawn, each with its time of capture."""
    wanted = (
        select(Capture.capture_id, Capture.captured_at)
        .join(Exhibit, col(Exhibit.capture_id) == col(Capture.capture_id))
        .where(Exhibit.case_id == case_id, col(Exhibit.withdrawn_at).is_(None), col(Exhibit.capture_id).in_(captures))
    )
    return dict((await session.exec(wanted)).all())
