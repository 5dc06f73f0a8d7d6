"""Exports of a case: 99,000 confirmed findings as CSV, XLSX and JSONL from a real PostgreSQL, and the alert on one page.

Measured on an embedded PostgreSQL with the service's own services: the order, the reading in batches, the three forms, the zip,
the store and the custody event. Memory is the process's resident set, sampled while the file is made, above what it was with a
tenth of the rows: what grows with the rows would show there. Not measured: several exports at once, a store over a network.
"""

import argparse
import asyncio
import csv
import io
import json
import os
import sys
import tempfile
import threading
import time
import uuid
import zipfile
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.figures import MB, Goal, load_average, tell
from server.cases.models import CaseFile
from server.cases.service import CaseOrder
from server.exports.documents.alert import AlertDraft, alert_files
from server.exports.kind import CaseExportOrder
from server.findings.body import canonical, parse_body
from tests.postgres import running_postgres
from tests.web.site import Site, open_site, settings_of

GOAL_S = 60.0
GOAL_GROWTH_MB = 48.0
GOAL_ALERT_S = 1.0
ROUNDS = 9
ORDER = CaseExportOrder("internal", "benchmark", "nobody")
PINS = {
    "type": {"code": "silence_violation", "version": "1", "sli_label": "silence period violations"},
    "looks": [{"layer": 2, "state": "absent", "at": "1"}],
    "silence": {"rule_id": "FR-L49", "rule_version": "1", "place": "in", "margin_s": 60.0},
}
SAID = {
    "number": "1", "title": "Calls to vote on the eve", "network": "A network", "overview": "Stačilo! Подписка ă ț ł č",
    "narratives": ["The vote is bought"], "impact": ["5 to 9 million views per week"], "actions": ["none yet"],
    "recommendations": ["Look again after the vote"], "contact": "desk@network.example",
}  # fmt: skip


class Memory:
    """The largest resident set of this process while it runs, in bytes, sampled every 20 ms."""

    def __init__(self) -> None:
        self.peak_bytes = 0
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Memory":
        self._thread.start()
        return self

    def __exit__(self, *_ended: object) -> None:
        self._ends.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ends.wait(0.02):
            self.peak_bytes = max(self.peak_bytes, resident_bytes())


