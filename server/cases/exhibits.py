"""Exhibits: captures admitted to a case. A number is given once; a withdrawn exhibit keeps its number and its reason."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.captures.models import Capture, CaptureState
from server.captures.scope import owned_by, require_capture, without_statement
from server.captures.sharing import Exhibit
from server.captures.textquery import Lexemes, parse_query
from server.captures.texts import CaptureText
from server.captures.wordindex import has_words
from server.cases.errors import AlreadyExhibit
from server.cases.models import CaseFile
from server.cases.parts import CaseParts
from server.cases.recording import record
from server.cases.scope import for_owner, require_case
from server.cases.searchtexts import keep_text
from server.cases.texts import long_text
from server.custody.service import EventDraft
from server.errors import BadInput, NotFound
from server.operators.actors import OperatorActor
from server.trust.events import capture_item

NOTE_LIMIT = 2000
EXHIBITS_LIMIT = 100_000
PAGE_ROWS = 50


@dataclass(frozen=True)
class ExhibitView:
    """One exhibit with what its capture says of itself."""

    exhibit: Exhibit
    title: str
    url: str
    host: str
    state: str
    captured_at: datetime
    foreign: bool


class Exhibits:
    """The evidence of a case."""

    def __init__(self, parts: CaseParts) -> None:
        self._parts = parts

    async def add(self, actor: OperatorActor, case_id: uuid.UUID, capture_id: str, note: str = "") -> Exhibit:
        """The capture as the case's next exhibit; recorded in both chains (`case.exhibit_added`, `capture.exhibited`).

        From now on every member may see the capture. Only captures of the actor's own organisation can be admitted: who
        merely may
        look at one cannot pass it on. Raises: Forbidden; NotFound; CaseClosed; AlreadyExhibit; BadInput (not sealed yet, note).
        """
        said = long_text("note", note, NOTE_LIMIT)
        async with self._parts.database.transaction() as session:
            case = await require_case(session, actor, case_id, "write")
            capture = await require_capture(session, actor, capture_id)
            own = select(Capture.capture_id).where(Capture.capture_id == capture.capture_id, owned_by(actor))
            known = select(Exhibit).where(Exhibit.case_id == case.id, Exhibit.capture_id == capture.capture_id)
            before = (await session.exec(known)).first()
            if before is not None:
                raise AlreadyExhibit(number=before.number)
            if (await session.exec(own)).first() is None:
                raise NotFound(kind="capture", id=capture_id[:64])
            if capture.state != CaptureState.SEALED:
                raise BadInput(field="capture", reason="the capture is not sealed yet")
            last = (await session.exec(select(func.max(Exhibit.number)).where(Exhibit.case_id == case.id))).one() or 0
            if last >= EXHIBITS_LIMIT:
                raise BadInput(field="capture", reason=f"a case has at most {EXHIBITS_LIMIT} exhibits")
            exhibit = Exhibit(
                case_id=case.id,
                number=last + 1,
                capture_id=capture.capture_id,
                organisation_id=capture.organisation_id,
                note=said,
                admitted_by=actor.operator_id,
                admitted_at=self._parts.clock.now(),
            )
            session.add(exhibit)
            if said:  # title, address and text are searched with the capture itself
                label = capture.title or capture.url
                await keep_text(session, case, ("exhibit", capture.capture_id, label), (said,), exhibit.admitted_at)
            await self._record(session, actor, case, (capture, exhibit.number))
        return exhibit

    async def withdraw(self, actor: OperatorActor, case_id: uuid.UUID, number: int, reason: str) -> None:
        """The exhibit no longer counts, and no longer shows its capture to members. Raises: Forbidden; NotFound; CaseClosed;
        BadInput."""
        why = long_text("reason", reason, NOTE_LIMIT)
        if not why:
            raise BadInput(field="reason", reason="say why")
        async with self._parts.database.transaction() as session:
            case = await require_case(session, actor, case_id, "write")
            exhibit = await session.get(Exhibit, (case.id, number), with_for_update=True)
            if exhibit is None or exhibit.withdrawn_at is not None:
                raise NotFound(kind="exhibit", id=str(number))
            exhibit.withdrawn_at, exhibit.withdrawn_reason = self._parts.clock.now(), why
            details: dict[str, object] = {"number": number, "captureId": exhibit.capture_id}
            await record(self._parts, session, actor, case, ("case.exhibit_withdrawn", details))

    async def fitting(self, actor: OperatorActor, case_id: uuid.UUID, typed: str, *, limit: int) -> list[ExhibitView]:
        """Exhibits that count, the newest first: the one of this number, or those in whose captures the words occur. Raises:
        Forbidden; NotFound."""
        said = typed.strip().removeprefix("#")
        wanted: list[Any] = [col(Exhibit.withdrawn_at).is_(None)]
        if said.isascii() and said.isdigit():
            wanted.append(col(Exhibit.number) == min(int(said), EXHIBITS_LIMIT))
        elif said:
            words = has_words(CaptureText.words, Lexemes(parse_query(said)).plain())
            wanted.append(select(CaptureText.capture_id).where(CaptureText.capture_id == Exhibit.capture_id, words).exists())
        async with self._parts.database.session() as session:
            case = await require_case(session, actor, case_id, "read")
            return await _views(session, case, wanted, col(Exhibit.number).desc(), limit)

    async def page(
        self, actor: OperatorActor, case_id: uuid.UUID, *, after: int = 0, limit: int = PAGE_ROWS
    ) -> list[ExhibitView]:
        """Exhibits by number, those after `after`; withdrawn ones too. Raises: Forbidden; NotFound."""
        async with self._parts.database.session() as session:
            case = await require_case(session, actor, case_id, "read")
            return await _views(session, case, [col(Exhibit.number) > after], col(Exhibit.number), limit)

    async def _record(self, session: AsyncSession, actor: OperatorActor, case: CaseFile, what: tuple[Capture, int]) -> None:
        capture, number = what
        facts: dict[str, object] = {
            "number": number,
            "captureId": capture.capture_id,
            "statementSha256": capture.statement_sha256,
        }
        await record(self._parts, session, actor, case, ("case.exhibit_added", facts))
        draft = EventDraft(
            "capture.exhibited",
            capture_item(capture.capture_id),
            "statement.dsse.json",
            capture.statement_sha256,
            "case work",
            {"case": f"urn:holdstill:case:{case.id}", "number": number},
        )
        await self._parts.custody.record(session, for_owner(actor, capture.organisation_id), draft)


async def _views(session: AsyncSession, case: CaseFile, conditions: list[Any], order: Any, limit: int) -> list[ExhibitView]:
    wanted = (
        select(Exhibit, Capture)
        .options(without_statement())
        .join(Capture, col(Capture.capture_id) == col(Exhibit.capture_id))
        .where(Exhibit.case_id == case.id, *conditions)
        .order_by(order)
        .limit(limit)
    )
    return [
        ExhibitView(
            row,
            capture.title,
            capture.final_url or capture.url,
            capture.host,
            capture.state,
            capture.captured_at,
            row.organisation_id != case.organisation_id,
        )
        for row, capture in (await session.exec(wanted)).all()
    ]
