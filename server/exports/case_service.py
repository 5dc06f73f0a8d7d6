"""Exports of a case as people ask for them: order, preview, progress, the second person, the file. Making it is case_maker.py."""

import asyncio
import hashlib
import uuid
from datetime import timedelta

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.cases.models import CaseFile, Tlp
from server.cases.scope import require_case
from server.cases.texts import one_line
from server.errors import BadInput, Forbidden, NotFound
from server.exports import bundler, case_maker
from server.exports.case_maker import CaseMaker, confirmed_event, opened_event
from server.exports.case_models import CaseExport
from server.exports.documents.values import canonical
from server.exports.errors import ExportNotReady, ExportRefused
from server.exports.kind import Asked, CaseExportOrder, FrozenDocument, Plain, PreviewPart
from server.exports.kinds import KINDS, kind_of
from server.exports.models import ExportState
from server.exports.parts import CASE_EXPORT_TASK, ExportParts
from server.exports.profiles import ASKS, FETCHES, SECOND_PERSON, Profile
from server.exports.rows import FinishedFile
from server.exports.service import OpenedFile
from server.operators.actors import OperatorActor
from server.operators.rights import demand, own_rows
from server.operators.standing import demand_now
from storage.scratch import clear_abandoned

TEXT_LIMIT = 500
LEFT_BEHIND = timedelta(minutes=1)


