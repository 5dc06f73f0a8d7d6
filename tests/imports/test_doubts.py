"""What a table leaves open is said, marked or refused: delimiters, short rows, ids that a float has rounded, other digits."""

from pathlib import Path

import pytest

from server.imports.addresses import address_of, named_by
from server.imports.errors import FileRefused
from server.imports.options import ImportOptions
from server.imports.rows import RowReader
from server.imports.said import RowRefused
from server.imports.sniffing import delimiter_of
from server.imports.tables import chosen, layout_of, survey
from server.imports.values import UnreadValue, id_of, numbers_of
from tests.imports.test_reading import read


@pytest.mark.parametrize(
    ("text", "value", "said"),
    [
        ("url\nhttps://a.example/1\n", "comma", "none of comma, semicolon, tab, pipe stands in the first rows"),
        ("a,b\n1,2,3\n1\n", "", "comma (1 to 3 cells)"),
        ("a;b\n1;2;3\n1,1;2\n", "", "semicolon (2 to 3 cells)"),
        ("a^b\n1^2\n", "comma", "another sign"),
        ('a;b\n"x\u2028y";2\n', "semicolon", "2 cells"),
        ("a;b\nx\u2028y\x0bz;2\n", "semicolon", "2 cells"),
        ("a;b\n" + "1;2\n" * 20_000, "semicolon", "2 cells"),
        ('a;b\n1;"' + "x\n;" * 40_000 + '"\n', "semicolon", "2 cells"),
    ],
)
def test_of_a_delimiter_only_what_the_rows_show_is_said(tmp_path: Path, text: str, value: str, said: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text, encoding="utf-8", newline="")
    found = delimiter_of(path, "utf-8")
    assert found.value == value and said in found.why, found


def test_a_person_names_any_sign_as_the_delimiter(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("post_id^text\n1^a,b\n")
    layout = chosen(layout_of(path, "t.csv"), delimiter="^")
    assert (layout.delimiter, layout.delimiter_why) == ("^", "a person said so")
    assert survey(path, layout).header == ("post_id", "text")
    for wrong in ("", '"', "a", "7", "\n", "^^", "\u00e9", " "):
        if wrong:
            with pytest.raises(FileRefused):
                chosen(layout, delimiter=wrong)


def test_a_row_of_fewer_cells_than_the_header_is_noted(tmp_path: Path) -> None:
    header = ("post_id", "text", "note")
    reader = RowReader(header, {name: name for name in header}, ImportOptions("a list", platform="facebook"), counts_cells=True)
    assert [one.reason for one in reader.read(["123456", "words"]).notes] == ["the row has 2 cells, the header 3"]
    assert reader.read(["123456", "words", ""]).notes == ()


def test_every_id_that_a_float_may_have_rounded_is_noted_and_every_one_in_scientific_notation_refused() -> None:
    for cells in ({"post_id": "1735765521595870000"}, {"ad_id": "1735765521595870000"}, {"account_id": "1735765521595870000"}):
        noted = read(ImportOptions("a list", platform="facebook"), **cells)
        assert [(one.column, "rounded" in one.reason) for one in noted.notes] == [(next(iter(cells)), True)], cells
    for cells in ({"post_id": "1.23457E+18"}, {"account_id": "1,23457E+18"}, {"ad_id": "1.7e18"}):
        with pytest.raises(RowRefused):
            read(ImportOptions("a list", platform="facebook"), **cells)
    for address in ("https://x.com/a/status/1.73577E+18", "https://www.tiktok.com/@a/video/7,3E+18"):
        with pytest.raises(RowRefused) as refused:
            read(ImportOptions("a list"), post_url=address)
        assert "scientific notation" in refused.value.problems[0].reason
    same = {"post_url": "https://x.com/a/status/1735765521595870000", "post_id": "1735765521595870000"}
    assert read(ImportOptions("a list"), **same).notes == (), "the address has kept every digit"


ARABIC = "١٢٣٤٥٦٧٨٩"


def test_digits_of_another_script_name_no_post_and_no_number() -> None:
    for path in ("x.com/a/status/{0}", "t.me/chan/{0}", "www.tiktok.com/@a/video/{0}", "www.facebook.com/a/posts/{0}",
                 "vk.com/wall-{0}_{0}", "www.linkedin.com/feed/update/urn:li:activity:{0}1", "x.com/{0}/status/12"):  # fmt: skip
        parts = address_of(address := "https://" + path.format(ARABIC))
        assert parts is not None and named_by(parts).post_id == "", address
    for text in (ARABIC, f"{ARABIC} to {ARABIC}", "١.٢K", "5 to ٩ million"):
        with pytest.raises(UnreadValue):
            numbers_of(text)
    with pytest.raises(RowRefused):
        read(ImportOptions("a list"), post_id=ARABIC, platform="telegram", account_handle="chan")
    with pytest.raises(UnreadValue):
        id_of(ARABIC, "facebook")
