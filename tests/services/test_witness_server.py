"""The witness alone: it refuses every fork, survives restarts, and takes no damaged state for a new log."""

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from server.trust.checkpoint import Checkpoint, sign_checkpoint
from server.trust.jsontext import format_base64
from server.trust.keys import LogSigner
from server.trust.merkle import Frontier, consistency_proof, leaf_hash
from tests.services.runningwitness import RunningWitness, running_witness
from tests.services.stage import ORIGIN, Stage, leaf


@pytest.fixture
def witness(stage: Stage, tmp_path: Path) -> Iterator[RunningWitness]:
    with running_witness(tmp_path / "witness", stage.log.vkey) as running:
        yield running


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
