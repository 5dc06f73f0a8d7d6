"""Audit of the log: leaves, tiles, roots, checkpoints and published files re-derived from the stored leaves."""

import asyncio
import hashlib

from sqlmodel.ext.asyncio.session import AsyncSession

from server.custody.findings import AuditReport
from server.db import run_sql
from server.transparency.tiles import TileEdge
from server.trust.checkpoint import LogTrust, parse_checkpoint_file, verify_checkpoint
from server.trust.errors import VerificationError
from server.trust.merkle import Frontier

BATCH = 5_000

_SIZES = "SELECT size FROM checkpoint"
_LEAVES = "SELECT index AS place, leaf FROM leaf WHERE index >= :first ORDER BY index LIMIT :batch"
_TILES = """
SELECT level, index AS place, width, hashes FROM tile
WHERE (level, index) > (:level, :place) ORDER BY level, index LIMIT :batch
"""
_CHECKPOINTS = "SELECT size, root, note FROM checkpoint WHERE size > :size ORDER BY size LIMIT :batch"
_NOTES = """
SELECT published_note.sha256, published_note.size, cosignatures, published_note.note, checkpoint.note AS signed
FROM published_note LEFT JOIN checkpoint USING (size) WHERE published_note.sha256 > :sha256 ORDER BY sha256 LIMIT :batch
"""


class RebuiltTree:
    """The tree of the stored leaves, built again from nothing, and its root at every size that was signed."""

    def __init__(self, sizes: set[int]) -> None:
        self._sizes = sizes
        self._frontier = Frontier()
        self.edge = TileEdge(())
        self.roots: dict[int, bytes] = {}

    def extend(self, leaves: list[bytes]) -> None:
        """Adds leaves. Pure computation: run it in a thread."""
        for leaf in leaves:
            self._frontier.append(leaf)
            self.edge.append(leaf)
            if self._frontier.size in self._sizes:
                self.roots[self._frontier.size] = self._frontier.root()

    @property
    def size(self) -> int:
        """Number of leaves."""
        return self._frontier.size

    @property
    def root(self) -> bytes:
        """Root of all leaves."""
        return self._frontier.root()


async def audit_tree(session: AsyncSession, trust: LogTrust, report: AuditReport) -> None:
    """Steps 1 to 4 of the audit, into `report`."""
    sizes = {int(row.size) for row in await run_sql(session, _SIZES)}
    tree = RebuiltTree(sizes)
    await _read_leaves(session, tree, report)
    await _compare_tiles(session, tree, report)
    await _check_checkpoints(session, tree, trust, report)
    await _check_published(session, trust, report)
    report.size, report.root = tree.size, tree.root.hex()


async def _read_leaves(session: AsyncSession, tree: RebuiltTree, report: AuditReport) -> None:
    """1. Leaves stand at 0, 1, 2, … without a gap."""
    next_place = 0
    while rows := await run_sql(session, _LEAVES, first=next_place, batch=BATCH):
        for expected, row in enumerate(rows, next_place):
            if row.place != expected:
                report.fail(f"leaf {expected}", "missing")
                return
        await asyncio.to_thread(tree.extend, [bytes(row.leaf) for row in rows])
        next_place += len(rows)
    report.count("leaves", tree.size)


async def _compare_tiles(session: AsyncSession, tree: RebuiltTree, report: AuditReport) -> None:
    """2. The stored tiles are exactly those of the leaves."""
    expected = tree.edge.tiles()
    level, place = -1, -1
    while rows := await run_sql(session, _TILES, level=level, place=place, batch=BATCH):
        for row in rows:
            if expected.pop((row.level, row.place), None) != bytes(row.hashes):
                report.fail(f"tile {row.level}/{row.place}", "not the hashes of the stored leaves")
            report.count("tiles")
        level, place = rows[-1].level, rows[-1].place
    for name in sorted(expected):
        report.fail(f"tile {name[0]}/{name[1]}", "missing")


async def _check_checkpoints(session: AsyncSession, tree: RebuiltTree, trust: LogTrust, report: AuditReport) -> None:
    """3. Every signed root is the root of that many leaves, under the log's key."""
    size = -1
    while rows := await run_sql(session, _CHECKPOINTS, size=size, batch=BATCH):
        for row in rows:
            where = f"checkpoint {row.size}"
            try:
                signed = verify_checkpoint(bytes(row.note), trust, need_quorum=False).checkpoint
            except VerificationError as error:
                report.fail(where, str(error))
                continue
            if (signed.size, signed.root) != (row.size, bytes(row.root)):
                report.fail(where, "the row is not what its note signs")
            if tree.roots.get(row.size) != signed.root:
                report.fail(where, "the stored leaves do not give the signed root")
            report.count("checkpoints")
        size = rows[-1].size


async def _check_published(session: AsyncSession, trust: LogTrust, report: AuditReport) -> None:
    """4. Every published file is a checkpoint of ours with nothing but cosignatures added."""
    sha256 = ""
    while rows := await run_sql(session, _NOTES, sha256=sha256, batch=BATCH):
        for row in rows:
            where, note = f"published note {row.sha256}", bytes(row.note)
            try:
                verified = verify_checkpoint(note, trust, need_quorum=False)
                text = parse_checkpoint_file(note)[0].text
                if row.signed is None or parse_checkpoint_file(bytes(row.signed))[0].text != text:
                    report.fail(where, "not the text of the checkpoint signed for this size")
            except VerificationError as error:
                report.fail(where, str(error))
                continue
            if hashlib.sha256(note).hexdigest() != row.sha256 or verified.checkpoint.size != row.size:
                report.fail(where, "the row is not what its note says")
            if len(verified.cosignatures) < row.cosignatures:
                report.skip(where, f"{row.cosignatures} cosignatures, {len(verified.cosignatures)} by witnesses of the settings")
            report.count("published notes")
        sha256 = rows[-1].sha256
