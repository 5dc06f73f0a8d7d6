"""The log as the rest of the service sees it: append, sequence, publish, prove."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession


@dataclass(frozen=True)
class Published:
    """A checkpoint file as published: `note` is the exact file (log signature and cosignatures), `sha256` its hash."""

    sha256: str
    size: int
    root: bytes
    cosignatures: int
    note: bytes


@dataclass(frozen=True)
class Stamp:
    """One verified RFC 3161 stamp: `tsr` is the exact TimeStampResp file."""

    tsa: str
    gen_time: datetime
    tsr: bytes
    tsr_sha256: str


@dataclass(frozen=True)
class Stamped:
    """A published checkpoint and every verified stamp over its exact bytes."""

    published: Published
    stamps: tuple[Stamp, ...]


class Log:
    """An append-only RFC 6962 tree with signed checkpoints. One log per deployment; any number of processes."""

    origin: str
    vkey: str

    async def append(self, session: AsyncSession, leaf: bytes, *, needs_stamp: bool = True) -> None:
        """Queues `leaf` (32 bytes) in the caller's transaction: it is in the log's future exactly if that transaction commits.

        Idempotent per leaf. `needs_stamp=False` is for stamps of the log itself, which must not ask for another stamp for ever.
        """
        raise NotImplementedError

    async def sequence(self) -> Published | None:
        """Gives every committed queued leaf an index, signs the new root and publishes it; None while the log is empty.

        Many callers at once share one round. Durable on return. A witness that is down does not stop it.
        Raises: LogRefused (nothing signed).
        """
        raise NotImplementedError

    async def receipt(self, leaf: bytes) -> bytes:
        """C2SP tlog-proof of `leaf` in the newest published checkpoint, verified before it is returned; sequences if needed.

        Call after the transaction that appended the leaf has committed. Raises: NotSequenced (unknown leaf); LogRefused.
        """
        raise NotImplementedError

    async def index_of(self, leaf: bytes) -> int | None:
        """The leaf's index, or None while it has none."""
        raise NotImplementedError

    async def inclusion_proof(self, index: int, size: int) -> list[bytes]:
        """Sibling hashes for leaf `index` in the tree of `size` leaves. Raises: OutsideLog."""
        raise NotImplementedError

    async def consistency_proof(self, old_size: int, new_size: int) -> list[bytes]:
        """Hashes that show the tree of `old_size` is a prefix of the tree of `new_size`. Raises: OutsideLog."""
        raise NotImplementedError

    async def newest(self) -> Published | None:
        """The newest published checkpoint, the one with most cosignatures if it has several files."""
        raise NotImplementedError

    async def published(self, sha256: str) -> Published | None:
        """The published checkpoint file with this hash."""
        raise NotImplementedError

    async def stamped(self, sha256: str) -> Stamped | None:
        """The published file with this hash and its stamps (possibly none); None if never published."""
        raise NotImplementedError

    async def newest_stamped(self) -> Stamped | None:
        """The newest published checkpoint that has a stamp."""
        raise NotImplementedError

    async def earliest_stamped(self, index: int) -> Stamped | None:
        """The smallest stamped checkpoint that holds leaf `index`: its stamps are *not after*. None: pending."""
        raise NotImplementedError

    async def challenge(self) -> Stamped | None:
        """What a browser binds its statement to: the newest stamped checkpoint, else the newest (no stamps), else None."""
        raise NotImplementedError

    async def tile(self, level: int, index: int, width: int) -> bytes:
        """`width` x 32 bytes of a C2SP hash tile (width 256: the full tile). Raises: OutsideLog."""
        raise NotImplementedError

    async def entries(self, index: int, width: int) -> bytes:
        """A C2SP entry bundle: `width` times uint16 length and the 32-byte leaf. Raises: OutsideLog."""
        raise NotImplementedError

    async def receipts(self, leaves: Sequence[bytes], published: Published) -> dict[bytes, bytes]:
        """tlog-proof of each leaf against one given checkpoint file (what a bundle needs). Raises: NotSequenced; OutsideLog."""
        raise NotImplementedError
