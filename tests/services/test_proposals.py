"""What forms propose: finished files only, said when there are more, to whoever may see them; a list costs no statement a row."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from server.errors import Forbidden
from server.exports.case_models import CaseExport
from server.exports.models import Export, ExportCapture
from server.web.pages.proposals import PROPOSED
from tests.exports.test_alert import SAID
from tests.services.casework import Casework
from tests.web.site import Site
from tests.web.test_statements import counted

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
CUT = f"The newest {PROPOSED} stand here"
NO_FILE = "No bundle, and no export of this case, is finished yet."


async def bundles(work: Casework, state: str, hours: Sequence[int]) -> list[UUID]:
    """Bundles of the organisation in this state, one asked for at each of the hours; each holds the case's capture."""
    rows = [
        Export(**whose(work, state, hour), kind="bundle", file_sha256="5e" * 32 if state == "ready" else None) for hour in hours
    ]
    async with work.site.services.database.transaction() as session:
        session.add_all(rows)
        await session.flush()
        session.add_all(ExportCapture(export_id=row.id, position=0, capture_id=work.capture_id) for row in rows)
        return [row.id for row in rows]


async def exports(work: Casework, state: str, hours: Sequence[int]) -> list[UUID]:
    """Exports of the case, in the same way."""
    made = {"case_id": work.case.id, "profile": "internal", "marking": "TLP:AMBER", "content": "{}", "content_sha256": "0" * 64}
    rows = [CaseExport(**whose(work, state, hour), **made, kind="tables") for hour in hours]
    async with work.site.services.database.transaction() as session:
        session.add_all(rows)
        return [row.id for row in rows]


def whose(work: Casework, state: str, hour: int) -> dict[str, Any]:
    return {
        "id": uuid4(), "organisation_id": work.author.organisation_id, "actor": work.author.urn, "role": "case_lead",
        "purpose": "p", "recipient": "The registry", "state": state, "requested_at": BEGAN + timedelta(hours=hour),
    }  # fmt: skip


def chosen_from(page: str, name: str = "bundle") -> list[str]:
    """Ids that the form has to choose from, as they stand."""
    [field] = re.findall(rf'<select id="{name}_chosen".*?</select>', page, re.DOTALL)
    return re.findall(r'<option value="([0-9a-f-]{36})"', field)


