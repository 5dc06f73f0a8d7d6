"""A line between browser and service that keeps a copy of every byte that goes up, and can be cut."""

import contextlib
import socket
import threading

from tests.e2e.slowline import STEP_BYTES, SlowLine


class RecordedLine(SlowLine):
    """As SlowLine. `sent()` is everything that the browser ever sent, by connection; `cut` closes new ones at once."""

    def __init__(self, port: int) -> None:
        self.cut = False
        self._kept: list[bytearray] = []
        self._lock = threading.Lock()
        super().__init__(port)

    def sent(self) -> list[bytes]:
        """What went up, connection by connection."""
        with self._lock:
            return [bytes(one) for one in self._kept]

    def _relay(self, source: socket.socket, target: socket.socket, is_upward: bool) -> None:
        if not is_upward:
            return super()._relay(source, target, is_upward)
        kept = bytearray()
        with self._lock:
            self._kept.append(kept)
        with contextlib.suppress(OSError):
            while not self.cut and (data := source.recv(STEP_BYTES)):
                with self._lock:
                    kept.extend(data)
                target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
