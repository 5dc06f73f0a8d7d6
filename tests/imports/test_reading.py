"""Cells as values: any bytes give rows or one error; times, numbers, ids and addresses without a guess."""

import tempfile
import zipfile
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.imports.addresses import address_of, handle_in, named_by
from server.imports.archives import kind_of, read_archive
from server.imports.errors import FileRefused
from server.imports.fields import mapping_problem, suggested
from server.imports.options import ImportOptions
from server.imports.rounding import looks_rounded
from server.imports.rows import RowReader
from server.imports.running import BATCH_CHARS, _next_batch
from server.imports.said import ReadRow, RowRefused
from server.imports.sniffing import delimiter_of, encoding_of
from server.imports.tables import chosen, layout_of, open_rows, survey
from server.imports.times import TimeWords, UnreadTime, moment_of
from server.imports.values import UnreadValue, id_of, numbers_of
from server.imports.workbooks import COLUMNS_READ, BadCell, workbook_rows

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "low", "high", "window"),
    [
        ("5 to 9 million views per week", 5_000_000, 9_000_000, "week"), ("5-9M", 5_000_000, 9_000_000, ""),
        ("1,234", 1234, 1234, ""), ("1 234 567", 1_234_567, 1_234_567, ""), ("1.2K", 1150, 1299, ""), ("0", 0, 0, ""),
        ("between 286 and 300", 286, 300, ""), ("5.5 to 9 million", 5_500_000, 9_000_000, ""), ("1500.0", 1500, 1500, ""),
        ("2 million views", 1_500_000, 2_999_999, ""),
    ],
)  # fmt: skip
def test_a_range_stays_a_range(text: str, low: int, high: int, window: str) -> None:
    found = numbers_of(text)
    assert (found.low, found.high, found.window) == (low, high, window)


@pytest.mark.parametrize(
    "text",
    [
        "more than 500",
        "500+",
        "9 to 5",
        "1.5",
        "1.2340",
        "1e6",
        "",
        "-3",
        "1,23,4",
        "9" * 30,
        "9" * 5000,
        f"1-{'9' * 5000}",
        "1.234M",
        "1,234K",
        "0.125M",
        "0,500",
    ],
)
def test_a_number_that_is_not_said_is_not_made_up(text: str) -> None:
    with pytest.raises(UnreadValue):
        numbers_of(text)


@pytest.mark.parametrize(
    ("text", "words", "at", "precision_s"),
    [
        ("2024-07-06T10:00:00Z", TimeWords(), "2024-07-06T10:00:00+00:00", 1),
        ("2024-07-06 10:00:00.25+02:00", TimeWords(), "2024-07-06T08:00:00.250000+00:00", 0.01),
        ("2024-07-06 10:00", TimeWords("Europe/Paris"), "2024-07-06T08:00:00+00:00", 60),
        ("2024-07-06", TimeWords("Europe/Paris"), "2024-07-06T10:00:00+00:00", 43_200),
        ("2024-10-27", TimeWords("Europe/Paris"), "2024-10-27T10:30:00+00:00", 45_000),
        ("2024-10-27 02:30:00", TimeWords("Europe/Paris"), "2024-10-27T01:00:00+00:00", 1801),
        ("6.7.2024 10:00:00", TimeWords("UTC", "dmy"), "2024-07-06T10:00:00+00:00", 1),
        ("7/6/2024 10:00:00", TimeWords("UTC", "mdy"), "2024-07-06T10:00:00+00:00", 1),
        ("Sat Jul 06 10:00:00 +0000 2024", TimeWords(), "2024-07-06T10:00:00+00:00", 1),
        ("1720260000", TimeWords(), "2024-07-06T10:00:00+00:00", 1),
    ],
)
def test_a_time_has_the_precision_it_is_written_with(text: str, words: TimeWords, at: str, precision_s: float) -> None:
    found = moment_of(text, words)
    assert found.at.isoformat() == at and found.precision_s == pytest.approx(precision_s)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2024-07-06 10:00", TimeWords()), ("6.7.2024", TimeWords("UTC")), ("2024-03-31 02:30", TimeWords("Europe/Paris")),
        ("2024-02-30", TimeWords("UTC")), ("yesterday", TimeWords("UTC")), ("0001-01-01", TimeWords("UTC")),
        ("9999-12-31", TimeWords("UTC")), ("2024-07-06T10:00:00+99:00", TimeWords()), ("2024-07-06", TimeWords("../etc/passwd")),
        ("2024-07-06T10:00:00+02:99", TimeWords()), ("2011-12-30", TimeWords("Pacific/Apia")),
        ("2024-07-06", TimeWords("right/Europe/Paris")), ("2024-07-06", TimeWords("localtime")),
        ("0001-01-01T00:00:00+14:00", TimeWords()), ("9999-12-31T23:59:59-14:00", TimeWords()),
        ("1.1.0001 00:00", TimeWords("Europe/Paris", "dmy")),
    ],
)  # fmt: skip
def test_a_time_that_is_not_certain_is_refused(text: str, words: TimeWords) -> None:
    with pytest.raises(UnreadTime):
        moment_of(text, words)


