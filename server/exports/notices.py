"""Notices of a case: what a person wrote about confirmed findings, with the bases that those allege. For the platform only."""

import uuid
from dataclasses import dataclass
from datetime import UTC
from typing import Literal

from sqlmodel.ext.asyncio.session import AsyncSession

from server.cases.models import CaseFile
from server.errors import NotFound
from server.exports.case_models import CaseExport
from server.exports.case_service import CaseExportService
from server.exports.confirmed import confirmed_findings
from server.exports.documents.files import require_printable
from server.exports.documents.notice import BONA_FIDE, CATEGORY, TITLES, Ground, Item, Notice, NoticeDraft, notice_files
from server.exports.kind import CaseExportOrder, FrozenDocument
from server.exports.parts import ExportParts
from server.exports.profiles import Profile
from server.exports.tables.findings import ConfirmedFinding
from server.exports.tables.posted import EXACT_S
from server.operators.actors import OperatorActor
from server.rules.catalogue import shipped

NoticeKind = Literal["dsa_notice", "policy_report"]


@dataclass(frozen=True)
class NoticeOrder:
    """Which of the two, why, and what a person wrote. The recipient is the provider, the profile always `platform`."""

    kind: NoticeKind
    purpose: str
    draft: NoticeDraft

    @property
    def export(self) -> CaseExportOrder:
        """The order of the file."""
        return CaseExportOrder(Profile.PLATFORM, self.purpose, self.draft.provider)


class NoticeService:
    """Freezes notices; the files are made at once, before the answer."""

    def __init__(self, parts: ExportParts, exports: CaseExportService) -> None:
        self._parts = parts
        self._exports = exports

    async def preview(self, actor: OperatorActor, case_id: uuid.UUID, order: NoticeOrder) -> Notice:
        """The notice as it would be; nothing is stored. Raises: Forbidden; NotFound (also a finding that is not confirmed);
        ExportRefused, which names everything that is missing."""
        async with self._parts.database.session() as session:
            return await self._notice(session, actor, case_id, order)

    async def request(self, actor: OperatorActor, case_id: uuid.UUID, order: NoticeOrder) -> CaseExport:
        """The notice, frozen and made. Raises: as preview(); BadInput (purpose)."""
        async with self._parts.database.transaction() as session:
            notice = await self._notice(session, actor, case_id, order)
            case = await self._exports.demand_case(session, actor, case_id, order.export)
            made = FrozenDocument(order.kind, notice, uuid.UUID(notice.notice_id))
            row = await self._exports.add_document(session, actor, case, order.export, made)
        await self._exports.maker.run(row.id)
        return row

    async def _notice(self, session: AsyncSession, actor: OperatorActor, case_id: uuid.UUID, order: NoticeOrder) -> Notice:
        case = await self._exports.demand_case(session, actor, case_id, order.export)
        draft = order.draft
        findings = await numbered_findings(self._parts, case, draft.findings)
        notice = Notice(
            kind=order.kind,
            title=TITLES[order.kind],
            notice_id=str(uuid.uuid4()),
            created_at=self._parts.clock.now(),
            provider=draft.provider,
            service=draft.service,
            notifier={"name": draft.notifier_name, "email": draft.notifier_email, "organisation": draft.notifier_organisation},
            items=tuple(Item.model_validate(item_of(one)) for one in findings),
            content_type=draft.content_type,
            category=CATEGORY,
            category_specification=tuple(dict.fromkeys(draft.keywords)),
            grounds=grounds_of(findings, laws=order.kind == "dsa_notice"),
            explanation=draft.explanation,
            requested_action=draft.requested_action,
            territorial_scope=draft.territorial_scope,
            bona_fide=draft.bona_fide,
            bona_fide_text=BONA_FIDE,
        )
        await require_printable(notice_files, notice)
        return notice


async def numbered_findings(parts: ExportParts, case: CaseFile, wanted: tuple[int, ...]) -> list[ConfirmedFinding]:
    """The confirmed findings of these numbers, each once, in that order. Raises: NotFound (also one that is not confirmed)."""
    numbers = tuple(dict.fromkeys(wanted))
    found: dict[int, ConfirmedFinding] = {}
    async for batch in confirmed_findings(parts.database, case.id, parts.clock.now(), Profile.PLATFORM):
        found |= {one.number: one for one in batch if one.number in numbers}
    for number in numbers:
        if number not in found:
            raise NotFound(kind="confirmed finding", id=f"F-{number}")
    return [found[number] for number in numbers]


def item_of(one: ConfirmedFinding) -> dict[str, object]:
    """What a notice says of a finding: the members of `Item`."""
    posted, subject = one.posted, one.body.subject
    captured = [one.captured_at[capture] for capture in one.body.captures if capture in one.captured_at]
    return {
        "finding": f"F-{one.number}",
        "finding_id": str(one.finding_id),
        "url": subject.url,
        "platform": subject.platform,
        "platform_content_id": subject.post_id or subject.ad_id or subject.channel_id or subject.account_id,
        "facts": one.body.facts,
        "posted_at": None if posted is None else posted.value.astimezone(UTC),
        "posted_at_precision_s": None if posted is None or posted.precision_s <= EXACT_S else posted.precision_s,
        "posted_at_compared": None if posted is None or posted.compared else False,
        "captured_at": min(captured, default=None),
        "captures": one.body.cited_captures,
        "captures_withdrawn": one.captures_withdrawn,
        "deposits_withdrawn": len(one.deposits_withdrawn),
    }


def grounds_of(findings: list[ConfirmedFinding], *, laws: bool) -> tuple[Ground, ...]:
    """What the findings allege: laws only, or everything else and never a law."""
    cited = dict.fromkeys(basis for one in findings for basis in one.body.bases)
    known = [shipped().bases[basis] for basis in cited if basis in shipped().bases]
    return tuple(
        Ground(id=one.id, jurisdiction=one.jurisdiction, instrument=one.instrument, article=one.article, title=one.title)
        for one in known
        if (one.kind == "law") == laws
    )
