"""Notifications through the Rapid Response System: what a person wrote about confirmed findings of one platform."""

import uuid
from dataclasses import dataclass

from sqlmodel.ext.asyncio.session import AsyncSession

from server.captures.scope import require_capture
from server.exports.case_models import CaseExport
from server.exports.case_service import CaseExportService
from server.exports.documents.files import require_printable
from server.exports.documents.kinds import RAPID
from server.exports.documents.rapid import Rapid, RapidDraft, RapidItem, rapid_files
from server.exports.kind import CaseExportOrder, FrozenDocument
from server.exports.notices import grounds_of, item_of, numbered_findings
from server.exports.parts import ExportParts
from server.exports.profiles import Profile
from server.operators.actors import OperatorActor
from server.rules.catalogue import shipped
from server.rules.channels import open_channels

ROUTE = "rrs"


@dataclass(frozen=True)
class RapidOrder:
    """Why, and what a person wrote. The profile is always `platform`, the recipient the platform named."""

    purpose: str
    draft: RapidDraft

    @property
    def export(self) -> CaseExportOrder:
        """The order of the file."""
        return CaseExportOrder(Profile.PLATFORM, self.purpose, self.draft.platform)


class RapidService:
    """Freezes notifications; the files are made at once, before the answer."""

    def __init__(self, parts: ExportParts, exports: CaseExportService) -> None:
        self._parts = parts
        self._exports = exports

    async def preview(self, actor: OperatorActor, case_id: uuid.UUID, order: RapidOrder) -> Rapid:
        """The notification as it would be; nothing is stored. Raises: Forbidden; NotFound (also a finding that is not confirmed);
        ExportRefused, which names everything that is missing."""
        async with self._parts.database.session() as session:
            return await self._notification(session, actor, case_id, order)

    async def request(self, actor: OperatorActor, case_id: uuid.UUID, order: RapidOrder) -> CaseExport:
        """The notification, frozen and made. Raises: as preview(); BadInput (purpose)."""
        async with self._parts.database.transaction() as session:
            rapid = await self._notification(session, actor, case_id, order)
            case = await self._exports.demand_case(session, actor, case_id, order.export)
            made = FrozenDocument(RAPID.name, rapid, uuid.UUID(rapid.notification_id))
            row = await self._exports.add_document(session, actor, case, order.export, made)
        await self._exports.maker.run(row.id)
        return row

    async def _notification(self, session: AsyncSession, actor: OperatorActor, case_id: uuid.UUID, order: RapidOrder) -> Rapid:
        case = await self._exports.demand_case(session, actor, case_id, order.export)
        draft, now = order.draft, self._parts.clock.now()
        findings = await numbered_findings(self._parts, case, draft.findings)
        if draft.policy_capture:
            await require_capture(session, actor, draft.policy_capture)
        election = shipped().elections.get(case.election_id or "")
        ways = [one for one in open_channels(shipped().channels, draft.platform, now.date()) if one.route == ROUTE]
        rapid = Rapid(
            notification_id=str(uuid.uuid4()),
            created_at=now,
            tlp=case.tlp,
            election="" if election is None else election.title,
            poll_day=None if election is None else election.poll_day,
            channel=ways[0].id if ways else "",
            channel_status=ways[0].provenance.status if ways else "",
            provider=ways[0].provider if ways else "",
            said=draft,
            items=tuple(
                RapidItem.model_validate(
                    item_of(one) | {"account_id": one.body.subject.account_id, "type": one.type, "language": one.body.language}
                )
                for one in findings
            ),
            grounds=grounds_of(findings, laws=False),
        )
        await require_printable(rapid_files, rapid)
        return rapid
