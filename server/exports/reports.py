"""Reports under the Code: numbers over all cases of the organisation in a period, kept in the case they are made in."""

import json
import uuid
from datetime import UTC, datetime, time, timedelta

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.cases.models import CaseFile
from server.errors import NotFound
from server.exports.case_models import CaseExport
from server.exports.case_service import CaseExportService, profile_of
from server.exports.documents.alert import Alert
from server.exports.documents.files import require_printable
from server.exports.documents.kinds import ALERT, DSA_NOTICE, POLICY_REPORT, RAPID
from server.exports.errors import ExportRefused
from server.exports.kind import CaseExportOrder, FrozenDocument
from server.exports.models import ExportState
from server.exports.parts import ExportParts
from server.exports.profiles import Profile
from server.exports.workbook.counting import activity_rows, alert_rows
from server.exports.workbook.files import workbook_files
from server.exports.workbook.kind import WORKBOOK
from server.exports.workbook.values import ActionRow, AlertRow, RecordedActivity, SliRow, Workbook, WorkbookDraft
from server.findings import unlabelled
from server.findings.activities import said_between
from server.findings.models import Statistic
from server.findings.tallies import frozen_keys
from server.findings.withdrawn import withdrawn_behind
from server.operators.actors import OperatorActor
from server.operators.rights import demand, own_rows
from server.operators.roles import Right

ACTIONS = (DSA_NOTICE.name, POLICY_REPORT.name, RAPID.name)
LOG_LIMIT = 1_000
IDS_LIMIT = 20_000
"""So many ids of statistics stand in a report; of a statistic that has more than are left they stand in its own ids file."""


class ReportService:
    """Freezes reports; the files are made at once. They count what the whole organisation did: READ_CASES is asked besides."""

    def __init__(self, parts: ExportParts, exports: CaseExportService) -> None:
        self._parts = parts
        self._exports = exports

    async def preview(self, actor: OperatorActor, case_id: uuid.UUID, order: CaseExportOrder, draft: WorkbookDraft) -> Workbook:
        """The report as it would be; nothing is stored. Raises: Forbidden; NotFound (the case, a statistic); ExportRefused."""
        async with self._parts.database.session() as session:
            return await self._report(session, actor, case_id, (order, draft))

    async def request(self, actor: OperatorActor, case_id: uuid.UUID, order: CaseExportOrder, draft: WorkbookDraft) -> CaseExport:
        """The report, frozen and made. Raises: as preview(); BadInput (purpose, recipient)."""
        async with self._parts.database.transaction() as session:
            book = await self._report(session, actor, case_id, (order, draft))
            case = await self._exports.demand_case(session, actor, case_id, order)
            made = FrozenDocument(WORKBOOK.name, book, uuid.UUID(book.workbook_id))
            row = await self._exports.add_document(session, actor, case, order, made)
        await self._exports.maker.run(row.id)
        return row

    async def _report(
        self, session: AsyncSession, actor: OperatorActor, case_id: uuid.UUID, asked: tuple[CaseExportOrder, WorkbookDraft]
    ) -> Workbook:
        order, draft = asked
        case = await self._exports.demand_case(session, actor, case_id, order)
        demand(actor, Right.READ_CASES)
        now = self._parts.clock.now()
        alerts = await _alerts(session, actor, draft)
        titled = profile_of(order.profile) is not Profile.PUBLIC
        rows = [] if not alerts else alert_rows([one for one, _ in alerts], now)
        rows += await _statistic_rows(session, actor, draft.statistics, named=titled)
        recorded = await _recorded(session, actor, draft, sourced=titled) if draft.log else ()
        book = Workbook(
            workbook_id=str(uuid.uuid5(case.id, f"workbook:{draft.period_from}:{draft.period_to}")),
            made_at=now,
            tlp=case.tlp,
            said=draft,
            rows=(*rows, *activity_rows(draft.activities, now, recorded)),
            alerts=tuple(_alert_row(alert, made_at, titled=titled) for alert, made_at in alerts),
            actions=await _actions(session, actor, draft),
            recorded=recorded,
        )
        await require_printable(workbook_files, book)
        return book


def _period(draft: WorkbookDraft) -> tuple[datetime, datetime]:
    first, last = draft.period_from, draft.period_to
    return datetime.combine(first, time(), UTC), datetime.combine(last, time(), UTC) + timedelta(days=1)


async def _made(session: AsyncSession, actor: OperatorActor, draft: WorkbookDraft, kinds: tuple[str, ...]) -> list[CaseExport]:
    """The organisation's documents of these kinds that were made in the period, oldest first."""
    begins, ends = _period(draft)
    wanted = select(CaseExport).where(
        own_rows(actor, CaseExport.organisation_id),
        col(CaseExport.kind).in_(kinds),
        CaseExport.state == ExportState.READY,
        CaseExport.requested_at >= begins,
        CaseExport.requested_at < ends,
    )
    return list((await session.exec(wanted.order_by(col(CaseExport.requested_at), col(CaseExport.id)))).all())


