"""Sharing work between callers that come at the same time."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Result = TypeVar("Result")


class SharedRounds(Generic[Result]):
    """Runs `work` in rounds, never two at once. Who comes while a round runs shares the next one, which begins after they came.

    A caller that is cancelled leaves the round running for the others.
    """

    def __init__(self, work: Callable[[], Awaitable[Result]]) -> None:
        self._work = work
        self._running: asyncio.Task[Result] | None = None
        self._next: asyncio.Task[Result] | None = None

    async def join(self) -> Result:
        """The result of a round that began after this call. Raises what that round raised."""
        if self._next is None:
            self._next = asyncio.create_task(self._round(self._running))
        return await asyncio.shield(self._next)

    async def _round(self, before: asyncio.Task[Result] | None) -> Result:
        if before is not None:
            await asyncio.wait([before])
        self._running, self._next = self._next, None
        return await self._work()