def resident_bytes() -> int:
    """The resident set of this process."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def body_text(number: int) -> str:
    """The text of a finding as a silence violation is written."""
    values: dict[str, Any] = {
        "facts": "The account posted a call to vote for a list, with a picture of the ballot.",
        "assessment": "Electoral propaganda on the eve of the vote.",
        "bases": ["fr/code-electoral/L49"],
        "subject": {
            "platform": "x", "post_id": str(1735765521595800000 + number), "account_id": str(1700000000000000000 + number % 4000),
            "url": f"https://x.example/a/status/{1735765521595800000 + number}",
        },
        "member_state": "FR", "language": "fr", "content_text": "Votez pour nous dimanche, on compte sur vous.",
        "posted_at": [{"value": "2024-07-06T10:00:00Z", "source": "platform_id", "precision_s": 0.001}],
        "sightings": [{"at": "2024-07-06T11:00:00Z", "url": f"https://x.example/{number}", "by": "import"}],
    }  # fmt: skip
    return canonical(parse_body(values))[0]


async def fill(site: Site, url: str, count: int) -> CaseFile:
    """A case with so many confirmed findings, written straight into the tables."""
    lead = await site.services.operators.ensure_default_operator()
    reviewer = await site.colleague(lead.organisation_id, "investigator", name="Reviewer")
    case = await site.services.cases.open(lead, CaseOrder(f"{count} findings", election_id="FR-2024-AN-R2"))
    await asyncio.to_thread(copy_in, url, (case.id, lead.operator_id, reviewer.operator_id), count)
    return case


def copy_in(url: str, ids: tuple[uuid.UUID, uuid.UUID, uuid.UUID], count: int) -> None:
    """Findings, versions and confirmations by COPY."""
    case, author, reviewer = ids
    now, findings = "2024-07-07T12:00:00Z", [(number, uuid.uuid4()) for number in range(1, count + 1)]
    with psycopg.connect(url, autocommit=True) as connection, connection.cursor() as cursor:
        with cursor.copy("COPY finding (id, case_id, number, type, state, version, created_by, created_at) FROM STDIN") as rows:
            for number, one in findings:
                rows.write_row((one, case, number, "silence_violation", "confirmed", 1, author, now))
        names = "finding_id, version, body, body_sha256, reason, author_id, facts_by, assessment_by, basis_by, created_at"
        with cursor.copy(f"COPY finding_version ({names}) FROM STDIN") as rows:
            for number, one in findings:
                rows.write_row((one, 1, body_text(number), "0" * 64, "import", author, author, author, author, now))
        with cursor.copy("COPY finding_review (finding_id, version, verdict, note, reviewer_id, at, pins) FROM STDIN") as rows:
            pins = json.dumps(PINS)
            for _, one in findings:
                rows.write_row((one, 1, "confirmed", "sampled", reviewer, now, pins))
        cursor.execute("ANALYZE")


async def export(site: Site, case: CaseFile) -> tuple[float, int, bytes]:
    """Seconds, peak memory in bytes, and the file."""
    lead, exports = await site.services.operators.ensure_default_operator(), site.services.case_exports
    begun = time.perf_counter()
    with Memory() as memory:
        row = await exports.request(lead, case.id, "tables", ORDER, queued=False)
        state = await exports.maker.run(row.id)
        took = time.perf_counter() - begun
    if state != "ready":
        raise SystemExit((await exports.read(lead, row.id)).reason)
    opened = await exports.open_file(lead, row.id)
    with opened.open_range(0, opened.size_bytes) as stream:
        return took, memory.peak_bytes, stream.read()


def rows_in(data: bytes) -> tuple[int, int]:
    """Rows of the CSV and of the JSONL file."""
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        with packed.open("findings.csv") as sheet:
            table = sum(1 for _ in csv.reader(io.TextIOWrapper(sheet, "utf-8", newline=""))) - 1
        with packed.open("findings.jsonl") as lines:
            return table, sum(1 for _ in lines)


async def alerts(site: Site, case: CaseFile) -> list[float]:
    """Seconds of each alert from the order to the finished file, the first one left out."""
    lead, took = await site.services.operators.ensure_default_operator(), []
    for _ in range(ROUNDS + 1):
        begun = time.perf_counter()
        made = await site.services.alerts.request(lead, case.id, ORDER, AlertDraft.model_validate(SAID))
        took.append(time.perf_counter() - begun)
    begun = time.perf_counter()
    alert_files(made.content)
    print(f"{'setting PDF, HTML and JSON of one alert':<58} {time.perf_counter() - begun:6.3f} s", flush=True)
    return took[1:]


async def measure(url: str, folder: Path, count: int) -> bool:
    """Whether every goal was met."""
    async with open_site(settings_of(folder, url)) as site:
        few, tenth = await fill(site, url, 200), await fill(site, url, count // 10)
        many = await fill(site, url, count)
        await export(site, tenth)
        _, before, _ = await export(site, tenth)
        took, peak, data = await export(site, many)
        rows, growth_mb = rows_in(data), (peak - before) / MB
        print(f"{count} findings: {took:.1f} s, zip of {len(data) / MB:.1f} MB, rows {rows}, {load_average()}")
        print(
            f"peak memory {peak / MB:.0f} MB, {growth_mb:+.1f} MB over an export of {count // 10} (goal {GOAL_GROWTH_MB:.0f} MB)"
        )
        is_met = tell(Goal(f"{count} findings as CSV, XLSX and JSONL", p50=GOAL_S), [took])
        is_met &= tell(Goal("an alert of 200 findings, order to file", p95=GOAL_ALERT_S), await alerts(site, few))
        return is_met and rows == (count, count) and growth_mb <= GOAL_GROWTH_MB


def main() -> int:
    """0 when the goals were met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--findings", type=int, default=99_000)
    count = parser.parse_args().findings
    with tempfile.TemporaryDirectory(prefix="holdstill-bench-") as name, running_postgres() as postgres, postgres.clone() as url:
        return 0 if asyncio.run(measure(url, Path(name), count)) else 1


if __name__ == "__main__":
    sys.exit(main())
