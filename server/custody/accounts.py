"""A person's own ways in and open sessions: what is added, removed or ended, with its custody event in one transaction."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from server.custody.person_events import PersonEvent, record_person
from server.custody.sign_ins import SignInService
from server.db import lock_for_transaction
from server.errors import BadInput, NotFound, PasskeyRefused
from server.operators.actors import OperatorActor
from server.operators.issuer import Vouched
from server.operators.models import Identity, Operator, Organisation, Passkey, Password, WebSession
from server.operators.pacing import choice_key, login_key
from server.operators.passkeys import NewPasskey
from server.operators.rights import demand
from server.operators.roles import Right
from server.operators.sessions import holds_passkey, is_passkey_asked
from server.operators.standing import demand_now

LABEL_LIMIT = 80


@dataclass(frozen=True)
class AddedPasskey:
    """The passkey's row; `cookie`: the session's from now on, None where the actor came by none."""

    passkey_id: UUID
    cookie: str | None


class AccountService:
    """Everything here is about the actor alone: what is another person's does not exist."""

    def __init__(self, sign_ins: SignInService) -> None:
        self.sign_ins = sign_ins
        self.database = sign_ins.database
        self.custody = sign_ins.custody
        self.sessions = sign_ins.sessions
        self.clock = sign_ins.clock

    async def add_passkey(self, actor: OperatorActor, new: NewPasskey, label: str) -> AddedPasskey:
        """Stores a verified credential; `operator.passkey_added`. The session it was added in counts as one by passkey from now
        on, under another cookie.

        Raises: Forbidden; Unauthenticated; BadInput (label); PasskeyRefused (`taken`: the same words for an own one and another
        person's).
        """
        demand(actor, Right.ACCOUNT)
        name = label.strip()
        if not name or len(name) > LABEL_LIMIT or not name.isprintable():
            raise BadInput(field="label", reason=f"1 to {LABEL_LIMIT} printable characters")
        async with self.database.transaction() as session:
            await lock_for_transaction(session, f"passkey:{new.credential_id.hex()}")
            await demand_now(session, actor, Right.ACCOUNT)
            known = select(Passkey.id).where(Passkey.credential_id == new.credential_id)
            if (await session.exec(known)).first() is not None:
                raise PasskeyRefused(reason="taken")
            row = Passkey(
                operator_id=actor.operator_id,
                credential_id=new.credential_id,
                public_key=new.public_key,
                sign_count=new.sign_count,
                label=name,
                synced=new.synced,
                created_at=self.clock.now(),
            )
            session.add(row)
            await session.flush()
            here = update(WebSession).where(col(WebSession.id) == actor.session_id)
            await session.exec(here.values(method="passkey", passkey_id=row.id))
            cookie = await self.sessions.renew(session, actor)
            event = PersonEvent("operator.passkey_added", "add a passkey", {"passkey": str(row.id), "synced": new.synced})
            await self._record(session, actor, event)
        return AddedPasskey(row.id, cookie)

    async def remove_passkey(self, actor: OperatorActor, passkey_id: UUID) -> None:
        """The passkey lets nobody in any more, and other sessions opened with it end; `operator.passkey_removed`. Idempotent.

        Raises: Forbidden; NotFound; BadInput (the last one, where the organisation asks for one).
        """
        demand(actor, Right.ACCOUNT)
        async with self.database.transaction() as session:
            await demand_now(session, actor, Right.ACCOUNT)
            operator = await session.get_one(Operator, actor.operator_id)
            row = await session.get(Passkey, passkey_id, with_for_update=True)
            if row is None or row.operator_id != actor.operator_id:
                raise NotFound(kind="passkey", id=str(passkey_id))
            if row.removed_at is not None:
                return
            row.removed_at = self.clock.now()
            await session.flush()
            organisation = await session.get_one(Organisation, actor.organisation_id)
            if is_passkey_asked(organisation, operator) and not await holds_passkey(session, operator.id):
                raise BadInput(field="passkey", reason="your organisation asks for one: add another before you remove this")
            by_it = (col(WebSession.passkey_id) == row.id, col(WebSession.id).is_distinct_from(actor.session_id))
            ended = await self.sessions.end(session, actor.operator_id, *by_it)
            details: dict[str, object] = {"passkey": str(row.id), "sessions": [str(one) for one in ended]}
            await self._record(session, actor, PersonEvent("operator.passkey_removed", "remove a passkey", details))

    async def is_password_asked(self, actor: OperatorActor) -> bool:
        """Whether the present password is asked for before another one is set, or a passkey added: unless there is none, or a
        link or a passkey opened the session (whoever forgot theirs comes by a link), or the actor comes by no session at all,
        from the command line."""
        wanted = select(WebSession.method).where(col(WebSession.id) == actor.session_id)
        async with self.database.session() as session:
            has_one = await session.get(Password, actor.operator_id) is not None
            method = None if actor.session_id is None else (await session.exec(wanted)).first()
        return has_one and method not in (None, "link", "passkey")

    async def set_password(self, actor: OperatorActor, login: str, password: str, present: str = "") -> str | None:
        """The actor's login and password from now on; `operator.password_set`. If there was one, every other session ends: one by
        the old password may since have added a passkey, or been opened by what was bound to the account with it. The session
        that asks goes on under another cookie, which is given back.

        Tries with a wrong present password are counted and paused as those to sign in are; logins that are taken, by person.
        Raises: Forbidden; BadInput (login, password, a login that is taken, the present password); SignInPaused.
        """
        demand(actor, Right.ACCOUNT)
        chosen = await self.sign_ins.passwords.choose(login, password)
        await self.demand_present(actor, present)
        await self._count_choice(actor, chosen.login)
        async with self.database.transaction() as session:
            await demand_now(session, actor, Right.ACCOUNT)
            is_new = await session.get(Password, actor.operator_id) is None
            await self.sign_ins.passwords.store(session, actor.operator_id, chosen)
            others = col(WebSession.id).is_distinct_from(actor.session_id)
            ended = [] if is_new else await self.sessions.end(session, actor.operator_id, others)
            details: dict[str, object] = {"sessions": [str(one) for one in ended]}
            await self._record(session, actor, PersonEvent("operator.password_set", "set a password", details))
            return await self.sessions.renew(session, actor)

    async def demand_present(self, actor: OperatorActor, present: str) -> None:
        """Returns where the present password is right, or none is asked for: see is_password_asked().

        Before whatever would make the session one that is not asked any more, or another password.
        Raises: BadInput (present); SignInPaused (tries are counted and paused as those to sign in are).
        """
        if not await self.is_password_asked(actor):
            return
        async with self.database.session() as session:
            login = (await session.get_one(Operator, actor.operator_id)).login or ""
        key = login_key(login)
        await self.sign_ins.pace.count(key)
        found = await self.sign_ins.passwords.verify(login, present)
        if found is None or found[0] != actor.operator_id:
            raise BadInput(field="present", reason="that is not your present password")
        async with self.database.transaction() as session:
            await self.sign_ins.pace.lift(session, key)

    async def _count_choice(self, actor: OperatorActor, login: str) -> None:
        """Counts another login than the present one, taken or not: logins of every organisation stand in one list."""
        async with self.database.session() as session:
            present = (await session.get_one(Operator, actor.operator_id)).login
        if login != present:
            await self.sign_ins.pace.count(choice_key(actor.operator_id))

    async def end_session(self, actor: OperatorActor, session_id: UUID) -> None:
        """Ends one of the actor's sessions at its next request; `operator.session_revoked`. Idempotent.

        Raises: Forbidden; NotFound (another person's too).
        """
        demand(actor, Right.ACCOUNT)
        async with self.database.transaction() as session:
            owner = select(WebSession.operator_id).where(WebSession.id == session_id)
            if (await session.exec(owner)).first() != actor.operator_id:
                raise NotFound(kind="session", id=str(session_id))
            await self._end(session, actor, col(WebSession.id) == session_id)

    async def end_other_sessions(self, actor: OperatorActor) -> None:
        """Ends every session of the actor but the one that asks; `operator.session_revoked` if any. Raises: Forbidden."""
        demand(actor, Right.ACCOUNT)
        async with self.database.transaction() as session:
            await self._end(session, actor, col(WebSession.id).is_distinct_from(actor.session_id))

    async def identities(self, actor: OperatorActor) -> list[Identity]:
        """What of the issuer is bound to the actor."""
        wanted = select(Identity).where(Identity.operator_id == actor.operator_id, col(Identity.removed_at).is_(None))
        async with self.database.session() as session:
            return [*(await session.exec(wanted.order_by(col(Identity.bound_at), col(Identity.id)))).all()]

    async def bind(self, actor: OperatorActor, vouched: Vouched) -> None:
        """The subject opens the actor's account from now on. Raises: Forbidden; IssuerRefused (`other_subject`, `taken`)."""
        demand(actor, Right.ACCOUNT)
        async with self.database.transaction() as session:
            await demand_now(session, actor, Right.ACCOUNT)
            await self.sign_ins.bind(session, actor, vouched)

    async def unbind(self, actor: OperatorActor, identity_id: UUID) -> None:
        """The subject opens nothing any more; `operator.identity_removed`. Idempotent. Raises: Forbidden; NotFound."""
        demand(actor, Right.ACCOUNT)
        async with self.database.transaction() as session:
            row = await session.get(Identity, identity_id, with_for_update=True)
            if row is None or row.operator_id != actor.operator_id:
                raise NotFound(kind="identity", id=str(identity_id))
            if row.removed_at is None:
                row.removed_at = self.clock.now()
                event = PersonEvent("operator.identity_removed", "remove an identity", {"identity": str(row.id)})
                await self._record(session, actor, event)

    async def _end(self, session: AsyncSession, actor: OperatorActor, which: ColumnElement[bool]) -> None:
        ended = await self.sessions.end(session, actor.operator_id, which)
        if ended:
            details: dict[str, object] = {"sessions": [str(one) for one in ended]}
            await self._record(session, actor, PersonEvent("operator.session_revoked", "end sessions", details))

    async def _record(self, session: AsyncSession, actor: OperatorActor, event: PersonEvent) -> None:
        await record_person(self.custody, session, actor, actor.operator_id, event)
