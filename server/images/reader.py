"""Untrusted pictures read in processes of their own: capped memory, a deadline, and an outcome for every one of them."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO

from server.images.child import Frame, read_frame, write_frame
from server.media.decode import MAX_BYTES

READ = "read"
OUTCOMES = ("timeout", "crashed", "out_of_memory")
DEADLINE_S = 30.0
ANSWER_LIMIT_BYTES = 1 << 30
NICENESS = 10  # of the processes that read captures: a receipt somebody waits for goes first
Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class PictureRead:
    """What came of one picture. look, indexed: npz of server.media.look; empty unless outcome is `read`. thumbnail: WebP."""

    outcome: str
    reason: str
    format: str = ""
    width: int = 0
    height: int = 0
    notes: tuple[str, ...] = ()
    look: bytes = b""
    indexed: bytes = b""
    thumbnail: bytes = b""


class PictureReader:
    """Blocking; safe from several threads. Processes start with warm(), or when first needed, and end with close() or with this
    process. In the place of one that had to end the next is started at once: it loads its libraries beside other work.

    A picture that a person waits for has a process of its own after warm(): it queues behind no capture and yields to nobody.
    """

    def __init__(self, *, processes: int = 2, deadline_s: float = DEADLINE_S, niceness: int = NICENESS) -> None:
        self._deadline_s = deadline_s
        self._niceness = niceness
        self._idle = _lane(processes)
        self._waited_for = self._idle
        self._running: set[_Child] = set()
        self._closed = False

    def read(self, data: bytes, *, waited_for: bool = False) -> PictureRead:
        """The picture as matching needs it, or why it has none. Never raises for any bytes. waited_for: by a person, now."""
        if len(data) > MAX_BYTES:
            return PictureRead("too_many_bytes", f"{len(data)} bytes are above the limit of {MAX_BYTES}")
        answer = self._ask_again(Frame({"op": "read"}, (data,)), self._waited_for if waited_for else self._idle)
        facts = answer.facts
        if facts["outcome"] != READ:
            return PictureRead(str(facts["outcome"]), str(facts["reason"]))
        look, indexed, thumbnail = answer.parts
        notes = tuple(str(note) for note in facts["notes"])
        size = int(facts["width"]), int(facts["height"])
        return PictureRead(READ, "", str(facts["format"]), *size, notes, look, indexed, thumbnail)

    def signals(self, data: bytes, anchors: str | None, *, waited_for: bool = False) -> tuple[list[dict[str, str]], str]:
        """What the file says about its origin (server.media.provenance.signals as JSON), or none and why. Never raises."""
        if len(data) > MAX_BYTES:
            return [], f"{len(data)} bytes are above the limit of {MAX_BYTES}"
        answer = self._ask(Frame({"op": "signals", "anchors": anchors}, (data,)), self._waited_for if waited_for else self._idle)
        facts = answer.facts
        return list(facts.get("signals", ())), str(facts["reason"])

    def crops(self, data: bytes, boxes: Sequence[Box]) -> tuple[list[bytes], str]:
        """Each box (left, top, right, bottom in pixels) of a screenshot as PNG, empty where there is none to cut; or none at all
        and why. Never raises for any bytes."""
        answer = self._ask_again(Frame({"op": "crop", "boxes": [list(box) for box in boxes]}, (data,)), self._idle)
        return list(answer.parts), "" if answer.facts["outcome"] == READ else str(answer.facts["reason"])

    def warm(self) -> None:
        """Starts every process that does not run yet and waits until their libraries are loaded."""
        if self._waited_for is self._idle:
            self._waited_for = _lane(1)
        taken = [(lane, child) for lane in (self._waited_for, self._idle) for child in _idle_in(lane)]
        for lane, child in [(lane, self._alive(child, lane)) for lane, child in taken]:
            is_ready = child is not None and child.await_ready(self._deadline_s)
            if not is_ready:
                self._ended(child)
            lane.put(child if is_ready else None)

    def close(self) -> None:
        """Ends every process; whoever still waits for one gets `crashed`."""
        self._closed = True
        for child in list(self._running):
            child.kill()

    def _ask_again(self, asked: Frame, lane: _Lane) -> Frame:
        """The answer, at the second try if need be: the machine may have been short of memory or time, not the picture."""
        answer = self._ask(asked, lane)
        return self._ask(asked, lane) if answer.facts["outcome"] in OUTCOMES else answer

    def _ask(self, asked: Frame, lane: _Lane) -> Frame:
        child = lane.get()
        try:
            if self._closed:
                return Frame({"outcome": "crashed", "reason": "the service is ending"})
            if child is None or not child.is_alive():
                self._ended(child)
                child = self._started(lane)
            answer = child.ask(asked, self._deadline_s)
            if answer.facts["outcome"] in OUTCOMES:
                self._ended(child)
                child = self._started(lane)
            return answer
        finally:
            lane.put(child)

    def _alive(self, child: _Child | None, lane: _Lane) -> _Child | None:
        """The process, or one in its place; None when none can be started now: whoever needs one tries again."""
        if child is not None and child.is_alive():
            return child
        self._ended(child)
        with suppress(OSError):
            return self._started(lane)
        return None

    def _started(self, lane: _Lane) -> _Child:
        """A new process; it loads its libraries beside whatever goes on here."""
        child = _Child(self._niceness if lane is self._idle else 0)
        self._running.add(child)
        if self._closed:
            child.kill()
        return child

    def _ended(self, child: _Child | None) -> None:
        if child is not None:
            self._running.discard(child)
            child.end()


class _Child:
    def __init__(self, niceness: int) -> None:
        own = {name: value for name, value in os.environ.items() if not name.startswith("HOLDSTILL_")}  # no secrets in there
        threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "OPENCV_FOR_THREADS_NUM"), "1")
        command = [sys.executable, "-m", "server.images.child", str(niceness)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=own | threads)
        self._ready: Frame | None = None

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def await_ready(self, deadline_s: float) -> bool:
        """Whether its libraries are loaded; False when they were not in time, after which this process must end."""
        answer, _ = self._exchange(None, deadline_s)
        return answer is not None

    def ask(self, asked: Frame, deadline_s: float) -> Frame:
        """The answer, or an outcome of OUTCOMES, after which this process must end."""
        answer, is_late = self._exchange(asked, deadline_s)
        if answer is not None:
            return answer
        if is_late:
            return Frame({"outcome": "timeout", "reason": f"not decoded within {deadline_s:g} s"})
        return Frame({"outcome": "crashed", "reason": "the decoder ended: broken, or it wanted more memory than it is given"})

    def _exchange(self, asked: Frame | None, deadline_s: float) -> tuple[Frame | None, bool]:
        """The answer to what is asked (to None: that it is ready), None when there is none; and whether the time ran out."""
        late = threading.Event()

        def stop() -> None:
            late.set()
            self._process.kill()

        timer = threading.Timer(deadline_s, stop)
        timer.start()
        try:
            into, out = self._streams()
            answer = self._ready = self._ready or read_frame(out, limit_bytes=0)
            if asked is not None:
                write_frame(into, asked)
                answer = read_frame(out, limit_bytes=ANSWER_LIMIT_BYTES)
        except (OSError, ValueError, KeyError):
            answer = None
        finally:
            timer.cancel()
        return answer, late.is_set()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        for stream in self._streams():
            with suppress(OSError):  # what was not written yet has nobody to go to
                stream.close()

    def _streams(self) -> tuple[BinaryIO, BinaryIO]:
        into, out = self._process.stdin, self._process.stdout
        if into is None or out is None:
            raise OSError("no pipes")
        return into, out  # type: ignore[return-value]


_Lane = queue.LifoQueue[_Child | None]


def _lane(processes: int) -> _Lane:
    """Room for so many processes, none of them started."""
    lane: _Lane = queue.LifoQueue()
    for _ in range(processes):
        lane.put(None)
    return lane


def _idle_in(lane: _Lane) -> list[_Child | None]:
    """Takes everything out of the lane that nobody uses now."""
    taken: list[_Child | None] = []
    with suppress(queue.Empty):
        while True:
            taken.append(lane.get_nowait())
    return taken
