"""Alerts of a case: what a person wrote, put together with what the case's confirmed findings and frozen numbers say."""

import json
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.cases.models import CaseFile
from server.db import lock_for_transaction
from server.errors import NotFound
from server.exports.case_models import CaseExport
from server.exports.case_service import CaseExportService
from server.exports.confirmed import confirmed_findings
from server.exports.documents.alert import Alert, AlertDraft, Evidence, Facet, Figure, TechniqueUsed, alert_files
from server.exports.documents.files import require_printable
from server.exports.documents.kinds import ALERT
from server.exports.kind import CaseExportOrder, FrozenDocument
from server.exports.models import Export
from server.exports.parts import ExportParts
from server.exports.profiles import Profile
from server.exports.tables.findings import ConfirmedFinding
from server.findings.models import Statistic
from server.findings.statistics import keys_of
from server.findings.withdrawn import withdrawn_behind
from server.operators.actors import OperatorActor
from server.operators.rights import own_rows
from server.rules.catalogue import shipped


@dataclass(frozen=True)
class AlertVersion:
    """One version: when it was made, the hash of its object (alert.json) and of the zip, which is absent where making failed."""

    version: int
    at: datetime
    content_sha256: str
    file_sha256: str | None


class AlertService:
    """Freezes alerts; the files are made at once, before the answer."""

    def __init__(self, parts: ExportParts, exports: CaseExportService) -> None:
        self._parts = parts
        self._exports = exports

    async def preview(self, actor: OperatorActor, case_id: uuid.UUID, order: CaseExportOrder, draft: AlertDraft) -> Alert:
        """The alert as it would be; nothing is stored. Raises: Forbidden; NotFound; ExportRefused (an empty block, too long)."""
        async with self._parts.database.transaction() as session:
            case = await self._exports.demand_case(session, actor, case_id, order)
            alert = await self._alert(session, actor, case, (order.profile, draft))
        await require_printable(alert_files, alert)
        return alert

    async def request(self, actor: OperatorActor, case_id: uuid.UUID, order: CaseExportOrder, draft: AlertDraft) -> CaseExport:
        """The alert, frozen and made: the next version of its number. Raises: as preview(); BadInput (purpose, recipient)."""
        async with self._parts.database.transaction() as session:
            await lock_for_transaction(session, f"alert versions:{case_id}")
            case = await self._exports.demand_case(session, actor, case_id, order)
            alert = await self._alert(session, actor, case, (order.profile, draft))
            await require_printable(alert_files, alert)
            made = FrozenDocument(ALERT.name, alert, address_id(case.id, draft.number, order.profile))
            row = await self._exports.add_document(session, actor, case, order, made)
        await self._exports.maker.run(row.id)
        return row

    async def versions(self, alert_id: uuid.UUID) -> list[AlertVersion]:
        """What anybody who holds an alert may know of it: its versions, oldest first, with their hashes and nothing they say.

        alert_id: the id in the alert's address, known to those who hold one; each profile has its own, so that no reader learns
        what others got. Alerts made when all profiles shared one: their versions but the internal ones. Raises: NotFound.
        """
        async with self._parts.database.session() as session:
            rows = await _rows(session, [alert_id])
            shared = [one for one in rows if json.loads(one.content)["alert_id"] == str(alert_id)]
            if shared:
                told = [one for one in shared if one.profile != Profile.INTERNAL]
                rows = [*told, *await _rows(session, sorted({_address_id(one) for one in told}))]
        if not rows:
            raise NotFound(kind="alert", id=str(alert_id))
        made = [
            AlertVersion(json.loads(one.content)["version"], one.requested_at, one.content_sha256, one.file_sha256)
            for one in rows
        ]
        return sorted(made, key=lambda one: (one.at, one.version))

    async def _alert(self, session: AsyncSession, actor: OperatorActor, case: CaseFile, asked: tuple[str, AlertDraft]) -> Alert:
        profile, draft = asked
        now = self._parts.clock.now()
        election = shipped().elections.get(case.election_id or "")
        tags: Counter[tuple[str, str, str, str]] = Counter()
        facets: set[Facet] = set()
        counted: dict[str, set[str]] = {
            "findings": set(),
            "posts": set(),
            "accounts": set(),
            "captures": set(),
            "withdrawn": set(),
        }
        # Counted, not named: no account is held back here.
        async for batch in confirmed_findings(self._parts.database, case.id, now, Profile.INTERNAL):
            for one in batch:
                tags.update({(tag.framework, tag.version, tag.id, tag.name) for tag in one.body.ttps})
                for unit in ("findings", "posts", "accounts"):
                    counted[unit].update(keys_of(unit, one.finding_id, one.body))
                counted["captures"].update(one.body.cited_captures)
                counted["withdrawn"].update([str(one.finding_id)] if one.captures_withdrawn or one.deposits_withdrawn else [])
                facets.add(_facet(one))
        most = sorted(tags.items(), key=lambda item: (-item[1], item[0]))
        alert_id, address = uuid.uuid5(case.id, f"alert:{draft.number}"), address_id(case.id, draft.number, profile)
        return Alert(
            alert_id=str(alert_id),
            version=await _next_version(session, (alert_id, address), profile),
            at=now,
            tlp=case.tlp,
            case=f"C-{case.number}",
            election="" if election is None else election.title,
            said=draft,
            techniques=tuple(TechniqueUsed(framework=t[0], version=t[1], id=t[2], name=t[3], findings=n) for t, n in most),
            figures=tuple([await _figure(session, actor, number) for number in dict.fromkeys(draft.statistics)]),
            evidence=Evidence(**{unit: len(keys) for unit, keys in counted.items()}),
            facets=tuple(sorted(facets, key=lambda one: tuple(one.model_dump().values()))),
            verify_url=f"{self._parts.settings.public_url.rstrip('/')}/alerts/{address}",
            bundle_sha256=await _bundle_sha256(session, actor, draft.bundle),
        )


