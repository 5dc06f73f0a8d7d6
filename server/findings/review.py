"""Four eyes: whoever wrote a version or recorded a look reviews nothing of it. draft → reviewed → confirmed, or rejected."""

import uuid
from dataclasses import asdict
from typing import Any

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.cases.parts import CaseParts
from server.cases.recording import record
from server.cases.texts import long_text
from server.errors import BadInput
from server.findings.errors import FindingIncomplete, ReviewRefused
from server.findings.evidence import election_of, silence_verdict
from server.findings.models import FindingReview, FindingState, FindingVersion
from server.findings.scope import Opened, open_finding, require_finding
from server.operators.actors import OperatorActor
from server.operators.rights import demand
from server.operators.roles import Right
from server.rules.catalogue import Catalogue
from server.rules.posttimes import TIME_RULE

FROM: dict[str, tuple[FindingState, ...]] = {
    FindingState.REVIEWED: (FindingState.DRAFT,),
    FindingState.CONFIRMED: (FindingState.REVIEWED,),
    FindingState.REJECTED: (FindingState.DRAFT, FindingState.REVIEWED, FindingState.CONFIRMED),
    FindingState.DRAFT: (FindingState.REVIEWED, FindingState.REJECTED),
}
"""Verdict → the states it can follow. The verdict `draft` gives the finding back to its author."""
NOTE_LIMIT = 2000
ELSEWHERE = "made elsewhere"
"""The origin of an archive that is cited: no capture of ours, wherever it is shown."""


class Reviews:
    """The second person's part."""

    def __init__(self, parts: CaseParts, catalogue: Catalogue) -> None:
        self._parts = parts
        self._catalogue = catalogue

    async def judge(self, actor: OperatorActor, finding_id: uuid.UUID, version: int, verdict: tuple[str, str]) -> FindingReview:
        """The review: `verdict` is the state and a note; `finding.<state>` in the case's chain.

        A confirmation stores what it rested on: captures, rule and its verdict, techniques, cluster, type and the looks.
        Raises: Forbidden (no right to review); NotFound; CaseClosed; ReviewRefused; FindingIncomplete; BadInput (a rejection
        says why).
        """
        demand(actor, Right.REVIEW)
        state, note = verdict[0], long_text("note", verdict[1], NOTE_LIMIT)
        if state not in FROM:
            raise BadInput(field="verdict", reason="one of " + ", ".join(FROM))
        if state in (FindingState.REJECTED, FindingState.DRAFT) and not note:
            raise BadInput(field="note", reason="say why")
        async with self._parts.database.transaction() as session:
            case, finding = await require_finding(session, actor, finding_id, "write")
            opened = await open_finding(session, (case, finding), self._catalogue)
            if version != opened.finding.version:
                raise ReviewRefused(reason="not_newest")
            if actor.operator_id in await _authors(session, opened):
                raise ReviewRefused(reason="own_finding")
            if finding.state not in FROM[state]:
                raise ReviewRefused(reason="state")
            if state in (FindingState.REVIEWED, FindingState.CONFIRMED) and opened.gaps:
                raise FindingIncomplete(gaps=[f"{gap.code}: {gap.detail}" if gap.detail else gap.code for gap in opened.gaps])
            pins = pins_of(opened) if state == FindingState.CONFIRMED else {}
            row = await self._add(session, actor, opened, (state, note, pins))
            finding.state = state
            details: dict[str, object] = {"number": finding.number, "version": version, "bodySha256": opened.version.body_sha256}
            await record(self._parts, session, actor, case, (f"finding.{_EVENTS[FindingState(state)]}", details))
        return row

    async def _add(
        self, session: AsyncSession, actor: OperatorActor, opened: Opened, what: tuple[str, str, dict[str, Any]]
    ) -> FindingReview:
        row = FindingReview(
            finding_id=opened.finding.id,
            version=opened.finding.version,
            verdict=what[0],
            note=what[1],
            reviewer_id=actor.operator_id,
            at=self._parts.clock.now(),
            pins=what[2],
        )
        session.add(row)
        await session.flush()
        return row


async def _authors(session: AsyncSession, opened: Opened) -> set[uuid.UUID]:
    """Whoever wrote any version, or recorded a look for a label: of each something may stand in the newest one."""
    wanted = select(FindingVersion.author_id).where(FindingVersion.finding_id == opened.finding.id)
    return {*(await session.exec(wanted.distinct())).all(), *(look.author_id for look in opened.looks)}


_EVENTS = {
    FindingState.REVIEWED: "reviewed",
    FindingState.CONFIRMED: "confirmed",
    FindingState.REJECTED: "rejected",
    FindingState.DRAFT: "returned",
}


def pins_of(opened: Opened) -> dict[str, Any]:
    """What a confirmation rests on, as JSON values: a later change of a rule, a cluster or a table changes nothing here."""
    body, known = opened.body, opened.known
    kind = known.catalogue.types[opened.finding.type]
    verdict = silence_verdict(body, known) if "silence_window" in kind.evidence else None
    election = election_of(body, known)
    return {
        "captures": list(body.cited_captures),
        "deposits": [
            {
                "id": str(one.deposit_id),
                "number": one.number,
                "kind": one.kind,
                "sha256": one.sha256,
                "receivedAt": one.received_at.isoformat(),
                "origin": ELSEWHERE,
            }
            for one in known.deposits
        ],
        "type": {"code": kind.code, "version": kind.version, "sli_label": kind.sli_label},
        "bases": [{"id": one, "version": known.catalogue.bases[one].version} for one in body.bases],
        "ttps": [one.model_dump() for one in body.ttps],
        "cluster": body.subject.cluster,
        "looks": [{"layer": one.layer, "state": one.state, "at": one.seen_at.isoformat(), "id": one.id} for one in opened.looks],
        "time_rule": TIME_RULE,
        "silence": None if verdict is None else {**asdict(verdict), "interval": [one.isoformat() for one in verdict.interval]},
        "election": None if election is None else {"id": election.id, "version": election.version, "state": election.state},
    }
