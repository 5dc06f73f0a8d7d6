"""Tables of a case: what was confirmed at a moment, for whoever has the right, with the hand-over in the case's chain."""

import io
import json
import os
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest

from server.custody.service import RecordedEvent
from server.errors import BadInput, Forbidden, NotFound
from server.exports import confirmed
from server.exports.case_models import CaseExport
from server.exports.errors import ExportNotReady, ExportRefused
from server.exports.kind import CaseExportOrder
from server.trust.dsse import parse_envelope
from server.trust.events import parse_event
from storage.errors import StorageError
from storage.scratch import ABANDONED_AFTER_S, held_folder
from tests.services.casework import Casework, subject
from tests.web.site import Site

ORDER = CaseExportOrder("internal", "for the file", "Somebody")


@pytest.fixture
async def work(site: Site) -> Casework:
    """Three confirmed findings, one of them revised since; a draft and a rejected one between them."""
    made = await Casework.begin(site)
    await made.confirmed(subject=subject(1), sightings=[{"at": "2024-07-06T10:00:00Z", "url": "https://x.example/1", "by": "us"}])
    await made.draft(subject=subject(90))
    await made.judge(await made.confirmed(subject=subject(91)), "rejected")
    revised = await made.confirmed(subject=subject(2))
    await made.site.services.findings.revise(made.author, revised.id, 1, (made.body(subject=subject(92)), "another post"))
    await made.confirmed(subject=subject(3))
    return made


async def made(work: Casework, profile: str = "internal", *, by: Any = None) -> CaseExport:
    exports, order = work.site.services.case_exports, CaseExportOrder(profile, "for the file", "Somebody")
    row = await exports.request(by or work.author, work.case.id, "tables", order, queued=False)
    assert await exports.maker.run(row.id) == "ready"
    return await exports.read(work.author, row.id)


def lines(data: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in data.splitlines()]


async def events(work: Casework, kind: str) -> list[RecordedEvent]:
    chain = await work.site.services.custody.chain(f"case:{work.case.id}", organisation_id=work.case.organisation_id)
    return [event for event in chain if event.type == kind]


async def test_the_tables_hold_the_confirmed_versions_and_nothing_else(work: Casework, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confirmed.confirmed_findings, "__kwdefaults__", {"batch": 2})
    found = await work.files((await made(work)).id)
    rows = lines(found["findings.jsonl"])
    told = [(row["finding"], row["version"], row["post_id"][-3:]) for row in rows]
    assert told == [("F-1", 1, "001"), ("F-4", 1, "002"), ("F-5", 1, "003")]
    assert rows[0]["silence_verdict"] == "in" and rows[0]["author"] and rows[0]["reviewer"] == "Reviewer"
    assert [row["seen_by"] for row in lines(found["sightings.jsonl"])] == ["us"]
    described = json.loads(found["datapackage.json"])
    assert described["holdstill:rows"] == {"findings": 3, "sightings": 1} and described["holdstill:tlp"] == "TLP:AMBER"


async def test_a_second_export_names_everything_the_same(work: Casework) -> None:
    first = await work.files((await made(work)).id)
    work.site.clock.move(60)
    await work.confirmed(subject=subject(7))
    second = await work.files((await made(work)).id)
    assert second["findings.jsonl"].startswith(first["findings.jsonl"]) and first["sightings.jsonl"] == second["sightings.jsonl"]
    assert len(lines(second["findings.jsonl"])) == 4


async def test_what_is_confirmed_after_the_order_is_not_in_its_file(work: Casework) -> None:
    exports = work.site.services.case_exports
    row = await exports.request(work.author, work.case.id, "tables", ORDER, queued=False)
    work.site.clock.move(60)
    await work.confirmed(subject=subject(7))
    assert await exports.maker.run(row.id) == "ready"
    assert len(lines((await work.files(row.id))["findings.jsonl"])) == 3


async def test_the_hand_over_and_every_opening_are_events_of_the_case(work: Casework) -> None:
    row = await made(work)
    assert await work.site.services.case_exports.maker.run(row.id) == "ready", "run again by another worker"
    [event] = await events(work, "case.exported")
    said = parse_event(parse_envelope(event.envelope).payload)
    assert (said.subject_sha256, said.purpose, said.actor) == (row.file_sha256, "for the file", work.author.urn)
    assert said.details == {
        "case": f"urn:holdstill:case:{work.case.id}", "exportId": str(row.id), "kind": "tables", "profile": "internal",
        "tlp": "TLP:AMBER", "fileSha256": row.file_sha256, "recipient": "Somebody", "contentSha256": row.content_sha256,
        "rows": {"findings": 3, "sightings": 1},
    }  # fmt: skip
    assert await events(work, "case.export_opened") == []
    await work.files(row.id)
    await work.files(row.id)
    assert len(await events(work, "case.export_opened")) == 2
    await work.site.sound()


