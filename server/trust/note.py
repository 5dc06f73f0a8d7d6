"""C2SP signed notes: text with Ed25519 signatures of named keys, and witness cosignatures.

Source: C2SP signed-note (type 0x01), C2SP tlog-cosignature (type 0x04).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from server.trust.errors import VerificationError
from server.trust.jsontext import format_base64, parse_base64

ED25519 = 0x01
COSIGNATURE_V1 = 0x04
MAX_NOTE_BYTES = 64 * 1024
MAX_SIGNATURES = 100
_MAX_NAME_CHARS = 255
_DASH = "\u2014 "


@dataclass(frozen=True)
class VerifierKey:
    """A named public key. key_hash: 4 bytes. kind: ED25519 or COSIGNATURE_V1. public: 32 raw bytes."""

    name: str
    kind: int
    public: bytes

    @property
    def key_hash(self) -> bytes:
        """First 4 bytes of SHA-256(name ‖ newline ‖ kind ‖ public)."""
        return hashlib.sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.key_hash.hex()}+{format_base64(bytes([self.kind]) + self.public)}"


@dataclass(frozen=True)
class NoteSignature:
    """One signature line. blob: what follows the 4-byte key hash."""

    name: str
    key_hash: bytes
    blob: bytes

    def line(self) -> str:
        """The line as it stands in a note, with its newline."""
        return f"{_DASH}{self.name} {format_base64(self.key_hash + self.blob)}\n"


@dataclass(frozen=True)
class SignedNote:
    """A parsed note; nothing is verified yet. text ends with a newline."""

    text: str
    signatures: tuple[NoteSignature, ...]

    def to_bytes(self) -> bytes:
        """The note file."""
        return (self.text + "\n" + "".join(signature.line() for signature in self.signatures)).encode()


@dataclass(frozen=True)
class Cosignature:
    """A verified witness cosignature: who, and at which POSIX second the witness says it saw the checkpoint."""

    witness: str
    time_s: int


class NoteSigner(Protocol):
    """Who can sign a note: `verifier` is its public side, `sign` gives 64 raw Ed25519 bytes."""

    @property
    def verifier(self) -> VerifierKey: ...

    def sign(self, message: bytes) -> bytes: ...


def parse_vkey(text: str) -> VerifierKey:
    """The key of a verifier key text. Raises: VerificationError, also when the hash in it is not the key's."""
    parts = text.split("+", 2)
    if len(parts) != 3:
        raise VerificationError("a verifier key is name+hash+key")
    name, key_hash, encoded = parts
    data = parse_base64(encoded, "verifier key")
    if not data:
        raise VerificationError("the verifier key is empty")
    key = _checked_key(name, data[0], data[1:])
    if key.key_hash.hex() != key_hash:
        raise VerificationError(f"the hash in the verifier key of {name!r} is not that key's")
    return key


def sign_note(text: str, signer: NoteSigner) -> NoteSignature:
    """An Ed25519 signature line over a note's text. Raises: VerificationError if the text cannot be a note."""
    _check_text(text)
    key = signer.verifier
    return NoteSignature(key.name, key.key_hash, signer.sign(text.encode()))


def cosign_note(text: str, signer: NoteSigner, *, time_s: int) -> NoteSignature:
    """A `cosignature/v1` line: the witness saw this checkpoint, consistent with all before, at POSIX second `time_s`."""
    _check_text(text)
    if not 0 <= time_s < 2**63:
        raise VerificationError("the time of a cosignature is out of range")
    key = signer.verifier
    return NoteSignature(key.name, key.key_hash, time_s.to_bytes(8, "big") + signer.sign(_cosigned(text, time_s)))


