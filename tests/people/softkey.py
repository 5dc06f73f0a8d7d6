"""An authenticator in software: makes ES256 credentials and answers challenges as a browser would pass them on. For tests."""

import base64
import hashlib
import json
import secrets
import struct
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def b64u(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@dataclass
class SoftKey:
    """One credential. Tests change its fields to lie: `origin`, `count`, `verified`, `user_handle`, `rp_id`, `framed`, `kind`.

    `cookie`: of the session in which it was added, since then.
    """

    origin: str
    count: int = 0
    verified: bool = True
    user_handle: bytes = b""
    rp_id: str | None = None
    framed: bool = False
    kind: str = ""
    cookie: str = ""
    id: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def create(self, options: str) -> str:
        """The answer to navigator.credentials.create()."""
        asked = json.loads(options)
        self.user_handle = base64.urlsafe_b64decode(asked["user"]["id"] + "==")
        public = self.key.public_key().public_numbers()
        cose = cbor2.dumps({1: 2, 3: -7, -1: 1, -2: public.x.to_bytes(32, "big"), -3: public.y.to_bytes(32, "big")})
        attested = bytes(16) + struct.pack(">H", len(self.id)) + self.id + cose
        data = self._data(asked["rp"]["id"], ATTESTED) + attested
        response = {
            "clientDataJSON": b64u(self._client("webauthn.create", asked)),
            "attestationObject": b64u(cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})),
        }
        return self._answer(response)

    def get(self, options: str) -> str:
        """The answer to navigator.credentials.get()."""
        asked = json.loads(options)
        data, client = self._data(asked["rpId"], 0), self._client("webauthn.get", asked)
        signature = self.key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        response = {
            "clientDataJSON": b64u(client),
            "authenticatorData": b64u(data),
            "signature": b64u(signature),
            "userHandle": b64u(self.user_handle),
        }
        return self._answer(response)

    def _client(self, kind: str, asked: dict[str, Any]) -> bytes:
        said = {"type": self.kind or kind, "challenge": asked["challenge"], "origin": self.origin, "crossOrigin": self.framed}
        return json.dumps(said).encode()

    def _data(self, rp_id: str, flags: int) -> bytes:
        self.count += 1
        flags |= PRESENT | (VERIFIED if self.verified else 0)
        return hashlib.sha256((self.rp_id or rp_id).encode()).digest() + bytes([flags]) + struct.pack(">I", self.count)

    def _answer(self, response: dict[str, str]) -> str:
        return json.dumps({"id": b64u(self.id), "rawId": b64u(self.id), "type": "public-key", "response": response})
