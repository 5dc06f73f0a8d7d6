"""The log as the rest of the service sees it: append, sequence, publish, prove."""

import hashlib
from collections.abc import Sequence
from functools import partial

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.db import Database, run_sql
from server.errors import LogRefused, NotSequenced, OutsideLog
from server.transparency.models import PublishedNote
from server.transparency.published import Published, Stamp, Stamped, find_stamped, stamps_of, to_published
from server.transparency.rounds import SharedRounds
from server.transparency.sequencer import Sequencer, SignedHead
from server.transparency.tiles import TILE_WIDTH, TileCache, Walk, cached_nodes, stored_nodes
from server.transparency.witnesses import WitnessClient
from server.trust.checkpoint import LogTrust
from server.trust.errors import VerificationError
from server.trust.merkle import HASH_BYTES, NodeReader, consistency_proof, inclusion_proof
from server.trust.note import parse_note, verify_cosignatures
from server.trust.receipt import format_receipt, verify_receipt

__all__ = ["Log", "Published", "Stamp", "Stamped"]

LEAF_BYTES = 32
_ROUNDS = 5

_APPEND = """
INSERT INTO queued_leaf (leaf, needs_stamp)
SELECT leaf, :needs_stamp FROM unnest(CAST(:leaves AS bytea[])) WITH ORDINALITY AS fresh(leaf, position)
ORDER BY position
ON CONFLICT (leaf) DO NOTHING
"""
_PLACES = "SELECT leaf, index AS place FROM leaf WHERE leaf = ANY(CAST(:leaves AS bytea[]))"
_TILE = "SELECT hashes FROM tile WHERE level = :level AND index = :index"
_ENTRIES = "SELECT leaf FROM leaf WHERE index >= :first AND index < :end ORDER BY index"


