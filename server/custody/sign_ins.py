"""Signing in and out: each way proves who somebody is; the session and its custody event are one transaction.

No address and no name goes into an event. Tries that failed are told by the next good sign-in (`failedTries`): an event of their
own would take longer for a login that exists, and would let strangers fill the log.
"""

from dataclasses import dataclass

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.custody.people import PeopleService
from server.custody.person_events import PersonEvent, record_person
from server.custody.service import CustodyService
from server.db import Database, lock_for_transaction
from server.errors import IssuerRefused, PasskeyDue, SignInPaused, SignInRefused
from server.operators.actors import OperatorActor, service_actor
from server.operators.issuer import Vouched
from server.operators.models import Identity, Invitation, Operator, Organisation, Passkey, Password, SignInLink, WebSession
from server.operators.pacing import PaceKey, SignInPace, address_key, asking_key, login_key
from server.operators.passkeys import ShownPasskey, went_back
from server.operators.passwords import PasswordService
from server.operators.secrets import digest
from server.operators.service import SignedIn, operator_actor
from server.operators.sessions import Arrival, SessionService, Way, holds_passkey, is_passkey_asked


@dataclass(frozen=True)
class Proof:
    """What an opened session is recorded with besides its way: tries with the login that failed before."""

    failed_tries: int = 0


