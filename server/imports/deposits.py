"""Archives and pictures made elsewhere: kept as they came, logged, stamped from receipt on, checked; never called a capture."""

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.captures.brackets import proved_not_after
from server.captures.views import ProvedTime
from server.cases.models import CaseFile
from server.cases.recording import record
from server.cases.scope import for_owner, require_case
from server.cases.searchtexts import keep_text
from server.cases.texts import long_text, one_line
from server.custody.service import EventDraft
from server.errors import BadInput, NotFound
from server.images.adopting import ElsewherePictures
from server.imports.archives import kind_of
from server.imports.contents import ListedRecord, RecordText, text_of
from server.imports.errors import FileRefused
from server.imports.files import keep, received
from server.imports.models import Deposit, DepositCheck, DepositRecord
from server.imports.parts import DEPOSIT_TASK, ImportParts
from server.imports.scope import require_part
from server.operators.actors import OperatorActor
from server.operators.models import Operator
from storage.errors import BadContainer
from storage.hashing import Sha256

FILE_LIMIT_BYTES = 1 << 30
TEXT_LIMIT = 500
LIST_LIMIT = 200
RECORDS_PAGE = 100
LOOKS_AT_ONCE = 2
MEDIA_TYPES = {"warc": "application/warc", "wacz": "application/wacz+zip", "image": "application/octet-stream"}


@dataclass(frozen=True)
class DepositOrder:
    """What is said of the file by whoever brings it. `said_by`: who made it, with what, as far as that is known."""

    said_by: str
    said_url: str = ""
    note: str = ""


@dataclass(frozen=True)
class DepositView:
    """One archive as its page shows it. `not_after`: since when it provably exists; without one `not_after_reason`.

    records: a page of what is in it. is_own: of the actor's organisation, whose index of pictures may be shown beside it.
    """

    deposit: Deposit
    author: str
    checks: Sequence[DepositCheck]
    records: Sequence[DepositRecord]
    pictures: ElsewherePictures
    is_own: bool
    not_after: ProvedTime | None
    not_after_reason: str


@dataclass(frozen=True)
class DepositFile:
    """The archive's bytes: `open_range` gives a stream (blocking; the caller closes it)."""

    deposit: Deposit
    parts: ImportParts

    def open_range(self, offset: int, length: int) -> BinaryIO:
        """Bytes offset … offset + length of the file."""
        organisation, sha256 = str(self.deposit.organisation_id), Sha256(self.deposit.sha256)
        return self.parts.blobs.open(organisation, sha256, offset=offset, length=length)


