"""Challenges: a nonce used once, and the checkpoint whose timestamps make a statement provably younger than they are."""

import secrets
from dataclasses import dataclass
from datetime import timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from server.captures.errors import NonceUsed
from server.captures.models import Nonce, NonceState
from server.captures.parts import CaptureParts
from server.captures.values import CaptureId, Challenge, NamedStamp
from server.operators.actors import DeviceActor


@dataclass(frozen=True)
class NonceVerdict:
    """How a nonce was judged; `age_s` is whole seconds since it was given out, None if it is not one of ours."""

    state: NonceState
    age_s: int | None


class Challenges:
    """Gives nonces out and takes them back, once."""

    def __init__(self, parts: CaptureParts) -> None:
        self._parts = parts

    async def issue(self, actor: DeviceActor) -> Challenge:
        """A new nonce for this device and the newest stamped checkpoint (else the newest, else none). Durable on return."""
        stamped = await self._parts.log.challenge()
        now = self._parts.clock.now()
        nonce = Nonce(
            value=secrets.token_hex(16),
            organisation_id=actor.organisation_id,
            device_id=actor.device_id,
            issued_at=now,
            expires_at=now + timedelta(seconds=self._parts.settings.nonce_seconds),
            checkpoint_sha256=None if stamped is None else stamped.published.sha256,
        )
        async with self._parts.database.transaction() as session:
            session.add(nonce)
        return Challenge(
            nonce=nonce.value,
            server_time=now,
            checkpoint=None if stamped is None else stamped.published.note.decode("utf-8"),
            checkpoint_sha256=nonce.checkpoint_sha256,
            timestamps=() if stamped is None else tuple(NamedStamp(stamp.tsa, stamp.tsr_sha256) for stamp in stamped.stamps),
        )

    async def claim(self, session: AsyncSession, actor: DeviceActor, value: str | None, capture_id: CaptureId) -> NonceVerdict:
        """Uses the nonce up for this capture, in the caller's transaction.

        Late is not wrong: an old nonce is recorded as `old`, none (or one that was never given to this device) as `none`, because
        a capture made without a connection is evidence too. A second use by another capture is a replay.
        Raises: NonceUsed.
        """
        absent = NonceVerdict(NonceState.NONE, None)
        if value is None or len(value) > 64 or "\x00" in value:
            return absent
        nonce = await session.get(Nonce, value, with_for_update=True)
        if nonce is None or nonce.device_id != actor.device_id:
            return absent
        if nonce.used_by is not None and nonce.used_by != capture_id:
            raise NonceUsed(nonce=value)
        nonce.used_by = capture_id
        now = self._parts.clock.now()
        age_s = max(0, int((now - nonce.issued_at).total_seconds()))
        return NonceVerdict(NonceState.FRESH if now <= nonce.expires_at else NonceState.OLD, age_s)
