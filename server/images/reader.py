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
    """Blocking; safe from several threads. Processes start when first needed and end with close() or with this process."""

    def __init__(self, *, processes: int = 2, deadline_s: float = DEADLINE_S) -> None:
        self._deadline_s = deadline_s
        self._idle: queue.LifoQueue[_Child | None] = queue.LifoQueue()
        self._running: set[_Child] = set()
        self._closed = False
        for _ in range(processes):
            self._idle.put(None)

    def read(self, data: bytes) -> PictureRead:
        """The picture as matching needs it, or why it has none. Never raises for any bytes."""
        if len(data) > MAX_BYTES:
            return PictureRead("too_many_bytes", f"{len(data)} bytes are above the limit of {MAX_BYTES}")
        answer = self._ask(Frame({"op": "read"}, (data,)))
        if answer.facts["outcome"] in OUTCOMES:  # once more: the machine may have been short of memory or time, not the picture
            answer = self._ask(Frame({"op": "read"}, (data,)))
        facts = answer.facts
        if facts["outcome"] != READ:
            return PictureRead(str(facts["outcome"]), str(facts["reason"]))
        look, indexed, thumbnail = answer.parts
        notes = tuple(str(note) for note in facts["notes"])
        size = int(facts["width"]), int(facts["height"])
        return PictureRead(READ, "", str(facts["format"]), *size, notes, look, indexed, thumbnail)

    def signals(self, data: bytes, anchors: str | None) -> tuple[list[dict[str, str]], str]:
        """What the file says about its origin (server.media.provenance.signals as JSON), or none and why. Never raises."""
        if len(data) > MAX_BYTES:
            return [], f"{len(data)} bytes are above the limit of {MAX_BYTES}"
        answer = self._ask(Frame({"op": "signals", "anchors": anchors}, (data,)))
        facts = answer.facts
        return list(facts.get("signals", ())), str(facts["reason"])

    def crops(self, data: bytes, boxes: Sequence[Box]) -> list[bytes]:
        """Each box (left, top, right, bottom in pixels) of a screenshot as PNG; empty where there is none to cut."""
        answer = self._ask(Frame({"op": "crop", "boxes": [list(box) for box in boxes]}, (data,)))
        return list(answer.parts) if answer.facts["outcome"] == READ else [b""] * len(boxes)

    def warm(self) -> None:
        """Starts one process and waits until its libraries are loaded."""
        self.read(b"")

    def close(self) -> None:
        """Ends every process; whoever still waits for one gets `crashed`."""
        self._closed = True
        for child in list(self._running):
            child.kill()

    def _ask(self, asked: Frame) -> Frame:
        child = self._idle.get()
        try:
            if self._closed:
                return Frame({"outcome": "crashed", "reason": "the service is ending"})
            if child is None or not child.is_alive():
                child = _Child()
                self._running.add(child)
            answer = child.ask(asked, self._deadline_s)
            if answer.facts["outcome"] in OUTCOMES:
                self._running.discard(child)
                child.end()
                child = None
            return answer
        finally:
            self._idle.put(child)


class _Child:
    def __init__(self) -> None:
        own = {name: value for name, value in os.environ.items() if not name.startswith("HOLDSTILL_")}  # no secrets in there
        threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "OPENCV_FOR_THREADS_NUM"), "1")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "server.images.child"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=own | threads
        )
        self._is_ready = False

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, asked: Frame, deadline_s: float) -> Frame:
        """The answer, or an outcome of OUTCOMES, after which this process must end."""
        late = threading.Event()

        def stop() -> None:
            late.set()
            self._process.kill()

        timer = threading.Timer(deadline_s, stop)
        timer.start()
        try:
            into, out = self._streams()
            if not self._is_ready:
                self._is_ready = read_frame(out, limit_bytes=0) is not None
            write_frame(into, asked)
            answer = read_frame(out, limit_bytes=ANSWER_LIMIT_BYTES)
        except (OSError, ValueError, KeyError):
            answer = None
        finally:
            timer.cancel()
        if answer is not None:
            return answer
        if late.is_set():
            return Frame({"outcome": "timeout", "reason": f"not decoded within {deadline_s:g} s"})
        return Frame({"outcome": "crashed", "reason": "the decoder ended: broken, or it wanted more memory than it is given"})

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
