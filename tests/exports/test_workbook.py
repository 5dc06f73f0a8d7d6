"""The report under the Code: 37 alerts of six content types are 37, every number has its ids, no cell is a formula."""

import csv
import hashlib
import io
import json
from datetime import UTC, date, datetime
from typing import Any

import openpyxl
import pytest

from server.exports.documents.alert import Alert, AlertDraft, Evidence, Facet
from server.exports.documents.values import canonical
from server.exports.errors import ExportRefused
from server.exports.workbook.counting import activity_rows, alert_rows
from server.exports.workbook.files import workbook_files
from server.exports.workbook.values import AlertRow, SliRow, Workbook, WorkbookDraft
from tests.exports.test_alert import SAID

AT = datetime(2024, 12, 31, 12, 0, tzinfo=UTC)
LABELS = (
    "AI content",
    "silence period violations",
    "unlabelled ads",
    "influence operations",
    "CIB networks",
    "sanctions violations",
)
POST = "1735765521595875777"


TURNED = {"on": "2024-09-01", "sli": "30.1.1", "activity": "a", "reach_low": 9, "reach_high": 5}


def alerts(count: int = 37) -> list[Alert]:
    """Alerts with one label each in turn; every sixth has a second one."""
    made = []
    for number in range(count):
        labels = {LABELS[number % 6], *([LABELS[(number + 1) % 6]] if number % 6 == 0 else [])}
        facets = tuple(Facet(content_type=one, member_state="FR", platform="x", language="fr") for one in sorted(labels))
        made.append(
            Alert(
                alert_id=f"A-{number:03}", version=1, at=AT, tlp="TLP:AMBER", case="C-1", election="",
                said=AlertDraft.model_validate(SAID | {"number": f"{number}"}), techniques=(), figures=(),
                evidence=Evidence(findings=1, posts=1, accounts=1, captures=1), facets=facets, verify_url="u", bundle_sha256="",
            )
        )  # fmt: skip
    return made


def statistic(**changes: Any) -> SliRow:
    values: dict[str, Any] = {
        "sli": "16.1.1", "unit": "posts", "n": 6, "n_low": 5, "n_high": 9, "dedup_rule": "distinct (platform, post id)",
        "statistic_id": "S-7", "ids_sha256": "ab" * 32, "as_of": AT, "ids": (f'["x","{POST}"]', POST),
    }  # fmt: skip
    return SliRow.model_validate(values | changes)


def book(rows: tuple[SliRow, ...] | None = None, **said: Any) -> str:
    values: dict[str, Any] = {
        "organisation": "=HYPERLINK(1)", "period_from": date(2024, 7, 1), "period_to": date(2024, 12, 31),
        "texts": [{"measure": "16.1.1", "text": "+ We warned.\n| a | table |"}],
        "activities": [
            {"on": "2024-09-01", "sli": "17.2.1", "activity": "Training", "participants": 20, "reach_low": 500,
             "reach_high": 900},
            {"on": "2024-10-01", "sli": "17.2.1", "activity": "@Workshop", "participants": 30},
        ],
    }  # fmt: skip
    draft = WorkbookDraft.model_validate(values | said)
    counted = alerts()
    listed = tuple(
        AlertRow(alert_id=one.alert_id, number=one.said.number, version=1, made_at=AT, tlp=one.tlp, title=one.said.title,
                 content_types=tuple(facet.content_type for facet in one.facets))
        for one in counted
    )  # fmt: skip
    every = (*alert_rows(counted, AT), statistic(), *activity_rows(draft.activities, AT)) if rows is None else rows
    return canonical(Workbook(workbook_id="w", made_at=AT, tlp="TLP:GREEN", said=draft, rows=every, alerts=listed, actions=()))


def table(files: dict[str, bytes], name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(files[f"{name}.csv"].decode(), newline="")))


def test_37_alerts_are_37_under_six_labels_and_the_parts_may_be_more() -> None:
    files = workbook_files(book())
    rows = [
        row for row in table(files, "SLI_16_1_1") if row["unit"] == "alerts" and not row["member_state"] and not row["platform"]
    ]
    total, parts = [row for row in rows if not row["content_type"]], [row for row in rows if row["content_type"]]
    assert [row["n"] for row in total] == ["37"]
    assert {row["content_type"]: int(row["n"]) for row in parts} == {
        label: sum(label in {facet.content_type for facet in one.facets} for one in alerts()) for label in LABELS
    }
    assert sum(int(row["n"]) for row in parts) == 44 > 37
    assert "counts once in the total and once under each" in files["report.md"].decode()
    assert {row["commitment"] for row in rows} == {"16"} and {row["measure"] for row in rows} == {"16.1"}


