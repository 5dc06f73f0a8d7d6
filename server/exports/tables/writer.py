"""Writing the tables as CSV, JSONL and XLSX in one pass over the findings, then all of it as one zip. Blocking.

Memory does not grow with the rows: what is written goes to files of a scratch folder. The same rows give the same bytes.
"""

import csv
import hashlib
import json
import shutil
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self, TextIO

from server.exports.profiles import Profile
from server.exports.tables.cells import Value, csv_cell
from server.exports.tables.columns import FINDING_COLUMNS, SIGHTING_COLUMNS, Column, columns_for
from server.exports.tables.findings import ConfirmedFinding, sightings_of
from server.exports.tables.package import PackageFacts, descriptor
from server.exports.tables.spreadsheet import EPOCH, Workbook

CHUNK_BYTES = 1 << 20
NAMES = ("findings.csv", "findings.jsonl", "sightings.csv", "sightings.jsonl", "tables.xlsx")


class _Table:
    """One table's CSV and JSONL; the workbook's sheet is written afterwards from the JSONL, one sheet at a time."""

    def __init__(self, folder: Path, name: str, columns: Sequence[Column[Any]], profile: Profile) -> None:
        self.name, self.columns, self.profile, self.rows = name, columns, profile, 0
        self.path = folder / f"{name}.jsonl"
        self._lines: TextIO = self.path.open("w", encoding="utf-8", newline="\n")
        self._sheet: TextIO = (folder / f"{name}.csv").open("w", encoding="utf-8", newline="")
        self._csv = csv.writer(self._sheet, lineterminator="\r\n")
        self._csv.writerow([column.name for column in columns])

    def add(self, row: Any) -> None:
        cells = [column.cell(row, self.profile) for column in self.columns]
        self._csv.writerow([csv_cell(cell) for cell in cells])
        named = {column.name: cell for column, cell in zip(self.columns, cells, strict=True)}
        self._lines.write(json.dumps(named, ensure_ascii=False, separators=(",", ":")) + "\n")
        self.rows += 1

    def close(self) -> None:
        self._lines.close()
        self._sheet.close()

    def cells(self) -> Iterator[list[Value]]:
        with self.path.open(encoding="utf-8") as lines:
            for line in lines:
                yield list(json.loads(line).values())


class TableWriter:
    """The tables of one export in an empty folder of its own, for one profile."""

    def __init__(self, folder: Path, profile: Profile) -> None:
        self._folder = folder
        findings, sightings = columns_for(FINDING_COLUMNS, profile), columns_for(SIGHTING_COLUMNS, profile)
        self._findings = _Table(folder, "findings", findings, profile)
        self._sightings = _Table(folder, "sightings", sightings, profile)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._findings.close()
        self._sightings.close()

    def add(self, findings: Iterable[ConfirmedFinding]) -> int:
        """Adds the findings with their sightings; how many findings there are now."""
        for finding in findings:
            self._findings.add(finding)
            for seen in sightings_of(finding):
                self._sightings.add(seen)
        return self._findings.rows

    @property
    def rows(self) -> dict[str, int]:
        """How many rows each table has."""
        return {"findings": self._findings.rows, "sightings": self._sightings.rows}

    def finish(self, facts: PackageFacts, out: IO[bytes]) -> None:
        """Writes the zip: the descriptor first, then the files. `facts` without rows and files; they are filled in here."""
        self._findings.close()
        self._sightings.close()
        with (self._folder / "tables.xlsx").open("wb") as stream:
            book = Workbook(stream)
            for table in (self._findings, self._sightings):
                book.sheet(table.name, [column.name for column in table.columns], table.cells())
            columns = [(table.name, column) for table in (self._findings, self._sightings) for column in table.columns]
            book.sheet("columns", ("table", "column", "type", "meaning"), ([t, c.name, c.kind, c.says] for t, c in columns))
            book.close()
        files = {name: _measured(self._folder / name) for name in NAMES}
        _pack(self._folder, descriptor(replace(facts, rows=self.rows, files=files)), out)


def _entry(name: str) -> zipfile.ZipInfo:
    """A zip entry with nothing that differs between two exports of the same rows."""
    info = zipfile.ZipInfo(name, EPOCH)
    info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
    return info


def _measured(path: Path) -> tuple[int, str]:
    with path.open("rb") as stream:
        return path.stat().st_size, hashlib.file_digest(stream, "sha256").hexdigest()


def _pack(folder: Path, package: bytes, out: IO[bytes]) -> None:
    with zipfile.ZipFile(out, "w") as packed:
        packed.writestr(_entry("datapackage.json"), package)
        for name in NAMES:
            with (folder / name).open("rb") as source, packed.open(_entry(name), "w", force_zip64=True) as target:
                shutil.copyfileobj(source, target, CHUNK_BYTES)
