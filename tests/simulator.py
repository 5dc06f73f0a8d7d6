"""The other party, in memory: devices, a service with its log, a witness and timestamping authorities.

Everything is real (keys, proofs, openssl tokens, WACZ, bag) but for the processes. Whoever holds a World holds every key of it,
so a test can play a dishonest operator: export() takes edits to make before the manifest, export event or tag files are made.
"""

from __future__ import annotations

import hashlib
import io
import secrets
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from rfc3161_client import decode_timestamp_response

from server.exports import layout
from server.trust import checkpoint, dsse, events, keys, note
from server.trust.policy import Policy
from storage.bundle import manifest_text, measure, write_bag
from tests.trust.archive import make_wacz
from tests.trust.authority import Authority
from tests.trust.parties import Device, SimCapture, SimLog, statement_payload

ORIGIN = "holdstill.example/log"
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)
Files = dict[str, bytes]
Edit = Callable[[Files], None]


@dataclass
class World:
    """A deployment. authorities: the pinned ones, by name. keys_of: a World whose service and log keys this one has stolen."""

    folder: Path
    authorities: dict[str, Authority]
    keys_of: World | None = None
    witnessed: bool = True
    chains: dict[str, list[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        stolen = self.keys_of
        self.service = stolen.service if stolen else keys.ServiceSigner.generate(f"{ORIGIN}/service")
        self.log = SimLog(stolen.log.signer if stolen else keys.LogSigner.generate(ORIGIN))
        self.witness = keys.WitnessSigner.generate("witness.example/w1")

    @property
    def policy(self) -> Policy:
        """What an honest verifier trusts: one witness must have cosigned."""
        trust = checkpoint.LogTrust(ORIGIN, self.log.signer.verifier, (self.witness.verifier,), 1)
        services = (keys.ServicePublicKey.from_vkey(self.service.vkey),)
        return Policy(trust, services, tuple(authority.anchors for authority in self.authorities.values()))

    def record(self, event: events.NewEvent, *, at: datetime | None = None) -> bytes:
        """Signs an event into its chain and appends its leaf."""
        chain = self.chains.setdefault(event.item, [])
        link = events.EventLink(len(chain), events.event_sha256(chain[-1]) if chain else None)
        payload = events.build_event(event, link, at=at or datetime.now(UTC), salt=secrets.token_hex(16))
        envelope = dsse.sign_envelope(payload, self.service)
        chain.append(envelope)
        self.log.append(hashlib.sha256(envelope).digest())
        return envelope

    def enrol(self, device: Device, kind: str = "key.enrolled") -> None:
        """Records the device's key as enrolled (or revoked)."""
        details: dict[str, object] = {
            "deviceId": "d1",
            "keyId": device.key_id,
            "publicKey": note.format_base64(device.spki_der),
            "operator": "urn:holdstill:operator:1",
        }
        item = events.device_item(device.key_id)
        self.record(
            events.NewEvent(kind, item, "device.spki.der", device.key_id, "urn:holdstill:operator:1", "operator", "", details)
        )

    def publish(self) -> bytes:
        """The log's checkpoint now, cosigned when this world is witnessed."""
        file = self.log.checkpoint()
        if not self.witnessed:
            return file
        now_s = int(datetime.now(UTC).timestamp())
        return checkpoint.with_signatures(file, [checkpoint.cosign_checkpoint(file, self.witness, time_s=now_s)])

    def stamped(self) -> layout.StampedCheckpoint:
        """A published checkpoint with every authority's timestamp; each is logged back as an event."""
        file = self.publish()
        stamps = {name: authority.stamp(file) for name, authority in self.authorities.items()}
        digest, size = hashlib.sha256(file).hexdigest(), len(self.log.leaves)
        for name, token in stamps.items():
            details: dict[str, object] = {
                "tsa": name,
                "checkpointSha256": digest,
                "treeSize": size,
                "tsrSha256": hashlib.sha256(token).hexdigest(),
                "genTime": events.format_time(decode_timestamp_response(token).tst_info.gen_time),
            }
            item = events.log_item(ORIGIN)
            self.record(events.NewEvent("log.timestamped", item, "checkpoint", digest, "urn:service", "service", "", details))
        return layout.StampedCheckpoint(file, stamps)

    def capture(self, device: Device, *, seal: bool = True, **changes: object) -> SimCapture:
        """A capture from challenge to seal. changes: members of the statement's predicate; `artifacts` replaces the artifacts;
        `not_before`: "stamped" (default), "unstamped" (names the checkpoint only), or "offline"."""
        how = changes.pop("not_before", "stamped")
        artifacts = changes.pop("artifacts", None) or {
            "page.wacz": make_wacz(device.sign_page_digest),
            "screenshot.viewport.png": PNG,
        }
        assert isinstance(artifacts, dict)
        challenge = None if how == "offline" else self.stamped()
        named = None if challenge is None else self.not_before(challenge, with_stamps=how == "stamped")
        payload = statement_payload(artifacts, {"notBefore": named, **changes})
        taken = SimCapture(
            hashlib.sha256(payload).hexdigest(), device, dsse.sign_envelope(payload, device), artifacts,
            challenge if how == "stamped" else None,
        )  # fmt: skip
        committed = self.record_capture(taken, "capture.committed", {"captureId": taken.capture_id, "deviceKeyId": device.key_id,
                                                                   "nonce": "fresh", "nonceAgeSeconds": 1})  # fmt: skip
        stamped = self.stamped()
        taken.commitment = layout.Commitment(self.log.receipt(hashlib.sha256(committed).digest(), stamped.checkpoint), stamped)
        if seal:
            listed = [
                {"name": name, "sha256": hashlib.sha256(data).hexdigest(), "sizeBytes": len(data)}
                for name, data in artifacts.items()
            ]
            self.record_capture(taken, "capture.sealed", {"captureId": taken.capture_id, "artifacts": listed})
        return taken

    def record_capture(self, taken: SimCapture, kind: str, details: dict[str, object], *, at: datetime | None = None) -> bytes:
        """An event in a capture's chain."""
        subject = hashlib.sha256(taken.statement).hexdigest()
        item = events.capture_item(taken.capture_id)
        new = events.NewEvent(kind, item, "statement.dsse.json", subject, "urn:holdstill:device:d1", "device", "capture", details)
        return self.record(new, at=at)

    def not_before(self, challenge: layout.StampedCheckpoint, *, with_stamps: bool = True) -> dict[str, object]:
        """The `notBefore` member of a statement made with this challenge."""
        stamps = [{"tsa": name, "sha256": hashlib.sha256(token).hexdigest()} for name, token in challenge.timestamps.items()]
        return {
            "origin": ORIGIN,
            "treeSize": checkpoint.parse_checkpoint_file(challenge.checkpoint)[1].size,
            "checkpointSha256": hashlib.sha256(challenge.checkpoint).hexdigest(),
            "timestamps": stamps if with_stamps else [],
        }

    def export(
        self,
        captures: Sequence[SimCapture],
        *,
        edit_data: Edit | None = None,
        edit_details: Callable[[dict[str, object]], None] | None = None,
        edit_proofs: Edit | None = None,
    ) -> Files:
        """Every file of the bundle. The edits are a dishonest exporter's, made before what covers them is signed or listed."""
        devices = {taken.device.key_id: taken.device for taken in captures}
        parts = [layout.DeviceParts(d.spki_der, self.chains.get(events.device_item(d.key_id), [])) for d in devices.values()]
        data = _bytes(
            layout.lay_out_data(layout.DataParts([self._parts(taken) for taken in captures], parts, b"<h1>Bundle</h1>"))
        )
        if edit_data is not None:
            edit_data(data)
        measured = [measure(name, content) for name, content in data.items()]
        export_id, manifest = str(uuid.uuid4()), hashlib.sha256(manifest_text(measured)).hexdigest()
        details: dict[str, object] = {
            "manifestSha256": manifest,
            "captures": _heads(data, "captures", "captureId"),
            "devices": _heads(data, "devices", "keyId"),
            "recipient": "A reader",
            "purpose": "test",
        }
        if edit_details is not None:
            edit_details(details)
        subject = str(details["manifestSha256"])
        item = events.export_item(export_id)
        new = events.NewEvent("export.created", item, "manifest-sha256.txt", subject, "urn:x", "operator", "test", details)
        event = self.record(new)
        proofs = layout.lay_out_proofs(self._proofs(captures, data, event))
        if edit_proofs is not None:
            edit_proofs(proofs)
        tags = {**proofs, **layout.lay_out_trust(self.policy, parts)}
        files = layout.close_bag(measured, tags, export_id=export_id, at=datetime.now(UTC))
        return {file.name: file.source for file in files if isinstance(file.source, bytes)}

    def _parts(self, taken: SimCapture) -> layout.CaptureParts:
        chain = self.chains[events.capture_item(taken.capture_id)]
        return layout.CaptureParts(taken.capture_id, taken.statement, taken.artifacts, chain, taken.not_before)

    def _proofs(self, captures: Sequence[SimCapture], data: Files, export: bytes) -> layout.ProofParts:
        head = self.stamped()
        files = [export, *(content for name, content in data.items() if "/events/" in name)]
        leaves = {events.event_sha256(file): hashlib.sha256(file).digest() for file in files}
        older = [t.not_before.checkpoint for t in captures if t.not_before] + [
            t.commitment.stamped.checkpoint for t in captures if t.commitment
        ]
        return layout.ProofParts(
            export_event=export,
            head=head,
            receipts={sha: self.log.receipt(leaf, head.checkpoint) for sha, leaf in leaves.items() if leaf in self.log.leaves},
            commitments={taken.capture_id: taken.commitment for taken in captures if taken.commitment},
            consistency=[self.log.consistency(file, head.checkpoint) for file in older],
        )  # fmt: skip


def pack(files: Files) -> bytes:
    """The bag's zip."""
    out = io.BytesIO()
    write_bag(files.items(), out)
    return out.getvalue()


def fix_manifests(files: Files) -> Files:
    """The files with both manifests written again to fit: what any attacker can do."""
    tags = {name for name in files if not name.startswith("data/")} - {"manifest-sha256.txt", "tagmanifest-sha256.txt"}
    files = {**files, "manifest-sha256.txt": _manifest(files, {name for name in files if name.startswith("data/")})}
    return {**files, "tagmanifest-sha256.txt": _manifest(files, {*tags, "manifest-sha256.txt"})}


def _manifest(files: Files, names: set[str]) -> bytes:
    return manifest_text(measure(name, files[name]) for name in names)


def _bytes(files: Mapping[str, object]) -> Files:
    return {name: content for name, content in files.items() if isinstance(content, bytes)}


def _heads(data: Files, kind: str, label: str) -> list[dict[str, object]]:
    last: dict[str, tuple[int, str]] = {}
    for name, content in sorted(data.items()):
        parts = name.split("/")
        if parts[1] == kind and parts[3] == "events":
            last[parts[2]] = int(parts[4][:4]), events.event_sha256(content)
    return [{label: owner, "seq": seq, "head": head} for owner, (seq, head) in last.items()]
