"""DSSE envelopes: bytes signed exactly as they are, so no canonical form stands in the way of trust. Source: DSSE v1.0.2."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from server.trust.errors import VerificationError
from server.trust.jsontext import Members, format_base64, format_json, parse_json

PAYLOAD_TYPE = "application/vnd.in-toto+json"
MAX_ENVELOPE_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Envelope:
    """A parsed envelope; nothing is verified yet. key_id is a hint from the file: it selects a key, it proves nothing."""

    payload_type: str
    payload: bytes
    key_id: str
    signature: bytes


class EnvelopeKey(Protocol):
    """A public key an envelope can be checked with. `verify` raises VerificationError."""

    @property
    def key_id(self) -> str: ...

    def verify(self, signature: bytes, message: bytes) -> None: ...


class EnvelopeSigner(Protocol):
    """Who can sign an envelope."""

    @property
    def key_id(self) -> str: ...

    def sign(self, message: bytes) -> bytes: ...


def pae(payload_type: str, payload: bytes) -> bytes:
    """The pre-authentication encoding: `DSSEv1 len type len payload`, lengths in decimal bytes. This is what is signed."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def parse_envelope(data: bytes) -> Envelope:
    """The envelope in a file of at most 1 MiB with exactly one signature. Raises: VerificationError. Not checked: it."""
    root = Members(parse_json(data, limit_bytes=MAX_ENVELOPE_BYTES), "envelope")
    root.only("payloadType", "payload", "signatures")
    signatures = root.objects("signatures", limit=16)
    if len(signatures) != 1:
        raise VerificationError(f"an envelope has exactly one signature, this one has {len(signatures)}")
    signature = signatures[0]
    signature.only("keyid", "sig")
    return Envelope(
        payload_type=root.text("payloadType", limit=256),
        payload=root.base64("payload", limit_bytes=MAX_ENVELOPE_BYTES),
        key_id=signature.sha256("keyid"),
        signature=signature.base64("sig", limit_bytes=256),
    )


def verify_envelope(envelope: Envelope, key: EnvelopeKey) -> bytes:
    """The payload bytes, signed by `key`. Raises: VerificationError for another type, another key or a wrong signature."""
    if envelope.payload_type != PAYLOAD_TYPE:
        raise VerificationError(f"the payload type is not {PAYLOAD_TYPE}")
    if envelope.key_id != key.key_id:
        raise VerificationError(f"signed by key {envelope.key_id[:16]}…, expected {key.key_id[:16]}…")
    key.verify(envelope.signature, pae(envelope.payload_type, envelope.payload))
    return envelope.payload


def sign_envelope(payload: bytes, signer: EnvelopeSigner) -> bytes:
    """The envelope file for `payload`. Keep these very bytes: they are hashed into the log."""
    signature = format_base64(signer.sign(pae(PAYLOAD_TYPE, payload)))
    data = format_json(
        {
            "payloadType": PAYLOAD_TYPE,
            "payload": format_base64(payload),
            "signatures": [{"keyid": signer.key_id, "sig": signature}],
        }
    )
    if len(data) > MAX_ENVELOPE_BYTES:
        raise VerificationError("the envelope is over 1 MiB")
    return data