class Log:
    """An append-only RFC 6962 tree with signed checkpoints. One log per deployment; any number of processes."""

    def __init__(self, database: Database, sequencer: Sequencer, witnesses: WitnessClient, cache: TileCache) -> None:
        self.database = database
        self.sequencer = sequencer
        self.witnesses = witnesses
        self.origin = sequencer.signer.name
        self.vkey = sequencer.signer.vkey
        self.trust = LogTrust(self.origin, sequencer.signer.verifier, witnesses.keys)
        self._cache = cache
        self._rounds = SharedRounds(self._round)

    # Writing

    async def append(self, session: AsyncSession, leaf: bytes, *, needs_stamp: bool = True) -> None:
        """Queues `leaf` (32 bytes) in the caller's transaction: it is in the log's future exactly if that transaction commits.

        Idempotent per leaf. `needs_stamp=False` is for stamps of the log itself, which must not ask for another stamp for ever.
        """
        await self.append_many(session, [leaf], needs_stamp=needs_stamp)

    async def append_many(self, session: AsyncSession, leaves: Sequence[bytes], *, needs_stamp: bool = True) -> None:
        """append() of several leaves, in this order, in one statement."""
        if any(len(leaf) != LEAF_BYTES for leaf in leaves):
            raise ValueError("a leaf is the 32 bytes of a SHA-256")
        await run_sql(session, _APPEND, leaves=list(leaves), needs_stamp=needs_stamp)

    async def sequence(self) -> Published | None:
        """Gives every committed queued leaf an index, signs the new root and publishes it; None while the log is empty.

        Many callers at once share one round. Durable on return. A witness that is down does not stop it.
        Raises: LogRefused (nothing signed).
        """
        return await self._rounds.join()

    async def _round(self) -> Published | None:
        """A witness cosigns no head older than its newest: when another process was quicker, its newer head is published too."""
        published = None
        for _ in range(_ROUNDS):
            head = await self.sequencer.run()
            if head is None:
                return None
            published, is_overtaken = await self._publish(head)
            if not is_overtaken:
                break
        return published

    async def _publish(self, head: SignedHead) -> tuple[Published, bool]:
        """The head's file with all cosignatures that can be had now, what was had before kept; whether a newer head took them."""
        newest = await self.newest()
        known = newest.note if newest is not None and newest.size == head.size else None
        if newest is not None and known is not None and not self._lacks_cosignatures(newest):
            return newest, False
        cosigned = await self.witnesses.cosign(known or head.note, head.size)
        note = cosigned.note
        if newest is not None and note == known:
            return newest, cosigned.overtaken
        row = PublishedNote(
            sha256=hashlib.sha256(note).hexdigest(),
            size=head.size,
            cosignatures=len(verify_cosignatures(parse_note(note), self.trust.witnesses)),
            note=note,
            published_at=self.sequencer.clock.now(),
        )
        async with self.database.transaction() as session:
            statement = insert(PublishedNote).values(row.model_dump()).on_conflict_do_nothing()
            await (await session.connection()).execute(statement)
        return Published(row.sha256, head.size, head.root, row.cosignatures, note), cosigned.overtaken

    def _lacks_cosignatures(self, published: Published) -> bool:
        return published.cosignatures < len(self.trust.witnesses)

    # Proving

    async def receipt(self, leaf: bytes) -> bytes:
        """C2SP tlog-proof of `leaf` in the newest published checkpoint, verified before it is returned; sequences if needed.

        Call after the transaction that appended the leaf has committed. Raises: NotSequenced (unknown leaf); LogRefused.
        """
        newest, index = await self.newest(), await self.index_of(leaf)
        if newest is None or index is None or index >= newest.size:
            newest = await self.sequence()
        if newest is None:
            raise NotSequenced(leaf=leaf.hex())
        return (await self.receipts([leaf], newest))[leaf]

    async def receipts(self, leaves: Sequence[bytes], published: Published) -> dict[bytes, bytes]:
        """tlog-proof of each leaf against one given checkpoint file (what a bundle needs). Raises: NotSequenced; LogRefused."""
        async with self.database.session() as session:
            rows = await run_sql(session, _PLACES, leaves=list(leaves))
        places = {bytes(row.leaf): int(row.place) for row in rows}
        for leaf in leaves:
            if places.get(leaf, published.size) >= published.size:
                raise NotSequenced(leaf=leaf.hex())

        def walk(nodes: NodeReader) -> dict[bytes, list[bytes]]:
            return {leaf: inclusion_proof(places[leaf], published.size, nodes) for leaf in leaves}

        try:
            proofs = walk(await self._nodes(walk))
            receipts = {leaf: format_receipt(places[leaf], proofs[leaf], published.note) for leaf in leaves}
            for leaf, receipt in receipts.items():  # never hand out what would not verify
                verify_receipt(receipt, leaf, self.trust)
        except VerificationError as error:
            raise LogRefused(reason=str(error), size=published.size) from error
        return receipts

    async def index_of(self, leaf: bytes) -> int | None:
        """The leaf's index, or None while it has none."""
        async with self.database.session() as session:
            rows = await run_sql(session, _PLACES, leaves=[leaf])
        return int(rows[0].place) if rows else None

    async def inclusion_proof(self, index: int, size: int) -> list[bytes]:
        """Sibling hashes for leaf `index` in the tree of `size` leaves. Raises: OutsideLog."""
        return await self._prove(partial(inclusion_proof, index, size), size)

    async def consistency_proof(self, old_size: int, new_size: int) -> list[bytes]:
        """Hashes that show the tree of `old_size` is a prefix of the tree of `new_size`. Raises: OutsideLog."""
        return await self._prove(partial(consistency_proof, old_size, new_size), new_size)

    async def _prove(self, walk: "partial[list[bytes]]", size: int) -> list[bytes]:
        try:
            return walk(await self._nodes(walk))
        except VerificationError as error:
            raise OutsideLog(what=str(error), size=size) from error

    async def _nodes(self, walk: Walk) -> NodeReader:
        """Every node the walk needs: from memory if all tiles are there, else in one query."""
        cached = cached_nodes(walk, self._cache)
        if cached is not None:
            return cached
        async with self.database.session() as session:
            return await stored_nodes(session, walk, self._cache)

    # Reading

    async def newest(self) -> Published | None:
        """The newest published checkpoint, the one with most cosignatures if it has several files."""
        order = (col(PublishedNote.size).desc(), col(PublishedNote.cosignatures).desc())
        async with self.database.session() as session:
            row = (await session.exec(select(PublishedNote).order_by(*order).limit(1))).first()
        return None if row is None else to_published(row)

    async def published(self, sha256: str) -> Published | None:
        """The published checkpoint file with this hash."""
        async with self.database.session() as session:
            row = await session.get(PublishedNote, sha256)
        return None if row is None else to_published(row)

    async def stamped(self, sha256: str) -> Stamped | None:
        """The published file with this hash and its stamps (possibly none); None if never published."""
        async with self.database.session() as session:
            row = await session.get(PublishedNote, sha256)
            return None if row is None else await stamps_of(session, row)

    async def newest_stamped(self) -> Stamped | None:
        """The newest published checkpoint that has a stamp."""
        async with self.database.session() as session:
            return await find_stamped(session)

    async def earliest_stamped(self, index: int) -> Stamped | None:
        """The smallest stamped checkpoint that holds leaf `index`: its stamps are *not after*. None: pending."""
        async with self.database.session() as session:
            return await find_stamped(session, above=index)

    async def challenge(self) -> Stamped | None:
        """What a browser binds its statement to: the newest stamped checkpoint, else the newest (no stamps), else None."""
        stamped = await self.newest_stamped()
        if stamped is not None:
            return stamped
        newest = await self.newest()
        return None if newest is None else Stamped(newest, ())

    async def tile(self, level: int, index: int, width: int) -> bytes:
        """`width` x 32 bytes of a C2SP hash tile (width 256: the full tile). Raises: OutsideLog."""
        async with self.database.session() as session:
            rows = await run_sql(session, _TILE, level=level, index=index) if _is_tile(level, index, width) else ()
        hashes = bytes(rows[0].hashes)[: width * HASH_BYTES] if rows else b""
        if len(hashes) != width * HASH_BYTES or not hashes:
            raise OutsideLog(what=f"tile {level}/{index} of width {width}")
        return hashes

    async def entries(self, index: int, width: int) -> bytes:
        """A C2SP entry bundle: `width` times uint16 length and the 32-byte leaf. Raises: OutsideLog."""
        first = index * TILE_WIDTH
        async with self.database.session() as session:
            rows = await run_sql(session, _ENTRIES, first=first, end=first + width) if _is_tile(0, index, width) else ()
        if len(rows) != width or not rows:
            raise OutsideLog(what=f"entries {index} of width {width}")
        return b"".join(LEAF_BYTES.to_bytes(2, "big") + bytes(row.leaf) for row in rows)


def _is_tile(level: int, index: int, width: int) -> bool:
    return 0 <= level <= 7 and 0 <= index < 2**54 and 1 <= width <= TILE_WIDTH
