"""A gate between browser and service: a TCP relay that stops one kind of request at a known point."""

import re
import threading

from tests.e2e.relay import Connection, Relay, Send

COMMIT = rb"POST /api/v1/captures HTTP"
SEAL = rb"POST /api/v1/captures/[0-9a-f]{64}/seal HTTP"
BYTES = rb"(PUT|PATCH) /api/v1/"


class Gate(Relay):
    """`hold(pattern)` stops every request whose first line matches: with `is_answered` the service gets it and its answer is kept
    back, else only the first step of its body gets through. `wait()` returns when one is stopped; `open()` ends the held
    connections, as a line does that breaks, and lets everything through.
    """

    def __init__(self, port: int) -> None:
        self._pattern: re.Pattern[bytes] | None = None
        self._is_answered = False
        self._stopped, self._opened = threading.Event(), threading.Event()
        super().__init__(port)

    def __exit__(self, *_: object) -> None:
        self.open()
        super().__exit__()

    def hold(self, pattern: bytes, *, is_answered: bool) -> None:
        self._stopped.clear()
        self._opened.clear()
        self._is_answered = is_answered
        self._pattern = re.compile(pattern)

    def wait(self, timeout_s: float = 240) -> None:
        """Raises: AssertionError when no such request has come."""
        assert self._stopped.wait(timeout_s), f"no request {self._pattern} within {timeout_s:.0f} s"

    def open(self) -> None:
        self._pattern = None
        self._opened.set()

    def pass_up(self, data: bytes, send: Send, connection: Connection) -> bool:
        pattern = self._pattern
        if pattern is not None and pattern.match(data):
            connection.held.set()
        send(data)
        return not connection.held.is_set() or self._is_answered or self._stop()

    def pass_down(self, data: bytes, send: Send, connection: Connection) -> bool:
        if connection.held.is_set() and self._is_answered:
            return self._stop()
        send(data)
        return True

    def _stop(self) -> bool:
        """False, once the gate is opened: the held connection then ends."""
        self._stopped.set()
        self._opened.wait()
        return False
