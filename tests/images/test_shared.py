"""A capture that a case shows to another organisation: its own pictures are listed, nothing else that the owner knows of them."""

import hashlib

import pytest

from server.cases.service import CaseOrder
from server.images import shared
from tests.images.pages import capture_page, indexed
from tests.media.pictures import encoded, scene
from tests.web.site import Site

SHARED = encoded(scene(21), "JPEG", quality=90)
DIGEST = hashlib.sha256(SHARED).hexdigest()


async def test_a_guest_sees_the_pictures_of_the_capture_and_not_where_else_the_owner_saw_them(site: Site) -> None:
    device = await site.pair()
    shown = await capture_page(device, {"https://a.example/1.jpg": SHARED}, title="Shown page")
    kept = await capture_page(device, {"https://b.example/1.jpg": SHARED}, title="Kept page")
    await indexed(site, shown, kept)
    cases, lead = site.services.cases, await site.services.operators.ensure_default_operator()
    guest = await site.other_organisation()
    case = await cases.open(lead, CaseOrder("Shared"))
    await cases.exhibits.add(lead, case.id, shown)
    owner, browser = await site.person(), await site.person(guest)
    assert (await browser.get(f"/api/v1/captures/{shown}/images")).status_code == 404
    await cases.members.redeem(guest, await cases.members.invite(lead, case.id, "contributor"))

    told = (await browser.get(f"/api/v1/captures/{shown}/images")).json()
    listed = {one["image"]["sha256"]: one for one in told["pictures"]}
    assert {one["capture_id"] for one in listed[DIGEST]["sightings"]} == {shown}
    assert all(one["other_captures"] is None and one["cluster_ids"] == [] for one in listed.values())
    page = await browser.get(f"/captures/{shown}")
    assert "where else it was seen is not told" in page.text
    assert f"/images/{DIGEST}" not in page.text and "Kept page" not in page.text and "/images/clusters/" not in page.text

    mine = (await owner.get(f"/api/v1/captures/{shown}/images")).json()["pictures"]
    cluster = next(one for one in mine if one["image"]["sha256"] == DIGEST)
    assert cluster["other_captures"] == 1
    closed = [
        f"/api/v1/captures/{kept}/images",
        f"/api/v1/images/search?capture={shown}",
        f"/api/v1/images/search?image={DIGEST}",
        f"/api/v1/clusters/{cluster['cluster_ids'][0]}",
        f"/images/clusters/{cluster['cluster_ids'][0]}",
        f"/images/{DIGEST}",
        *(f"/api/v1/images/{DIGEST}{more}" for more in ("", "/sightings", "/signals", "/thumbnail")),
    ]
    for path in closed:
        assert (await browser.get(path)).status_code == 404, path
    assert (await browser.get("/api/v1/clusters")).json() == {"clusters": []}

    theirs = await capture_page(await site.pair(operator=guest), {"https://c.example/1.jpg": SHARED}, title="Their page")
    await indexed(site, theirs, operator=guest)
    for client, own in ((browser, {theirs}), (owner, {shown, kept})):
        seen = (await client.get(f"/api/v1/images/{DIGEST}/sightings")).json()["sightings"]
        assert {one["capture_id"] for one in seen} == own, "the same file in both houses stays two"
        found = (await client.post("/api/v1/images/search", content=SHARED)).json()["matches"][0]
        assert {one["capture_id"] for one in found["sightings"]} == own and found["hidden"] == 0
    again = (await browser.get(f"/api/v1/captures/{shown}/images")).json()
    assert again == told, "what the guest's own house holds is not mixed into the owner's capture"
    await site.sound()


async def test_a_picture_in_many_places_hides_no_other_of_a_shared_case(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    many = "https://a.example/2.jpg"
    boxes = [{"url": many, "box": {"x": 10, "y": 100 * place, "width": 90, "height": 90}} for place in range(6)]
    bodies = {"https://a.example/1.jpg": SHARED, many: encoded(scene(22), "JPEG")}
    shown = await capture_page(await site.pair(), bodies, images=boxes)
    await indexed(site, shown)
    cases, lead = site.services.cases, await site.services.operators.ensure_default_operator()
    guest = await site.other_organisation()
    case = await cases.open(lead, CaseOrder("Shared"))
    await cases.exhibits.add(lead, case.id, shown)
    await cases.members.redeem(guest, await cases.members.invite(lead, case.id, "contributor"))

    monkeypatch.setattr(shared, "IMAGES_LIMIT", 3)  # the two, and the screenshot
    told = await site.services.images.search.by_bytes(guest, SHARED)
    assert (told.searched_shared, told.truncated) == (3, False)
    assert [(one.kind, one.is_shared) for one in told.matches] == [("exact", True)]
    monkeypatch.setattr(shared, "IMAGES_LIMIT", 2)
    assert (await site.services.images.search.by_bytes(guest, SHARED)).truncated


async def test_a_fact_checker_reads_clusters_and_decides_nothing(site: Site) -> None:
    await indexed(site, await capture_page(await site.pair(), {"https://a.example/1.jpg": SHARED}))
    lead = await site.services.operators.ensure_default_operator()
    cluster = (await (await site.person()).get("/api/v1/clusters")).json()["clusters"][0]["cluster_id"]
    for role, may_decide in (("fact_checker", False), ("investigator", True), ("case_lead", True)):
        person = await site.person(await site.colleague(lead.organisation_id, role))
        page = await person.get(f"/images/clusters/{cluster}")
        assert page.status_code == 200 and (f"/images/clusters/{cluster}/merge" in page.text) == may_decide
        said = await person.post(f"/api/v1/clusters/{cluster}/split", json={"images": [DIGEST], "reason": "r"})
        assert said.status_code == (409 if may_decide else 403), role
        assert (await person.post(f"/api/v1/clusters/{cluster}/counts")).status_code == (201 if may_decide else 403), role
