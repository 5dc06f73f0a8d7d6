"""Keys of devices (ECDSA P-384), of the service, the log and the witnesses (Ed25519): identifiers, signing, verifying."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Self

from cryptography.exceptions import InternalError, InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_public_key,
    load_pem_private_key,
)

from server.trust.errors import VerificationError
from server.trust.note import COSIGNATURE_V1, ED25519, VerifierKey, parse_vkey

_P384_BYTES = 48
_MAX_SPKI_BYTES = 512
_MAX_DER_SIGNATURE_BYTES = 104
_UNREADABLE = (ValueError, UnsupportedAlgorithm, InternalError)
"""What the library says of bytes that are no key; the last one of a key of another length than its algorithm has."""


def key_id(spki_der: bytes) -> str:
    """SHA-256 of a SubjectPublicKeyInfo, in hex: how a key is named in envelopes, chains and files."""
    return hashlib.sha256(spki_der).hexdigest()


def raw_to_der(raw: bytes) -> bytes:
    """An ECDSA P-384 signature as DER, from the 96 bytes r‖s that WebCrypto gives. Raises: VerificationError."""
    if len(raw) != 2 * _P384_BYTES:
        raise VerificationError("a raw P-384 signature has 96 bytes")
    return encode_dss_signature(int.from_bytes(raw[:_P384_BYTES], "big"), int.from_bytes(raw[_P384_BYTES:], "big"))


@dataclass(frozen=True)
class DevicePublicKey:
    """An ECDSA P-384 public key. spki_der is the one form it is stored, hashed and compared in."""

    spki_der: bytes
    _key: ec.EllipticCurvePublicKey = field(repr=False, compare=False)

    @classmethod
    def from_spki(cls, spki_der: bytes) -> Self:
        """Raises: VerificationError for any other algorithm, curve or encoding of the point."""
        key = _load_spki(spki_der)
        if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP384R1):
            raise VerificationError("a device key is ECDSA P-384")
        if key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) != spki_der:
            raise VerificationError("the device key is not in the canonical SPKI form")
        return cls(spki_der, key)

    @property
    def key_id(self) -> str:
        """SHA-256 of the SPKI DER, hex."""
        return key_id(self.spki_der)

    def verify(self, signature: bytes, message: bytes) -> None:
        """DER signature over SHA-384 of the message (what DSSE envelopes carry). Raises: VerificationError."""
        self._verify(signature, message, ec.ECDSA(SHA384()))

    def verify_page_digest(self, raw_signature: bytes, text: bytes) -> None:
        """Raw r‖s over SHA-256 of the text (what WACZ signatures carry). Raises: VerificationError."""
        self._verify(raw_to_der(raw_signature), text, ec.ECDSA(SHA256()))

    def to_pem(self) -> str:
        """The public key as a PEM file."""
        return self._key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def _verify(self, signature: bytes, message: bytes, scheme: ec.ECDSA) -> None:
        if len(signature) > _MAX_DER_SIGNATURE_BYTES:
            raise VerificationError("the signature is too long for P-384")
        try:
            self._key.verify(signature, message, scheme)
        except (InvalidSignature, ValueError) as error:
            raise VerificationError(f"the signature by device key {self.key_id[:16]}… does not verify") from error


@dataclass(frozen=True)
class ServicePublicKey:
    """The Ed25519 key that signs custody events, known by its verifier key `<origin>/service+…`."""

    verifier: VerifierKey

    @classmethod
    def from_vkey(cls, text: str) -> Self:
        """Raises: VerificationError if the text is not a verifier key of type 0x01."""
        verifier = parse_vkey(text)
        if verifier.kind != ED25519:
            raise VerificationError("a service key has type 0x01")
        return cls(verifier)

    @property
    def spki_der(self) -> bytes:
        """SubjectPublicKeyInfo DER."""
        key = Ed25519PublicKey.from_public_bytes(self.verifier.public)
        return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    @property
    def key_id(self) -> str:
        """SHA-256 of the SPKI DER, hex."""
        return key_id(self.spki_der)

    def verify(self, signature: bytes, message: bytes) -> None:
        """64 raw Ed25519 bytes over the message itself. Raises: VerificationError."""
        try:
            Ed25519PublicKey.from_public_bytes(self.verifier.public).verify(signature, message)
        except (InvalidSignature, ValueError) as error:
            raise VerificationError(f"the signature by {self.verifier.name} does not verify") from error


@dataclass(frozen=True)
class Ed25519Signer:
    """A named Ed25519 private key. `kind` (0x01 or 0x04) separates what its signatures may be used for."""

    name: str
    _key: Ed25519PrivateKey = field(repr=False, compare=False)
    kind: int = field(default=ED25519, init=False)

    @classmethod
    def generate(cls, name: str) -> Self:
        """A new random key."""
        return cls(name, Ed25519PrivateKey.generate())

    @classmethod
    def from_pem(cls, name: str, pem: bytes) -> Self:
        """Raises: VerificationError unless the PEM holds an unencrypted Ed25519 private key."""
        try:
            key = load_pem_private_key(pem, password=None)
        except (*_UNREADABLE, TypeError) as error:
            raise VerificationError(f"the private key of {name} cannot be read") from error
        if not isinstance(key, Ed25519PrivateKey):
            raise VerificationError(f"the private key of {name} is not Ed25519")
        return cls(name, key)

    def to_pem(self) -> bytes:
        """PKCS#8 PEM, unencrypted: keep it where only the service can read it."""
        return self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    @property
    def verifier(self) -> VerifierKey:
        """The public side; its text is the verifier key."""
        return VerifierKey(self.name, self.kind, self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))

    @property
    def vkey(self) -> str:
        """The verifier key text."""
        return str(self.verifier)

    @property
    def spki_der(self) -> bytes:
        """SubjectPublicKeyInfo DER of the public side."""
        return self._key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    @property
    def key_id(self) -> str:
        """SHA-256 of the SPKI DER, hex."""
        return key_id(self.spki_der)

    def sign(self, message: bytes) -> bytes:
        """64 raw Ed25519 bytes over the message."""
        return self._key.sign(message)


class ServiceSigner(Ed25519Signer):
    """Signs custody events. name: `<origin>/service`."""


class LogSigner(Ed25519Signer):
    """Signs checkpoints. name: the log's origin."""


@dataclass(frozen=True)
class WitnessSigner(Ed25519Signer):
    """Cosigns checkpoints with `cosignature/v1`; its verifier key has type 0x04."""

    kind: int = field(default=COSIGNATURE_V1, init=False)


def _load_spki(spki_der: bytes) -> object:
    if len(spki_der) > _MAX_SPKI_BYTES:
        raise VerificationError("the public key is too long")
    try:
        return load_der_public_key(spki_der)
    except _UNREADABLE as error:
        raise VerificationError("the public key cannot be read") from error
