"""A better masked copy was made: who made it sees the links that still give the older one, and one button sets it right."""

import asyncio
import hashlib
import uuid
from datetime import timedelta
from typing import Any

import pytest

from server.captures.masking import MaskBox
from server.cases.service import CaseOrder
from server.errors import BadInput, NotFound
from server.exports.authority.order import AuthorityOrder
from server.exports.case_models import CaseExport
from server.exports.documents.values import canonical
from server.exports.models import ExportState
from server.handovers.errors import HandoverClosed, HandoverRefused
from server.handovers.models import Handover
from tests.handovers.desk import SHOT, Desk
from tests.postgres import until_something_waits

MASKED = f"{SHOT}.masked.png"
TELLS = "These links still give a copy that is older"


async def better(desk: Desk) -> str:
    """The SHA-256 of a copy with another box, made later."""
    desk.site.clock.move(60)
    return (await desk.mask(MaskBox(0, 0, 40, 40))).sha256


async def test_the_maker_of_a_better_copy_sees_which_links_give_the_older_one_and_replaces_it_there(desk: Desk) -> None:
    old = (await desk.mask(MaskBox(0, 0, 9, 9))).sha256
    made, person = await desk.link(profile="public", with_passcode=False), await desk.site.person()
    form = f"/captures/{desk.capture_id}/masks/{SHOT}"
    assert TELLS not in (await person.get(form)).text
    browser, path = await desk.opened(made)
    assert hashlib.sha256((await browser.get(f"{path}/files/{MASKED}")).content).hexdigest() == old
    new = await better(desk)
    page = (await person.get(form)).text
    assert TELLS in page and f'action="/handovers/{made.row.id}/replace"' in page and f"/{made.row.id}/revoke" in page
    assert "Older masked copies" in (await person.get("/handovers")).text
    assert "still gives the older one" in (await person.get(f"/handovers/{made.row.id}")).text
    assert (await person.post(f"/handovers/{made.row.id}/replace")).status_code == 303
    assert (await browser.get(f"{path}/files/{MASKED}")).status_code == 404, (
        "a visit under way ends: it is fetched, and recorded, anew"
    )
    browser, path = await desk.opened(made)
    told = (await browser.get(path)).text
    assert new in told and old not in told and "Masked copies were replaced" in told
    assert hashlib.sha256((await browser.get(f"{path}/files/{MASKED}")).content).hexdigest() == new
    for seen in (form, "/handovers", f"/handovers/{made.row.id}"):
        text = (await person.get(seen)).text
        assert TELLS not in text and "still gives the older one" not in text and "Older masked copies" not in text
    assert await desk.told(made) == ["opened", "downloaded", "replaced", "opened", "downloaded"]
    events = await desk.events(f"handover:{made.row.id}")
    assert events[3].details["files"] == [{"name": MASKED, "was": old, "sha256": new}]
    assert events[0].subject_sha256 != events[3].subject_sha256 == events[4].subject_sha256, "the list that is given now"
    await desk.site.sound()


async def test_what_waits_while_copies_are_replaced_finds_its_visit_ended(desk: Desk) -> None:
    """Else the newer copy leaves in a visit that has fetched the older one, and nothing records it. Two replace at once."""
    await desk.mask(MaskBox(0, 0, 9, 9))
    made, services = await desk.link(profile="public", with_passcode=False), desk.site.services
    _, path = await desk.opened(made)
    asked = (made.token, path.rsplit("/", 1)[1], MASKED)
    await services.handovers.visits.fetch(*asked)
    await better(desk)
    async with services.database.transaction() as session:
        await session.get_one(Handover, made.row.id, with_for_update=True)
        tasks: list[asyncio.Task[Any]] = []
        for ask in (services.handovers.renewals.replace(desk.lead, made.row.id) for _ in range(2)):
            tasks.append(asyncio.create_task(ask))
            await until_something_waits(services.database, len(tasks))
        tasks.append(asyncio.create_task(services.handovers.visits.fetch(*asked)))
        await until_something_waits(services.database, len(tasks))
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(one) for one in answers] == [type(None), type(None), HandoverClosed]
    assert await desk.told(made) == ["opened", "downloaded", "replaced"]