@pytest.mark.parametrize(
    ("address", "platform", "post", "ad", "account"),
    [
        ("https://x.com/a_b/status/1809530000000000000?s=20#m", "x", "1809530000000000000", "", "a_b"),
        ("https://mobile.twitter.com/i/status/1809530000000000000", "x", "1809530000000000000", "", ""),
        ("https://www.tiktok.com/@some.body/video/7300000000000000001", "tiktok", "7300000000000000001", "", "some.body"),
        ("https://www.instagram.com/p/CuE2WNQs6vH/", "instagram", "3135870261135649735", "", ""),
        ("https://t.me/s/Channel/123", "telegram", "channel/123", "", "Channel"),
        ("https://youtu.be/abcdefghijk?t=3", "youtube", "abcdefghijk", "", ""),
        ("https://www.facebook.com/ads/library/?id=1234567890", "facebook", "", "1234567890", ""),
        ("https://bsky.app/profile/a.bsky.social/post/3kabcabcabcab", "bluesky", "3kabcabcabcab", "", "a.bsky.social"),
        ("https://notx.com/a/status/1", "notx.com", "", "", ""),
    ],
)
def test_an_address_names_what_its_platform_writes_into_it(address: str, platform: str, post: str, ad: str, account: str) -> None:
    parts = address_of(address)
    assert parts is not None
    found = named_by(parts)
    assert (found.platform, found.post_id, found.ad_id, found.account) == (platform, post, ad, account)


def test_what_is_no_address_is_none() -> None:
    for text in (
        "javascript:alert(1)",
        "http://[::1",
        "x.com/a",
        "https://",
        "http://a b.example",
        "ftp://a.example",
        "http://a:x/",
    ):
        assert address_of(text) is None, text
    parts = address_of("https://x.com/somebody")
    assert parts is not None and handle_in(parts) == "somebody"


def test_an_id_is_a_text_or_nothing() -> None:
    assert id_of(" 1735765521595875777 ", "x") == "1735765521595875777"
    for text in ("1.73577E+18", "1735765521595875777.0", "17,5", "a b", "", "9" * 201, "nan", "None", "#N/A"):
        with pytest.raises(UnreadValue):
            id_of(text, "")
    with pytest.raises(UnreadValue):
        id_of("CuE2WNQs6vH", "TikTok")
    assert (
        looks_rounded("1735765521595870000")
        and looks_rounded("173576552159587000")
        and not looks_rounded("1735765521595875777")
        and looks_rounded("1735765521595875800")
        and not looks_rounded("1234567890123450")
        and not looks_rounded("123456789012300")
    )


def read(options: ImportOptions, **cells: str) -> ReadRow:
    header = tuple(cells)
    return RowReader(header, {name: name for name in header}, options).read(list(cells.values()))


def test_a_telegram_number_needs_its_channel() -> None:
    options = ImportOptions("a list")
    row = read(options, post_id="12", platform="telegram", account_handle="Chan")
    assert row.thing.external_id == "chan/12"
    with pytest.raises(RowRefused):
        read(options, post_id="12", platform="telegram")


def test_an_id_and_an_address_that_disagree_are_refused() -> None:
    for cells in ({"post_id": "1809530000000000001"}, {"platform": "tiktok"}):
        with pytest.raises(RowRefused):
            read(ImportOptions("a list"), post_url="https://x.com/a/status/1809530000000000000", **cells)


def test_an_account_on_another_platform_is_refused_and_one_that_the_address_does_not_name_is_noted() -> None:
    post = "https://x.com/alice/status/1809530000000000001"
    for cells in ({"account_url": "https://www.tiktok.com/@mallory"}, {"account_handle": "nan"}, {"platform": "None"}):
        with pytest.raises(RowRefused):
            read(ImportOptions("a list"), post_url=post, **cells)
    noted = read(ImportOptions("a list"), post_url=post, account_handle="mallory")
    assert [one.reason for one in noted.notes] == ["the post's address says alice"]
    assert read(ImportOptions("a list"), post_url=post, account_handle="@Alice").notes == ()


def test_a_post_that_was_seen_before_it_was_posted_is_noted() -> None:
    options = ImportOptions("a list", zone="UTC")
    late = read(options, platform="facebook", post_id="123456", posted_at="2024-07-07 10:00", seen_at="2024-07-07 09:00")
    assert "after it was seen" in late.notes[0].reason
    assert read(options, platform="facebook", post_id="123456", posted_at="2024-07-07 10:00", seen_at="2024-07-07").notes == ()


