"""The annex for a preservation request: what an authority can put into an order to a provider, each thing once.

Holdstill asks no provider for anything: such orders go from an authority to a provider. Not checked: that the ids still exist.
"""

import csv
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import IO, Self

from server.exports.authority.order import AuthorityOrder, Preservation
from server.exports.tables.cells import csv_cell
from server.exports.tables.findings import ConfirmedFinding, utc_text
from server.exports.tables.posted import NEVER_COMPARED
from server.rules.posttimes import FIRST_RULE, of_id

COLUMNS = (
    "platform", "kind", "identifier", "account_id", "url", "posted_at", "posted_at_source", "first_captured_at", "preserve_from",
    "preserve_to", "findings", "findings_count", "made_elsewhere", "posted_at_precision_s",
    "posted_at_compared", "posted_at_stated",
)  # fmt: skip
NAMED_FINDINGS = 20
PRINTED_ROWS = 500
NAMED_ARCHIVES = 5
NAMED_TIMES = 20
ARCHIVES_LIMIT = 2_000
_MAKE = """
CREATE TABLE item (
  platform TEXT, kind TEXT, identifier TEXT, account TEXT, url TEXT, posted TEXT, source TEXT, captured TEXT,
  findings TEXT, n INTEGER, elsewhere TEXT, precision TEXT, compared TEXT,
  PRIMARY KEY (platform, kind, identifier)
) WITHOUT ROWID
"""
_MAKE_STATED = """
CREATE TABLE stated (
  platform TEXT, kind TEXT, identifier TEXT, at TEXT, words TEXT, PRIMARY KEY (platform, kind, identifier, at, words)
) WITHOUT ROWID
"""
_STATE = "INSERT OR IGNORE INTO stated VALUES (?, ?, ?, ?, ?)"
_STATED = "SELECT words FROM stated WHERE (platform, kind, identifier) = (?, ?, ?) ORDER BY at, words"
_ADD = """
INSERT INTO item
VALUES (:platform, :kind, :identifier, :account, :url, :posted, :source, :captured, :finding, 1, :elsewhere, :precision,
  :compared)
ON CONFLICT DO UPDATE SET
  n = n + 1,
  findings = CASE WHEN n < :named THEN findings || ' ' || :finding ELSE findings END,
  captured = CASE WHEN captured = '' OR (:captured <> '' AND :captured < captured) THEN :captured ELSE captured END,
  elsewhere = CASE WHEN :elsewhere = '' OR instr(elsewhere, :elsewhere) OR elsewhere LIKE '%; and others' THEN elsewhere
    WHEN length(elsewhere) > :long THEN elsewhere || '; and others'
    ELSE ltrim(elsewhere || '; ' || :elsewhere, '; ') END
"""
_READ = (
    "SELECT platform, kind, identifier, account, url, posted, source, captured, findings, n, elsewhere, precision, compared "
    "FROM item ORDER BY 1, 2, 3"
)


@dataclass(frozen=True)
class AnnexRow:
    """One thing to preserve, cells in the order of COLUMNS. Ids are texts; times RFC 3339 in UTC, "" where nothing is known.

    stated: every time of posting that its findings state, the earliest first, in the zone it was stated in.
    """

    cells: tuple[str, ...]
    findings_count: int
    made_elsewhere: str
    precision_s: str
    compared: str
    stated: tuple[str, ...]

    def words(self) -> list[str]:
        """The row as lines of a letter."""
        named = dict(zip(COLUMNS, self.cells, strict=False))
        source = named["posted_at_source"] if self.compared != "no" else f"{named['posted_at_source']}, {NEVER_COMPARED}"
        posted = (
            f"posted {named['posted_at']} ± {self.precision_s} s ({source})"
            if named["posted_at"]
            else "time of posting not known"
        )
        if len(self.stated) > 1:
            posted += f"; stated in all: {self.stated_text}"
        captured = f"first captured {named['first_captured_at']}" if named["first_captured_at"] else "no capture in the case"
        archives = f"its findings cite {self.made_elsewhere}" if self.made_elsewhere else ""
        about = [named["url"], f"account {named['account_id']}" if named["account_id"] else "", posted, captured, archives]
        return [
            f"{named['platform'] or 'platform not stated'} {named['kind']} {named['identifier']}",
            *(one for one in about if one),
        ]

    @property
    def stated_text(self) -> str:
        """The stated times in one cell: at most NAMED_TIMES, and how many more."""
        left = len(self.stated) - NAMED_TIMES
        return "; ".join([*self.stated[:NAMED_TIMES], *([f"and {left} more"] if left > 0 else [])])


