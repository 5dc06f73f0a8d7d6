"""Notes and the timeline of a case."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import tuple_
from sqlmodel import col, select

from server.captures.models import Capture
from server.captures.scope import without_statement
from server.captures.sharing import Exhibit
from server.cases.models import CaseMoment, CaseNote
from server.cases.parts import CaseParts
from server.cases.scope import require_case
from server.cases.searchtexts import keep_text
from server.cases.texts import long_text, one_line
from server.errors import BadInput, NotFound
from server.operators.actors import OperatorActor
from server.operators.models import Operator
from server.rules.catalogue import shipped
from server.rules.errors import RuleError

NOTE_LIMIT = 10_000
MOMENT_KINDS = ("vote", "window", "order", "hearing", "ruling", "outcome", "press", "meeting", "other")
NOTES_SHOWN = 50
MOMENTS_SHOWN = 200
CAPTURES_SHOWN = 100


@dataclass(frozen=True)
class NoteView:
    """One note and who wrote it; `corrected`: a later note takes its place."""

    note: CaseNote
    author: str
    corrected: bool


@dataclass(frozen=True)
class MomentOrder:
    """What happened: `at` and `ends_at` are aware times."""

    kind: str
    title: str
    at: datetime
    ends_at: datetime | None = None
    source: str = ""


@dataclass(frozen=True)
class TimelineEntry:
    """One line of the timeline. `draft`: computed from a rule that is a draft. `ref`: the capture id of a capture.

    `whole_day`: only the date of `at` is said, in the local time of wherever it is.
    """

    at: datetime
    ends_at: datetime | None
    kind: str
    title: str
    source: str
    draft: bool = False
    ref: str = ""
    whole_day: bool = False


class Notes:
    """What members write down, and what happened when."""

    def __init__(self, parts: CaseParts) -> None:
        self._parts = parts

    async def write(self, actor: OperatorActor, case_id: uuid.UUID, text: str, *, corrects: uuid.UUID | None = None) -> CaseNote:
        """A new note; the one it corrects stays as it was. Raises: Forbidden; NotFound; CaseClosed; BadInput."""
        said = long_text("text", text, NOTE_LIMIT)
        if not said:
            raise BadInput(field="text", reason="write something")
        async with self._parts.database.transaction() as session:
            case = await require_case(session, actor, case_id, "write")
            if corrects is not None:
                before = await session.get(CaseNote, corrects)
                if before is None or before.case_id != case.id:
                    raise NotFound(kind="note", id=str(corrects))
            note = CaseNote(
                case_id=case.id, author_id=actor.operator_id, text=said, corrects=corrects, created_at=self._parts.clock.now()
            )
            session.add(note)
            await keep_text(session, case, ("note", str(note.id), said[:120]), (said,), note.created_at)
        return note

    async def written(
        self, actor: OperatorActor, case_id: uuid.UUID, *, before: tuple[datetime, uuid.UUID] | None = None
    ) -> list[NoteView]:
        """The newest NOTES_SHOWN notes of those before the one given by its time and id. Raises: Forbidden; NotFound."""
        async with self._parts.database.session() as session:
            case = await require_case(session, actor, case_id, "read")
            wanted = (
                select(CaseNote, Operator.name)
                .join(Operator, col(Operator.id) == col(CaseNote.author_id))
                .where(CaseNote.case_id == case.id)
                .order_by(col(CaseNote.created_at).desc(), col(CaseNote.id).desc())
            )
            if before is not None:
                wanted = wanted.where(tuple_(col(CaseNote.created_at), col(CaseNote.id)) < tuple_(*before))
            rows = (await session.exec(wanted.limit(NOTES_SHOWN))).all()
            later = select(CaseNote.corrects).where(col(CaseNote.corrects).in_([note.id for note, _ in rows]))
            corrected = set((await session.exec(later)).all())
        return [NoteView(note, name, note.id in corrected) for note, name in rows]

    async def add_moment(self, actor: OperatorActor, case_id: uuid.UUID, order: MomentOrder) -> CaseMoment:
        """A moment or span on the timeline. Raises: Forbidden; NotFound; CaseClosed; BadInput."""
        if order.kind not in MOMENT_KINDS:
            raise BadInput(field="kind", reason="one of " + ", ".join(MOMENT_KINDS))
        if order.ends_at is not None and order.ends_at < order.at:
            raise BadInput(field="ends_at", reason="it ends before it begins")
        title, source = one_line("title", order.title, 200), long_text("source", order.source, 2000)
        async with self._parts.database.transaction() as session:
            case = await require_case(session, actor, case_id, "write")
            moment = CaseMoment(
                case_id=case.id,
                kind=order.kind,
                title=title,
                at=order.at,
                ends_at=order.ends_at,
                source=source,
                author_id=actor.operator_id,
                created_at=self._parts.clock.now(),
            )
            session.add(moment)
            await keep_text(session, case, ("moment", str(moment.id), title), (title, source), moment.created_at)
        return moment

    async def timeline(self, actor: OperatorActor, case_id: uuid.UUID) -> list[TimelineEntry]:
        """The newest MOMENTS_SHOWN moments, the newest CAPTURES_SHOWN exhibits, and the silence windows and vote of the case's
        election, in order. Raises: Forbidden; NotFound."""
        async with self._parts.database.session() as session:
            case = await require_case(session, actor, case_id, "read")
            latest = select(CaseMoment).where(CaseMoment.case_id == case.id).order_by(col(CaseMoment.created_at).desc())
            moments = (await session.exec(latest.limit(MOMENTS_SHOWN))).all()
            shown = (
                select(Capture, Exhibit.number)
                .options(without_statement())
                .join(Exhibit, col(Exhibit.capture_id) == col(Capture.capture_id))
                .where(Exhibit.case_id == case.id, col(Exhibit.withdrawn_at).is_(None))
                .order_by(col(Exhibit.number).desc())
                .limit(CAPTURES_SHOWN)
            )
            captures = (await session.exec(shown)).all()
        entries = [TimelineEntry(one.at, one.ends_at, one.kind, one.title, one.source) for one in moments]
        entries += [
            TimelineEntry(one.captured_at, None, "capture", f"{number}: {one.title or one.url}", "", ref=one.capture_id)
            for one, number in captures
        ]
        entries += _of_election(case.election_id)
        return sorted(entries, key=lambda one: (one.at, one.kind, one.title))


def _of_election(election_id: str | None) -> list[TimelineEntry]:
    """The vote and every silence window of its jurisdiction; a window without a rule in force is left out."""
    election = shipped().elections.get(election_id or "")
    if election is None:
        return []
    midnight = datetime.combine(election.poll_day, datetime.min.time(), UTC)
    title = election.title if election.state != "annulled" else f"{election.title} (annulled on {election.state_since})"
    entries = [TimelineEntry(midnight, None, "vote", title, election.provenance.source, whole_day=True)]
    for rule in shipped().silence.values():
        for territory in rule.territories if rule.jurisdiction == election.jurisdiction else ():
            try:
                window = rule.window(territory.code, election.poll_day)
            except RuleError:
                continue
            label = f"{rule.id} {territory.name}"
            source = rule.provenance.source
            entries.append(TimelineEntry(window.start[0], window.end[1], "window", label, source, not window.verified))
    return entries
