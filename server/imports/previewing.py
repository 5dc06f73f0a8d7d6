"""The first rows of a table, with what becomes of each under a mapping."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path

from server.errors import BadInput
from server.imports.fields import mapping_problem
from server.imports.options import parse_options
from server.imports.rows import RowReader
from server.imports.said import RowRefused
from server.imports.tables import Layout, open_rows
from server.imports.views import PreviewRow
from server.imports.workbooks import Cell

PREVIEW_ROWS = 20
CELL_CHARS = 200


def first_rows(
    path: Path, table: tuple[Layout, tuple[str, ...]], mapping: Mapping[str, str], options: Mapping[str, str]
) -> list[PreviewRow]:
    """At most PREVIEW_ROWS rows. Without a usable mapping the cells alone. Blocking. Raises: FileRefused."""
    layout, header = table
    reader = None if mapping_problem(header, mapping) else _reader(table, mapping, options)
    with open_rows(path, layout, header) as rows:
        data = rows if layout.format == "jsonl" else islice(rows, 1, None)
        shown = [_preview(number, cells, reader) for number, cells in islice(data, PREVIEW_ROWS)]
    return [_doubted(one, reader) for one in shown]


def _doubted(row: PreviewRow, reader: RowReader | None) -> PreviewRow:
    """With what the other rows show of its ids."""
    if reader is None or row.read is None:
        return row
    read = reader.doubted(row.read)
    return replace(row, read=read, problems=read.notes)


def _reader(table: tuple[Layout, tuple[str, ...]], mapping: Mapping[str, str], options: Mapping[str, str]) -> RowReader:
    """With the options as far as they can be read; the source is asked for only at the start."""
    try:
        said = parse_options({**options, "source": options.get("source") or "preview"})
    except BadInput:
        said = parse_options({"source": "preview"})
    return RowReader(table[1], mapping, said, counts_cells=table[0].format == "csv")


def _preview(number: int, cells: list[Cell], reader: RowReader | None) -> PreviewRow:
    texts = (cell if isinstance(cell, str) else cell.value for cell in cells)
    shown = tuple(text[:CELL_CHARS].encode("utf-8", "replace").decode() for text in texts)  # JSON can hold half a character
    if reader is None:
        return PreviewRow(number, shown, None, ())
    try:
        read = reader.read(cells)
    except RowRefused as error:
        return PreviewRow(number, shown, None, error.problems)
    return PreviewRow(number, shown, read, read.notes)
