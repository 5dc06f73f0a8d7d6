"""Tables of findings: every text comes back, no cell acts, ids stay ids, the description fits, memory does not grow."""

import csv
import io
import json
import re
import string
import tracemalloc
import uuid
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import frictionless
import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.exports.profiles import Profile
from server.exports.tables.cells import ACTING, csv_cell, safe_text
from server.exports.tables.columns import FINDING_COLUMNS, SIGHTING_COLUMNS, columns_for
from server.exports.tables.findings import ConfirmedFinding, HeldBack, sightings_of
from server.exports.tables.package import PackageFacts
from server.exports.tables.spreadsheet import Workbook
from server.exports.tables.writer import TableWriter
from tests.exports.rows import AT, CASE, confirmed, many, plain_text

FORMULAS = (
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "'=1",
    "''",
    "＝1+1",
    '=HYPERLINK("https://x.example","a")',
    "_x0041_",
)


def tables(folder: Path, findings: Any, profile: Profile = Profile.INTERNAL) -> bytes:
    folder.mkdir(exist_ok=True)
    facts = PackageFacts("c-1-tables", "Case C-1", profile, "2024-07-08T00:00:00.000Z", "TLP:AMBER", {}, {})
    out = io.BytesIO()
    with TableWriter(folder, profile) as writer:
        writer.add(findings)
        writer.finish(facts, out)
    return out.getvalue()


def members(packed: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(packed)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def reloaded(xlsx: bytes) -> dict[str, list[list[Any]]]:
    book = openpyxl.load_workbook(io.BytesIO(xlsx))
    for sheet in book:
        assert not [cell.coordinate for row in sheet for cell in row if cell.data_type == "f" or cell.hyperlink]
    return {sheet.title: [[unescaped(cell.value) for cell in row] for row in sheet] for sheet in book}


def unescaped(value: Any) -> Any:
    """As a spreadsheet shows it (ST_Xstring)."""
    return re.sub(r"_x([0-9A-F]{4})_", lambda found: chr(int(found[1], 16)), value) if isinstance(value, str) else value


@given(st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=30))
def test_every_text_comes_back_from_its_cell_and_none_can_act(text: str) -> None:
    cell = safe_text(text)
    assert plain_text(cell) == text
    assert cell[:1] == "'" or cell[:1] not in ACTING or not cell
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\r\n").writerow([csv_cell(text), "end"])
    assert [plain_text(one) for one in next(csv.reader(io.StringIO(out.getvalue(), newline="")))] == [text, "end"]


def test_numbers_are_no_texts_and_zero_is_a_value() -> None:
    assert [csv_cell(value) for value in (-5, 0, 0.5, None, ["=1"])] == ["-5", "0", "0.5", "", '["=1"]']


@pytest.mark.parametrize("formula", FORMULAS)
def test_no_text_becomes_a_formula_anywhere_and_all_come_back(tmp_path: Path, formula: str) -> None:
    if formula != formula.strip():
        formula = f"'{formula}"  # a body's texts are trimmed
    found = members(tables(tmp_path, [confirmed(1, content_text=formula, narrative=f"a{formula}")]))
    row = next(csv.DictReader(io.StringIO(found["findings.csv"].decode(), newline="")))
    assert plain_text(row["content_text"]) == formula and (row["content_text"][0] not in ACTING.replace("'", ""))
    assert json.loads(found["findings.jsonl"])["content_text"] == formula
    header, cells = reloaded(found["tables.xlsx"])["findings"]
    assert dict(zip(header, cells, strict=True))["content_text"] == formula


def test_ids_of_19_digits_are_texts_in_every_file(tmp_path: Path) -> None:
    found = members(tables(tmp_path, [confirmed(77, accounts=["1735765521595875777", "1735765521595875778"])]))
    row = next(csv.DictReader(io.StringIO(found["findings.csv"].decode(), newline="")))
    line = json.loads(found["findings.jsonl"])
    header, cells = reloaded(found["tables.xlsx"])["findings"]
    sheet = dict(zip(header, cells, strict=True))
    for one in (row, line, sheet):
        assert (one["post_id"], one["account_id"]) == ("1735765521595800077", "1735765521595875777")
    assert row["accounts"] == sheet["accounts"] == '["1735765521595875777","1735765521595875778"]'
    assert line["accounts"] == ["1735765521595875777", "1735765521595875778"]
    assert (line["silence_margin_s"], sheet["silence_margin_s"], row["silence_margin_s"]) == (0.0, 0, "0.0")
    assert line["label_poster"] == "not_checked" and line["label_platform"] == "absent", "not checked is never absent"


