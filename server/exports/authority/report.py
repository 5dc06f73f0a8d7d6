"""What the custody report says: exhibits with hashes and who touched them, findings, what is missing, limits in plain words."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from server.exports.authority.custody import CustodyLine
from server.exports.authority.exhibits import ExhibitFacts
from server.exports.authority.order import AuthorityOrder, Missing
from server.exports.authority.papers import Head, Part, breakable
from server.exports.authority.words import HOW_TO_VERIFY, LIMITS, REASONS, missing_words
from server.exports.case_models import CaseExport
from server.exports.tables.findings import ConfirmedFinding
from server.rules.catalogue import shipped

FINDINGS_LIMIT = 200
EVENTS_LIMIT = 12
TITLE_LIMIT = 120
SECTION = 3


class CustodyReport:
    """Collects the parts while the case is read once. It keeps words only, never files."""

    def __init__(self, order: AuthorityOrder, row: CaseExport) -> None:
        self._order, self._row = order, row
        self._overview: list[tuple[str, ...]] = []
        self._exhibits: list[Part] = []
        self._findings: list[Part] = []
        self._found = self._files = 0

    def add_exhibit(self, exhibit: ExhibitFacts, events: Sequence[CustodyLine]) -> None:
        """One exhibit: an overview row and a section with its files, checks and chain."""
        self._files += len(exhibit.artifacts)
        self._overview.append((exhibit.name, _short(exhibit.statement.title or exhibit.url), proved(exhibit), exhibit.outcome()))
        roles = ", ".join(one.replace("_", " ") for one in exhibit.frozen.collector_roles) or "none"
        shown, left = events[-EVENTS_LIMIT:], len(events) - EVENTS_LIMIT
        facts = (
            ("Address", breakable(exhibit.url)),
            ("Capture", exhibit.capture.capture_id),
            ("Captured", f"{moment(exhibit.statement.captured_at)}, by the clock of the device"),
            ("Received, sealed", f"{moment(exhibit.capture.received_at)}, {moment(exhibit.capture.sealed_at)}"),
            ("Proved", proved(exhibit)),
            ("Collected by", f"a person of {self._order.organisation}, device key {exhibit.capture.device_key_id[:16]}…"),
            ("Roles of that person", f"{roles} (when this was ordered)"),
            ("Checks", exhibit.outcome()),
        )
        files = [(one.name, f"{one.size_bytes}", one.sha256) for one in exhibit.artifacts]
        files.append(("statement.dsse.json", f"{len(exhibit.capture.statement)}", exhibit.capture.statement_sha256))
        self._exhibits += [
            Part(exhibit.name, level=SECTION, facts=facts),
            Part("Files", level=4, columns=("file", "bytes", "SHA-256"), widths=("1fr", "", ""), rows=tuple(files), mono=(2,)),
            Part(
                "Custody",
                level=4,
                lines=(f"The last {EVENTS_LIMIT}; {left} earlier ones stand in custody.jsonl.",) if left > 0 else (),
                columns=("", "when", "what", "who"),
                widths=("", "", "", "1fr"),
                rows=tuple((str(one.seq), moment(one.time), one.type, one.who) for one in shown),
            ),
        ]

    def add_findings(self, findings: Sequence[ConfirmedFinding], exhibits: Mapping[str, str]) -> None:
        """Findings in words, up to FINDINGS_LIMIT; `exhibits`: capture id → `E-3` of what is in the bundle."""
        self._found += len(findings)
        for one in findings[: max(0, FINDINGS_LIMIT - len(self._findings))]:
            cited = [exhibits.get(capture) or _not_here(one, capture) for capture in one.body.cited_captures]
            facts = (
                ("Version", f"{one.version}, confirmed {moment(one.confirmed_at)} by a second person"),
                ("Facts", breakable(one.body.facts)),
                ("Assessment", breakable(one.body.assessment)),
                ("Alleged basis", "; ".join(basis_words(basis) for basis in one.body.bases) or "none"),
                ("Evidence", "; ".join([*cited, *(breakable(archive) for archive in one.deposits_told)])),
            )
            self._findings.append(Part(f"F-{one.number} {one.type.replace('_', ' ')}", level=SECTION, facts=facts))

    def parts(self, missing: Sequence[Missing], case_events: Counter[str]) -> list[Part]:
        """All parts in reading order."""
        left = self._found - len(self._findings)
        words = (f"{left} further findings stand in findings.jsonl and findings.csv.",) if left > 0 else ()
        counted = tuple((kind, str(count)) for kind, count in sorted(case_events.items()))
        columns = ("exhibit", "what", "proved to have been signed", "checks")
        return [
            Part("What this is", facts=self._facts()),
            Part("What it does not prove", lines=LIMITS, list=True),
            Part("What is not in the bundle", rows=tuple((one.what, missing_words(one)) for one in missing),
                 columns=("which", "why"), widths=("30mm", "1fr")),
            Part("How to verify", lines=HOW_TO_VERIFY, list=True),
            Part("Exhibits", columns=columns, widths=("", "1fr", "52mm", "34mm"), rows=tuple(self._overview)),
            *self._exhibits,
            Part("Findings", lines=(*words, *(() if self._found else ("No finding of the case is confirmed.",)))),
            *self._findings,
            Part("The case's own chain", lines=("Events of the case, counted; each is a line of custody.jsonl.",),
                 columns=("event", "count"), widths=("60mm", ""), rows=counted),
        ]  # fmt: skip

    def head(self) -> Head:
        """Title and footer."""
        order, row = self._order, self._row
        head = f"{order.organisation} · Case C-{order.number}: {order.title}"
        return Head(
            "Custody report", breakable(head), f"Export {row.id} · ordered {moment(order.as_of)}", row.marking, order.as_of
        )

    def _facts(self) -> tuple[tuple[str, str], ...]:
        order, row = self._order, self._row
        held = f"{_counted(len(self._overview), 'exhibit')} with {_counted(self._files, 'file')}"
        closed = (
            f"With age, for {_counted(len(order.encrypted_to), 'key')}; nobody else can open it: {', '.join(order.encrypted_to)}"
        )
        stated = (
            ("Case", f"C-{order.number}: {order.title}"),
            ("Election", order.election),
            ("Kept by", order.organisation),
            ("For", row.recipient),
            ("Their reference", order.reference),
            ("Purpose", row.purpose),
            ("As of", moment(order.as_of)),
            ("Export", str(row.id)),
            ("Holds", f"{held}; {_counted(self._found, 'confirmed finding')}"),
            ("Encrypted", closed if order.encrypted_to else "No. Whoever has the file can read it."),
        )
        return tuple((name, breakable(value)) for name, value in stated if value)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _not_here(one: ConfirmedFinding, capture: str) -> str:
    gone = "withdrawn from the case, " if capture in one.withdrawn else ""
    return f"capture {capture[:16]}… ({gone}not in the bundle)"


def _short(text: str) -> str:
    return breakable(text if len(text) <= TITLE_LIMIT else f"{text[:TITLE_LIMIT]}…")


def proved(exhibit: ExhibitFacts) -> str:
    """Between which times the capture was signed, or why a side is not proved."""
    frozen = exhibit.frozen
    after = moment(frozen.not_before) if frozen.not_before else f"not proved ({REASONS[frozen.not_before_reason]})"
    before = moment(frozen.not_after) if frozen.not_after else f"not proved ({REASONS[frozen.not_after_reason]})"
    return f"not before: {after}; not after: {before}"


def basis_words(basis: str) -> str:
    """`FR: Code électoral, L49 al. 2`; the id for one that this version no longer ships."""
    known = shipped().bases.get(basis)
    return basis if known is None else f"{known.jurisdiction}: {known.instrument}{', ' if known.article else ''}{known.article}"


def moment(at: datetime | None) -> str:
    """`2024-07-06 10:00:00 UTC`."""
    return "not recorded" if at is None else at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
