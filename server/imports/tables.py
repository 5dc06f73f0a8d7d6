"""Rows of a table file, read as a stream: CSV, JSONL, XLSX. A value is a text as it was written, or a cell that cannot be one.

Row numbers are those a spreadsheet shows: the header is row 1; a JSONL file counts its lines from 1. Empty rows are passed over.
"""

import csv
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from server.imports.errors import FileRefused
from server.imports.sheetguard import ROWS_LIMIT
from server.imports.sniffing import BOM, DELIMITERS, ENCODINGS, delimiter_of, encoding_of, first_undecodable, sign_of
from server.imports.workbooks import BadCell, Cell, decimal_text, sheet_names, workbook_rows

FILE_LIMIT_BYTES = 128 << 20
LINE_LIMIT = 1 << 20
ROW_LIMIT = 8 << 20
CELL_LIMIT = 32_767
COLUMNS_LIMIT = 200
Format = Literal["csv", "jsonl", "xlsx"]
Row = tuple[int, list[Cell]]


@dataclass(frozen=True)
class Layout:
    """How a file is read. An empty `encoding`, `delimiter` or `sheet` has to be said by a person; the others say how it is
    known."""

    format: Format
    encoding: str = ""
    encoding_why: str = ""
    delimiter: str = ""
    delimiter_why: str = ""
    sheet: str = ""
    sheets: tuple[str, ...] = ()

    @property
    def is_complete(self) -> bool:
        """True when the file can be read without a guess."""
        if self.format == "xlsx":
            return self.sheet != ""
        return self.encoding != "" and (self.delimiter != "" or self.format == "jsonl")

    def as_json(self) -> dict[str, object]:
        """What is stored."""
        return asdict(self) | {"sheets": list(self.sheets)}


def layout_of(path: Path, name: str) -> Layout:
    """How the file seems to be written, by its name's ending and its bytes. Blocking. Raises: FileRefused."""
    ending = name.lower().rpartition(".")[2]
    if path.stat().st_size > FILE_LIMIT_BYTES:
        raise FileRefused(reason=f"a table may have {FILE_LIMIT_BYTES >> 20} MiB")
    if ending in ("xlsx", "xlsm"):
        sheets = sheet_names(path)
        return Layout("xlsx", sheet=sheets[0] if len(sheets) == 1 else "", sheets=sheets)
    if ending not in ("csv", "tsv", "txt", "jsonl", "ndjson"):
        raise FileRefused(reason="a table is a .csv, .tsv, .jsonl, .ndjson or .xlsx file")
    encoding = encoding_of(path)
    if ending in ("jsonl", "ndjson"):
        return Layout("jsonl", encoding.value, encoding.why)
    delimiter = delimiter_of(path, encoding.value or "latin-1")
    return Layout("csv", encoding.value, encoding.why, delimiter.value, delimiter.why)


def chosen(layout: Layout, *, encoding: str = "", delimiter: str = "", sheet: str = "") -> Layout:
    """The layout with what a person said in the place of what was found. Raises: FileRefused."""
    if encoding and encoding not in ENCODINGS:
        raise FileRefused(reason="an encoding is one of " + ", ".join(ENCODINGS))
    if delimiter and not sign_of(delimiter):
        raise FileRefused(reason="a delimiter is one sign of punctuation, or one of " + ", ".join(DELIMITERS))
    if sheet and sheet not in layout.sheets:
        raise FileRefused(reason="the workbook has no such sheet")
    said = "a person said so"
    known = asdict(layout) | {"sheets": layout.sheets}
    if encoding and encoding != layout.encoding:
        known |= {"encoding": encoding, "encoding_why": said}
    if delimiter and delimiter != layout.delimiter:
        known |= {"delimiter": delimiter, "delimiter_why": said}
    return Layout(**(known | ({"sheet": sheet} if sheet else {})))


def stored_layout(value: dict[str, object]) -> Layout:
    """The layout that as_json() wrote."""
    return Layout(**{**value, "sheets": tuple(value["sheets"])})  # type: ignore[arg-type]


@dataclass(frozen=True)
class Survey:
    """The names of the columns, and how many rows there are (for a workbook what it says of itself; None: it does not say)."""

    header: tuple[str, ...]
    rows: int | None


def survey(path: Path, layout: Layout) -> Survey:
    """What the file holds. Reads text files to their end, so a file with a broken row is refused before anything is taken.

    Blocking, flat memory. Raises: FileRefused.
    """
    if layout.format == "xlsx":
        with open_rows(path, layout, ()) as rows:
            return Survey(named([_text(cell) for cell in next(rows, (0, []))[1]]), None)
    place = first_undecodable(path, layout.encoding)
    if place is not None:
        raise FileRefused(reason=f"not {layout.encoding}: the bytes at {place} are no text in it")
    if layout.format == "jsonl":
        return _survey_jsonl(path, layout)
    header: tuple[str, ...] = ()
    count = 0
    with open_rows(path, layout, ()) as rows:
        for _, cells in rows:
            if not header:
                header = named([_text(cell) for cell in cells])
            else:
                count += 1
    if not header:
        raise FileRefused(reason="the file has no row")
    return Survey(header, count)


