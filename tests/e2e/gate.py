"""A gate between browser and service: a TCP relay that stops one kind of request at a known point."""

import contextlib
import re
import socket
import threading

STEP_BYTES = 32 * 1024
COMMIT = rb"POST /api/v1/captures HTTP"
SEAL = rb"POST /api/v1/captures/[0-9a-f]{64}/seal HTTP"
BYTES = rb"(PUT|PATCH) /api/v1/"


class Gate:
    """Relays connections on `url` to 127.0.0.1:`port`.

    `hold(pattern)` stops every request whose first line matches: with `is_answered` the service gets it and its answer is kept
    back, else only the first step of its body gets through. `wait()` returns when one is stopped; `open()` ends the held
    connections, as a line does that breaks, and lets everything through.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._pattern: re.Pattern[bytes] | None = None
        self._is_answered = False
        self._stopped, self._opened = threading.Event(), threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> "Gate":
        return self

    def __exit__(self, *_: object) -> None:
        self.open()
        self._listener.close()

    def hold(self, pattern: bytes, *, is_answered: bool) -> None:
        self._stopped.clear()
        self._opened.clear()
        self._is_answered = is_answered
        self._pattern = re.compile(pattern)

    def wait(self, timeout_s: float = 60) -> None:
        """Raises: AssertionError when no such request has come."""
        assert self._stopped.wait(timeout_s), f"no request {self._pattern} within {timeout_s:.0f} s"

    def open(self) -> None:
        self._pattern = None
        self._opened.set()

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
            held = threading.Event()
            threading.Thread(target=self._up, args=(client, server, held), daemon=True).start()
            threading.Thread(target=self._down, args=(server, client, held), daemon=True).start()

    def _up(self, client: socket.socket, server: socket.socket, held: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(STEP_BYTES):
                pattern = self._pattern
                if pattern is not None and pattern.match(data):
                    held.set()
                server.sendall(data)
                if held.is_set() and not self._is_answered:
                    self._stop()
                    break
        _close(client, server)

    def _down(self, server: socket.socket, client: socket.socket, held: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(STEP_BYTES):
                if held.is_set() and self._is_answered:
                    self._stop()
                    break
                client.sendall(data)
        _close(server, client)

    def _stop(self) -> None:
        self._stopped.set()
        self._opened.wait(120)


def _close(*ends: socket.socket) -> None:
    for end in ends:
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()
