"""Checks of archives made elsewhere, after they were taken in: opinions beside the file, which they neither alter nor refuse."""

import asyncio
import uuid
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from sqlmodel import col, select

from server.captures.checks.container import Verdict, crashed
from server.captures.models import CheckOutcome
from server.images.adopting import AdoptedFile, DatedPicture
from server.images.found import BODY_LIMIT_BYTES, Finding
from server.images.reader import READ
from server.imports.archives import Account, ArchiveRead, read_archive
from server.imports.contents import DECODED_LIMIT_BYTES, dated_pictures, whole_picture
from server.imports.errors import FileRefused
from server.imports.files import fetched
from server.imports.models import Deposit, DepositCheck, DepositRecord, DepositState
from server.imports.parts import DEPOSIT_TASK, ImportParts
from storage.errors import StorageError


class DepositChecker:
    """Runs the checks of one archive, and reads its pictures into the index."""

    def __init__(self, parts: ImportParts, *, limit_bytes: int = DECODED_LIMIT_BYTES) -> None:
        self._parts = parts
        self._limit_bytes = limit_bytes

    async def run(self, deposit_id: uuid.UUID) -> bool:
        """Checks and pictures, each once; False when both are done. Idempotent. Raises: StorageError (no store: try again)."""
        async with self._parts.database.session() as session:
            deposit = await session.get(Deposit, deposit_id)
        if deposit is None:
            return False
        unread = await self._parts.images.adopting.missing([deposit_id])
        if deposit.state == DepositState.CHECKED and not unread:
            return False
        try:
            async with fetched(self._parts, deposit.organisation_id, deposit.sha256, deposit.size_bytes) as path:
                if deposit.state != DepositState.CHECKED:
                    await self._keep(deposit_id, await self._judge(deposit, path))
                if unread:
                    found = Finding()
                    await self._adopt(deposit, self._pictures(deposit, path, found), found)
        except FileRefused as refused:
            wrong = Verdict("bytes", "", CheckOutcome.FAILED, str(refused.data["reason"]))
            await self._keep(deposit_id, ArchiveRead(Account(), (), [wrong]))
            if unread:
                await self._adopt(deposit, iter(()), Finding(problems=[wrong.reason]))
        return True

    async def queue_missing(self) -> int:
        """Queues the deposits that were never checked, or whose pictures the present pipeline has not read; how many."""
        async with self._parts.database.session() as session:
            ids = list((await session.exec(select(Deposit.id).order_by(col(Deposit.received_at)))).all())
        missing = await self._parts.images.adopting.missing(ids)
        async with self._parts.database.transaction() as session:
            for one in missing:
                await self._parts.jobs.defer(session, DEPOSIT_TASK, once=f"{DEPOSIT_TASK}:{one}", deposit_id=str(one))
        return len(missing)

    async def _judge(self, deposit: Deposit, path: Path) -> ArchiveRead:
        passed = Verdict("bytes", "", CheckOutcome.PASSED, "the stored bytes have the digest they came with")
        try:
            if deposit.kind == "image":
                return ArchiveRead(Account(), (), [passed, await self._picture(deposit.size_bytes, path)])
            read = await asyncio.to_thread(read_archive, path, deposit.kind, deposit.received_at, self._limit_bytes)
        except StorageError:
            raise
        except Exception as error:  # noqa: BLE001 - a hostile file may break what reads it: that is an outcome
            return ArchiveRead(Account(), (), [passed, crashed("format", "", error)])
        return ArchiveRead(read.account, read.records, [passed, *read.verdicts])

    async def _picture(self, size_bytes: int, path: Path) -> Verdict:
        """Decoded in a process of its own."""
        if size_bytes > BODY_LIMIT_BYTES:
            reason = f"a picture of more than {BODY_LIMIT_BYTES} bytes is not read"
            return Verdict("format", "", CheckOutcome.NOT_CHECKED, reason)
        data = await asyncio.to_thread(path.read_bytes)
        made = await asyncio.to_thread(self._parts.images.reader.read, data)
        if made.outcome != READ:
            reason = f"no picture can be read from it ({made.outcome}: {made.reason[:200]})"
            return Verdict("format", "", CheckOutcome.FAILED, reason)
        return Verdict("format", "", CheckOutcome.PASSED, f"{made.format}, {made.width} x {made.height} pixels")

    def _pictures(self, deposit: Deposit, path: Path, found: Finding) -> Iterator[DatedPicture]:
        if deposit.kind == "image":
            return whole_picture(path, found)
        return dated_pictures(path, deposit.kind, found, self._limit_bytes)

    async def _adopt(self, deposit: Deposit, pictures: Iterator[DatedPicture], found: Finding) -> None:
        file = AdoptedFile(
            deposit.organisation_id,
            deposit.case_id,
            deposit.id,
            deposit.number,
            deposit.file_name,
            deposit.said_by,
            deposit.received_at,
        )
        await self._parts.images.adopting.take(file, pictures, found)

    async def _keep(self, deposit_id: uuid.UUID, read: ArchiveRead) -> None:
        now: datetime = self._parts.clock.now()
        async with self._parts.database.transaction() as session:
            deposit = await session.get_one(Deposit, deposit_id, with_for_update=True)
            if deposit.state == DepositState.CHECKED:
                return
            deposit.state, deposit.tool, deposit.says = DepositState.CHECKED, read.account.tool, read.account.as_json()
            session.add_all(DepositRecord(deposit_id=deposit_id, **vars(one)) for one in read.records)
            for position, one in enumerate(read.verdicts):
                session.add(
                    DepositCheck(
                        deposit_id=deposit_id,
                        position=position,
                        name=one.name,
                        outcome=one.outcome,
                        reason=one.reason.replace("\x00", "").encode("utf-8", "replace").decode(),
                        checked_at=now,
                    )
                )
