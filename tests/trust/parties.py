"""The parties of the simulator that hold little: a device, a log, a capture as its service keeps it."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from server.exports import layout
from server.trust import checkpoint, keys, merkle, receipt
from tests.trust.archive import PAGE, signed_data
from tests.vectors.parties import der_to_raw


class Device:
    """A paired browser: a P-384 key that signs statements (SHA-384, DER) and page digests (SHA-256, raw).

    scalar: of a key that is the same in each run, and signs the same each time.
    """

    def __init__(self, scalar: int | None = None) -> None:
        self._is_same = scalar is not None
        self._key = ec.generate_private_key(ec.SECP384R1()) if scalar is None else ec.derive_private_key(scalar, ec.SECP384R1())
        self.spki_der = self._key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        self.key_id = keys.key_id(self.spki_der)

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message, ec.ECDSA(SHA384(), deterministic_signing=self._is_same))

    def sign_page_digest(self, text: str) -> dict[str, str]:
        signature = self._key.sign(text.encode(), ec.ECDSA(SHA256(), deterministic_signing=self._is_same))
        return signed_data(text, der_to_raw(signature), self.spki_der)


@dataclass
class SimLog:
    """A log in memory: leaves, complete nodes and the root at every size."""

    signer: keys.LogSigner
    leaves: list[bytes] = field(default_factory=list)
    roots: list[bytes] = field(default_factory=lambda: [merkle.EMPTY_ROOT])
    _nodes: dict[tuple[int, int], bytes] = field(default_factory=dict)
    _frontier: merkle.Frontier = field(default_factory=merkle.Frontier)

    def append(self, leaf: bytes) -> None:
        for level, index, value in self._frontier.append(leaf):
            self._nodes[level, index] = value
        self.leaves.append(leaf)
        self.roots.append(self._frontier.root())

    def checkpoint(self) -> bytes:
        size = len(self.leaves)
        return checkpoint.sign_checkpoint(checkpoint.Checkpoint(self.signer.name, size, self.roots[size]), self.signer)

    def receipt(self, leaf: bytes, file: bytes) -> bytes:
        """The receipt of a leaf against a checkpoint file of this log."""
        _, head = checkpoint.parse_checkpoint_file(file)
        index = self.leaves.index(leaf)
        return receipt.format_receipt(index, merkle.inclusion_proof(index, head.size, self._node), file)

    def consistency(self, file: bytes, head_file: bytes) -> layout.Consistency:
        _, old = checkpoint.parse_checkpoint_file(file)
        _, head = checkpoint.parse_checkpoint_file(head_file)
        return layout.Consistency(old.size, old.root, merkle.consistency_proof(old.size, head.size, self._node))

    def _node(self, level: int, index: int) -> bytes:
        return self._nodes[level, index]


@dataclass
class SimCapture:
    """A capture as its service holds it."""

    capture_id: str
    device: Device
    statement: bytes
    artifacts: dict[str, bytes]
    not_before: layout.StampedCheckpoint | None
    commitment: layout.Commitment | None = None

    @property
    def folder(self) -> str:
        return layout.capture_folder(self.capture_id)


def statement_payload(artifacts: Mapping[str, bytes], changes: Mapping[str, object]) -> bytes:
    """The bytes a device signs."""
    roles = {"page.wacz": "page.wacz", "screenshot.viewport.png": "screenshot.viewport", "screenshot.full.png": "screenshot.full"}
    subject = [
        {
            "name": name,
            "digest": {"sha256": hashlib.sha256(data).hexdigest()},
            "annotations": {
                "role": roles.get(name, name.split(".")[0]),
                "mediaType": "application/octet-stream",
                "sizeBytes": len(data),
            },
        }
        for name, data in artifacts.items()
    ]
    predicate = {
        "url": PAGE, "finalUrl": PAGE, "title": "A story", "capturedAt": "2026-01-02T03:04:05.678Z",
        "clock": {"offsetMs": -12, "roundTripMs": 34, "measuredAt": "2026-01-02T03:04:00.000Z"},
        "timeZone": "Europe/Bucharest", "language": "ro", "mode": "as_seen", "method": "chrome.debugger",
        "viewport": {"width": 1280, "height": 720, "scrollX": 0, "scrollY": 300, "devicePixelRatio": 1},
        "userAgent": "Simulator", "extension": {"version": "0.1.0", "build": "0" * 64},
        "pageinfo": {"captured": 1, "omitted": 0, "failedSteps": []}, "secrets": {"kept": False, "removed": 0},
        "case": None, "note": "", "labels": [], "nonce": "n", "salt": secrets.token_hex(16), **changes,
    }  # fmt: skip
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": subject,
        "predicateType": "https://holdstill.local/capture/v1",
        "predicate": predicate,
    }
    return json.dumps(statement, ensure_ascii=False).encode()
