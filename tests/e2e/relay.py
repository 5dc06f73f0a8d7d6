"""A TCP relay between browser and service; what it does to the bytes on their way is its kind's business."""

import contextlib
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

STEP_BYTES = 32 * 1024
Send = Callable[[bytes], None]


@dataclass(eq=False)
class Connection:
    """One connection through a relay. `held`: a kind's own mark on it, seen by both directions."""

    held: threading.Event = field(default_factory=threading.Event)


class Relay:
    """Relays connections on `url` to 127.0.0.1:`port`, each direction in a thread of its own, at most STEP_BYTES at a time."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def pass_up(self, data: bytes, send: Send, connection: Connection) -> bool:
        """Sends on what the browser sent; False ends the connection."""
        send(data)
        return True

    def pass_down(self, data: bytes, send: Send, connection: Connection) -> bool:
        """Sends on what the service answered; False ends the connection."""
        send(data)
        return True

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self._port), timeout=60)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            connection = Connection()
            for ends, passing in (((client, server), self.pass_up), ((server, client), self.pass_down)):
                threading.Thread(target=_forward, args=(ends, passing, connection), daemon=True).start()


def _forward(
    ends: tuple[socket.socket, socket.socket], passing: Callable[[bytes, Send, Connection], bool], connection: Connection
) -> None:
    source, target = ends
    with contextlib.suppress(OSError):
        while data := source.recv(STEP_BYTES):
            if not passing(data, target.sendall, connection):
                break
    for end in ends:
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()
