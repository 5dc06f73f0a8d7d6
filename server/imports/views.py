"""What people see of imports: a plan before it starts, the first rows and what becomes of them, progress, what an undo kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from server.cases.models import Entity
from server.imports.models import Observation, TableImport
from server.imports.said import Problem, ReadRow
from server.imports.tables import Layout


@dataclass(frozen=True)
class Plan:
    """What a person says about a table: how it is written, what its columns mean, what its cells leave open."""

    mapping: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    encoding: str = ""
    delimiter: str = ""
    sheet: str = ""


@dataclass(frozen=True)
class PreviewRow:
    """A row of the file: its cells as they are, and what becomes of it (`read`), or why it would be refused."""

    number: int
    cells: tuple[str, ...]
    read: ReadRow | None
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class Preview:
    """The first rows under a plan. `problem`: why the plan cannot be used as it is; rows are then shown without a reading."""

    layout: Layout
    header: tuple[str, ...]
    mapping: Mapping[str, str]
    is_auto_archiver: bool
    rows: Sequence[PreviewRow]
    problem: str


@dataclass(frozen=True)
class ProblemRow:
    """One line of the list of problems."""

    row: int
    position: int
    severity: str
    column: str
    value: str
    reason: str


@dataclass(frozen=True)
class Kept:
    """Something that an undo kept, and why."""

    kind: str
    name: str
    why: str


@dataclass(frozen=True)
class SaidRow:
    """What one row said: of which thing, and the observation as it is kept."""

    entity: Entity
    observation: Observation


@dataclass(frozen=True)
class ImportView:
    """One import as its page shows it. `outcomes`: (kind, outcome, count) of what it made; `kept`: some of what stayed; `said`:
    the first rows."""

    table: TableImport
    author: str
    problems: Sequence[ProblemRow]
    notes: int
    outcomes: Sequence[tuple[str, str, int]]
    kept: Sequence[Kept]
    said: Sequence[SaidRow]
    undone_by: str
