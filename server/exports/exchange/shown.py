"""What of a confirmed finding an exchange format may tell: the cells of the tables, so that one list decides what leaves."""

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from server.exports.errors import ExportRefused
from server.exports.profiles import Profile
from server.exports.tables.cells import Value
from server.exports.tables.columns import FINDING_COLUMNS, SIGHTING_COLUMNS, columns_for
from server.exports.tables.findings import ConfirmedFinding, sightings_of, utc_text
from server.exports.tables.posted import Posted
from server.findings.body import Tag

FINDINGS_LIMIT = 5_000


@dataclass(frozen=True)
class Shown:
    """One finding. cells, sightings: column name → value, absent ones left out. is_named: its account's id is no pseudonym.

    created, modified: when it was first confirmed, and when something last changed what is told of it; RFC 3339 in UTC.
    """

    cells: Mapping[str, Value]
    sightings: tuple[Mapping[str, Value], ...]
    techniques: tuple[Tag, ...]
    is_named: bool
    created: str
    modified: str

    def text(self, column: str) -> str:
        """The cell as text; empty where the profile has none."""
        value = self.cells.get(column)
        return "" if value is None else str(value)

    def texts(self, column: str) -> list[str]:
        """The cell as a list; empty where the profile has none."""
        value = self.cells.get(column)
        return value if isinstance(value, list) else []

    @property
    def times(self) -> list[str]:
        """When it was captured and seen: RFC 3339 in UTC, oldest first."""
        known = [self.text("captured_at"), *(str(one["seen_at"]) for one in self.sightings if one.get("seen_at"))]
        return sorted(one for one in known if one)

    @property
    def posted(self) -> Posted | None:
        """The time of posting, as exact as the table says it is; None where it has none."""
        precision_s = self.cells.get("posted_at_precision_s")
        if not self.text("posted_at") or not isinstance(precision_s, int | float):
            return None
        value, source = datetime.fromisoformat(self.text("posted_at")), self.text("posted_at_source")
        return Posted(value, precision_s, source, compared=self.text("posted_at_compared") == "yes")

    @property
    def link(self) -> str:
        """`C-1/F-3`, as people speak of it."""
        return f"{self.text('case')}/{self.text('finding')}"


@dataclass(frozen=True)
class CaseShown:
    """The case whose findings are told: its id, number, organisation, marking (TLP 2.0), and for whom.

    created, judged: when one of its findings was first confirmed, and last confirmed or rejected; RFC 3339 in UTC.
    """

    case_id: str
    number: int
    organisation: str
    marking: str
    profile: Profile
    created: str
    judged: str

    @property
    def author(self) -> str:
        """Whose words these are: a public file names no organisation."""
        return "" if self.profile is Profile.PUBLIC else self.organisation


def shown(finding: ConfirmedFinding, profile: Profile) -> Shown:
    """The finding as the profile may have it."""
    named = columns_for(FINDING_COLUMNS, profile)
    seen = columns_for(SIGHTING_COLUMNS, profile)
    return Shown(
        cells=_known((column.name, column.cell(finding, profile)) for column in named),
        sightings=tuple(_known((column.name, column.cell(one, profile)) for column in seen) for one in sightings_of(finding)),
        techniques=finding.body.ttps,
        is_named=finding.names_account(profile),
        created=utc_text(finding.first_confirmed_at) or "",
        modified=utc_text(finding.changed_at) or "",
    )


def changed(case: CaseShown, findings: list[Shown]) -> str:
    """When something last changed what is told of the case: also that a finding was rejected, and is told no longer."""
    return max([case.judged, *(one.modified for one in findings)])


async def all_shown(batches: AsyncIterator[list[ConfirmedFinding]], profile: Profile) -> list[Shown]:
    """Every finding, held at once. Raises: ExportRefused (none, or more than such a file carries)."""
    found: list[Shown] = []
    async for batch in batches:
        found += [shown(one, profile) for one in batch]
        if len(found) > FINDINGS_LIMIT:
            raise _refused(f"too_many_findings: more than {FINDINGS_LIMIT}")
    if not found:
        raise _refused("no_findings")
    return found


def _known(cells: Iterable[tuple[str, Value]]) -> dict[str, Value]:
    return {name: value for name, value in cells if value is not None}


def _refused(code: str) -> ExportRefused:
    return ExportRefused(reason=code, missing=[code])
