"""Who acts, as values that services take. The mapping from a URN to a person stays in the identity tables."""

from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from server.operators.roles import Right

Role = Literal["device", "operator", "service", "recipient"]


@dataclass(frozen=True)
class Actor:
    """Somebody who was authenticated: pseudonymous outside (`urn`), bound to one organisation inside. `rights`: see roles.py."""

    organisation_id: UUID
    urn: str
    role: Role
    rights: frozenset[Right] = field(default=frozenset(), kw_only=True)


@dataclass(frozen=True)
class DeviceActor(Actor):
    """A paired browser. `key_id` is SHA-256 (hex) of its SPKI DER; `revoked` devices never become actors."""

    device_id: UUID
    operator_id: UUID
    key_id: str
    public_key_der: bytes


@dataclass(frozen=True)
class OperatorActor(Actor):
    """A signed-in person, or a program with one of the person's tokens (`token_id`), whose rights are then the token's.

    `session_id`: the web session the person came by. `passkey_due`: it was opened without the passkey that the organisation
    asks for, so the only right is the one to the own account, where one is added. Neither makes somebody another person.
    """

    operator_id: UUID
    name: str
    token_id: UUID | None = None
    session_id: UUID | None = field(default=None, compare=False)
    passkey_due: bool = field(default=False, compare=False)


def device_urn(device_id: UUID) -> str:
    """`urn:holdstill:device:<uuid>`, as custody events name a device."""
    return f"urn:holdstill:device:{device_id}"


def operator_urn(operator_id: UUID) -> str:
    """`urn:holdstill:operator:<uuid>`, as custody events name a person."""
    return f"urn:holdstill:operator:{operator_id}"


SERVICE_URN = "urn:holdstill:service"


def service_actor(organisation_id: UUID) -> Actor:
    """The service itself, for what jobs do in an organisation."""
    return Actor(organisation_id=organisation_id, urn=SERVICE_URN, role="service")
