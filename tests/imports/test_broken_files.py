"""Files that are broken on purpose: one clear refusal, and of an archive all that can be read."""

import io
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import openpyxl
import pytest

from server.imports.archives import read_archive
from server.imports.errors import FileRefused
from server.imports.tables import layout_of, open_rows
from tests.imports.test_reading import NOW


def workbook_with(name: str, part: bytes) -> bytes:
    """A workbook of one cell in which a part has other bytes."""
    book, plain, changed = openpyxl.Workbook(), io.BytesIO(), io.BytesIO()
    book.active.append(["url"])
    book.save(plain)
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as target:
        for one in source.namelist():
            target.writestr(one, part if one == name else source.read(one))
    return changed.getvalue()


def read_whole(path: Path) -> None:
    layout = layout_of(path, "table.xlsx")
    with open_rows(path, layout, ()) as rows:
        list(rows)


def test_an_entity_bomb_in_a_workbook_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.xlsx"
    bomb = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "cccc">]><workbook>&b;</workbook>'
    path.write_bytes(workbook_with("xl/workbook.xml", bomb))
    with pytest.raises(FileRefused):
        layout_of(path, "bomb.xlsx")


@pytest.mark.parametrize("name", ["[Content_Types].xml", "xl/workbook.xml", "xl/styles.xml", "xl/worksheets/sheet1.xml"])
def test_a_workbook_that_cannot_be_unpacked_or_names_an_unknown_encoding_is_refused(tmp_path: Path, name: str) -> None:
    path, unknown = tmp_path / "table.xlsx", b'<?xml version="1.0" encoding="no-such-encoding"?><a>'
    path.write_bytes(workbook_with(name, unknown))
    with pytest.raises(FileRefused):
        read_whole(path)
    packed = bytearray(workbook_with(name, unknown * 9))
    start = packed.index(name.encode()) + len(name)  # of the deflated bytes: a first block of a type that there is not
    packed[start] = 0b111
    path.write_bytes(packed)
    with pytest.raises(FileRefused):
        read_whole(path)


def test_a_date_at_the_end_of_the_calendar_leaves_the_other_records_of_an_archive(tmp_path: Path) -> None:
    path, dates = tmp_path / "t.warc", ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2024-07-06T10:00:00Z")
    head = "WARC/1.1\r\nWARC-Type: resource\r\nWARC-Record-ID: <urn:x:{0}>\r\nWARC-Date: {0}\r\nContent-Length: 0\r\n\r\n\r\n\r\n"
    path.write_text("".join(head.format(one) for one in dates), newline="")
    account = read_archive(path, "warc", NOW).account
    assert (account.records, account.undated) == (3, 2)
    assert account.earliest == account.latest == datetime(2024, 7, 6, 10, tzinfo=UTC)
