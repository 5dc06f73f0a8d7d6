"""Where a notice stands, from its events: pure, nothing else decides it."""

import calendar
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TypeVar

from server.notices.bodies import (
    Acknowledged,
    Attempted,
    Body,
    Complained,
    Content,
    Corrected,
    Decided,
    Drafted,
    Looked,
    Replied,
    Resolved,
    Sent,
)
from server.notices.timing import was_seen_to_act
from server.notices.values import Item, StatedTime
from server.notices.vocabulary import NoticeState

APPEAL_MONTHS = 6
"""DSA Article 20(1): a complaint is possible for at least six months following the decision."""
Kind = TypeVar("Kind")


@dataclass(frozen=True)
class Entry:
    """One event as it is stored."""

    seq: int
    body: Body
    author_id: uuid.UUID
    recorded_at: datetime


@dataclass(frozen=True)
class Standing:
    """What holds of a notice. `looks`, `decisions` and so on are in the order of their numbers, corrections taken in, struck
    left out."""

    state: NoticeState
    draft: Drafted
    sent: Sent | None
    attempts: tuple[Attempted, ...]
    acknowledged: StatedTime | None
    decisions: tuple[Decided, ...]
    looks: tuple[Looked, ...]
    open_remedies: tuple[int, ...]
    appeal_until: date | None

    @property
    def items(self) -> tuple[Item, ...]:
        """What was sent or, before that, what is meant to be."""
        return self.draft.items if self.sent is None else self.sent.items


def in_force(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """The events that hold, by number: each with the words of its last correction; struck ones and corrections left out."""
    last: dict[int, Content | None] = {}
    for entry in sorted(entries, key=lambda one: one.seq):
        if isinstance(entry.body, Corrected):
            last[entry.body.of] = entry.body.content
    holding = []
    for entry in sorted(entries, key=lambda one: one.seq):
        if isinstance(entry.body, Corrected):
            continue
        content = last.get(entry.seq, entry.body)
        if content is not None:
            holding.append(replace(entry, body=content))
    return tuple(holding)


def draft_seq(entries: Sequence[Entry]) -> int:
    """The number of the event that has the words of the draft: the first, or its last correction."""
    return max(one.seq for one in entries if one.seq == 1 or (isinstance(one.body, Corrected) and one.body.of == 1))


def standing_of(entries: Sequence[Entry]) -> Standing:
    """The notice as its events leave it. The first event is the draft, which can be corrected but not struck."""
    holding = in_force(entries)
    draft, sent = _last(holding, Drafted), _last(holding, Sent)
    if draft is None:
        raise ValueError("a notice begins with its draft")
    decisions, looks = _all(holding, Decided), _all(holding, Looked)
    answers: list[Acknowledged | Replied] = [*_all(holding, Acknowledged), *_all(holding, Replied)]
    settled = {one.of for one in _all(holding, Resolved)}
    remedies = tuple(one.seq for one in holding if isinstance(one.body, Complained) and one.seq not in settled)
    attempts = _all(holding, Attempted)
    if sent is None:  # also when the sending was struck: what came after it stays to be read
        state = NoticeState.ATTEMPT_FAILED if attempts else NoticeState.DRAFTED
    elif remedies:
        state = NoticeState.APPEALED
    elif any(was_seen_to_act(item.url, sent, looks, decisions) for item in sent.items):
        state = NoticeState.EFFECTIVE
    elif decisions:
        state = NoticeState.DECIDED
    elif answers:
        state = NoticeState.ACKNOWLEDGED
    else:
        state = NoticeState.SENT
    replied = [one for one in decisions if "NO_REPLY" not in one.decisions]
    return Standing(
        state=state,
        draft=draft,
        sent=sent,
        attempts=attempts,
        acknowledged=min((one.at for one in answers), key=lambda at: at.value, default=None),
        decisions=decisions,
        looks=looks,
        open_remedies=remedies,
        appeal_until=six_months_after(max(one.at.value.date() for one in replied)) if replied else None,
    )


def six_months_after(day: date) -> date:
    """The same day six months later, or the last day of that month."""
    months = day.month - 1 + APPEAL_MONTHS
    year, month = day.year + months // 12, months % 12 + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def _all(entries: Sequence[Entry], kind: type[Kind]) -> tuple[Kind, ...]:
    return tuple(one.body for one in entries if isinstance(one.body, kind))


def _last(entries: Sequence[Entry], kind: type[Kind]) -> Kind | None:
    found = _all(entries, kind)
    return found[-1] if found else None
