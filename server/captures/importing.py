"""Importing an unsent capture that the extension exported as a file (docs/formats.md section 10)."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from server.captures.errors import DeviceUnknown, StatementRefused
from server.captures.intake import Intake
from server.captures.sealing import Sealer
from server.captures.uploads import Uploads
from server.captures.values import CaptureId
from server.operators.actors import DeviceActor
from server.operators.service import OperatorService, device_actor
from server.trust.dsse import parse_envelope
from server.trust.errors import VerificationError
from server.trust.statement import CaptureStatement, parse_statement
from storage.errors import BadContainer
from storage.hashing import CHUNK_BYTES
from storage.zipdirectory import STORED, ZipLimits
from storage.zipreader import ZipReader

STATEMENT = "statement.dsse.json"
STATEMENT_LIMIT_BYTES = 1024 * 1024
ARTIFACTS_LIMIT = 256


@dataclass(frozen=True)
class ImportedCapture:
    """What an import did. known: the capture was here already, with all of its files."""

    capture_id: CaptureId
    known: bool
    files: int
    size_bytes: int


@dataclass(frozen=True)
class UnsentCapture:
    """The file, read and compared with its own statement: nothing in it is missing, changed or unnamed."""

    envelope: bytes
    key_id: str
    statement: CaptureStatement


class Imports:
    """Takes a file the way a device's own sending goes: commit, upload, seal."""

    def __init__(self, intake: Intake, uploads: Uploads, sealer: Sealer, operators: OperatorService, *, limit_bytes: int) -> None:
        self._intake = intake
        self._operators = operators
        self._uploads = uploads
        self._sealer = sealer
        self._limits = ZipLimits(entries=ARTIFACTS_LIMIT + 1, entry_bytes=limit_bytes, total_bytes=4 * limit_bytes)

    async def read(self, path: Path) -> UnsentCapture:
        """The file's statement; every byte was read and fits it. Raises: StatementRefused, BadContainer, StorageError."""
        return await asyncio.to_thread(self._read, path)

    async def signer(self, unsent: UnsentCapture) -> DeviceActor:
        """The device whose key the envelope names. Raises: DeviceUnknown (not enrolled here, or revoked)."""
        found = await self._operators.device_by_key(unsent.key_id)
        if found is None or found[0].revoked_at is not None:
            raise DeviceUnknown(key_id=unsent.key_id)
        return device_actor(*found)

    async def take(self, actor: DeviceActor, path: Path, unsent: UnsentCapture) -> ImportedCapture:
        """Commits, stores what is missing, seals. Idempotent. Raises: as Intake.commit(), Uploads.append() and Sealer.seal().

        `actor` is the device that signed the statement; its key must be enrolled and active.
        """
        committed = await self._intake.commit(actor, unsent.envelope)
        for named in unsent.statement.artifacts:
            if named.sha256 not in committed.missing:
                continue
            status = await self._uploads.create(actor, committed.capture_id, named.sha256, named.size_bytes)
            if not status.stored:
                span = (status.offset, named.size_bytes - status.offset)
                await self._uploads.append(actor, status.upload_id, span, self._pieces(path, named.name, status.offset))
        sealed = await self._sealer.seal(actor, committed.capture_id)
        sizes = [named.size_bytes for named in unsent.statement.artifacts]
        return ImportedCapture(sealed.capture_id, committed.known and not committed.missing, len(sizes), sum(sizes))

    def _read(self, path: Path) -> UnsentCapture:
        with ZipReader(path, limits=self._limits, what="unsent capture") as packed:
            envelope = packed.read(STATEMENT, STATEMENT_LIMIT_BYTES)
            try:
                parsed = parse_envelope(envelope)
                statement = parse_statement(parsed.payload)
            except VerificationError as error:
                raise StatementRefused(reason=error.reason) from error
            if packed_names := [name for name in packed.names() if packed.entry(name).method != STORED]:
                raise BadContainer("unsent capture", packed_names[0], "compressed: every entry is stored as it is")
            named = {artifact.name for artifact in statement.artifacts}
            if extra := sorted(set(packed.names()) - named - {STATEMENT}):
                raise BadContainer("unsent capture", extra[0], "the statement does not name it")
            for artifact in statement.artifacts:
                if packed.size(artifact.name) != artifact.size_bytes:
                    raise BadContainer("unsent capture", artifact.name, "another size than the statement says")
                if packed.sha256(artifact.name) != artifact.sha256:
                    raise BadContainer("unsent capture", artifact.name, "another SHA-256 than the statement says")
        return UnsentCapture(envelope, parsed.key_id, statement)

    async def _pieces(self, path: Path, name: str, offset: int) -> AsyncIterator[bytes]:
        """The entry's bytes from `offset`, read in threads."""
        packed = await asyncio.to_thread(ZipReader, path, limits=self._limits, what="unsent capture")
        try:
            stream: BinaryIO = packed.open(name)
            stream.seek(offset)
            while piece := await asyncio.to_thread(stream.read, CHUNK_BYTES):
                yield piece
        finally:
            packed.close()
