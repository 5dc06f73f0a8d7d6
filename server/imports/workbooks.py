"""Rows of an XLSX sheet: openpyxl in its streaming mode, behind caps on the zip. Cached values only: no formula is worked out."""

import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, BinaryIO
from zipfile import BadZipFile

from openpyxl.reader.excel import ExcelReader
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.xml.constants import SHARED_STRINGS

from server.imports.errors import FileRefused
from server.imports.sheetguard import GuardedArchive
from storage.errors import BadContainer
from storage.zipdirectory import ZipLimits
from storage.zipreader import ZipReader

ZIP_LIMITS = ZipLimits(entries=2_000, entry_bytes=1 << 30, total_bytes=1 << 30)
EXACT_LIMIT = 2**53
COLUMNS_READ = 400
"""A cell far to the right makes a row as wide as it stands: what lies behind this column is not read. No header reaches it."""
SPREADSHEET_DIGITS = 15
_BROKEN = (
    LookupError, ValueError, TypeError, AttributeError, OSError, EOFError, BadZipFile, InvalidFileException, SyntaxError,
    OverflowError, RecursionError, AssertionError, zlib.error,
)  # fmt: skip
"""What openpyxl, its XML reader and its zip raise on a file that is no workbook; SyntaxError is the base of XML's ParseError, and
a LookupError is also said of an encoding that nobody knows."""


@dataclass(frozen=True)
class BadCell:
    """A cell that gives no text: what stands there, and why that cannot be used. `is_row`: the whole row gives none."""

    value: str
    reason: str
    is_row: bool = False


Cell = str | BadCell


def sheet_names(path: Path) -> tuple[str, ...]:
    """The sheets with cells, in the workbook's order. Blocking. Raises: FileRefused (no workbook, or beyond its limits)."""
    with _opened(path) as book:
        names = tuple(sheet.title for sheet in book.worksheets)
    if not names:
        raise FileRefused(reason="the workbook has no sheet of cells")
    return names


@contextmanager
def workbook_rows(path: Path, sheet: str, rows_limit: int) -> Iterator[Iterator[tuple[int, list[Cell]]]]:
    """The sheet's rows from row 1 on. Raises: FileRefused, also while it is read."""
    with _opened(path) as book:
        yield _rows(book[sheet], rows_limit)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    _refuse_bombs(path)
    with path.open("rb") as stream:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                book = _loaded(stream)
        except _BROKEN as error:
            raise FileRefused(reason=f"not a workbook that can be read ({type(error).__name__})") from error
        try:
            yield book
        finally:
            book.close()


def _loaded(stream: BinaryIO) -> Any:
    reader = ExcelReader(stream, read_only=True, data_only=True, keep_links=False)
    reader.archive = archive = GuardedArchive(stream)
    reader.read_manifest()
    strings = reader.package.find(SHARED_STRINGS)
    archive.strings = None if strings is None else strings.PartName[1:]
    reader.read()
    return reader.wb


def _refuse_bombs(path: Path) -> None:
    """Caps before any XML is parsed: number, size and compression of the entries. What is held in memory: see sheetguard.py."""
    try:
        with ZipReader(path, limits=ZIP_LIMITS, what="workbook"):
            pass
    except BadContainer as error:
        raise FileRefused(reason=str(error)[:300]) from error


def _rows(sheet: Any, rows_limit: int) -> Iterator[tuple[int, list[Cell]]]:
    sheet.reset_dimensions()  # what a sheet says of its size is not believed
    rows = sheet.iter_rows(values_only=True)
    number = 0
    while True:
        number += 1
        if number > rows_limit:
            raise FileRefused(reason=f"a table may have {rows_limit} rows")
        try:
            values = next(rows, None)
        except _BROKEN as error:
            raise FileRefused(reason=f"row {number} of the sheet cannot be read ({type(error).__name__})") from error
        if values is None:
            return
        yield number, [_cell(value, number, place) for place, value in enumerate(values[:COLUMNS_READ], 1)]


def _cell(value: object, row: int, column: int) -> Cell:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return _number(value, f"{get_column_letter(column)}{row}")
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else _shown(value)
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return BadCell(str(value), f"cell {get_column_letter(column)}{row} holds a duration")
    return BadCell("", f"cell {get_column_letter(column)}{row} is of a kind that is not read ({type(value).__name__})")


def _shown(value: datetime) -> str:
    """With seconds only if it has any: a workbook keeps 20:00 as 20:00:00, and nothing tells that somebody knew the second."""
    return value.isoformat(" ", "seconds" if value.second or value.microsecond else "minutes")


def _number(value: int | float, name: str) -> Cell:
    """The number as text, while the workbook can hold it exactly. A fraction keeps its point, so that no id is made of it.

    Spreadsheets put a zero in the place of every digit behind the 15th, so a longer number that ends in one is not believed.
    """
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return BadCell(str(value), f"cell {name} holds no number")
    if abs(value) > EXACT_LIMIT or (abs(value) >= 10**SPREADSHEET_DIGITS and value % 10 == 0):
        reason = (
            f"cell {name} holds a number of more digits than a workbook keeps exactly: format the column as text and paste again"
        )
        return BadCell(f"{value}", reason)
    return decimal_text(str(value))


def decimal_text(number: str) -> str:
    """A number's text in which the point cannot be read as a separator of thousands: `1.234` becomes `1.2340`."""
    fraction = number.partition(".")[2]
    return f"{number}0" if len(fraction) == 3 and fraction.isdigit() else number
