"""Times as tables have them: with a zone, or in the zone a person named; each with how exact it is. Nothing is guessed."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

DATE_ORDERS = ("", "dmy", "mdy")
_ISO = re.compile(
    r"(?P<y>\d{4})-(?P<m>\d{2})-(?P<d>\d{2})"
    r"(?:[T ](?P<h>\d{2}):(?P<min>\d{2})(?::(?P<s>\d{2})(?:[.,](?P<f>\d{1,9}))?)?)?"
    r"\s?(?P<z>Z|UTC|[+-]\d{2}:?\d{2})?",
    re.ASCII,
)
_LOCAL = re.compile(
    r"(?P<a>\d{1,2})[./-](?P<b>\d{1,2})[./-](?P<y>\d{4})(?:[ ,T]+(?P<h>\d{1,2}):(?P<min>\d{2})(?::(?P<s>\d{2}))?)?", re.ASCII
)
_X_API = re.compile(
    r"(?:\w{3} )(?P<mon>\w{3}) (?P<d>\d{2}) (?P<h>\d{2}):(?P<min>\d{2}):(?P<s>\d{2}) (?P<z>[+-]\d{4}) (?P<y>\d{4})", re.ASCII
)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_NO_PLACES = frozenset({"localtime", "Factory"})
_EPOCH = re.compile(r"(\d{10})(\d{3})?(?:\.0)?", re.ASCII)


class UnreadTime(ValueError):
    """The text gives no time; the message says why, for a person."""


@dataclass(frozen=True)
class Moment:
    """A time plus or minus `precision_s` seconds."""

    at: datetime
    precision_s: float


@dataclass(frozen=True)
class TimeWords:
    """What a person said about times without a zone, and about dates such as 6.7.2024. An empty member was not said."""

    zone: str = ""
    date_order: str = ""


def moment_of(text: str, words: TimeWords) -> Moment:
    """The moment that the text names. Raises: UnreadTime.

    A day is its middle plus or minus half of it, a minute the whole minute. A local time that the clock showed twice covers
    both; one that it never showed is refused. Ten digits are seconds, thirteen milliseconds since 1970.
    """
    written = text.strip()
    if found := _EPOCH.fullmatch(written):
        return _checked(datetime.fromtimestamp(int(found[1]), UTC) + timedelta(milliseconds=int(found[2] or 0)), 1.0)
    if found := _ISO.fullmatch(written):
        return _moment(_numbers(found, "m", "d"), found["f"] or "", _zone(found["z"], words))
    if found := _X_API.fullmatch(written):
        if found["mon"] not in _MONTHS:
            raise UnreadTime("no such month")
        parts = {**_numbers(found, "y", "d"), "m": _MONTHS.index(found["mon"]) + 1}
        return _moment(parts, "", _zone(found["z"], words))
    if found := _LOCAL.fullmatch(written):
        if not words.date_order:
            raise UnreadTime("day and month cannot be told apart: say which comes first, or write 2024-07-06")
        day, month = ("a", "b") if words.date_order == "dmy" else ("b", "a")
        return _moment(_numbers(found, month, day), "", _zone(None, words))
    raise UnreadTime("not a time: 2024-07-06T10:00:00Z is one")


def _numbers(found: re.Match[str], month: str, day: str) -> dict[str, int | None]:
    groups = found.groupdict()
    numbers: dict[str, int | None] = {
        name: None if groups.get(name) is None else int(groups[name] or 0) for name in ("y", "h", "min", "s")
    }
    numbers["d"] = int(groups[day] or 0)
    if groups.get(month, "").isdigit():
        numbers["m"] = int(groups[month] or 0)
    return numbers


def _moment(parts: dict[str, int | None], fraction: str, zone: timezone | ZoneInfo) -> Moment:
    year, month, day = (int(parts[name] or 0) for name in ("y", "m", "d"))
    try:
        if parts["h"] is None:
            return _day(year, month, day, zone)
        micros = int((fraction + "000000")[:6])
        local = datetime(year, month, day, parts["h"], parts["min"] or 0, parts["s"] or 0, micros, tzinfo=zone)
        return _placed(local, 60.0 if parts["s"] is None else 10.0 ** -len(fraction[:6]))
    except UnreadTime:
        raise
    except (ValueError, OverflowError) as error:  # the calendar also ends where another zone's clock reads it
        raise UnreadTime("there is no such time") from error


def _day(year: int, month: int, day: int, zone: timezone | ZoneInfo) -> Moment:
    begin = datetime(year, month, day, tzinfo=zone).astimezone(UTC)
    following = datetime(year, month, day) + timedelta(days=1)  # noqa: DTZ001 - a date on the calendar, its zone follows
    half = (following.replace(tzinfo=zone).astimezone(UTC) - begin) / 2
    if not half:
        raise UnreadTime("the calendar of that zone left this day out")
    return _checked(begin + half, half.total_seconds())


def _placed(local: datetime, precision_s: float) -> Moment:
    first, second = local.replace(fold=0).astimezone(UTC), local.replace(fold=1).astimezone(UTC)
    if first == second:
        return _checked(first, precision_s)
    if first > second:
        raise UnreadTime("the clocks of that zone never showed this time")
    half = (second - first) / 2
    return _checked(first + half, half.total_seconds() + precision_s)


def _checked(at: datetime, precision_s: float) -> Moment:
    if not 1990 <= at.year <= 2100:
        raise UnreadTime("a time lies between 1990 and 2100")
    return Moment(at, precision_s)


def _zone(written: str | None, words: TimeWords) -> timezone | ZoneInfo:
    if written in ("Z", "UTC"):
        return UTC
    if written:
        sign = -1 if written[0] == "-" else 1
        offset = timedelta(hours=int(written[1:3]), minutes=int(written[-2:]))
        if int(written[-2:]) > 59 or offset > timedelta(hours=14):
            raise UnreadTime("no zone is that far from UTC")
        return timezone(sign * offset)
    if not words.zone:
        raise UnreadTime("the time has no zone: say which one the table's times are in")
    return zone_named(words.zone)


@cache
def zone_named(name: str) -> ZoneInfo:
    """The zone of the IANA database. Raises: UnreadTime."""
    try:
        if len(name) > 60 or name in _NO_PLACES or name not in available_timezones():
            raise ValueError("not a zone of the database, or a machine's own")
        return ZoneInfo(name)
    except (ValueError, KeyError, OSError) as error:
        raise UnreadTime("there is no such time zone: Europe/Paris is one") from error
