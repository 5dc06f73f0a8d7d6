"""Tables that hold in one place more than fits into memory: each limit is where the bytes are read, whatever a part is called."""

import io
import zipfile
from pathlib import Path

import openpyxl
import pytest

from server.imports.errors import FileRefused
from server.imports.tables import chosen, layout_of, open_rows, survey


def test_a_row_of_csv_that_goes_on_from_line_to_line_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.imports.tables.ROW_LIMIT", 1_000)
    path = tmp_path / "endless.csv"
    path.write_text('url,note\nhttps://x.example/a/1,"a\n' + 'b\n","c\n' * 300 + '"\n')
    layout = chosen(layout_of(path, "endless.csv"), encoding="utf-8", delimiter="comma")
    with pytest.raises(FileRefused, match="row 2 has more than 1000 characters"):
        survey(path, layout)
    path.write_text("url,note\n" + 'https://x.example/a/1,"a\nb"\n' * 300)
    assert survey(path, layout).rows == 300, "many rows of more than one line are many rows"


ROW = b'<row r="9">%s</row></sheetData>'
SHEET, BOOK = "xl/worksheets/sheet1.xml", "xl/workbook.xml"
CROWDED: dict[str, tuple[str, bytes, bytes, str]] = {
    "cells in one row": (SHEET, b"</sheetData>", ROW % (b"<c/>" * 600), "a row of more than 500 elements"),
    "a row that an end in a remark seems to end": (
        SHEET, b"</sheetData>", ROW % (b"<c/><!--</row>-->" * 600), "a row of more than 500 elements",
    ),
    "rows in a row": (SHEET, b"</sheetData>", ROW % (b"<row/>" * 600), "a row of more than 500 elements"),
    "rows of another vocabulary": (
        SHEET, b"</sheetData>", b'<x:row xmlns:x="urn:x"/>' * 1_100 + b"</sheetData>", "more than 1000 elements beside",
    ),
    "the same row again and again": (SHEET, b"</sheetData>", b'<row r="1"/>' * 600 + b"</sheetData>", "more than 500 rows"),
    "one text": (SHEET, b"</sheetData>", ROW % (b"<c><is><t>" + b"a" * 90_000 + b"</t></is></c>"), "bytes in or behind a row"),
    "one remark": (SHEET, b"</sheetData>", b"<!--" + b"a" * 90_000 + b"--></sheetData>", "bytes in or behind a row"),
    "a document type": (SHEET, b"<worksheet ", b"<!DOCTYPE worksheet><worksheet ", "a document type"),
    "a part that is read whole": (BOOK, b"</workbook>", b"<!--" + b"a" * 90_000 + b"--></workbook>", "at most 65536"),
}  # fmt: skip


@pytest.mark.parametrize("what", sorted(CROWDED))
def test_a_workbook_with_more_in_one_place_than_fits_into_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    for name, limit in (
        ("PIECE_ELEMENTS_LIMIT", 500),
        ("BETWEEN_ELEMENTS_LIMIT", 1_000),
        ("ROWS_LIMIT", 500),
        ("PIECE_LIMIT_BYTES", 1 << 16),
        ("IN_MEMORY_LIMIT_BYTES", 1 << 16),
    ):
        monkeypatch.setattr(f"server.imports.sheetguard.{name}", limit)
    book, plain, path = openpyxl.Workbook(), io.BytesIO(), tmp_path / "crowded.xlsx"
    book.active.append(["url"])
    book.active.append(["https://x.example/a/1"])
    book.save(plain)
    part, here, there, words = CROWDED[what]
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(path, "w") as target:
        for one in source.namelist():
            # The name under which a part lies says nothing: the workbook itself lies among the sheets here.
            data = source.read(one).replace(here, there) if one == part else source.read(one)
            if one in ("[Content_Types].xml", "_rels/.rels"):
                data = data.replace(b"xl/workbook.xml", b"xl/worksheets/w.bin")
            target.writestr(
                one.replace(BOOK, "xl/worksheets/w.bin").replace("xl/_rels/workbook.xml", "xl/worksheets/_rels/w.bin"), data
            )
    with pytest.raises(FileRefused, match=words):
        layout = layout_of(path, "crowded.xlsx")
        with open_rows(path, layout, ()) as rows:
            list(rows)