async def _alerts(session: AsyncSession, actor: OperatorActor, draft: WorkbookDraft) -> list[tuple[Alert, datetime]]:
    """Each alert of the period once, as it was made last for whichever reader, by number."""
    newest: dict[str, tuple[Alert, datetime]] = {}
    for row in await _made(session, actor, draft, (ALERT.name,)):
        alert = Alert.model_validate_json(row.content)
        known = newest.get(alert.alert_id)
        if known is None or (known[1], known[0].version) < (row.requested_at, alert.version):
            newest[alert.alert_id] = (alert, row.requested_at)  # by time: versions count for each profile by itself
    return sorted(newest.values(), key=lambda one: (one[0].said.number, one[0].alert_id))


def _alert_row(alert: Alert, made_at: datetime, *, titled: bool) -> AlertRow:
    labels = {one.content_type for one in alert.facets if one.content_type}
    return AlertRow(
        alert_id=alert.alert_id,
        number=alert.said.number,
        version=alert.version,
        made_at=made_at,
        tlp=alert.tlp,
        title=alert.said.title if titled else "",
        content_types=tuple(sorted(labels)),
    )


async def _actions(session: AsyncSession, actor: OperatorActor, draft: WorkbookDraft) -> tuple[ActionRow, ...]:
    rows = await _made(session, actor, draft, ACTIONS)
    return tuple(
        ActionRow(action_type=one.kind, document_id=str(one.document_id), made_at=one.requested_at, recipient=one.recipient)
        for one in rows
    )


async def _recorded(
    session: AsyncSession, actor: OperatorActor, draft: WorkbookDraft, *, sourced: bool
) -> tuple[RecordedActivity, ...]:
    """The period's lines of the activity log, oldest first; for the public without their sources and cases.

    Raises: ExportRefused (more than a report holds).
    """
    lines = await said_between(session, actor, (draft.period_from, draft.period_to), LOG_LIMIT + 1)
    if len(lines) > LOG_LIMIT:
        raise ExportRefused(reason=f"more than {LOG_LIMIT} lines in the activity log", missing=["too_many_activities"])
    ids = {one.case_id for one in lines if one.case_id is not None}
    numbers = dict((await session.exec(select(CaseFile.id, CaseFile.number).where(col(CaseFile.id).in_(ids)))).all())
    return tuple(
        RecordedActivity(
            number=one.number,
            on=one.on_day,
            kind=one.kind,
            measure=one.measure,
            text=one.text,
            participants=one.participants,
            reach_low=one.reach_low,
            reach_high=one.reach_high,
            languages=one.languages,
            source=one.source if sourced else "",
            case=f"C-{numbers[one.case_id]}" if sourced and one.case_id is not None else "",
        )
        for one in reversed(lines)
    )


async def _statistic_rows(session: AsyncSession, actor: OperatorActor, numbers: tuple[int, ...], *, named: bool) -> list[SliRow]:
    """The frozen numbers. named: with ids that name accounts and posts."""
    rows, left = [], IDS_LIMIT
    for number in dict.fromkeys(numbers):
        wanted = select(Statistic).where(own_rows(actor, Statistic.organisation_id), col(Statistic.number) == number)
        found = (await session.exec(wanted)).first()
        if found is None:
            raise NotFound(kind="statistic", id=f"S-{number}")
        keys = await frozen_keys(session, found.id, left) if named or _names_nobody(found) else ()
        left -= len(keys or ())
        row = _statistic_row(found, keys, len(await withdrawn_behind(session, found)))
        rows.append(row if named or _names_nobody(found) else row.model_copy(update={"ids_withheld": True}))
    return rows


def _names_nobody(found: Statistic) -> bool:
    """Whether its ids are of findings, pictures or advertisements: those of posts and accounts lead to who wrote them."""
    about = json.loads(found.query).get("about")
    return about == unlabelled.ABOUT or (about is None and found.unit in ("findings", "images", "ads"))


def _statistic_row(found: Statistic, keys: tuple[str, ...] | None, withdrawn: int) -> SliRow:
    question = json.loads(found.query)
    return SliRow(
        sli="16.1.1",
        content_type=question["sli_label"],
        member_state=question["member_state"],
        platform=question["platform"],
        unit=found.unit,
        n=found.n,
        n_low=found.n_low,
        n_high=found.n_high,
        dedup_rule=found.dedup_rule,
        statistic_id=f"S-{found.number}",
        ids_sha256=found.ids_sha256,
        as_of=found.as_of,
        ids=keys or (),
        ids_elsewhere=keys is None,
        withdrawn=withdrawn,
    )
