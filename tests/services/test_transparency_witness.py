"""The log and its witnesses: it goes on without them, catches up, and believes nothing but a cosignature."""

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from server.trust.note import parse_note, verify_cosignatures
from tests.oracle import assert_sound
from tests.services.runningwitness import NAME, RunningWitness, running_witness
from tests.services.stage import Stage, leaf


@pytest.fixture
def witness(stage: Stage, tmp_path: Path) -> Iterator[RunningWitness]:
    with running_witness(tmp_path / "witness", stage.log.vkey) as running:
        yield running


@pytest.fixture
async def witnessed(stage: Stage, witness: RunningWitness, database_url: str, tmp_path: Path):
    built = Stage.build(database_url, tmp_path, witnesses=[witness.as_configured()], clock=stage.clock)
    yield built
    await built.close()


async def test_a_published_checkpoint_carries_the_cosignature(witnessed: Stage, witness: RunningWitness) -> None:
    await witnessed.append(leaf(0), leaf(1))
    published = await witnessed.log.sequence()
    assert published is not None
    assert published.cosignatures == 1
    [cosignature] = verify_cosignatures(parse_note(published.note), [witness.signer.verifier])
    assert cosignature.witness == NAME
    await witnessed.append(leaf(2))
    again = await witnessed.log.sequence()
    assert again is not None
    assert again.cosignatures == 1


async def test_a_witness_that_is_down_stops_nothing_and_is_caught_up_with(witnessed: Stage, witness: RunningWitness) -> None:
    await witnessed.append(leaf(0))
    await witnessed.log.sequence()
    witness.down()
    for number in range(1, 4):
        await witnessed.append(leaf(number))
        published = await witnessed.log.sequence()
        assert published is not None
        assert (published.size, published.cosignatures) == (number + 1, 0)
    [state] = await witnessed.witnesses.states()
    assert (state.outcome, state.reason, state.size) == ("FAILED", "unreachable: ConnectError", 1)
    witness.up()
    witnessed.clock.move(16)
    published = await witnessed.log.sequence()  # nothing new to sign: the same checkpoint gets its cosignature
    assert published is not None
    assert (published.size, published.cosignatures) == (4, 1)
    assert await witnessed.log.newest() == published
    [state] = await witnessed.witnesses.states()
    assert (state.outcome, state.reason, state.size) == ("PASSED", None, 4)


async def test_a_failed_witness_is_left_alone_for_a_while(witnessed: Stage, witness: RunningWitness) -> None:
    """Else every receipt would wait for the time-out of a witness that hangs."""
    witness.down()
    await witnessed.append(leaf(0))
    await witnessed.log.sequence()
    asked = (await witnessed.witnesses.states())[0].asked_at
    witnessed.clock.move(10)
    await witnessed.append(leaf(1))
    await witnessed.log.sequence()
    assert (await witnessed.witnesses.states())[0].asked_at == asked


async def test_a_lost_answer_is_recovered_through_409(witnessed: Stage, witness: RunningWitness) -> None:
    """The witness stored the new size, its answer was lost: our idea of its size is old, and it says so."""
    await witnessed.append(leaf(0))
    await witnessed.log.sequence()
    real = witnessed.witnesses._http

    class LosesAnswers(httpx2.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            assert (await real.post(str(request.url), content=await request.aread())).status_code == 200
            raise httpx2.ReadError("the line is gone")

    witnessed.witnesses._http = httpx2.AsyncClient(transport=LosesAnswers())
    await witnessed.append(leaf(1))
    lost = await witnessed.log.sequence()
    assert lost is not None
    assert lost.cosignatures == 0
    witnessed.witnesses._http = real
    witnessed.clock.move(16)
    await witnessed.append(leaf(2))
    published = await witnessed.log.sequence()
    assert published is not None
    assert (published.size, published.cosignatures) == (3, 1)


async def test_a_newer_head_that_another_process_had_cosigned_is_published_instead(
    witnessed: Stage, witness: RunningWitness, database_url: str, tmp_path: Path
) -> None:
    """A service and a command sequence at once: the witness has the newer head first, and cosigns the older one no more."""
    other = Stage.build(database_url, tmp_path, witnesses=[witness.as_configured()], clock=witnessed.clock)
    real = witnessed.witnesses._http

    class IsOvertaken(httpx2.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            witnessed.witnesses._http = real
            await other.append(leaf(1))
            newer = await other.log.sequence()
            assert newer is not None
            assert (newer.size, newer.cosignatures) == (2, 1)
            return await real.post(str(request.url), content=await request.aread())

    witnessed.witnesses._http = httpx2.AsyncClient(transport=IsOvertaken())
    await witnessed.append(leaf(0))
    published = await witnessed.log.sequence()
    await other.close()
    assert published is not None
    assert (published.size, published.cosignatures) == (2, 1)
    [state] = await witnessed.witnesses.states()
    assert (state.outcome, state.reason) == ("PASSED", None)


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (200, b"", "the answer does not verify"),
        (200, "— other.local AAAAAAA=\n".encode(), "no cosignature by the configured key"),
        (409, b"seven\n", "409 without a size"),
        (409, b"99\n", "beyond ours"),
        (409, b"0\n", "refuses our root"),
        (302, b"", "answered 302"),
        (200, b"x" * 100_000, "too long"),
    ],
)
async def test_a_lying_witness_adds_nothing(witnessed: Stage, status: int, body: bytes, reason: str) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(status, content=body, headers={"Location": "http://127.0.0.1:1/"})

    witnessed.witnesses._http = httpx2.AsyncClient(transport=httpx2.MockTransport(answer))
    await witnessed.append(leaf(0))
    published = await witnessed.log.sequence()
    assert published is not None
    assert published.cosignatures == 0
    assert len(parse_note(published.note).signatures) == 1
    assert reason in ((await witnessed.witnesses.states())[0].reason or "")


async def test_an_audit_of_a_witnessed_log_is_sound(witnessed: Stage) -> None:
    await witnessed.record(await witnessed.operator())
    await witnessed.log.sequence()
    await assert_sound(witnessed)
