"""The contract of a blob store: content-addressed bytes at rest. Adapters: memory, local, s3."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Literal, Protocol

from storage.errors import StorageError
from storage.hashing import Sha256, parse_sha256

Outcome = Literal["PASSED", "FAILED", "NOT_CHECKED"]

_ORGANISATION = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}", re.ASCII)


@dataclass(frozen=True)
class StoredBlob:
    """One blob as the store sees it. `existed`: it was there before this call (a duplicate, not an error)."""

    key: str
    sha256: Sha256
    size_bytes: int
    version_id: str | None
    existed: bool


@dataclass(frozen=True)
class StoreCheck:
    """One probe of the store: what was tried (`name`), how it went, and why. NOT_CHECKED never means good."""

    name: str
    outcome: Outcome
    reason: str


def blob_key(organisation: str, sha256: Sha256) -> str:
    """`<organisation>/sha256/ab/<hash>`. Identical bytes are shared within an organisation only, so nobody learns by hash what
    another holds. Raises: StorageError if the organisation is not [a-z0-9_-]{1,64} or the digest is malformed."""
    if _ORGANISATION.fullmatch(organisation) is None:
        raise StorageError("not an organisation id: [a-z0-9][a-z0-9_-]{0,63} is wanted")
    parse_sha256(sha256)
    return f"{organisation}/sha256/{sha256[:2]}/{sha256}"


def require_aware(until: datetime) -> datetime:
    """`until` itself. Raises: StorageError for a time without a zone, which would mean another instant on every machine."""
    if until.tzinfo is None:
        raise StorageError("a retention time needs a time zone")
    return until


class BlobStore(Protocol):
    """Content-addressed bytes, write-once. There is no delete.

    Trust: NOT trusted. Readers re-hash what matters; whoever controls the store can make data unavailable or detectably wrong.
    Blocking: every call may take long; call it from a thread, never from the event loop.
    Concurrency: every call is safe from several threads and processes at once; many writers of one digest make one blob.
    Retries: an adapter retries transient faults of its medium itself. A plain StorageError means "outcome unknown": the blob may
    be there or not, and the caller calls again, because every write is idempotent.
    """

    def put(self, source: BinaryIO, *, organisation: str, sha256: Sha256, size_bytes: int) -> StoredBlob:
        """Stores the rest of `source`. Durable when it returns (in memory: as durable as the process). Idempotent.

        The bytes are always read and hashed, also when the blob is already here: to name a digest is not to possess the bytes.
        Raises: DigestMismatch, SizeMismatch, BlobTooLarge (more than `size_bytes`): nothing became visible under the key, no
        temporary file stays. BlobDamaged: the store already holds other bytes under this key and cannot replace them.
        StorageError: outcome unknown, call again.
        """

    def put_file(self, path: Path, *, organisation: str, sha256: Sha256, size_bytes: int) -> StoredBlob:
        """As put(), for a local file that was hashed as it was written (a SpooledFile) and is not written to any more.

        The size is checked. The digest is NOT computed again where that would cost a second pass over the bytes: local links the
        same inode under the key (no copy) and makes it read-only; S3 lets the server check the digest. Whoever needs certainty
        re-hashes through open(), as sealing does. `path` stays; the caller removes it afterwards.
        """

    def open(self, organisation: str, sha256: Sha256, *, offset: int = 0, length: int | None = None) -> BinaryIO:
        """A seekable stream over bytes offset … offset+length of the blob (`None`: to the end; beyond the end: what there is).

        The caller closes it. Raises: BlobNotFound; StorageError while reading. Not checked: the digest.
        """

    def stat(self, organisation: str, sha256: Sha256) -> StoredBlob | None:
        """The blob without its bytes (`existed` is True), or None when the store holds nothing under the key."""

    def retain(self, organisation: str, sha256: Sha256, *, until: datetime) -> datetime | None:
        """Makes the store itself refuse to delete the blob before `until`; never shortens what was promised before.

        Gives the time until which the store refuses, at least `until`; None when this store has no such promise to give (a local
        folder: nothing here deletes, but nothing stops the machine's owner). Raises: BlobNotFound, RetentionRefused.
        """

    def check(self) -> tuple[StoreCheck, ...]:
        """Tries what the store is believed to do (refuse a wrong digest, an overwrite, a deletion) and tells what happened.

        Writes at most one small object under `probe/`. Shown to the operator; a FAILED here is a reason not to use the store.
        """
