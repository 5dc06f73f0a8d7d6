"""Operators: who may act. Nothing here writes custody events: what does so stands in server/custody, above."""

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from server.clock import Clock
from server.db import Database, lock_for_transaction
from server.errors import BadInput, CaptureNotAllowed, DeviceKeyRefused, DeviceRevoked, NotFound, Unauthenticated
from server.operators.actors import DeviceActor, OperatorActor, device_urn, operator_urn
from server.operators.models import Device, Operator, Organisation, PairingCode, SignInLink
from server.operators.rights import demand, own_rows
from server.operators.roles import FIRST_ROLES, OperatorRole, Right, rights_of
from server.operators.secrets import digest, new_code, new_token, parse_code
from server.settings import Settings

LABEL_LIMIT = 200
DEVICE_RIGHTS = frozenset({Right.CAPTURE, Right.READ})
"""What a paired browser may do at most: send captures, look at its own, and ask where a picture was seen."""


@dataclass(frozen=True)
class PairingOffer:
    """A fresh pairing code: `code` is shown once and never stored."""

    code: str
    expires_at: datetime


@dataclass(frozen=True)
class SignInOffer:
    """A one-time sign-in token: shown once and never stored."""

    token: str
    expires_at: datetime


@dataclass(frozen=True)
class SignedIn:
    """A new session: `cookie` is the secret to set in the browser."""

    cookie: str
    actor: OperatorActor
    expires_at: datetime


@dataclass(frozen=True)
class NewDevice:
    """A public key that asks in: `key_id` is SHA-256 (hex) of `public_key_der`, already checked to be P-384."""

    key_id: str
    public_key_der: bytes
    label: str


