"""The capture statement: what a device says it captured, parsed from the payload it signed. Shape: docs/formats.md section 3."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime

from server.trust.dsse import MAX_ENVELOPE_BYTES
from server.trust.errors import VerificationError
from server.trust.jsontext import Members, parse_json

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
CAPTURE_PREDICATE = "https://holdstill.local/capture/v1"
MODES = ("as_seen", "recorded", "reloaded")
MAX_ARTIFACTS = 1000
_ROLE_NAMES = {
    "page.wacz": re.compile(r"page\.wacz"),
    "screenshot.viewport": re.compile(r"screenshot\.viewport(\.[2-9])?\.png"),
    "screenshot.full": re.compile(r"screenshot\.full(\.[2-9])?\.png"),
    "image": re.compile(r"image\.[0-9]{1,6}\.[a-z0-9._-]{1,60}"),
    "upload": re.compile(r"upload\.[0-9]{1,6}\.[a-z0-9._-]{1,60}"),
}
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,100}/[A-Za-z0-9!#$&^_.+-]{1,100}( ?;[ -~]{0,100})?")
_SALT = re.compile(r"[0-9a-f]{32}")
_TSA_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


@dataclass(frozen=True)
class Artifact:
    """One file of a capture, as the statement names it. size_bytes is claimed; sha256 is what binds."""

    name: str
    role: str
    media_type: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class DeviceClock:
    """How far the device's clock was from the server's when it was measured: offset_ms = server - device, ± round_trip_ms / 2."""

    offset_ms: int
    round_trip_ms: int
    measured_at: datetime


@dataclass(frozen=True)
class NamedTimestamp:
    """A TimeStampResp file named by its SHA-256. tsa: the name the service gave it, a hint only."""

    tsa: str
    sha256: str


@dataclass(frozen=True)
class NotBefore:
    """The checkpoint, and the timestamps over it, that the device had in hand when it signed.

    Only a named timestamp bounds the statement's age from below: a stamp over a checkpoint proves that the checkpoint is older
    than the stamp, not that whoever names the checkpoint came after it (ADR 0003).
    """

    origin: str
    tree_size: int
    checkpoint_sha256: str
    timestamps: tuple[NamedTimestamp, ...]


@dataclass(frozen=True)
class CaptureStatement:
    """What a device claims. captured_at is the device's own clock; nothing in here is checked but its shape."""

    capture_id: str
    artifacts: tuple[Artifact, ...]
    url: str
    final_url: str
    title: str
    captured_at: datetime
    clock: DeviceClock | None
    mode: str
    method: str
    user_agent: str
    time_zone: str | None
    language: str | None
    case: str | None
    note: str
    labels: tuple[str, ...]
    not_before: NotBefore | None
    nonce: str | None
    salt: str


def parse_statement(payload: bytes) -> CaptureStatement:
    """The statement in a DSSE payload of at most 1 MiB. Unknown members of the predicate are ignored.

    Raises: VerificationError if a member is missing, mistyped or out of its bounds, or if two artifacts share a name.
    Not checked: any signature, any digest, whether the URL is one.
    """
    root = Members(parse_json(payload, limit_bytes=MAX_ENVELOPE_BYTES), "statement")
    root.only("_type", "subject", "predicateType", "predicate")
    if root.text("_type") != STATEMENT_TYPE:
        raise VerificationError("not an in-toto Statement v1")
    if root.text("predicateType") != CAPTURE_PREDICATE:
        raise VerificationError("not a capture statement")
    predicate = root.members("predicate")
    mode = predicate.text("mode")
    if mode not in MODES:
        raise VerificationError(f"unknown capture mode {mode[:40]!r}")
    return CaptureStatement(
        capture_id=hashlib.sha256(payload).hexdigest(),
        artifacts=_artifacts(root),
        url=predicate.text("url"),
        final_url=predicate.text("finalUrl"),
        title=predicate.text("title"),
        captured_at=predicate.time("capturedAt"),
        clock=_clock(predicate.optional_members("clock")),
        mode=mode,
        method=predicate.text("method", limit=200),
        user_agent=predicate.text("userAgent", limit=4096),
        time_zone=predicate.optional_text("timeZone", limit=200),
        language=predicate.optional_text("language", limit=200),
        case=predicate.optional_text("case", limit=200),
        note=predicate.optional_text("note") or "",
        labels=_labels(predicate),
        not_before=_not_before(predicate.optional_members("notBefore")),
        nonce=predicate.optional_text("nonce", limit=200),
        salt=predicate.text("salt", pattern=_SALT),
    )


def _artifacts(root: Members) -> tuple[Artifact, ...]:
    found = tuple(_artifact(subject) for subject in root.objects("subject", limit=MAX_ARTIFACTS))
    if not found:
        raise VerificationError("the statement names no artifact")
    if len({artifact.name for artifact in found}) != len(found):
        raise VerificationError("the statement names an artifact twice")
    return found


def _artifact(subject: Members) -> Artifact:
    notes = subject.members("annotations")
    role = notes.text("role", limit=40)
    if role not in _ROLE_NAMES:
        raise VerificationError(f"unknown artifact role {role!r}")
    return Artifact(
        name=subject.text("name", limit=80, pattern=_ROLE_NAMES[role]),
        role=role,
        media_type=notes.text("mediaType", limit=127, pattern=_MEDIA_TYPE),
        sha256=subject.members("digest").sha256("sha256"),
        size_bytes=notes.integer("sizeBytes"),
    )


def _clock(value: Members | None) -> DeviceClock | None:
    if value is None:
        return None
    return DeviceClock(
        offset_ms=value.integer("offsetMs", minimum=-(2**53)),
        round_trip_ms=value.integer("roundTripMs"),
        measured_at=value.time("measuredAt"),
    )


def _labels(predicate: Members) -> tuple[str, ...]:
    if predicate.get("labels") is None:
        return ()
    labels = predicate.array("labels", limit=200)
    if not all(isinstance(label, str) and len(label) <= 200 for label in labels):
        raise VerificationError("a label is a string of at most 200 characters")
    return tuple(str(label) for label in labels)


def _not_before(value: Members | None) -> NotBefore | None:
    if value is None:
        return None
    stamps = value.objects("timestamps", limit=16) if value.get("timestamps") is not None else []
    return NotBefore(
        origin=value.text("origin", limit=255),
        tree_size=value.integer("treeSize"),
        checkpoint_sha256=value.sha256("checkpointSha256"),
        timestamps=tuple(NamedTimestamp(s.text("tsa", pattern=_TSA_NAME), s.sha256("sha256")) for s in stamps),
    )
