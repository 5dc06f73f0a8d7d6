"""A recipient's link: what it gives, to whom it never opens, and that everything that happened through it is recorded."""

import asyncio
import hashlib
import json
import re
from datetime import timedelta

import pytest

from server.cases.service import CaseOrder
from server.errors import BadInput, Forbidden, NotFound
from server.handovers.errors import HandoverRefused
from server.handovers.models import HandoverVisit
from server.handovers.pacing import TRIES_PER_WINDOW
from server.handovers.visits import OPENINGS_PER_HOUR
from server.operators.roles import OperatorRole
from server.web.middleware import CONTENT_SECURITY_POLICY
from tests.handovers.desk import SHOT, Desk


async def test_a_bundle_is_opened_fetched_and_acknowledged_and_each_step_is_in_its_chain(desk: Desk) -> None:
    export_id = await desk.bundle()
    made = await desk.link(kind="bundle", thing_id=export_id, contact="desk@newsroom.example", message="As <b>agreed</b>.")
    browser, path = await desk.opened(made)
    page = await browser.get(path)
    assert page.status_code == 200 and not page.cookies and not browser.cookies
    assert page.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert "noindex" in page.headers["x-robots-tag"] and page.headers["referrer-policy"] == "no-referrer"
    assert not re.search(r"<script|<style|\sstyle=|\son\w+=|<b>agreed|(src|href)=\"(https?:)?//", page.text)
    file = made.row.files[0]
    assert file["sha256"] in page.text and "holdstill verify" in page.text and "desk@newsroom.example" in page.text
    early = await browser.post(f"{path}/receipt", data={"name": "Ada"})
    assert early.status_code == 409 and "Download at least one file first" in early.text
    head = await browser.head(f"{path}/files/{file['name']}")
    assert head.status_code == 200 and int(head.headers["content-length"]) == file["size_bytes"]
    assert await desk.told(made) == ["opened"], "a head is no download"
    whole = await browser.get(f"{path}/files/{file['name']}")
    assert hashlib.sha256(whole.content).hexdigest() == file["sha256"]
    assert whole.headers["content-disposition"].startswith("attachment") and "noindex" in whole.headers["x-robots-tag"]
    rest = await browser.get(f"{path}/files/{file['name']}", headers={"Range": "bytes=10-"})
    assert rest.status_code == 206 and rest.content == whole.content[10:]
    assert (await browser.post(f"{path}/receipt", data={"name": "Ada <i>Clerk</i>, Registry"})).status_code == 303
    assert await desk.told(made) == ["opened", "downloaded", "acknowledged"], "ranges of one visit are one download"
    events = await desk.events(f"handover:{made.row.id}")
    assert {event.actor for event in events[1:]} == {f"urn:holdstill:handover:{made.row.id}"}
    view = await desk.site.services.handovers.links.read(desk.lead, made.row.id)
    receipt = view.receipts[0]
    assert events[-1].details["acknowledgementSha256"] == receipt.sha256 == hashlib.sha256(receipt.content.encode()).hexdigest()
    assert json.loads(receipt.content)["files"] == [{"name": file["name"], "sha256": file["sha256"]}]
    assert "Clerk" not in json.dumps([event.details for event in events]), "the name stays out of the log"
    capture = [event.type for event in await desk.events(f"capture:{desk.capture_id}")]
    assert capture.count("capture.downloaded") == 1
    shown = await (await desk.site.person()).get(f"/handovers/{made.row.id}")
    assert "Ada &lt;i&gt;Clerk" in shown.text and receipt.sha256 in shown.text
    assert made.token not in shown.text and str(made.passcode) not in shown.text
    await desk.site.sound()