class SignInService:
    """Every way in. A pause holds back passwords and the way to the issuer; what cannot be guessed is counted when wrong."""

    def __init__(self, database: Database, custody: CustodyService, people: PeopleService, passwords: PasswordService) -> None:
        self.database = database
        self.custody = custody
        self.people = people
        self.passwords = passwords
        self.clock = people.operators.clock
        self.sessions: SessionService = people.sessions
        self.pace = SignInPace(database, self.clock)

    async def by_link(self, token: str, arrival: Arrival) -> SignedIn:
        """A session for a one-time link, which is used up. No pause holds for a good one. Raises: SignInRefused; SignInPaused."""
        now = self.clock.now()
        async with self.database.transaction() as session:
            link = await session.get(SignInLink, digest(token), with_for_update=True)
            if link is not None and link.used_at is None and link.expires_at > now:
                link.used_at = now
                operator = await session.get(Operator, link.operator_id)
                if operator is not None and operator.disabled_at is None:
                    return await self._opened(session, operator, Way("link"), arrival)
        await self.pace.count(address_key(arrival.address))
        raise SignInRefused()

    async def by_password(self, login: str, password: str, arrival: Arrival) -> SignedIn:
        """A session for a login and its password.

        Raises: SignInRefused, one answer for an unknown login, a wrong password and a person who left; SignInPaused;
        PasskeyDue (the password was right, and the organisation asks for the passkey that the person has).
        """
        by_login, by_address = login_key(login), address_key(arrival.address)
        before = await self.pace.count(by_login, by_address)
        found = await self.passwords.verify(login, password)
        if found is None:
            raise SignInRefused()
        async with self.database.transaction() as session:
            row = await session.get(Password, found[0], with_for_update=True)
            operator = await session.get(Operator, found[0])
            if row is None or row.argon2id != found[1] or operator is None or operator.disabled_at is not None:
                raise SignInRefused()
            await self._refuse_where_a_passkey_is_due(session, operator)
            await self.pace.succeeded(session, by_login, by_address)
            return await self._opened(session, operator, Way("password"), arrival, Proof(before))

    async def by_passkey(self, shown: ShownPasskey, arrival: Arrival) -> SignedIn:
        """A session for a passkey whose answer was verified.

        A counter that went back closes the passkey for good and ends every session it opened, and `operator.passkey_suspected`
        is recorded: there may be a copy, and nobody can tell which of the two was here before.
        Raises: SignInRefused.
        """
        now = self.clock.now()
        async with self.database.transaction() as session:
            row = await session.get(Passkey, shown.passkey_id, with_for_update=True)
            operator = await session.get(Operator, shown.operator_id)
            usable = row is not None and row.removed_at is None and row.suspected_at is None
            if row is not None and usable and operator is not None and operator.disabled_at is None:
                if not went_back(row.sign_count, shown.sign_count):
                    row.sign_count, row.used_at = shown.sign_count, now
                    await self.pace.lift(session, asking_key(arrival.address))
                    return await self._opened(session, operator, Way("passkey", row.id), arrival)
                row.suspected_at = now
                ended = await self.sessions.end(session, operator.id, col(WebSession.passkey_id) == row.id)
                details: dict[str, object] = {
                    "passkey": str(row.id),
                    "counter": shown.sign_count,
                    "counterBefore": row.sign_count,
                    "sessions": [str(one) for one in ended],
                }
                event = PersonEvent("operator.passkey_suspected", "a counter went back", details)
                await record_person(self.custody, session, service_actor(operator.organisation_id), operator.id, event)
        raise SignInRefused()

    async def by_issuer(self, vouched: Vouched, arrival: Arrival) -> SignedIn:
        """A session for whom the issuer vouches for: by a bound subject, else by a verified address that an administrator wrote.

        Rights come from the person's row or the invitation, never from the token. The first time binds the subject
        (`operator.identity_bound`); from then on the address is not asked again.
        Raises: IssuerRefused (`unknown`, `several`, `removed`, `other_subject`, `left`); PasskeyDue.
        """
        async with self.database.transaction() as session:
            operator = await self._bound(session, vouched) or await self._by_email(session, vouched)
            await self._refuse_where_a_passkey_is_due(session, operator)
            await self.pace.succeeded(session, None, address_key(arrival.address))
            return await self._opened(session, operator, Way("issuer"), arrival)

    async def join(self, token: str, name: str, arrival: Arrival) -> SignedIn:
        """A new person by an invitation. No pause holds for a good one. Raises: SignInRefused; SignInPaused; BadInput."""
        try:
            async with self.database.transaction() as session:
                operator = await self.people.admit(session, token, name)
                return await self._opened(session, operator, Way("invitation"), arrival)
        except SignInRefused:
            await self.pace.count(address_key(arrival.address))
            raise

    async def count(self, address: str) -> None:
        """Counts a try from an address. Raises: SignInPaused."""
        await self.pace.count(address_key(address))

    async def count_asking(self, address: str) -> None:
        """Counts a question for a passkey from an address; a good answer from there forgets them. Raises: SignInPaused."""
        try:
            await self.pace.count(asking_key(address))
        except SignInPaused as pause:
            raise SignInPaused(**pause.data, way="passkey") from pause

    async def counted(self, error: SignInRefused, address: str) -> SignInRefused | SignInPaused:
        """The refusal to show for a try that nothing could guess right: the pause, where the address has tried too often."""
        try:
            await self.count(address)
        except SignInPaused as pause:
            return pause
        return error

    async def sign_out(self, cookie: str) -> None:
        """Ends the session; `operator.signed_out` is recorded. Idempotent."""
        async with self.database.transaction() as session:
            row = await self.sessions.session_of(session, cookie)
            operator = None if row is None else await session.get(Operator, row.operator_id)
            if row is None or operator is None:
                return
            row.ended_at, row.address = self.clock.now(), ""
            event = PersonEvent("operator.signed_out", "sign out", {"session": str(row.id)})
            await record_person(self.custody, session, operator_actor(operator), operator.id, event)

    async def lift(self, login: str | None) -> int:
        """Ends the pauses of one login, or of all logins and addresses; how many there were.

        `operator.sign_in_lifted` is recorded for each person whose login had tries against it.
        """
        wanted = select(Operator).where(col(Operator.login).is_not(None))
        if login is not None:
            wanted = wanted.where(Operator.login == login.strip().lower())
        async with self.database.transaction() as session:
            lifted = 0
            for operator in (await session.exec(wanted.order_by(col(Operator.id)))).all():
                if await self.pace.lift(session, login_key(operator.login or "")):
                    lifted += 1
                    event = PersonEvent("operator.sign_in_lifted", "lift a pause")
                    await record_person(self.custody, session, service_actor(operator.organisation_id), operator.id, event)
            rest: PaceKey | None = None if login is None else login_key(login)
            return lifted + await self.pace.lift(session, rest)

    async def _bound(self, session: AsyncSession, vouched: Vouched) -> Operator | None:
        """Whose identity this is already."""
        held = (Identity.issuer == vouched.issuer, Identity.subject == vouched.subject, col(Identity.removed_at).is_(None))
        row = (await session.exec(select(Identity).where(*held).with_for_update())).first()
        if row is None:
            return None
        operator = await session.get_one(Operator, row.operator_id)
        if operator.disabled_at is not None:
            raise IssuerRefused(reason="left")
        row.used_at = self.clock.now()
        return operator

    async def _by_email(self, session: AsyncSession, vouched: Vouched) -> Operator:
        """The one person, or the one invitation, with the verified address; the subject is bound to that person."""
        if vouched.email is None:
            raise IssuerRefused(reason="unknown")
        people = select(Operator).where(Operator.email == vouched.email, col(Operator.disabled_at).is_(None)).with_for_update()
        found = (await session.exec(people.limit(2))).all()
        invitations = select(Invitation.id).where(
            Invitation.email == vouched.email,
            col(Invitation.used_at).is_(None),
            col(Invitation.withdrawn_at).is_(None),
            col(Invitation.expires_at) > self.clock.now(),
        )
        if found:  # who is here goes before who was only invited here; one organisation does not decide for another
            invitations = invitations.where(Invitation.organisation_id != found[0].organisation_id)
        invited = (await session.exec(invitations.limit(2))).all()
        if len(found) + len(invited) != 1:
            raise IssuerRefused(reason="several" if found or invited else "unknown")
        if found and await _was_removed(session, found[0], vouched):
            raise IssuerRefused(reason="removed")
        operator = found[0] if found else await self.people.admit_invited(session, invited[0], vouched.name or vouched.email)
        await self.bind(session, operator_actor(operator), vouched)
        return operator

    async def bind(self, session: AsyncSession, actor: OperatorActor, vouched: Vouched) -> None:
        """The subject is this person from now on. Raises: IssuerRefused (`other_subject`, `taken`). The caller commits."""
        await lock_for_transaction(session, "identity")  # one at a time: two first arrivals must not both bind
        held = select(Identity).where(Identity.issuer == vouched.issuer, col(Identity.removed_at).is_(None))
        mine = (await session.exec(held.where(Identity.operator_id == actor.operator_id))).first()
        if mine is not None and mine.subject == vouched.subject:
            return
        if mine is not None:  # an address that now belongs to somebody else must not open the account of who had it
            raise IssuerRefused(reason="other_subject")
        if (await session.exec(held.where(Identity.subject == vouched.subject))).first() is not None:
            raise IssuerRefused(reason="taken")
        now = self.clock.now()
        row = Identity(operator_id=actor.operator_id, issuer=vouched.issuer, subject=vouched.subject, bound_at=now, used_at=now)
        session.add(row)
        await session.flush()
        event = PersonEvent("operator.identity_bound", "bind an identity", {"identity": str(row.id)})
        await record_person(self.custody, session, actor, actor.operator_id, event)

    async def _refuse_where_a_passkey_is_due(self, session: AsyncSession, operator: Operator) -> None:
        """Who has the passkey that is asked for comes in by it; who has none yet comes as far as the own account."""
        if not is_passkey_asked(await session.get_one(Organisation, operator.organisation_id), operator):
            return
        if await holds_passkey(session, operator.id):
            raise PasskeyDue(needs="passkey")

    async def _opened(
        self, session: AsyncSession, operator: Operator, way: Way, arrival: Arrival, proof: Proof | None = None
    ) -> SignedIn:
        opened = await self.sessions.open(session, operator, way, arrival)
        details: dict[str, object] = {"session": str(opened.actor.session_id), "method": way.method}
        if way.passkey_id is not None:
            details["passkey"] = str(way.passkey_id)
        if proof is not None and proof.failed_tries:
            details["failedTries"] = proof.failed_tries
        event = PersonEvent("operator.signed_in", "sign in", details)
        await record_person(self.custody, session, operator_actor(operator), operator.id, event)
        return opened


async def _was_removed(session: AsyncSession, operator: Operator, vouched: Vouched) -> bool:
    """Whether the person took this very subject off the account: only the person binds it again."""
    same = (Identity.operator_id == operator.id, Identity.issuer == vouched.issuer, Identity.subject == vouched.subject)
    return (await session.exec(select(Identity.id).where(*same, col(Identity.removed_at).is_not(None)))).first() is not None
