"""Links as the organisation sees them: making, reading, revoking. What recipients do with them is server/handovers/visits.py."""

import asyncio
import io
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from sqlmodel import col, select

from server.cases.texts import long_text, one_line
from server.custody.service import RecordedEvent
from server.errors import BadInput
from server.exports.profiles import FETCHES, Profile
from server.handovers.contents import Contents, difference_json
from server.handovers.errors import HandoverRefused
from server.handovers.judging import kept_back, state_now, state_of
from server.handovers.models import Acknowledgement, Handover, HandoverFetch, HandoverKind, HandoverState, HandoverVisit
from server.handovers.parts import HandoverParts
from server.handovers.passcodes import TRIES, hash_passcode, new_passcode
from server.handovers.previewing import LinkPreview, previews_of
from server.handovers.recording import details_of, handover_item, record, record_in_capture
from server.handovers.renewing import Superseded, superseded_in
from server.handovers.scope import require_link, visible_links
from server.handovers.submissions import Submissions
from server.handovers.things import HandedFile, Thing, files_text, find_thing, sha256_of
from server.operators.actors import OperatorActor
from server.operators.secrets import digest, new_token
from server.operators.standing import demand_now
from storage.hashing import Sha256

PREFIX = "hsh"
LONGEST = timedelta(days=366)
TEXT_LIMIT = 500
MESSAGE_LIMIT = 2000
CHANGES = "changes.json"


@dataclass(frozen=True)
class LinkOrder:
    """What is handed over (kind and id; the profile counts for captures only), to whom, why, and until when.

    opens_at: the embargo.  contact, message: shown to the recipient.  supplements: the submission to which this adds.
    """

    kind: str
    thing_id: str
    recipient: str
    purpose: str
    expires_at: datetime
    profile: str = Profile.AUTHORITY
    opens_at: datetime | None = None
    with_passcode: bool = True
    contact: str = ""
    message: str = ""
    supplements: uuid.UUID | None = None


@dataclass(frozen=True)
class MadeLink:
    """The row, and the token and passcode, shown once. `withheld`: pictures that this profile does not get."""

    row: Handover
    token: str
    passcode: str | None
    withheld: tuple[str, ...]


@dataclass(frozen=True)
class LinkView:
    """A link with what happened through it. refusals: SHA-256 of a `handover.refused` event → why, as its details say.

    old: masked copies it gives of which there are newer ones.
    """

    row: Handover
    state: HandoverState
    visits: int
    fetches: list[HandoverFetch]
    receipts: list[Acknowledgement]
    events: list[RecordedEvent]
    refusals: dict[str, str]
    old: tuple[Superseded, ...]


