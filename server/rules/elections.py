"""Elections: polling days, and what became of them. One that was annulled keeps its windows; its successor has windows of
its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from server.rules.errors import RuleError
from server.rules.packs import Pack, Provenance, only, optional_date, optional_text, provenance_of, text_of

STATES = ("planned", "held", "annulled", "cancelled")


@dataclass(frozen=True)
class Election:
    """One polling day. `state_since`: when it was annulled or cancelled. `successor`: the id of what is held in its place."""

    id: str
    version: str
    jurisdiction: str
    title: str
    poll_day: date
    state: str
    state_since: date | None
    successor: str
    provenance: Provenance


def elections(pack: Pack) -> tuple[Election, ...]:
    """The elections of a pack. Raises: RuleError (also for a successor that is not in it)."""
    found = tuple(_election(entry, pack.version) for entry in pack.entries)
    ids = {one.id for one in found}
    if any(one.successor and one.successor not in ids for one in found):
        raise RuleError("a successor is an election of the same pack")
    return found


def _election(entry: Mapping[str, Any], version: str) -> Election:
    only(
        entry, "id", "jurisdiction", "title", "poll_day", "state", "state_since", "successor", "source", "status", "verified_by",
        "verified_on", "effective_from", "effective_to",
    )  # fmt: skip
    poll_day, state = optional_date(entry, "poll_day"), text_of(entry, "state")
    if poll_day is None or state not in STATES:
        raise RuleError(f"an election has a poll_day and a state of {', '.join(STATES)}")
    since = optional_date(entry, "state_since")
    if (state in ("annulled", "cancelled")) != (since is not None):
        raise RuleError("state_since says when an election was annulled or cancelled, and only that")
    return Election(
        text_of(entry, "id"),
        version,
        text_of(entry, "jurisdiction"),
        text_of(entry, "title"),
        poll_day,
        state,
        since,
        optional_text(entry, "successor"),
        provenance_of(entry),
    )