@pytest.mark.parametrize(
    ("role", "asks", "fetches"),
    [
        ("fact_checker", {"public"}, {"public"}),
        ("investigator", {"internal", "authority", "platform", "public"}, {"internal", "platform", "public"}),
        ("case_lead", {"internal", "authority", "platform", "public"}, {"internal", "authority", "platform", "public"}),
        ("admin", set(), set()),
    ],
)
async def test_the_profile_asks_for_its_right(work: Casework, role: str, asks: set[str], fetches: set[str]) -> None:
    services = work.site.services
    person = await work.site.colleague(work.author.organisation_id, role, name="Somebody new")
    if role != "admin":
        await services.cases.members.add(work.author, work.case.id, person.operator_id, "reader")
    await services.cases.mark(work.author, work.case.id, "TLP:CLEAR")
    for profile in ("internal", "authority", "platform", "public"):
        ready = await made(work, profile)
        if profile == "authority":
            await services.case_exports.confirm(work.reviewer, ready.id)
        if profile in asks:
            assert (await made(work, profile, by=person)).actor == person.urn
            await services.case_exports.preview(person, work.case.id, "tables", CaseExportOrder(profile, "", ""))
        else:
            for ask in (
                services.case_exports.preview(person, work.case.id, "tables", CaseExportOrder(profile, "", "")),
                made(work, profile, by=person),
            ):
                with pytest.raises(Forbidden):
                    await ask
        if profile in fetches:
            assert (await services.case_exports.open_file(person, ready.id)).sha256 == ready.file_sha256
        else:
            with pytest.raises(Forbidden):
                await services.case_exports.open_file(person, ready.id)


async def test_a_second_person_lets_a_file_go_to_an_authority(work: Casework) -> None:
    exports = work.site.services.case_exports
    third = await work.site.colleague(work.author.organisation_id, "case_lead", name="Third")
    plain, row = await made(work, "internal"), await made(work, "authority")
    for ask, error in (
        (exports.open_file(work.author, row.id), ExportNotReady),
        (exports.confirm(work.author, row.id), Forbidden),
        (exports.confirm(await work.site.other_organisation(), row.id), NotFound),
        (exports.confirm(work.reviewer, plain.id), ExportRefused),
    ):
        with pytest.raises(error):
            await ask
    page = f"/case-exports/{row.id}"
    person, second = await work.site.person(work.author), await work.site.person(work.reviewer)
    assert f"{page}/confirm" not in (await person.get(page)).text and f"{page}/file" not in (await person.get(page)).text
    assert f"{page}/confirm" in (await second.get(page)).text
    assert (await person.get(f"{page}/file")).status_code == 409 and (await person.post(f"{page}/confirm")).status_code == 403
    assert (await second.post(f"{page}/confirm")).status_code == 303
    assert (await exports.open_file(work.author, row.id)).sha256 == row.file_sha256
    [event] = await events(work, "case.export_confirmed")
    said = parse_event(parse_envelope(event.envelope).payload)
    assert (said.subject_sha256, said.actor) == (row.file_sha256, work.reviewer.urn)
    with pytest.raises(ExportRefused):
        await exports.confirm(third, row.id)
    await work.site.sound()


async def test_refusals_leave_nothing_behind(work: Casework) -> None:
    exports = work.site.services.case_exports
    stranger = await work.site.other_organisation()
    for order, error in (
        (CaseExportOrder("public", "p", "r"), ExportRefused),
        (CaseExportOrder("everybody", "p", "r"), BadInput),
        (CaseExportOrder("internal", " ", "r"), BadInput),
        (CaseExportOrder("internal", "p", "r" * 501), BadInput),
    ):
        with pytest.raises(error):
            await exports.request(work.author, work.case.id, "tables", order)
    with pytest.raises(NotFound):
        await exports.request(stranger, work.case.id, "tables", ORDER)
    invitation = await work.site.services.cases.members.invite(work.author, work.case.id, "contributor")
    await work.site.services.cases.members.redeem(stranger, invitation)
    for ask in (exports.request(stranger, work.case.id, "tables", ORDER), exports.of_case(stranger, work.case.id)):
        with pytest.raises(Forbidden):
            await ask
    ready = await made(work)
    for ask in (exports.read(stranger, ready.id), exports.open_file(stranger, ready.id)):
        with pytest.raises(NotFound):
            await ask
    assert [row.id for row in await exports.of_case(work.author, work.case.id)] == [ready.id]
    assert await events(work, "case.export_opened") == []


