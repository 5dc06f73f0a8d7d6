"""What a row of a table says, as values: a thing, by whom, when, with which numbers; and what is wrong or doubtful about it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from server.imports.times import Moment
from server.imports.values import Numbers
from server.rules.posttimes import PostTime


@dataclass(frozen=True)
class Problem:
    """What is wrong or doubtful, at which column, with the cell as written."""

    column: str
    value: str
    reason: str


class RowRefused(Exception):
    """The row is not taken."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(dict.fromkeys(problems))
        super().__init__(len(self.problems))


@dataclass(frozen=True)
class Thing:
    """An entity as a row names it; (kind, platform, external_id) tell it apart."""

    kind: str
    platform: str
    external_id: str
    name: str
    url: str


@dataclass(frozen=True)
class Figure:
    """A number or range of the row's thing."""

    name: str
    column: str
    numbers: Numbers
    window: str


@dataclass(frozen=True)
class ReadRow:
    """What a row says. posted_at: every candidate, the one that counts first. notes: what is doubtful, though taken. ids: column
    and text of each that no address holds too."""

    thing: Thing
    account: Thing | None
    posted_at: tuple[PostTime, ...]
    seen: Moment | None
    seen_by: str
    country: str
    figures: tuple[Figure, ...]
    facts: Mapping[str, str]
    notes: tuple[Problem, ...]
    ids: tuple[tuple[str, str], ...] = ()
