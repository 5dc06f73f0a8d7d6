"""Web sessions: opened for who proved a right to one, looked at with every request, ended by the person, by time, by leaving."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import ColumnElement, and_
from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from server.clock import Clock
from server.db import Database
from server.errors import Unauthenticated
from server.operators.actors import OperatorActor
from server.operators.models import Operator, Organisation, Passkey, WebSession
from server.operators.roles import OperatorRole, Right
from server.operators.secrets import digest, new_token
from server.operators.service import SignedIn, operator_actor
from server.settings import Settings

Method = Literal["link", "invitation", "password", "passkey", "issuer"]
PASSKEYS_FOR = ("nobody", "administrators", "everybody")
"""Of whom an organisation may ask a passkey."""
SEEN_EVERY = timedelta(minutes=1)
BROWSER_LIMIT = 80
ADDRESS_LIMIT = 64


@dataclass(frozen=True)
class Arrival:
    """From where somebody signs in. `previous`: the session cookie that the browser had until now; it ends."""

    address: str = ""
    browser: str = ""
    previous: str = ""


@dataclass(frozen=True)
class Way:
    """How somebody proved who they are."""

    method: Method
    passkey_id: UUID | None = None


async def holds_passkey(session: AsyncSession, operator_id: UUID) -> bool:
    """Whether the person has a passkey that lets them in."""
    held = (Passkey.operator_id == operator_id, col(Passkey.removed_at).is_(None), col(Passkey.suspected_at).is_(None))
    return (await session.exec(select(Passkey.id).where(*held).limit(1))).first() is not None


def is_passkey_asked(organisation: Organisation, operator: Operator) -> bool:
    """Whether the organisation asks this person for a passkey. A rule this version does not know asks everybody."""
    if organisation.passkeys_for == "administrators":
        return OperatorRole.ADMIN.value in operator.roles
    return organisation.passkeys_for != "nobody"


class SessionService:
    """Functions that take a session leave the commit to their caller."""

    def __init__(self, database: Database, clock: Clock, settings: Settings) -> None:
        self.database = database
        self.clock = clock
        self.settings = settings

    async def open(self, session: AsyncSession, operator: Operator, way: Way, arrival: Arrival) -> SignedIn:
        """A new session under a new cookie; the one the browser had ends. Addresses of sessions that ran out are forgotten."""
        now = self.clock.now()
        cookie = new_token("hss")
        previous = col(WebSession.cookie_sha256) == digest(arrival.previous)
        await session.exec(
            update(WebSession).where(previous, col(WebSession.ended_at).is_(None)).values(ended_at=now, address="")
        )
        late = (col(WebSession.operator_id) == operator.id, ~self._lasts(), col(WebSession.address) != "")
        free = select(WebSession.id).where(*late).with_for_update(skip_locked=True)  # two sign-ins at once wait for no ring
        await session.exec(update(WebSession).where(col(WebSession.id).in_(free)).values(address=""))
        row = WebSession(
            cookie_sha256=digest(cookie),
            operator_id=operator.id,
            created_at=now,
            expires_at=now + timedelta(seconds=self.settings.session_seconds),
            seen_at=now,
            method=way.method,
            passkey_id=way.passkey_id,
            browser=arrival.browser[:BROWSER_LIMIT],
            address=arrival.address[:ADDRESS_LIMIT],
        )
        session.add(row)
        organisation = await session.get_one(Organisation, operator.organisation_id)
        return SignedIn(cookie, _actor(row, operator, organisation), row.expires_at)

    async def renew(self, session: AsyncSession, actor: OperatorActor) -> str | None:
        """Another cookie for the session the actor came by, because it is worth more from now on; None without one.

        Whoever had a copy of the former one is nobody with the next request. The caller commits.
        """
        if actor.session_id is None:
            return None
        cookie = new_token("hss")
        here = (col(WebSession.id) == actor.session_id, col(WebSession.ended_at).is_(None))
        renewed = await session.exec(update(WebSession).where(*here).values(cookie_sha256=digest(cookie)))
        return cookie if renewed.rowcount else None

    async def authenticate(self, cookie: str, address: str = "") -> OperatorActor:
        """The person behind a session cookie; that they were seen is kept to the minute. Raises: Unauthenticated.

        Whoever has the passkey that is asked for comes in by it: a session that a password or the issuer opened before may not
        even add or remove one. A link may: it is the way back of who lost theirs.
        """
        wanted = select(WebSession, Operator, Organisation).where(
            WebSession.cookie_sha256 == digest(cookie),
            self._lasts(),
            Operator.id == WebSession.operator_id,
            Organisation.id == Operator.organisation_id,
        )
        now = self.clock.now()
        async with self.database.session() as session:
            found = (await session.exec(wanted)).first()
            if found is None or found[0].ended_at is not None or found[1].disabled_at is not None:
                raise Unauthenticated(reason="no_session")
            row, operator, organisation = found
            if now - row.seen_at >= SEEN_EVERY:
                seen = update(WebSession).where(col(WebSession.id) == row.id, col(WebSession.ended_at).is_(None))
                await session.exec(seen.values(seen_at=now, address=address[:ADDRESS_LIMIT] or row.address))
                await session.commit()
            actor = _actor(row, operator, organisation)
            if actor.passkey_due and row.method != "link" and await holds_passkey(session, operator.id):
                return replace(actor, rights=frozenset())
            return actor

    async def find(self, cookie: str) -> OperatorActor | None:
        """authenticate(), or None for nobody."""
        try:
            return await self.authenticate(cookie)
        except Unauthenticated:
            return None

    async def open_of(self, actor: OperatorActor) -> list[WebSession]:
        """The actor's own sessions that can still be used, the latest seen first. Nobody else is shown them."""
        wanted = select(WebSession).where(
            WebSession.operator_id == actor.operator_id,
            col(WebSession.ended_at).is_(None),
            self._lasts(),
        )
        async with self.database.session() as session:
            return [*(await session.exec(wanted.order_by(col(WebSession.seen_at).desc(), col(WebSession.id)))).all()]

    async def end(self, session: AsyncSession, operator_id: UUID, *which: ColumnElement[bool]) -> list[UUID]:
        """Ends the person's open sessions that fit every condition; their ids. The next request by one of them is nobody's."""
        open_ones = (col(WebSession.operator_id) == operator_id, col(WebSession.ended_at).is_(None))
        ended = update(WebSession).where(*open_ones, *which).values(ended_at=self.clock.now(), address="")
        return sorted((await session.exec(ended.returning(col(WebSession.id)))).scalars().all())

    def _lasts(self) -> ColumnElement[bool]:
        """The condition that a session did not run out: neither by its age nor by nobody having asked anything for a while.

        That it was seen is kept to the minute: it ends up to a minute later than that, never before.
        """
        now = self.clock.now()
        idle_since = now - timedelta(seconds=self.settings.session_idle_seconds) - SEEN_EVERY
        return and_(col(WebSession.expires_at) > now, col(WebSession.seen_at) > idle_since)

    async def session_of(self, session: AsyncSession, cookie: str) -> WebSession | None:
        """The open session of a cookie, locked."""
        row = await session.get(WebSession, digest(cookie), with_for_update=True)
        return None if row is None or row.ended_at is not None else row


def _actor(row: WebSession, operator: Operator, organisation: Organisation) -> OperatorActor:
    actor = replace(operator_actor(operator), session_id=row.id)
    if row.method == "passkey" or not is_passkey_asked(organisation, operator):
        return actor
    return replace(actor, rights=actor.rights & {Right.ACCOUNT}, passkey_due=True)
