"""How often one may try to sign in: counts by login and by address in the database, so that every process counts the same.

A try is counted before anything about it is looked up or compared, whether the login exists or not. A pause is never longer than
LONGEST_PAUSE, and none holds for a one-time link or a passkey's answer, so nobody is locked out for ever by a stranger's tries.
Questions for a passkey are counted apart from tries: whoever asks for many waits a minute to ask again, and for nothing else.
"""

import hashlib
import ipaddress
import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.clock import Clock
from server.db import Database
from server.errors import SignInPaused
from server.operators.models import SignInTries

FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(minutes=15)
FORGOTTEN_AFTER = timedelta(days=1)


@dataclass(frozen=True)
class PaceKey:
    """What tries are counted by. `free`: so many tries before the first pause; `renews`: and as many again after each pause."""

    sha256: bytes
    free: int
    renews: bool = False


def login_key(login: str) -> PaceKey:
    """The key of a login as it was typed, known or not."""
    return PaceKey(hashlib.sha256(b"login\0" + login.strip().lower().encode("utf-8", "surrogatepass")).digest(), free=5)


def address_key(address: str) -> PaceKey:
    """The key of a network address; of IPv6 the first 64 bits, which one household has. Whatever is no address is one key."""
    return PaceKey(hashlib.sha256(b"address\0" + _place(address)).digest(), free=20)


def asking_key(address: str) -> PaceKey:
    """The key of questions for a passkey from an address: each is a row that stands until it is answered or too old."""
    return PaceKey(hashlib.sha256(b"asking\0" + _place(address)).digest(), free=60, renews=True)


def choice_key(operator_id: UUID) -> PaceKey:
    """The key of logins that a signed-in person tried to take: a refusal says that somebody, somewhere, has it."""
    return PaceKey(hashlib.sha256(b"choice\0" + operator_id.bytes).digest(), free=5)


def _place(address: str) -> bytes:
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return b"unknown"
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return str(mapped or (found if found.version == 4 else ipaddress.ip_network((found, 64), strict=False))).encode()


def pause_after(tries: int, free: int) -> timedelta:
    """None for the first tries, a minute at the last free one, then twice as long each time up to LONGEST_PAUSE."""
    if tries < free:
        return timedelta(0)
    return min(FIRST_PAUSE * int(2 ** min(tries - free, 10)), LONGEST_PAUSE)


class SignInPace:
    """Counts tries and says how long to wait."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.database = database
        self.clock = clock

    async def count(self, *keys: PaceKey) -> int:
        """Counts one try under every key and commits; gives how many were counted under the first key before.

        Parallel tries count one by one: the rows are locked. While a pause holds nothing is counted, else it would never end.
        Raises: SignInPaused (wait_s: whole seconds, the longest of the keys).
        """
        now = self.clock.now()
        async with self.database.transaction() as session:
            rows = await self._locked(session, keys, now)
            open_at = max((row.closed_until for row in rows.values() if row.closed_until is not None), default=now)
            if open_at > now:
                raise SignInPaused(wait_s=math.ceil((open_at - now).total_seconds()))
            before = rows[keys[0].sha256].tries
            for key in keys:
                row = rows[key.sha256]
                if key.renews and row.closed_until is not None:
                    row.tries = 0
                row.tries, row.last_at = row.tries + 1, now
                pause = pause_after(row.tries, key.free)
                row.closed_until = now + pause if pause else None
        return before

    async def succeeded(self, session: AsyncSession, login: PaceKey | None, address: PaceKey) -> None:
        """The try that was counted was good: the login begins anew, the address has one try less. The caller commits."""
        if login is not None:
            await session.exec(delete(SignInTries).where(col(SignInTries.key_sha256) == login.sha256))
        row = await session.get(SignInTries, address.sha256, with_for_update=True)
        if row is not None:
            row.tries, row.closed_until = max(row.tries - 1, 0), None

    async def lift(self, session: AsyncSession, key: PaceKey | None) -> int:
        """Forgets the tries under one key, or all of them; gives how many keys had any. The caller commits."""
        gone = delete(SignInTries)
        if key is not None:
            gone = gone.where(col(SignInTries.key_sha256) == key.sha256)
        return (await session.exec(gone)).rowcount

    async def _locked(self, session: AsyncSession, keys: Iterable[PaceKey], now: datetime) -> dict[bytes, SignInTries]:
        """The rows of the keys, made where absent, locked in one order; what is older than a day begins anew."""
        await session.exec(delete(SignInTries).where(col(SignInTries.last_at) < now - FORGOTTEN_AFTER))
        wanted = sorted({key.sha256 for key in keys})
        fresh = insert(SignInTries).values([{"key_sha256": one, "tries": 0, "last_at": now} for one in wanted])
        await (await session.connection()).execute(fresh.on_conflict_do_nothing())
        held = select(SignInTries).where(col(SignInTries.key_sha256).in_(wanted)).order_by(col(SignInTries.key_sha256))
        return {row.key_sha256: row for row in (await session.exec(held.with_for_update())).all()}