def test_the_time_of_posting_is_told_by_the_rule_its_confirmation_pins(tmp_path: Path) -> None:
    """A day that agrees with a TikTok id confirms the day; what was confirmed before says what it said."""
    of_id = {"value": "2024-07-06T17:00:00Z", "source": "platform_id", "precision_s": 1, "compared": False}
    day = {"value": "2024-07-06T10:00:00Z", "source": "displayed", "precision_s": 43200}
    subject = {"platform": "tiktok", "post_id": str(int(datetime(2024, 7, 6, 17, tzinfo=UTC).timestamp()) << 32)}
    former = confirmed(1, subject=subject, posted_at=[of_id, day])
    today = replace(former, pins={**former.pins, "time_rule": 2})
    alone = replace(confirmed(2, subject=subject, posted_at=[of_id]), pins=today.pins)
    found = members(tables(tmp_path, [former, today, alone]))
    lines = [json.loads(one) for one in found["findings.jsonl"].splitlines()]
    names = ("posted_at", "posted_at_source", "posted_at_precision_s", "posted_at_compared")
    assert [[one[name] for name in names] for one in lines] == [
        ["2024-07-06T17:00:00.000Z", "platform_id", 1, "yes"],
        ["2024-07-06T10:00:00.000Z", "displayed", 43200, "yes"],
        ["2024-07-06T17:00:00.000Z", "platform_id", 1, "no"],
    ]


@pytest.mark.parametrize("profile", [*Profile])
def test_the_description_fits_the_files(tmp_path: Path, profile: Profile) -> None:
    findings = [confirmed(1), confirmed(2, content_text="=1", posted_at=[], sightings=[]), confirmed(3, accounts=["1", "2"])]
    for name, data in members(tables(tmp_path / "made", findings, profile)).items():
        (tmp_path / name).write_bytes(data)
    report = frictionless.validate(str(tmp_path / "datapackage.json"))
    assert report.valid, report.flatten(["rowNumber", "fieldName", "type", "note"])
    assert {task.name: task.stats["rows"] for task in report.tasks}["findings-xlsx"] == 3 and len(report.tasks) == 6
    if profile is Profile.PUBLIC:
        (tmp_path / "findings.csv").write_text((tmp_path / "findings.csv").read_text().replace("2024-07", "soon"))
        assert not frictionless.validate(str(tmp_path / "datapackage.json")).valid, "a check that can fail"


def test_the_same_findings_give_the_same_bytes_and_the_same_ids(tmp_path: Path) -> None:
    first, second = tables(tmp_path / "a", many(3)), tables(tmp_path / "b", many(3))
    assert first == second
    later = members(tables(tmp_path / "c", many(4)))["sightings.jsonl"].decode().splitlines()
    before = members(first)["sightings.jsonl"].decode().splitlines()
    assert [json.loads(one)["sighting_id"] for one in later[:3]] == [json.loads(one)["sighting_id"] for one in before]
    assert len({json.loads(one)["sighting_id"] for one in later}) == 4


def test_the_id_of_a_sighting_does_not_confirm_who_is_guessed_to_have_seen_it(tmp_path: Path) -> None:
    one, elsewhere = confirmed(1), replace(confirmed(1), case_id=uuid.uuid4())
    ids = [next(sightings_of(finding)).sighting_id for finding in (one, elsewhere)]
    assert ids[0] != ids[1], "it hangs on what the public is not told"
    assert str(CASE).encode() not in b"".join(members(tables(tmp_path, [one], Profile.PUBLIC)).values())


def canaried() -> ConfirmedFinding:
    """Each thing of the collector, and each account of a person, is a word of its own."""
    given = confirmed(
        1,
        assessment="ASSESSMENT", override_note="OVERRIDE", severity="high", content_text="CONTENT", coordination="COORDINATION",
        subject={"platform": "facebook", "post_id": "POSTID", "account_id": "ACCOUNTID", "url": "https://x.example/HANDLE"},
        accounts=["ACCOUNTID", "OTHERACCOUNT"], ai=[{"method": "human", "by": "LOOKEDBY", "verdict": "likely", "note": "AINOTE"}],
        posted_at=[{"value": "2024-07-06T10:00:00Z", "source": "platform_id", "precision_s": 1, "note": "TIMENOTE"}],
        sightings=[{"at": "2024-07-06T10:00:00Z", "url": "https://x.example/HANDLE", "by": "SEENBY", "country": "QQ"}],
        redirect_chain=["https://x.example/HANDLE", "b"],
    )  # fmt: skip
    return ConfirmedFinding(**(given.__dict__ | {"author": "AUTHORNAME", "reviewer": "REVIEWERNAME", "organisation": "ORGNAME"}))


COLLECTOR = {"AUTHORNAME", "REVIEWERNAME", "LOOKEDBY", "SEENBY", "OVERRIDE"}
OWN_WORDS = {"ASSESSMENT", "COORDINATION", "QQ"}
PERSONS = {"ACCOUNTID", "OTHERACCOUNT", "HANDLE", "POSTID", "CONTENT"}


