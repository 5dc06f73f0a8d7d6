"""Asking RFC 3161 authorities over HTTP, and the stored state of each wish for a stamp.

A token is believed only under the roots pinned in the settings, and it is verified the moment it arrives, nonce included.
"""

import asyncio
import hashlib
from dataclasses import dataclass
from datetime import datetime

import httpx2
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from server.db import run_sql
from server.settings import TsaSettings
from server.transparency.models import TimestampRow
from server.transparency.outward import http_client
from server.transparency.published import Published
from server.trust.errors import VerificationError
from server.trust.timestamp import TsaAnchors, load_certificates, timestamp_request, verify_timestamp

REQUEST_TYPE = "application/timestamp-query"
REPLY_TYPE = "application/timestamp-reply"


@dataclass(frozen=True)
class Tsa:
    """An authority as configured: where it answers, and the roots it is believed under."""

    url: str
    anchors: TsaAnchors

    @property
    def name(self) -> str:
        """How it is called in file names and rows."""
        return self.anchors.name

    @classmethod
    def from_settings(cls, settings: TsaSettings) -> "Tsa":
        """Raises: VerificationError if the pinned certificates cannot serve as anchors; OSError."""
        roots = load_certificates(settings.roots_file.read_bytes())
        chain = settings.intermediates_file
        intermediates = load_certificates(chain.read_bytes()) if chain is not None else ()
        return cls(settings.url, TsaAnchors(settings.name, roots, intermediates))


@dataclass(frozen=True)
class Token:
    """A TimeStampResp that verified under the pinned roots: `tsr` is the exact file."""

    tsr: bytes
    tsr_sha256: str
    gen_time: datetime


class TsaUnreachable(Exception):
    """No answer that could be judged: the wish stays pending. The text is the stored reason."""


class TsaRefused(Exception):
    """An answer came and must not be believed. The text is the stored reason."""


class TsaClient:
    """Fetches stamps. One HTTP call per wish; no redirects; answers over the limit are not read to their end."""

    def __init__(
        self, *, http: httpx2.AsyncClient | None = None, timeout_s: float = 10.0, answer_limit_bytes: int = 64 * 1024
    ) -> None:
        self.timeout_s = timeout_s
        self.answer_limit_bytes = answer_limit_bytes
        self._http = http or http_client()

    async def stamp(self, tsa: Tsa, data: bytes) -> Token:
        """A verified stamp over `data`. Raises: TsaUnreachable; TsaRefused."""
        request = timestamp_request(data)
        try:
            async with asyncio.timeout(self.timeout_s):
                tsr = await self._fetch(tsa.url, request)
        except (httpx2.HTTPError, OSError) as error:  # TimeoutError is an OSError
            raise TsaUnreachable(f"no answer: {type(error).__name__}") from error
        try:
            verified = await asyncio.to_thread(verify_timestamp, tsr, data, tsa.anchors, request=request)
        except VerificationError as error:
            raise TsaRefused(str(error)) from error
        return Token(tsr, hashlib.sha256(tsr).hexdigest(), verified.gen_time)

    async def close(self) -> None:
        """Closes the connections."""
        await self._http.aclose()

    async def _fetch(self, url: str, request: bytes) -> bytes:
        headers = {"Content-Type": REQUEST_TYPE, "Accept": REPLY_TYPE}
        async with self._http.stream("POST", url, content=request, headers=headers, timeout=self.timeout_s) as response:
            if response.status_code != 200:
                raise TsaUnreachable(f"answered HTTP {response.status_code}")
            answer = bytearray()
            async for part in response.aiter_bytes():
                answer += part
                if len(answer) > self.answer_limit_bytes:
                    raise TsaRefused(f"the answer is longer than {self.answer_limit_bytes} bytes")
            return bytes(answer)


_LACKS_STAMP = """
SELECT 1 FROM leaf WHERE needs_stamp AND index >= (
    SELECT coalesce(max(size), 0) FROM timestamp WHERE tsa = :tsa AND state = 'stamped'
) LIMIT 1
"""


async def lacks_stamp(session: AsyncSession, tsa: str) -> bool:
    """Whether a leaf that asks for a stamp is not under any stamp of this authority."""
    return bool(await run_sql(session, _LACKS_STAMP, tsa=tsa))


async def open_wish(session: AsyncSession, tsa: str, published: Published, at: datetime) -> int | None:
    """The id of the pending row for this file and authority, made if absent; None if it is stamped already.

    Pending rows for older files end here as failed: a stamp over the newer file covers their leaves.
    """
    older = (
        col(TimestampRow.tsa) == tsa,
        col(TimestampRow.state) == "pending",
        col(TimestampRow.note_sha256) != published.sha256,
    )
    reason = f"not stamped: asked again for checkpoint {published.size}"
    await session.exec(update(TimestampRow).where(*older).values(state="failed", reason=reason, settled_at=at))
    fresh = insert(TimestampRow).values(
        note_sha256=published.sha256, size=published.size, tsa=tsa, state="pending", attempts=0, asked_at=at
    )
    await (await session.connection()).execute(fresh.on_conflict_do_nothing())
    wanted = select(TimestampRow.id).where(
        TimestampRow.tsa == tsa, TimestampRow.note_sha256 == published.sha256, TimestampRow.state == "pending"
    )
    return (await session.exec(wanted)).first()


async def lock_wish(session: AsyncSession, wish: int) -> TimestampRow | None:
    """The row, locked, if it is still pending: another process may have settled it."""
    row = await session.get(TimestampRow, wish, with_for_update=True)
    return row if row is not None and row.state == "pending" else None


async def recent_wishes(session: AsyncSession, limit: int = 100) -> list[TimestampRow]:
    """The latest wishes and what became of them, newest first."""
    return list((await session.exec(select(TimestampRow).order_by(col(TimestampRow.id).desc()).limit(limit))).all())
