"""A line between browser and service that stands still in the middle of an upload, so that it can be cut there."""

import threading

from tests.e2e.relay import Connection, Relay, Send


class StoppingLine(Relay):
    """`stop_after(n)`: `n` bytes later nothing more goes up until `go_on()`. `wait()` returns when the line stands still."""

    def __init__(self, port: int) -> None:
        self.sent_bytes = 0
        self._limit: int | None = None
        self._stopped, self._moving = threading.Event(), threading.Event()
        super().__init__(port)

    def __exit__(self, *_: object) -> None:
        self.go_on()
        super().__exit__()

    def stop_after(self, more_bytes: int) -> None:
        self._stopped.clear()
        self._moving.clear()
        self._limit = self.sent_bytes + more_bytes

    def go_on(self) -> None:
        self._limit = None
        self._moving.set()

    def wait(self, timeout_s: float = 120) -> None:
        """Raises: AssertionError when so much has not gone up."""
        assert self._stopped.wait(timeout_s), f"{self.sent_bytes} of {self._limit} bytes within {timeout_s:.0f} s"

    def pass_up(self, data: bytes, send: Send, connection: Connection) -> bool:
        self.sent_bytes += len(data)
        if self._limit is not None and self.sent_bytes > self._limit:
            self._stopped.set()
            self._moving.wait()
        send(data)
        return True
