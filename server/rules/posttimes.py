"""When a post was created: from its id, and which of several stated times counts (docs/adr/0038).

extension/capture/platforms/times.js has the same formulas; both read tests/vectors/posttimes.json.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

from server.rules.errors import RuleError

TimeSource = Literal["platform_id", "embedded_json", "api", "displayed", "displayed_relative", "person"]
X_EPOCH_MS = 1_288_834_974_657
INSTAGRAM_EPOCH_MS = 1_314_220_021_721
NOT_COMPARED = "the formula was not compared with a time the platform published"
EARLIEST = datetime(2003, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)
PRECISION_LIMIT_S = 400 * 86_400.0
FIRST_RULE, TIME_RULE = 1, 2
"""Which of several times counts: the rule of today, and the first, by which numbers were frozen that are recounted by it."""
RANK: dict[str, int] = {"platform_id": 0, "api": 1, "embedded_json": 1, "displayed": 2, "displayed_relative": 3, "person": 4}
WORDS: dict[str, str] = {
    "platform_id": "the platform's id", "api": "an interface", "embedded_json": "the page's data",
    "displayed": "the time displayed", "displayed_relative": "the relative time displayed", "person": "a person",
}  # fmt: skip
_BASE32 = "234567abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class PostTime:
    """A stated time of creation: `value` plus or minus `precision_s`. `compared`: the way it was got was compared with a
    published one. `beside`: what the post's id says by a formula never compared, which this agrees with and does not sharpen.

    Not said: when a post was edited, or when a repost of it was shown.
    """

    value: datetime
    source: TimeSource
    precision_s: float
    note: str = ""
    compared: bool = True
    beside: "PostTime | None" = None

    def __post_init__(self) -> None:
        if self.value.tzinfo is None:
            raise RuleError("a post time needs a time zone")
        if not 0 <= self.precision_s <= PRECISION_LIMIT_S:
            raise RuleError("a precision lies between 0 seconds and 400 days")
        if not EARLIEST <= self.value <= LATEST:
            raise RuleError("a post time lies between 2003 and 2100")

    @property
    def interval(self) -> tuple[datetime, datetime]:
        """Earliest and latest moment this allows, both included."""
        margin = timedelta(seconds=self.precision_s)
        return self.value - margin, self.value + margin


def time_of_id(platform: str, post_id: str) -> PostTime | None:
    """The time that a post's id holds; None for a platform without one, or an id that is not of its kind (before snowflakes)."""
    if platform == "bluesky":
        return _time_of_tid(post_id)
    if re.fullmatch(r"[1-9][0-9]{0,18}", post_id) is None:
        return None
    number = int(post_id)
    if platform == "x":
        ms = (number >> 22) + X_EPOCH_MS
        return None if ms < X_EPOCH_MS + 60_000 else _from_ms(ms, 0.001)
    if platform == "tiktok":
        return _from_ms((number >> 32) * 1000, 1.0, NOT_COMPARED)
    if platform == "instagram" and len(post_id) >= 15:
        note = f"{NOT_COMPARED}; an id may be given out when the upload begins"
        return _from_ms((number >> 23) + INSTAGRAM_EPOCH_MS, 0.001, note)
    if platform == "linkedin" and len(post_id) >= 19:
        return _from_ms(number >> 22, 0.001, NOT_COMPARED)
    return None


def best_time(candidates: Sequence[PostTime], rule: int = TIME_RULE) -> PostTime | None:
    """The candidate that counts: by source (id, then the page's data, then what is displayed), the sharpest of equals.

    An id's time whose formula was never compared is no more certain than what confirms it: the best of the other times that
    agree counts, with its own precision, and the id's time stands `beside` it. With none that agrees (a person's word is none)
    it counts itself, not as compared. None without candidates.
    """
    if not candidates:
        return None
    ranked = sorted(candidates, key=lambda one: (RANK[one.source], one.precision_s))
    best = ranked[0]
    if best.compared:
        return best
    others = [one for one in ranked[1:] if one.compared and one.source != "person"]
    agreeing = [one for one in others if _agree(best, one)]
    if rule == FIRST_RULE:
        return replace(best, note=f"agrees with {agreeing[0].source}", compared=True) if agreeing else best
    if not agreeing:
        return best
    told = f"agrees with {spoken(best)}, which does not make it more exact: {best.note or NOT_COMPARED}"
    sure = agreeing[0]
    return replace(sure, note="; ".join(part for part in (sure.note, told) if part), beside=best)


def spoken(one: PostTime) -> str:
    """The source, the time and how exact it is, in words."""
    return f"{one.source} {one.value.astimezone(UTC).isoformat()} \u00b1 {one.precision_s:g} s"


def of_id(stated: Sequence[PostTime], platform: str, post_id: str) -> tuple[PostTime, ...]:
    """The stated times, an id's own as the id gives it: what somebody wrote down as such is compared only if the formula is."""
    derived = time_of_id(platform, post_id)
    known = derived is not None and derived.compared
    return tuple(
        one
        if one.source != "platform_id" or (known and derived is not None and _agree(one, derived))
        else replace(one, compared=False, note=one.note or NOT_COMPARED)
        for one in stated
    )


def contradictions(candidates: Sequence[PostTime]) -> tuple[str, ...]:
    """Each pair of candidates that cannot both be true, in words."""
    return tuple(
        f"{WORDS[one.source]} and {WORDS[other.source]} differ by {_apart(one, other)}"
        for place, one in enumerate(candidates)
        for other in candidates[place + 1 :]
        if not _agree(one, other)
    )


def _apart(one: PostTime, other: PostTime) -> str:
    """`203 d 11:59:36.031`: days where there are any, then hours, minutes and seconds to the thousandth."""
    days, rest = divmod(round(abs((one.value - other.value).total_seconds()), 3), 86_400)
    hours, rest = divmod(rest, 3600)
    minutes, seconds = divmod(rest, 60)
    return (f"{days:.0f} d " if days else "") + f"{hours:02.0f}:{minutes:02.0f}:{seconds:06.3f}"


def can_all_be_true(candidates: Sequence[PostTime]) -> bool:
    """True when one moment lies in every candidate's interval; of none, too. However many there are, each is looked at once."""
    intervals = [one.interval for one in candidates]
    return not intervals or max(low for low, _ in intervals) <= min(high for _, high in intervals)


def _agree(one: PostTime, other: PostTime) -> bool:
    first, second = one.interval, other.interval
    return first[0] <= second[1] and second[0] <= first[1]


def _from_ms(ms: int, precision_s: float, note: str = "") -> PostTime | None:
    if not EARLIEST.timestamp() * 1000 <= ms <= LATEST.timestamp() * 1000:
        return None
    return _made(datetime.fromtimestamp(ms // 1000, UTC) + timedelta(milliseconds=ms % 1000), precision_s, note)


def _made(value: datetime, precision_s: float, note: str) -> PostTime:
    return PostTime(value, "platform_id", precision_s, note, compared=NOT_COMPARED not in note)


def _time_of_tid(key: str) -> PostTime | None:
    if re.fullmatch(r"[234567a-j][2-7a-z]{12}", key) is None:
        return None
    number = 0
    for char in key:
        number = number * 32 + _BASE32.index(char)
    micros = number >> 10
    if not EARLIEST.timestamp() * 1e6 <= micros <= LATEST.timestamp() * 1e6:
        return None
    value = datetime.fromtimestamp(micros // 1_000_000, UTC) + timedelta(microseconds=micros % 1_000_000)
    return _made(value, 0.000001, f"the author's program chooses this key; {NOT_COMPARED}")