async def test_whatever_does_not_open_looks_the_same_and_tells_nothing(desk: Desk) -> None:
    bundle = await desk.bundle()
    live = await desk.link(kind="bundle", thing_id=bundle)
    revoked = await desk.link(kind="bundle", thing_id=bundle)
    await desk.site.services.handovers.links.revoke(desk.lead, revoked.row.id)
    short = await desk.link(kind="bundle", thing_id=bundle, expires_at=desk.site.clock.now() + timedelta(hours=1))
    embargoed = await desk.link(kind="bundle", thing_id=bundle, opens_at=desk.site.clock.now() + timedelta(days=2))
    desk.site.clock.move(3700)
    browser = desk.recipient()
    tried = {
        "hsh_" + "x" * 43: "",
        live.token: "WRONG-WRONG",
        embargoed.token: "WRONG-WRONG",
        revoked.token: str(revoked.passcode),
        short.token: str(short.passcode),
    }

    def bare(text: str) -> str:
        for token in tried:
            text = text.replace(token, "…")
        return text

    firsts = {bare((await browser.get(f"/h/{token}")).text) for token in tried}
    assert len(firsts) == 1
    answers = [await browser.post(f"/h/{token}", data={"passcode": passcode}) for token, passcode in tried.items()]
    assert {answer.status_code for answer in answers} == {404}
    assert len({bare(answer.text) for answer in answers}) == 1
    assert len({frozenset(answer.headers.items()) for answer in answers}) == 1
    assert "The regulator" not in answers[1].text
    told = await browser.post(f"/h/{embargoed.token}", data={"passcode": str(embargoed.passcode)})
    assert told.status_code == 403 and "2026-03-06T05:06:07" in told.text, "only who has both learns when"
    assert await desk.told(revoked) == ["revoked", "refused"] and await desk.told(short) == ["refused"]
    desk.site.clock.move(2 * 86400)
    await desk.opened(embargoed)


async def test_five_wrong_passcodes_lock_the_link_also_when_tried_at_once(desk: Desk) -> None:
    made = await desk.link(kind="bundle", thing_id=await desk.bundle())
    _, path = await desk.opened(made)
    browser = desk.recipient()
    wrong = await asyncio.gather(*(browser.post(f"/h/{made.token}", data={"passcode": f"NOT-{one}"}) for one in range(7)))
    assert {answer.status_code for answer in wrong} == {404}
    assert (await browser.post(f"/h/{made.token}", data={"passcode": str(made.passcode)})).status_code == 404, "locked"
    assert (await browser.get(path)).status_code == 200, "who was in stays in"
    refused = [event for event in await desk.events(f"handover:{made.row.id}") if event.type == "handover.refused"]
    assert [event.details["wrongTries"] for event in refused] == [1, 2, 3, 4, 5, 5] and refused[-1].details["locked"] is True
    assert [event.details["reason"] for event in refused] == ["passcode"] * 5 + ["locked"], "the right one came too late"
    lead = await desk.site.person()
    assert "Locked" in (await lead.get(f"/handovers/{made.row.id}")).text
    assert (await lead.post(f"/handovers/{made.row.id}/unlock")).status_code == 303
    typed = str(made.passcode).replace("-", " ").lower()
    assert (await browser.post(f"/h/{made.token}", data={"passcode": typed})).status_code == 303, "as people type it"
    assert (await lead.post(f"/handovers/{made.row.id}/revoke")).status_code == 303
    assert (await browser.get(path)).status_code == 404, "withdrawn at once, visits included"
    assert (await browser.get(f"{path}/files/{made.row.files[0]['name']}")).status_code == 404
    await desk.site.sound()


async def test_tries_of_one_address_and_openings_of_one_link_are_limited(desk: Desk) -> None:
    made = await desk.link(kind="bundle", thing_id=await desk.bundle(), with_passcode=False)
    visits = desk.site.services.handovers.visits
    now = desk.site.clock.now()
    async with desk.site.services.database.transaction() as session:
        for one in range(OPENINGS_PER_HOUR):
            session.add(HandoverVisit(key_sha256=b"%d" % one, handover_id=made.row.id, opened_at=now, expires_at=now))
    browser = desk.recipient()
    assert (await browser.post(f"/h/{made.token}")).status_code == 429
    for _ in range(TRIES_PER_WINDOW - 2):
        visits._pace.count("127.0.0.1")
    assert (await browser.post("/h/nothing")).status_code == 404
    assert (await browser.post("/h/nothing")).status_code == 429
    desk.site.clock.move(3601)
    await desk.opened(made)