async def test_what_is_no_older_copy_is_left_alone(desk: Desk) -> None:
    services = desk.site.services
    await desk.mask(MaskBox(0, 0, 9, 9))
    authority, platform = await desk.link(profile="authority"), await desk.link(profile="platform")
    ended = await desk.link(profile="public", expires_at=services.clock.now() + timedelta(seconds=30))
    withdrawn = await desk.link(profile="public")
    await services.handovers.links.revoke(desk.lead, withdrawn.row.id)
    again = await desk.device.capture()
    elsewhere = await desk.link(thing_id=again, profile="authority")
    bundle = await desk.link(kind="bundle", thing_id=await desk.bundle(), profile="authority")
    new = await better(desk)
    found = await services.handovers.renewals.of_capture(desk.lead, desk.capture_id)
    assert {row.id for row, _ in found.links} == {authority.row.id, platform.row.id} and found.others == 0
    before = [one["sha256"] for one in authority.row.files if one["masked_of"] is None]
    for one in (authority, platform, elsewhere, bundle):
        await services.handovers.renewals.replace(desk.lead, one.row.id)
    for one in (ended, withdrawn):
        with pytest.raises(BadInput):
            await services.handovers.renewals.replace(desk.lead, one.row.id)
    files = (await services.handovers.links.read(desk.lead, authority.row.id)).row.files
    assert [one["sha256"] for one in files if one["masked_of"] is None] == before, "originals stay"
    assert [one["sha256"] for one in files if one["masked_of"]] == [new]
    assert await desk.told(elsewhere) == await desk.told(bundle) == [], "nothing was older"
    desk.site.clock.move(60)
    await desk.mask(MaskBox(0, 0, 40, 40))
    assert not (await services.handovers.renewals.of_capture(desk.lead, desk.capture_id)).links, "the same bytes take no place"


async def test_an_older_copy_in_a_finished_export_can_only_be_withdrawn(desk: Desk) -> None:
    services = desk.site.services
    copy = await desk.mask(MaskBox(0, 0, 9, 9))
    case = await services.cases.open(desk.lead, CaseOrder("A case"))
    await services.cases.exhibits.add(desk.lead, case.id, desk.capture_id)
    beside = await desk.device.capture()
    await services.cases.exhibits.add(desk.lead, case.id, beside)
    exhibit: dict[str, Any] = {
        "number": 1, "capture_id": desk.capture_id, "admitted_at": copy.made_at, "collector_roles": (), "checks_run": 0,
        "not_before": None, "not_before_reason": "none", "not_after": None, "not_after_reason": "no_tsa",
        "masked": [{"name": MASKED, "sha256": copy.sha256, "size_bytes": copy.size_bytes, "of": copy.original_sha256}],
    }  # fmt: skip
    order = AuthorityOrder.model_validate({
        "as_of": copy.made_at, "case": str(case.id), "number": 1, "title": "A case", "election": "", "organisation": "Here",
        "reference": "", "preservation": {}, "encrypted_to": (), "exhibits": [exhibit], "missing": (),
    })  # fmt: skip
    row = CaseExport(
        id=uuid.uuid4(), organisation_id=desk.lead.organisation_id, case_id=case.id, kind="authority", profile="authority",
        marking="TLP:AMBER", actor=desk.lead.urn, role="case_lead", purpose="p", recipient="r", content=canonical(order),
        content_sha256="0" * 64, state=ExportState.READY, requested_at=copy.made_at, file_sha256="1" * 64, size_bytes=1,
        confirmed_by="urn:x", confirmed_at=copy.made_at,
    )  # fmt: skip
    async with services.database.transaction() as session:
        session.add(row)
    made = await desk.link(kind="case_export", thing_id=str(row.id))
    assert not (await services.handovers.renewals.of_capture(desk.lead, desk.capture_id)).links
    await better(desk)
    page = (await (await desk.site.person()).get(f"/captures/{desk.capture_id}/masks/{SHOT}")).text
    assert f"/handovers/{made.row.id}/revoke" in page and f"/handovers/{made.row.id}/replace" not in page
    assert not (await services.handovers.renewals.of_capture(desk.lead, beside)).links, "its own pictures are no older"
    with pytest.raises(HandoverRefused):
        await services.handovers.renewals.replace(desk.lead, made.row.id)
    await services.handovers.links.revoke(desk.lead, made.row.id)
    assert not (await services.handovers.renewals.of_capture(desk.lead, desk.capture_id)).links


async def test_who_may_not_change_a_link_is_told_that_there_is_one_and_no_more(desk: Desk) -> None:
    services = desk.site.services
    await desk.mask(MaskBox(0, 0, 9, 9))
    made = await desk.link(profile="authority", recipient="The Regulator of Somewhere")
    checker = await desk.site.colleague(desk.lead.organisation_id, "fact_checker")
    await better(desk)
    page = (await (await desk.site.person(checker)).get(f"/captures/{desk.capture_id}/masks/{SHOT}")).text
    assert "One further link gives an older copy" in page and "Somewhere" not in page and str(made.row.id) not in page
    stranger = await desk.site.other_organisation()
    with pytest.raises(NotFound):
        await services.handovers.renewals.replace(checker, made.row.id)
    for ask in (
        services.handovers.renewals.replace(stranger, made.row.id),
        services.handovers.renewals.of_capture(stranger, desk.capture_id),
    ):
        with pytest.raises(NotFound):
            await ask