def test_every_number_is_the_count_and_the_hash_of_its_ids() -> None:
    files = workbook_files(book())
    names = ("sli", "content_type", "member_state", "platform", "language", "unit", "statistic_id")
    listed: dict[tuple[str, ...], list[str]] = {}
    for row in table(files, "ids"):
        listed.setdefault(tuple(row[name] for name in names), []).append(row["id"])
    rows = [row for row in table(files, "SLI_16_1_1") if not row["statistic_id"]]
    assert len(rows) > 10
    for row in rows:
        ids = listed[tuple(row[name] for name in names)]
        digest = hashlib.sha256("".join(f"{one}\n" for one in ids).encode()).hexdigest()
        assert (len(ids), digest) == (int(row["n"]), row["ids_sha256"])
    assert POST in [row["id"] for row in table(files, "ids")]


def test_the_workbook_has_no_formula_and_19_digits_stay_text() -> None:
    files = workbook_files(book())
    opened = openpyxl.load_workbook(io.BytesIO(files["report.xlsx"]))
    assert opened.sheetnames[:3] == ["SLI_16_1_1", "SLI_17_2_1", "SLI_30_1_1"]
    assert {"alerts", "actions", "method", "ids", "QRE"} <= set(opened.sheetnames)
    kinds = {cell.data_type for sheet in opened for row in sheet.iter_rows() for cell in row if cell.value is not None}
    assert kinds <= {"s", "n"}
    assert [cell.value for cell in opened["ids"]["H"] if cell.value == POST] == [POST]
    assert [row[1].value for row in opened["method"].iter_rows() if row[0].value == "organisation"] == ["=HYPERLINK(1)"]
    assert workbook_files(book()) == files


def test_activities_are_stated_and_reach_is_never_added_up() -> None:
    files = workbook_files(book())
    assert [(row["unit"], row["n"]) for row in table(files, "SLI_17_2_1")] == [("activities", "2"), ("participants", "50")]
    assert table(files, "SLI_30_1_1") == []
    assert [(row["reach_low"], row["reach_high"]) for row in table(files, "activities")] == [("500", "900"), ("", "")]


def test_a_range_stays_a_range_and_ids_that_are_elsewhere_are_said_to_be() -> None:
    files = workbook_files(book((statistic(ids=(), ids_elsewhere=True),)))
    assert "| Total | 5 to 9 | posts | S-7 |" in files["report.md"].decode()
    assert [row["how"][:8] for row in table(files, "method") if row["what"] == "ids of S-7"] == ["Too many"]


def test_the_answers_have_counters_and_markup_is_text() -> None:
    report = workbook_files(book())["report.md"].decode()
    assert "26 of 2,000 characters\n\n+ We warned." in report and "# Report of =HYPERLINK(1)" in report
    rows = table(workbook_files(book(texts=[{"measure": "16.1.1", "text": "é" * 2000}])), "QRE")
    assert (rows[0]["qre"], rows[0]["characters"], rows[0]["limit"]) == ("QRE 16.1.1", "2000", "2000")


@pytest.mark.parametrize(
    ("code", "rows", "said"),
    [
        ("text_too_long", None, {"texts": [{"measure": "16.1.1", "text": "é" * 2001}]}),
        ("text_twice", None, {"texts": [{"measure": "16.1.1", "text": "a"}, {"measure": "16.1.1", "text": "b"}]}),
        ("period", None, {"period_to": date(2024, 6, 30)}),
        ("nothing_counted", (), {}),
        ("reach", None, {"activities": [TURNED]}),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_by_its_name(code: str, rows: Any, said: dict[str, Any]) -> None:
    with pytest.raises(ExportRefused) as refused:
        workbook_files(book(rows, **said))
    assert [one.partition(":")[0] for one in refused.value.data["missing"]] == [code]


def test_from_july_2025_the_code_is_one_of_conduct() -> None:
    def code(text: str) -> str:
        return next(row["how"] for row in table(workbook_files(text), "method") if row["what"] == "code")

    later = book(period_from=date(2025, 7, 1), period_to=date(2025, 12, 31))
    assert "Practice" in code(book()) and "Conduct" in code(later)
    assert json.loads(later)["format"] == "holdstill-workbook/1"
