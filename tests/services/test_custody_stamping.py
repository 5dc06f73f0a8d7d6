"""Stamps: believed only under pinned roots, every wish with a stored outcome, and no stamp asks for another."""

import hashlib

import httpx2
import pytest

from server.db import run_sql
from server.transparency.timestamps import Tsa
from server.trust.dsse import parse_envelope
from server.trust.errors import VerificationError
from server.trust.events import parse_event
from server.trust.timestamp import verify_timestamp
from tests.oracle import assert_sound
from tests.services.stage import Stage, pinned
from tests.tsa import LocalTsa


async def test_a_stamp_is_verified_stored_and_logged(stage: Stage, tsa: LocalTsa) -> None:
    stage.stamps.tsas = (pinned(tsa),)
    event = await stage.record(await stage.operator())
    [outcome] = await stage.stamps.stamp()
    assert (outcome.tsa, outcome.size, outcome.state, outcome.reason) == ("local", 1, "stamped", None)
    index = await stage.log.index_of(event.leaf)
    assert index == 0
    stamped = await stage.log.earliest_stamped(index)
    assert stamped is not None
    assert stamped.published.size == 1
    [stamp] = stamped.stamps
    assert verify_timestamp(stamp.tsr, stamped.published.note, stage.stamps.tsas[0].anchors).gen_time == stamp.gen_time
    [logged] = await stage.custody.chain(f"log:{stage.log.origin}", organisation_id=None)
    details = parse_event(parse_envelope(logged.envelope).payload).details
    assert details["tsrSha256"] == stamp.tsr_sha256 == hashlib.sha256(stamp.tsr).hexdigest()
    assert (details["tsa"], details["treeSize"], details["checkpointSha256"]) == ("local", 1, stamped.published.sha256)
    assert await stage.log.index_of(logged.leaf) == 1
    challenge = await stage.log.challenge()
    assert challenge == stamped
    assert stamped.published.sha256 == hashlib.sha256(stamped.published.note).hexdigest()
    await assert_sound(stage)


async def test_stamping_comes_to_rest(stage: Stage, tsa: LocalTsa) -> None:
    """The stamp is itself a leaf; if that leaf asked for a stamp, the log would grow for ever."""
    stage.stamps.tsas = (pinned(tsa),)
    await stage.record(await stage.operator())
    assert len(await stage.stamps.stamp()) == 1
    assert await stage.stamps.stamp() == []
    assert tsa.requests == 1
    await stage.record(await stage.operator())
    [again] = await stage.stamps.stamp()
    assert (again.state, again.size) == ("stamped", 3)
    await assert_sound(stage)


async def test_a_tsa_that_is_down_leaves_the_time_pending_and_stamps_later(stage: Stage, tsa: LocalTsa) -> None:
    stage.stamps.tsas = (pinned(tsa),)
    event = await stage.record(await stage.operator())
    tsa.mode = "down"
    [outcome] = await stage.stamps.stamp()
    assert (outcome.state, outcome.reason) == ("pending", "answered HTTP 503")
    assert (await stage.stamps.recent())[0].state == "pending"
    assert await stage.log.earliest_stamped(0) is None
    challenge = await stage.log.challenge()
    assert challenge is not None
    assert challenge.stamps == ()
    tsa.mode = "good"
    [outcome] = await stage.stamps.stamp()
    assert outcome.state == "stamped"
    assert [row.state for row in await stage.stamps.recent()] == ["stamped"]
    index = await stage.log.index_of(event.leaf)
    assert index is not None
    assert await stage.log.earliest_stamped(index) is not None
    await assert_sound(stage)


async def test_a_wish_that_newer_leaves_overtook_ends_with_its_reason(stage: Stage, tsa: LocalTsa) -> None:
    stage.stamps.tsas = (pinned(tsa),)
    await stage.record(await stage.operator())
    tsa.mode = "down"
    await stage.stamps.stamp()
    await stage.record(await stage.operator())
    tsa.mode = "good"
    await stage.stamps.stamp()
    newest, older = await stage.stamps.recent()
    assert (newest.state, newest.size) == ("stamped", 2)
    assert (older.state, older.size, older.reason) == ("failed", 1, "not stamped: asked again for checkpoint 2")