@contextmanager
def open_rows(path: Path, layout: Layout, header: tuple[str, ...]) -> Iterator[Iterator[Row]]:
    """The rows, of a CSV or XLSX with the header as the first one. `header`: the keys of a JSONL file. Raises: FileRefused."""
    if not layout.is_complete:
        raise FileRefused(reason="say first how the file is written")
    if layout.format == "xlsx":
        with workbook_rows(path, layout.sheet, ROWS_LIMIT) as rows:
            yield _capped(rows)
        return
    with path.open(encoding=layout.encoding, newline="" if layout.format == "csv" else "\n") as stream:
        lines = _lines(stream)
        yield _capped(_csv_rows(lines, sign_of(layout.delimiter)) if layout.format == "csv" else _jsonl_rows(lines, header))


def named(cells: list[str]) -> tuple[str, ...]:
    """Names of columns: trimmed, none empty, none twice. Raises: FileRefused (no column, or too many)."""
    while cells and not cells[-1].strip():
        cells = cells[:-1]
    if not 1 <= len(cells) <= COLUMNS_LIMIT:
        raise FileRefused(reason=f"the first row names 1 to {COLUMNS_LIMIT} columns")
    names: list[str] = []
    for place, cell in enumerate(cells, 1):
        base = "".join(char for char in " ".join(cell.split()) if char.isprintable())[:100] or f"column {place}"
        name, again = base, 2
        while name in names:
            name, again = f"{base} ({again})", again + 1
        names.append(name)
    return tuple(names)


def _lines(stream: Iterator[str]) -> Iterator[str]:
    readline = stream.readline  # type: ignore[attr-defined]
    first = True
    number = 0
    while line := readline(LINE_LIMIT + 1):
        number += 1
        if len(line) > LINE_LIMIT:
            raise FileRefused(reason=f"line {number} has more than {LINE_LIMIT} characters")
        yield line.removeprefix(BOM) if first else line
        first = False


def _capped(rows: Iterator[Row]) -> Iterator[Row]:
    for number, cells in rows:
        if number > ROWS_LIMIT:
            raise FileRefused(reason=f"a table may have {ROWS_LIMIT} rows")
        if any(cell != "" for cell in cells):
            yield number, [_bounded(cell) for cell in cells]


def _bounded(cell: Cell) -> Cell:
    if isinstance(cell, str) and len(cell) > CELL_LIMIT:
        return BadCell(cell[:100] + "…", f"{len(cell)} characters, at most {CELL_LIMIT}")
    return cell


def _csv_rows(lines: Iterator[str], delimiter: str) -> Iterator[Row]:
    number = chars = 0

    def counted() -> Iterator[str]:
        nonlocal chars
        for line in lines:
            chars += len(line)
            if chars > ROW_LIMIT:  # a quoted cell may go on over lines, and so a row without end
                raise FileRefused(reason=f"row {number} has more than {ROW_LIMIT} characters")
            yield line

    reader = csv.reader(counted(), delimiter=delimiter, strict=True)
    while True:
        number, chars = number + 1, 0
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise FileRefused(reason=f"row {number} cannot be read: {error}") from error
        if cells is None:
            return
        yield number, list(cells)


def _jsonl_rows(lines: Iterator[str], header: tuple[str, ...]) -> Iterator[Row]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        found = _json_object(line)
        if isinstance(found, BadCell):
            yield number, [found] * max(1, len(header))
        else:
            yield number, [found.get(name, "") for name in header]


def _survey_jsonl(path: Path, layout: Layout) -> Survey:
    names: dict[str, None] = {}
    count = 0
    with path.open(encoding=layout.encoding, newline="\n") as stream:
        for number, line in enumerate(_lines(stream), 1):
            if number > ROWS_LIMIT:
                raise FileRefused(reason=f"a table may have {ROWS_LIMIT} rows")
            if not line.strip():
                continue
            count += 1
            found = _json_object(line)
            if not isinstance(found, BadCell):
                names |= dict.fromkeys(found)
            if len(names) > COLUMNS_LIMIT:
                raise FileRefused(reason=f"the objects name more than {COLUMNS_LIMIT} members")
    if any(len(name) > 100 or not name.isprintable() or not name.strip() for name in names):
        raise FileRefused(reason="a member's name has 1 to 100 printable characters")
    if not names:
        raise FileRefused(reason="no line is a JSON object with members")
    return Survey(tuple(names), count)


def _json_object(line: str) -> dict[str, Cell] | BadCell:
    """The members, numbers as they are written: a long one must never pass through a float."""

    def members(pairs: list[tuple[str, object]]) -> dict[str, object]:
        if len(dict(pairs)) != len(pairs):
            raise ValueError("a member stands twice")
        return dict(pairs)

    def refused(name: str) -> object:
        raise ValueError(f"{name} is no JSON")

    try:
        value = json.loads(line, parse_int=str, parse_float=decimal_text, parse_constant=refused, object_pairs_hook=members)
    except (ValueError, RecursionError) as error:
        return BadCell(line[:100], f"not one JSON object in a line ({str(error)[:100]})", is_row=True)
    if not isinstance(value, dict):
        return BadCell(line[:100], "not a JSON object", is_row=True)
    return {name: _json_cell(one) for name, one in value.items()}


def _json_cell(value: object) -> Cell:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return BadCell(json.dumps(value)[:100], "an object or a list, not one value")


def _text(cell: Cell) -> str:
    return cell if isinstance(cell, str) else ""
