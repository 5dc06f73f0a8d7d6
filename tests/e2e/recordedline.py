"""A line between browser and service that keeps a copy of every byte that goes up, and can be cut."""

import threading

from tests.e2e.relay import Connection, Relay, Send


class RecordedLine(Relay):
    """`sent()` is everything that the browser ever sent, by connection; while `cut`, nothing of it gets through."""

    def __init__(self, port: int) -> None:
        self.cut = False
        self._kept: dict[Connection, bytearray] = {}
        self._lock = threading.Lock()
        super().__init__(port)

    def sent(self) -> list[bytes]:
        """What went up, connection by connection."""
        with self._lock:
            return [bytes(one) for one in self._kept.values()]

    def pass_up(self, data: bytes, send: Send, connection: Connection) -> bool:
        with self._lock:
            self._kept.setdefault(connection, bytearray()).extend(data)
        if self.cut:
            return False
        send(data)
        return True
