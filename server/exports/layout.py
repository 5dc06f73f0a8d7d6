"""A bundle's file map (docs/formats.md section 8), in the order that the proofs dictate. Pure: no I/O, no clock.

lay_out_data() → measure, manifest_text() (storage.bundle) → the export event over that manifest → log, checkpoint, timestamps →
lay_out_proofs(), lay_out_trust() → close_bag() → write_bag() (storage.bundle).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from server.exports.verify_text import VERIFY_MD
from server.trust.bundle import CHECKPOINT, CONSISTENCY, EXPORT_EVENT, EXPORT_RECEIPT, MANIFEST, TAG_MANIFEST
from server.trust.events import event_sha256
from server.trust.jsontext import format_base64, format_json, format_time
from server.trust.keys import DevicePublicKey
from server.trust.policy import Policy, format_policy
from storage.bundle import BAGIT_TXT, BagFile, BagSource, manifest_text, measure


@dataclass(frozen=True)
class StampedCheckpoint:
    """A checkpoint file, byte for byte as it was stamped, and the TimeStampResp files over it by authority name."""

    checkpoint: bytes
    timestamps: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class CaptureParts:
    """A capture as stored. events: envelope files from seq 0 on. not_before: the stamped checkpoint that the statement names."""

    capture_id: str
    statement: bytes
    artifacts: Mapping[str, BagSource]
    events: Sequence[bytes]
    not_before: StampedCheckpoint | None = None


@dataclass(frozen=True)
class DeviceParts:
    """A device key that signed one of the captures: its SPKI DER and its chain of events."""

    spki_der: bytes
    events: Sequence[bytes]


@dataclass(frozen=True)
class DataParts:
    """What goes under data/, all covered by the manifest that the export event signs. more: further paths under data/."""

    captures: Sequence[CaptureParts]
    devices: Sequence[DeviceParts]
    index_html: bytes
    more: Mapping[str, BagSource] = field(default_factory=dict)


@dataclass(frozen=True)
class Commitment:
    """The "not after" of a capture: the receipt of its commit event in the earliest stamped checkpoint, and that checkpoint."""

    receipt: bytes
    stamped: StampedCheckpoint


@dataclass(frozen=True)
class Consistency:
    """That an older head (size and 32-byte root) is a beginning of proofs/checkpoint. hashes: 32 bytes each."""

    from_size: int
    from_root: bytes
    hashes: Sequence[bytes]


@dataclass(frozen=True)
class ProofParts:
    """What proves data/. receipts: for every event under data/ and the export event, by SHA-256 of the event file, all against
    `head`. commitments: by capture id. consistency: from each other checkpoint in the bundle to `head`."""

    export_event: bytes
    head: StampedCheckpoint
    receipts: Mapping[str, bytes]
    commitments: Mapping[str, Commitment] = field(default_factory=dict)
    consistency: Sequence[Consistency] = ()


def capture_folder(capture_id: str) -> str:
    """Where a capture's files stand."""
    return f"data/captures/{capture_id}"


def lay_out_data(parts: DataParts) -> dict[str, BagSource]:
    """Path → bytes of everything under data/."""
    files: dict[str, BagSource] = {"data/index.html": parts.index_html}
    for capture in parts.captures:
        folder = capture_folder(capture.capture_id)
        files[f"{folder}/statement.dsse.json"] = capture.statement
        files.update({f"{folder}/{name}": source for name, source in capture.artifacts.items()})
        files.update(_events(folder, capture.events))
        if capture.not_before is not None:
            files.update(_stamped(f"{folder}/notbefore.checkpoint", capture.not_before))
    for device in parts.devices:
        files.update(_events(f"data/devices/{DevicePublicKey.from_spki(device.spki_der).key_id}", device.events))
    files.update(parts.more)
    return files


def lay_out_proofs(proofs: ProofParts) -> dict[str, bytes]:
    """Path → bytes of everything under proofs/."""
    export = event_sha256(proofs.export_event)
    files = {EXPORT_EVENT: proofs.export_event, **_stamped(CHECKPOINT, proofs.head)}
    for sha256, receipt in proofs.receipts.items():
        files[EXPORT_RECEIPT if sha256 == export else f"proofs/events/{sha256}.tlog-proof"] = receipt
    for capture_id, commitment in proofs.commitments.items():
        files[f"proofs/{capture_id}.tlog-proof"] = commitment.receipt
        files.update(_stamped(f"proofs/{capture_id}.checkpoint", commitment.stamped))
    files[CONSISTENCY] = _consistency(proofs.consistency)
    return files


def lay_out_trust(policy: Policy, devices: Sequence[DeviceParts]) -> dict[str, bytes]:
    """Path → bytes of everything under trust/: copies for convenience, which no verifier believes."""
    files = {
        "trust/policy.toml": format_policy(policy).encode(),
        "trust/service.pub": "".join(f"{service.verifier}\n" for service in policy.services).encode(),
    }
    for device in devices:
        key = DevicePublicKey.from_spki(device.spki_der)
        files[f"trust/device-{key.key_id}.pem"] = key.to_pem().encode()
    files.update({f"trust/tsa-{tsa.name}.pem": tsa.to_pem() for tsa in policy.tsas})
    return files


def close_bag(data: Sequence[BagFile], tags: Mapping[str, bytes], *, export_id: str, at: datetime) -> list[BagFile]:
    """Every entry of the bag, ready for write_bag(). data: the measured files under data/; tags: proofs and trust files.

    at: written into bag-info.txt, in UTC. Raises: storage.errors.BadContainer for a name no bag may hold.
    """
    size_bytes = sum(file.size_bytes for file in data)
    info = (
        f"Bagging-Date: {format_time(at)[:10]}\n"
        f"External-Identifier: urn:uuid:{export_id}\n"
        f"Payload-Oxum: {size_bytes}.{len(data)}\n"
        "Bag-Software-Agent: holdstill\n"
    )
    own = {"bagit.txt": BAGIT_TXT, "bag-info.txt": info.encode(), "VERIFY.md": VERIFY_MD, MANIFEST: manifest_text(data)}
    tag_files = [measure(name, content) for name, content in {**tags, **own}.items()]
    return [*data, *tag_files, measure(TAG_MANIFEST, manifest_text(tag_files))]


def _events(folder: str, events: Sequence[bytes]) -> dict[str, bytes]:
    return {f"{folder}/events/{seq:04d}.dsse.json": event for seq, event in enumerate(events)}


def _stamped(path: str, stamped: StampedCheckpoint) -> dict[str, bytes]:
    return {path: stamped.checkpoint, **{f"{path}.{tsa}.tsr": token for tsa, token in stamped.timestamps.items()}}


def _consistency(proofs: Sequence[Consistency]) -> bytes:
    entries = {
        (proof.from_size, proof.from_root): {
            "fromSize": proof.from_size,
            "fromRoot": format_base64(proof.from_root),
            "hashes": [format_base64(value) for value in proof.hashes],
        }
        for proof in proofs
    }
    return format_json({"proofs": [entries[key] for key in sorted(entries)]}) + b"\n"
