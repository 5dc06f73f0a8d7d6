"""Silence windows: from a rule, a territory and a polling day to two moments, and whether a post lies between them.

Edges: the start belongs to the window, the end does not. A precision that straddles an edge gives `unknown`, never a guess.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from server.rules.errors import RuleError
from server.rules.packs import Pack, Provenance, Status, only, optional_text, provenance_of, text_of, texts_of
from server.rules.posttimes import PostTime, spoken

Place = Literal["in", "out", "unknown"]
BESIDE: dict[str, str] = {
    "in": "by its id, whose formula was never compared that closely, it lies in it",
    "out": "by its id, whose formula was never compared that closely, it lies outside",
    "unknown": "its id does not tell either",
}
"""What the time of an id says where what confirms it does not decide."""
_COMMON = ("id", "source", "status", "verified_by", "verified_on", "effective_from", "effective_to")


@dataclass(frozen=True)
class Territory:
    """Where people vote. `poll_day_offset`: days from the national polling day (overseas may vote the day before)."""

    code: str
    name: str
    zone: ZoneInfo
    poll_day_offset: int
    ends_at: time
    status: Status


@dataclass(frozen=True)
class SilenceRule:
    """One jurisdiction's rule. It starts `start_days` before the territory's polling day at `starts_at`, local time."""

    id: str
    version: str
    jurisdiction: str
    election_type: str
    start_days: int
    starts_at: time
    scope: tuple[str, ...]
    note: str
    provenance: Provenance
    territories: tuple[Territory, ...]

    def window(self, territory_code: str, poll_day: date) -> "SilenceWindow":
        """The window of this territory for a national polling day. Raises: RuleError (no such territory, not in force)."""
        territory = next((one for one in self.territories if one.code == territory_code), None)
        if territory is None:
            raise RuleError(f"{self.id} has no territory {territory_code}")
        local_day = poll_day + timedelta(days=territory.poll_day_offset)
        if not self.provenance.in_force(local_day):
            raise RuleError(f"{self.id} was not in force on {local_day}")
        start = instants(datetime.combine(local_day - timedelta(days=self.start_days), self.starts_at), territory.zone)
        end = instants(datetime.combine(local_day, territory.ends_at), territory.zone)
        verified = self.provenance.status == "verified" and territory.status == "verified"
        return SilenceWindow(self.id, self.version, territory.code, poll_day, start, end, verified)


@dataclass(frozen=True)
class SilenceWindow:
    """Two moments in UTC, each as (earliest, latest): they differ only where the clocks are set back and a local time occurs
    twice."""

    rule_id: str
    rule_version: str
    territory: str
    poll_day: date
    start: tuple[datetime, datetime]
    end: tuple[datetime, datetime]
    verified: bool


@dataclass(frozen=True)
class WindowVerdict:
    """Whether a post lies in a window, by a time from `source`, known to `precision_s`. `margin_s`: distance to the nearest edge.

    When unknown, it is 0, or, with a time of the id `beside` it that was never compared, how far from the edge that one lies.
    `can_confirm`: False under a draft rule, for a time whose formula was never compared, and when unknown.
    """

    place: Place
    rule_id: str
    rule_version: str
    territory: str
    interval: tuple[datetime, datetime]
    margin_s: float
    reason: str
    can_confirm: bool
    source: str
    precision_s: float
    beside: str


def judge(window: SilenceWindow, posted: PostTime) -> WindowVerdict:
    """in, out or unknown. Not judged: what the post says, an edit, or that an older post was still online in the window.

    Both ends of a time's interval are possible: nobody knows on which side of a stroke a platform counts it. So a day that ends
    at the very moment at which a window begins or ends is unknown, which can widen a number, never a certainty.
    """
    place, margin, reason = _placed(window, posted)
    if place == "unknown" and posted.beside is not None:
        claimed, margin, _ = _placed(window, posted.beside)
        reason = f"{reason}; {BESIDE[claimed]}"
    doubts = [] if window.verified else ["the rule is a draft"]
    doubts += [] if posted.compared else ["the way the time was got was never compared with a published time"]
    return WindowVerdict(
        place=place,
        rule_id=window.rule_id,
        rule_version=window.rule_version,
        territory=window.territory,
        interval=posted.interval,
        margin_s=margin.total_seconds(),
        reason="; ".join([reason, *doubts]),
        can_confirm=place != "unknown" and not doubts,
        source=posted.source,
        precision_s=posted.precision_s,
        beside="" if posted.beside is None else spoken(posted.beside),
    )


def _placed(window: SilenceWindow, posted: PostTime) -> tuple[Place, timedelta, str]:
    """Place, distance to the nearest edge, and why; by the interval alone."""
    low, high = posted.interval
    if window.start[1] <= low and high < window.end[0]:
        return "in", min(low - window.start[1], window.end[0] - high), "posted in the window"
    if high < window.start[0]:
        return "out", window.start[0] - high, "posted before the window"
    if low >= window.end[1]:
        return "out", low - window.end[1], "posted after the window"
    return "unknown", timedelta(0), "the precision of the time straddles an edge of the window"


def instants(local: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The moments a wall clock shows `local`, in UTC: one, two when clocks are set back, and the moment after a skipped hour.

    Source: PEP 495. A local time that does not exist becomes the first moment after the gap, twice.
    """
    first = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    second = local.replace(tzinfo=zone, fold=1).astimezone(UTC)
    if first.astimezone(zone).replace(tzinfo=None) != local:  # in a gap: fold=0 reads it with the offset before, beyond the gap
        before, after = sorted((first, second))
        edge = _transition(before, after, zone)
        return edge, edge
    return min(first, second), max(first, second)


