"""Custody events: who did what to what, when; linked per item by `seq` and `prev`. Shape: docs/formats.md section 4."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from datetime import datetime

from server.trust.dsse import MAX_ENVELOPE_BYTES
from server.trust.errors import VerificationError
from server.trust.jsontext import Members, format_json, format_time, parse_json
from server.trust.statement import STATEMENT_TYPE

CUSTODY_PREDICATE = "https://holdstill.local/custody/v1"
_TYPE = re.compile(r"[a-z]{1,30}\.[a-z_]{1,30}")
_ITEM = re.compile(r"(capture|device):[0-9a-f]{64}|log:[^\s+]{1,255}|export:[0-9a-f-]{36}|[a-z]{1,30}:[A-Za-z0-9._:/-]{1,255}")
_SALT = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class NewEvent:
    """An event before it has a place in its chain. details: JSON values, member names as in docs/formats.md."""

    type: str
    item: str
    subject_name: str
    subject_sha256: str
    actor: str
    role: str
    purpose: str
    details: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class EventLink:
    """Where an event stands in its chain: seq from 0, prev the SHA-256 of the event file before it (None for the first)."""

    seq: int
    prev: str | None


@dataclass(frozen=True)
class CustodyEvent:
    """A parsed event. time is the service's clock, a claim. details: read them with the functions below."""

    type: str
    item: str
    seq: int
    prev: str | None
    time: datetime
    actor: str
    role: str
    purpose: str
    salt: str
    subject_name: str
    subject_sha256: str
    details: dict[str, object]


@dataclass(frozen=True)
class ChainHead:
    """The last event of a chain in a bundle: owner is a capture id or a device key id, head the SHA-256 of the event file."""

    owner: str
    seq: int
    head: str


@dataclass(frozen=True)
class ExportDetails:
    """What `export.created` commits to: the manifest, and where each chain ended when the export was made."""

    manifest_sha256: str
    captures: tuple[ChainHead, ...]
    devices: tuple[ChainHead, ...]
    recipient: str
    purpose: str


@dataclass(frozen=True)
class KeyDetails:
    """What `key.enrolled` and `key.revoked` say: the key as SPKI DER, its id, and the operator who did it."""

    key_id: str
    public_key_der: bytes
    operator: str


@dataclass(frozen=True)
class CommitDetails:
    """What `capture.committed` says about the statement it took in."""

    capture_id: str
    device_key_id: str


@dataclass(frozen=True)
class SealedArtifact:
    """An artifact as the service hashed it."""

    name: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class SealDetails:
    """What `capture.sealed` says: every artifact was there and had this digest."""

    capture_id: str
    artifacts: tuple[SealedArtifact, ...]


def capture_item(capture_id: str) -> str:
    """The chain of a capture."""
    return f"capture:{capture_id}"


def device_item(device_key_id: str) -> str:
    """The chain of a device key."""
    return f"device:{device_key_id}"


def log_item(origin: str) -> str:
    """The chain of a log's timestamps."""
    return f"log:{origin}"


def export_item(export_id: str) -> str:
    """The chain of an export."""
    return f"export:{export_id}"


def event_sha256(envelope: bytes) -> str:
    """SHA-256 of an event's envelope file: its leaf, and the `prev` of the event after it."""
    return hashlib.sha256(envelope).hexdigest()


def build_event(event: NewEvent, link: EventLink, *, at: datetime, salt: str) -> bytes:
    """The payload bytes to sign. salt: 32 random hex digits, so that the leaf gives nothing away.

    Raises: VerificationError if parse_event() would refuse the result.
    """
    payload = format_json(
        {
            "_type": STATEMENT_TYPE,
            "subject": [{"name": event.subject_name, "digest": {"sha256": event.subject_sha256}}],
            "predicateType": CUSTODY_PREDICATE,
            "predicate": {
                "type": event.type,
                "item": event.item,
                "seq": link.seq,
                "prev": link.prev,
                "time": format_time(at),
                "actor": event.actor,
                "role": event.role,
                "purpose": event.purpose,
                "salt": salt,
                "details": event.details,
            },
        }
    )
    parse_event(payload)
    return payload


