"""The activity log: stated lines, corrected by further ones, counted as the form counts, taken into reports by themselves."""

import asyncio
import csv
import io
from datetime import date
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from server.db import lock_for_transaction, run_sql
from server.errors import BadInput, Forbidden, NotFound
from server.exports.errors import ExportRefused
from server.exports.kind import CaseExportOrder
from server.exports.workbook.values import WorkbookDraft
from server.findings.activities import ActivityOrder, drafted, form_characters
from server.web.pages import activities as activities_page
from tests.postgres import until_something_waits
from tests.services.casework import Casework
from tests.web.site import Site

DAY = date(2024, 9, 1)


def order(**said: Any) -> ActivityOrder:
    values: dict[str, Any] = {
        "on": DAY,
        "kind": "training",
        "measure": "17.2.1",
        "text": "A training of editors",
        "participants": 20,
    }
    return ActivityOrder(**values | said)


def test_a_text_is_as_long_as_the_forms_field_says() -> None:
    assert [form_characters(one) for one in ("é" * 2000, "a\r\nb", "a\rb\n", "\U0001f5f3", "")] == [2000, 3, 4, 2, 0]


async def test_2000_characters_are_kept_and_2001_are_refused(site: Site) -> None:
    log, lead = site.services.findings.activities, await site.services.operators.ensure_default_operator()
    kept = await log.record(lead, order(text="\U0001f5f3" * 999 + "\r\n" + "é"))
    assert (form_characters(kept.text), kept.number) == (2000, 1)
    for text in ("é" * 2001, "\U0001f5f3" * 1000 + "a", "", " \n "):
        with pytest.raises(BadInput):
            await log.record(lead, order(text=text))
    for wrong in (
        {"kind": "party"},
        {"measure": "1.1.1"},
        {"participants": -1},
        {"reach_low": 5, "reach_high": 4},
        {"reach_low": 5},
    ):
        with pytest.raises(BadInput):
            await log.record(lead, order(**wrong))
    assert [one.number for one in await log.said(lead)] == [1]


async def test_a_line_is_corrected_or_withdrawn_by_another_one_and_never_changed(site: Site, database_url: str) -> None:
    log, lead = site.services.findings.activities, await site.services.operators.ensure_default_operator()
    first = await log.record(lead, order())
    second = await log.correct(lead, first.id, order(participants=21))
    assert [(one.number, one.participants) for one in await log.said(lead)] == [(2, 21)]
    with pytest.raises(NotFound):
        await log.correct(lead, first.id, order(participants=22))
    await log.withdraw(lead, second.id, "it was another organisation's")
    assert await log.said(lead) == []
    with psycopg.connect(database_url) as connection, pytest.raises(psycopg.errors.CheckViolation):
        connection.execute("UPDATE activity SET participants = 500")


async def test_the_log_is_an_organisations_own(site: Site) -> None:
    log, work = site.services.findings.activities, await Casework.begin(site)
    line = await log.record(work.author, order(case_id=work.case.id))
    stranger = await site.other_organisation()
    assert await log.said(stranger) == []
    for activity_id in (line.id, uuid4()):
        with pytest.raises(NotFound) as refused:
            await log.correct(stranger, activity_id, order())
        assert refused.value.data == {"kind": "activity", "id": str(activity_id)}
    with pytest.raises(NotFound):
        await log.record(stranger, order(case_id=work.case.id))
    checker = await site.colleague(work.author.organisation_id, "fact_checker")
    assert await log.said(checker) == [], "of a case that one may not see nothing is told"
    with pytest.raises(Forbidden):
        await log.record(await site.colleague(work.author.organisation_id, "admin"), order())


