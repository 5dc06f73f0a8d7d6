"""Findings: drafting, revising, looking for labels, reading. Reviews are server/findings/review.py, numbers statistics.py."""

import json
import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.captures.models import Capture
from server.captures.observations import label_observations
from server.captures.sharing import Exhibit
from server.cases.models import CaseFile
from server.cases.parts import CaseParts
from server.cases.recording import record
from server.cases.scope import require_case
from server.cases.searchtexts import Told, finding_facets, keep_told
from server.cases.texts import long_text, short_line
from server.errors import BadInput, NotFound
from server.findings.activities import Activities
from server.findings.body import FindingBody, canonical, stored_body
from server.findings.errors import VersionTaken
from server.findings.labels import Look, UnlabelledTime, unlabelled_time
from server.findings.listed import FindingLists
from server.findings.models import Finding, FindingReview, FindingState, FindingVersion, LabelLook
from server.findings.review import Reviews
from server.findings.scope import Opened, open_finding, require_finding
from server.findings.statistics import Statistics
from server.findings.tallied import Tallies
from server.operators.actors import OperatorActor
from server.rules.catalogue import Catalogue, shipped
from server.trust.dsse import MAX_ENVELOPE_BYTES, parse_envelope
from server.trust.jsontext import Members, parse_json

REASON_LIMIT = 1000


@dataclass(frozen=True)
class LookOrder:
    """A look for a label. `place`: where one looked (a selector, a region, words); `absent` needs one and a capture."""

    layer: int
    kind: str
    state: str
    seen_at: datetime
    place: str = ""
    text: str = ""
    capture_id: str | None = None


