"""Notices of a case: drafting, sending, recording what came of them. Events are added, never changed; state.py says where one
stands."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.captures.models import Capture
from server.captures.sharing import Exhibit
from server.cases.models import CaseFile
from server.cases.parts import CaseParts
from server.cases.recording import record
from server.cases.scope import require_case
from server.cases.texts import one_line
from server.clock import format_time
from server.errors import BadInput, NotFound
from server.findings.body import SilenceChoice, canonical
from server.findings.scope import exhibits_of
from server.notices.admission import Facts, admit, captures_of
from server.notices.bodies import Body, Content, Corrected, Drafted, Dropped, Looked, Sent, route_of
from server.notices.errors import NoticeRefused
from server.notices.events import Writing, events_of, tracked_of
from server.notices.models import Notice, NoticeEvent, NoticeRecheck
from server.notices.pinning import Documents, ItemOrder, pin_document, pin_items, pin_window
from server.notices.rechecks import Rechecks, due_times, open_of
from server.notices.scope import demand_for, goes_out, refuse_guests, require_notice
from server.notices.state import Entry, draft_seq, in_force, standing_of
from server.notices.table import Tracked
from server.notices.tables import NoticeTables
from server.notices.values import StatedTime
from server.notices.vocabulary import CHECKS
from server.operators.actors import OperatorActor
from server.rules.catalogue import Catalogue


@dataclass(frozen=True)
class DraftOrder:
    """What is to be sent to whom. `export_id`: the document that was made for it, if any."""

    platform: str
    route: str
    title: str
    items: tuple[ItemOrder, ...]
    requested_action: str = ""
    silence: SilenceChoice | None = None
    export_id: uuid.UUID | None = None


@dataclass(frozen=True)
class SendOrder:
    """That it was sent. `items` empty: as drafted. `checks`: the re-checks to plan, of vocabulary.CHECKS."""

    at: StatedTime
    channel: str
    sent_by: str
    address: str = ""
    reference: str = ""
    items: tuple[ItemOrder, ...] = ()
    export_id: uuid.UUID | None = None
    capture_id: str | None = None
    checks: tuple[str, ...] = CHECKS


@dataclass(frozen=True)
class NoticeView:
    """One notice: `entries` as written, `tracked` as it stands, `open` re-checks, names of who wrote by id."""

    case: CaseFile
    notice: Notice
    entries: tuple[Entry, ...]
    tracked: Tracked
    open: tuple[NoticeRecheck, ...]


class NoticeRecords:
    """Notices of cases the actor may see."""

    def __init__(self, parts: CaseParts, catalogue: Catalogue, documents: Documents) -> None:
        self._parts = parts
        self._catalogue = catalogue
        self._documents = documents
        self.rechecks = Rechecks(parts.database)
        self.tables = NoticeTables(parts)

    async def draft(self, actor: OperatorActor, case_id: uuid.UUID, order: DraftOrder) -> Notice:
        """A new notice with its first event. Raises: Forbidden; NotFound (a finding, an export); CaseClosed; BadInput."""
        platform = one_line("platform", order.platform.lower(), 40)
        document = None if order.export_id is None else await self._documents(actor, order.export_id)
        pin_window(order.silence, self._catalogue)
        async with self._parts.database.transaction() as session:
            case = await require_case(session, actor, case_id, "write")
            items = await pin_items(session, case, order.items)
            body = Drafted(
                title=one_line("title", order.title, 200),
                requested_action=order.requested_action,
                items=items,
                silence=order.silence,
                document=pin_document(document, case.id),
            )
            last = (await session.exec(select(func.max(Notice.number)).where(Notice.case_id == case.id))).one() or 0
            notice = Notice(
                case_id=case.id,
                number=last + 1,
                platform=platform,
                route=route_of(order.route),
                created_by=actor.operator_id,
                created_at=self._parts.clock.now(),
            )
            session.add(notice)
            await session.flush()
            await self._write(session, actor, Writing(case, notice, 1), body)
        return notice

    async def send(self, actor: OperatorActor, notice_id: uuid.UUID, order: SendOrder) -> None:
        """Records that it went out, pins what went, plans the re-checks. Raises: as add()."""
        document = None if order.export_id is None else await self._documents(actor, order.export_id)
        async with self._parts.database.transaction() as session:
            case, notice = await require_notice(session, actor, notice_id, "write")
            entries = await events_of(session, notice.id)
            draft = standing_of(entries).draft
            wanted = order.items or tuple(
                ItemOrder(item.url, None if item.finding is None else item.finding.number) for item in draft.items
            )
            body = Sent(
                at=order.at,
                channel=one_line("channel", order.channel, 300),
                address=order.address,
                reference=order.reference,
                sent_by=one_line("sent_by", order.sent_by, 300),
                items=await pin_items(session, case, wanted),
                document=pin_document(document, case.id) or draft.document,
                window=pin_window(draft.silence, self._catalogue),
                capture_id=order.capture_id,
            )
            demand_for(actor, body)
            refuse_guests(actor, case)
            await self._admit(session, (case, notice), entries, body)
            await self._write(session, actor, Writing(case, notice, len(entries) + 1), body)
            self._plan(session, actor, notice, due_times(body, order.checks))

    async def add(self, actor: OperatorActor, notice_id: uuid.UUID, content: Content) -> None:
        """One more event. Raises: Forbidden; NotFound (also a capture that is no exhibit); CaseClosed; BadInput;
        NoticeRefused."""
        demand_for(actor, content)
        if isinstance(content, Drafted | Sent):
            raise BadInput(field="kind", reason="a notice is drafted and sent once")
        async with self._parts.database.transaction() as session:
            case, notice = await require_notice(session, actor, notice_id, "write")
            if goes_out(content):
                refuse_guests(actor, case)
            entries = await events_of(session, notice.id)
            await self._admit(session, (case, notice), entries, content)
            await self._write(session, actor, Writing(case, notice, len(entries) + 1), content)

    async def strike(self, actor: OperatorActor, notice_id: uuid.UUID, seq: int, reason: str) -> None:
        """Says that an event did not happen as written; it stays to be read. What holds is then recorded anew.

        A struck sending takes its open re-checks with it; a struck look opens its re-check again.
        Raises: Forbidden; NotFound; CaseClosed; BadInput (no reason, the draft).
        """
        async with self._parts.database.transaction() as session:
            case, notice = await require_notice(session, actor, notice_id, "write")
            entries = await events_of(session, notice.id)
            found = next((one for one in in_force(entries) if one.seq == seq), None)
            if found is None:
                raise NotFound(kind="event", id=str(seq))
            if isinstance(found.body, Drafted | Dropped):
                raise BadInput(field="of", reason="a draft is revised, and a re-check can be planned anew")
            body = Corrected(of=seq, reason=one_line("reason", reason, 300))
            demand_for(actor, body, found.body)
            if goes_out(body, found.body):
                refuse_guests(actor, case)
            await self._write(session, actor, Writing(case, notice, len(entries) + 1), body)
            if isinstance(found.body, Sent):
                await self._drop_open(session, actor, Writing(case, notice, len(entries) + 2))
            if isinstance(found.body, Looked) and found.body.recheck_id is not None:
                before = await session.get_one(NoticeRecheck, found.body.recheck_id)
                self._plan(session, actor, notice, [(before.name, before.due_at)], before.note)

    async def revise(self, actor: OperatorActor, notice_id: uuid.UUID, after: int, change: tuple[DraftOrder, str]) -> None:
        """Another draft in place of the one before, until it is sent; `change` is the draft and why. Platform and route stay.

        `after`: the event with the draft that the change was made from (draft_seq). A window that the rules no longer have may
        stay as it was; sending is what it stops. Raises: as add(); NoticeRefused (sent; revised since, with `newest`).
        """
        order, reason = change
        document = None if order.export_id is None else await self._documents(actor, order.export_id)
        async with self._parts.database.transaction() as session:
            case, notice = await require_notice(session, actor, notice_id, "write")
            entries = await events_of(session, notice.id)
            standing = standing_of(entries)
            if standing.sent is not None:
                raise NoticeRefused(reason="it was sent already")
            if order.silence != standing.draft.silence:
                pin_window(order.silence, self._catalogue)
            if (newest := draft_seq(entries)) != after:
                said_by_now = "somebody revised the draft meanwhile: read it, then keep yours in its place"
                raise NoticeRefused(reason=said_by_now, newest=newest)
            body = Drafted(
                title=one_line("title", order.title, 200),
                requested_action=order.requested_action,
                items=await pin_items(session, case, order.items),
                silence=order.silence,
                document=pin_document(document, case.id),
            )
            said = Corrected(of=1, reason=one_line("reason", reason, 300), content=body)
            demand_for(actor, said)
            await self._write(session, actor, Writing(case, notice, len(entries) + 1), said)

    async def plan(self, actor: OperatorActor, notice_id: uuid.UUID, due: StatedTime, note: str) -> None:
        """A re-check of one's own choice. Raises: Forbidden; NotFound; CaseClosed; BadInput."""
        said = one_line("note", note, 300)
        async with self._parts.database.transaction() as session:
            case, notice = await require_notice(session, actor, notice_id, "write")
            self._plan(session, actor, notice, [("own", due.value)], said)
            details: dict[str, object] = {"notice": str(notice.id), "number": notice.number, "dueAt": format_time(due.value)}
            await record(self._parts, session, actor, case, ("notice.recheck_planned", details))

    async def read(self, actor: OperatorActor, notice_id: uuid.UUID) -> NoticeView:
        """The notice with all its events. Raises: Forbidden; NotFound."""
        async with self._parts.database.session() as session:
            case, notice = await require_notice(session, actor, notice_id, "read")
            entries = await events_of(session, notice.id)
            return NoticeView(case, notice, entries, tracked_of(notice, entries), tuple(await open_of(session, notice.id)))

    async def exhibits(self, actor: OperatorActor, case_id: uuid.UUID, numbers: Sequence[int]) -> dict[int, tuple[str, datetime]]:
        """Capture and its time of each of these exhibits, withdrawn ones left out. Raises: Forbidden; NotFound (the case)."""
        async with self._parts.database.session() as session:
            case = await require_case(session, actor, case_id, "read")
            wanted = (
                select(Exhibit.number, Exhibit.capture_id, Capture.captured_at)
                .join(Capture, col(Capture.capture_id) == col(Exhibit.capture_id))
                .where(Exhibit.case_id == case.id, col(Exhibit.withdrawn_at).is_(None), col(Exhibit.number).in_(numbers))
            )
            return {number: (capture_id, at) for number, capture_id, at in (await session.exec(wanted)).all()}

    async def _admit(
        self, session: AsyncSession, where: tuple[CaseFile, Notice], entries: Sequence[Entry], content: Content
    ) -> None:
        case, notice = where
        exhibits = await exhibits_of(session, case.id, captures_of(content))
        due = {one.id: one.due_at for one in await open_of(session, notice.id)}
        admit(content, Facts(standing_of(entries), due, exhibits, self._parts.clock.now()))

    async def _write(self, session: AsyncSession, actor: OperatorActor, where: Writing, body: Body) -> None:
        text, sha256 = canonical(body)
        session.add(
            NoticeEvent(
                notice_id=where.notice.id,
                seq=where.seq,
                kind=body.kind,
                body=text,
                body_sha256=sha256,
                recheck_id=body.recheck_id if isinstance(body, Looked | Dropped) else None,
                author_id=actor.operator_id,
                recorded_at=self._parts.clock.now(),
            )
        )
        await session.flush()
        notice = where.notice
        details: dict[str, object] = {"notice": str(notice.id), "number": notice.number, "seq": where.seq, "bodySha256": sha256}
        await record(self._parts, session, actor, where.case, (f"notice.{body.kind}", details))

    def _plan(
        self, session: AsyncSession, actor: OperatorActor, notice: Notice, times: Sequence[tuple[str, datetime]], note: str = ""
    ) -> None:
        now = self._parts.clock.now()
        for name, due_at in times:
            row = NoticeRecheck(
                notice_id=notice.id, name=name, due_at=due_at, note=note, planned_by=actor.operator_id, planned_at=now
            )
            session.add(row)

    async def _drop_open(self, session: AsyncSession, actor: OperatorActor, where: Writing) -> None:
        for place, one in enumerate(await open_of(session, where.notice.id)):
            body = Dropped(recheck_id=one.id, reason="the sending was struck")
            await self._write(session, actor, Writing(where.case, where.notice, where.seq + place), body)
