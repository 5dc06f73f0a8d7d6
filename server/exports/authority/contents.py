"""The files of a bundle that tell of the case: written into a scratch folder in one pass over exhibits and findings, then added.

Memory grows with the number of exhibits (which is limited) and not with files or findings.
"""

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import IO, BinaryIO

from server.exports.authority.annex import Annex
from server.exports.authority.casegraph import CaseGraph
from server.exports.authority.custody import CustodyLine, custody_lines
from server.exports.authority.exhibits import ExhibitFacts, read_exhibits
from server.exports.authority.order import AuthorityOrder, FrozenCopy, Missing
from server.exports.authority.papers import Part, breakable, paper, plain_text
from server.exports.authority.report import CustodyReport
from server.exports.authority.words import missing_words
from server.exports.confirmed import confirmed_findings
from server.exports.gathering import Gathered
from server.exports.kind import Making
from server.exports.profiles import Profile
from server.exports.tables.columns import FINDING_COLUMNS, columns_for
from server.exports.tables.findings import ConfirmedFinding
from server.exports.tables.writer import TableWriter
from server.rules.catalogue import shipped
from server.trust.events import capture_item
from storage.bundle import BagSource
from storage.hashing import Sha256

DOCUMENTS = {
    "report/custody-report.pdf": "Custody report",
    "report/preservation-request-annex.pdf": "Annex for a preservation request",
    "report/preservation-request-annex.txt": "The same annex as text",
    "metadata/preservation-request-annex.csv": "The same annex as a table",
    "metadata/exhibits.jsonl": "Exhibits",
    "metadata/findings.jsonl": "Confirmed findings with what they rest on",
    "metadata/findings.csv": "Confirmed findings as a table",
    "metadata/sightings.csv": "Sightings of the findings as a table",
    "metadata/custody.jsonl": "Custody events",
    "metadata/missing.json": "What is not in the bundle",
    "metadata/case.jsonld": "Captures as a CASE/UCO graph",
}


def masked_copies(order: AuthorityOrder) -> dict[str, tuple[FrozenCopy, str]]:
    """Path below `data/` → the masked copy that the order froze, and what the bundle's page says of it."""
    return {
        one.copy_name(copy): (copy, f"E-{one.number}, a masked copy of a picture: a working copy, not evidence")
        for one in order.exhibits
        for copy in one.masked
    }


_COLUMNS = columns_for(FINDING_COLUMNS, Profile.AUTHORITY)


