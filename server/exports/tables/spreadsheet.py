"""An XLSX workbook written in one pass: rows go out as they come, memory does not grow with them.

Texts are inline strings in a text format (numFmt 49): no cell is a formula, a link or a date, and 19 digits stay 19 digits.
Source: ECMA-376 part 1 (SpreadsheetML).
"""

import zipfile
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import IO
from xml.sax.saxutils import escape

from server.exports.tables.cells import Value, array_text, xlsx_text

ROWS_LIMIT = 1_048_576
FLUSH_BYTES = 1 << 18
EPOCH = (1980, 1, 1, 0, 0, 0)
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_RELATIONS_TYPE = "application/vnd.openxmlformats-package.relationships+xml"
_TYPES = "application/vnd.openxmlformats-officedocument.spreadsheetml."
_STYLES = (
    f'{_HEAD}<styleSheet xmlns="{_MAIN}"><fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>'
    '<font><b/><sz val="11"/><name val="Calibri"/></font></fonts><fills count="2"><fill><patternFill patternType="none"/></fill>'
    '<fill><patternFill patternType="gray125"/></fill></fills><borders count="1"><border><left/><right/><top/><bottom/>'
    '<diagonal/></border></borders><cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
    '<cellXfs count="3"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
    '<xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1" quotePrefix="1"/>'
    '<xf numFmtId="49" fontId="1" fillId="0" borderId="0" xfId="0" applyNumberFormat="1" applyFont="1"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)


class Workbook:
    """Sheets one after the other; close() makes it a workbook. More rows than a sheet holds go on in `<name> (2)`, …"""

    def __init__(self, out: IO[bytes], *, rows_limit: int = ROWS_LIMIT) -> None:
        self._zip = zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED)
        self._names: list[str] = []
        self._rows_limit = rows_limit

    def sheet(self, name: str, header: Sequence[str], rows: Iterable[Sequence[Value]]) -> None:
        """One sheet with a fixed first row. `name`: letters, at most 25."""
        waiting, part = iter(rows), 1
        first = next(waiting, None)
        while part == 1 or first is not None:
            self._write(name if part == 1 else f"{name} ({part})", header, first, waiting)
            first, part = next(waiting, None), part + 1

    def close(self) -> None:
        """Writes what ties the sheets together."""
        numbered = list(enumerate(self._names, 1))
        sheets = "".join(f'<sheet name="{escape(name)}" sheetId="{n}" r:id="rId{n}"/>' for n, name in numbered)
        self._put("xl/workbook.xml", f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{sheets}</sheets></workbook>')
        ties = [(n, "worksheet", f"worksheets/sheet{n}.xml") for n, _ in numbered] + [(len(numbered) + 1, "styles", "styles.xml")]
        self._put("xl/_rels/workbook.xml.rels", _relations(ties))
        self._put("_rels/.rels", _relations([(1, "officeDocument", "xl/workbook.xml")]))
        parts = [("/xl/workbook.xml", "sheet.main"), ("/xl/styles.xml", "styles")]
        parts += [(f"/xl/worksheets/sheet{n}.xml", "worksheet") for n, _ in numbered]
        overrides = "".join(f'<Override PartName="{name}" ContentType="{_TYPES}{kind}+xml"/>' for name, kind in parts)
        rels = f'<Default Extension="rels" ContentType="{_RELATIONS_TYPE}"/>'
        self._put("[Content_Types].xml", f'<Types xmlns="{_PACKAGE}/content-types">{rels}{overrides}</Types>')
        self._zip.writestr(zipfile.ZipInfo("xl/styles.xml", EPOCH), _STYLES, zipfile.ZIP_DEFLATED)
        self._zip.close()

    def _put(self, name: str, xml: str) -> None:
        self._zip.writestr(zipfile.ZipInfo(name, EPOCH), _HEAD + xml, zipfile.ZIP_DEFLATED)

    def _write(self, name: str, header: Sequence[str], first: Sequence[Value] | None, rows: Iterator[Sequence[Value]]) -> None:
        self._names.append(name)
        info = zipfile.ZipInfo(f"xl/worksheets/sheet{len(self._names)}.xml", EPOCH)
        info.compress_type = zipfile.ZIP_DEFLATED
        with self._zip.open(info, "w", force_zip64=True) as out:
            pane = '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>'
            view = f'<sheetViews><sheetView workbookViewId="0">{pane}</sheetView></sheetViews>'
            out.write(f'{_HEAD}<worksheet xmlns="{_MAIN}">{view}<sheetData>'.encode())
            waiting = bytearray(_row(1, header, style=2))
            number, row = 1, first
            while row is not None:
                number += 1
                waiting += _row(number, row, style=1)
                if len(waiting) > FLUSH_BYTES:
                    out.write(bytes(waiting))
                    waiting.clear()
                row = next(rows, None) if number < self._rows_limit else None
            out.write(bytes(waiting) + b"</sheetData></worksheet>")


def _row(number: int, values: Sequence[Value], *, style: int) -> bytes:
    """The row; absent cells are left out, but for the last: every row is as wide as the header."""
    last = len(values) - 1
    cells = [_cell(f"{_letters(at)}{number}", one, style) for at, one in enumerate(values) if one is not None or at == last]
    return f'<row r="{number}">{"".join(cells)}</row>'.encode()


def _cell(place: str, value: Value, style: int) -> str:
    if value is None:
        return f'<c r="{place}"/>'
    if isinstance(value, int | float):
        return f'<c r="{place}"><v>{value!r}</v></c>'
    text = escape(xlsx_text(array_text(value) if isinstance(value, list) else value))
    return f'<c r="{place}" s="{style}" t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'


@cache
def _letters(place: int) -> str:
    letters = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def _relations(ties: Sequence[tuple[int, str, str]]) -> str:
    tied = "".join(f'<Relationship Id="rId{n}" Type="{_OFFICE}/{kind}" Target="{target}"/>' for n, kind, target in ties)
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{tied}</Relationships>'
