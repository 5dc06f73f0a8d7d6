"""Challenges: what one browser may answer once, within minutes. Nothing that is stored lets anybody answer one.

A challenge has a handle, which travels with the page or through the issuer, and is bound to a cookie, which stays in the browser.
Every secret of it (a WebAuthn challenge, a nonce, a PKCE verifier) is a hash of both: it is made anew when needed, never kept.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal
from uuid import UUID

from sqlmodel import col, delete

from server.clock import Clock
from server.db import Database
from server.operators.models import SignInChallenge
from server.operators.secrets import digest, new_token
from server.settings import Settings

Kind = Literal["register", "passkey", "issuer", "bind"]
HANDLE_LIMIT = 128


class ChallengeGone(Exception):
    """Unknown, answered before, too old, of another browser, person or kind: one answer on purpose."""


@dataclass(frozen=True)
class Challenge:
    """An open challenge, or one that was just taken. `cookie` and `handle` are secrets of one browser."""

    kind: Kind
    handle: str
    cookie: str

    def secret(self, purpose: str) -> bytes:
        """32 bytes that only this challenge has, another for each purpose."""
        return hmac.digest(self.cookie.encode(), f"{purpose}\0{self.kind}\0{self.handle}".encode(), hashlib.sha256)

    def text(self, purpose: str) -> str:
        """secret() in base64url, 43 characters."""
        return base64.urlsafe_b64encode(self.secret(purpose)).rstrip(b"=").decode("ascii")


class ChallengeService:
    """Opens challenges and takes them, each once."""

    def __init__(self, database: Database, clock: Clock, settings: Settings) -> None:
        self.database = database
        self.clock = clock
        self.settings = settings

    async def open(self, kind: Kind, cookie: str, operator_id: UUID | None = None) -> Challenge:
        """A new challenge for the browser that has `cookie` (and the person, where one is signed in). Old ones are swept out."""
        made, now = Challenge(kind, new_token("hsc"), cookie), self.clock.now()
        row = SignInChallenge(
            handle_sha256=digest(made.handle),
            cookie_sha256=digest(cookie),
            kind=kind,
            operator_id=operator_id,
            expires_at=now + timedelta(seconds=self.settings.challenge_seconds),
        )
        async with self.database.transaction() as session:
            await session.exec(delete(SignInChallenge).where(col(SignInChallenge.expires_at) <= now))
            session.add(row)
        return made

    async def take(self, kind: Kind, handle: str, cookie: str, operator_id: UUID | None = None) -> Challenge:
        """The challenge, used up by this very call whatever becomes of the answer. Raises: ChallengeGone."""
        if not cookie or not 0 < len(handle) <= HANDLE_LIMIT:
            raise ChallengeGone()
        held = (
            col(SignInChallenge.handle_sha256) == digest(handle),
            col(SignInChallenge.cookie_sha256) == digest(cookie),
            col(SignInChallenge.kind) == kind,
            col(SignInChallenge.operator_id).is_not_distinct_from(operator_id),
            col(SignInChallenge.expires_at) > self.clock.now(),
        )
        async with self.database.transaction() as session:
            taken = (await session.exec(delete(SignInChallenge).where(*held))).rowcount
        if taken != 1:
            raise ChallengeGone()
        return Challenge(kind, handle, cookie)
