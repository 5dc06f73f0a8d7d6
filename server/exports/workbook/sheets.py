"""The report's tables: the same rows for the workbook, the CSV files and the Markdown. Ids are texts."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from server.exports.tables.cells import Value
from server.exports.tables.findings import utc_text
from server.exports.workbook.values import TEXT_LIMIT, SliRow, Workbook
from server.findings.activities import form_characters
from server.findings.statistics import MULTI_LABEL

SLI_HEADER = (
    "period_from", "period_to", "commitment", "measure", "sli", "content_type", "member_state", "platform", "language", "unit",
    "n", "n_low", "n_high", "dedup_rule", "statistic_id", "ids_sha256", "as_of",
    "evidence_withdrawn",
)  # fmt: skip
SLIS = ("16.1.1", "17.2.1", "30.1.1")
CONDUCT_FROM = date(2025, 7, 1)
"""From then on the Code of Practice is the Code of Conduct."""


@dataclass(frozen=True)
class Sheet:
    """One table."""

    name: str
    header: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]


def sheets(book: Workbook) -> list[Sheet]:
    """Every table of the report, in order."""
    said = book.said
    found = [
        Sheet(f"SLI_{sli.replace('.', '_')}", SLI_HEADER, tuple(sli_cells(book, one) for one in book.rows if one.sli == sli))
        for sli in SLIS
    ]
    qre = tuple((f"QRE {one.measure}", form_characters(one.text), TEXT_LIMIT, one.text) for one in said.texts)
    alerts = tuple(
        (one.number, one.alert_id, one.version, utc_text(one.made_at), one.tlp, one.title or None, list(one.content_types))
        for one in book.alerts
    )
    actions = tuple((one.action_type, one.document_id, utc_text(one.made_at), one.recipient) for one in book.actions)
    return [
        *found,
        Sheet("QRE", ("qre", "characters", "limit", "text"), qre),
        Sheet("alerts", ("number", "alert_id", "version", "made_at", "tlp", "title", "content_types"), alerts),
        Sheet("actions", ("action_type", "document_id", "made_at", "recipient"), actions),
        Sheet(
            "activities",
            (
                "on",
                "sli",
                "activity",
                "participants",
                "reach_low",
                "reach_high",
                "languages",
                "source",
                "number",
                "kind",
                "qre",
                "case",
            ),
            tuple(_activities(book)),
        ),
        Sheet("method", ("what", "how"), tuple(method(book))),
        Sheet(
            "ids",
            ("sli", "content_type", "member_state", "platform", "language", "unit", "statistic_id", "id"),
            tuple(_ids(book)),
        ),
    ]


def _activities(book: Workbook) -> Iterator[tuple[Value, ...]]:
    """The lines of the log, which have a number, then those typed for this report. A line of another measure has no SLI."""
    for line in book.recorded:
        sli = f"SLI {line.measure}" if line.measure in SLIS[1:] else None
        yield (
            line.on.isoformat(), sli, line.text, line.participants, line.reach_low, line.reach_high, line.languages or None,
            line.source or None, f"L-{line.number}", line.kind, f"QRE {line.measure}", line.case or None,
        )  # fmt: skip
    for one in book.said.activities:
        yield (
            one.on.isoformat(), f"SLI {one.sli}", one.activity, one.participants, one.reach_low, one.reach_high,
            one.languages or None, one.source or None, None, None, f"QRE {one.sli}", None,
        )  # fmt: skip


def sli_cells(book: Workbook, row: SliRow) -> tuple[Value, ...]:
    """The row under SLI_HEADER."""
    said, commitment = book.said, row.sli.split(".")[0]
    return (
        said.period_from.isoformat(), said.period_to.isoformat(), commitment, row.sli.rsplit(".", 1)[0], f"SLI {row.sli}",
        row.content_type or None, row.member_state or None, row.platform or None, row.language or None, row.unit, row.n,
        row.n_low, row.n_high, row.dedup_rule, row.statistic_id or None, row.ids_sha256 or None, utc_text(row.as_of),
        row.withdrawn,
    )  # fmt: skip


def method(book: Workbook) -> Iterator[tuple[str, str]]:
    """How the numbers came about, in words."""
    said = book.said
    code = "Code of Practice on Disinformation (2022)" if said.period_to < CONDUCT_FROM else "Code of Conduct on Disinformation"
    yield "organisation", said.organisation
    yield "period", f"{said.period_from} to {said.period_to}, both days included, UTC"
    yield "code", code
    yield "several labels", MULTI_LABEL
    yield (
        "alerts",
        "Alerts of the organisation that were made in the period; content types are those of the confirmed findings behind them.",
    )
    yield (
        "actions",
        "Notices, reports and notifications that were made in the period. That one was made does not say that it was sent.",
    )
    yield "statistics", "Frozen lists of ids; each can be counted again. Ranges stay ranges."
    yield "activities", "Stated by the organisation; not counted from evidence. Reach is never added up."
    yield "activity log", f"{len(book.recorded)} lines of the log, {len(said.activities)} typed for this report."
    yield "characters", "Counted as the form's field counts them: UTF-16 code units, a line break once."
    yield (
        "ids",
        "One a line in the sheet and file `ids`; ids_sha256 is the SHA-256 of a number's ids, one a line, each line ended by LF.",
    )
    for one in book.rows:
        if one.withdrawn:
            yield (
                f"evidence of {one.statistic_id}",
                f"Of findings counted, {one.withdrawn} had evidence withdrawn when the report was made. The number counts them.",
            )
        if one.ids_elsewhere:
            yield (
                f"ids of {one.statistic_id}",
                "Too many for this file: they stand in the statistic's ids file, which has the same SHA-256.",
            )
        if one.ids_withheld:
            yield (
                f"ids of {one.statistic_id}",
                "They name accounts or posts, as no public file does: they stand in the statistic's ids file, which has the same"
                " SHA-256.",
            )
    yield "made at", str(utc_text(book.made_at))


def _ids(book: Workbook) -> Iterator[tuple[Value, ...]]:
    for one in book.rows:
        named = (f"SLI {one.sli}", one.content_type or None, one.member_state or None, one.platform or None, one.language or None)
        for counted in one.ids:
            yield (*named, one.unit, one.statistic_id or None, counted)