def _facet(one: ConfirmedFinding) -> Facet:
    body = one.body
    return Facet(
        content_type=one.pins["type"]["sli_label"],
        member_state=body.member_state,
        platform=body.subject.platform,
        language=body.language,
    )


def address_id(case_id: uuid.UUID, number: str, profile: str) -> uuid.UUID:
    """The id in the address of an alert's versions for one profile. It cannot be made out of that of another one."""
    return uuid.uuid5(case_id, f"alert:{number}:{profile}")


def _address_id(row: CaseExport) -> uuid.UUID:
    return address_id(row.case_id, json.loads(row.content)["said"]["number"], row.profile)


async def _rows(session: AsyncSession, document_ids: Sequence[uuid.UUID]) -> list[CaseExport]:
    wanted = select(CaseExport).where(col(CaseExport.document_id).in_(document_ids), CaseExport.kind == ALERT.name)
    return list((await session.exec(wanted)).all())


async def _next_version(session: AsyncSession, ids: tuple[uuid.UUID, ...], profile: str) -> int:
    """One more than the last version made for this profile, also of those kept under the id that all profiles shared."""
    made = [json.loads(one.content)["version"] for one in await _rows(session, ids) if one.profile == profile]
    return 1 + max(made, default=0)


async def _bundle_sha256(session: AsyncSession, actor: OperatorActor, bundle: uuid.UUID | None) -> str:
    """The hash of a finished evidence bundle or export of the own organisation; empty without one. Raises: NotFound."""
    if bundle is None:
        return ""
    for model in (Export, CaseExport):
        wanted = select(model.file_sha256).where(model.id == bundle, own_rows(actor, model.organisation_id))
        found = (await session.exec(wanted)).first()
        if found:
            return found
    raise NotFound(kind="finished bundle", id=str(bundle))


async def _figure(session: AsyncSession, actor: OperatorActor, number: int) -> Figure:
    wanted = select(Statistic).where(own_rows(actor, Statistic.organisation_id), col(Statistic.number) == number)
    found = (await session.exec(wanted)).first()
    if found is None:
        raise NotFound(kind="statistic", id=f"S-{number}")
    return Figure(
        statistic=f"S-{found.number}",
        statistic_id=str(found.id),
        label=found.label,
        unit=found.unit,
        n=found.n,
        n_low=found.n_low,
        n_high=found.n_high,
        as_of=found.as_of,
        ids_sha256=found.ids_sha256,
        withdrawn=len(await withdrawn_behind(session, found)),
    )
