"""People of an organisation: inviting, roles, leaving. Each act and its custody event are one transaction; events name no one."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from server.custody.enrolment import EnrolmentService
from server.custody.service import CustodyService, EventDraft
from server.db import Database
from server.errors import BadInput, NotFound, SignInRefused
from server.operators.actors import Actor, OperatorActor, operator_urn
from server.operators.models import ApiToken, Device, Invitation, Operator, PairingCode, SignInLink, WebSession
from server.operators.rights import demand, own_rows
from server.operators.roles import OperatorRole, Right
from server.operators.secrets import digest, new_token
from server.operators.service import OperatorService, SignedIn, SignInOffer, operator_actor

INVITATION_DAYS = 7
NAME_LIMIT = 200


@dataclass(frozen=True)
class InvitationOffer:
    """A fresh invitation: `token` is shown once and never stored."""

    invitation_id: UUID
    token: str
    expires_at: datetime


class PeopleService:
    """Scoped to the actor's organisation; all but join() need the right to administer."""

    def __init__(
        self, database: Database, operators: OperatorService, custody: CustodyService, enrolment: EnrolmentService
    ) -> None:
        self.database = database
        self.operators = operators
        self.custody = custody
        self.enrolment = enrolment

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
            return (await session.exec(wanted.order_by(col(Invitation.created_at).desc()))).all()

    async def invite(self, actor: OperatorActor, roles: Iterable[str]) -> InvitationOffer:
        """A link for one new person with these roles. Raises: Forbidden; BadInput (roles)."""
        demand(actor, Right.ADMINISTER)
        wanted, token, now = _roles(roles), new_token("hsi"), self.operators.clock.now()
        row = Invitation(
            token_sha256=digest(token),
            organisation_id=actor.organisation_id,
            invited_by=actor.operator_id,
            roles=wanted,
            created_at=now,
            expires_at=now + timedelta(days=INVITATION_DAYS),
        )
        async with self.database.transaction() as session:
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

    async def join(self, token: str, name: str) -> SignedIn:
        """A new person by an invitation, signed in; `operator.joined` is recorded. The invitation is used up.

        Raises: SignInRefused (one answer for unknown, used, withdrawn and expired); BadInput (name).
        """
        wanted = name.strip()
        if not wanted or len(wanted) > NAME_LIMIT or not wanted.isprintable():
            raise BadInput(field="name", reason=f"1 to {NAME_LIMIT} printable characters")
        now = self.operators.clock.now()
        async with self.database.transaction() as session:
            found = select(Invitation).where(Invitation.token_sha256 == digest(token)).with_for_update()
            row = (await session.exec(found)).first()
            if row is None or row.used_at is not None or row.withdrawn_at is not None or row.expires_at <= now:
                raise SignInRefused()
            row.used_at = now
            operator = Operator(organisation_id=row.organisation_id, name=wanted, created_at=now, roles=list(row.roles))
            session.add(operator)
            await session.flush()
            details: dict[str, object] = {"roles": list(row.roles), "invitedBy": operator_urn(row.invited_by)}
            await self._record(session, operator_actor(operator), operator, ("operator.joined", "join", details))
            return self.operators.open_session(session, operator)

    async def change_roles(self, actor: OperatorActor, operator_id: UUID, roles: Iterable[str]) -> None:
        """The person's roles from now on; `operator.roles_changed` is recorded.

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
            details: dict[str, object] = {"from": before, "to": wanted}
            await self._record(session, actor, operator, ("operator.roles_changed", "change roles", details))

    async def disable(self, actor: OperatorActor, operator_id: UUID) -> None:
        """The person leaves: sessions, links, codes, tokens and browsers end; `operator.left` is recorded. Idempotent.

        What was sealed before stays valid: log order decides. Raises: Forbidden; NotFound; BadInput (the last who administers).
        """
        demand(actor, Right.ADMINISTER)
        now = self.operators.clock.now()
        async with self.database.transaction() as session:
            operator = await self._locked(session, actor, operator_id)
            if operator.disabled_at is not None:
                return
            operator.disabled_at = now
            await session.flush()
            await self._require_an_admin(session, actor)
            for table, ended in (
                (WebSession, "ended_at"),
                (SignInLink, "used_at"),
                (PairingCode, "used_at"),
                (ApiToken, "revoked_at"),
            ):
                column = getattr(table, ended)
                await session.exec(
                    update(table).where(col(table.operator_id) == operator.id, column.is_(None)).values({ended: now})
                )
            await self._record(session, actor, operator, ("operator.left", "end a person's access", {}))
            devices = select(Device.id).where(Device.operator_id == operator.id, col(Device.revoked_at).is_(None))
            for device_id in (await session.exec(devices)).all():
                await self.enrolment.revoke_in(session, actor, device_id)

    async def sign_in_link(self, actor: OperatorActor, operator_id: UUID) -> SignInOffer:
        """A one-time link for somebody of the organisation who cannot get in. Raises: Forbidden; NotFound."""
        demand(actor, Right.ADMINISTER)
        async with self.database.transaction() as session:
            await self._locked(session, actor, operator_id)
        return await self.operators.create_sign_in_link(operator_id)

    async def _locked(self, session: AsyncSession, actor: Actor, operator_id: UUID) -> Operator:
        wanted = select(Operator).where(Operator.id == operator_id, own_rows(actor, Operator.organisation_id))
        operator = (await session.exec(wanted.with_for_update())).first()
        if operator is None:
            raise NotFound(kind="operator", id=str(operator_id))
        return operator

    async def _require_an_admin(self, session: AsyncSession, actor: Actor) -> None:
        left = select(Operator.id).where(
            own_rows(actor, Operator.organisation_id),
            col(Operator.disabled_at).is_(None),
            col(Operator.roles).contains([OperatorRole.ADMIN.value]),  # ARRAY's contains: @>
        )
        if (await session.exec(left.limit(1))).first() is None:
            raise BadInput(field="roles", reason="somebody must be left who administers the organisation")

    async def _record(
        self, session: AsyncSession, actor: Actor, operator: Operator, what: tuple[str, str, dict[str, object]]
    ) -> None:
        urn = operator_urn(operator.id)
        subject = hashlib.sha256(urn.encode()).hexdigest()
        kind, purpose, details = what
        draft = EventDraft(kind, f"operator:{operator.id}", "operator.urn", subject, purpose, {"operator": urn, **details})
        await self.custody.record(session, actor, draft)


def _roles(roles: Iterable[str]) -> list[str]:
    known = {role.value for role in OperatorRole}
    wanted = sorted(set(roles))
    if not wanted or not set(wanted) <= known:
        raise BadInput(field="roles", reason="one or more of " + ", ".join(sorted(known)))
    return wanted
