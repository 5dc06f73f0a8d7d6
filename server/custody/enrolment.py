"""Letting a browser in and shutting it out: the device row and its custody event, in one transaction."""

import base64
from dataclasses import dataclass
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from server.custody.service import CustodyService, EventDraft
from server.db import Database
from server.errors import DeviceKeyRefused, NotFound, PairingRefused
from server.operators.actors import OperatorActor, operator_urn
from server.operators.models import Device
from server.operators.roles import Right
from server.operators.service import NewDevice, OperatorService, PairingOffer, device_actor
from server.operators.standing import demand_now
from server.trust.errors import VerificationError
from server.trust.events import device_item
from server.trust.keys import DevicePublicKey


@dataclass(frozen=True)
class PairedDevice:
    """A paired browser: `token` is shown once and stored as a hash."""

    device_id: UUID
    key_id: str
    token: str


class EnrolmentService:
    """Pairs and revokes devices. Lives above custody because both acts are events of the chain `device:<key id>`."""

    def __init__(self, database: Database, operators: OperatorService, custody: CustodyService) -> None:
        self.database = database
        self.operators = operators
        self.custody = custody

    async def pairing_code(self, actor: OperatorActor) -> PairingOffer:
        """A code that lets one browser of the actor in. Raises: Forbidden; Unauthenticated."""
        async with self.database.transaction() as session:
            await demand_now(session, actor, Right.CAPTURE)
            return await self.operators.add_pairing_code(session, actor.operator_id)

    async def pair_device(self, code: str, public_key_der: bytes, label: str) -> PairedDevice:
        """A device for a pairing code and a P-384 public key (SPKI DER); `key.enrolled` is recorded with it.

        A key its own operator paired before gets a new token and no second event. A key or label that is refused costs no code.
        Not checked: that the browser holds the private key; its first signed statement shows that.
        Raises: PairingRefused (one answer for wrong, used, expired, worn out); DeviceKeyRefused; BadInput.
        """
        try:
            key = DevicePublicKey.from_spki(public_key_der)
        except VerificationError as error:
            raise DeviceKeyRefused(reason="not_p384") from error
        async with self.database.transaction() as session:
            operator = await self.operators.redeem_pairing_code(session, code)
            if operator is not None:
                new = NewDevice(key.key_id, public_key_der, label)
                device, token, is_new = await self.operators.add_device(session, operator, new)
                if is_new:
                    draft = _draft("key.enrolled", device, "pair a browser", operator.id)
                    await self.custody.record(session, device_actor(device, operator), draft)
        if operator is None:  # raised only now: the try had to be committed
            raise PairingRefused()
        return PairedDevice(device.id, device.key_id, token)

    async def revoke_device(self, actor: OperatorActor, device_id: UUID) -> None:
        """The device's token ends at once and `key.revoked` is recorded. Idempotent.

        What was logged for it before stays valid: log order decides. Raises: NotFound (another's too, unless one administers).
        """
        async with self.database.transaction() as session:
            await self.revoke_in(session, actor, device_id)

    async def revoke_in(self, session: AsyncSession, actor: OperatorActor, device_id: UUID) -> None:
        """revoke_device() in the caller's transaction."""
        device = await self.operators.lock_device(session, actor.organisation_id, device_id)
        if device.operator_id != actor.operator_id and Right.ADMINISTER not in actor.rights:
            raise NotFound(kind="device", id=str(device_id))
        if device.revoked_at is not None:
            return
        device.revoked_at = self.operators.clock.now()
        await self.custody.record(session, actor, _draft("key.revoked", device, "revoke a browser", actor.operator_id))


def _draft(kind: str, device: Device, purpose: str, operator_id: UUID) -> EventDraft:
    details = {
        "deviceId": str(device.id),
        "keyId": device.key_id,
        "publicKey": base64.b64encode(device.public_key_der).decode("ascii"),
        "operator": operator_urn(operator_id),
    }
    return EventDraft(kind, device_item(device.key_id), "device.spki.der", device.key_id, purpose, details)
