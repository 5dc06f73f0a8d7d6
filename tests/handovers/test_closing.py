"""What closes a way out that was open before: a withdrawal meanwhile, another marking, another reader; and files of any form."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from server.cases.service import CaseOrder
from server.errors import BadInput, Forbidden, NotFound, Unauthenticated
from server.exports.case_models import CaseExport
from server.exports.errors import ExportRefused
from server.exports.kind import CaseExportOrder
from server.handovers.errors import HandoverClosed, HandoverRefused
from server.handovers.links import MadeLink
from server.handovers.models import Handover
from server.handovers.submissions import SubmissionOrder
from server.web.pages import people
from tests.handovers.desk import Desk, parsed
from tests.postgres import until_something_waits
from tests.services.casework import Casework, subject


@pytest.fixture
async def work(desk: Desk) -> Casework:
    """A case marked TLP:CLEAR with a confirmed finding."""
    made = await Casework.begin(desk.site)
    await made.confirmed(subject=subject(1))
    await desk.site.services.cases.mark(made.author, made.case.id, "TLP:CLEAR")
    return made


async def export(work: Casework, kind: str, profile: str) -> CaseExport:
    exports = work.site.services.case_exports
    row = await exports.request(work.author, work.case.id, kind, CaseExportOrder(profile, "p", "r"), queued=False)
    assert await exports.maker.run(row.id) == "ready"
    return await exports.read(work.author, row.id)


def submission(desk: Desk, kind: str, thing: Any, **more: Any) -> SubmissionOrder:
    return SubmissionOrder(kind, str(thing), "The regulator", "post", desk.site.clock.now(), **more)  # type: ignore[union-attr]


async def test_what_waits_for_a_withdrawal_finds_the_link_closed(desk: Desk) -> None:
    made = await desk.link(kind="bundle", thing_id=await desk.bundle(), with_passcode=False)
    _, path = await desk.opened(made)
    key, name, services = path.rsplit("/", 1)[1], made.row.files[0]["name"], desk.site.services
    await services.handovers.visits.fetch(made.token, key, name)
    async with services.database.transaction() as session:
        row = await session.get_one(Handover, made.row.id, with_for_update=True)
        row.revoked_at = desk.site.clock.now()  # type: ignore[union-attr]
        asked = [
            asyncio.create_task(services.handovers.visits.fetch(made.token, key, name)),
            asyncio.create_task(services.handovers.visits.acknowledge(made.token, key, "Ada", "192.0.2.1")),
        ]
        await until_something_waits(services.database)
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(one) for one in answers] == [HandoverClosed, HandoverClosed]
    assert await desk.told(made) == ["opened", "downloaded"]


async def test_what_was_made_for_the_public_stays_here_once_the_case_is_marked(desk: Desk, work: Casework) -> None:
    services = desk.site.services
    public, platform = [await export(work, "tables", profile) for profile in ("public", "platform")]
    await services.cases.mark(work.author, work.case.id, "TLP:AMBER")
    for ask in (desk.link(kind="case_export", thing_id=str(public.id)), services.case_exports.open_file(work.author, public.id)):
        with pytest.raises(ExportRefused, match="TLP:CLEAR"):
            await ask
    await desk.link(kind="case_export", thing_id=str(platform.id))
    await services.cases.mark(work.author, work.case.id, "TLP:CLEAR")
    await services.case_exports.open_file(work.author, public.id)


async def reasons(desk: Desk, made: MadeLink) -> list[str]:
    """Why the link did not open, refusal by refusal, as its chain says."""
    events = await desk.events(f"handover:{made.row.id}")
    return [str(one.details["reason"]) for one in events if one.type == "handover.refused"]


async def test_a_public_link_closes_when_a_case_is_marked_up_or_takes_the_capture_in(desk: Desk, work: Casework) -> None:
    services, visits = desk.site.services, desk.site.services.handovers.visits
    await desk.mask()
    row = await export(work, "tables", "public")
    of_capture = await desk.link(profile="public")
    of_export = await desk.link(kind="case_export", thing_id=str(row.id))
    strict = await services.cases.open(desk.lead, CaseOrder("Strict", tlp="TLP:RED"))
    for made, close in (
        (of_capture, services.cases.exhibits.add(desk.lead, strict.id, desk.capture_id)),
        (of_export, services.cases.mark(work.author, work.case.id, "TLP:AMBER")),
    ):
        browser, path = await desk.opened(made)
        name = made.row.files[0]["name"]
        assert (await browser.get(f"{path}/files/{name}")).status_code == 200
        await close
        assert (await browser.get(path)).status_code == 404, "the visit under way too"
        assert (await browser.get(f"{path}/files/{name}")).status_code == 404
        assert (await browser.post(f"{path}/receipt", data={"name": "Ada"})).status_code == 404
        again = await browser.post(f"/h/{made.token}", data={"passcode": str(made.passcode)})
        assert again.status_code == 404, "one answer, as for a link that never was"
        assert await reasons(desk, made) == ["marked"]
        view = await services.handovers.links.read(desk.lead, made.row.id)
        assert view.state == "marked" and list(view.refusals.values()) == ["marked"]
        assert "keeps it closed" in (await (await desk.site.person()).get(f"/handovers/{made.row.id}")).text
    for _ in range(5):
        with pytest.raises(HandoverClosed):
            await visits.open(of_capture.token, "WRONG", "192.0.2.1")
    await services.handovers.links.unlock(desk.lead, of_capture.row.id)
    await services.cases.mark(work.author, work.case.id, "TLP:CLEAR")
    await services.cases.mark(desk.lead, strict.id, "TLP:CLEAR")
    for made in (of_capture, of_export):
        await desk.opened(made)
    await desk.site.sound()


async def test_a_lock_by_wrong_passcodes_does_not_keep_a_marked_visit_open(desk: Desk) -> None:
    await desk.mask()
    made = await desk.link(profile="public")
    browser, path = await desk.opened(made)
    for one in range(5):
        await browser.post(f"/h/{made.token}", data={"passcode": f"NOT-{one}"})
    assert (await browser.get(path)).status_code == 200
    case = await desk.site.services.cases.open(desk.lead, CaseOrder("Marked", tlp="TLP:GREEN"))
    await desk.site.services.cases.exhibits.add(desk.lead, case.id, desk.capture_id)
    assert (await browser.get(path)).status_code == 404


async def test_an_embargo_set_later_closes_the_link_until_then_and_is_recorded(desk: Desk) -> None:
    links, clock = desk.site.services.handovers.links, desk.site.clock
    made = await desk.link(kind="bundle", thing_id=await desk.bundle())
    browser, path = await desk.opened(made)
    person = await desk.site.person()
    later = f"{clock.now() + timedelta(days=1):%Y-%m-%d %H:%M}"  # type: ignore[union-attr]
    assert (await person.post(f"/handovers/{made.row.id}/embargo", data={"opens_at": later})).status_code == 303
    assert (await browser.get(path)).status_code == 404, "who was in is out"
    assert (await browser.post(f"/h/{made.token}", data={"passcode": str(made.passcode)})).status_code == 403
    assert await reasons(desk, made) == ["embargoed"]
    assert "embargo" in (await person.get(f"/handovers/{made.row.id}")).text
    with pytest.raises(BadInput):
        await links.embargo(desk.lead, made.row.id, made.row.expires_at)
    with pytest.raises(NotFound):
        await links.embargo(await desk.site.other_organisation(), made.row.id, None)
    assert (await person.post(f"/handovers/{made.row.id}/embargo", data={"opens_at": ""})).status_code == 303
    await desk.opened(made)
    told = [event.details.get("opensAt") for event in await desk.events(f"handover:{made.row.id}") if "embargoed" in event.type]
    assert len(told) == 2 and told[1] is None


async def test_who_was_demoted_while_a_request_was_under_way_hands_nothing_over(desk: Desk, work: Casework) -> None:
    """The request was authenticated a moment before; what its person may is asked again where a link is written or opened."""
    site, bundle = desk.site, await desk.bundle()
    links, renewals, exports = site.services.handovers.links, site.services.handovers.renewals, site.services.case_exports
    late = await site.colleague(desk.lead.organisation_id, "case_lead")
    made, paper = await desk.link(kind="bundle", thing_id=bundle), await export(work, "misp", "authority")
    await site.services.people.change_roles(desk.lead, late.operator_id, ["fact_checker"])
    before = await desk.told(made)
    for act, refusal in (
        (links.make(late, desk.order(kind="bundle", thing_id=bundle)), Forbidden),
        (links.embargo(late, made.row.id, None), NotFound),
        (links.unlock(late, made.row.id), NotFound),
        (renewals.replace(late, made.row.id), NotFound),
        (exports.confirm(late, paper.id), NotFound),
    ):
        with pytest.raises(refusal):
            await act
    await site.services.people.disable(desk.lead, late.operator_id)
    with pytest.raises(Unauthenticated):
        await links.make(late, desk.order(kind="bundle", thing_id=bundle))
    assert await desk.told(made) == before
    assert [row.id for row, _ in await links.latest(desk.lead)] == [made.row.id]


async def test_why_a_link_did_not_open_is_recorded_and_bounded(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle, links = await desk.bundle(), desk.site.services.handovers.links
    monkeypatch.setattr("server.handovers.visits.OPENINGS_PER_HOUR", 3)
    made = await desk.link(kind="bundle", thing_id=bundle)
    await links.revoke(desk.lead, made.row.id)
    browser = desk.recipient()
    for _ in range(5):
        await browser.post(f"/h/{made.token}", data={"passcode": str(made.passcode)})
    await browser.post(f"/h/{made.token}", data={"passcode": "WRONG"})
    assert await reasons(desk, made) == ["revoked"] * 3, "strangers with a dead link cannot fill the log"
    short = await desk.link(kind="bundle", thing_id=bundle, expires_at=desk.site.clock.now() + timedelta(hours=1))  # type: ignore[union-attr]
    await browser.post(f"/h/{short.token}", data={"passcode": "WRONG"})
    desk.site.clock.move(3601)
    await browser.post(f"/h/{short.token}", data={"passcode": str(short.passcode)})
    assert await reasons(desk, short) == ["passcode", "expired"]


async def test_no_list_of_changes_tells_one_reader_what_another_was_given(desk: Desk, work: Casework) -> None:
    submissions = desk.site.services.handovers.submissions
    regulator = await submissions.record(desk.lead, submission(desk, "bundle", await desk.bundle()))
    public = await export(work, "tables", "public")
    earlier = await submissions.record(desk.lead, submission(desk, "case_export", public.id))
    elsewhere = await Casework.begin(desk.site)
    await desk.site.services.cases.mark(elsewhere.author, elsewhere.case.id, "TLP:CLEAR")
    other = await export(elsewhere, "tables", "public")
    for thing, before in ((public, regulator), (other, earlier)):
        with pytest.raises(HandoverRefused, match="another reader"):
            await desk.link(kind="case_export", thing_id=str(thing.id), supplements=before.id)
        with pytest.raises(HandoverRefused, match="another reader"):
            await submissions.record(desk.lead, submission(desk, "case_export", thing.id, supplements=before.id))
    made = await desk.link(kind="case_export", thing_id=str(public.id), supplements=earlier.id)
    assert [one["name"] for one in made.row.files][1:] == ["changes.json"]


async def test_a_file_that_is_no_zip_has_a_record_of_submission_too(desk: Desk, work: Casework) -> None:
    row = await export(work, "misp", "authority")
    await desk.site.services.case_exports.confirm(work.reviewer, row.id)
    made = await desk.site.services.handovers.submissions.record(desk.lead, submission(desk, "case_export", row.id))
    assert made.contents == {"exhibits": {}, "files": {"export.json": row.file_sha256}}
    link = await desk.link(kind="case_export", thing_id=str(row.id))
    assert link.row.files[0]["media_type"] == "application/octet-stream"


async def test_links_of_who_left_work_on_and_are_shown_to_administrators_who_may_close_them(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    services, own = desk.site.services, desk.lead.organisation_id
    leaving = await desk.site.colleague(own, "case_lead", name="Leaving Lead")
    admin = await desk.site.colleague(own, "admin", name="Admin")
    links, order = services.handovers.links, desk.order(recipient="Court registry")
    kept, ended, over = [await links.make(leaving, order) for _ in range(3)]
    staying = await links.make(desk.lead, order)
    await links.revoke(leaving, ended.row.id)
    person = await desk.site.person(admin)
    assert "Court registry" not in (await person.get("/people")).text, "nobody left"
    assert (await person.post(f"/people/{leaving.operator_id}/disable")).status_code == 303
    page = (await person.get("/people")).text
    assert page.count("Court registry</strong>") == 2 and "Leaving Lead, " in page and "More links work on" not in page
    for limit, cut in ((2, ""), (1, "More links work on than the 1 that stand here")):
        with monkeypatch.context() as patched:
            patched.setattr(people, "LINKS_SHOWN", limit)
            shown = (await person.get("/people")).text
        assert shown.count("Court registry</strong>") == limit and cut in shown and ("More links work on" in shown) == bool(cut)
    assert f"/people/links/{kept.row.id}/close" in page and str(staying.row.id) not in page and str(ended.row.id) not in page
    visitor, path = await desk.opened(kept)
    assert (await visitor.get(path)).status_code == 200, "no recipient is cut off because somebody left"
    checker = await desk.site.person(await desk.site.colleague(own, "case_lead"))
    stranger = await desk.site.person(await desk.site.other_organisation())
    assert (await checker.post(f"/people/links/{kept.row.id}/close")).status_code == 403
    assert (await stranger.post(f"/people/links/{kept.row.id}/close")).status_code == 404
    assert (await person.post(f"/people/links/{staying.row.id}/close")).status_code == 404, "its maker is still there"
    for _ in range(2):
        assert (await person.post(f"/people/links/{kept.row.id}/close")).status_code == 303
    assert (await visitor.get(path)).status_code != 200
    events = [parsed(one) for one in await services.custody.chain(f"handover:{kept.row.id}", organisation_id=own)]
    assert [one.actor for one in events if one.type == "handover.revoked"] == [admin.urn]
    assert desk.site.clock is not None
    desk.site.clock.move(8 * 86400)
    late = await desk.site.person(admin)
    assert str(over.row.id) not in (await late.get("/people")).text, "what has ended needs nobody"
