"""Checkpoints: the size and root of the log, signed by the log and cosigned by witnesses. Source: C2SP tlog-checkpoint."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from server.trust.errors import VerificationError
from server.trust.jsontext import format_base64, parse_base64
from server.trust.merkle import HASH_BYTES, MAX_SIZE
from server.trust.note import (
    Cosignature,
    NoteSignature,
    NoteSigner,
    SignedNote,
    VerifierKey,
    cosign_note,
    parse_note,
    sign_note,
    verify_cosignatures,
    verify_note,
)

_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True)
class Checkpoint:
    """A tree head. origin: the log's name; size: number of leaves; root: 32 bytes."""

    origin: str
    size: int
    root: bytes

    def to_text(self) -> str:
        """The text of its note: three lines."""
        return f"{self.origin}\n{self.size}\n{format_base64(self.root)}\n"


@dataclass(frozen=True)
class LogTrust:
    """Which log is believed, and how many of which witnesses must have seen a head before it is."""

    origin: str
    log: VerifierKey
    witnesses: tuple[VerifierKey, ...] = ()
    quorum: int = 0


@dataclass(frozen=True)
class VerifiedCheckpoint:
    """A checkpoint whose log signature verified, with the cosignatures that verified too."""

    checkpoint: Checkpoint
    cosignatures: tuple[Cosignature, ...]


def parse_checkpoint(text: str) -> Checkpoint:
    """The checkpoint in a note's text. Extension lines are refused: this log writes none. Raises: VerificationError."""
    lines = text.split("\n")
    if len(lines) != 4 or lines[3] != "":
        raise VerificationError("a checkpoint has exactly three lines")
    origin, size, root = lines[:3]
    if not origin:
        raise VerificationError("the checkpoint names no origin")
    if _SIZE.fullmatch(size) is None or int(size) > MAX_SIZE:
        raise VerificationError("the size of the checkpoint is not a plain decimal number")
    root_hash = parse_base64(root, "checkpoint root")
    if len(root_hash) != HASH_BYTES:
        raise VerificationError("the root of the checkpoint is not 32 bytes")
    return Checkpoint(origin, int(size), root_hash)


def parse_checkpoint_file(data: bytes) -> tuple[SignedNote, Checkpoint]:
    """Note and checkpoint of a file, unverified. Raises: VerificationError."""
    note = parse_note(data)
    return note, parse_checkpoint(note.text)


def sign_checkpoint(checkpoint: Checkpoint, log: NoteSigner) -> bytes:
    """The checkpoint file, signed by the log. Raises: VerificationError if the signer's name is not the origin."""
    if log.verifier.name != checkpoint.origin:
        raise VerificationError("a log signs under its origin")
    text = checkpoint.to_text()
    parse_checkpoint(text)
    return SignedNote(text, (sign_note(text, log),)).to_bytes()


def cosign_checkpoint(data: bytes, witness: NoteSigner, *, time_s: int) -> NoteSignature:
    """A witness's line for a checkpoint file. Not checked here: that it is consistent with what the witness saw before."""
    note, _ = parse_checkpoint_file(data)
    return cosign_note(note.text, witness, time_s=time_s)


def with_signatures(data: bytes, more: Sequence[NoteSignature]) -> bytes:
    """The checkpoint file with further signature lines behind its own."""
    note = parse_note(data)
    return SignedNote(note.text, (*note.signatures, *more)).to_bytes()


def verify_checkpoint(data: bytes, trust: LogTrust, *, need_quorum: bool = True) -> VerifiedCheckpoint:
    """The checkpoint of a file, signed by the trusted log for its origin and, if asked, by a quorum of the trusted witnesses.

    Raises: VerificationError. Not checked: that any particular leaf is in it, or that it extends another checkpoint.
    """
    note, checkpoint = parse_checkpoint_file(data)
    if checkpoint.origin != trust.origin:
        raise VerificationError(f"the checkpoint is of log {checkpoint.origin[:100]!r}, trusted is {trust.origin!r}")
    verify_note(note, trust.log)
    cosignatures = verify_cosignatures(note, trust.witnesses)
    if need_quorum and len(cosignatures) < trust.quorum:
        raise VerificationError(f"{len(cosignatures)} of the trusted witnesses cosigned, {trust.quorum} must have")
    return VerifiedCheckpoint(checkpoint, cosignatures)
