"""Whether an event can be recorded as things stand: pure. What is impossible is refused; what is only odd is recorded as it was
said."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from server.errors import BadInput, NotFound
from server.notices.bodies import (
    Acknowledged,
    Attempted,
    Complained,
    Content,
    Decided,
    Drafted,
    Dropped,
    Looked,
    Noted,
    Replied,
    Resolved,
    Sent,
)
from server.notices.errors import NoticeRefused
from server.notices.state import Standing
from server.notices.values import StatedTime

EARLY = timedelta(minutes=10)
"""How much before its time a re-check may be made and still count as that one."""


@dataclass(frozen=True)
class Facts:
    """What the checks know: the standing, open re-checks with their due times, live exhibits with their times, and the time."""

    standing: Standing
    due: Mapping[uuid.UUID, datetime]
    exhibits: Mapping[str, datetime]
    now: datetime


def admit(content: Content, facts: Facts) -> None:
    """Returns when it can be recorded. Raises: BadInput; NotFound (a capture that is no exhibit); NoticeRefused (the order of
    things)."""
    captures = captures_of(content)
    for capture_id in captures:
        if capture_id not in facts.exhibits:
            raise NotFound(kind="exhibit", id=capture_id[:64])
    _in_time(content, captures, facts)
    if isinstance(content, Sent) and facts.standing.sent is not None:
        raise NoticeRefused(reason="it was sent already")
    if isinstance(content, Acknowledged | Replied | Decided | Complained | Resolved):
        _after_sending(content.at, facts.standing)
    if isinstance(content, Looked):
        _named(facts.standing, [one.url for one in content.seen])
        _settles(content, facts)
    if isinstance(content, Decided):
        _named(facts.standing, content.items)
    if isinstance(content, Dropped) and content.recheck_id not in facts.due:
        raise NotFound(kind="recheck", id=str(content.recheck_id))
    if isinstance(content, Resolved) and content.of not in facts.standing.open_remedies:
        raise NotFound(kind="complaint", id=str(content.of))


def captures_of(content: Content) -> tuple[str, ...]:
    """Every capture that the event names, each once."""
    found: list[str | None] = []
    if isinstance(content, Attempted):
        found = [content.shown.capture_id]
    elif isinstance(content, Replied):
        found = [None if content.shown is None else content.shown.capture_id]
    elif isinstance(content, Looked):
        found = [one.shown.capture_id for one in content.seen]
    elif isinstance(content, Sent | Acknowledged | Decided | Complained | Resolved):
        found = [content.capture_id]
    return tuple(dict.fromkeys(one for one in found if one is not None))


def _in_time(content: Content, captures: Sequence[str], facts: Facts) -> None:
    """What happened lies in the past; a time said to be a capture's is that of one of the captures named."""
    if isinstance(content, Drafted | Noted | Dropped):
        return
    if content.at.value > facts.now:
        raise BadInput(field="at", reason="it lies in the future")
    if isinstance(content, Decided) and content.applied_at is not None and content.applied_at.value > facts.now:
        raise BadInput(field="applied_at", reason="a measure that is announced was not taken yet: it lies in the future")
    times = [facts.exhibits[one] for one in captures]
    if content.at.source == "capture" and not any(content.at.earliest <= one <= content.at.latest for one in times):
        raise BadInput(field="at", reason="no capture that is named was made at that time")


def _after_sending(at: StatedTime, standing: Standing) -> None:
    if standing.sent is None:
        raise NoticeRefused(reason="it was not sent yet")
    if at.latest < standing.sent.at.earliest:
        raise NoticeRefused(reason="it lies before the sending")


def _named(standing: Standing, urls: Sequence[str]) -> None:
    if len(set(urls)) != len(urls):
        raise BadInput(field="items", reason="an address is named twice")
    unknown = set(urls) - {item.url for item in standing.items}
    if unknown:
        raise BadInput(field="items", reason="an address that the notice does not name")


def _settles(look: Looked, facts: Facts) -> None:
    if look.recheck_id is None:
        return
    due = facts.due.get(look.recheck_id)
    if due is None:
        raise NotFound(kind="recheck", id=str(look.recheck_id))
    if min(look.at.latest, facts.now) < due - EARLY:  # nobody looks in the future, however wide a time is said
        raise NoticeRefused(reason="it is too early for this re-check")