class Links:
    """Scoped to the actor's organisation, to profiles the actor may hand over, and to cases the actor may see."""

    def __init__(self, parts: HandoverParts, submissions: Submissions) -> None:
        self._parts = parts
        self._submissions = submissions

    async def make(self, actor: OperatorActor, order: LinkOrder) -> MadeLink:
        """A new link; `handover.created` names the files' hashes, the recipient and the times.

        Raises: Forbidden; NotFound; BadInput (texts, times); HandoverRefused (nothing to give).
        """
        now = self._parts.clock.now()
        _check_times(order, now)
        if order.kind == HandoverKind.CASE_EXPORT:
            await self._parts.case_exports.read(actor, _id(order.thing_id))
        async with self._parts.database.session() as session:
            thing = await find_thing(session, actor, order.kind, order.thing_id, order.profile)
        files = thing.files
        if order.supplements is not None:
            files = (*files, await self._changes(actor, order.supplements, thing))
        passcode = new_passcode() if order.with_passcode else None
        token = new_token(PREFIX)
        row = _row(actor, order, (thing, files), (now, digest(token)))
        row.passcode_argon2id = None if passcode is None else await hash_passcode(passcode)
        async with self._parts.database.transaction() as session:
            actor = await demand_now(session, actor, FETCHES[Profile(row.profile)])
            session.add(row)
            await session.flush()
            await require_link(session, actor, row.id)
            await record(session, self._parts.custody, actor, row, ("created", _created(row, thing)))
            handed: dict[str, object] = {"profile": row.profile, "recipient": row.recipient}
            await record_in_capture(session, self._parts.custody, actor, row, ("capture.handed_over", handed))
        return MadeLink(row, token, passcode, thing.withheld)

    async def preview(self, actor: OperatorActor, kind: str, thing_id: str) -> list[LinkPreview]:
        """What a link would give, for each profile. Raises: Forbidden; NotFound; BadInput."""
        if kind != HandoverKind.CAPTURE:
            _id(thing_id)
        return await previews_of(self._parts, actor, kind, thing_id)

    async def latest(self, actor: OperatorActor, *, limit: int = 100) -> list[tuple[Handover, HandoverState]]:
        """The latest links, newest first."""
        wanted = (
            select(Handover).where(visible_links(actor)).order_by(col(Handover.created_at).desc(), col(Handover.id)).limit(limit)
        )
        async with self._parts.database.session() as session:
            rows = (await session.exec(wanted)).all()
            kept = await kept_back(session, rows)
        now = self._parts.clock.now()
        return [(row, state_of(row, now, is_kept_back=row.id in kept)) for row in rows]

    async def with_old_copies(self, rows: Sequence[Handover]) -> frozenset[uuid.UUID]:
        """Ids of those that have not ended and give an older masked copy than there is. Not checked: who asks."""
        now = self._parts.clock.now()
        asked = [row.id for row in rows if row.revoked_at is None and row.expires_at > now]
        async with self._parts.database.session() as session:
            return frozenset(await superseded_in(session, asked))

    async def read(self, actor: OperatorActor, handover_id: uuid.UUID) -> LinkView:
        """One link with its openings, downloads, receipts and chain. Raises: NotFound."""
        async with self._parts.database.session() as session:
            row = await require_link(session, actor, handover_id)
            visits = (await session.exec(select(HandoverVisit).where(HandoverVisit.handover_id == row.id))).all()
            fetched = select(HandoverFetch).where(HandoverFetch.handover_id == row.id).order_by(col(HandoverFetch.fetched_at))
            fetches = list((await session.exec(fetched)).all())
            given = select(Acknowledgement).where(Acknowledgement.handover_id == row.id).order_by(col(Acknowledgement.given_at))
            receipts = list((await session.exec(given)).all())
            state = await state_now(session, row, self._parts.clock.now())
            old = (await superseded_in(session, [row.id])).get(row.id, ())
        events = await self._parts.custody.chain(handover_item(row.id), organisation_id=row.organisation_id)
        return LinkView(row, state, len(visits), fetches, receipts, events, _refusals(events), old)

    async def revoke(self, actor: OperatorActor, handover_id: uuid.UUID) -> None:
        """The link, and every visit under way, ends now. Idempotent. Raises: NotFound."""
        async with self._parts.database.transaction() as session:
            row = await require_link(session, actor, handover_id, lock=True)
            if row.revoked_at is None:
                row.revoked_at = self._parts.clock.now()
                await record(session, self._parts.custody, actor, row, ("revoked", {}))

    async def embargo(self, actor: OperatorActor, handover_id: uuid.UUID, opens_at: datetime | None) -> None:
        """The link opens at that time and not before, or as soon as it may (None); visits under way end until then.

        `handover.embargoed` names the time. Idempotent. Raises: NotFound; BadInput (not before the link expires).
        """
        async with self._parts.database.transaction() as session:
            actor = await demand_now(session, actor)
            row = await require_link(session, actor, handover_id, lock=True)
            _check_embargo(opens_at, row.expires_at)
            if row.opens_at != opens_at:
                row.opens_at = opens_at
                said: dict[str, object] = {"opensAt": None if opens_at is None else opens_at.isoformat()}
                await record(session, self._parts.custody, actor, row, ("embargoed", said))

    async def unlock(self, actor: OperatorActor, handover_id: uuid.UUID) -> None:
        """A link locked by wrong passcodes takes tries again. Idempotent. Raises: NotFound."""
        async with self._parts.database.transaction() as session:
            actor = await demand_now(session, actor)
            row = await require_link(session, actor, handover_id, lock=True)
            if row.wrong_tries >= TRIES:
                row.wrong_tries = 0
                await record(session, self._parts.custody, actor, row, ("unlocked", {}))

    async def _changes(self, actor: OperatorActor, submission_id: uuid.UUID, thing: Thing) -> HandedFile:
        """The list of changes since an earlier submission, kept as a working copy. Raises: NotFound; HandoverRefused."""
        if thing.kind == HandoverKind.CAPTURE:
            raise HandoverRefused(reason="only a bundle or an export of a case supplements a submission")
        earlier = await self._submissions.supplemented(actor, submission_id, thing)
        organisation = str(actor.organisation_id)
        later = await self._submissions.contents(organisation, thing.files[0])
        before = (earlier.file_sha256, Contents.from_json(earlier.contents))
        data = difference_json(before, (thing.files[0].sha256, later))
        sha256 = Sha256(sha256_of(data.decode()))
        await asyncio.to_thread(
            lambda: self._parts.working.put(io.BytesIO(data), organisation=organisation, sha256=sha256, size_bytes=len(data))
        )
        return HandedFile(CHANGES, sha256, len(data), "application/json", "working")