def test_a_workbook_says_no_more_digits_and_no_more_seconds_than_somebody_wrote(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append([1234567890123450, 1234567890123456, datetime(2024, 7, 6, 20, 0), datetime(2024, 7, 6, 20, 0, 1)])
    book.active.cell(2, 16_384, "far")
    path = tmp_path / "a.xlsx"
    book.save(path)
    with workbook_rows(path, "Sheet", 10) as rows:
        (_, first), (_, far) = rows
    assert isinstance(first[0], BadCell) and first[1:4] == ["1234567890123456", "2024-07-06 20:00", "2024-07-06 20:00:01"]
    assert len(far) == COLUMNS_READ and set(far) == {""}


def test_an_archive_in_which_no_record_states_a_digest_has_none_that_passed(tmp_path: Path) -> None:
    head = b"WARC/1.1\r\nWARC-Type: warcinfo\r\nWARC-Record-ID: <urn:uuid:12345678-1234-1234-1234-123456789012>\r\n"
    path = tmp_path / "a.warc"
    path.write_bytes(head + b"WARC-Date: 2024-07-06T10:00:00Z\r\nContent-Length: 2\r\n\r\nhi\r\n\r\n")
    verdicts = {one.name: (one.outcome.value, one.reason) for one in read_archive(path, "warc", NOW).verdicts}
    assert verdicts["page_archive_digests"] == ("NOT_CHECKED", "no record states a digest")


def test_a_batch_ends_early_where_cells_are_long() -> None:
    reader = RowReader(("post_id", "text"), {"post_id": "post_id", "text": "text"}, ImportOptions("a list", platform="facebook"))
    rows = iter([(number, [f"12345{number}", "x" * (BATCH_CHARS // 2)]) for number in range(2, 9)])
    read = _next_batch(rows, reader, (0, 1000))
    assert (read.last, read.is_end) == (3, False)


def test_a_row_must_name_something() -> None:
    for cells in ({"text": "words"}, {"post_id": "12"}, {"account_handle": "a"}):
        with pytest.raises(RowRefused) as refused:
            read(ImportOptions("a list"), **cells)
        assert refused.value.problems


def test_columns_are_suggested_once_each() -> None:
    assert suggested(("Post URL", "createdAt", "view_count", "Tweet ID", "id", "?")) == {
        "Post URL": "post_url", "createdAt": "posted_at", "view_count": "views", "Tweet ID": "post_id",
    }  # fmt: skip
    assert "names a post" in mapping_problem(("a",), {"a": "text"})


@given(data=st.binary(max_size=400), name=st.sampled_from(["a.csv", "a.jsonl", "a.xlsx"]))
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_a_table_or_one_error(data: bytes, name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t"
        path.write_bytes(data)
        try:
            layout = chosen(layout_of(path, name), encoding="latin-1", delimiter="comma")
            seen = survey(path, layout)
            reader = RowReader(seen.header, {seen.header[0]: "post_url"}, ImportOptions("x"))
            with open_rows(path, layout, seen.header) as rows:
                for _, cells in rows:
                    try:
                        reader.read(cells)
                    except RowRefused:
                        continue
        except FileRefused:
            pass


@given(data=st.binary(max_size=300), head=st.sampled_from([b"", b"WARC/1.1\r\n", b"\x1f\x8b", b"PK\x03\x04"]))
@settings(max_examples=100, deadline=None)
def test_any_bytes_are_an_archive_with_outcomes_or_one_error(data: bytes, head: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t"
        path.write_bytes(head + data)
        with suppress(FileRefused):
            kind_of(path)
        for kind in ("warc", "wacz"):
            assert {one.outcome for one in read_archive(path, kind, NOW).verdicts} <= {"PASSED", "FAILED", "NOT_CHECKED"}


def test_two_delimiters_that_fit_are_a_question(tmp_path: Path) -> None:
    path = tmp_path / "t"
    path.write_text("a,b;c\n1,2;3\n")
    assert delimiter_of(path, "utf-8").value == "" and "more than one" in delimiter_of(path, "utf-8").why
    path.write_bytes(b"a\x00b\x00")
    assert encoding_of(path).value == ""


def test_a_workbook_that_unpacks_into_too_much_is_refused_before_it_is_parsed(tmp_path: Path) -> None:
    book, plain = openpyxl.Workbook(), tmp_path / "plain.xlsx"
    book.active.append(["url"])
    book.save(plain)
    for name, size in (("xl/sharedStrings.xml", 100 << 20), ("xl/worksheets/sheet9.xml", 40 << 20)):
        path = tmp_path / "bomb.xlsx"
        with zipfile.ZipFile(plain) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
            for one in source.namelist():
                if one != name:
                    target.writestr(one, source.read(one))
            target.writestr(name, b" " * size)
        with pytest.raises(FileRefused):
            layout_of(path, "bomb.xlsx")