def parse_note(data: bytes) -> SignedNote:
    """Text and signature lines of a note file, unverified. Raises: VerificationError if it is malformed or over 64 KiB."""
    if len(data) > MAX_NOTE_BYTES:
        raise VerificationError("the note is over 64 KiB")
    try:
        whole = data.decode("utf-8", "strict")
    except UnicodeDecodeError as error:
        raise VerificationError("the note is not UTF-8") from error
    split = whole.rfind("\n\n")
    if split < 0 or not whole.endswith("\n"):
        raise VerificationError("the note has no signature block")
    text, block = whole[: split + 1], whole[split + 2 :]
    _check_text(text)
    lines = block[:-1].split("\n") if block else []
    if not 1 <= len(lines) <= MAX_SIGNATURES:
        raise VerificationError("the note has no signatures, or too many")
    return SignedNote(text, tuple(_parse_signature(line) for line in lines))


def verify_note(note: SignedNote, key: VerifierKey) -> None:
    """Succeeds when `key` signed the text. Raises: VerificationError if its signature is absent or wrong."""
    if key.kind != ED25519:
        raise VerificationError(f"{key.name!r} is not a note signing key")
    blobs = _blobs_of(note, key)
    if not blobs:
        raise VerificationError(f"no signature by {key.name!r} ({key.key_hash.hex()})")
    for blob in blobs:
        if not _is_signed(key, blob, note.text.encode()):
            raise VerificationError(f"the signature by {key.name!r} does not verify")


def verify_cosignatures(note: SignedNote, witnesses: Iterable[VerifierKey]) -> tuple[Cosignature, ...]:
    """The cosignatures by the given witnesses, one for each that signed; lines of unknown keys are ignored.

    Raises: VerificationError if a line claims a given witness's key and does not verify. Not checked: any quorum.
    """
    found = []
    for key in witnesses:
        for blob in _blobs_of(note, key)[:1]:
            found.append(_verify_cosignature(note.text, key, blob))
    return tuple(found)


def _verify_cosignature(text: str, key: VerifierKey, blob: bytes) -> Cosignature:
    if key.kind != COSIGNATURE_V1:
        raise VerificationError(f"{key.name!r} is not a witness key")
    time_s = int.from_bytes(blob[:8], "big")
    if len(blob) != 72 or time_s >= 2**63 or not _is_signed(key, blob[8:], _cosigned(text, time_s)):
        raise VerificationError(f"the cosignature by {key.name!r} does not verify")
    return Cosignature(key.name, time_s)


def _cosigned(text: str, time_s: int) -> bytes:
    return f"cosignature/v1\ntime {time_s}\n{text}".encode()


def _blobs_of(note: SignedNote, key: VerifierKey) -> list[bytes]:
    return [line.blob for line in note.signatures if line.name == key.name and line.key_hash == key.key_hash]


def _is_signed(key: VerifierKey, signature: bytes, message: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _checked_key(name: str, kind: int, public: bytes) -> VerifierKey:
    _check_name(name)
    if kind not in (ED25519, COSIGNATURE_V1):
        raise VerificationError(f"key type {kind} is not supported")
    if len(public) != 32:
        raise VerificationError("an Ed25519 public key has 32 bytes")
    return VerifierKey(name, kind, public)


def _check_name(name: str) -> None:
    if not 0 < len(name) <= _MAX_NAME_CHARS or "+" in name or any(char.isspace() or not char.isprintable() for char in name):
        raise VerificationError("a key name is empty, too long, or holds a space or a plus sign")


def _check_text(text: str) -> None:
    if not text.endswith("\n"):
        raise VerificationError("the text of a note ends with a newline")
    if any((char < " " and char != "\n") or "\ud800" <= char <= "\udfff" for char in text):
        raise VerificationError("the text of a note holds a control character")


def _parse_signature(line: str) -> NoteSignature:
    if not line.startswith(_DASH):
        raise VerificationError("a signature line does not begin with a dash")
    name, _, encoded = line[len(_DASH) :].partition(" ")
    _check_name(name)
    data = parse_base64(encoded, "note signature")
    if len(data) < 5:
        raise VerificationError("a note signature is too short")
    return NoteSignature(name, data[:4], data[4:])