class Deposits:
    """The archives made elsewhere of cases."""

    def __init__(self, parts: ImportParts) -> None:
        self._parts = parts
        self._looks = asyncio.Semaphore(LOOKS_AT_ONCE)

    async def take(
        self, actor: OperatorActor, case_id: uuid.UUID, file: tuple[BinaryIO, str], order: DepositOrder, *, queued: bool = True
    ) -> Deposit:
        """The archive, durable and in the log; its checks are queued. `file`: the bytes, and the name they came under.

        Raises: Forbidden; NotFound; CaseClosed; BadInput; FileRefused; StorageError.
        """
        said_by, said_url = one_line("said_by", order.said_by, TEXT_LIMIT), long_text("said_url", order.said_url, 2000)
        note = long_text("note", order.note, 2000)
        async with self._parts.database.transaction() as session:
            organisation_id = (await require_case(session, actor, case_id, "write")).organisation_id
        async with received(self._parts, file[0], file[1], FILE_LIMIT_BYTES) as came:
            kind = await asyncio.to_thread(kind_of, came.path)
            await keep(self._parts, came, organisation_id)
        async with self._parts.database.transaction() as session:
            case = await require_case(session, actor, case_id, "write")
            last = select(func.max(Deposit.number)).where(Deposit.case_id == case.id)
            deposit = Deposit(
                case_id=case.id,
                organisation_id=case.organisation_id,
                number=((await session.exec(last)).one() or 0) + 1,
                kind=kind,
                file_name=came.name,
                sha256=came.sha256,
                size_bytes=came.size_bytes,
                said_by=said_by,
                said_url=said_url,
                note=note,
                says={},
                leaf="",
                author_id=actor.operator_id,
                received_at=self._parts.clock.now(),
            )
            deposit.leaf = await self._log(session, actor, case, deposit)
            session.add(deposit)
            await session.flush()
            texts = (came.name, said_by, said_url, note)
            await keep_text(session, case, ("deposit", str(deposit.id), came.name), texts, deposit.received_at)
            if queued:
                await self._parts.jobs.defer(session, DEPOSIT_TASK, deposit_id=str(deposit.id))
        return deposit

    async def of_case(self, actor: OperatorActor, case_id: uuid.UUID) -> list[Deposit]:
        """The case's archives by number, at most LIST_LIMIT, withdrawn ones too. Raises: Forbidden; NotFound."""
        async with self._parts.database.session() as session:
            case = await require_case(session, actor, case_id, "read")
            wanted = select(Deposit).where(Deposit.case_id == case.id).order_by(col(Deposit.number))
            return list((await session.exec(wanted.limit(LIST_LIMIT))).all())

    async def read(self, actor: OperatorActor, deposit_id: uuid.UUID, after: int = -1) -> DepositView:
        """One archive with its checks, its pictures, and its records behind position `after`. Raises: Forbidden; NotFound."""
        async with self._parts.database.session() as session:
            deposit, _ = await require_part(session, actor, (Deposit, deposit_id), "read")
            wanted = select(DepositCheck).where(DepositCheck.deposit_id == deposit.id).order_by(col(DepositCheck.position))
            checks = (await session.exec(wanted)).all()
            author = (await session.get_one(Operator, deposit.author_id)).name
            page = select(DepositRecord).where(DepositRecord.deposit_id == deposit.id, DepositRecord.position > after)
            records = (await session.exec(page.order_by(col(DepositRecord.position)).limit(RECORDS_PAGE))).all()
        pictures, is_own = await self._parts.images.adopting.of(deposit.id), deposit.organisation_id == actor.organisation_id
        proved, why = await proved_not_after(self._parts.log, deposit.leaf, has_tsa=self._parts.has_tsa)
        return DepositView(deposit, author, checks, records, pictures, is_own, proved, why)

    async def open_file(self, actor: OperatorActor, deposit_id: uuid.UUID) -> DepositFile:
        """Its bytes; `case.deposit_opened` is recorded before one leaves. Raises: Forbidden; NotFound."""
        async with self._parts.database.transaction() as session:
            deposit, case = await require_part(session, actor, (Deposit, deposit_id), "read")
            details: dict[str, object] = {"deposit": deposit.number, "fileSha256": deposit.sha256}
            await record(self._parts.cases, session, actor, case, ("case.deposit_opened", details))
        return DepositFile(deposit, self._parts)

    async def thumbnail(self, actor: OperatorActor, deposit_id: uuid.UUID, sha256: str) -> bytes:
        """A small working copy (WebP) of one of its pictures: looking at it is no event. Raises: Forbidden; NotFound."""
        async with self._parts.database.session() as session:
            deposit, _ = await require_part(session, actor, (Deposit, deposit_id), "read")
        return await self._parts.images.adopting.thumbnail(deposit.id, sha256)

    async def record_text(
        self, actor: OperatorActor, deposit_id: uuid.UUID, position: int
    ) -> tuple[Deposit, ListedRecord, RecordText]:
        """One record as text; `case.deposit_opened` is recorded before. Raises: Forbidden; NotFound; FileRefused (broken)."""
        async with self._parts.database.transaction() as session:
            deposit, case = await require_part(session, actor, (Deposit, deposit_id), "read")
            if await session.get(DepositRecord, (deposit.id, position)) is None:
                raise NotFound(kind="record", id=str(position))
            details: dict[str, object] = {"deposit": deposit.number, "fileSha256": deposit.sha256, "record": position}
            await record(self._parts.cases, session, actor, case, ("case.deposit_opened", details))
        async with self._looks:
            found = await asyncio.to_thread(self._look, deposit, position)
        if found is None:
            raise NotFound(kind="record", id=str(position))
        return deposit, *found

    def _look(self, deposit: Deposit, position: int) -> tuple[ListedRecord, RecordText] | None:
        try:
            with self._parts.blobs.open(str(deposit.organisation_id), Sha256(deposit.sha256)) as stream:
                return text_of(stream, deposit.kind, position)
        except BadContainer as error:
            raise FileRefused(reason=f"the file is broken before this record: {str(error)[:200]}") from error

    async def receipt(self, actor: OperatorActor, deposit_id: uuid.UUID) -> bytes:
        """C2SP tlog-proof that the log holds its `case.deposited` event. Raises: Forbidden; NotFound; NotSequenced."""
        async with self._parts.database.session() as session:
            deposit, _ = await require_part(session, actor, (Deposit, deposit_id), "read")
        return await self._parts.log.receipt(bytes.fromhex(deposit.leaf))

    async def withdraw(self, actor: OperatorActor, deposit_id: uuid.UUID, reason: str) -> Deposit:
        """It no longer counts; file and record stay. Raises: Forbidden; NotFound; CaseClosed; BadInput."""
        why = long_text("reason", reason, 2000)
        if not why:
            raise BadInput(field="reason", reason="say why")
        async with self._parts.database.transaction() as session:
            deposit, case = await require_part(session, actor, (Deposit, deposit_id), "write")
            if deposit.withdrawn_at is not None:
                raise NotFound(kind="deposit", id=str(deposit_id))
            deposit.withdrawn_at, deposit.withdrawn_reason = self._parts.clock.now(), why
            details: dict[str, object] = {"deposit": deposit.number, "fileSha256": deposit.sha256}
            await record(self._parts.cases, session, actor, case, ("case.deposit_withdrawn", details))
            await self._parts.images.adopting.end(session, deposit.id)
        return deposit

    async def _log(self, session: AsyncSession, actor: OperatorActor, case: CaseFile, deposit: Deposit) -> str:
        """The leaf of `case.deposited`: its subject is the file itself, as it came."""
        details: dict[str, object] = {
            "case": f"urn:holdstill:case:{case.id}",
            "deposit": deposit.number,
            "depositId": str(deposit.id),
            "kind": deposit.kind,
            "origin": "made elsewhere",
            "sizeBytes": deposit.size_bytes,
        }
        item, name = f"case:{case.id}", f"deposit.{deposit.kind}"
        draft = EventDraft("case.deposited", item, name, deposit.sha256, "case work", details)
        return (await self._parts.custody.record(session, for_owner(actor, case.organisation_id), draft)).sha256
