"""Ids that a float may have rounded: noted where the id or its column shows it, and how often true ids are noted for nothing."""

import random
from decimal import Decimal
from pathlib import Path

import pytest

from server.imports.options import ImportOptions
from server.imports.previewing import first_rows
from server.imports.rounding import ALONE, COLUMN, looks_rounded, may_be_rounded
from server.imports.rows import RowReader
from server.imports.running import _next_batch
from server.imports.tables import layout_of
from tests.imports.desk import table

SAMPLE = 20_000
NOW_MS, X_EPOCH_MS, INSTAGRAM_EPOCH_MS = 1_780_000_000_000, 1_288_834_974_657, 1_314_220_021_721


def true_id(kind: str, draw: random.Random) -> str:
    """An id as its platform makes it, drawn; of Facebook only the number of digits is known."""
    ms = draw.randrange(1_420_070_400_000, NOW_MS)
    if kind == "x":
        return str((ms - X_EPOCH_MS << 22) + draw.randrange(1 << 22))
    if kind == "tiktok":
        return str((ms // 1000 << 32) + draw.randrange(1 << 32))
    if kind == "instagram":
        return str((ms - INSTAGRAM_EPOCH_MS << 23) + draw.randrange(1 << 23))
    return str(draw.randrange(10 ** (int(kind) - 1), 10 ** int(kind)))


@pytest.mark.parametrize("kind", ["x", "tiktok", "instagram", "15", "16", "17", "18"])
def test_fewer_than_one_true_id_in_a_hundred_is_noted_for_itself(kind: str) -> None:
    draw = random.Random(f"ids of {kind}")
    ids = [true_id(kind, draw) for _ in range(SAMPLE)]
    assert sum(map(looks_rounded, ids)) < SAMPLE / 100
    assert sum(map(may_be_rounded, ids)) < SAMPLE / 8, "what would be noted, if one id were enough"


def spreadsheet(written: str) -> str:
    return written[:15] + "0" * (len(written) - 15)


def program(written: str) -> str:
    """As JavaScript and pandas write a number they kept as a float."""
    return f"{Decimal(repr(float(written))):f}"


@pytest.mark.parametrize("kind", ["x", "tiktok", "instagram", "18"])
def test_what_a_spreadsheet_rounded_is_noted_for_itself(kind: str) -> None:
    draw = random.Random(kind)
    ids = [spreadsheet(true_id(kind, draw)) for _ in range(1_000)]
    assert all(map(looks_rounded, ids))


def notes_of(ids: list[str], tmp_path: Path, batch: int = 1_000) -> list[str]:
    """The reasons noted on a table of these ids, read in batches as an import reads them."""
    reader = RowReader(("ad_id",), {"ad_id": "ad_id"}, ImportOptions("a list", platform="facebook"))
    rows = iter([(number, [one]) for number, one in enumerate(ids, 2)])
    found: list[str] = []
    place = 1
    while True:
        read = _next_batch(rows, reader, (place, batch))
        found += [note.reason for _, row in read.batch.taken for note in row.notes]
        if read.is_end:
            return found
        place = read.last


def test_ids_of_16_digits_are_noted_by_what_their_column_shows(tmp_path: Path) -> None:
    draw = random.Random("sixteen")
    ids = [true_id("16", draw) for _ in range(3_000)]
    assert sum(one.endswith("0") for one in ids) > 250
    assert len(notes_of(ids, tmp_path)) <= 6, "one in ten ends in a zero by itself"
    rounded = [spreadsheet(one) for one in ids]
    for batch in (1_000, 7):
        said = notes_of(rounded, tmp_path, batch)
        assert len(said) >= 2_995 and set(said) == {ALONE, COLUMN}, "all, but for those of a first batch of few"
    floats = [program(true_id("tiktok", draw)) for _ in range(1_000)]
    assert len(notes_of(floats, tmp_path)) == sum(may_be_rounded(one) for one in floats) > 950
    half = [spreadsheet(one) if number % 2 else one for number, one in enumerate(ids)]
    assert len(notes_of(half, tmp_path)) >= 1_500, "two tables put together"


def test_one_account_in_every_row_is_one_id(tmp_path: Path) -> None:
    assert notes_of(["1234567890123450"] * 500, tmp_path) == []
    assert notes_of(["1234567890123450", "1234567890123451", "1234567890123460"], tmp_path) == [], "three tell nothing"


def test_the_preview_says_what_the_import_will_note(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(table(("ad id", "platform"), *((f"123456789012{n}50", "facebook") for n in range(10, 16))))
    rows = first_rows(
        path, (layout_of(path, "t.csv"), ("ad id", "platform")), {"ad id": "ad_id", "platform": "platform"}, {"source": "a"}
    )
    assert [[one.reason for one in row.problems] for row in rows] == [[COLUMN]] * 6
