"""Alerts: made of a case's confirmed findings and frozen numbers, versioned, refused by name, handed over on the record."""

import asyncio
import json
import uuid
from datetime import date
from typing import Any

import pytest

from server.cases.service import CaseOrder
from server.db import run_sql
from server.errors import Forbidden, NotFound
from server.exports.case_models import CaseExport
from server.exports.documents.alert import AlertDraft
from server.exports.errors import ExportRefused
from server.exports.kind import CaseExportOrder
from server.exports.parts import CASE_EXPORT_TASK
from server.exports.workbook.values import WorkbookDraft
from server.findings.statistics import Question
from tests.exports.test_alert import SAID
from tests.services.casework import Casework, subject
from tests.web.site import Site

ORDER = CaseExportOrder("internal", "to warn", "The members")


@pytest.fixture
async def work(site: Site) -> Casework:
    made = await Casework.begin(site)
    tag = made.site.services.findings.catalogue.techniques.find("DISARM", "T0130.001")
    assert tag is not None
    tags = [{"framework": tag.framework, "version": tag.version, "id": tag.id, "name": tag.name}]
    await made.confirmed(subject=subject(1), ttps=tags)
    await made.confirmed(subject=subject(2), ttps=tags)
    await made.draft(subject=subject(3))
    await made.site.services.findings.statistics.freeze(made.author, "Posts on the eve", "posts", Question())
    return made


def draft(**said: Any) -> AlertDraft:
    return AlertDraft.model_validate(SAID | {"statistics": [1]} | said)


async def test_an_alert_holds_what_is_confirmed_and_counts_its_versions(work: Casework) -> None:
    alerts = work.site.services.alerts
    first = await alerts.request(work.author, work.case.id, ORDER, draft())
    found = await work.files(first.id)
    assert set(found) == {"alert.pdf", "alert.html", "alert.json"}
    said = json.loads(found["alert.json"])
    assert said["evidence"] == {"findings": 2, "posts": 2, "accounts": 2, "captures": 1}
    assert [(one["id"], one["findings"]) for one in said["techniques"]] == [("T0130.001", 2)]
    assert [(one["statistic"], one["n"]) for one in said["figures"]] == [("S-1", 2)]
    second = await alerts.request(work.author, work.case.id, ORDER, draft(overview="More is known."))
    other = await alerts.request(work.author, work.case.id, ORDER, draft(number="2024-08"))
    again, apart = [json.loads((await work.files(one.id))["alert.json"]) for one in (second, other)]
    assert (said["version"], again["version"], apart["version"]) == (1, 2, 1)
    assert said["alert_id"] == again["alert_id"] != apart["alert_id"]
    chain = await work.site.services.custody.chain(f"case:{work.case.id}", organisation_id=work.case.organisation_id)
    assert [event.type for event in chain].count("case.exported") == 3
    await work.site.sound()


async def test_what_is_refused_is_not_stored(work: Casework) -> None:
    services, stranger = work.site.services, await work.site.other_organisation()
    checker = await work.site.colleague(work.author.organisation_id, "fact_checker")
    public = CaseExportOrder("public", "p", "r")
    for actor, order, said, error in (
        (work.author, ORDER, draft(actions=[]), ExportRefused),
        (work.author, ORDER, draft(statistics=[9]), NotFound),
        (work.author, public, draft(), ExportRefused),
        (checker, ORDER, draft(), Forbidden),
        (stranger, ORDER, draft(), NotFound),
    ):
        for ask in (services.alerts.request, services.alerts.preview):
            with pytest.raises(error):
                await ask(actor, work.case.id, order, said)
    assert await services.case_exports.of_case(work.author, work.case.id) == []


