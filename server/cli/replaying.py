"""The replay origin beside `holdstill serve`: a second listener in the same process, nothing of the application behind it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import uvicorn

from server.cli.running import tell
from server.web.replay_app import create_replay_app, has_player
from server.web.replay_origin import check_replay_url, replay_origin, replay_port

if TYPE_CHECKING:
    from server.composition import Services


class _Quiet(uvicorn.Server):
    """A server that leaves signals to the application's: it ends when it is told to."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Replaying:
    """Binds the replay port at once. `socket` is None when there is no replay; the reason was printed and the service goes on.

    Raises: ValueError for a replay_url that is not apart from the application.
    """

    def __init__(self, services: Services) -> None:
        check_replay_url(services.settings)
        self._services = services
        self.socket = self._bind()

    def _bind(self) -> socket.socket | None:
        settings = self._services.settings
        if replay_origin(settings, "0" * 64) is None:
            tell("Replay: off (set HOLDSTILL_REPLAY_URL to an origin of its own)")
            return None
        if not has_player():
            tell("Replay: off (the player's files are not here: make setup fetches them)")
            return None
        try:
            return socket.create_server((settings.host, replay_port(settings)), backlog=512)
        except OSError as error:
            tell(f"Replay: off (port {replay_port(settings)}: {error.strerror})")
            return None

    @asynccontextmanager
    async def served(self) -> AsyncIterator[None]:
        """Serves the replay origin until the block ends."""
        if self.socket is None:
            yield
            return
        app = create_replay_app(self._services)
        config = uvicorn.Config(app, access_log=False, server_header=False, lifespan="off", timeout_graceful_shutdown=5)
        server = _Quiet(config)
        task = asyncio.create_task(server.serve(sockets=[self.socket]))
        try:
            yield
        finally:
            server.should_exit = True
            await task
            self.socket.close()
