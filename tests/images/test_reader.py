"""Untrusted pictures are read in processes of their own: broken, slow and greedy ones cost an outcome, nothing else."""

import os
import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.images import child, reader
from server.images.reader import PictureReader
from server.media.look import from_bytes, look_at
from tests.media.pictures import encoded, scene


@pytest.fixture(scope="module")
def running() -> Iterator[PictureReader]:
    made = PictureReader(processes=1)
    made.warm()
    yield made
    made.close()


def test_the_first_picture_of_a_warm_process_waits_for_no_library(running: PictureReader) -> None:
    (child,) = running._idle.queue
    assert child is not None and child._ready is not None
    maps = Path(f"/proc/{child._process.pid}/maps")
    loaded = {line.split()[-1] for line in maps.read_text().splitlines() if ".so" in line}
    assert running.read(encoded(scene(30), "JPEG")).outcome == "read" and running.signals(encoded(scene(30)), None)[1] == ""
    assert {line.split()[-1] for line in maps.read_text().splitlines() if ".so" in line} == loaded
    (other,) = running._waited_for.queue
    assert other is not None and running.read(b"", waited_for=True).outcome == "empty"
    own, niceness = (
        os.getpriority(os.PRIO_PROCESS, 0),
        [os.getpriority(os.PRIO_PROCESS, one._process.pid) for one in (child, other)],
    )
    assert niceness == [min(own + reader.NICENESS, 19), own], "what a person waits for yields to nobody"
    running.warm()
    assert [*running._idle.queue, *running._waited_for.queue] == [child, other], "processes that run are kept"


def test_the_look_is_the_engines_own(running: PictureReader) -> None:
    data = encoded(scene(31, 800, 600), "JPEG")
    made = running.read(data)
    assert (made.outcome, made.width, made.height, made.format) == ("read", 800, 600, "JPEG")
    own, other = look_at(data), from_bytes(made.look)
    assert (own.hashes.pdq.codes == other.hashes.pdq.codes).all() and own.thumb == other.thumb
    assert made.thumbnail[8:12] == b"WEBP" and len(from_bytes(made.indexed).features) <= 150


def test_a_killed_decoder_is_an_outcome_and_the_next_picture_is_read(
    running: PictureReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = encoded(scene(32))
    asked = reader._Child.ask

    def killed(self: reader._Child, *arguments: object) -> object:
        os.kill(self._process.pid, signal.SIGKILL)
        return asked(self, *arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(reader._Child, "ask", killed)
        assert running.read(data).outcome == "crashed"
    (next_one,) = running._idle.queue
    assert next_one is not None and next_one.is_alive(), "the next process loads before anybody asks"
    assert running.read(data).outcome == "read"


def test_a_shot_that_is_no_picture_gives_no_part_and_says_why(running: PictureReader) -> None:
    assert running.crops(b"no picture", [(0, 0, 60, 60)]) == ([], "the screenshot cannot be decoded")
    (part, none), problem = running.crops(encoded(scene(34)), [(10, 10, 90, 90), (9000, 0, 9100, 90)])
    assert part.startswith(b"\x89PNG") and (none, problem) == (b"", "")


def test_a_decoder_that_takes_too_long_is_stopped() -> None:
    hurried = PictureReader(processes=1, deadline_s=0.001)
    try:
        assert hurried.read(encoded(scene(33))).outcome == "timeout"
    finally:
        hurried.close()


def test_the_process_has_a_cap_on_its_memory_and_none_of_the_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDSTILL_S3_SECRET_KEY", "secret")
    made = PictureReader(processes=1)
    try:
        assert made.read(b"").outcome == "empty"
        running = made._idle.queue[-1]
        assert running is not None
        pid = running._process.pid
        assert resource.prlimit(pid, resource.RLIMIT_AS) == (child.MEMORY_BYTES, child.MEMORY_BYTES)
        assert b"HOLDSTILL_" not in Path(f"/proc/{pid}/environ").read_bytes()
    finally:
        made.close()
