"""Reports under the Code: alerts of all cases in a period, each once; frozen numbers; public what may be public."""

import csv
import hashlib
import io
import json
from datetime import date
from typing import Any

import pytest

from server.cases.service import CaseOrder
from server.errors import Forbidden, NotFound
from server.exports.documents.rapid import RapidDraft
from server.exports.errors import ExportRefused
from server.exports.kind import CaseExportOrder
from server.exports.rapid import RapidOrder
from server.exports.workbook.values import WorkbookDraft
from server.findings.statistics import Question, ids_file
from tests.exports import test_rapid
from tests.services.casework import Casework, subject
from tests.services.test_alerts import draft as alert_draft
from tests.web.site import Site

ORDER = CaseExportOrder("internal", "half-year report", "Transparency Centre")


@pytest.fixture
async def work(site: Site) -> Casework:
    """Alerts 1 (twice), 2 and 3, a rapid notification, a frozen number; and alert 4 of the day after."""
    made = await Casework.begin(site)
    await made.confirmed(subject=subject(1, url="https://x.example/a/1"), language="fr")
    await made.confirmed(subject=subject(2))
    services = made.site.services
    await services.findings.statistics.freeze(made.author, "Posts on the eve", "posts", Question())
    for number in ("1", "1", "2", "3"):
        await services.alerts.request(made.author, made.case.id, ORDER, alert_draft(number=number, title=f"ALERT{number}"))
    notification = RapidOrder("p", RapidDraft.model_validate(test_rapid.SAID))
    await services.rapid.request(made.author, made.case.id, notification)
    site.clock.move(86_400)
    await services.alerts.request(made.author, made.case.id, ORDER, alert_draft(number="4"))
    site.clock.move(-86_400)
    return made


def said(work: Casework, **more: Any) -> WorkbookDraft:
    today = work.site.clock.now().date()
    values: dict[str, Any] = {"organisation": "Here", "period_from": date(2024, 1, 1), "period_to": today, "statistics": [1]}
    return WorkbookDraft.model_validate(values | more)


def table(found: dict[str, bytes], name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(found[f"{name}.csv"].decode(), newline="")))


async def test_the_report_counts_each_alert_of_the_period_once(work: Casework) -> None:
    services = work.site.services
    made = await services.reports.request(work.author, work.case.id, ORDER, said(work))
    found = await work.files(made.id)
    rows = table(found, "SLI_16_1_1")
    assert [row["n"] for row in rows if row["unit"] == "alerts"][:1] == ["3"]
    by_label = {row["content_type"]: row["n"] for row in rows if row["unit"] == "alerts" and not row["platform"]}
    assert by_label["silence period violations"] == "3"
    assert [(row["statistic_id"], row["unit"], row["n"]) for row in rows if row["statistic_id"]] == [("S-1", "posts", "2")]
    assert [(row["number"], row["version"], row["title"]) for row in table(found, "alerts")] == [
        ("1", "2", "ALERT1"), ("2", "1", "ALERT2"), ("3", "1", "ALERT3"),
    ]  # fmt: skip
    assert [(row["action_type"], row["recipient"]) for row in table(found, "actions")] == [("rrs", "facebook")]
    again = await services.reports.request(work.author, work.case.id, ORDER, said(work))
    both = [json.loads((await work.files(one.id))["report.json"]) for one in (made, again)]
    for one in both:
        for row in one["rows"]:
            assert (row.pop("as_of") == one["made_at"]) == (not row["statistic_id"]), "a frozen number keeps its own time"
    assert both[0]["workbook_id"] == both[1]["workbook_id"] and both[0]["rows"] == both[1]["rows"]


async def test_a_public_report_has_no_titles_and_another_organisation_counts_nothing(work: Casework) -> None:
    services = work.site.services
    public = CaseExportOrder("public", "p", "everybody")
    with pytest.raises(ExportRefused):
        await services.reports.request(work.author, work.case.id, public, said(work))
    await services.cases.mark(work.author, work.case.id, "TLP:CLEAR")
    await services.findings.statistics.freeze(work.author, "Findings", "findings", Question())
    made = await services.reports.request(work.author, work.case.id, public, said(work, statistics=[1, 2]))
    found = await work.files(made.id)
    assert all(b"ALERT1" not in data for data in found.values())
    assert all(subject(1)["post_id"].encode() not in data for data in found.values()), "no table for the public names a post"
    assert {row["unit"] for row in table(found, "ids")} == {"alerts", "findings"}
    [posts] = [row for row in table(found, "SLI_16_1_1") if row["unit"] == "posts"]
    _, keys = await services.findings.statistics.keys(work.author, (await services.findings.statistics.list(work.author))[1].id)
    assert posts["ids_sha256"] == hashlib.sha256(ids_file(keys)).hexdigest(), "who has the statistic's ids file counts again"
    assert "They name accounts or posts" in {row["what"]: row["how"] for row in table(found, "method")}["ids of S-1"]
    stranger = await work.site.other_organisation()
    elsewhere = await services.cases.open(stranger, CaseOrder("Elsewhere"))
    with pytest.raises(ExportRefused) as refused:
        await services.reports.preview(stranger, elsewhere.id, ORDER, said(work, statistics=[]))
    assert refused.value.data["missing"] == ["nothing_counted"]
    for actor, case_id, error in ((stranger, work.case.id, NotFound), (stranger, elsewhere.id, NotFound)):
        with pytest.raises(error):
            await services.reports.request(actor, case_id, ORDER, said(work))
    checker = await work.site.colleague(work.author.organisation_id, "fact_checker")
    await services.cases.members.add(work.author, work.case.id, checker.operator_id, "reader")
    with pytest.raises(Forbidden):
        await services.reports.preview(checker, work.case.id, public, said(work))


async def test_the_form_counts_characters_shows_the_numbers_and_makes_them(work: Casework) -> None:
    person = await work.site.person(work.author)
    path = f"/cases/{work.case.id}/exports/workbook"
    assert path in (await person.get(f"/cases/{work.case.id}/exports")).text and (await person.get(path)).status_code == 200
    today = work.site.clock.now().date().isoformat()
    sent = {
        "organisation": "Here", "period_from": "2024-01-01", "period_to": today, "statistics": "S-1", "purpose": "p",
        "recipient": "r", "profile": "internal", "qre_16.1.1": "é" * 2001,
        "activities": f"{today}; 17.2.1; Training; 20; 500; 900; fr; list",
    }  # fmt: skip
    refused = await person.post(path, data=sent | {"act": "make"})
    assert refused.status_code == 409 and 'data-missing="text_too_long"' in refused.text and 'data-count="2001"' in refused.text
    shown = await person.post(path, data=sent | {"qre_16.1.1": "é" * 2000, "act": "check"})
    assert shown.status_code == 200 and "SLI_16_1_1" in shown.text and "Training" in shown.text
    assert (await person.post(path, data=sent | {"activities": "yesterday", "act": "check"})).status_code == 422
    made = await person.post(path, data=sent | {"qre_16.1.1": "", "act": "make"})
    assert made.status_code == 303 and (await person.get(f"{made.headers['location']}/file")).status_code == 200
