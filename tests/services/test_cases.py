"""Cases: numbers given once, membership, exhibits, notes, entities, ranges, and the search; each act in the chain of custody."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from server.cases.entities import EntityOrder, MetricOrder, RelationOrder
from server.cases.errors import AlreadyExhibit, CaseClosed
from server.cases.models import CaseFile
from server.cases.service import CaseOrder
from server.errors import BadInput, Forbidden, NotFound
from tests.web.site import Site

NOW = datetime(2024, 7, 6, 12, 0, tzinfo=UTC)


async def lead_of(site: Site) -> Any:
    return await site.services.operators.ensure_default_operator()


async def chain(site: Site, item: str, owner: Any) -> list[str]:
    return [event.type for event in await site.services.custody.chain(item, organisation_id=owner.organisation_id)]


async def test_a_case_goes_from_opening_to_closing_in_its_chain(site: Site) -> None:
    cases, lead = site.services.cases, await lead_of(site)
    case = await cases.open(lead, CaseOrder("Silence period", election_id="FR-2024-AN-R2"))
    other = await cases.open(lead, CaseOrder("Another"))
    assert (case.number, other.number) == (1, 2)
    capture_id = await (await site.pair()).capture()
    first = await cases.exhibits.add(lead, case.id, capture_id, "seen on the eve")
    with pytest.raises(AlreadyExhibit) as known:
        await cases.exhibits.add(lead, case.id, capture_id)
    assert (first.number, known.value.data["number"]) == (1, 1)
    second = await cases.exhibits.add(lead, case.id, await (await site.pair("Two")).capture())
    await cases.exhibits.withdraw(lead, case.id, 1, "posted before the window")
    assert second.number == 2
    listed = await cases.exhibits.page(lead, case.id)
    assert [(one.exhibit.number, one.exhibit.withdrawn_at is None) for one in listed] == [(1, False), (2, True)]
    await cases.mark(lead, case.id, "TLP:RED")
    await cases.close(lead, case.id)
    for act in (
        cases.exhibits.add(lead, case.id, capture_id),
        cases.notes.write(lead, case.id, "late"),
        cases.entities.keep(lead, case.id, EntityOrder("account", "1", "a")),
        cases.mark(lead, case.id, "TLP:CLEAR"),
    ):
        with pytest.raises(CaseClosed):
            await act
    assert await chain(site, f"case:{case.id}", lead) == [
        "case.opened", "case.exhibit_added", "case.exhibit_added", "case.exhibit_withdrawn", "case.marked", "case.closed",
    ]  # fmt: skip
    assert (await chain(site, f"capture:{capture_id}", lead))[-1] == "capture.exhibited"
    await site.sound()


async def test_custody_of_a_case_holds_no_title_name_or_note(site: Site) -> None:
    cases, lead = site.services.cases, await lead_of(site)
    case = await cases.open(lead, CaseOrder("Zebra title", summary="Zebra summary"))
    await cases.exhibits.add(lead, case.id, await (await site.pair()).capture(), "Zebra note")
    events = await site.services.custody.chain(f"case:{case.id}", organisation_id=lead.organisation_id)
    import base64
    import json

    for event in events:
        assert b"Zebra" not in base64.b64decode(json.loads(event.envelope)["payload"])


async def test_what_is_not_sealed_or_not_ours_is_no_exhibit(site: Site) -> None:
    cases, lead = site.services.cases, await lead_of(site)
    case = await cases.open(lead, CaseOrder("A case"))
    device = await site.pair()
    waiting = (await device.commit(await device.statement(device.artifacts(), online=False))).json()["capture_id"]
    with pytest.raises(BadInput, match="sealed"):
        await cases.exhibits.add(lead, case.id, waiting)
    stranger = await site.other_organisation()
    theirs = await (await site.pair(operator=stranger)).capture()
    for capture_id in (theirs, "0" * 64, "\x00"):
        with pytest.raises(NotFound):
            await cases.exhibits.add(lead, case.id, capture_id)
    assert await cases.exhibits.page(lead, case.id) == []


async def test_a_shared_case_shows_its_exhibits_to_its_members_and_nothing_else(site: Site) -> None:
    cases, lead = site.services.cases, await lead_of(site)
    guest = await site.other_organisation()
    ours, kept = await (await site.pair()).capture(), await (await site.pair("Two")).capture()
    case = await cases.open(lead, CaseOrder("Shared"))
    await cases.exhibits.add(lead, case.id, ours)
    with pytest.raises(NotFound):
        await cases.read(guest, case.id)
    with pytest.raises(NotFound):
        await cases.members.add(lead, case.id, guest.operator_id, "reader")
    token = await cases.members.invite(lead, case.id, "contributor")
    assert await cases.members.redeem(guest, token) == case.id
    with pytest.raises(NotFound):
        await cases.members.redeem(guest, token)
    browser = await site.person(guest)
    assert (await browser.get(f"/captures/{ours}")).status_code == 200
    assert (await browser.get(f"/api/v1/captures/{ours}/artifacts/page.wacz")).status_code == 200
    assert (await browser.get(f"/captures/{kept}")).status_code == 404
    assert ours not in (await browser.get("/")).text, "the inbox is the organisation's own"
    theirs = await (await site.pair(operator=guest)).capture()
    assert (await cases.exhibits.add(guest, case.id, theirs)).number == 2
    assert (await (await site.person()).get(f"/captures/{theirs}")).status_code == 200
    with pytest.raises((Forbidden, NotFound)):
        await cases.members.invite(guest, case.id, "reader")
    events = await chain(site, f"capture:{ours}", lead)
    assert events[-2:] == ["capture.viewed", "capture.downloaded"], "another organisation's look is in the owner's chain"
    assert "case.shared" in await chain(site, f"case:{case.id}", lead)
    await cases.members.remove(lead, case.id, guest.operator_id)
    assert (await browser.get(f"/captures/{ours}")).status_code == 404
    await site.sound()


async def test_a_shared_capture_cannot_be_passed_on_or_exported_by_a_guest(site: Site) -> None:
    cases, lead, guest = site.services.cases, await lead_of(site), await site.other_organisation()
    ours = await (await site.pair()).capture()
    case = await cases.open(lead, CaseOrder("Shared"))
    await cases.exhibits.add(lead, case.id, ours)
    await cases.members.redeem(guest, await cases.members.invite(lead, case.id, "contributor"))
    own = await cases.open(guest, CaseOrder("Theirs"))
    with pytest.raises(NotFound):
        await cases.exhibits.add(guest, own.id, ours)
    browser = await site.person(guest)
    asked = {"kind": "bundle", "captures": [ours], "purpose": "p", "recipient": "r"}
    assert (await browser.post("/api/v1/exports", json=asked)).status_code == 404


async def test_a_fact_checker_sees_cases_by_membership_an_investigator_all_of_the_house(site: Site) -> None:
    cases, lead = site.services.cases, await lead_of(site)
    ida = await site.colleague(lead.organisation_id, "fact_checker")
    jon = await site.colleague(lead.organisation_id, "investigator")
    case = await cases.open(lead, CaseOrder("A case"))
    with pytest.raises(NotFound):
        await cases.read(ida, case.id)
    assert await cases.list(ida) == [] and [row.case.id for row in await cases.list(jon)] == [case.id]
    with pytest.raises(Forbidden):
        await cases.open(ida, CaseOrder("Mine"))
    await cases.members.add(lead, case.id, ida.operator_id, "reader")
    assert (await cases.read(ida, case.id)).title == "A case"
    with pytest.raises(Forbidden):
        await cases.notes.write(ida, case.id, "I was only to read")
    await cases.members.add(lead, case.id, ida.operator_id, "contributor")
    await cases.notes.write(ida, case.id, "Now I may write")
    [row] = await cases.list(lead)
    assert (row.exhibits, row.members) == (0, 2)


async def test_every_case_is_on_one_page_of_the_list(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    cases, lead = site.services.cases, await lead_of(site)
    made = [(await cases.open(lead, CaseOrder(f"Case {number}"))).id for number in range(5)]  # at one and the same moment
    guest = await site.other_organisation()
    shared = await cases.open(guest, CaseOrder("Theirs"))
    await cases.members.redeem(lead, await cases.members.invite(guest, shared.id, "reader"))
    seen: list[CaseFile] = []
    while page := await cases.list(lead, before=(seen[-1].created_at, seen[-1].id) if seen else None, limit=2):
        seen += [row.case for row in page]
    assert len(seen) == 6 and {one.id for one in seen} == {*made, shared.id}
    whole = await cases.choices(lead, is_own=True)
    assert {one.id for one in whole.cases} == set(made) and not whole.is_cut, "a number is never made of a guest's case"
    monkeypatch.setattr("server.cases.service.LIST_LIMIT", 5)
    assert not (await cases.choices(lead, is_own=True)).is_cut and (await cases.choices(lead)).is_cut
    left = ({*made, shared.id} - {one.id for one in (await cases.choices(lead)).cases}).pop()
    named = await cases.choices(lead, named=[left, uuid4()])
    assert {one.id for one in named.cases} == {*made, shared.id}, "the one that is named is there, whatever its age"
    assert [one.id for one in (await cases.choices(guest, named=made)).cases] == [shared.id], (
        "nothing of another organisation's by naming it"
    )


async def test_what_another_organisation_asks_of_a_case_is_answered_as_for_an_absent_one(site: Site) -> None:
    cases, lead, stranger = site.services.cases, await lead_of(site), await site.other_organisation()
    case = await cases.open(lead, CaseOrder("Ours"))
    entity = await cases.entities.keep(lead, case.id, EntityOrder("account", "17", "someone", "x"))
    for case_id in (case.id, uuid4()):
        for act in (
            cases.read(stranger, case_id), cases.exhibits.page(stranger, case_id), cases.members.present(stranger, case_id),
            cases.notes.written(stranger, case_id), cases.notes.timeline(stranger, case_id),
            cases.entities.lists.overview(stranger, case_id, limit=9), cases.entities.lists.page(stranger, case_id),
            cases.entities.lists.named(stranger, case_id, "x"),
            cases.search.search(stranger, case_id, "someone"), cases.close(stranger, case_id), cases.mark(stranger, case_id,
            "TLP:RED"),
            cases.notes.write(stranger, case_id, "x"), cases.members.invite(stranger, case_id, "reader"),
            cases.members.colleagues(stranger, case_id),
        ):  # fmt: skip
            with pytest.raises(NotFound) as refused:
                await act
            assert refused.value.data == {"kind": "case", "id": str(case_id)}
    mine = await cases.open(stranger, CaseOrder("Theirs"))
    assert mine.number == 1, "numbers tell nothing of other organisations"
    other = await cases.entities.keep(stranger, mine.id, EntityOrder("account", "18", "b", "x"))
    with pytest.raises(NotFound):
        order = RelationOrder("amplifies", other.id, entity.id, "seen", "likely")
        await cases.entities.relate(stranger, mine.id, order)


async def test_nineteen_digits_stay_text_and_an_entity_is_kept_once(site: Site) -> None:
    cases, lead = site.services.cases, await lead_of(site)
    case = await cases.open(lead, CaseOrder("A case"))
    order = EntityOrder("post", "1735765521595875777", "a post", "X")
    first, again = await cases.entities.keep(lead, case.id, order), await cases.entities.keep(lead, case.id, order)
    assert first.id == again.id and again.external_id == "1735765521595875777" and again.platform == "x"
    for wrong in (EntityOrder("person", "1", "somebody"), EntityOrder("post", "1", "a post", "x" * 41)):  # never cut to 40
        with pytest.raises(BadInput):
            await cases.entities.keep(lead, case.id, wrong)


async def test_a_relation_says_from_where_how_sure_and_by_whom(site: Site) -> None:
    cases, lead = site.services.cases, await lead_of(site)
    case = await cases.open(lead, CaseOrder("A case"))
    one, two = [await cases.entities.keep(lead, case.id, EntityOrder("account", name, name, "x")) for name in ("a", "b")]
    said = await cases.entities.relate(lead, case.id, RelationOrder("amplifies", one.id, two.id, "exhibit 1", "likely"))
    assert (said.author_id, said.confidence) == (lead.operator_id, "likely")
    for wrong in (
        RelationOrder("knows", one.id, two.id, "s", "likely"), RelationOrder("amplifies", one.id, two.id, " ", "likely"),
        RelationOrder("amplifies", one.id, two.id, "s", "surely"), RelationOrder("amplifies", one.id, one.id, "s", "likely"),
    ):  # fmt: skip
        with pytest.raises(BadInput):
            await cases.entities.relate(lead, case.id, wrong)
    await cases.entities.withdraw_relation(lead, case.id, said.id)
    assert (await cases.entities.lists.overview(lead, case.id, limit=9)).said.relations == []


async def test_five_to_nine_million_views_stay_a_range(site: Site) -> None:
    cases, lead = site.services.cases, await lead_of(site)
    case = await cases.open(lead, CaseOrder("286 accounts"))
    network = await cases.entities.keep(lead, case.id, EntityOrder("network", "cz-286", "286 accounts"))
    order = MetricOrder(network.id, "views", 5_000_000, 9_000_000, "views", "per week", "sampled", NOW)
    metric = await cases.entities.measure(lead, case.id, order)
    assert (metric.low, metric.high) == (5_000_000, 9_000_000)
    with pytest.raises(BadInput):
        await cases.entities.measure(lead, case.id, MetricOrder(network.id, "views", 9, 5, "views", "per week", "m", NOW))
    with pytest.raises(BadInput):
        await cases.entities.measure(lead, case.id, replace(order, claimed_by="x" * 81))
    with pytest.raises(NotFound):
        await cases.entities.measure(
            lead, case.id, MetricOrder(network.id, "views", 1, 1, "views", "w", "m", NOW, source_capture="0" * 64)
        )