def _transition(low: datetime, high: datetime, zone: ZoneInfo) -> datetime:
    """The moment between two moments at which the zone's offset changes, to the second."""
    offset = low.astimezone(zone).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=int((high - low).total_seconds()) // 2)
        low, high = (middle, high) if middle.astimezone(zone).utcoffset() == offset else (low, middle)
    return high


def silence_rules(pack: Pack) -> tuple[SilenceRule, ...]:
    """The rules of a pack of silence windows. Raises: RuleError."""
    return tuple(_rule(entry, pack.version) for entry in pack.entries)


def _rule(entry: Mapping[str, Any], version: str) -> SilenceRule:
    only(entry, *_COMMON, "jurisdiction", "election_type", "start_days", "starts_at", "scope", "note", "territories")
    territories = entry.get("territories")
    if not isinstance(territories, list) or not territories:
        raise RuleError("a silence rule has territories")
    return SilenceRule(
        id=text_of(entry, "id"),
        version=version,
        jurisdiction=text_of(entry, "jurisdiction"),
        election_type=text_of(entry, "election_type"),
        start_days=_days(entry, "start_days", (0, 30)),
        starts_at=_clock(text_of(entry, "starts_at")),
        scope=texts_of(entry, "scope"),
        note=optional_text(entry, "note"),
        provenance=provenance_of(entry),
        territories=tuple(_territory(one) for one in territories),
    )


def _territory(entry: Mapping[str, Any]) -> Territory:
    only(entry, "code", "name", "tz", "poll_day_offset", "ends_at", "status")
    try:
        zone = ZoneInfo(text_of(entry, "tz"))
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise RuleError("tz must be a zone of the IANA database") from error
    status = text_of(entry, "status")
    if status not in ("draft", "verified"):
        raise RuleError("status is draft or verified")
    return Territory(
        code=text_of(entry, "code"),
        name=text_of(entry, "name"),
        zone=zone,
        poll_day_offset=_days(entry, "poll_day_offset", (-7, 7)),
        ends_at=_clock(text_of(entry, "ends_at")),
        status="verified" if status == "verified" else "draft",
    )


def _days(entry: Mapping[str, Any], name: str, limits: tuple[int, int]) -> int:
    value = entry.get(name, 0)
    if not isinstance(value, int) or isinstance(value, bool) or not limits[0] <= value <= limits[1]:
        raise RuleError(f"{name} is a whole number of days, {limits[0]} to {limits[1]}")
    return value


def _clock(text: str) -> time:
    try:
        return time.fromisoformat(text)
    except ValueError as error:
        raise RuleError("a time of day is written HH:MM") from error
