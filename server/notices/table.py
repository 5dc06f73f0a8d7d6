"""Time to action per platform: counts with their denominators, ranges that stay ranges, what is unknown said as such. Pure."""

import json
import statistics
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from server.notices.state import Standing
from server.notices.timing import TIMING_RULE, Timed, time_item, time_notice

Unit = Literal["notices", "addresses"]
UNITS: tuple[Unit, ...] = ("notices", "addresses")
RULE = {
    "notices": "each notice that was sent once; its first action is that on any of its addresses",
    "addresses": "each exact address of each notice that was sent once",
}
_METHOD = (
    "An action is a takedown, suspension or block that a look found, or a measure that the platform says it took. Seconds run"
    " from sending to action, as bounds where only looks bracket the action. The median is of those acted on, never of all."
    " {first_look}"
    " In the window means before its end; the share's upper figure counts what is unknown as in time."
)
METHODS = {
    1: _METHOD.format(
        first_look="What the first look finds gone counts as acted on, unless a look before the sending found it gone."
    ),
    2: _METHOD.format(
        first_look="What no look found there before it was found gone may have been gone before the sending: it is unknown, as is"
        " what was found gone by a look that may have been before the sending. A look before the sending that found it there"
        " counts as there then."
    ),
}
"""By the rule of timing."""
METHOD = METHODS[TIMING_RULE]


@dataclass(frozen=True)
class Tracked:
    """A notice as the table sees it. `seq`: its last event taken in. `addresses` and `whole` only once it was sent. `rule`: the
    version of the rule of timing."""

    notice_id: uuid.UUID
    number: int
    platform: str
    seq: int
    standing: Standing
    addresses: tuple[tuple[str, Timed], ...]
    whole: Timed | None
    rule: int = TIMING_RULE


@dataclass(frozen=True)
class Share:
    """`low` to `high` of `of`: they differ by what is unknown. No share of nothing."""

    low: int
    high: int
    of: int


@dataclass(frozen=True)
class PlatformRow:
    """One platform. `n` counts what was sent in the unit; outcomes add up to it. Seconds are (least, most)."""

    platform: str
    n: int
    not_sent: int
    attempts_failed: int
    attempts_shown: int
    acknowledged: int
    decided: int
    outcomes: dict[str, int]
    bases: dict[str, int]
    contradictions: int
    median_s: tuple[float, float] | None
    range_s: tuple[float, float] | None
    in_window: Share
    windows: dict[str, int]
    draft_rules: int
    reasons: dict[str, int]


def track(notice: tuple[uuid.UUID, int, str], seq: int, standing: Standing, *, rule: int = TIMING_RULE) -> Tracked:
    """The notice (id, number, platform) with its times."""
    sent = standing.sent
    if sent is None:
        return Tracked(*notice, seq, standing, (), None, rule)
    timed = tuple((item.url, time_item(item.url, sent, standing.looks, standing.decisions, rule=rule)) for item in sent.items)
    return Tracked(*notice, seq, standing, timed, time_notice(sent, [one for _, one in timed]), rule)


def rows_of(tracked: Sequence[Tracked], unit: Unit) -> tuple[PlatformRow, ...]:
    """One row per platform, by its name."""
    platforms = sorted({one.platform for one in tracked})
    return tuple(_row(platform, [one for one in tracked if one.platform == platform], unit) for platform in platforms)


def lines_of(tracked: Sequence[Tracked], unit: Unit) -> tuple[str, ...]:
    """What is behind the rows, one JSON text per counted thing, sorted: enough to count every figure again by other means."""
    found = []
    for one in tracked:
        timed = one.addresses if unit == "addresses" else (("", one.whole),)
        for url, what in timed:
            if what is not None:
                found.append(_line(one, url, what))
    return tuple(sorted(found))


def table_json(rows: Sequence[PlatformRow], *, rule: int = TIMING_RULE) -> str:
    """The rows as canonical JSON, with the members that tables of this rule have."""
    values = [asdict(row) for row in rows]
    if rule == 1:
        values = [{name: value for name, value in one.items() if name != "reasons"} for one in values]
    return json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def rule_of(listed: str) -> int:
    """The rule by which a frozen list was made; the lists of rule 1 do not name it."""
    first = listed.partition("\n")[0]
    return int(json.loads(first).get("rule", 1)) if first else TIMING_RULE


def _row(platform: str, tracked: Sequence[Tracked], unit: Unit) -> PlatformRow:
    sent = [one for one in tracked if one.whole is not None]
    timed = (
        [what for one in sent for _, what in one.addresses] if unit == "addresses" else [one.whole for one in sent if one.whole]
    )
    seconds = [one.seconds for one in timed if one.seconds is not None]
    windows = Counter(one.in_window for one in timed)
    attempts = [attempt for one in tracked for attempt in one.standing.attempts]
    rules = [one.standing.sent.window for one in sent if one.standing.sent is not None]
    judged = windows["in"] + windows["out"] + windows["unknown"]
    return PlatformRow(
        platform=platform,
        n=len(timed),
        not_sent=len(tracked) - len(sent),
        attempts_failed=len(attempts),
        attempts_shown=sum(one.shown.capture_id is not None for one in attempts),
        acknowledged=sum(one.standing.acknowledged is not None for one in sent),
        decided=sum(bool(one.standing.decisions) for one in sent),
        outcomes=dict(sorted(Counter(one.outcome for one in timed).items())),
        bases=dict(sorted(Counter(one.basis for one in timed if one.outcome == "acted").items())),
        contradictions=sum(one.contradiction for one in timed),
        median_s=_each(seconds, statistics.median),
        range_s=None if not seconds else (min(low for low, _ in seconds), max(high for _, high in seconds)),
        in_window=Share(windows["in"], windows["in"] + windows["unknown"], judged),
        windows=dict(sorted(windows.items())),
        draft_rules=sum(window is not None and not window.verified for window in rules),
        reasons=dict(sorted(Counter(one.reason for one in timed if one.reason).items())),
    )


def _each(seconds: Sequence[tuple[float, float]], of: Any) -> tuple[float, float] | None:
    """`of` the least and of the most: the true figure lies between the two."""
    return None if not seconds else (float(of(low for low, _ in seconds)), float(of(high for _, high in seconds)))


def _line(one: Tracked, url: str, timed: Timed) -> str:
    values = {
        "platform": one.platform,
        "notice": str(one.notice_id),
        "number": one.number,
        "seq": one.seq,
        "url": url,
        "outcome": timed.outcome,
        "basis": timed.basis,
        "contradiction": timed.contradiction,
        "sent": [_iso(timed.sent.low), _iso(timed.sent.high)],
        "action": [_iso(timed.action.low), _iso(timed.action.high)],
        "in_window": timed.in_window,
    }
    if one.rule > 1:
        values |= {"reason": timed.reason, "rule": one.rule}
    return json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat()
