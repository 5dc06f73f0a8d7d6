"""The audit finds every way a stored record can be changed, by an attacker who owns the database and passes the triggers."""

import asyncio
from dataclasses import replace
from uuid import uuid4

import pytest

from server.custody.service import EventDraft
from server.errors import BadInput
from server.operators.models import Organisation
from server.trust.keys import ServiceSigner
from tests.oracle import assert_sound, audited
from tests.postgres import as_superuser
from tests.services.stage import Stage, capture_item, pinned, random_sha256
from tests.tsa import LocalTsa


@pytest.fixture
async def history(stage: Stage, tsa: LocalTsa) -> Stage:
    """Two chains, two checkpoints, a paired device, a stamp."""
    stage.stamps.tsas = (pinned(tsa),)
    operator, item = await stage.operator(), capture_item()
    for _ in range(3):
        await stage.record(operator, item)
    await stage.log.sequence()
    await stage.pair()
    await stage.record(operator)
    await stage.stamps.stamp()
    return stage


async def test_an_honest_history_is_sound_and_is_counted(history: Stage) -> None:
    report = await assert_sound(history)
    assert report.counts["events"] == report.counts["leaves"] == report.size == 6
    assert report.counts["checkpoints"] == report.counts["published notes"] == 3
    assert report.counts["timestamps"] == 1
    assert [finding.where for finding in report.findings] == ["captures"]
    assert report.findings[0].outcome == "NOT_CHECKED"


TAMPERINGS = {
    "an event's bytes": ("UPDATE event SET envelope = envelope || ' '::bytea WHERE seq = 1", "hash"),
    "an event's time column": ("UPDATE event SET time = time - interval '1 day' WHERE seq = 1", "envelope signs"),
    "an event's type column": ("UPDATE event SET type = 'capture.sealed' WHERE seq = 1", "envelope signs"),
    "the middle of a chain": ("DELETE FROM event WHERE seq = 1", "no event has this hash"),
    "the head of a chain": ("DELETE FROM event WHERE seq = 2", "no event has this hash"),
    "an event and its leaf": (
        "DELETE FROM leaf WHERE leaf = (SELECT decode(sha256, 'hex') FROM event WHERE seq = 2); DELETE FROM event WHERE seq = 2",
        "missing",
    ),
    "a leaf's bytes": ("UPDATE leaf SET leaf = sha256(leaf) WHERE index = 0", "do not give the signed root"),
    "a tile": ("UPDATE tile SET hashes = set_byte(hashes, 40, get_byte(hashes, 40) # 1)", "not the hashes of the stored leaves"),
    "an old checkpoint's root": ("UPDATE checkpoint SET root = sha256(root) WHERE size = 3", "not what its note signs"),
    "an old checkpoint's signature": (
        "UPDATE checkpoint SET note = set_byte(note, length(note) - 10, 65 + (get_byte(note, length(note) - 10) = 65)::int)"
        " WHERE size = 3",
        "checkpoint 3",
    ),
    "an old checkpoint's signature that is no base64": (
        "UPDATE checkpoint SET note = set_byte(note, length(note) - 10, 33) WHERE size = 3",
        "checkpoint 3",
    ),
    "a published file": ("UPDATE published_note SET size = size + 1 WHERE size = 3", "not"),
    "a stamp's time": ("UPDATE timestamp SET gen_time = gen_time - interval '1 day'", "another time than its token"),
    "a stamp's bytes": ("UPDATE timestamp SET tsr = tsr || '\\x00'::bytea", "not what its files say"),
    "a stamp's file": ("DELETE FROM timestamp", "its file is gone"),
}


@pytest.mark.parametrize("tampering", list(TAMPERINGS))
async def test_the_audit_names_what_was_tampered_with(history: Stage, database_url: str, tampering: str) -> None:
    change, words = TAMPERINGS[tampering]
    with as_superuser(database_url) as connection:
        assert connection.execute(change).rowcount > 0
    report = await audited(history)
    assert not report.is_sound
    said = "\n".join(f"{finding.where}: {finding.reason}" for finding in report.failures)
    assert words in said, said


async def test_an_event_signed_by_another_key_is_found(history: Stage) -> None:
    """Somebody with the database but not the service's key: the log would even take the leaf."""
    history.custody.signer = ServiceSigner.generate(history.keys.service.name)
    await history.record(await history.operator())
    await history.log.sequence()
    report = await audited(history)
    assert ["not a service key" in finding.reason for finding in report.failures] == [True]


async def test_a_chain_has_no_gap_when_many_record_at_once(stage: Stage) -> None:
    operator, item = await stage.operator(), capture_item()
    await asyncio.gather(*(stage.record(operator, item) for _ in range(12)))
    chain = await stage.custody.chain(item, organisation_id=operator.organisation_id)
    assert [event.seq for event in chain] == list(range(12))
    assert [event.prev for event in chain] == [None, *(event.sha256 for event in chain[:-1])]
    await stage.log.sequence()
    await assert_sound(stage)


async def test_nothing_is_recorded_when_the_transaction_fails(stage: Stage) -> None:
    operator, item = await stage.operator(), capture_item()
    with pytest.raises(RuntimeError):
        async with stage.database.transaction() as session:
            draft = EventDraft("capture.viewed", item, "statement.dsse.json", random_sha256(), "test")
            await stage.custody.record(session, operator, draft)
            raise RuntimeError
    assert await stage.custody.chain(item, organisation_id=operator.organisation_id) == []
    assert await stage.log.sequence() is None
    await assert_sound(stage)


async def test_another_organisation_neither_reads_nor_extends_a_chain(stage: Stage) -> None:
    operator, item = await stage.operator(), capture_item()
    event = await stage.record(operator, item)
    other = replace(operator, organisation_id=uuid4())
    async with stage.database.transaction() as session:
        session.add(Organisation(id=other.organisation_id, name="Other", created_at=stage.clock.now()))
    with pytest.raises(BadInput):
        await stage.record(other, item)
    assert await stage.custody.chain(item, organisation_id=other.organisation_id) == []
    assert await stage.custody.chain(item, organisation_id=operator.organisation_id) == [event]
    await assert_sound(stage)


@pytest.mark.parametrize(
    "draft",
    [
        EventDraft("not a type", capture_item(), "statement.dsse.json", random_sha256(), "test"),
        EventDraft("capture.viewed", "nonsense", "statement.dsse.json", random_sha256(), "test"),
        EventDraft("capture.viewed", capture_item(), "statement.dsse.json", "not a hash", "test"),
    ],
)
async def test_a_draft_that_breaks_the_format_is_not_signed(stage: Stage, draft: EventDraft) -> None:
    with pytest.raises(BadInput):
        async with stage.database.transaction() as session:
            await stage.custody.record(session, await stage.operator(), draft)
    assert await stage.log.sequence() is None