class OperatorService:
    """Organisations, people and devices. Functions that take a session leave the commit to their caller."""

    def __init__(self, database: Database, clock: Clock, settings: Settings) -> None:
        self.database = database
        self.clock = clock
        self.settings = settings

    async def ensure_default_operator(self) -> OperatorActor:
        """The first operator of the first organisation who did not leave, made if there is none. Several processes may start."""
        async with self.database.transaction() as session:
            await lock_for_transaction(session, "operators.default")
            first = (await session.exec(select(Operator).order_by(col(Operator.created_at), col(Operator.id)).limit(1))).first()
            if first is not None and first.disabled_at is not None:
                first = await self._first_of(session, first.organisation_id) or first
            if first is not None:
                return operator_actor(first)
            now = self.clock.now()
            organisation = Organisation(name=self.settings.organisation, created_at=now)
            session.add(organisation)
            await session.flush()
            operator = Operator(organisation_id=organisation.id, name="Operator", created_at=now, roles=[*FIRST_ROLES])
            session.add(operator)
            return operator_actor(operator)

    async def administrator(self) -> OperatorActor:
        """Whom the link of the command line lets in: the first who administers that organisation and did not leave."""
        default = await self.ensure_default_operator()
        async with self.database.session() as session:
            administers = col(Operator.roles).contains([OperatorRole.ADMIN.value])  # ARRAY's contains: @>
            found = await self._first_of(session, default.organisation_id, administers)
        return default if found is None else operator_actor(found)

    async def _first_of(self, session: AsyncSession, organisation_id: UUID, *which: ColumnElement[bool]) -> Operator | None:
        here = (col(Operator.organisation_id) == organisation_id, col(Operator.disabled_at).is_(None), *which)
        wanted = select(Operator).where(*here).order_by(col(Operator.created_at), col(Operator.id))
        return (await session.exec(wanted.limit(1))).first()

    # Pairing

    async def create_pairing_code(self, operator_id: UUID) -> PairingOffer:
        """add_pairing_code() in a transaction of its own: for who runs the server. Raises: NotFound; Forbidden."""
        async with self.database.transaction() as session:
            return await self.add_pairing_code(session, operator_id)

    async def add_pairing_code(self, session: AsyncSession, operator_id: UUID) -> PairingOffer:
        """A code that lets one browser in, once, for a few minutes and tries. The caller commits. Raises: NotFound; Forbidden."""
        operator = await self._operator(session, operator_id)
        await session.refresh(operator, with_for_update={"read": True})
        demand(operator_actor(operator), Right.CAPTURE)
        now, code = self.clock.now(), new_code()
        expires_at = now + timedelta(seconds=self.settings.pairing_code_seconds)
        old = await session.get(PairingCode, code.handle, with_for_update=True)
        if old is not None:  # one handle in a million was drawn before: the older code ends here
            await session.delete(old)
            await session.flush()
        row = PairingCode(
            handle=code.handle,
            operator_id=operator_id,
            secret_sha256=digest(code.secret),
            tries_left=self.settings.pairing_code_tries,
            created_at=now,
            expires_at=expires_at,
        )
        session.add(row)
        return PairingOffer(str(code), expires_at)

    async def redeem_pairing_code(self, session: AsyncSession, text: str) -> Operator | None:
        """The operator who made the code, and the code is used up; or None, and a try is gone. The caller commits in BOTH cases.

        None has one meaning for wrong, used, expired, worn out, and of a person who may capture no more. The row is locked, so
        parallel guesses count one by one.
        """
        typed = parse_code(text)
        if typed is None:
            return None
        operator = await self._held(session, select(PairingCode.operator_id).where(PairingCode.handle == typed.handle))
        row = await session.get(PairingCode, typed.handle, with_for_update=True)
        if operator is None or row is None or row.operator_id != operator.id:
            return None
        if row.used_at is not None or row.tries_left == 0 or row.expires_at <= self.clock.now():
            return None
        row.tries_left -= 1
        if not hmac.compare_digest(row.secret_sha256, digest(typed.secret)):
            return None
        row.used_at = self.clock.now()
        return operator if Right.CAPTURE in operator_actor(operator).rights else None

    # Devices

    async def add_device(self, session: AsyncSession, operator: Operator, new: NewDevice) -> tuple[Device, str, bool]:
        """The device row, its new bearer token, whether the key is new. A key its operator paired before gets a new token.
        Raises: DeviceKeyRefused (revoked before, or enrolled by somebody else); BadInput (label).
        """
        label = new.label.strip()
        if not label or len(label) > LABEL_LIMIT or not label.isprintable():
            raise BadInput(field="label", reason=f"1 to {LABEL_LIMIT} printable characters")
        token = new_token("hsd")
        await lock_for_transaction(session, f"device:{new.key_id}")
        known = (await session.exec(select(Device).where(Device.key_id == new.key_id).with_for_update())).first()
        if known is not None:
            if known.operator_id != operator.id or known.revoked_at is not None:
                raise DeviceKeyRefused(reason="not_new")  # the same words: whose key it is elsewhere is nobody's business
            known.token_sha256, known.label = digest(token), label
            return known, token, False
        device = Device(
            organisation_id=operator.organisation_id,
            operator_id=operator.id,
            label=label,
            key_id=new.key_id,
            public_key_der=new.public_key_der,
            token_sha256=digest(token),
            created_at=self.clock.now(),
        )
        session.add(device)
        await session.flush()
        return device, token, True

    async def authenticate_device(self, token: str) -> DeviceActor:
        """The device behind a bearer token, with what of a device's rights its person has now.

        Raises: Unauthenticated; DeviceRevoked.
        """
        found = await self._device(col(Device.token_sha256) == digest(token))
        if found is None:
            raise Unauthenticated(reason="unknown_token")
        if found[0].revoked_at is not None:
            raise DeviceRevoked(device_id=str(found[0].id))
        return device_actor(*found)

    async def require_active_device(self, session: AsyncSession, device_id: UUID) -> DeviceActor:
        """The device, locked against revocation until the session's transaction ends, and its person against losing the right to
        capture. Call it before logging for the device.

        Why: validity is by log order. With these locks a capture accepted before a revocation also precedes it in the log.
        Raises: NotFound; DeviceRevoked; CaptureNotAllowed.
        """
        operator = await self._held(session, select(Device.operator_id).where(Device.id == device_id))
        if operator is None:
            raise NotFound(kind="device", id=str(device_id))
        statement = select(Device).where(Device.id == device_id).with_for_update(read=True)
        device = (await session.exec(statement.execution_options(populate_existing=True))).one()
        if device.revoked_at is not None:
            raise DeviceRevoked(device_id=str(device.id))
        actor = device_actor(device, operator)
        if Right.CAPTURE not in actor.rights:
            raise CaptureNotAllowed(needs=Right.CAPTURE.value)
        return actor

    async def lock_device(self, session: AsyncSession, organisation_id: UUID, device_id: UUID) -> Device:
        """The organisation's device row, locked for change. Raises: NotFound."""
        statement = select(Device).where(Device.id == device_id, Device.organisation_id == organisation_id).with_for_update()
        device = (await session.exec(statement.execution_options(populate_existing=True))).first()
        if device is None:
            raise NotFound(kind="device", id=str(device_id))
        return device

    async def device_by_key(self, key_id: str) -> tuple[Device, Operator] | None:
        """The device that holds a key, revoked or not, and whose it is."""
        return await self._device(col(Device.key_id) == key_id)

    async def _device(self, which: ColumnElement[bool]) -> tuple[Device, Operator] | None:
        async with self.database.session() as session:
            return (await session.exec(select(Device, Operator).where(which, Operator.id == Device.operator_id))).first()

    async def list_devices(self, actor: OperatorActor) -> list[Device]:
        """The organisation's devices for who administers them, else the actor's own; newest first."""
        statement = select(Device).where(own_rows(actor, Device.organisation_id))
        if Right.ADMINISTER not in actor.rights:
            statement = statement.where(Device.operator_id == actor.operator_id)
        async with self.database.session() as session:
            return list((await session.exec(statement.order_by(col(Device.created_at).desc(), col(Device.id)))).all())

    # People

    async def create_sign_in_link(self, operator_id: UUID) -> SignInOffer:
        """add_sign_in_link() in a transaction of its own: for who runs the server. Raises: NotFound."""
        async with self.database.transaction() as session:
            return await self.add_sign_in_link(session, operator_id)

    async def add_sign_in_link(self, session: AsyncSession, operator_id: UUID) -> SignInOffer:
        """A token that signs the operator in once. The caller commits. Raises: NotFound."""
        await self._operator(session, operator_id)
        token = new_token("hsl")
        expires_at = self.clock.now() + timedelta(seconds=self.settings.sign_in_link_seconds)
        session.add(SignInLink(token_sha256=digest(token), operator_id=operator_id, expires_at=expires_at))
        return SignInOffer(token, expires_at)

    async def login_of(self, actor: OperatorActor) -> str | None:
        """The actor's login; None without a password."""
        async with self.database.session() as session:
            return (await self._operator(session, actor.operator_id)).login

    async def count(self) -> tuple[int, int]:
        """(operators, active devices), for metrics."""
        async with self.database.session() as session:
            operators = (await session.exec(select(func.count()).select_from(Operator))).one()
            active = select(func.count()).select_from(Device).where(col(Device.revoked_at).is_(None))
            return operators, (await session.exec(active)).one()

    async def _held(self, session: AsyncSession, whose: SelectOfScalar[UUID]) -> Operator | None:
        """The person as they are now, until the transaction ends. Before what is theirs is locked: in the order of who leaves."""
        held = select(Operator).where(col(Operator.id).in_(whose)).with_for_update(read=True)
        return (await session.exec(held.execution_options(populate_existing=True))).first()

    async def _operator(self, session: AsyncSession, operator_id: UUID) -> Operator:
        operator = await session.get(Operator, operator_id)
        if operator is None or operator.disabled_at is not None:
            raise NotFound(kind="operator", id=str(operator_id))
        return operator


def device_actor(device: Device, operator: Operator) -> DeviceActor:
    """The device of this person as the one who acts: it may do nothing that the person may not."""
    return DeviceActor(
        organisation_id=device.organisation_id,
        urn=device_urn(device.id),
        role="device",
        rights=operator_actor(operator).rights & DEVICE_RIGHTS,
        device_id=device.id,
        operator_id=device.operator_id,
        key_id=device.key_id,
        public_key_der=device.public_key_der,
    )


def operator_actor(operator: Operator) -> OperatorActor:
    """The person as the one who acts; who left may do nothing, whatever their roles were."""
    return OperatorActor(
        organisation_id=operator.organisation_id,
        urn=operator_urn(operator.id),
        role="operator",
        rights=rights_of(operator.roles) if operator.disabled_at is None else frozenset(),
        operator_id=operator.id,
        name=operator.name,
    )
