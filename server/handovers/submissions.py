"""Records of submission: which file went to whom, when, by which channel; what came back; what a supplement changed."""

import asyncio
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, or_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.captures.sharing import Exhibit
from server.cases.models import CaseFile
from server.cases.scope import visible_cases
from server.cases.texts import long_text, one_line
from server.custody.service import EventDraft, RecordedEvent
from server.errors import BadInput, NotFound
from server.exports.case_models import CaseExport
from server.exports.profiles import FETCHES
from server.handovers.contents import Contents, Difference, contents_of, difference, difference_json
from server.handovers.errors import HandoverRefused
from server.handovers.models import HandoverKind, Submission, SubmissionReply
from server.handovers.parts import HandoverParts
from server.handovers.things import HandedFile, Thing, find_thing
from server.operators.actors import OperatorActor
from server.operators.rights import own_rows
from storage.hashing import Sha256

CHANNELS = ("handover_page", "e_mail", "portal", "post", "in_person", "other")
TEXT_LIMIT = 500
NOTE_LIMIT = 2000
NUMBER_LIMIT = 120
CLOCKS_APART = timedelta(minutes=5)


@dataclass(frozen=True)
class SubmissionOrder:
    """What went out: kind (bundle or case_export) and id, to whom, by which of CHANNELS, when; the submission it supplements."""

    kind: str
    thing_id: str
    addressee: str
    channel: str
    sent_at: datetime
    note: str = ""
    supplements: uuid.UUID | None = None


@dataclass(frozen=True)
class SubmissionView:
    """A submission with what came back, the chain of its events, and for a supplement what differs from the earlier one.

    exhibits: capture id → its numbers in the case of the export (`3`), where there is one.
    """

    row: Submission
    replies: list[SubmissionReply]
    later: list[Submission]
    difference: Difference | None
    exhibits: dict[str, str]
    events: list[RecordedEvent]

    @property
    def case_number(self) -> str:
        """The newest case number that the recipient gave, or nothing."""
        return next((one.case_number for one in reversed(self.replies) if one.case_number), "")