async def test_what_is_not_finished_hides_no_finished_file_and_a_list_that_is_cut_says_so(site: Site) -> None:
    work = await Casework.begin(site)
    person, path = await site.person(work.author), f"/cases/{work.case.id}/exports/alert"
    assert NO_FILE in (await person.get(path)).text
    oldest = [*await bundles(work, "ready", [0]), *await exports(work, "ready", [1])]
    await bundles(work, "failed", range(100, 101 + PROPOSED))
    await exports(work, "queued", range(100, 101 + PROPOSED))
    form = (await person.get(path)).text
    assert chosen_from(form) == [str(one) for one in reversed(oldest)] and NO_FILE not in form and CUT not in form
    half = range(10, 9 + PROPOSED // 2)
    await bundles(work, "ready", half)
    await exports(work, "ready", half)
    form = (await person.get(path)).text
    assert len(chosen_from(form)) == PROPOSED and str(oldest[0]) in form and CUT not in form, "all there are is not cut"
    [newest] = await exports(work, "ready", [90])
    form = (await person.get(path)).text
    assert len(chosen_from(form)) == PROPOSED and CUT in form
    assert chosen_from(form)[0] == str(newest) and str(oldest[0]) not in form


async def test_bundles_are_proposed_to_whoever_may_see_the_list_of_them_and_named_by_anybody(site: Site) -> None:
    work = await Casework.begin(site)
    await work.confirmed()
    await site.services.cases.mark(work.author, work.case.id, "TLP:CLEAR")
    checker = await site.colleague(work.author.organisation_id, "fact_checker")
    await site.services.cases.members.add(work.author, work.case.id, checker.operator_id, "reader")
    person, path = await site.person(checker), f"/cases/{work.case.id}/exports/alert"
    [bundle] = await bundles(work, "ready", [0])
    assert (await person.get("/exports")).status_code == 403
    with pytest.raises(Forbidden):
        await site.services.exports.finished(checker, limit=9)
    assert await site.services.exports.finished(await site.other_organisation(), limit=9) == []
    form = (await person.get(path)).text
    assert str(bundle) not in form and "The registry" not in form and "No export of this case is finished yet." in form
    [export] = await exports(work, "ready", [1])
    form = (await person.get(path)).text
    assert chosen_from(form) == [str(export)] and "Or choose it: finished exports of this case<" in form
    lead = (await (await site.person(work.author)).get(path)).text
    assert chosen_from(lead) == [str(export), str(bundle)]
    lines = {name: "\n".join(value) if isinstance(value, list) else value for name, value in SAID.items()}
    sent = lines | {"profile": "public", "purpose": "p", "recipient": "r", "act": "check", "bundle": str(bundle)}
    shown = await person.post(path, data=sent)
    assert shown.status_code == 200 and "5e" * 32 in shown.text, "who has an id may name it"


async def test_lists_of_files_take_as_many_statements_for_many_as_for_few(site: Site) -> None:
    work = await Casework.begin(site)
    person, pages = await site.person(work.author), (f"/cases/{work.case.id}/exports/alert", "/exports")
    seen: list[list[int]] = []
    for hours in (range(2), range(10, 30)):
        await bundles(work, "ready", hours)
        await exports(work, "ready", hours)
        taken = []
        for page in pages:
            with counted(site) as sent:
                assert (await person.get(page)).status_code == 200
            taken.append(sum("export" in one for one in sent))
        seen.append(taken)
    assert seen[0] == seen[1] and min(seen[0]) >= 1


async def test_a_list_of_bundles_has_the_captures_of_each_in_their_order(site: Site) -> None:
    work = await Casework.begin(site)
    other = await (await site.pair()).capture()
    first, second = await bundles(work, "ready", [0, 1])
    async with site.services.database.transaction() as session:
        session.add(ExportCapture(export_id=first, position=1, capture_id=other))
    found = {one.export_id: one.captures for one in await site.services.exports.recent(work.author)}
    assert found == {first: (work.capture_id, other), second: (work.capture_id,)}


async def test_findings_are_proposed_with_what_they_are_about_and_lists_without_it_read_no_body(site: Site) -> None:
    work = await Casework.begin(site)
    finding = await work.confirmed()
    person, lists = await site.person(work.author), site.services.findings.lists
    form = (await person.get(f"/cases/{work.case.id}/exports/notices/dsa_notice")).text
    assert "facebook · https://x.example/a/1" in form
    made = await person.post("/statistics", data={"label": "All", "unit": "findings"})
    for page in (made.headers["location"], f"/cases/{work.case.id}/findings"):
        with counted(site) as sent:
            assert "F-1" in (await person.get(page)).text
        assert not [one for one in sent if "finding_version" in one], page
    stranger = await site.other_organisation()
    assert set(await lists.subjects(work.author, [finding.id])) == {finding.id}
    assert await lists.subjects(stranger, [finding.id]) == {}


async def test_a_notice_proposes_the_exports_of_its_case_and_names_the_one_that_is_chosen(site: Site) -> None:
    work = await Casework.begin(site)
    person, path = await site.person(work.author), f"/cases/{work.case.id}/notices/new"
    assert "No export of this case is finished yet." in (await person.get(path)).text
    first, second = await exports(work, "ready", [1, 2])
    await exports(work, "queued", [3])
    [bundle] = await bundles(work, "ready", [4])
    form = (await person.get(path)).text
    assert chosen_from(form, "export") == [str(second), str(first)], "exports of the case, and none that a notice cannot name"
    said = {"title": "A post on the eve", "platform": "x", "route": "dsa_art16", "items": "https://x.example/a/1"}
    for typed, why in ((f"https://here.example/case-exports/{first}", "another one is chosen"), (str(bundle), "another one")):
        refused = await person.post(path, data=said | {"export": typed, "export_chosen": str(second)})
        assert refused.status_code == 422 and "<strong>Document</strong>" in refused.text and why in refused.text
        assert f'<option value="{second}" selected>' in refused.text and typed in refused.text, "nothing is lost"
    refused = await person.post(path, data=said | {"export": str(bundle)})
    assert f"{bundle} is no export of this case." in refused.text
    made = await person.post(path, data=said | {"export": f"/case-exports/{second}", "export_chosen": str(second)})
    assert made.status_code == 303 and f"/case-exports/{second}" in (await person.get(made.headers["location"])).text
    guest = await site.other_organisation()
    token = await site.services.cases.members.invite(work.author, work.case.id, "contributor")
    await site.services.cases.members.redeem(guest, token)
    shared = await (await site.person(guest)).get(path)
    assert shared.status_code == 200 and "The registry" not in shared.text and "export_chosen" not in shared.text