def parse_event(payload: bytes) -> CustodyEvent:
    """The event in a DSSE payload. Types this version does not know are kept. Raises: VerificationError.

    Not checked: the signature, the place in the chain, and the details, which each have their own parser.
    """
    root = Members(parse_json(payload, limit_bytes=MAX_ENVELOPE_BYTES), "event")
    root.only("_type", "subject", "predicateType", "predicate")
    if root.text("_type") != STATEMENT_TYPE or root.text("predicateType") != CUSTODY_PREDICATE:
        raise VerificationError("not a custody event")
    subjects = root.objects("subject", limit=1)
    if not subjects:
        raise VerificationError("the event has no subject")
    predicate = root.members("predicate")
    seq, prev = predicate.integer("seq"), predicate.optional_sha256("prev")
    if (seq == 0) != (prev is None):
        raise VerificationError("the first event of a chain, and only it, has no previous one")
    return CustodyEvent(
        type=predicate.text("type", pattern=_TYPE),
        item=predicate.text("item", limit=300, pattern=_ITEM),
        seq=seq,
        prev=prev,
        time=predicate.time("time"),
        actor=predicate.text("actor", limit=300),
        role=predicate.text("role", limit=100),
        purpose=predicate.text("purpose", limit=2000),
        salt=predicate.text("salt", pattern=_SALT),
        subject_name=subjects[0].text("name", limit=300),
        subject_sha256=subjects[0].members("digest").sha256("sha256"),
        details=predicate.members("details").plain(),
    )


def export_details(event: CustodyEvent) -> ExportDetails:
    """The details of an `export.created`. Raises: VerificationError for another type, a bad shape, or a chain named twice."""
    details = _details(event, "export.created")
    captures = tuple(_head(entry, "captureId") for entry in details.objects("captures", limit=100_000))
    devices = tuple(_head(entry, "keyId") for entry in details.objects("devices", limit=100_000))
    for heads in (captures, devices):
        if len({head.owner for head in heads}) != len(heads):
            raise VerificationError("the export names a chain twice")
    return ExportDetails(
        manifest_sha256=details.sha256("manifestSha256"),
        captures=captures,
        devices=devices,
        recipient=details.text("recipient", limit=2000),
        purpose=details.text("purpose", limit=2000),
    )


def key_details(event: CustodyEvent) -> KeyDetails:
    """The details of a `key.enrolled` or `key.revoked`. Raises: VerificationError."""
    details = _details(event, "key.enrolled", "key.revoked")
    return KeyDetails(
        key_id=details.sha256("keyId"),
        public_key_der=details.base64("publicKey", limit_bytes=512),
        operator=details.text("operator", limit=300),
    )


def commit_details(event: CustodyEvent) -> CommitDetails:
    """The details of a `capture.committed`. Raises: VerificationError."""
    details = _details(event, "capture.committed")
    return CommitDetails(details.sha256("captureId"), details.sha256("deviceKeyId"))


def seal_details(event: CustodyEvent) -> SealDetails:
    """The details of a `capture.sealed`. Raises: VerificationError."""
    details = _details(event, "capture.sealed")
    artifacts = tuple(
        SealedArtifact(entry.text("name", limit=80), entry.sha256("sha256"), entry.integer("sizeBytes"))
        for entry in details.objects("artifacts", limit=1000)
    )
    return SealDetails(details.sha256("captureId"), artifacts)


def _details(event: CustodyEvent, *types: str) -> Members:
    if event.type not in types:
        raise VerificationError(f"the event is {event.type}, expected {' or '.join(types)}")
    return Members(event.details, event.type)


def _head(entry: Members, owner: str) -> ChainHead:
    return ChainHead(entry.sha256(owner), entry.integer("seq"), entry.sha256("head"))