async def test_a_store_that_does_not_answer_fails_the_export_and_a_retry_makes_it(
    work: Casework, monkeypatch: pytest.MonkeyPatch
) -> None:
    exports, parts = work.site.services.case_exports, work.site.services.case_exports._parts

    def broken(*_args: Any, **_named: Any) -> None:
        raise StorageError("the store does not answer")

    row = await exports.request(work.author, work.case.id, "tables", ORDER, queued=False)
    with pytest.raises(ExportNotReady):
        await exports.open_file(work.author, row.id)
    with pytest.raises(ExportRefused):
        await exports.retry(work.author, row.id)
    with monkeypatch.context() as patched:
        patched.setattr(parts.working, "put_file", broken)
        assert await exports.maker.run(row.id) == "failed"
    assert "does not answer" in (await exports.read(work.author, row.id)).reason
    assert await events(work, "case.exported") == [] and list(parts.scratch.iterdir()) == []
    assert (await exports.retry(work.author, row.id)).state == "queued"
    assert await exports.maker.run(row.id) == "ready"
    assert (await exports.read(work.author, row.id)).rows_done == 3


async def test_what_killed_exports_left_on_scratch_is_removed_and_nothing_else(work: Casework, tmp_path: Path) -> None:
    exports = work.site.services.case_exports
    scratch, old = exports._parts.scratch, time.time() - 2 * ABANDONED_AFTER_S
    with held_folder(scratch, "case-export-") as held:
        for name in ("case-export-left", "bundle-left", "case-export-young", "somebody-elses"):
            (scratch / name).mkdir()
            (scratch / name / "export").write_bytes(b"PK")
        (scratch / "bundle-link").symlink_to(tmp_path)
        for one in [*scratch.iterdir()]:
            if one.name != "case-export-young":
                os.utime(one, (old, old), follow_symlinks=False)
        assert await exports.clear_scratch() == 2
        kept = {held.name, "case-export-young", "somebody-elses", "bundle-link"}
        assert {one.name for one in scratch.iterdir()} == kept and tmp_path.is_dir()


async def test_the_pages_lead_from_the_case_to_the_file(work: Casework) -> None:
    person = await work.site.person(work.author)
    assert f"/cases/{work.case.id}/exports" in (await person.get(f"/cases/{work.case.id}")).text
    shown = await person.get(f"/cases/{work.case.id}/exports?profile=platform")
    assert shown.status_code == 200 and "1735765521595800001" in shown.text and "Reviewer" not in shown.text
    assert (await person.get(f"/cases/{work.case.id}/exports?profile=nobody")).status_code == 422
    asked = {"profile": "platform", "purpose": "=SUM(A1)", "recipient": "<b>R</b>"}
    answer = await person.post(f"/cases/{work.case.id}/exports", data=asked | {"kind": "tables"})
    assert answer.status_code == 303, answer.text
    page = await person.get(answer.headers["location"])
    assert page.headers["refresh"] == "2" and "<b>R</b>" not in page.text
    assert (await person.get(f"{answer.headers['location']}/file")).status_code == 409
    row = (await work.site.services.case_exports.of_case(work.author, work.case.id))[0]
    await work.site.services.case_exports.maker.run(row.id)
    assert f"/case-exports/{row.id}/file" in (await person.get(answer.headers["location"])).text
    fetched = await person.get(f"{answer.headers['location']}/file")
    assert fetched.status_code == 200 and zipfile.ZipFile(io.BytesIO(fetched.content)).testzip() is None
    elsewhere = {"Sec-Fetch-Site": "cross-site"}
    assert (await person.get(f"{answer.headers['location']}/file", headers=elsewhere)).status_code == 403


async def test_the_page_of_a_capture_offers_a_bundle_only_to_who_may_ask_for_one(work: Casework) -> None:
    site, page = work.site, f"/captures/{work.capture_id}"
    checker = await site.colleague(work.author.organisation_id, "fact_checker")
    guest = await site.other_organisation()
    invitation = await site.services.cases.members.invite(work.author, work.case.id, "contributor")
    await site.services.cases.members.redeem(guest, invitation)
    for actor, offered in ((work.author, True), (work.reviewer, True), (checker, False), (guest, False)):
        answer = await (await site.person(actor)).get(page)
        assert answer.status_code == 200 and ('action="/exports"' in answer.text) is offered
        assert ("One person hands over a capture" in answer.text) is offered
    link = await (await site.person(work.author)).get(f"/handovers/new?kind=capture&id={work.capture_id}")
    assert "One person hands over a capture" in link.text
