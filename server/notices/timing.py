"""From when to when a platform can have acted on a notice: bounds from looks and from what the platform says, never one
invented time.

An action is what a look found there and a later one found gone by the platform's act (vocabulary.GONE), or any measure that the
platform says it took. What no look found there before it was found gone may have been gone before the notice was sent: `unknown`.
Not told by looks: a thing taken away and put back between two of them, and whatever leaves it visible (demotion, a label, money).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from server.notices.bodies import Decided, Looked, Sent
from server.notices.vocabulary import GONE, NO_MEASURE, TAKES_AWAY

Outcome = Literal["acted", "online", "declined", "gone_before", "removed_by_author", "unknown"]
"""`online`: there when somebody looked. `declined`: the platform says that it took no measure. `gone_before`: gone before the
notice
was sent. `unknown`: nothing tells."""
Reason = Literal["", "gone_at_first_look", "look_straddles_sending"]
"""Why an outcome is unknown although a look found it gone: no look had found it there, or the look that did, or that found it
gone, may have been before the sending."""
TIMING_RULE = 2
"""Under rule 1, what the first look found gone counted as acted on. Tables frozen under it are counted again by it."""
Basis = Literal["seen", "stated", "stated_and_seen", "none"]
InWindow = Literal["in", "out", "unknown", "sent_after", "no_window"]


@dataclass(frozen=True)
class Bounds:
    """Not before `low`, not after `high` (None: nothing tells that it happened at all). Both are moments in UTC."""

    low: datetime
    high: datetime | None


@dataclass(frozen=True)
class Timed:
    """One notice, or one address of it. `contradiction`: the platform's word against what was seen later; then what was seen
    counts. `reason`: of an outcome that is unknown although it was found gone."""

    outcome: Outcome
    basis: Basis
    sent: Bounds
    action: Bounds
    in_window: InWindow
    contradiction: bool = False
    reason: Reason = ""

    @property
    def seconds(self) -> tuple[float, float] | None:
        """Least and most seconds from sending to action; None when nothing tells that there was one."""
        if self.outcome != "acted" or self.action.high is None or self.sent.high is None:
            return None
        least = (self.action.low - self.sent.high).total_seconds()
        return max(0.0, least), max(0.0, (self.action.high - self.sent.low).total_seconds())


@dataclass(frozen=True)
class _Sight:
    """One look at one address."""

    low: datetime
    high: datetime
    availability: str
    country: str


def time_item(url: str, sent: Sent, looks: Sequence[Looked], decisions: Sequence[Decided], *, rule: int = TIMING_RULE) -> Timed:
    """When the platform acted on one address of the notice, by the rule of this version or an earlier one."""
    sent_at = Bounds(sent.at.earliest, sent.at.latest)
    sights = sorted(_sights(url, looks), key=lambda one: (one.low, one.high))
    before = [one for one in sights if one.high <= sent_at.low and _tells(one)]
    after = [one for one in sights if one.high > sent_at.low]
    if before and before[-1].availability in GONE and not any(one.availability == "online" for one in after):
        return Timed("gone_before", "none", sent_at, Bounds(sent_at.low, None), "no_window")
    answers = [one for one in decisions if (not one.items or url in one.items) and one.at.latest >= sent_at.low]
    stated, contradiction = _stated(answers, after, sent_at.low)
    reason = _unplaced(sights, sent_at) if rule > 1 else ""
    action, basis = _together(_seen(after, sent_at.low), stated, placed=not reason)
    outcome = _outcome(action, after, answers)
    if action.high is not None:
        reason = ""
    elif reason and outcome == "online":
        outcome = "unknown"  # it was gone meanwhile: perhaps taken away on the notice and put back
    if reason:
        action = Bounds(sent_at.low, None)
    if outcome == "declined":
        told = [one.at.earliest for one in answers if "NO_VIOLATION" in one.decisions]
        action = Bounds(max([action.low, *told]), None)
    said = reason if outcome == "unknown" else ""
    return Timed(outcome, basis, sent_at, action, in_window(sent, action, outcome), contradiction, said)


def was_seen_to_act(url: str, sent: Sent, looks: Sequence[Looked], decisions: Sequence[Decided]) -> bool:
    """True when `time_item` counts an action on the address and a look found it gone, surely after the sending and not before
    that action.

    Of what the platform says, only what takes away or blocks explains that a thing is gone: a label does not.
    """
    gone = [one for one in _sights(url, looks) if one.availability in GONE and one.low > sent.at.latest]
    measures = [one for one in decisions if (TAKES_AWAY | {"GEO_BLOCKED"}) & set(one.decisions)]
    timed = time_item(url, sent, looks, measures) if gone else None
    return timed is not None and timed.outcome == "acted" and any(one.high >= timed.action.low for one in gone)


def time_notice(sent: Sent, items: Sequence[Timed]) -> Timed:
    """The first action on any address of the notice. An address of which nothing is known may have been the first, and widens
    the bounds."""
    sent_at = Bounds(sent.at.earliest, sent.at.latest)
    counted = [one for one in items if one.outcome != "gone_before"]
    if not counted:
        return Timed("gone_before", "none", sent_at, Bounds(sent_at.low, None), "no_window")
    acted = [one for one in counted if one.outcome == "acted"]
    highs = [one.action.high for one in acted if one.action.high is not None]
    action = Bounds(min(one.action.low for one in counted), min(highs, default=None))
    outcome: Outcome = "acted" if acted else _common(one.outcome for one in counted)
    first = min(acted, key=lambda one: (one.action.high or one.action.low, one.action.low), default=None)
    basis: Basis = "none" if first is None else first.basis
    said = any(one.contradiction for one in items)
    reasons: list[Reason] = [one.reason for one in counted if one.reason]
    why: Reason = reasons[0] if reasons and outcome == "unknown" else ""
    return Timed(outcome, basis, sent_at, action, in_window(sent, action, outcome), said, why)


def in_window(sent: Sent, action: Bounds, outcome: Outcome) -> InWindow:
    """Whether the platform acted before the window's end. The end does not belong to the window; what straddles it is
    `unknown`."""
    if sent.window is None:
        return "no_window"
    end = sent.window.end
    if sent.at.earliest >= end[1]:
        return "sent_after"
    if sent.at.latest >= end[0]:
        return "unknown"
    if outcome == "acted" and action.high is not None and action.high < end[0]:
        return "in"
    return "out" if action.low >= end[1] else "unknown"


def _sights(url: str, looks: Sequence[Looked]) -> Iterable[_Sight]:
    for look in looks:
        for one in look.seen:
            if one.url == url:
                yield _Sight(look.at.earliest, look.at.latest, one.availability, look.country)


def _tells(sight: _Sight) -> bool:
    return sight.availability in GONE or sight.availability == "online"


def _outcome(action: Bounds, sights: Sequence[_Sight], answers: Sequence[Decided]) -> Outcome:
    if action.high is not None:
        return "acted"
    found = {one.availability for one in sights}
    if "removed_by_author" in found:
        return "removed_by_author"
    if any("NO_VIOLATION" in one.decisions for one in answers):
        return "declined"
    return "online" if "online" in found else "unknown"


def _unplaced(sights: Sequence[_Sight], sent: Bounds) -> Reason:
    """Why a look that found it gone tells of no action since the sending; "" when none did, or when one does.

    One does when a look found the thing there before it, and every look that found it gone and may have been before the sending
    lies before that one. A block by country is told by looks from that country.
    """
    gone = [one for one in sights if one.availability in GONE and one.high > sent.low]
    early = [one for one in sights if one.availability in GONE and one.low <= _latest(sent)]
    there = [one for one in sights if one.availability == "online"]
    if not gone:
        return ""
    for found in gone:
        before = [one for one in there if one.high <= found.low and _same_place(one, found)]
        if found.low > _latest(sent) and any(all(other.high <= one.low for other in early) for one in before):
            return ""
    return "look_straddles_sending" if any(one.high > sent.low for one in early) else "gone_at_first_look"


def _latest(sent: Bounds) -> datetime:
    return sent.low if sent.high is None else sent.high


def _same_place(online: _Sight, gone: _Sight) -> bool:
    return gone.availability != "geo_blocked" or online.country == gone.country


def _seen(sights: Sequence[_Sight], sent_low: datetime) -> Bounds:
    """Bounds by looks alone: after the last that found it online before the first that found it gone."""
    first = min((one for one in sights if one.availability in GONE), key=lambda one: one.high, default=None)
    online = [
        one.low
        for one in sights
        if one.availability == "online"
        and (first is None or one.high <= first.low)
        and (first is None or _same_place(one, first))
    ]
    return Bounds(max([sent_low, *online]), None if first is None else first.high)


def _stated(answers: Sequence[Decided], sights: Sequence[_Sight], sent_low: datetime) -> tuple[Bounds | None, bool]:
    """What the platform says of its first measure, and whether a later look contradicts it (then it does not count)."""
    claims, contradicted = [], False
    for decided in answers:
        at = decided.applied_at or decided.at
        if not _has_measure(decided) or at.latest <= sent_low:
            continue  # a measure from before the notice is not an answer to it
        low = sent_low if decided.applied_at is None else max(sent_low, at.earliest)
        if not TAKES_AWAY & set(decided.decisions):
            claims.append(Bounds(low, at.latest))
        elif _still_there(sights, at.latest):
            contradicted = True
        else:
            seen_before = [one.low for one in sights if one.availability == "online" and one.low <= at.latest]
            claims.append(Bounds(max([low, *seen_before]), at.latest))
    return min(claims, key=lambda one: (one.high or one.low, one.low), default=None), contradicted


def _has_measure(decided: Decided) -> bool:
    """True when the platform says that it did something."""
    return not set(decided.decisions) <= NO_MEASURE


def _still_there(sights: Sequence[_Sight], since: datetime) -> bool:
    """True when the first look after `since` that tells anything found the thing, and none before it had found it gone."""
    if any(one.availability in GONE and one.low <= since for one in sights):
        return False
    later = [one for one in sights if one.low > since and _tells(one)]
    return bool(later) and later[0].availability == "online"


def _together(seen: Bounds, stated: Bounds | None, *, placed: bool) -> tuple[Bounds, Basis]:
    """Both, narrowed by each other where they meet; the earlier of the two where they do not. What was seen gone without being
    `placed` after the sending is no action by itself; it bounds one that the platform states."""
    if stated is None or stated.high is None:
        return (seen, "none" if seen.high is None else "seen") if placed else (Bounds(seen.low, None), "none")
    if seen.high is None:
        return stated, "stated"
    low, high = max(seen.low, stated.low), min(seen.high, stated.high)
    if low <= high:
        return Bounds(low, high), "stated_and_seen"
    return (stated, "stated") if stated.high < seen.low or not placed else (seen, "seen")


def _common(outcomes: Iterable[Outcome]) -> Outcome:
    """What can be said of several addresses of which none was acted on: one word if they agree, `online` if any was there."""
    found = set(outcomes)
    if len(found) == 1:
        return found.pop()
    return "online" if "online" in found else "unknown"
