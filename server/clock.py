"""Time as a value that is handed in, so that tests can set it."""

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Where a service gets the server's time. It is *claimed* time: what proves time is an RFC 3161 timestamp over the log."""

    def now(self) -> datetime:
        """The server's time, aware, in UTC."""


class SystemClock:
    """The clock of the machine."""

    def now(self) -> datetime:
        """The machine's time, aware, in UTC."""
        return datetime.now(UTC)


def format_time(moment: datetime) -> str:
    """`moment` as RFC 3339 in UTC with milliseconds and `Z` (docs/formats.md). Raises: ValueError if it is naive."""
    if moment.tzinfo is None:
        raise ValueError("a time without a zone cannot be written as UTC")
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