class Annex:
    """Rows in a file of the scratch folder, so that memory does not grow with the findings. Blocking."""

    def __init__(self, folder: Path, preservation: Preservation) -> None:
        self._period = preservation
        self._items = sqlite3.connect(folder / "annex.sqlite", check_same_thread=False, isolation_level=None)
        self._items.execute("PRAGMA synchronous = OFF")
        self._items.execute(_MAKE)
        self._items.execute(_MAKE_STATED)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._items.close()

    def add(self, findings: list[ConfirmedFinding]) -> None:
        """The post, account, channel, advertisement and account set of each finding; its address where it names no id."""
        self._items.execute("BEGIN")
        for finding in findings:
            items = list(_items(finding))
            self._items.executemany(_ADD, items)
            things = [(one["platform"], one["kind"], one["identifier"]) for one in items if one["posted"]]
            self._items.executemany(_STATE, [(*thing, *time) for thing in things for time in _stated(finding)])
        self._items.execute("COMMIT")

    @property
    def count(self) -> int:
        """How many things."""
        return int(self._items.execute("SELECT count(*) FROM item").fetchone()[0])

    def rows(self) -> Iterator[AnnexRow]:
        """By platform, kind and identifier."""
        first = _edge(self._period.first_day, time.min)
        last = _edge(self._period.last_day, time.max)
        for platform, kind, identifier, account, url, posted, source, captured, findings, n, *told in self._items.execute(_READ):
            more = f" and {n - NAMED_FINDINGS} more" if n > NAMED_FINDINGS else ""
            cells = (platform, kind, identifier, account, url, posted, source, captured, first, last, findings + more)
            times = self._items.execute(_STATED, (platform, kind, identifier)) if posted else ()
            elsewhere, precision, compared = told
            stated = tuple(words for (words,) in times)
            yield AnnexRow(cells, n, elsewhere, precision, compared, stated)

    def write_csv(self, out: IO[str]) -> None:
        """All rows; texts that a spreadsheet would act on have one ' before them, as in the tables."""
        writer = csv.writer(out, lineterminator="\r\n")
        writer.writerow(COLUMNS)
        for row in self.rows():
            cells = [csv_cell(cell) for cell in row.cells]
            writer.writerow(
                [*cells, row.findings_count, csv_cell(row.made_elsewhere), row.precision_s, row.compared, row.stated_text]
            )

    def letter(self, order: AuthorityOrder) -> list[tuple[str, list[str]]]:
        """Titles and lines of the annex for people: at most PRINTED_ROWS things, and how many the CSV has besides."""
        shown: list[str] = []
        for _, row in zip(range(PRINTED_ROWS), self.rows(), strict=False):
            shown += [*row.words(), ""]
        left = self.count - PRINTED_ROWS
        if left > 0:
            shown.append(f"and {left} more in preservation-request-annex.csv")
        return [
            ("What this is", [ABOUT, f"Case C-{order.number} of {order.organisation}."]),
            ("Reference", [order.reference or "none stated"]),
            ("Period", [_period(self._period)]),
            ("Contents and accounts", shown or ["The confirmed findings name none."]),
        ]


ABOUT = (
    "Identifiers that an authority can put into an order or request for preservation to a provider. This annex is no order, and "
    "nobody has sent it to a provider. Times are UTC unless a zone stands beside them. Which data are to be preserved, on what "
    "basis and for how long is for the authority to say."
)


def _items(finding: ConfirmedFinding) -> Iterator[dict[str, object]]:
    subject, posted = finding.body.subject, finding.posted
    standing = (one for one in finding.body.cited_captures if one in finding.captured_at and one not in finding.withdrawn)
    captured = min((finding.captured_at[one] for one in standing), default=None)
    alone: dict[str, object] = {
        "platform": subject.platform,
        "account": "",
        "url": "",
        "posted": "",
        "source": "",
        "precision": "",
        "compared": "",
        "captured": utc_text(captured) or "",
        "finding": f"F-{finding.number}",
        "named": NAMED_FINDINGS,
        "elsewhere": _archives(finding),
        "long": ARCHIVES_LIMIT,
    }
    when: dict[str, object] = {}
    if posted is not None:
        when = {"posted": utc_text(posted.value) or "", "source": str(posted.source), "precision": f"{posted.precision_s:g}"}
        when["compared"] = "yes" if posted.compared else "no"
    post = alone | when | {"account": subject.account_id, "url": subject.url}
    accounts = dict.fromkeys([subject.account_id, *finding.body.accounts])
    found = [("post", subject.post_id, post), ("advertisement", subject.ad_id, post), ("channel", subject.channel_id, alone)]
    found += [("account", account, alone) for account in accounts]
    if not (subject.post_id or subject.ad_id):
        found.append(("address", subject.url, post))
    yield from (more | {"kind": kind, "identifier": identifier} for kind, identifier, more in found if identifier)


def _stated(finding: ConfirmedFinding) -> list[tuple[str, str]]:
    """Each time of posting that the finding states: in UTC, and as it was stated, with its zone, precision and source.

    Whether one is compared follows from the rule for times that the confirmation pins, as for the one that counted.
    """
    subject, times = finding.body.subject, finding.body.times
    if finding.pins.get("time_rule", FIRST_RULE) != FIRST_RULE:
        times = of_id(times, subject.platform, subject.post_id)
    return [
        (
            utc_text(one.value) or "",
            f"{one.value.isoformat()} ± {one.precision_s:g} s ({one.source}{'' if one.compared else f', {NEVER_COMPARED}'})",
        )
        for one in times
    ]


def _archives(finding: ConfirmedFinding) -> str:
    cited = finding.deposits_told
    left = len(cited) - NAMED_ARCHIVES
    return "; ".join([*cited[:NAMED_ARCHIVES], *([f"and {left} more of F-{finding.number}"] if left > 0 else [])])


def _edge(day: date | None, at: time) -> str:
    return "" if day is None else utc_text(datetime.combine(day, at, UTC)) or ""


def _period(period: Preservation) -> str:
    first = f"{period.first_day} (from 00:00 UTC)" if period.first_day else "to be set by the authority"
    last = f"{period.last_day} (until 24:00 UTC)" if period.last_day else "to be set by the authority"
    return f"First day: {first}. Last day: {last}."
