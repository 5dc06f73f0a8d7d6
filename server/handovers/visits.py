"""What a recipient does with a link: open it, fetch files, say that they were received. No account, no cookie."""

import io
import json
import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import BinaryIO

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.captures.models import Capture
from server.cases.texts import one_line
from server.clock import format_time
from server.custody.models import EventRow
from server.exports.profiles import Profile
from server.handovers.errors import HandoverClosed, HandoverEmbargoed, NothingReceived, TooManyTries
from server.handovers.judging import state_now
from server.handovers.models import Acknowledgement, Handover, HandoverFetch, HandoverState, HandoverVisit
from server.handovers.pacing import Pace
from server.handovers.parts import HandoverParts
from server.handovers.passcodes import TRIES, is_passcode
from server.handovers.recording import handover_item, recipient_actor, record, record_download, record_in_capture
from server.handovers.things import HandedFile, files_of, sha256_of
from server.operators.models import Organisation
from server.operators.secrets import digest
from storage.hashing import Sha256

VISIT = timedelta(hours=2)
OPENINGS_PER_HOUR = 60
RECEIPTS_LIMIT = 20
NAME_LIMIT = 200
SECRET_LIMIT = 200


@dataclass(frozen=True)
class HandedPage:
    """What the recipient is shown. `giver`: the organisation's name, empty for the public, who learns no collector.

    `replaced_at`: when newer masked copies last took the place of those given before.
    """

    row: Handover
    giver: str
    files: tuple[HandedFile, ...]
    capture: Capture | None
    fetched: frozenset[str]
    receipts: tuple[Acknowledgement, ...]
    visit_ends_at: datetime
    replaced_at: datetime | None


@dataclass(frozen=True)
class FetchedFile:
    """A file that may leave: `open_range` gives a stream (blocking; the caller closes it)."""

    file: HandedFile
    organisation: str
    statement: bytes
    parts: HandoverParts

    def open_range(self, offset: int, length: int) -> BinaryIO:
        """Bytes offset … offset + length."""
        if self.file.source == "statement":
            return io.BytesIO(self.statement[offset : offset + length])
        store = self.parts.blobs if self.file.source == "evidence" else self.parts.working
        return store.open(self.organisation, Sha256(self.file.sha256), offset=offset, length=length)


