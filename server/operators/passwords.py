"""Passwords, for installs of one person or few: argon2id, and the same work whether a login exists or not."""

import asyncio
import re
from dataclasses import dataclass
from functools import cache
from uuid import UUID

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.db import lock_for_transaction
from server.errors import BadInput
from server.operators.models import Operator, Password
from server.operators.service import OperatorService

PASSWORD_CHARS = (12, 256)
_LOGIN = re.compile(r"[a-z0-9][a-z0-9._@-]{1,79}")
_HASHER = PasswordHasher()


@cache
def _nobodys() -> str:
    """What an unknown login is compared with, so that it takes as long. Made when first needed: a command line asks nobody in."""
    return _HASHER.hash("of nobody")


@dataclass(frozen=True)
class Chosen:
    """A login in its one spelling, and the hash of the password chosen with it."""

    login: str
    argon2id: str


class PasswordService:
    """Sets and checks passwords. What is stored is the argon2id hash (RFC 9106 low-memory parameters of argon2-cffi)."""

    def __init__(self, operators: OperatorService) -> None:
        self.operators = operators

    async def choose(self, login: str, password: str) -> Chosen:
        """A login and password that may be set, hashed. Raises: BadInput (login, password)."""
        wanted = login.strip().lower()
        if _LOGIN.fullmatch(wanted) is None:
            raise BadInput(field="login", reason="2 to 80 letters a-z, digits and . _ @ -")
        if not PASSWORD_CHARS[0] <= len(password) <= PASSWORD_CHARS[1]:
            raise BadInput(field="password", reason=f"{PASSWORD_CHARS[0]} to {PASSWORD_CHARS[1]} characters")
        return Chosen(wanted, await asyncio.to_thread(_HASHER.hash, password))

    async def store(self, session: AsyncSession, operator_id: UUID, chosen: Chosen) -> None:
        """The person's login and password from now on. The caller commits. Raises: BadInput (a login that is taken)."""
        await lock_for_transaction(session, f"login:{chosen.login}")
        holder = (await session.exec(select(Operator).where(Operator.login == chosen.login))).first()
        if holder is not None and holder.id != operator_id:
            raise BadInput(field="login", reason="choose another one")
        operator = await session.get_one(Operator, operator_id)
        operator.login = chosen.login
        row = await session.get(Password, operator_id, with_for_update=True)
        now = self.operators.clock.now()
        if row is None:
            session.add(Password(operator_id=operator_id, argon2id=chosen.argon2id, changed_at=now))
        else:
            row.argon2id, row.changed_at = chosen.argon2id, now

    async def verify(self, login: str, password: str) -> tuple[UUID, str] | None:
        """Whose login and password these are, and the hash that was compared; None otherwise.

        An unknown login costs the same statements and the same hash as a wrong password: nothing tells which it was. What the
        unknown are compared with is made before anything is looked up, so the first try of a process takes longer for everybody.
        Not counted here: how often one tries; see pacing.py.
        """
        wanted = login.strip().lower()
        nobodys = await asyncio.to_thread(_nobodys)
        found = await self._hash_of(wanted if _LOGIN.fullmatch(wanted) else "")
        stored = nobodys if found is None else found[1]
        right = await asyncio.to_thread(_matches, stored, password[: PASSWORD_CHARS[1]])
        return found if right else None

    async def _hash_of(self, login: str) -> tuple[UUID, str] | None:
        wanted = select(Operator.id, Password.argon2id).where(Operator.login == login, Password.operator_id == Operator.id)
        async with self.operators.database.session() as session:
            row = (await session.exec(wanted)).first()
        return None if row is None else (row[0], row[1])


def _matches(argon2id: str, password: str) -> bool:
    try:
        return _HASHER.verify(argon2id, password)
    except (VerifyMismatchError, VerificationError, InvalidHashError):
        return False