async def test_a_visit_ends_by_time_and_opens_its_own_link_only(desk: Desk) -> None:
    first = await desk.link(kind="bundle", thing_id=await desk.bundle(), with_passcode=False)
    second = await desk.link(kind="bundle", thing_id=await desk.bundle(), with_passcode=False)
    browser, path = await desk.opened(first)
    key = path.rsplit("/", 1)[1]
    assert (await browser.get(f"/h/{second.token}/{key}")).status_code == 404
    assert (await browser.get(f"{path}/files/..%2F..%2Fx")).status_code == 404
    assert (await browser.get(f"{path}/files/other.zip")).status_code == 404
    desk.site.clock.move(2 * 3600 + 1)
    assert (await browser.get(path)).status_code == 404
    assert await desk.told(first) == ["opened"] and await desk.told(second) == []


async def test_the_profile_decides_what_of_a_capture_is_given(desk: Desk) -> None:
    links = desk.site.services.handovers.links
    for profile in ("platform", "public"):
        with pytest.raises(HandoverRefused, match="masked copies only"):
            await links.make(desk.lead, desk.order(profile=profile))
    copy = await desk.mask()
    for profile in ("platform", "public"):
        made = await desk.link(profile=profile)
        assert [(one["name"], one["sha256"]) for one in made.row.files] == [(f"{SHOT}.masked.png", copy.sha256)]
        browser, path = await desk.opened(made)
        page = await browser.get(path)
        fetched = await browser.get(f"{path}/files/{SHOT}.masked.png")
        assert hashlib.sha256(fetched.content).hexdigest() == copy.sha256
        assert copy.original_sha256 in page.text, "linked to the original by hash alone"
        assert desk.device.pairing["device_id"] not in page.text and desk.lead.name not in page.text
        assert (await browser.get(f"{path}/files/{SHOT}")).status_code == 404, "never the original"
    made = await desk.link(profile="authority")
    names = {one["name"]: one for one in made.row.files}
    assert set(names) == {"statement.dsse.json", "page.wacz", SHOT, f"{SHOT}.masked.png"}
    browser, path = await desk.opened(made)
    for name, file in names.items():
        data = (await browser.get(f"{path}/files/{name}")).content
        assert hashlib.sha256(data).hexdigest() == file["sha256"] and len(data) == file["size_bytes"], name
    page = await browser.get(path)
    assert "<script" not in page.text and "alert(1)" not in page.text, "of the captured page the address alone is shown"
    types = [event.type for event in await desk.events(f"capture:{desk.capture_id}")]
    assert types.count("capture.handed_over") == 3 and types.count("capture.viewed") == 3
    assert types.count("capture.downloaded") == 2 + len(names)
    await desk.mask(name=SHOT)
    assert (await browser.get(path)).text.count("masked.png") == page.text.count("masked.png"), "what was handed over stays"
    await desk.site.sound()


async def test_an_organisation_is_named_to_a_platform_and_not_to_the_public(desk: Desk) -> None:
    await desk.mask()
    for profile, named in (("platform", True), ("public", False), ("authority", True)):
        browser, path = await desk.opened(await desk.link(profile=profile, with_passcode=False))
        giver = (await browser.get(path)).text
        assert ("Not named here" in giver) is not named


async def test_who_may_hand_over_what(desk: Desk) -> None:
    """Fact-checkers: public. Investigators: also platforms. Case leads: also authorities, and so bundles with originals."""
    await desk.mask()
    bundle = await desk.bundle()
    links = desk.site.services.handovers.links
    allowed = {
        "fact_checker": {"public"},
        "investigator": {"public", "platform"},
        "case_lead": {"public", "platform", "authority"},
    }
    await desk.link(kind="bundle", thing_id=bundle)
    for role, profiles in allowed.items():
        person = await desk.site.colleague(desk.lead.organisation_id, role)
        for profile in ("public", "platform", "authority"):
            ask = links.make(person, desk.order(profile=profile))
            if profile in profiles:
                await ask
            else:
                with pytest.raises(Forbidden):
                    await ask
        seen = {row.profile for row, _ in await links.latest(person)}
        assert seen <= profiles, "nor is a link shown to who could not make it"
    person = await desk.site.colleague(desk.lead.organisation_id, OperatorRole.INVESTIGATOR)
    with pytest.raises(Forbidden):
        await links.make(person, desk.order(kind="bundle", thing_id=bundle))


