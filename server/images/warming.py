"""What a new process loads beside its first requests, how far that is, and again when it failed."""

from __future__ import annotations

import asyncio
import logging
from typing import Literal

from server.images.matcher import Matcher
from server.images.reader import PictureReader

logger = logging.getLogger(__name__)
PAUSE_S = 5.0
LONGEST_PAUSE_S = 300.0
Warmth = Literal["loading", "ready", "failed"]


class Warming:
    """The index in RAM, and decoders that are ready, of one process. Until then a search waits for what it needs itself.

    state: `loading`; `ready`; `failed`, with the kind of error in `reason` (its words may name a database): tried again later.
    """

    def __init__(self, matcher: Matcher, reader: PictureReader) -> None:
        self._matcher = matcher
        self._reader = reader
        self.state: Warmth = "loading"
        self.reason = ""

    async def once(self) -> None:
        """Loads both. Raises: whatever kept it from doing so; `state` says so too."""
        try:
            await self._matcher.warm()
            await asyncio.to_thread(self._reader.warm)
        except Exception as error:
            self.state, self.reason = "failed", type(error).__name__
            raise
        self.state, self.reason = "ready", ""

    async def until_ready(self) -> None:
        """As once(), until it was done, with pauses that double."""
        pause_s = PAUSE_S
        while self.state != "ready":
            try:
                await self.once()
            except Exception:
                logger.exception("images.not_warm")
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
