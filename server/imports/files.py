"""Files that come in: copied to scratch while they are hashed, kept as a blob, and opened again from the store as a file."""

import asyncio
import hashlib
import os
import uuid
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from server.captures.faults import end_faults
from server.captures.keeping import blob_row
from server.errors import BadInput
from server.imports.errors import FileRefused
from server.imports.parts import ImportParts
from storage.hashing import CHUNK_BYTES, Sha256
from storage.scratch import clear_abandoned, held_folder

NAME_LIMIT = 200
PREFIX = "import-"


@dataclass(frozen=True)
class Received:
    """A file on scratch: `name` as its sender called it, without folders."""

    path: Path
    name: str
    sha256: Sha256
    size_bytes: int


def plain_name(name: str) -> str:
    """The file's own name: no folder, printable, at most 200 characters. Raises: BadInput (nothing is left)."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    kept = "".join(char for char in last if char.isprintable()).strip()
    if not kept or kept in (".", ".."):
        raise BadInput(field="file", reason="a file with a name is wanted")
    stem, dot, ending = kept.rpartition(".")
    return kept if len(kept) <= NAME_LIMIT else f"{stem[: NAME_LIMIT - len(ending) - 1]}{dot}{ending}"[:NAME_LIMIT]


@asynccontextmanager
async def received(parts: ImportParts, source: BinaryIO, name: str, limit_bytes: int) -> AsyncIterator[Received]:
    """The rest of `source` as a file that is gone when the block ends. Raises: BadInput; FileRefused (empty, or too large)."""
    plain = plain_name(name)
    with _scratch(parts) as folder:
        path = folder / "file"
        sha256, size_bytes = await asyncio.to_thread(_copy, source, path, limit_bytes)
        yield Received(path, plain, sha256, size_bytes)


async def keep(parts: ImportParts, file: Received, organisation_id: uuid.UUID) -> None:
    """The file as a durable blob with its row: blob before row. Idempotent. Raises: StorageError."""
    stored = await asyncio.to_thread(
        lambda: parts.blobs.put_file(file.path, organisation=str(organisation_id), sha256=file.sha256, size_bytes=file.size_bytes)
    )
    async with parts.database.transaction() as session:
        await (await session.connection()).execute(blob_row(organisation_id, stored, parts.clock.now()))
        if not stored.existed:
            await end_faults(session, organisation_id, file.sha256)


@asynccontextmanager
async def fetched(parts: ImportParts, organisation_id: uuid.UUID, sha256: str, size_bytes: int) -> AsyncIterator[Path]:
    """The kept file on scratch, hashed anew. Raises: FileRefused (the store gives other bytes); StorageError."""

    def fetch(path: Path) -> str:
        with parts.blobs.open(str(organisation_id), Sha256(sha256)) as stream:
            return _copy(stream, path, size_bytes)[0]

    with _scratch(parts) as folder:
        path = folder / "file"
        if await asyncio.to_thread(fetch, path) != sha256:
            raise FileRefused(reason="the store gives other bytes than were taken in")
        yield path


def clear_scratch(parts: ImportParts) -> int:
    """Removes the folders of imports that killed processes left; how many. Blocking."""
    return clear_abandoned(parts.scratch, PREFIX)


def _scratch(parts: ImportParts) -> AbstractContextManager[Path]:
    return held_folder(parts.scratch, PREFIX)


def _copy(source: BinaryIO, path: Path, limit_bytes: int) -> tuple[Sha256, int]:
    hasher, size = hashlib.sha256(), 0
    with path.open("wb") as target:
        while piece := source.read(CHUNK_BYTES):
            size += len(piece)
            if size > limit_bytes:
                raise FileRefused(reason=f"the file has more than {limit_bytes} bytes")
            hasher.update(piece)
            target.write(piece)
        target.flush()
        os.fsync(target.fileno())
    if size == 0:
        raise FileRefused(reason="the file is empty")
    return Sha256(hasher.hexdigest()), size
