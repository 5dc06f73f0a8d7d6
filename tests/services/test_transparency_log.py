"""The log: linear whoever appends, equal to an independent tree, append-only, and never two roots for one size."""

import asyncio
import hashlib
import itertools
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.exc import IntegrityError

from server.db import run_sql
from server.errors import LogRefused, NotSequenced, OutsideLog
from server.trust.checkpoint import parse_checkpoint_file
from server.trust.merkle import verify_consistency, verify_inclusion
from server.trust.receipt import verify_receipt
from tests.postgres import as_superuser
from tests.services.stage import Stage, leaf


def independent_root(leaves: list[bytes]) -> bytes:
    """RFC 6962 section 2.1 as it is written there, by recursion: shares no code with the service."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(b"\x01" + independent_root(leaves[:split]) + independent_root(leaves[split:])).digest()


async def stored_leaves(stage: Stage) -> list[tuple[int, bytes]]:
    async with stage.database.session() as session:
        rows = await run_sql(session, "SELECT index AS place, leaf FROM leaf ORDER BY index")
    return [(row.place, bytes(row.leaf)) for row in rows]


@pytest.mark.parametrize("sizes", [(1,), (2, 3), (255, 256, 257), (1, 511, 512, 700)])
async def test_roots_and_tiles_equal_an_independent_tree(stage: Stage, sizes: tuple[int, ...]) -> None:
    leaves = [leaf(number) for number in range(sizes[-1])]
    for start, end in itertools.pairwise((0, *sizes)):
        await stage.append(*leaves[start:end])
        published = await stage.log.sequence()
        assert published is not None
        assert (published.size, published.root) == (end, independent_root(leaves[:end]))
    for index in range(-(-sizes[-1] // 256)):
        own = leaves[index * 256 : (index + 1) * 256]
        assert await stage.log.tile(0, index, len(own)) == b"".join(hashlib.sha256(b"\x00" + value).digest() for value in own)
        assert await stage.log.entries(index, len(own)) == b"".join(b"\x00\x20" + value for value in own)
        assert await stage.log.tile(0, index, 1) == hashlib.sha256(b"\x00" + own[0]).digest()
    if full := sizes[-1] // 256:
        roots = [independent_root(leaves[index * 256 : (index + 1) * 256]) for index in range(full)]
        assert await stage.log.tile(1, 0, full) == b"".join(roots)


async def test_every_proof_verifies_and_none_is_given_outside_the_tree(stage: Stage) -> None:
    leaves = [leaf(number) for number in range(300)]
    heads = []
    for start, end in itertools.pairwise((0, 1, 7, 256, 300)):
        await stage.append(*leaves[start:end])
        heads.append(await stage.log.sequence())
    for head in heads:
        assert head is not None
        for index in (0, head.size // 2, head.size - 1):
            proof = await stage.log.inclusion_proof(index, head.size)
            verify_inclusion(leaves[index], index, head.size, proof, head.root)
        last = heads[-1]
        assert last is not None
        proof = await stage.log.consistency_proof(head.size, last.size)
        verify_consistency((head.size, head.root), (last.size, last.root), proof)
    for index, size in ((300, 300), (0, 301), (-1, 300)):
        with pytest.raises(OutsideLog):
            await stage.log.inclusion_proof(index, size)
    for level, index, width in ((0, 2, 1), (0, 1, 45), (1, 0, 2), (0, 0, 0), (9, 0, 1), (0, -1, 1)):
        with pytest.raises(OutsideLog):
            await stage.log.tile(level, index, width)
    with pytest.raises(OutsideLog):
        await stage.log.entries(1, 45)


async def test_concurrent_appends_give_one_linear_log(stage: Stage) -> None:
    async def worker(task: int) -> None:
        for number in range(12):
            value = leaf(task * 100 + number)
            await stage.append(value)
            verify_receipt(await stage.log.receipt(value), value, stage.log.trust)

    await asyncio.gather(*(worker(task) for task in range(8)))
    rows = await stored_leaves(stage)
    assert [place for place, _ in rows] == list(range(96))
    assert {value for _, value in rows} == {leaf(task * 100 + number) for task in range(8) for number in range(12)}
    for task in range(8):  # what one caller appended in order stands in order
        own = [leaf(task * 100 + number) for number in range(12)]
        assert [value for _, value in rows if value in own] == own
    newest = await stage.log.newest()
    assert newest is not None
    assert newest.root == independent_root([value for _, value in rows])


async def test_callers_at_once_share_rounds(stage: Stage) -> None:
    await asyncio.gather(*(stage.append(leaf(number)) for number in range(20)))
    published = await asyncio.gather(*(stage.log.sequence() for _ in range(20)))
    assert {head.size for head in published if head} == {20}
    async with stage.database.session() as session:
        assert (await run_sql(session, "SELECT count(*) FROM checkpoint"))[0][0] == 1


async def test_a_leaf_appended_twice_stands_once(stage: Stage) -> None:
    await stage.append(leaf(1), leaf(2))
    await stage.append(leaf(1))
    await stage.log.sequence()
    await stage.append(leaf(2), leaf(3))
    await stage.log.sequence()
    assert [value for _, value in await stored_leaves(stage)] == [leaf(1), leaf(2), leaf(3)]


async def test_a_leaf_whose_transaction_fails_never_comes_to_the_log(stage: Stage) -> None:
    with pytest.raises(RuntimeError):
        async with stage.database.transaction() as session:
            await stage.log.append(session, leaf(1))
            raise RuntimeError
    assert await stage.log.sequence() is None
    with pytest.raises(NotSequenced):
        await stage.log.receipt(leaf(1))


class _Crash(Exception):
    """The process ends here."""


@pytest.mark.parametrize("step", ["leaves_durable", "head_durable"])
async def test_a_crash_between_the_two_transactions_is_recovered_without_a_second_root(
    stage: Stage, database_url: str, tmp_path: Path, step: str
) -> None:
    await stage.append(leaf(0))
    first = await stage.log.sequence()
    await stage.append(leaf(1), leaf(2))

    def die(at: str) -> None:
        if at == step:
            raise _Crash

    stage.log.sequencer.reached = die
    with pytest.raises(_Crash):
        await stage.log.sequence()
    other = Stage.build(database_url, tmp_path)
    await other.append(leaf(3))
    head = await other.log.sequence()
    async with other.database.session() as session:
        rows = await run_sql(session, "SELECT size, root FROM checkpoint ORDER BY size")
    await other.close()
    assert first is not None
    assert head is not None
    assert (head.size, head.root) == (4, independent_root([leaf(number) for number in range(4)]))
    roots = {row.size: bytes(row.root) for row in rows}
    assert len(roots) == len(rows)
    assert roots == {size: independent_root([leaf(number) for number in range(size)]) for size in roots}


@pytest.mark.parametrize("table", ["leaf", "event", "checkpoint", "published_note", "tile"])
@pytest.mark.parametrize("change", ["DELETE FROM {}", "TRUNCATE {} CASCADE"])
async def test_stored_history_cannot_be_removed(stage: Stage, database_url: str, table: str, change: str) -> None:
    await stage.record(await stage.operator())
    await stage.log.sequence()
    with psycopg.connect(database_url) as connection, pytest.raises(psycopg.errors.CheckViolation):
        connection.execute(change.format(table))
    async with stage.database.session() as session:
        assert (await run_sql(session, f"SELECT count(*) FROM {table}"))[0][0] == 1


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE leaf SET needs_stamp = NOT needs_stamp",
        "UPDATE event SET type = 'capture.sealed'",
        "UPDATE checkpoint SET note = note",
        "UPDATE published_note SET cosignatures = 9",
        "UPDATE tile SET hashes = decode(repeat('00', 32), 'hex')",
    ],
)
async def test_stored_history_cannot_be_rewritten(stage: Stage, change: str) -> None:
    await stage.record(await stage.operator())
    await stage.log.sequence()
    with pytest.raises(IntegrityError):
        async with stage.database.transaction() as session:
            await run_sql(session, change)


FLIP = "UPDATE tile SET hashes = set_byte(hashes, 3, get_byte(hashes, 3) # 1)"
FORGERIES = {
    "a tile of the right edge": f"{FLIP} WHERE level = 0 AND index = 1",
    "a full tile's root": f"{FLIP} WHERE level = 1",
    "the newest root": "UPDATE checkpoint SET root = decode(repeat('00', 32), 'hex')",
    "the newest note": "UPDATE checkpoint SET note = set_byte(note, 40, get_byte(note, 40) # 1)",
    "a leaf taken away": "DELETE FROM leaf WHERE index = 259",
    "leaves and tiles taken away": "DELETE FROM leaf WHERE index >= 256; DELETE FROM tile WHERE level = 0 AND index = 1",
    "a smaller tile": "UPDATE tile SET width = 2, hashes = substring(hashes for 64) WHERE level = 0 AND index = 1;"
    " DELETE FROM leaf WHERE index >= 258",
}


@pytest.mark.parametrize("forgery", list(FORGERIES))
async def test_the_sequencer_signs_nothing_over_changed_rows(
    stage: Stage, database_url: str, tmp_path: Path, forgery: str
) -> None:
    await stage.append(*(leaf(number) for number in range(260)))
    await stage.log.sequence()
    with as_superuser(database_url) as connection:
        connection.execute(FORGERIES[forgery])
    restarted = Stage.build(database_url, tmp_path)
    await restarted.append(leaf(1000))
    with pytest.raises(LogRefused):
        await restarted.log.sequence()
    async with restarted.database.session() as session:
        assert (await run_sql(session, "SELECT max(size) FROM checkpoint"))[0][0] == 260
        assert (await run_sql(session, "SELECT count(*) FROM queued_leaf"))[0][0] == 1
    await restarted.close()


@pytest.mark.parametrize("restarted", [False, True])
async def test_a_restored_backup_is_not_gone_on_from(stage: Stage, database_url: str, tmp_path: Path, restarted: bool) -> None:
    """A backup is consistent in itself; going on from it would give sizes that were signed before a second root."""
    await stage.append(leaf(0))
    await stage.log.sequence()
    await stage.append(leaf(1))
    await stage.log.sequence()
    with as_superuser(database_url) as connection:
        connection.execute("DELETE FROM checkpoint WHERE size = 2; DELETE FROM published_note WHERE size = 2")
        connection.execute("DELETE FROM leaf WHERE index = 1; UPDATE tile SET width = 1, hashes = substring(hashes for 32)")
    process = Stage.build(database_url, tmp_path) if restarted else stage
    await process.append(leaf(7), leaf(8))
    with pytest.raises(LogRefused, match="backup"):
        await process.log.sequence()
    async with process.database.session() as session:
        assert (await run_sql(session, "SELECT max(size) FROM checkpoint"))[0][0] == 1
    await process.database.close()


@pytest.mark.parametrize("damaged", ["", "{}", '{"size": "x", "root": ""}'])
async def test_a_damaged_memory_of_the_signed_head_is_not_taken_for_a_new_log(stage: Stage, damaged: str) -> None:
    await stage.append(leaf(0))
    await stage.log.sequence()
    stage.log.sequencer.memory.path.write_text(damaged)
    await stage.append(leaf(1))
    with pytest.raises(LogRefused):
        await stage.log.sequence()


async def test_the_published_file_is_a_checkpoint_of_our_key_and_origin(stage: Stage) -> None:
    await stage.append(leaf(0))
    published = await stage.log.sequence()
    assert published is not None
    note, checkpoint = parse_checkpoint_file(published.note)
    assert (checkpoint.origin, checkpoint.size, checkpoint.root) == (stage.log.origin, 1, published.root)
    assert [line.name for line in note.signatures] == [stage.log.origin]
    assert published.sha256 == hashlib.sha256(published.note).hexdigest()
    assert await stage.log.published(published.sha256) == published == await stage.log.newest()