async def test_a_token_of_an_evil_authority_of_the_same_name_is_refused(stage: Stage, tsa: LocalTsa) -> None:
    stage.stamps.tsas = (pinned(tsa),)
    await stage.record(await stage.operator())
    tsa.mode = "evil"
    [outcome] = await stage.stamps.stamp()
    assert outcome.state == "failed"
    assert "does not verify under local" in (outcome.reason or "")
    async with stage.database.session() as session:
        [row] = await run_sql(session, "SELECT state, reason, tsr, gen_time FROM timestamp")
    assert (row.state, row.reason, row.tsr, row.gen_time) == ("failed", outcome.reason, None, None)
    assert await stage.custody.chain(f"log:{stage.log.origin}", organisation_id=None) == []
    assert await stage.log.newest_stamped() is None
    tsa.mode = "good"  # the failed wish stays as it is; a new one is made
    assert [found.state for found in await stage.stamps.stamp()] == ["stamped"]
    assert [found.state for found in await stage.stamps.recent()] == ["stamped", "failed"]
    await assert_sound(stage)


@pytest.mark.parametrize(("mode", "words"), [("garbage", "not a TimeStampResp"), ("huge", "longer than 65536 bytes")])
async def test_an_answer_that_is_no_token_is_refused_with_its_reason(stage: Stage, tsa: LocalTsa, mode: str, words: str) -> None:
    stage.stamps.tsas = (pinned(tsa),)
    await stage.record(await stage.operator())
    tsa.mode = mode
    [outcome] = await stage.stamps.stamp()
    assert outcome.state == "failed"
    assert words in (outcome.reason or "")
    await assert_sound(stage)


async def test_the_token_of_another_checkpoint_is_refused(stage: Stage, tsa: LocalTsa) -> None:
    """A replayed answer: granted, genuine, over other bytes."""
    old = tsa.authority.answer
    kept: list[bytes] = []

    def replay(request: bytes) -> bytes:
        kept.append(old(request))
        return kept[0]

    tsa.authority.answer = replay  # type: ignore[method-assign]
    stage.stamps.tsas = (pinned(tsa),)
    await stage.record(await stage.operator())
    assert [found.state for found in await stage.stamps.stamp()] == ["stamped"]
    await stage.record(await stage.operator())
    assert [found.state for found in await stage.stamps.stamp()] == ["failed"]
    await assert_sound(stage)


async def test_one_authority_that_fails_does_not_hold_up_the_other(stage: Stage, tsa: LocalTsa) -> None:
    silent = Tsa("http://127.0.0.1:9/", pinned(tsa, "silent").anchors)
    stage.stamps.tsas = (silent, pinned(tsa))
    await stage.record(await stage.operator())
    found = {outcome.tsa: outcome for outcome in await stage.stamps.stamp()}
    assert (found["silent"].state, found["local"].state) == ("pending", "stamped")
    assert found["silent"].reason == "no answer: ConnectError"
    stamped = await stage.log.newest_stamped()
    assert stamped is not None
    assert [stamp.tsa for stamp in stamped.stamps] == ["local"]
    with pytest.raises(VerificationError):
        verify_timestamp(stamped.stamps[0].tsr, b"other bytes", stage.stamps.tsas[1].anchors)


async def test_a_lost_answer_is_asked_for_again(stage: Stage, tsa: LocalTsa) -> None:
    """The authority stamped, the answer never came: the wish is still pending and the next round settles it."""

    class LosesAnswers(httpx2.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            async with httpx2.AsyncClient() as real:
                await real.post(str(request.url), content=await request.aread())
            raise httpx2.ReadError("the line is gone")

    good = stage.stamps.client._http
    stage.stamps.tsas = (pinned(tsa),)
    await stage.record(await stage.operator())
    stage.stamps.client._http = httpx2.AsyncClient(transport=LosesAnswers())
    assert [found.state for found in await stage.stamps.stamp()] == ["pending"]
    stage.stamps.client._http = good
    assert [found.state for found in await stage.stamps.stamp()] == ["stamped"]
    assert tsa.requests == 2
    await assert_sound(stage)
