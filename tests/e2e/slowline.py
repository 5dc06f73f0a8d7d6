"""A slow line between browser and service: a TCP relay with a limit of bytes per second, so that an upload can be cut."""

import contextlib
import socket
import threading
import time

STEP_BYTES = 32 * 1024


class SlowLine:
    """Relays connections on `url` to 127.0.0.1:`port`. `bytes_per_s` (None.

    No limit) holds for the way up and may change at any time.
    """

    def __init__(self, port: int, *, bytes_per_s: float | None = None) -> None:
        self.bytes_per_s = bytes_per_s
        self.sent_bytes = 0
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> "SlowLine":
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self._port), timeout=5)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            threading.Thread(target=self._relay, args=(client, server, True), daemon=True).start()
            threading.Thread(target=self._relay, args=(server, client, False), daemon=True).start()

    def _relay(self, source: socket.socket, target: socket.socket, is_upward: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(STEP_BYTES):
                if is_upward:
                    self.sent_bytes += len(data)
                    if self.bytes_per_s is not None:
                        time.sleep(len(data) / self.bytes_per_s)
                target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