async def test_an_exhibit_of_a_case_that_is_not_clear_is_not_made_public(desk: Desk) -> None:
    await desk.mask()
    services = desk.site.services
    case = await services.cases.open(desk.lead, CaseOrder("Marked", tlp="TLP:GREEN"))
    await services.cases.exhibits.add(desk.lead, case.id, desk.capture_id)
    with pytest.raises(HandoverRefused, match="TLP:CLEAR"):
        await desk.link(profile="public")
    await desk.link(profile="platform")
    await services.cases.mark(desk.lead, case.id, "TLP:CLEAR")
    await desk.link(profile="public")


async def test_the_form_shows_what_each_reader_would_get_before_anything_is_made(desk: Desk) -> None:
    person, path = await desk.site.person(), f"/handovers/new?kind=capture&id={desk.capture_id}"
    before = (await person.get(path)).text
    assert before.count("gets masked copies only") == 2 and "page.wacz" in before, "platform and public wait for a masked copy"
    await desk.mask()
    after = (await person.get(path)).text
    assert after.count(f"{SHOT}.masked.png") == 3 and "gets masked copies only" not in after
    checker = await desk.site.person(await desk.site.colleague(desk.lead.organisation_id, "fact_checker"))
    assert (await checker.get(path)).text.count(f"{SHOT}.masked.png") == 1, "only what one may hand over"
    assert (await checker.get(f"/handovers/new?kind=bundle&id={await desk.bundle()}")).status_code == 403
    stranger = await desk.site.person(await desk.site.other_organisation())
    assert (await stranger.get(path)).status_code == 404
    assert (await person.get("/handovers/new?kind=bundle&id=x")).status_code == 422
    assert await desk.site.services.handovers.links.latest(desk.lead) == []


async def test_refusals_leave_no_link(desk: Desk) -> None:
    links, now = desk.site.services.handovers.links, desk.site.clock.now()
    stranger = await desk.site.other_organisation()
    bundle = await desk.bundle()
    for changes, error in (
        ({"expires_at": now}, BadInput),
        ({"expires_at": now + timedelta(days=367)}, BadInput),
        ({"opens_at": now + timedelta(days=8)}, BadInput),
        ({"recipient": " "}, BadInput),
        ({"profile": "everybody"}, BadInput),
        ({"profile": "internal"}, HandoverRefused),
        ({"kind": "secret"}, BadInput),
        ({"kind": "bundle", "thing_id": "x"}, BadInput),
        ({"thing_id": "0" * 64}, NotFound),
        ({"supplements": desk.lead.operator_id}, HandoverRefused),
    ):
        with pytest.raises(error):
            await links.make(desk.lead, desk.order(**changes))
    for order in (desk.order(), desk.order(kind="bundle", thing_id=bundle)):
        with pytest.raises(NotFound):
            await links.make(stranger, order)
    assert await links.latest(desk.lead) == []
    made = await desk.link(kind="bundle", thing_id=bundle)
    for ask in (links.read, links.revoke, links.unlock):
        with pytest.raises(NotFound):
            await ask(stranger, made.row.id)
    assert await links.latest(stranger) == []


async def test_the_pages_lead_from_a_bundle_to_a_link_shown_once(desk: Desk) -> None:
    person, bundle = await desk.site.person(), await desk.bundle()
    assert f"/handovers/new?kind=bundle&amp;id={bundle}" in (await person.get(f"/exports/{bundle}")).text
    form = await person.get(f"/handovers/new?kind=bundle&id={bundle}")
    assert form.status_code == 200 and bundle in form.text
    asked = {"kind": "bundle", "thing": bundle, "recipient": "R", "purpose": "p", "days": "7", "passcode": "yes", "opens_at": ""}
    made = await person.post("/handovers", data=asked)
    link = re.search(r'id="link">http://holdstill\.test(/h/hsh_[\w-]+)<', made.text)
    passcode = re.search(r'id="passcode">([0-9A-Z]{5}-[0-9A-Z]{5})<', made.text)
    assert link is not None and passcode is not None
    browser = desk.recipient()
    assert (await browser.post(link[1], data={"passcode": passcode[1]})).status_code == 303
    listed = await person.get("/handovers")
    assert "Open" in listed.text and link[1] not in listed.text
    assert (await person.post("/handovers", data=asked | {"opens_at": "tomorrow"})).status_code == 422
    assert (await person.get("/handovers/new?kind=secret")).status_code == 422