class CaseFiles:
    """The case of one order. `counts` is filled while the files are written."""

    def __init__(self, making: Making, order: AuthorityOrder, folder: Path) -> None:
        self._making, self._order, self._folder = making, order, folder
        self._report = CustodyReport(order, making.row)
        self._missing = list(order.missing)
        self._exhibits: dict[str, str] = {one.capture_id: f"E-{one.number}" for one in order.exhibits}
        self.counts: dict[str, int] = {}

    async def add(self, gathered: Gathered) -> Gathered:
        """The data with the case's files, which follow from the order and from what was gathered alone."""
        case_events, events = await asyncio.to_thread(self._write_custody, gathered)
        await self._write_exhibits(events)
        findings = await self._write_findings()
        self.counts = {"exhibits": len(self._exhibits), "findings": findings, "missing": len(self._missing)}
        await asyncio.to_thread(self._write_papers, case_events)
        more: dict[str, BagSource] = {f"data/{name}": self._path(name) for name in DOCUMENTS}
        copies = {f"data/{name}": copy for name, (copy, _) in masked_copies(self._order).items()}
        more |= {path: self._opener(copy.sha256) for path, copy in copies.items()}
        known = gathered.artifact_sha256 | {path: copy.sha256 for path, copy in copies.items()}
        return replace(gathered, data=replace(gathered.data, more=more), artifact_sha256=known)

    def _opener(self, sha256: str) -> Callable[[], BinaryIO]:
        working, organisation = self._making.parts.working, str(self._making.row.organisation_id)
        return lambda: working.open(organisation, Sha256(sha256))

    def _path(self, name: str) -> Path:
        return self._folder / name.rpartition("/")[2]

    def _open(self, name: str) -> IO[str]:
        return self._path(name).open("w", encoding="utf-8", newline="")

    def _write_custody(self, gathered: Gathered) -> tuple[Counter[str], dict[str, list[CustodyLine]]]:
        counted: Counter[str] = Counter()
        by_item: dict[str, list[CustodyLine]] = defaultdict(list)
        with self._open("metadata/custody.jsonl") as out:
            for line in custody_lines(gathered.chains):
                out.write(_line(line.to_json()))
                if line.file is None:
                    counted[line.type] += 1
                else:
                    by_item[line.item].append(line)
        return counted, by_item

    async def _write_exhibits(self, events: dict[str, list[CustodyLine]]) -> None:
        with self._open("metadata/case.jsonld") as graph_file, self._open("metadata/exhibits.jsonl") as lines:
            graph = CaseGraph(graph_file, self._order)

            def add(batch: list[ExhibitFacts]) -> None:
                for one in batch:
                    graph.add(one)
                    lines.write(_line(one.to_json(self._order.organisation)))
                    self._missing += one.gaps
                    self._report.add_exhibit(one, events[capture_item(one.capture.capture_id)])

            async for batch in read_exhibits(self._making.parts.database, self._order):
                await asyncio.to_thread(add, batch)
            graph.close()

    async def _write_findings(self) -> int:
        cited: Counter[str] = Counter()
        with ExitStack() as opened:
            lines = opened.enter_context(self._path("metadata/findings.jsonl").open("w", encoding="utf-8"))
            tables = self._folder / "tables"
            tables.mkdir()
            writer = opened.enter_context(TableWriter(tables, Profile.AUTHORITY))
            annex = opened.enter_context(Annex(self._folder, self._order.preservation))

            def add(batch: list[ConfirmedFinding]) -> int:
                lines.writelines(_line(finding_json(one)) for one in batch)
                cited.update(capture for one in batch for capture in one.body.cited_captures)
                annex.add(batch)
                self._report.add_findings(batch, self._exhibits)
                return writer.add(batch)

            done = 0
            of_case = (self._making.row.case_id, self._order.as_of, Profile.AUTHORITY)
            async for batch in confirmed_findings(self._making.parts.database, *of_case):
                done = await asyncio.to_thread(add, batch)
                await self._making.progress(done)
            await asyncio.to_thread(self._write_annex, annex)
        for name in ("findings.csv", "sightings.csv"):
            (tables / name).rename(self._folder / name)
        elsewhere = [(capture, count) for capture, count in sorted(cited.items()) if capture not in self._exhibits]
        self._missing += [
            Missing(code="cited_not_here", what=capture, detail=f"{count} findings") for capture, count in elsewhere
        ]
        return done

    def _write_annex(self, annex: Annex) -> None:
        with self._open("metadata/preservation-request-annex.csv") as out:
            annex.write_csv(out)
        letter, title = annex.letter(self._order), "Annex for a preservation request"
        self._path("report/preservation-request-annex.txt").write_text(plain_text(title, letter), encoding="utf-8")
        parts = [Part(name, lines=tuple(breakable(line) for line in lines)) for name, lines in letter]
        self._path("report/preservation-request-annex.pdf").write_bytes(paper(replace(self._report.head(), title=title), parts))

    def _write_papers(self, case_events: Counter[str]) -> None:
        said = [one.model_dump() | {"says": missing_words(one)} for one in self._missing]
        self._path("metadata/missing.json").write_text(
            json.dumps({"missing": said}, ensure_ascii=False, indent=1) + "\n", "utf-8"
        )
        parts = self._report.parts(self._missing, case_events)
        self._path("report/custody-report.pdf").write_bytes(paper(self._report.head(), parts))


def finding_json(one: ConfirmedFinding) -> dict[str, object]:
    """A line of findings.jsonl: the columns of the authority's table, the captures cited, the rules alleged, and the pins."""
    bases = shipped().bases
    named = [bases[one] for one in one.body.bases if one in bases]
    return {
        **{column.name: column.cell(one, Profile.AUTHORITY) for column in _COLUMNS},
        "captures": list(one.body.cited_captures),
        "bases": [
            {
                "id": basis.id,
                "jurisdiction": basis.jurisdiction,
                "instrument": basis.instrument,
                "article": basis.article,
                "title": basis.title,
            }
            for basis in named
        ],
        "pins": dict(one.pins),
    }


def _line(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n"