@pytest.mark.parametrize(
    ("profile", "hidden"),
    [
        (Profile.INTERNAL, set()),
        (Profile.AUTHORITY, COLLECTOR),
        (Profile.PLATFORM, COLLECTOR | OWN_WORDS),
        (Profile.PUBLIC, COLLECTOR | OWN_WORDS | PERSONS | {"ORGNAME"}),
    ],
)
def test_a_profile_leaks_nothing_in_any_file_also_inside_the_workbook(tmp_path: Path, profile: Profile, hidden: set[str]) -> None:
    packed = members(tables(tmp_path, [canaried()], profile))
    workbook = packed.pop("tables.xlsx")  # only its members: packed bytes may spell a short word by chance
    found = {**packed, **members(workbook)}
    words = COLLECTOR | OWN_WORDS | PERSONS | {"ORGNAME"}
    for word in words:
        holders = {name for name, data in found.items() if word.encode() in data}
        assert not holders if word in hidden else holders, (profile, word, holders)
    assert not any(b"AINOTE" in data or b"TIMENOTE" in data for data in found.values())


def test_the_public_sees_accounts_that_somebody_named_as_actors_and_pseudonyms_of_the_others(tmp_path: Path) -> None:
    party = confirmed(1, actor="A party", accounts=["5", "6"])
    lines = members(tables(tmp_path, [party, confirmed(2), confirmed(3)], Profile.PUBLIC))["findings.jsonl"].decode()
    named, *others = [json.loads(line) for line in lines.splitlines()]
    assert named["account_id"] == "1735765521595875777" and named["url"]
    assert all(one.startswith("acc-") for one in named["accounts"]), "members of a network stay pseudonyms"
    assert others[0]["account_id"] == others[1]["account_id"] == party.pseudonym("1735765521595875777")
    assert others[0]["post_id"] is others[0]["url"] is None


def test_what_another_finding_keeps_behind_a_pseudonym_is_named_by_none_and_nothing_leads_to_it(tmp_path: Path) -> None:
    seen = [{"at": "2024-07-06T10:00:00Z", "url": "https://x.example/seen", "by": "us"}]
    told = {"actor": "A party", "content_text": "Vote", "redirect_chain": ["https://x.example/a"], "sightings": seen}
    told["listed"] = {
        "entity_id": "1",
        "name": "A station",
        "regime": "EU",
        "listed_from": "2022-03-01",
        "match_basis": "analyst",
    }
    about = {
        "platform": "facebook",
        "account_id": "17",
        "ad_id": "9",
        "post_id": "8",
        "channel_id": "7",
        "url": "https://x.example/1",
    }
    ours = replace(confirmed(1, subject=about, **told), held_back=HeldBack(is_held=True, at=AT))
    theirs = replace(ours, held_back=HeldBack(is_held=False, at=AT))
    kept, named = (members(tables(tmp_path / name, [one], Profile.PUBLIC)) for name, one in (("a", ours), ("b", theirs)))
    cells, others = (json.loads(one["findings.jsonl"]) for one in (kept, named))
    leading = {"actor", "ad_id", "post_id", "channel_id", "url", "content_text", "redirect_chain"}
    leading |= {"listed_entity", "listed_entity_id", "listed_from"}
    assert {name for name in cells if cells[name] != others[name]} == leading | {"account_id"}
    assert {cells[name] for name in leading} == {None} and cells["account_id"] == ours.pseudonym("17")
    assert json.loads(kept["sightings.jsonl"])["url"] is None
    for profile in (Profile.INTERNAL, Profile.AUTHORITY, Profile.PLATFORM):
        assert ours.names_account(profile) and ours.account(profile) == "17"


def test_each_profile_holds_less_than_the_one_before() -> None:
    for columns in (FINDING_COLUMNS, SIGHTING_COLUMNS):
        names = [{column.name for column in columns_for(columns, profile)} for profile in Profile]
        assert names[0] > names[1] > names[2] >= names[3], names
        assert len({column.name for column in columns}) == len(columns)
        assert all(set(column.name) <= set(string.ascii_lowercase + "_0123456789") for column in columns)


def test_rows_beyond_a_sheet_go_on_in_the_next_and_a_long_text_is_not_cut() -> None:
    out = io.BytesIO()
    book = Workbook(out, rows_limit=3)
    book.sheet("findings", ["id", "text"], ([str(number), "x" * 40_000 if number == 4 else "a\x01\r\n&<"] for number in range(5)))
    book.sheet("sightings", ["id"], [])
    book.close()
    found = reloaded(out.getvalue())
    assert [*found] == ["findings", "findings (2)", "findings (3)", "sightings"]
    assert [row[0] for name in [*found][:3] for row in found[name][1:]] == ["0", "1", "2", "3", "4"]
    assert found["findings (3)"][1][1] == "[40000 characters, too long for a cell: see the JSONL file]"
    assert found["findings"][1][1] == "a\x01\r\n&<" and found["sightings"] == [["id"]]


def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    peaks = []
    tables(tmp_path / "warm", many(10))
    for count in (300, 3000):
        tracemalloc.start()
        folder = tmp_path / str(count)
        folder.mkdir()
        with (folder / "out.zip").open("wb") as out, TableWriter(folder, Profile.INTERNAL) as writer:
            writer.add(many(count))
            writer.finish(PackageFacts("t", "t", Profile.INTERNAL, "", "", {}, {}), out)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 1_500_000, peaks