async def test_an_alert_whose_service_is_killed_before_its_files_are_made_gets_them_from_a_job(
    work: Casework, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = work.site.services

    async def killed(_export_id: Any) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as patched, pytest.raises(asyncio.CancelledError):
        patched.setattr(services.case_exports.maker, "run", killed)
        await services.alerts.request(work.author, work.case.id, ORDER, draft())
    [row] = await services.case_exports.of_case(work.author, work.case.id)
    async with services.database.session() as session:
        waiting = await run_sql(session, "SELECT args FROM procrastinate_jobs WHERE task_name = :task", task=CASE_EXPORT_TASK)
    assert row.state == "queued" and [one.args for one in waiting] == [{"export_id": str(row.id)}]


async def test_an_alert_without_a_confirmed_finding_is_refused(site: Site) -> None:
    work = await Casework.begin(site)
    with pytest.raises(ExportRefused, match="confirmed"):
        await site.services.alerts.request(work.author, work.case.id, ORDER, draft(statistics=[]))


async def test_the_form_names_what_is_empty_shows_what_is_printed_and_makes_it(work: Casework) -> None:
    person = await work.site.person(work.author)
    path = f"/cases/{work.case.id}/exports/alert"
    assert path in (await person.get(f"/cases/{work.case.id}/exports")).text
    assert (await person.get(path)).status_code == 200
    lines = {name: "\n".join(value) if isinstance(value, list) else value for name, value in SAID.items()}
    sent = lines | {"profile": "internal", "purpose": "p", "recipient": "r", "statistics": "S-1"}
    refused = await person.post(path, data=sent | {"impact": "", "statistics": "", "act": "make"})
    assert refused.status_code == 409 and 'data-missing="impact"' in refused.text and "Calls to vote on the eve" in refused.text
    assert (await person.post(path, data=sent | {"overview": "x" * 601, "act": "make"})).status_code == 422
    shown = await person.post(path, data=sent | {"act": "check"})
    assert shown.status_code == 200 and "Posts on the eve" in shown.text and "<b>after" not in shown.text
    made = await person.post(path, data=sent | {"act": "make"})
    assert made.status_code == 303
    assert (await person.get(f"{made.headers['location']}/file")).status_code == 200


async def test_the_form_proposes_numbers_and_files_and_a_wrong_one_loses_nothing(work: Casework) -> None:
    person, path = await work.site.person(work.author), f"/cases/{work.case.id}/exports/alert"
    bundle = (await work.site.services.alerts.request(work.author, work.case.id, ORDER, draft())).id
    form = (await person.get(path)).text
    assert 'name="statistics_ticked" value="S-1"' in form and "Posts on the eve" in form
    assert f'<option value="{bundle}">Alert · The members' in form
    lines = {name: "\n".join(value) if isinstance(value, list) else value for name, value in SAID.items()}
    sent = lines | {"profile": "internal", "purpose": "p", "recipient": "r", "statistics": "", "act": "check"}
    shown = await person.post(path, data=sent | {"statistics_ticked": "S-1", "bundle_chosen": str(bundle)})
    assert shown.status_code == 200 and "Posts on the eve (S-1" in shown.text
    assert 'value="S-1" checked' in shown.text and f'<option value="{bundle}" selected>' in shown.text, "what was ticked stays"
    absent = str(uuid.uuid4())
    for typed, status, told in (
        ({"statistics": "S-1, S-99"}, 404, "S-99 is no frozen number of this organisation."),
        ({"bundle": absent}, 404, f"{absent} is no finished bundle or export of this organisation."),
        ({"statistics": "S-one"}, 422, "Frozen numbers to print, such as S-1, S-3: &#39;S-one&#39; is no number: write S-1, S-3"),
        ({"bundle": absent, "bundle_chosen": str(bundle)}, 422, "is typed and another one is chosen"),
        ({"bundle": "the second"}, 422, "Id of the evidence bundle whose hash is printed, if there is one: "),
    ):
        refused = await person.post(path, data=sent | typed)
        assert refused.status_code == status and told in refused.text, (typed, refused.text[:2000])
        assert "Calls to vote on the eve" in refused.text, "nothing typed is lost"
        assert all(f'value="{value}"' in refused.text for value in typed.values())


async def test_whoever_holds_an_alert_finds_its_versions_and_nothing_it_says(work: Casework) -> None:
    alerts = work.site.services.alerts
    made = [await alerts.request(work.author, work.case.id, ORDER, draft(overview=one)) for one in ("First.", "Second.")]
    bundle = made[0].id
    third = await alerts.request(work.author, work.case.id, ORDER, draft(bundle=bundle, authors="The desk"))
    said = json.loads((await work.files(third.id))["alert.json"])
    first = await work.site.services.case_exports.read(work.author, bundle)
    assert said["bundle_sha256"] == first.file_sha256 and said["facets"][0]["content_type"] == "silence period violations"
    address = said["verify_url"].removeprefix("http://holdstill.test")
    page = await work.site.http.get(address)
    assert page.status_code == 200 and address == f"/alerts/{third.document_id}"
    places = [page.text.index(one.content_sha256) for one in (*made, third)]
    assert places == sorted(places) and str(first.file_sha256) in page.text
    for hidden in ("Second.", "The desk", "2024-07<", "desk@network.example", "Silence"):
        assert hidden not in page.text
    absent = await work.site.http.get("/alerts/00000000-0000-4000-8000-000000000000")
    assert absent.status_code == 404
    stranger = await work.site.other_organisation()
    elsewhere = await work.site.services.cases.open(stranger, CaseOrder("Elsewhere"))
    for actor, case, wanted in ((work.author, work.case, work.case.id), (stranger, elsewhere, bundle)):
        with pytest.raises(NotFound) as refused:
            await alerts.preview(actor, case.id, ORDER, draft(bundle=wanted, statistics=[]))
        assert refused.value.data["kind"] == "finished bundle"


async def test_nobody_learns_from_an_alert_how_many_versions_other_readers_got(work: Casework) -> None:
    """Versions count for each reader by itself, and the address in an alert leads to those of its own readers alone."""
    alerts, site = work.site.services.alerts, work.site
    await site.services.cases.mark(work.author, work.case.id, "TLP:CLEAR")
    inside = [await alerts.request(work.author, work.case.id, ORDER, draft(overview=one)) for one in ("First.", "Second.")]
    public = await alerts.request(work.author, work.case.id, CaseExportOrder("public", "p", "r"), draft())
    said, told = [json.loads((await work.files(one.id))["alert.json"]) for one in (inside[1], public)]
    assert said["alert_id"] == told["alert_id"], "it is one alert"
    assert (said["version"], told["version"]) == (2, 1)
    assert said["verify_url"] != told["verify_url"]
    page = await site.http.get(told["verify_url"].removeprefix("http://holdstill.test"))
    assert page.status_code == 200 and public.content_sha256 in page.text
    assert not any(one.content_sha256 in page.text for one in inside)
    report = await site.services.reports.preview(work.author, work.case.id, ORDER, period_of(site))
    assert [(one.number, one.version) for one in report.alerts] == [("2024-07", 1)], "counted once, as it was made last"


async def test_an_address_printed_before_still_leads_to_its_versions_without_the_internal_ones(work: Casework) -> None:
    alerts, site = work.site.services.alerts, work.site
    await site.services.cases.mark(work.author, work.case.id, "TLP:CLEAR")
    public = CaseExportOrder("public", "p", "r")
    rows = [await alerts.request(work.author, work.case.id, order, draft()) for order in (ORDER, public)]
    old = uuid.UUID(json.loads(rows[0].content)["alert_id"])
    async with site.services.database.transaction() as session:  # as rows were kept when all readers shared one address
        for row in rows:
            (await session.get_one(CaseExport, row.id)).document_id = old
    later = await alerts.request(work.author, work.case.id, public, draft(overview="More is known."))
    page = await site.http.get(f"/alerts/{old}")
    assert page.text.index(rows[1].content_sha256) < page.text.index(later.content_sha256)
    assert rows[0].content_sha256 not in page.text
    assert json.loads(later.content)["version"] == 2 and json.loads(later.content)["alert_id"] == str(old)


def period_of(site: Site) -> WorkbookDraft:
    return WorkbookDraft(organisation="A network", period_from=date(2024, 1, 1), period_to=site.clock.now().date())
