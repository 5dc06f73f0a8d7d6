"""The time of posting as formats may say it that have one field for it: never more exact than it is known.

A table says the time and its precision in two columns; a format with one field gets a date, a month or nothing.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone

EXACT_S = 1.0
"""So exact, both ways, and a time may stand as one of a second."""
NEVER_COMPARED = "by a formula that was never compared with a published time"
_LONGEST_DAY = timedelta(hours=25)
_SHORTEST_DAY = timedelta(hours=23)
_OFFSETS = tuple(timezone(timedelta(minutes=one)) for one in range(-12 * 60, 14 * 60 + 1, 15))
"""Every offset from UTC that a place on earth may have."""


@dataclass(frozen=True)
class Posted:
    """A time of posting: `value` plus or minus `precision_s`. compared: the way it was got was compared with a published one."""

    value: datetime
    precision_s: float
    source: str
    compared: bool

    @property
    def is_exact(self) -> bool:
        """Whether it may stand alone, as a time of a second."""
        return self.compared and self.precision_s <= EXACT_S

    @property
    def bounds(self) -> tuple[datetime, datetime]:
        """Between which two times it lies."""
        margin = timedelta(seconds=self.precision_s)
        return (self.value - margin).astimezone(UTC), (self.value + margin).astimezone(UTC)

    def calendar_text(self) -> str:
        """The day, the month or the year that surely holds it, as ISO 8601 writes them; "" where none does, or it is not
        compared.

        The day is that of UTC. What is known to be one whole day of a place, and spans two of UTC, is that place's day.
        """
        if not self.compared:
            return ""
        low, high = self.bounds
        last = max(low, high - timedelta(microseconds=1))  # midnight ends a day
        if low.date() == last.date():
            return low.date().isoformat()
        days = _days(low, last) if _SHORTEST_DAY <= high - low <= _LONGEST_DAY else set()
        if len(days) == 1:
            return days.pop().isoformat()
        if (low.year, low.month) == (last.year, last.month):
            return f"{low:%Y-%m}"
        return f"{low:%Y}" if low.year == last.year else ""


def _days(low: datetime, last: datetime) -> set[date]:
    """The days that the whole span is one of, somewhere on earth."""
    found = ((low.astimezone(zone).date(), last.astimezone(zone).date()) for zone in _OFFSETS)
    return {first for first, second in found if first == second}