class CaseExportService:
    """Only cases of the actor's own organisation: what a guest may read in a case is not the guest's to hand on."""

    def __init__(self, parts: ExportParts) -> None:
        self._parts = parts
        self.maker = CaseMaker(parts)

    async def request(
        self, actor: OperatorActor, case_id: uuid.UUID, kind: str, order: CaseExportOrder, *, queued: bool = True
    ) -> CaseExport:
        """Freezes an order of a plain kind and queues its file. `queued=False`: the caller runs the maker itself.

        Raises: Forbidden (the profile's right, or a case of somebody else's); NotFound; BadInput; ExportRefused (the marking, or
        what the kind misses).
        """
        async with self._parts.database.transaction() as session:
            case = await self.demand_case(session, actor, case_id, order)
            plain, asked = self._plain(session, actor, case, (kind, order))
            row = self._row(actor, case, order, (kind, await plain.freeze(asked)))
            session.add(row)
            await session.flush()
            if queued:
                await self._parts.jobs.defer(session, CASE_EXPORT_TASK, export_id=str(row.id))
        return row

    async def retry(self, actor: OperatorActor, export_id: uuid.UUID) -> CaseExport:
        """Queues a failed export again: the same object. Raises: NotFound; Forbidden; ExportRefused (it has not failed)."""
        async with self._parts.database.transaction() as session:
            row = await self._require(session, actor, export_id, lock=True)
            demand(actor, ASKS[Profile(row.profile)])
            if row.state != ExportState.FAILED:
                raise ExportRefused(reason=f"the export is {row.state}")
            row.state, row.reason, row.finished_at = ExportState.QUEUED, "", None
            await self._parts.jobs.defer(session, CASE_EXPORT_TASK, export_id=str(row.id))
        return row

    async def preview(
        self, actor: OperatorActor, case_id: uuid.UUID, kind: str, order: CaseExportOrder
    ) -> tuple[PreviewPart, ...]:
        """The beginning of what the files of a plain kind would hold; nothing is stored. Raises: as request(), but whatever the
        marking: looking is no export."""
        profile = profile_of(order.profile)
        demand(actor, ASKS[profile])
        async with self._parts.database.session() as session:
            case = await _own_case(session, actor, case_id)
            plain, asked = self._plain(session, actor, case, (kind, order))
            return await plain.preview(asked)

    def _plain(
        self, session: AsyncSession, actor: OperatorActor, case: CaseFile, ordered: tuple[str, CaseExportOrder]
    ) -> tuple[Plain, Asked]:
        kind, order = kind_of(ordered[0]), ordered[1]
        profile = _profile_for(kind.name, order.profile)
        if not isinstance(kind.asked, Plain):
            raise BadInput(field="kind", reason=f"{kind.name} has a form of its own")
        options = {name: order.options.get(name, "").strip() for name in kind.asked.options}
        return kind.asked, Asked(self._parts, session, actor, case, profile, options)

    async def clear_scratch(self) -> int:
        """Removes what killed processes left of exports and bundles on scratch; how many folders."""

        def clear() -> int:
            prefixes = (case_maker.SCRATCH_PREFIX, bundler.SCRATCH_PREFIX)
            return sum(clear_abandoned(self._parts.scratch, prefix) for prefix in prefixes)

        return await asyncio.to_thread(clear)

    async def of_case(self, actor: OperatorActor, case_id: uuid.UUID, *, limit: int = 50) -> list[CaseExport]:
        """The case's latest exports, newest first. Raises: Forbidden; NotFound."""
        async with self._parts.database.session() as session:
            case = await _own_case(session, actor, case_id)
            wanted = select(CaseExport).where(CaseExport.case_id == case.id, own_rows(actor, CaseExport.organisation_id))
            return list(
                (await session.exec(wanted.order_by(col(CaseExport.requested_at).desc(), col(CaseExport.id)).limit(limit))).all()
            )

    async def finished(self, actor: OperatorActor, case_id: uuid.UUID, *, limit: int) -> list[FinishedFile]:
        """The case's exports that have their file, newest first. Raises: Forbidden; NotFound."""
        async with self._parts.database.session() as session:
            case = await _own_case(session, actor, case_id)
            wanted = select(CaseExport.id, CaseExport.kind, CaseExport.recipient, CaseExport.requested_at).where(
                CaseExport.case_id == case.id,
                own_rows(actor, CaseExport.organisation_id),
                CaseExport.state == ExportState.READY,
            )
            found = await session.exec(wanted.order_by(col(CaseExport.requested_at).desc(), col(CaseExport.id)).limit(limit))
            return [FinishedFile(*row) for row in found.all()]

    async def read(self, actor: OperatorActor, export_id: uuid.UUID) -> CaseExport:
        """One export. Raises: NotFound."""
        async with self._parts.database.session() as session:
            return await self._require(session, actor, export_id)

    async def confirm(self, actor: OperatorActor, export_id: uuid.UUID) -> CaseExport:
        """Says, as a second person, that the finished file may go to the authority; `case.export_confirmed` names its hash.

        Raises: NotFound; Forbidden (the right, or the person who asked); ExportNotReady; ExportRefused (nothing to confirm).
        """
        async with self._parts.database.transaction() as session:
            actor = await demand_now(session, actor)
            row = await self._require(session, actor, export_id, lock=True)
            demand(actor, ASKS[Profile(row.profile)])
            if Profile(row.profile) not in SECOND_PERSON or row.confirmed_at is not None:
                raise ExportRefused(reason="there is nothing to confirm")
            if row.actor == actor.urn:
                raise Forbidden(needs="a second person")
            _require_ready(row)
            row.confirmed_by, row.confirmed_at = actor.urn, self._parts.clock.now()
            await self._parts.custody.record(session, actor, confirmed_event(row))
        return row

    async def open_file(self, actor: OperatorActor, export_id: uuid.UUID) -> OpenedFile:
        """The finished file; `case.export_opened` is recorded in the case's chain before a byte leaves.

        Raises: NotFound; Forbidden (the right to take this profile's file away); ExportNotReady (also: no second person yet);
        ExportRefused (the case's marking now).
        """
        async with self._parts.database.transaction() as session:
            row = await self._require(session, actor, export_id)
            demand(actor, FETCHES[Profile(row.profile)])
            file = _require_ready(row)
            require_second_person(row)
            await require_marking(session, row)
            name = file_name(row)
            await self._parts.custody.record(session, actor, opened_event(row, name))
        return OpenedFile(name, file[1], file[0], str(row.organisation_id), self._parts)

    async def demand_case(
        self, session: AsyncSession, actor: OperatorActor, case_id: uuid.UUID, order: CaseExportOrder
    ) -> CaseFile:
        """The case, for an export of this profile. Raises: Forbidden; NotFound; BadInput; ExportRefused (the marking)."""
        profile = profile_of(order.profile)
        demand(actor, ASKS[profile])
        case = await _own_case(session, actor, case_id)
        _refuse_marking(case, profile)
        return case

    async def add_document(
        self,
        session: AsyncSession,
        actor: OperatorActor,
        case: CaseFile,
        order: CaseExportOrder,
        made: FrozenDocument,
    ) -> CaseExport:
        """The frozen document as a row of the session; the caller commits and then runs the maker. Should the caller be killed
        before, a job makes it later.

        Raises: BadInput; ExportRefused (the marking).
        """
        row = self._row(actor, case, order, (made.kind, canonical(made.value)))
        row.document_id = made.document_id
        session.add(row)
        later = self._parts.clock.now() + LEFT_BEHIND
        await self._parts.jobs.defer(session, CASE_EXPORT_TASK, at=later, export_id=str(row.id))
        return row

    def _row(self, actor: OperatorActor, case: CaseFile, order: CaseExportOrder, made: tuple[str, str]) -> CaseExport:
        profile = _profile_for(made[0], order.profile)
        _refuse_marking(case, profile)
        content = made[1]
        return CaseExport(
            id=uuid.uuid4(),
            organisation_id=case.organisation_id,
            case_id=case.id,
            kind=made[0],
            profile=profile,
            marking=case.tlp,
            actor=actor.urn,
            role=actor.role,
            purpose=one_line("purpose", order.purpose, TEXT_LIMIT),
            recipient=one_line("recipient", order.recipient, TEXT_LIMIT),
            content=content,
            content_sha256=hashlib.sha256(content.encode()).hexdigest(),
            requested_at=self._parts.clock.now(),
        )

    async def _require(
        self, session: AsyncSession, actor: OperatorActor, export_id: uuid.UUID, *, lock: bool = False
    ) -> CaseExport:
        wanted = select(CaseExport).where(CaseExport.id == export_id, own_rows(actor, CaseExport.organisation_id))
        row = (await session.exec(wanted.with_for_update() if lock else wanted)).first()
        try:
            await require_case(session, actor, export_id if row is None else row.case_id, "read")
        except NotFound as error:
            raise NotFound(kind="export", id=str(export_id)) from error
        assert row is not None  # noqa: S101 - no case has an export's id
        return row


