"""What a person says about a whole table: where it is from, and what its cells leave open."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime

from server.cases.entities import CONFIDENCES
from server.cases.texts import long_text
from server.errors import BadInput
from server.imports.times import DATE_ORDERS, TimeWords, UnreadTime, moment_of, zone_named

TIME_SOURCES = ("person", "api", "embedded_json", "displayed", "displayed_relative")
TEXT_LIMIT = 300


@dataclass(frozen=True)
class ImportOptions:
    """`source`: where the table is from; it stands with every relation. An empty member was not said.

    zone: IANA name for times without one. date_order: dmy or mdy, for dates such as 6.7.2024. platform, seen_at, seen_by: for
    rows that do not say it. time_source: whose word the column of post times is. window: of the numbers. claimed_by: the
    platform whose own figures they are. confidence: that the accounts named are the posts' authors.
    """

    source: str
    zone: str = ""
    date_order: str = ""
    platform: str = ""
    time_source: str = "person"
    seen_at: str = ""
    seen_by: str = ""
    window: str = ""
    claimed_by: str = ""
    confidence: str = "likely"

    @property
    def words(self) -> TimeWords:
        """What was said of times."""
        return TimeWords(self.zone, self.date_order)

    @property
    def seen_moment(self) -> tuple[datetime, float] | None:
        """The time of rows that say none, with its precision in seconds."""
        if not self.seen_at:
            return None
        moment = moment_of(self.seen_at, self.words)
        return moment.at, moment.precision_s

    def as_json(self) -> dict[str, str]:
        """What is stored."""
        return asdict(self)


def parse_options(values: Mapping[str, str]) -> ImportOptions:
    """The options as a form or a file gives them; unknown names are refused. Raises: BadInput."""
    known = {field.name for field in fields(ImportOptions)}
    if unknown := sorted(set(values) - known):
        raise BadInput(field=unknown[0][:80], reason="no option of an import")
    said = {name: long_text(name, text, TEXT_LIMIT) for name, text in values.items()}
    made = ImportOptions(**{"source": "", **said})
    if not made.source:
        raise BadInput(field="source", reason="say where the table is from")
    if len(made.claimed_by) > 80 or len(made.window) > 80 or len(made.platform) > 40:
        raise BadInput(field="options", reason="a platform has at most 40 characters, a window or claimant 80")
    for name, allowed in (("date_order", DATE_ORDERS), ("time_source", TIME_SOURCES), ("confidence", CONFIDENCES)):
        if getattr(made, name) not in allowed:
            raise BadInput(field=name, reason="one of " + ", ".join(allowed))
    try:
        if made.zone:
            zone_named(made.zone)
        _ = made.seen_moment
    except UnreadTime as error:
        raise BadInput(field="zone" if not made.seen_at else "seen_at", reason=str(error)) from error
    return made