async def test_a_report_takes_the_periods_lines_in_by_itself(site: Site) -> None:
    log, work = site.services.findings.activities, await Casework.begin(site)
    await log.record(work.author, order(case_id=work.case.id, reach_low=500, reach_high=900, source="list of participants"))
    await log.record(work.author, order(kind="meeting", measure="30.1.1", text="An agreement", participants=None))
    await log.record(work.author, order(kind="press", measure="16.1.1", text="@We told the press", participants=None))
    await log.record(work.author, order(on=date(2025, 1, 1), text="The next half-year"))
    typed = {"on": "2024-10-01", "sli": "17.2.1", "activity": "Typed", "participants": 3}
    asked = {"organisation": "Here", "period_from": date(2024, 7, 1), "period_to": date(2024, 12, 31), "activities": [typed]}
    internal = CaseExportOrder("internal", "half-year report", "Transparency Centre")
    made = await site.services.reports.request(work.author, work.case.id, internal, WorkbookDraft.model_validate(asked))
    found = await work.files(made.id)

    def table(name: str) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(found[f"{name}.csv"].decode(), newline="")))

    assert [(row["unit"], row["n"]) for row in table("SLI_17_2_1")] == [("activities", "2"), ("participants", "23")]
    assert [(row["unit"], row["n"]) for row in table("SLI_30_1_1")] == [("activities", "1")]
    rows = table("activities")
    assert [(row["number"], row["sli"], row["qre"], row["case"]) for row in rows] == [
        ("L-1", "SLI 17.2.1", "QRE 17.2.1", f"C-{work.case.number}"), ("L-2", "SLI 30.1.1", "QRE 30.1.1", ""),
        ("L-3", "", "QRE 16.1.1", ""), ("", "SLI 17.2.1", "QRE 17.2.1", ""),
    ]  # fmt: skip
    assert (rows[0]["reach_low"], rows[0]["reach_high"]) == ("500", "900"), "a reach stays a range"
    await site.services.cases.mark(work.author, work.case.id, "TLP:CLEAR")
    public = CaseExportOrder("public", "p", "everybody")
    book = await site.services.reports.preview(work.author, work.case.id, public, WorkbookDraft.model_validate(asked))
    assert {(one.source, one.case) for one in book.recorded} == {("", "")}, "sources and cases are not the public's"
    without = WorkbookDraft.model_validate(asked | {"log": False, "activities": []})
    with pytest.raises(ExportRefused):
        await site.services.reports.preview(work.author, work.case.id, internal, without)


async def test_the_pages_record_correct_and_begin_answers(site: Site) -> None:
    work = await Casework.begin(site)
    person = await site.person(work.author)
    sent = {"on": "2024-09-01", "kind": "training", "measure": "17.2.1", "text": "A training", "reach_low": "1,000"}
    assert (await person.post("/activities", data=sent)).status_code == 303
    [line] = await site.services.findings.activities.said(work.author)
    assert (line.reach_low, line.reach_high) == (1000, 1000)
    page = (await person.get("/activities?first=2024-09-01&last=2024-09-30")).text
    assert "A training" in page and "1,000" in page and "A training" not in (await person.get("/activities?last=2024-08-31")).text
    assert (await person.post("/activities", data=sent | {"participants": "many"})).status_code == 422
    assert (await person.post(f"/activities/{line.id}/correct", data=sent | {"text": "Another"})).status_code == 303
    [line] = await site.services.findings.activities.said(work.author)
    path = f"/cases/{work.case.id}/exports/workbook"
    begun = await person.post(
        path, data={"act": "fill", "period_from": "2024-07-01", "period_to": "2024-12-31", "qre_16.1.1": "ours"}
    )
    assert "2024-09-01: Another" in begun.text and "ours" in begun.text
    assert drafted([line], "17.2.1") == "2024-09-01: Another" and drafted([line], "16.1.1") == ""
    assert (await person.post(f"/activities/{line.id}/withdraw", data={"reason": "twice"})).status_code == 303
    assert await site.services.findings.activities.said(work.author) == []


async def test_a_cut_log_is_no_number_of_its_lines(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    work = await Casework.begin(site)
    person = await site.person(work.author)
    for text in ("One training", "Another training"):
        await site.services.findings.activities.record(work.author, order(text=text))
    assert ">2 lines<" in (await person.get("/activities")).text
    monkeypatch.setattr(activities_page, "LINES_SHOWN", 1)
    page = (await person.get("/activities")).text
    assert "More lines than this one" in page and "Another training" in page and "One training" not in page


async def test_a_line_is_numbered_before_its_case_is_held_so_that_no_two_wait_in_a_ring(site: Site) -> None:
    services, work = site.services, await Casework.begin(site)
    async with services.database.transaction() as session:
        await lock_for_transaction(session, f"activity numbers:{work.author.organisation_id}")
        recording = asyncio.create_task(services.findings.activities.record(work.author, order(case_id=work.case.id)))
        await until_something_waits(services.database)
        await run_sql(session, "SELECT 1 FROM case_file WHERE id = :id FOR UPDATE NOWAIT", id=work.case.id)
    assert (await recording).number == 1