class FindingService:
    """Findings of cases the actor may see."""

    def __init__(self, parts: CaseParts, catalogue: Catalogue | None = None) -> None:
        self.parts = parts
        self.catalogue = catalogue or shipped()
        self.reviews = Reviews(parts, self.catalogue)
        self.statistics = Statistics(parts)
        self.lists = FindingLists(parts)
        self.tallies = Tallies(parts)
        self.activities = Activities(parts)

    async def draft(self, actor: OperatorActor, case_id: uuid.UUID, type_code: str, body: FindingBody) -> Finding:
        """A new finding; its first version may lack anything. `finding.drafted` in the case's chain.

        Raises: Forbidden; NotFound; CaseClosed; BadInput (type, size).
        """
        if type_code not in self.catalogue.types:
            raise BadInput(field="type", reason="one of " + ", ".join(self.catalogue.types))
        async with self.parts.database.transaction() as session:
            case = await require_case(session, actor, case_id, "write")
            last = (await session.exec(select(func.max(Finding.number)).where(Finding.case_id == case.id))).one() or 0
            finding = Finding(
                case_id=case.id,
                number=last + 1,
                type=type_code,
                created_by=actor.operator_id,
                created_at=self.parts.clock.now(),
            )
            session.add(finding)
            await session.flush()
            me = actor.operator_id
            await self._write(session, (case, finding), actor, (body, "first version", (me, me, me)))
            details: dict[str, object] = {"number": finding.number, "type": type_code, "version": 1}
            await record(self.parts, session, actor, case, ("finding.drafted", details))
        return finding

    async def revise(self, actor: OperatorActor, finding_id: uuid.UUID, after: int, change: tuple[FindingBody, str]) -> int:
        """The new version's number; `change` is the body and why. The old version stays, and the finding is a draft again.

        `after`: the version the change was made from. Raises: Forbidden; NotFound; CaseClosed; VersionTaken; BadInput.
        """
        body, reason = change[0], long_text("reason", change[1], REASON_LIMIT)
        if not reason:
            raise BadInput(field="reason", reason="say why")
        async with self.parts.database.transaction() as session:
            case, finding = await require_finding(session, actor, finding_id, "write")
            if finding.version != after:
                raise VersionTaken(newest=finding.version)
            old = await session.get_one(FindingVersion, (finding.id, finding.version))
            before = stored_body(old.body)
            if canonical(before)[1] == canonical(body)[1]:
                raise BadInput(field="body", reason="nothing was changed")
            finding.version, finding.state = finding.version + 1, FindingState.DRAFT
            me = actor.operator_id
            authors = (
                old.facts_by if before.facts == body.facts else me,
                old.assessment_by if before.assessment == body.assessment else me,
                old.basis_by if before.bases == body.bases else me,
            )
            await self._write(session, (case, finding), actor, (body, reason, authors))
            details: dict[str, object] = {"number": finding.number, "version": finding.version}
            await record(self.parts, session, actor, case, ("finding.revised", details))
            return finding.version

    async def look(self, actor: OperatorActor, finding_id: uuid.UUID, order: LookOrder) -> LabelLook:
        """One more look for a label; none is ever changed. Raises: Forbidden; NotFound (also a capture that is no exhibit);
        BadInput."""
        if order.layer not in (1, 2, 3, 4) or order.state not in ("present", "absent", "not_checked", "not_applicable"):
            raise BadInput(field="state", reason="layer 1 to 4; present, absent, not_checked or not_applicable")
        place, text = long_text("place", order.place, 2000), long_text("text", order.text, 2000)
        if order.state == "absent" and (not place or order.capture_id is None):
            raise BadInput(field="place", reason="an absence needs the capture and the place where one looked")
        if order.seen_at > self.parts.clock.now():
            raise BadInput(field="seen_at", reason="it lies in the future")
        async with self.parts.database.transaction() as session:
            case, finding = await require_finding(session, actor, finding_id, "write")
            if order.capture_id is not None:
                await _exhibit(session, case, order.capture_id)
            row = LabelLook(
                finding_id=finding.id,
                layer=order.layer,
                kind=short_line("kind", order.kind.lower(), 64),
                state=order.state,
                place=place,
                text=text,
                capture_id=order.capture_id,
                seen_at=order.seen_at,
                author_id=actor.operator_id,
                recorded_at=self.parts.clock.now(),
            )
            session.add(row)
            _reopen(finding)
        return row

    async def take_looks(self, actor: OperatorActor, finding_id: uuid.UUID, capture_id: str) -> int:
        """How many looks were taken over from what the person who captured the exhibit recorded in its signed statement.

        An absence without a place stands as `not_checked`, as everywhere. Raises: Forbidden; NotFound; CaseClosed.
        """
        async with self.parts.database.transaction() as session:
            case, finding = await require_finding(session, actor, finding_id, "write")
            capture = await _exhibit(session, case, capture_id)
            payload = parse_json(parse_envelope(capture.statement).payload, limit_bytes=MAX_ENVELOPE_BYTES)
            predicate = Members(payload, "statement").members("predicate").plain()
            found = [one for one in label_observations(predicate) if one.layer]
            for one in found:
                session.add(
                    LabelLook(
                        finding_id=finding.id,
                        layer=one.layer,
                        kind=one.kind,
                        state=one.state,
                        place="; ".join(part for part in (one.where, one.region, one.selector) if part),
                        text=one.value,
                        capture_id=capture.capture_id,
                        seen_at=capture.captured_at,
                        author_id=actor.operator_id,
                        recorded_at=self.parts.clock.now(),
                    )
                )
            if found:
                _reopen(finding)
        return len(found)

    async def read(self, actor: OperatorActor, finding_id: uuid.UUID) -> Opened:
        """The finding's newest version, its looks and gaps. Raises: Forbidden; NotFound."""
        async with self.parts.database.session() as session:
            return await open_finding(session, await require_finding(session, actor, finding_id, "read"), self.catalogue)

    async def history(
        self, actor: OperatorActor, finding_id: uuid.UUID
    ) -> tuple[tuple[FindingVersion, ...], tuple[FindingReview, ...]]:
        """Every version and every review, the first first. Raises: Forbidden; NotFound."""
        async with self.parts.database.session() as session:
            _, finding = await require_finding(session, actor, finding_id, "read")
            versions = select(FindingVersion).where(FindingVersion.finding_id == finding.id).order_by(col(FindingVersion.version))
            reviews = select(FindingReview).where(FindingReview.finding_id == finding.id).order_by(col(FindingReview.id))
            return tuple((await session.exec(versions)).all()), tuple((await session.exec(reviews)).all())

    async def _write(
        self,
        session: AsyncSession,
        where: tuple[CaseFile, Finding],
        actor: OperatorActor,
        what: tuple[FindingBody, str, tuple[uuid.UUID, uuid.UUID, uuid.UUID]],
    ) -> None:
        case, finding = where
        body, reason, authors = what
        text, sha256 = canonical(body)
        now = self.parts.clock.now()
        session.add(
            FindingVersion(
                finding_id=finding.id,
                version=finding.version,
                body=text,
                body_sha256=sha256,
                reason=reason,
                author_id=actor.operator_id,
                facts_by=authors[0],
                assessment_by=authors[1],
                basis_by=authors[2],
                created_at=now,
            )
        )
        label = f"{finding.number}: {body.facts[:160] or finding.type}"
        subject = body.subject
        texts = (body.facts, body.assessment, body.actor, body.narrative, body.content_text, subject.url, subject.account_id)
        said = (*texts, subject.post_id, *body.accounts[:200])
        facets = finding_facets(finding.type, json.loads(text))
        await keep_told(session, case, ("finding", str(finding.id), label), Told(said, now, facets))


def unlabelled(opened: Opened, layer: int = 2) -> UnlabelledTime | None:
    """How long the thing stood without the label of this layer; None when nobody found it absent."""
    posted = opened.body.posted
    looks = [Look(look.seen_at, look.state) for look in opened.looks if look.layer == layer]
    return unlabelled_time(looks, began=None if posted is None or not posted.compared else posted.interval[0])


def _reopen(finding: Finding) -> None:
    """A further look is new evidence: what was reviewed before it has to be reviewed again; a confirmation stays in the
    history."""
    if finding.state in (FindingState.REVIEWED, FindingState.CONFIRMED):
        finding.state = FindingState.DRAFT


async def _exhibit(session: AsyncSession, case: CaseFile, capture_id: str) -> Capture:
    wanted = (
        select(Capture)
        .join(Exhibit, col(Exhibit.capture_id) == col(Capture.capture_id))
        .where(
            Exhibit.case_id == case.id,
            Exhibit.capture_id == capture_id.replace("\x00", ""),
            col(Exhibit.withdrawn_at).is_(None),
        )
    )
    capture = (await session.exec(wanted)).first()
    if capture is None:
        raise NotFound(kind="exhibit", id=capture_id[:64])
    return capture
