"""People of an organisation: inviting, roles, leaving. Each act and its custody event are one transaction; events name no one."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from server.custody.enrolment import EnrolmentService
from server.custody.person_events import PersonEvent, record_person
from server.custody.service import CustodyService
from server.db import Database
from server.errors import BadInput, NotFound, SignInRefused
from server.operators.actors import Actor, OperatorActor, operator_urn
from server.operators.issuer import normal_email
from server.operators.models import (
    ApiToken,
    Device,
    Identity,
    Invitation,
    Operator,
    Organisation,
    PairingCode,
    Passkey,
    SignInLink,
)
from server.operators.rights import demand, own_rows
from server.operators.roles import OperatorRole, Right
from server.operators.secrets import digest, new_token
from server.operators.service import OperatorService, SignInOffer, operator_actor
from server.operators.sessions import PASSKEYS_FOR, SessionService
from server.operators.standing import demand_now, hold_roles

INVITATION_DAYS = 7
NAME_LIMIT = 200


@dataclass(frozen=True)
class InvitationOffer:
    """A fresh invitation: `token` is shown once and never stored."""

    invitation_id: UUID
    token: str
    expires_at: datetime


class PeopleService:
    """Scoped to the actor's organisation; all but admitting somebody need the right to administer."""

    def __init__(
        self, database: Database, operators: OperatorService, custody: CustodyService, enrolment: EnrolmentService
    ) -> None:
        self.database = database
        self.operators = operators
        self.custody = custody
        self.enrolment = enrolment
        self.sessions = SessionService(database, operators.clock, operators.settings)

    async def list(self, actor: OperatorActor) -> list[Operator]:
        """The organisation's people, those who left too, by name. Raises: Forbidden."""
        demand(actor, Right.ADMINISTER)
        wanted = select(Operator).where(own_rows(actor, Operator.organisation_id)).order_by(col(Operator.name), col(Operator.id))
        async with self.database.session() as session:
            return [*(await session.exec(wanted)).all()]

    async def open_invitations(self, actor: OperatorActor) -> Sequence[Invitation]:
        """Invitations that can still be used, newest first. Raises: Forbidden."""
        demand(actor, Right.ADMINISTER)
        wanted = select(Invitation).where(
            own_rows(actor, Invitation.organisation_id),
            col(Invitation.used_at).is_(None),
            col(Invitation.withdrawn_at).is_(None),
            col(Invitation.expires_at) > self.operators.clock.now(),
        )
        async with self.database.session() as session:
            return (await session.exec(wanted.order_by(col(Invitation.created_at).desc(), col(Invitation.id)))).all()

    async def invite(self, actor: OperatorActor, roles: Iterable[str], email: str = "") -> InvitationOffer:
        """A link for one new person with these roles; with `email` the configured issuer may vouch for them instead.

        Raises: Forbidden; BadInput (roles, email).
        """
        demand(actor, Right.ADMINISTER)
        wanted, token, now = _roles(roles), new_token("hsi"), self.operators.clock.now()
        row = Invitation(
            token_sha256=digest(token),
            organisation_id=actor.organisation_id,
            invited_by=actor.operator_id,
            roles=wanted,
            email=_email(email),
            created_at=now,
            expires_at=now + timedelta(days=INVITATION_DAYS),
        )
        async with self.database.transaction() as session:
            await demand_now(session, actor, Right.ADMINISTER)
            session.add(row)
        return InvitationOffer(row.id, token, row.expires_at)

    async def withdraw(self, actor: OperatorActor, invitation_id: UUID) -> None:
        """The invitation no longer works. Idempotent. Raises: Forbidden; NotFound."""
        demand(actor, Right.ADMINISTER)
        async with self.database.transaction() as session:
            wanted = select(Invitation).where(Invitation.id == invitation_id, own_rows(actor, Invitation.organisation_id))
            row = (await session.exec(wanted.with_for_update())).first()
            if row is None:
                raise NotFound(kind="invitation", id=str(invitation_id))
            row.withdrawn_at = row.withdrawn_at or self.operators.clock.now()

    async def admit(self, session: AsyncSession, token: str, name: str) -> Operator:
        """A new person by an invitation's link; `operator.joined` is recorded and the invitation used up. The caller commits.

        Raises: SignInRefused (one answer for unknown, used, withdrawn and expired); BadInput (name).
        """
        return await self._admitted(session, select(Invitation).where(Invitation.token_sha256 == digest(token)), name)

    async def admit_invited(self, session: AsyncSession, invitation_id: UUID, name: str) -> Operator:
        """admit() for who was found by other means to be the one invited."""
        return await self._admitted(session, select(Invitation).where(Invitation.id == invitation_id), name)

    async def _admitted(self, session: AsyncSession, found: SelectOfScalar[Invitation], name: str) -> Operator:
        wanted, now = name.strip(), self.operators.clock.now()
        if not wanted or len(wanted) > NAME_LIMIT or not wanted.isprintable():
            raise BadInput(field="name", reason=f"1 to {NAME_LIMIT} printable characters")
        row = (await session.exec(found.with_for_update())).first()
        if row is None or row.used_at is not None or row.withdrawn_at is not None or row.expires_at <= now:
            raise SignInRefused()
        row.used_at = now
        operator = Operator(
            organisation_id=row.organisation_id, name=wanted, created_at=now, roles=list(row.roles), email=row.email
        )
        session.add(operator)
        await session.flush()
        details: dict[str, object] = {"roles": list(row.roles), "invitedBy": operator_urn(row.invited_by)}
        await self._record(session, operator_actor(operator), operator, PersonEvent("operator.joined", "join", details))
        return operator

    async def change_email(self, actor: OperatorActor, operator_id: UUID, email: str) -> None:
        """The address by which the configured issuer may vouch for the person; empty: none. `operator.email_changed` is recorded.

        Raises: Forbidden; NotFound; BadInput (email).
        """
        demand(actor, Right.ADMINISTER)
        wanted = _email(email)
        async with self.database.transaction() as session:
            operator = await self._locked(session, actor, operator_id)
            if operator.email == wanted:
                return
            operator.email = wanted
            event = PersonEvent("operator.email_changed", "change an address", {"set": wanted is not None})
            await self._record(session, actor, operator, event)

    async def passkeys_for(self, actor: OperatorActor) -> str:
        """Of whom the organisation asks a passkey: one of PASSKEYS_FOR."""
        async with self.database.session() as session:
            return (await session.get_one(Organisation, actor.organisation_id)).passkeys_for

    async def ask_passkeys_of(self, actor: OperatorActor, whom: str) -> None:
        """Of whom a passkey is asked from now on, with the next request; `operator.passkeys_asked` is recorded.

        Only somebody who has one may ask others, so that somebody is left who gets in. Raises: Forbidden; BadInput.
        """
        demand(actor, Right.ADMINISTER)
        if whom not in PASSKEYS_FOR:
            raise BadInput(field="whom", reason="one of " + ", ".join(PASSKEYS_FOR))
        async with self.database.transaction() as session:
            # Before demand_now(), which shares this row: two who both shared it would wait for each other. Not FOR UPDATE: rows
            # that are written meanwhile only name the organisation.
            held = select(Organisation).where(Organisation.id == actor.organisation_id).with_for_update(key_share=True)
            organisation = (await session.exec(held)).one()
            await demand_now(session, actor, Right.ADMINISTER)
            usable = (col(Passkey.removed_at).is_(None), col(Passkey.suspected_at).is_(None))
            own = select(Passkey.id).where(Passkey.operator_id == actor.operator_id, *usable)
            if whom != "nobody" and (await session.exec(own.limit(1))).first() is None:
                raise BadInput(field="whom", reason="add a passkey to your own account first")
            before, organisation.passkeys_for = organisation.passkeys_for, whom
            if before != whom:
                event = PersonEvent("operator.passkeys_asked", "ask for passkeys", {"from": before, "to": whom})
                await record_person(self.custody, session, actor, actor.operator_id, event)

    async def change_roles(self, actor: OperatorActor, operator_id: UUID, roles: Iterable[str]) -> None:
        """The person's roles from now on; `operator.roles_changed` is recorded. Who is to administer signs in anew.

        Raises: Forbidden; NotFound; BadInput (roles, or nobody would be left who administers).
        """
        demand(actor, Right.ADMINISTER)
        wanted = _roles(roles)
        async with self.database.transaction() as session:
            operator = await self._locked(session, actor, operator_id)
            before = list(operator.roles)
            if before == wanted:
                return
            operator.roles = wanted
            await session.flush()
            await self._require_an_admin(session, actor)
            if OperatorRole.ADMIN.value in before and OperatorRole.ADMIN.value not in wanted:
                await self._withdraw_those_of(session, operator)
            details: dict[str, object] = {"from": before, "to": wanted}
            if OperatorRole.ADMIN.value in wanted and OperatorRole.ADMIN.value not in before:
                # A copied cookie of yesterday must not administer today.
                details["sessions"] = [str(one) for one in await self.sessions.end(session, operator.id)]
            await self._record(session, actor, operator, PersonEvent("operator.roles_changed", "change roles", details))

    async def disable(self, actor: OperatorActor, operator_id: UUID) -> None:
        """The person leaves: sessions and every way in, codes, tokens and browsers end; `operator.left` is recorded. Idempotent.

        What was sealed before stays valid: log order decides. Raises: Forbidden; NotFound; BadInput (the last who administers).
        """
        demand(actor, Right.ADMINISTER)
        now = self.operators.clock.now()
        async with self.database.transaction() as session:
            operator = await self._locked(session, actor, operator_id)
            if operator.disabled_at is not None:
                return
            operator.disabled_at = now
            await self.sessions.end(session, operator.id)
            await session.flush()
            await self._require_an_admin(session, actor)
            if OperatorRole.ADMIN.value in operator.roles:
                await self._withdraw_those_of(session, operator)
            for table, ended in (
                (SignInLink, "used_at"),
                (PairingCode, "used_at"),
                (ApiToken, "revoked_at"),
                (Passkey, "removed_at"),
                (Identity, "removed_at"),
            ):
                column = getattr(table, ended)
                await session.exec(
                    update(table).where(col(table.operator_id) == operator.id, column.is_(None)).values({ended: now})
                )
            await self._record(session, actor, operator, PersonEvent("operator.left", "end a person's access"))
            devices = select(Device.id).where(Device.operator_id == operator.id, col(Device.revoked_at).is_(None))
            for device_id in (await session.exec(devices)).all():
                await self.enrolment.revoke_in(session, actor, device_id)

    async def sign_in_link(self, actor: OperatorActor, operator_id: UUID) -> SignInOffer:
        """A one-time link for somebody of the organisation who cannot get in; `operator.sign_in_link_made` says who made it.

        Raises: Forbidden; NotFound (who left too).
        """
        demand(actor, Right.ADMINISTER)
        async with self.database.transaction() as session:
            operator = await self._locked(session, actor, operator_id)
            offer = await self.operators.add_sign_in_link(session, operator_id)
            await self._record(session, actor, operator, PersonEvent("operator.sign_in_link_made", "let somebody in again"))
        return offer

    async def _locked(self, session: AsyncSession, actor: OperatorActor, operator_id: UUID) -> Operator:
        """The person, locked for change by somebody who administers the organisation at this very moment."""
        # One at a time: two administrators who take each other's role away at once would each find the other one left.
        await hold_roles(session, actor.organisation_id)
        await demand_now(session, actor, Right.ADMINISTER)
        wanted = select(Operator).where(Operator.id == operator_id, own_rows(actor, Operator.organisation_id))
        operator = (await session.exec(wanted.with_for_update(key_share=True))).first()
        if operator is None:
            raise NotFound(kind="operator", id=str(operator_id))
        return operator

    async def _withdraw_those_of(self, session: AsyncSession, operator: Operator) -> None:
        """Open invitations of somebody who administers no longer, and the organisation's open sign-in links, which whoever made
        them could have kept: a link kept back must not be a way in again."""
        given = update(Invitation).where(col(Invitation.invited_by) == operator.id, col(Invitation.used_at).is_(None))
        now = self.operators.clock.now()
        await session.exec(given.where(col(Invitation.withdrawn_at).is_(None)).values(withdrawn_at=now))
        here = select(Operator.id).where(Operator.organisation_id == operator.organisation_id)
        links = update(SignInLink).where(col(SignInLink.operator_id).in_(here), col(SignInLink.used_at).is_(None))
        await session.exec(links.values(used_at=now))

    async def _require_an_admin(self, session: AsyncSession, actor: Actor) -> None:
        left = select(Operator.id).where(
            own_rows(actor, Operator.organisation_id),
            col(Operator.disabled_at).is_(None),
            col(Operator.roles).contains([OperatorRole.ADMIN.value]),  # ARRAY's contains: @>
        )
        if (await session.exec(left.limit(1))).first() is None:
            raise BadInput(field="roles", reason="somebody must be left who administers the organisation")

    async def _record(self, session: AsyncSession, actor: Actor, operator: Operator, event: PersonEvent) -> None:
        await record_person(self.custody, session, actor, operator.id, event)


def _roles(roles: Iterable[str]) -> list[str]:
    known = {role.value for role in OperatorRole}
    wanted = sorted(set(roles))
    if not wanted or not set(wanted) <= known:
        raise BadInput(field="roles", reason="one or more of " + ", ".join(sorted(known)))
    return wanted


def _email(text: str) -> str | None:
    found = normal_email(text)
    if found is None and text.strip():
        raise BadInput(field="email", reason="an address such as name@example.org")
    return found
