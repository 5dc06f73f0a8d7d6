"""Counting alerts for SLI 16.1.1: each alert once in the total, and once under each of its labels."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from server.exports.documents.alert import Alert
from server.exports.workbook.values import Activity, RecordedActivity, SliRow, ids_sha256

ALERTS_ONCE = "each alert once, by its id, in its last version made in the period"
ACTIVITIES_ONCE = "each line of the organisation's activity log once; stated, not counted from evidence"
PEOPLE_ADDED = "sum of what each line of the activity log states; who came twice is counted twice"
Breakdown = dict[str, str]


def alert_rows(alerts: Sequence[Alert], as_of: datetime) -> list[SliRow]:
    """The total; then by content type, by Member State, by platform, and by all of them together with the language."""
    rows = [_row({}, (one.alert_id for one in alerts), as_of)]
    for names in (("content_type",), ("member_state",), ("platform",), ("content_type", "member_state", "platform", "language")):
        found: dict[tuple[str, ...], set[str]] = {}
        for one in alerts:
            for facet in one.facets:
                found.setdefault(tuple(getattr(facet, name) for name in names), set()).add(one.alert_id)
        rows += [_row(dict(zip(names, key, strict=True)), found[key], as_of) for key in sorted(found) if any(key)]
    return rows


def _row(breakdown: Breakdown, ids: Iterable[str], as_of: datetime) -> SliRow:
    listed = tuple(sorted(set(ids)))
    counted = {"n": len(listed), "n_low": len(listed), "n_high": len(listed), "ids": listed, "ids_sha256": ids_sha256(listed)}
    return SliRow.model_validate(
        {"sli": "16.1.1", "unit": "alerts", "dedup_rule": ALERTS_ONCE, "as_of": as_of} | counted | breakdown
    )


def activity_rows(activities: Sequence[Activity], as_of: datetime, recorded: Sequence[RecordedActivity] = ()) -> list[SliRow]:
    """Activities and participants of SLI 17.2.1 and 30.1.1, of the log and typed. Reach is not summed: each line keeps its own
    range."""
    rows: list[SliRow] = []
    for sli in ("17.2.1", "30.1.1"):
        own: list[Activity | RecordedActivity] = [
            *(one for one in recorded if one.measure == sli),
            *(one for one in activities if one.sli == sli),
        ]
        people = [one.participants for one in own if one.participants is not None]
        for unit, n, rule in (("activities", len(own), ACTIVITIES_ONCE), ("participants", sum(people), PEOPLE_ADDED)):
            if own if unit == "activities" else people:
                values = {"sli": sli, "unit": unit, "n": n, "n_low": n, "n_high": n, "dedup_rule": rule, "as_of": as_of}
                rows.append(SliRow.model_validate(values))
    return rows
