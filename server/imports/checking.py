"""Checks of archives made elsewhere, after they were taken in: opinions beside the file, which they neither alter nor refuse."""

import asyncio
import uuid
from datetime import datetime
from pathlib import Path

from server.captures.checks.container import Verdict, crashed
from server.captures.models import CheckOutcome
from server.images.reader import READ
from server.imports.archives import Account, read_wacz, read_warc
from server.imports.errors import FileRefused
from server.imports.files import fetched
from server.imports.models import Deposit, DepositCheck, DepositState
from server.imports.parts import ImportParts
from storage.errors import StorageError

PICTURE_LIMIT_BYTES = 64 << 20


class DepositChecker:
    """Runs the checks of one archive."""

    def __init__(self, parts: ImportParts) -> None:
        self._parts = parts

    async def run(self, deposit_id: uuid.UUID) -> bool:
        """Checks once; False when that has been done. Idempotent. Raises: StorageError (the store is gone: try again)."""
        async with self._parts.database.session() as session:
            deposit = await session.get(Deposit, deposit_id)
        if deposit is None or deposit.state == DepositState.CHECKED:
            return False
        try:
            async with fetched(self._parts, deposit.organisation_id, deposit.sha256, deposit.size_bytes) as path:
                account, verdicts = await self._judge(deposit, path)
            verdicts.insert(0, Verdict("bytes", "", CheckOutcome.PASSED, "the stored bytes have the digest they came with"))
        except FileRefused as refused:
            account, verdicts = Account(), [Verdict("bytes", "", CheckOutcome.FAILED, str(refused.data["reason"]))]
        await self._keep(deposit_id, account, verdicts)
        return True

    async def _judge(self, deposit: Deposit, path: Path) -> tuple[Account, list[Verdict]]:
        try:
            if deposit.kind == "image":
                return await self._picture(deposit, path)
            read = read_warc if deposit.kind == "warc" else read_wacz
            return await asyncio.to_thread(read, path, deposit.received_at)
        except StorageError:
            raise
        except Exception as error:  # noqa: BLE001 - a hostile file may break what reads it: that is an outcome
            return Account(), [crashed("format", "", error)]

    async def _picture(self, deposit: Deposit, path: Path) -> tuple[Account, list[Verdict]]:
        """Decoded in a process of its own. Not indexed: what search shows of a picture rests on captures in which it was seen."""
        if deposit.size_bytes > PICTURE_LIMIT_BYTES:
            reason = f"a picture of more than {PICTURE_LIMIT_BYTES} bytes is not read"
            return Account(), [Verdict("format", "", CheckOutcome.NOT_CHECKED, reason)]
        data = await asyncio.to_thread(path.read_bytes)
        made = await asyncio.to_thread(self._parts.images.reader.read, data)
        if made.outcome != READ:
            reason = f"no picture can be read from it ({made.outcome}: {made.reason[:200]})"
            return Account(), [Verdict("format", "", CheckOutcome.FAILED, reason)]
        told = f"{made.format}, {made.width} x {made.height} pixels"
        return Account(), [Verdict("format", "", CheckOutcome.PASSED, told)]

    async def _keep(self, deposit_id: uuid.UUID, account: Account, verdicts: list[Verdict]) -> None:
        now: datetime = self._parts.clock.now()
        async with self._parts.database.transaction() as session:
            deposit = await session.get_one(Deposit, deposit_id, with_for_update=True)
            if deposit.state == DepositState.CHECKED:
                return
            deposit.state, deposit.tool, deposit.says = DepositState.CHECKED, account.tool, account.as_json()
            for position, one in enumerate(verdicts):
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