class Visits:
    """Every way a link does not open is HandoverClosed, after the same work: an unknown token too costs one comparison."""

    def __init__(self, parts: HandoverParts) -> None:
        self._parts = parts
        self._pace = Pace(parts.clock)

    async def open(self, token: str, passcode: str, address: str) -> str:
        """The key of a new visit; `handover.opened` is recorded. A wrong passcode is `handover.refused`; the fifth locks it.

        Judged under the row's lock, so many tries at once are still counted one by one.
        Raises: HandoverClosed; HandoverEmbargoed (the passcode was right); TooManyTries.
        """
        self._pace.count(address)
        found = await self._find(token)
        right = await is_passcode(None if found is None else found.passcode_argon2id, passcode)
        if found is None:
            raise HandoverClosed()
        async with self._parts.database.transaction() as session:
            row = await session.get_one(Handover, found.id, with_for_update=True, populate_existing=True)
            outcome = await self._judge(session, row, right)
        if isinstance(outcome, str):
            return outcome
        raise outcome  # only now: what was judged had to be committed

    async def page(self, token: str, key: str) -> HandedPage:
        """The page of a visit. Raises: HandoverClosed."""
        async with self._parts.database.session() as session:
            row, visit = await self._visit(session, token, key)
            organisation = await session.get_one(Organisation, row.organisation_id)
            capture = None if row.capture_id is None else await session.get(Capture, row.capture_id)
            fetched = (await session.exec(select(HandoverFetch.name).where(HandoverFetch.visit == visit.key_sha256))).all()
            given = select(Acknowledgement).where(Acknowledgement.handover_id == row.id)
            receipts = (await session.exec(given.order_by(col(Acknowledgement.given_at), col(Acknowledgement.id)))).all()
            replaced = select(func.max(EventRow.time)).where(EventRow.item == handover_item(row.id))
            replaced_at = (await session.exec(replaced.where(EventRow.type == "handover.replaced"))).one()
        return HandedPage(
            row=row,
            giver="" if row.profile == Profile.PUBLIC else organisation.name,
            files=files_of(row),
            capture=capture,
            fetched=frozenset(fetched),
            receipts=tuple(receipts),
            visit_ends_at=visit.expires_at,
            replaced_at=replaced_at,
        )

    async def fetch(self, token: str, key: str, name: str) -> FetchedFile:
        """A file of the link; the download is recorded before a byte leaves, once per visit. Raises: HandoverClosed."""
        async with self._parts.database.transaction() as session:
            row, visit = await self._visit(session, token, key, lock=True)  # ranges at once are one download
            file = next((one for one in files_of(row) if one.name == name), None)
            if file is None:
                raise HandoverClosed()
            if await session.get(HandoverFetch, (visit.key_sha256, file.name)) is None:
                now = self._parts.clock.now()
                session.add(
                    HandoverFetch(visit=visit.key_sha256, name=file.name, handover_id=row.id, sha256=file.sha256, fetched_at=now)
                )
                await record_download(session, self._parts.custody, row, (file.name, file.sha256))
            statement = b""
            if file.source == "statement" and row.capture_id is not None:
                statement = bytes((await session.get_one(Capture, row.capture_id)).statement)
        return FetchedFile(file, str(row.organisation_id), statement, self._parts)

    async def acknowledge(self, token: str, key: str, name: str, address: str) -> Acknowledgement:
        """A receipt for the files fetched in this visit, in the name typed. The event holds the receipt's hash, not the name.

        Not checked: who typed it. Raises: HandoverClosed; BadInput (name); NothingReceived; TooManyTries.
        """
        self._pace.count(address)
        said = one_line("name", name, NAME_LIMIT)
        async with self._parts.database.transaction() as session:
            row, visit = await self._visit(session, token, key, lock=True)
            wanted = select(HandoverFetch).where(HandoverFetch.visit == visit.key_sha256).order_by(col(HandoverFetch.name))
            fetched = (await session.exec(wanted)).all()
            if not fetched:
                raise NothingReceived()
            counted = select(func.count()).select_from(Acknowledgement).where(col(Acknowledgement.handover_id) == row.id)
            if (await session.exec(counted)).one() >= RECEIPTS_LIMIT:
                raise TooManyTries()
            receipt = _receipt(row, said, [(one.name, one.sha256) for one in fetched], self._parts.clock.now())
            session.add(receipt)
            facts: dict[str, object] = {
                "acknowledgementId": str(receipt.id),
                "acknowledgementSha256": receipt.sha256,
                "files": [{"name": one.name, "sha256": one.sha256} for one in fetched],
            }
            await record(session, self._parts.custody, recipient_actor(row), row, ("acknowledged", facts))
        return receipt

    async def _find(self, token: str) -> Handover | None:
        wanted = select(Handover).where(Handover.token_sha256 == digest(token[:SECRET_LIMIT]))
        async with self._parts.database.session() as session:
            return (await session.exec(wanted)).first()

    async def _judge(self, session: AsyncSession, row: Handover, right: bool) -> str | Exception:
        """The key of a new visit, or what is to be raised once the transaction is committed."""
        now, actor = self._parts.clock.now(), recipient_actor(row)
        state = await state_now(session, row, now)
        if not right:
            if state not in (HandoverState.REVOKED, HandoverState.EXPIRED, HandoverState.LOCKED):
                row.wrong_tries += 1
                await self._refuse(session, row, "passcode")
            return HandoverClosed()
        if state is not HandoverState.LOCKED:
            row.wrong_tries = 0
        if state is not HandoverState.OPEN:
            if await self._refused_lately(session, row, now) < OPENINGS_PER_HOUR:
                await self._refuse(session, row, state)
            is_early = state is HandoverState.EMBARGOED
            return HandoverEmbargoed(opens_at=format_time(row.opens_at or now)) if is_early else HandoverClosed()
        recent = (
            select(func.count())
            .select_from(HandoverVisit)
            .where(col(HandoverVisit.handover_id) == row.id, col(HandoverVisit.opened_at) > now - timedelta(hours=1))
        )
        if (await session.exec(recent)).one() >= OPENINGS_PER_HOUR:
            return TooManyTries()
        key = secrets.token_urlsafe(32)
        ends = min(now + VISIT, row.expires_at)
        session.add(HandoverVisit(key_sha256=digest(key), handover_id=row.id, opened_at=now, expires_at=ends))
        await record(session, self._parts.custody, actor, row, ("opened", {}))
        await record_in_capture(session, self._parts.custody, actor, row, ("capture.viewed", {}))
        return key

    async def _refuse(self, session: AsyncSession, row: Handover, reason: str) -> None:
        """`handover.refused`. reason: `passcode`, or the state in which somebody with the right passcode found the link."""
        facts: dict[str, object] = {"reason": reason, "wrongTries": row.wrong_tries, "locked": row.wrong_tries >= TRIES}
        await record(session, self._parts.custody, recipient_actor(row), row, ("refused", facts))

    async def _refused_lately(self, session: AsyncSession, row: Handover, now: datetime) -> int:
        """How many refusals of the link the last hour has: past OPENINGS_PER_HOUR no further one is recorded."""
        counted = select(func.count()).select_from(EventRow)
        lately = (EventRow.type == "handover.refused", EventRow.time > now - timedelta(hours=1))
        return (await session.exec(counted.where(EventRow.item == handover_item(row.id), *lately))).one()

    async def _visit(self, session: AsyncSession, token: str, key: str, *, lock: bool = False) -> tuple[Handover, HandoverVisit]:
        """The link and the visit under way. A lock set by wrong passcodes later does not end it; a marking or
        an embargo set later does. Raises: HandoverClosed.

        lock: nobody withdraws the link or replaces copies before the transaction ends; what waited for either finds it closed.
        """
        wanted = select(Handover, HandoverVisit).where(
            Handover.token_sha256 == digest(token[:SECRET_LIMIT]),
            HandoverVisit.key_sha256 == digest(key[:SECRET_LIMIT]),
            HandoverVisit.handover_id == Handover.id,
        )
        found = (await session.exec(wanted.with_for_update(of=Handover) if lock else wanted)).first()
        if found is not None and lock:
            await session.refresh(found[1])  # the lock brings the newest link alone, and a replacement ends the visit
        now = self._parts.clock.now()
        if found is None or found[1].expires_at <= now:
            raise HandoverClosed()
        if await state_now(session, found[0], now, counts_tries=False) is not HandoverState.OPEN:
            raise HandoverClosed()
        return found[0], found[1]


def _receipt(row: Handover, name: str, files: list[tuple[str, str]], now: datetime) -> Acknowledgement:
    """The receipt with its exact text; the salt keeps the hash in the log from telling the name."""
    value = {
        "format": "holdstill-receipt/1",
        "handover": str(row.id),
        "name": name,
        "acknowledgedAt": format_time(now),
        "files": [{"name": file, "sha256": sha256} for file, sha256 in files],
        "salt": secrets.token_hex(16),
    }
    content = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return Acknowledgement(
        id=uuid.uuid4(), handover_id=row.id, name=name, content=content, sha256=sha256_of(content), given_at=now
    )