class Submissions:
    """Scoped as links are: own organisation, profiles the actor may hand over, cases the actor may see."""

    def __init__(self, parts: HandoverParts) -> None:
        self._parts = parts

    async def record(self, actor: OperatorActor, order: SubmissionOrder) -> Submission:
        """The new record; `submission.recorded` names the file's hash. What is in it is read from the file itself and frozen.

        Raises: Forbidden; NotFound; BadInput; HandoverRefused (no finished file).
        """
        if order.channel not in CHANNELS:
            raise BadInput(field="channel", reason="one of " + ", ".join(CHANNELS))
        now = self._parts.clock.now()
        if order.sent_at > now + CLOCKS_APART:
            raise BadInput(field="sent_at", reason="a time that has passed")
        thing = await self._thing(actor, order)
        contents = await self.contents(str(actor.organisation_id), thing.files[0])
        if order.supplements is not None:
            await self.supplemented(actor, order.supplements, thing)
        row = Submission(
            id=uuid.uuid4(),
            organisation_id=actor.organisation_id,
            export_id=uuid.UUID(thing.id) if thing.kind == HandoverKind.BUNDLE else None,
            case_export_id=uuid.UUID(thing.id) if thing.kind == HandoverKind.CASE_EXPORT else None,
            supplements=order.supplements,
            profile=thing.profile,
            file_sha256=thing.files[0].sha256,
            size_bytes=thing.files[0].size_bytes,
            contents=contents.as_json(),
            addressee=one_line("addressee", order.addressee, TEXT_LIMIT),
            channel=order.channel,
            note=long_text("note", order.note, NOTE_LIMIT),
            sent_at=order.sent_at,
            created_by=actor.operator_id,
            created_at=now,
        )
        async with self._parts.database.transaction() as session:
            session.add(row)
            await session.flush()
            await self._event(session, actor, row, ("recorded", _recorded(row, thing)))
        return row

    async def reply(
        self, actor: OperatorActor, submission_id: uuid.UUID, said: tuple[str, str], replied_at: datetime
    ) -> SubmissionReply:
        """What came back: (case number at the recipient, receipt); one of the two at least. Raises: NotFound; BadInput."""
        number = said[0].strip() and one_line("case_number", said[0], NUMBER_LIMIT)
        receipt = long_text("receipt", said[1], NOTE_LIMIT)
        if not number and not receipt:
            raise BadInput(field="case_number", reason="a case number or a receipt")
        now = self._parts.clock.now()
        if replied_at > now + CLOCKS_APART:
            raise BadInput(field="replied_at", reason="a time that has passed")
        async with self._parts.database.transaction() as session:
            row = await self._require(session, actor, submission_id)
            reply = SubmissionReply(
                id=uuid.uuid4(),
                submission_id=row.id,
                case_number=number,
                receipt=receipt,
                replied_at=replied_at,
                created_by=actor.operator_id,
                created_at=now,
            )
            session.add(reply)
            facts: dict[str, object] = {"replyId": str(reply.id), "caseNumber": number, "repliedAt": replied_at.isoformat()}
            await self._event(session, actor, row, ("answered", facts))
        return reply

    async def latest(self, actor: OperatorActor, *, limit: int = 100) -> list[Submission]:
        """The latest submissions, newest first."""
        wanted = select(Submission).where(_visible(actor)).order_by(col(Submission.sent_at).desc(), col(Submission.id))
        async with self._parts.database.session() as session:
            return list((await session.exec(wanted.limit(limit))).all())

    async def read(self, actor: OperatorActor, submission_id: uuid.UUID) -> SubmissionView:
        """One submission with everything of it. Raises: NotFound."""
        async with self._parts.database.session() as session:
            row = await self._require(session, actor, submission_id)
            answered = select(SubmissionReply).where(SubmissionReply.submission_id == row.id)
            replies = list(
                (await session.exec(answered.order_by(col(SubmissionReply.created_at), col(SubmissionReply.id)))).all()
            )
            following = select(Submission).where(Submission.supplements == row.id).order_by(col(Submission.sent_at))
            later = list((await session.exec(following)).all())
            earlier = None if row.supplements is None else await session.get(Submission, row.supplements)
            exhibits = await _exhibits(session, row)
        events = await self._parts.custody.chain(f"submission:{row.id}", organisation_id=row.organisation_id)
        found = None if earlier is None else difference(_contents(earlier), _contents(row))
        return SubmissionView(row, replies, later, found, exhibits, events)

    async def changes(self, actor: OperatorActor, submission_id: uuid.UUID) -> bytes:
        """What a supplement changed, as `changes.json`. Raises: NotFound (also when it supplements nothing)."""
        async with self._parts.database.session() as session:
            row = await self._require(session, actor, submission_id)
            earlier = None if row.supplements is None else await session.get(Submission, row.supplements)
        if earlier is None:
            raise NotFound(kind="changes", id=str(submission_id))
        return difference_json((earlier.file_sha256, _contents(earlier)), (row.file_sha256, _contents(row)))

    async def supplemented(self, actor: OperatorActor, submission_id: uuid.UUID, thing: Thing) -> Submission:
        """The earlier submission, if its reader may know of both: what changed names the captures and files of either.

        Raises: NotFound; HandoverRefused (made for another profile, or of another case).
        """
        async with self._parts.database.session() as session:
            row = await self._require(session, actor, submission_id)
            exports = [uuid.UUID(thing.id) if thing.kind == HandoverKind.CASE_EXPORT else None, row.case_export_id]
            cases = {(await session.get_one(CaseExport, one)).case_id for one in exports if one is not None}
        if row.profile != thing.profile or len(cases) > 1:
            raise HandoverRefused(reason="the earlier submission was for another reader, or of another case")
        return row

    async def contents(self, organisation: str, file: HandedFile) -> Contents:
        """What is in a finished file; one that is no zip, as one closed for its recipient, is named whole by its kind.

        Raises: HandoverRefused; StorageError.
        """
        if not file.name.endswith(".zip"):
            return Contents({}, {f"export.{file.name.partition('.')[2]}": file.sha256})

        def read() -> Contents:
            with self._parts.working.open(organisation, Sha256(file.sha256)) as stream:
                return contents_of(stream)

        return await asyncio.to_thread(read)

    async def _thing(self, actor: OperatorActor, order: SubmissionOrder) -> Thing:
        if order.kind == HandoverKind.CAPTURE:
            raise HandoverRefused(reason="a submission is of a bundle or of an export of a case")
        async with self._parts.database.session() as session:
            thing = await find_thing(session, actor, order.kind, order.thing_id, "")
        if thing.kind == HandoverKind.CASE_EXPORT:
            await self._parts.case_exports.read(actor, uuid.UUID(thing.id))
        return thing

    async def _require(self, session: AsyncSession, actor: OperatorActor, submission_id: uuid.UUID) -> Submission:
        row = (await session.exec(select(Submission).where(Submission.id == submission_id, _visible(actor)))).first()
        if row is None:
            raise NotFound(kind="submission", id=str(submission_id))
        return row

    async def _event(
        self, session: AsyncSession, actor: OperatorActor, row: Submission, what: tuple[str, dict[str, object]]
    ) -> None:
        facts: dict[str, object] = {"submissionId": str(row.id), "fileSha256": row.file_sha256}
        item = f"submission:{row.id}"
        draft = EventDraft(f"submission.{what[0]}", item, "export.zip", row.file_sha256, "submission", facts | what[1])
        await self._parts.custody.record(session, actor, draft)


def _contents(row: Submission) -> Contents:
    return Contents.from_json(row.contents)


def _recorded(row: Submission, thing: Thing) -> dict[str, object]:
    return {
        "kind": thing.kind.value,
        "exportId": thing.id,
        "addressee": row.addressee,
        "channel": row.channel,
        "sentAt": row.sent_at.isoformat(),
        "supplements": None if row.supplements is None else str(row.supplements),
    }


async def _exhibits(session: AsyncSession, row: Submission) -> dict[str, str]:
    """Capture id → exhibit number, where the file is an export of a case."""
    if row.case_export_id is None:
        return {}
    case_id = select(CaseExport.case_id).where(CaseExport.id == row.case_export_id).scalar_subquery()
    found = await session.exec(select(Exhibit.capture_id, Exhibit.number).where(Exhibit.case_id == case_id))
    return {capture_id: str(number) for capture_id, number in found.all()}


def _visible(actor: OperatorActor) -> ColumnElement[bool]:
    profiles = [profile.value for profile, right in FETCHES.items() if right in actor.rights]
    cases = select(CaseExport.id).join(CaseFile, col(CaseFile.id) == col(CaseExport.case_id)).where(visible_cases(actor))
    of_case = or_(col(Submission.case_export_id).is_(None), col(Submission.case_export_id).in_(cases))
    return own_rows(actor, Submission.organisation_id) & col(Submission.profile).in_(profiles) & of_case
