"""Keys and trees of the vectors: from fixed seeds, so that the same code gives the same bytes."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from server.trust import keys, merkle


def _seeded(seed: bytes) -> Ed25519PrivateKey:
    """The key of a 32-byte seed (RFC 8032)."""
    return Ed25519PrivateKey.from_private_bytes(seed)


def der_to_raw(der: bytes) -> bytes:
    """The 96 bytes r‖s of a DER P-384 signature, as WebCrypto gives them."""
    r, s = decode_dss_signature(der)
    return r.to_bytes(48, "big") + s.to_bytes(48, "big")


ORIGIN = "vectors.example/log"
LOG = keys.LogSigner(ORIGIN, _seeded(b"\x01" * 32))
OTHER_LOG = keys.LogSigner(ORIGIN, _seeded(b"\x02" * 32))
FOREIGN_LOG = keys.LogSigner("elsewhere.example/log", _seeded(b"\x01" * 32))
SERVICE = keys.ServiceSigner(f"{ORIGIN}/service", _seeded(b"\x03" * 32))
OTHER_SERVICE = keys.ServiceSigner(f"{ORIGIN}/service", _seeded(b"\x07" * 32))
WITNESS = keys.WitnessSigner("witness.example/w1", _seeded(b"\x04" * 32))
OTHER_WITNESS = keys.WitnessSigner("witness.example/w1", _seeded(b"\x05" * 32))


class VectorDevice:
    """A P-384 key from a fixed scalar that signs with RFC 6979 nonces. For vectors only."""

    def __init__(self, scalar: int) -> None:
        self._key = ec.derive_private_key(scalar, ec.SECP384R1())
        self.spki_der = self._key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        self.key_id = keys.key_id(self.spki_der)

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message, ec.ECDSA(SHA384(), deterministic_signing=True))


DEVICE = VectorDevice(0x1234_5678_9ABC_DEF0_1111_2222_3333_4444)
OTHER_DEVICE = VectorDevice(0x0FED_CBA9_8765_4321_5555_6666_7777_8888)


class VectorTree:
    """A tree of `size` leaves SHA-256("leaf N")."""

    def __init__(self, leaves: list[bytes]) -> None:
        self.leaves, self.roots, self._nodes = leaves, [merkle.EMPTY_ROOT], {}
        frontier = merkle.Frontier()
        for leaf in leaves:
            for level, index, value in frontier.append(leaf):
                self._nodes[level, index] = value
            self.roots.append(frontier.root())

    def node(self, level: int, index: int) -> bytes:
        return self._nodes[level, index]

    def inclusion(self, index: int, size: int) -> list[bytes]:
        return merkle.inclusion_proof(index, size, self.node)

    def consistency(self, old: int, size: int) -> list[bytes]:
        return merkle.consistency_proof(old, size, self.node)
