"""Witnesses: ours refuses every fork and survives restarts; the log goes on without them and catches up."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
import uvicorn

from server.keyring import load_witness_key
from server.transparency.witnesses import Witness
from server.trust.checkpoint import Checkpoint, sign_checkpoint
from server.trust.jsontext import format_base64
from server.trust.keys import LogSigner, WitnessSigner
from server.trust.merkle import Frontier, consistency_proof, leaf_hash
from server.trust.note import parse_note, parse_vkey, verify_cosignatures
from server.witness import Witness as WitnessServer
from server.witness import WitnessState, create_witness_app
from tests.e2e.processes import free_port
from tests.oracle import assert_sound
from tests.services.stage import ORIGIN, HeldClock, Stage, leaf

NAME = "witness.test.local"


@dataclass
class RunningWitness:
    """A witness behind real HTTP that can be taken down and brought back on the same port and folder."""

    folder: Path
    log_vkey: str
    port: int
    server: uvicorn.Server | None = None
    thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    @property
    def signer(self) -> WitnessSigner:
        return load_witness_key(self.folder, NAME)

    def up(self) -> None:
        witness = WitnessServer(self.signer, WitnessState(self.folder / "state"), {ORIGIN: lambda: self.log_vkey}, HeldClock())
        config = uvicorn.Config(create_witness_app(witness), host="127.0.0.1", port=self.port, log_level="critical")
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        while not self.server.started:
            assert self.thread.is_alive(), "the witness did not start"
            time.sleep(0.01)

    def down(self) -> None:
        if self.server is not None and self.thread is not None:
            self.server.should_exit = True
            self.thread.join()
            self.server = self.thread = None

    def as_configured(self) -> Witness:
        return Witness("first", self.url + "add-checkpoint", parse_vkey(self.signer.vkey))


@pytest.fixture
def witness(stage: Stage, tmp_path: Path) -> Iterator[RunningWitness]:
    running = RunningWitness(tmp_path / "witness", stage.log.vkey, free_port())
    running.up()
    yield running
    running.down()


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


# The server alone


@dataclass
class SignedLog:
    """A log held in memory, by its key: what an operator who wants to cheat has."""

    signer: LogSigner

    def request(
        self, old_size: int, leaves: list[bytes], *, proof: list[bytes] | None = None, signer: LogSigner | None = None
    ) -> bytes:
        nodes: dict[tuple[int, int], bytes] = {}
        frontier = Frontier()
        for value in leaves:
            for level, index, node in frontier.append(value):
                nodes[level, index] = node
        if proof is None:
            proof = consistency_proof(old_size, len(leaves), lambda level, index: nodes[level, index]) if old_size else []
        by = signer or self.signer
        note = sign_checkpoint(Checkpoint(by.name, len(leaves), frontier.root()), by)
        return f"old {old_size}\n{''.join(format_base64(value) + chr(10) for value in proof)}\n".encode() + note


@pytest.fixture
def cheat(witness: RunningWitness) -> SignedLog:
    signer = LogSigner.generate(ORIGIN)
    witness.log_vkey = signer.vkey
    return SignedLog(signer)


def post(witness: RunningWitness, body: bytes) -> httpx2.Response:
    return httpx2.post(witness.url + "add-checkpoint", content=body, timeout=60)


def test_a_fork_is_refused_and_the_honest_tree_goes_on(witness: RunningWitness, cheat: SignedLog) -> None:
    honest = [leaf(number) for number in range(6)]
    assert post(witness, cheat.request(0, honest[:3])).status_code == 200
    forked = [leaf(0), leaf(99), *honest[2:]]
    assert post(witness, cheat.request(3, forked)).status_code == 422  # a proof of the forked tree
    right_proof = cheat.request(3, honest).split(b"\n\n")[0].decode().split("\n")[1:]
    assert right_proof
    swapped = post(witness, cheat.request(3, forked, proof=[leaf_hash(line.encode()) for line in right_proof]))
    assert swapped.status_code == 422
    same_size = post(witness, cheat.request(3, forked[:3], proof=[]))
    assert (same_size.status_code, same_size.text) == (409, "3\n")
    assert post(witness, cheat.request(3, honest)).status_code == 200


def test_a_stale_old_size_is_told_the_right_one(witness: RunningWitness, cheat: SignedLog) -> None:
    leaves = [leaf(number) for number in range(6)]
    assert post(witness, cheat.request(0, leaves[:4])).status_code == 200
    for body in (cheat.request(0, leaves), cheat.request(2, leaves), cheat.request(0, leaves[:2])):
        answer = post(witness, body)
        assert (answer.status_code, answer.text, answer.headers["content-type"]) == (409, "4\n", "text/x.tlog.size")
    assert post(witness, cheat.request(4, leaves)).status_code == 200


def test_what_was_cosigned_survives_a_restart(witness: RunningWitness, cheat: SignedLog) -> None:
    leaves = [leaf(number) for number in range(6)]
    first = post(witness, cheat.request(0, leaves[:4]))
    vkey = witness.signer.vkey
    witness.down()
    witness.up()
    assert witness.signer.vkey == vkey == httpx2.get(witness.url + "vkey", timeout=60).text.strip()
    assert first.status_code == 200
    assert post(witness, cheat.request(0, [leaf(99), *leaves[1:5]])).status_code == 409


def test_unknown_logs_and_keys_and_broken_requests_get_their_own_answers(witness: RunningWitness, cheat: SignedLog) -> None:
    leaves = [leaf(0), leaf(1)]
    assert post(witness, cheat.request(0, leaves, signer=LogSigner.generate("other.local/log"))).status_code == 404
    assert post(witness, cheat.request(0, leaves, signer=LogSigner.generate(ORIGIN))).status_code == 403
    assert post(witness, cheat.request(0, leaves, proof=[leaf(5)])).status_code == 422
    assert post(witness, cheat.request(5, leaves, proof=[])).status_code == 400
    for body in (b"", b"old 1", b"old 01\n\nx", b"old 0\n\nnot a note", b"old 0\nnot base64!\n\n" + leaves[0], b"\xff" * 50):
        assert post(witness, body).status_code == 400
    assert post(witness, b"x" * 200_000).status_code == 413
    assert not list((witness.folder / "state").glob("*.json"))


async def test_two_heads_at_once_are_never_both_cosigned(witness: RunningWitness, cheat: SignedLog) -> None:
    """The race the specification describes: both consistent with what is stored, not with each other."""
    base = [leaf(number) for number in range(4)]
    assert post(witness, cheat.request(0, base)).status_code == 200
    forks = [cheat.request(4, [*base, leaf(100 + number)]) for number in range(8)]
    async with httpx2.AsyncClient(timeout=60) as client:
        answers = await asyncio.gather(*(client.post(witness.url + "add-checkpoint", content=body) for body in forks))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7


def test_damaged_state_is_not_taken_for_a_new_log(witness: RunningWitness, cheat: SignedLog) -> None:
    leaves = [leaf(number) for number in range(3)]
    assert post(witness, cheat.request(0, leaves[:2])).status_code == 200
    [state] = (witness.folder / "state").glob("*.json")
    state.write_text("")
    with contextlib.suppress(httpx2.HTTPError):
        assert post(witness, cheat.request(0, [leaf(9)])).status_code == 500
    assert state.read_text() == ""