def thing_id_of(row: Handover) -> str:
    """The id of what the link leads to."""
    return str(row.export_id or row.case_export_id or row.capture_id)


def _check_times(order: LinkOrder, now: datetime) -> None:
    if not now < order.expires_at <= now + LONGEST:
        raise BadInput(field="expires_at", reason=f"a time to come, at most {LONGEST.days} days from now")
    _check_embargo(order.opens_at, order.expires_at)


def _check_embargo(opens_at: datetime | None, expires_at: datetime) -> None:
    if opens_at is not None and opens_at >= expires_at:
        raise BadInput(field="opens_at", reason="before the link expires")


def _refusals(events: list[RecordedEvent]) -> dict[str, str]:
    refused = [one for one in events if one.type == "handover.refused"]
    return {one.sha256: str(details_of(one).get("reason", "passcode")) for one in refused}


def _row(
    actor: OperatorActor, order: LinkOrder, made: tuple[Thing, tuple[HandedFile, ...]], at: tuple[datetime, bytes]
) -> Handover:
    thing, files = made
    return Handover(
        id=uuid.uuid4(),
        organisation_id=actor.organisation_id,
        token_sha256=at[1],
        kind=thing.kind,
        export_id=uuid.UUID(thing.id) if thing.kind == HandoverKind.BUNDLE else None,
        case_export_id=uuid.UUID(thing.id) if thing.kind == HandoverKind.CASE_EXPORT else None,
        capture_id=thing.id if thing.kind == HandoverKind.CAPTURE else None,
        supplements=order.supplements,
        profile=thing.profile,
        recipient=one_line("recipient", order.recipient, TEXT_LIMIT),
        purpose=one_line("purpose", order.purpose, TEXT_LIMIT),
        contact=long_text("contact", order.contact, TEXT_LIMIT),
        message=long_text("message", order.message, MESSAGE_LIMIT),
        files=[asdict(one) for one in files],
        files_sha256=sha256_of(files_text(files)),
        opens_at=order.opens_at,
        expires_at=order.expires_at,
        created_by=actor.operator_id,
        created_at=at[0],
    )


def _created(row: Handover, thing: Thing) -> dict[str, object]:
    return {
        "kind": row.kind,
        "thing": thing.id,
        "profile": row.profile,
        "recipient": row.recipient,
        "files": [{"name": one["name"], "sha256": one["sha256"], "maskedOf": one["masked_of"]} for one in row.files],
        "withheld": list(thing.withheld),
        "passcode": row.passcode_argon2id is not None,
        "opensAt": None if row.opens_at is None else row.opens_at.isoformat(),
        "expiresAt": row.expires_at.isoformat(),
        "supplements": None if row.supplements is None else str(row.supplements),
    }


def _id(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise BadInput(field="id", reason="not an id") from error
