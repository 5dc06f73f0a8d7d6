"""How often one address may try: a count in memory, per process. The real bar is the lock of a link after wrong passcodes."""

from collections import OrderedDict
from datetime import datetime, timedelta

from server.clock import Clock
from server.handovers.errors import TooManyTries

TRIES_PER_WINDOW = 30
WINDOW = timedelta(minutes=1)
ADDRESSES = 10_000


class Pace:
    """Counts tries by address in windows of a minute. The oldest address is forgotten first when there are too many."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._counts: OrderedDict[str, tuple[datetime, int]] = OrderedDict()

    def count(self, address: str) -> None:
        """Counts one try. Raises: TooManyTries."""
        now = self._clock.now()
        began, tries = self._counts.pop(address, (now, 0))
        if now - began >= WINDOW:
            began, tries = now, 0
        self._counts[address] = (began, tries + 1)
        if len(self._counts) > ADDRESSES:
            self._counts.popitem(last=False)
        if tries + 1 > TRIES_PER_WINDOW:
            raise TooManyTries()
