"""Giving leaves their place and signing the result: one linear log, however many processes try.

Write order: 1 queued leaves become leaves and tiles, durable in one transaction; 2 the next transaction re-reads what is durable,
checks it against the last checkpoint and signs. Each transaction holds the same advisory lock and trusts nothing from before it,
so a crash between the two leaves no trace but unsigned leaves, which the next round signs.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.clock import Clock
from server.db import Database, lock_for_transaction, run_sql
from server.errors import LogRefused
from server.transparency.head import Head, HeadMemory
from server.transparency.models import CheckpointRow
from server.transparency.tiles import TileEdge, stored_nodes
from server.trust.checkpoint import Checkpoint, LogTrust, sign_checkpoint, verify_checkpoint
from server.trust.errors import VerificationError
from server.trust.keys import LogSigner
from server.trust.merkle import NodeReader, consistency_proof, root_from_nodes, verify_consistency

LOCK = "log.sequencer"
BATCH = 10_000

_TAKE = """
DELETE FROM queued_leaf WHERE id IN (SELECT id FROM queued_leaf ORDER BY id LIMIT :batch) RETURNING id, leaf, needs_stamp
"""
_KNOWN = "SELECT leaf FROM leaf WHERE leaf = ANY(CAST(:leaves AS bytea[]))"
_PLACE = """
INSERT INTO leaf (index, leaf, needs_stamp)
SELECT :first + position - 1, leaf, needs_stamp
FROM unnest(CAST(:leaves AS bytea[]), CAST(:needs AS boolean[])) WITH ORDINALITY AS fresh(leaf, needs_stamp, position)
"""
_SIZE = "SELECT coalesce(max(index) + 1, 0) FROM leaf"


@dataclass(frozen=True)
class SignedHead:
    """The root signed for `size`; `note` is the checkpoint file with the log's signature only."""

    size: int
    root: bytes
    note: bytes


@dataclass(frozen=True)
class _Stored:
    """What the database holds now: the last checkpoint (None before the first), and the tree as it has grown."""

    head: SignedHead | None
    edge: TileEdge


class Sequencer:
    """Moves queued leaves into the tree and signs its head."""

    def __init__(self, database: Database, clock: Clock, signer: LogSigner, memory: HeadMemory) -> None:
        self.database = database
        self.memory = memory
        self.clock = clock
        self.signer = signer
        self.trust = LogTrust(signer.name, signer.verifier)
        self.reached: Callable[[str], None] = lambda step: None  # tests end the process here: `leaves_durable`, `head_durable`

    async def run(self) -> SignedHead | None:
        """The newest signed head, with every leaf committed before the call below it; None while the log is empty.

        Raises: LogRefused if stored rows shrink, fork or contradict the signed head; nothing is signed then.
        """
        while await self._place_leaves() == BATCH:
            pass
        self.reached("leaves_durable")
        head = await self._sign()
        self.reached("head_durable")
        return head

    async def _place_leaves(self) -> int:
        """Transaction 1: up to BATCH queued leaves get the next indexes, in the order they were queued; how many were taken."""
        async with self.database.transaction() as session:
            await lock_for_transaction(session, LOCK)
            stored = await self._load(session)
            taken = sorted(await run_sql(session, _TAKE, batch=BATCH))
            if not taken:
                return 0
            known = {bytes(row.leaf) for row in await run_sql(session, _KNOWN, leaves=[bytes(row.leaf) for row in taken])}
            fresh = [row for row in taken if bytes(row.leaf) not in known]
            leaves = [bytes(row.leaf) for row in fresh]
            await run_sql(session, _PLACE, first=stored.edge.size, leaves=leaves, needs=[bool(row.needs_stamp) for row in fresh])
            for leaf in leaves:
                stored.edge.append(leaf)
            await stored.edge.save(session)
            return len(taken)

    async def _sign(self) -> SignedHead | None:
        """Transaction 2: signs the durable tree if it has grown."""
        async with self.database.transaction() as session:
            await lock_for_transaction(session, LOCK)
            stored = await self._load(session)
            size, old = stored.edge.size, stored.head
            if size == 0 or (old is not None and old.size == size):
                return old
            root = await self._extend(session, old, size)
            note = sign_checkpoint(Checkpoint(self.signer.name, size, root), self.signer)
            session.add(CheckpointRow(size=size, root=root, note=note, created_at=self.clock.now()))
        await asyncio.to_thread(self.memory.write, Head(size, root))  # before anybody is shown the note
        return SignedHead(size, root, note)

    async def _extend(self, session: AsyncSession, old: SignedHead | None, size: int) -> bytes:
        """The root of the stored tree of `size`, proved to begin with the tree signed last. Raises: LogRefused."""

        def walk(nodes: NodeReader) -> tuple[bytes, list[bytes]]:
            proof = consistency_proof(old.size, size, nodes) if old is not None else []
            return root_from_nodes(size, nodes), proof

        try:
            root, proof = walk(await stored_nodes(session, walk))
            if old is not None:
                verify_consistency((old.size, old.root), (size, root), proof)
        except VerificationError as error:
            raise LogRefused(reason=str(error), size=size) from error
        return root

    async def _load(self, session: AsyncSession) -> _Stored:
        """The stored tree and the last checkpoint, checked against each other and against what this machine signed."""
        edge = await TileEdge.load(session)
        leaves = (await run_sql(session, _SIZE))[0][0]
        if leaves != edge.size:
            raise LogRefused(reason=f"{leaves} leaves, but tiles for {edge.size}", size=edge.size)
        newest = select(CheckpointRow).order_by(col(CheckpointRow.size).desc()).limit(1)
        row = (await session.exec(newest)).first()
        head = None if row is None else SignedHead(row.size, bytes(row.root), bytes(row.note))
        await self._check_memory(head)
        if head is not None:
            if head.size > edge.size:
                raise LogRefused(reason=f"{edge.size} leaves are fewer than were signed", size=head.size)
            await self._check_head(session, head)
        return _Stored(head, edge)

    async def _check_memory(self, head: SignedHead | None) -> None:
        """Succeeds unless the database is behind, or beside, what was signed on this machine. Raises: LogRefused."""
        signed = await asyncio.to_thread(self.memory.read)
        if signed is None or (head is not None and head.size > signed.size):
            return
        if head is None or (head.size, head.root) != (signed.size, signed.root):
            reason = f"the database is not the one that {signed.size} leaves were signed from: was a backup restored?"
            raise LogRefused(reason=reason, size=signed.size)

    async def _check_head(self, session: AsyncSession, head: SignedHead) -> None:
        """Succeeds when our key signed exactly this size and root, and the stored tiles still give that root."""
        try:
            signed = verify_checkpoint(head.note, self.trust).checkpoint
            if (signed.size, signed.root) != (head.size, head.root):
                raise LogRefused(reason="the checkpoint row is not what its note signs", size=head.size)
            walk = partial(root_from_nodes, head.size)
            if walk(await stored_nodes(session, walk)) != head.root:
                raise LogRefused(reason="stored tiles do not give the signed root", size=head.size)
        except VerificationError as error:
            raise LogRefused(reason=str(error), size=head.size) from error
