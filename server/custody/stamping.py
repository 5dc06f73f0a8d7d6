"""Stamping the log: every configured authority over the newest published checkpoint, each stamp an event of the log itself."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from server.clock import Clock, format_time
from server.custody.service import CustodyService
from server.db import Database
from server.transparency.log import Log
from server.transparency.models import TimestampRow
from server.transparency.published import Published
from server.transparency.timestamps import (
    Token,
    Tsa,
    TsaClient,
    TsaRefused,
    TsaUnreachable,
    lacks_stamp,
    lock_wish,
    open_wish,
    recent_wishes,
)


@dataclass(frozen=True)
class StampOutcome:
    """What became of one wish, as stored. pending: no answer yet, `reason` says why; failed: an answer that was refused."""

    tsa: str
    size: int
    state: Literal["pending", "failed", "stamped"]
    reason: str | None
    gen_time: datetime | None


class StampService:
    """Keeps the log stamped. Idempotent; several processes may run it at once: a wish is settled once."""

    def __init__(self, database: Database, clock: Clock, custody: CustodyService, client: TsaClient, tsas: Sequence[Tsa]) -> None:
        self.database = database
        self.clock = clock
        self.custody = custody
        self.client = client
        self.tsas = tuple(tsas)

    @property
    def log(self) -> Log:
        """The log that is stamped."""
        return self.custody.log

    async def stamp(self) -> list[StampOutcome]:
        """Asks each authority that has not stamped every leaf yet; gives the outcomes, each stored before it is returned.

        This is both the periodic job and "stamp now". Empty when nothing is to be stamped. Raises: LogRefused.
        """
        published = await self.log.sequence()
        if published is None:
            return []
        outcomes = await asyncio.gather(*(self._stamp(tsa, published) for tsa in self.tsas))
        if any(outcome is not None and outcome.state == "stamped" for outcome in outcomes):
            await self.log.sequence()  # the stamps are leaves too
        return [outcome for outcome in outcomes if outcome is not None]

    async def recent(self, limit: int = 100) -> list[StampOutcome]:
        """The latest wishes and their states, newest first."""
        async with self.database.session() as session:
            return [_outcome(row) for row in await recent_wishes(session, limit)]

    async def _stamp(self, tsa: Tsa, published: Published) -> StampOutcome | None:
        """One wish from asking to its stored outcome: the network call stands between two transactions."""
        async with self.database.transaction() as session:
            wanted = await lacks_stamp(session, tsa.name)
            wish = await open_wish(session, tsa.name, published, self.clock.now()) if wanted else None
        if wish is None:
            return None
        token: Token | None = None
        state, reason = "stamped", None
        try:
            token = await self.client.stamp(tsa, published.note)
        except TsaUnreachable as error:
            state, reason = "pending", str(error)
        except TsaRefused as error:
            state, reason = "failed", str(error)
        return await self._settle(wish, published, _Answer(state, reason, token))

    async def _settle(self, wish: int, published: Published, answer: "_Answer") -> StampOutcome | None:
        async with self.database.transaction() as session:
            row = await lock_wish(session, wish)
            if row is None:
                return None
            row.attempts += 1
            row.reason = answer.reason
            row.state = answer.state
            if answer.state != "pending":
                row.settled_at = self.clock.now()
            if answer.token is not None:
                row.tsr, row.tsr_sha256, row.gen_time = answer.token.tsr, answer.token.tsr_sha256, answer.token.gen_time
                details = {
                    "tsa": row.tsa,
                    "checkpointSha256": published.sha256,
                    "treeSize": published.size,
                    "tsrSha256": answer.token.tsr_sha256,
                    "genTime": format_time(answer.token.gen_time),
                }
                await self.custody.record_timestamp(session, published.sha256, details)
            return _outcome(row)


@dataclass(frozen=True)
class _Answer:
    state: str
    reason: str | None
    token: Token | None


def _outcome(row: TimestampRow) -> StampOutcome:
    state: Literal["pending", "failed", "stamped"] = "pending"
    if row.state == "failed":
        state = "failed"
    elif row.state == "stamped":
        state = "stamped"
    return StampOutcome(row.tsa, row.size, state, row.reason, row.gen_time)
