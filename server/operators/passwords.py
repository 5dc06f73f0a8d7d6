"""Passwords, for installs of one person or few: argon2id, one answer for every failure, a pause after five."""

import asyncio
import re
from datetime import timedelta
from uuid import UUID

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError
from sqlmodel import select

from server.db import lock_for_transaction
from server.errors import BadInput, SignInRefused
from server.operators.actors import OperatorActor
from server.operators.models import Operator, Password
from server.operators.rights import demand
from server.operators.roles import Right
from server.operators.service import OperatorService, SignedIn

PASSWORD_CHARS = (12, 256)
TRIES = 5
PAUSE = timedelta(minutes=1)
_LOGIN = re.compile(r"[a-z0-9][a-z0-9._@-]{1,79}")
_HASHER = PasswordHasher()
_NOBODYS = _HASHER.hash("what an unknown login is compared with, so that it takes as long")


class PasswordService:
    """Sets and checks passwords. What is stored is the argon2id hash (RFC 9106 low-memory parameters of argon2-cffi)."""

    def __init__(self, operators: OperatorService) -> None:
        self.operators = operators

    async def set_password(self, actor: OperatorActor, login: str, password: str) -> None:
        """The actor's login and password from now on. Raises: BadInput (login, password, or a login that is taken); Forbidden."""
        demand(actor, Right.ACCOUNT)
        wanted = login.strip().lower()
        if _LOGIN.fullmatch(wanted) is None:
            raise BadInput(field="login", reason="2 to 80 letters a-z, digits and . _ @ -")
        if not PASSWORD_CHARS[0] <= len(password) <= PASSWORD_CHARS[1]:
            raise BadInput(field="password", reason=f"{PASSWORD_CHARS[0]} to {PASSWORD_CHARS[1]} characters")
        hashed = await asyncio.to_thread(_HASHER.hash, password)
        async with self.operators.database.transaction() as session:
            await lock_for_transaction(session, f"login:{wanted}")
            holder = (await session.exec(select(Operator).where(Operator.login == wanted))).first()
            if holder is not None and holder.id != actor.operator_id:
                raise BadInput(field="login", reason="choose another one")
            operator = await session.get_one(Operator, actor.operator_id)
            operator.login = wanted
            row = await session.get(Password, actor.operator_id, with_for_update=True)
            now = self.operators.clock.now()
            if row is None:
                session.add(Password(operator_id=actor.operator_id, argon2id=hashed, changed_at=now))
            else:
                row.argon2id, row.changed_at, row.failed_tries, row.closed_until = hashed, now, 0, None

    async def sign_in(self, login: str, password: str) -> SignedIn:
        """A session. Raises: SignInRefused, one answer for an unknown login, a wrong password, a pause and a person who left."""
        wanted = login.strip().lower()
        found = await self._hash_of(wanted) if _LOGIN.fullmatch(wanted) else None
        stored = _NOBODYS if found is None else found[1]
        right = await asyncio.to_thread(_matches, stored, password[: PASSWORD_CHARS[1]])
        if found is None:
            raise SignInRefused()
        signed_in = None
        async with self.operators.database.transaction() as session:
            row = await session.get(Password, found[0], with_for_update=True)
            operator = await session.get(Operator, found[0])
            now = self.operators.clock.now()
            if row is not None and operator is not None and (row.closed_until is None or row.closed_until <= now):
                if right and row.argon2id == stored and operator.disabled_at is None:
                    row.failed_tries, row.closed_until = 0, None
                    signed_in = self.operators.open_session(session, operator)
                else:
                    row.failed_tries += 1
                    row.closed_until = now + PAUSE if row.failed_tries % TRIES == 0 else None
        if signed_in is None:  # raised only now: the try had to be committed
            raise SignInRefused()
        return signed_in

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
