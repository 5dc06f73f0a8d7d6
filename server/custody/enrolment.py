"""Letting a browser in and shutting it out: the device row and its custody event, in one transaction."""

from dataclasses import dataclass
from uuid import UUID

from server.operators.actors import OperatorActor


@dataclass(frozen=True)
class PairedDevice:
    """A paired browser: `token` is shown once and stored as a hash."""

    device_id: UUID
    key_id: str
    token: str


class EnrolmentService:
    """Pairs and revokes devices. Lives above custody because both acts are events of the chain `device:<key id>`."""

    async def pair_device(self, code: str, public_key_der: bytes, label: str) -> PairedDevice:
        """A device for a pairing code and a P-384 public key (SPKI DER); `key.enrolled` is recorded with it.

        A key its own operator paired before gets a new token and no second event.
        Raises: PairingRefused (one answer for wrong, used, expired, worn out); DeviceKeyRefused; BadInput.
        """
        raise NotImplementedError

    async def revoke_device(self, actor: OperatorActor, device_id: UUID) -> None:
        """The device's token ends at once and `key.revoked` is recorded. Idempotent.

        What was logged for it before stays valid: log order decides. Raises: NotFound.
        """
        raise NotImplementedError