def _refuse_marking(case: CaseFile, profile: Profile) -> None:
    if profile is Profile.PUBLIC and case.tlp != Tlp.CLEAR:
        raise ExportRefused(reason=f"the case is marked {case.tlp}: only what is marked {Tlp.CLEAR} may be made public")


def profile_of(name: str) -> Profile:
    """The profile. Raises: BadInput."""
    try:
        return Profile(name)
    except ValueError as error:
        raise BadInput(field="profile", reason="one of " + ", ".join(Profile)) from error


def _profile_for(kind: str, name: str) -> Profile:
    profile, profiles = profile_of(name), kind_of(kind).profiles
    if profile not in profiles:
        raise BadInput(field="profile", reason="one of " + ", ".join(sorted(profiles)))
    return profile


def file_name(row: CaseExport) -> str:
    """The name a person's browser saves the file under."""
    return f"holdstill-{row.kind}-{row.profile}-{row.id.hex[:12]}{KINDS[row.kind].suffix(row.content)}"


def require_second_person(row: CaseExport) -> None:
    """Returns for a file that nobody else has to confirm, or that somebody has. Whoever hands a file on asks this too.

    Raises: ExportNotReady.
    """
    if Profile(row.profile) in SECOND_PERSON and row.confirmed_at is None:
        raise ExportNotReady(export_id=str(row.id), state=row.state, reason="a second person has not confirmed it")


async def require_marking(session: AsyncSession, row: CaseExport) -> None:
    """Returns unless the case was marked otherwise since: what was made for the public stays here then. Raises: ExportRefused."""
    _refuse_marking(await session.get_one(CaseFile, row.case_id), Profile(row.profile))


def _require_ready(row: CaseExport) -> tuple[str, int]:
    if row.state != ExportState.READY or row.file_sha256 is None or row.size_bytes is None:
        raise ExportNotReady(export_id=str(row.id), state=row.state, reason=row.reason)
    return row.file_sha256, row.size_bytes


async def _own_case(session: AsyncSession, actor: OperatorActor, case_id: uuid.UUID) -> CaseFile:
    case = await require_case(session, actor, case_id, "read")
    if case.organisation_id != actor.organisation_id:
        raise Forbidden(needs="a case of one's own organisation")
    return case
