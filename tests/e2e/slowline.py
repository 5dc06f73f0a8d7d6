"""A slow line between browser and service: a relay with a limit of bytes per second, so that an upload can be cut."""

import time

from tests.e2e.relay import Connection, Relay, Send


class SlowLine(Relay):
    """`bytes_per_s` (None: no limit) holds for the way up and may change at any time."""

    def __init__(self, port: int, *, bytes_per_s: float | None = None) -> None:
        self.bytes_per_s = bytes_per_s
        self.sent_bytes = 0
        super().__init__(port)

    def pass_up(self, data: bytes, send: Send, connection: Connection) -> bool:
        self.sent_bytes += len(data)
        if self.bytes_per_s is not None:
            time.sleep(len(data) / self.bytes_per_s)
        send(data)
        return True
