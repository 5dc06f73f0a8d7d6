"""The report's files: XLSX, one CSV a table, Markdown for the form, and the object. The same object gives the same bytes."""

import csv
import io

from server.exports.documents.values import indented
from server.exports.errors import ExportRefused
from server.exports.tables import spreadsheet
from server.exports.tables.cells import Value, array_text, csv_cell
from server.exports.workbook.sheets import Sheet, method, sheets
from server.exports.workbook.values import TEXT_LIMIT, SliRow, Workbook, refusals
from server.findings.activities import form_characters
from server.visible import visible


def workbook_files(text: str) -> dict[str, bytes]:
    """The files of the object's canonical text. Blocking. Raises: ExportRefused, which names everything that is missing."""
    book = Workbook.model_validate_json(text)
    missing = refusals(book)
    if missing:
        raise ExportRefused(reason="; ".join(missing), missing=missing)
    tables = sheets(book)
    files = {"report.xlsx": _xlsx(tables), "report.md": report(book).encode(), "report.json": indented(text)}
    return files | {f"{one.name}.csv": _csv(one) for one in tables}


def report(book: Workbook) -> str:
    """The numbers and the answers as Markdown, to be copied into the form; each answer with its length."""
    said = book.said
    lines = [f"# Report of {_plain(said.organisation)}, {said.period_from} to {said.period_to}", ""]
    for sli in dict.fromkeys(one.sli for one in book.rows):
        lines += [f"## SLI {sli}", "", "| What | Number | Unit | Statistic |", "| --- | ---: | --- | --- |"]
        lines += [_line(one) for one in book.rows if one.sli == sli] + [""]
    for answer in said.texts:
        lines += [
            f"## QRE {answer.measure}",
            "",
            f"{form_characters(answer.text):,} of {TEXT_LIMIT:,} characters",
            "",
            answer.text,
            "",
        ]
    lines += ["## Method", "", *(f"- {what}: {_plain(how)}" for what, how in method(book)), ""]
    return visible("\n".join(lines))


def _line(row: SliRow) -> str:
    what = ", ".join(one for one in (row.content_type, row.member_state, row.platform, row.language) if one) or "Total"
    n = f"{row.n_low:,}" if row.n_low == row.n_high else f"{row.n_low:,} to {row.n_high:,}"
    gone = f" (evidence of {row.withdrawn} finding{'' if row.withdrawn == 1 else 's'} withdrawn)" if row.withdrawn else ""
    return f"| {_plain(what)} | {n} | {row.unit} | {row.statistic_id}{gone} |"


def _plain(text: str) -> str:
    """The text in one line, without what would be markup in a table or a heading."""
    return "".join(f"\\{one}" if one in "\\|`*_<>[]#" else one for one in " ".join(text.split()))


def _xlsx(tables: list[Sheet]) -> bytes:
    out = io.BytesIO()
    book = spreadsheet.Workbook(out)
    for one in tables:
        book.sheet(one.name, one.header, one.rows)
    book.close()
    return out.getvalue()


def _csv(table: Sheet) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(table.header)
    writer.writerows([_cell(one) for one in row] for row in table.rows)
    return out.getvalue().encode()


def _cell(value: Value) -> str:
    return array_text(value) if isinstance(value, list) else csv_cell(value)
