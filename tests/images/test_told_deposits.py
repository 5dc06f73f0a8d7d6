"""What stands only in deposits one may not see, or has no place yet, is no candidate, no match and no number."""

import hashlib

import pytest

from server.images import elsewhere, reading, searching, telling
from server.images.found import FoundPicture
from server.images.matcher import Candidates
from server.operators.actors import OperatorActor
from server.trust.dsse import parse_envelope
from server.trust.events import parse_event
from tests.images.pages import capture_page, indexed
from tests.images.test_told import asked
from tests.imports.desk import Desk
from tests.imports.test_deposits import archive, taken
from tests.media.pictures import captioned, encoded, scene
from tests.web.site import Site

COPIES = [encoded(scene(31), "JPEG", quality=quality) for quality in range(72, 88)]
VISIBLE = encoded(captioned(scene(31)), "JPEG", quality=90)


@pytest.fixture
async def desk(site: Site) -> Desk:
    return await Desk.begin(site)


async def test_nearer_copies_that_one_may_not_see_take_no_place_and_no_count(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "NEAR_LIMIT", 2)  # as sixty hidden copies would fill a list of sixty
    monkeypatch.setattr(searching, "MATCHES_LIMIT", 2)
    bodies = [(f"https://cdn.example/{n}.jpg", "image/jpeg", data) for n, data in enumerate(COPIES)]
    await taken(desk, archive(*bodies), "a.wacz")
    device = await desk.site.pair()
    captured = await capture_page(device, {"https://a.example/1.jpg": VISIBLE})
    await indexed(desk.site, captured)
    checker = await desk.site.colleague(desk.case.organisation_id, "fact_checker")
    question = encoded(scene(31), "JPEG", quality=95)

    answer = await desk.site.services.images.search.by_bytes(checker, question)
    assert [place.capture_id for one in answer.matches for place in one.sightings] == [captured]
    assert answer.searched == 2, "the picture and the screenshot of the capture"
    told = await asked(desk.site, device, question)
    assert told["searched"] == 2 and [one["sightings"][0]["capture_id"] for one in told["matches"]] == [captured]
    whole = await desk.site.services.images.search.by_bytes(desk.actor, question)
    assert whole.searched == 2 + len(COPIES) and len(whole.matches) == 2
    await desk.site.sound()


async def test_a_cut_answer_says_so_and_never_for_what_one_may_not_see(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixty of more is no number of what there is: the page said "60 images found"."""
    bodies = [(f"https://cdn.example/{n}.jpg", "image/jpeg", data) for n, data in enumerate(COPIES[:4])]
    await taken(desk, archive(*bodies), "a.wacz")
    device = await desk.site.pair()
    await indexed(desk.site, await capture_page(device, {"https://a.example/1.jpg": VISIBLE}))
    person, checker = await desk.site.person(), await desk.site.colleague(desk.case.organisation_id, "fact_checker")
    question = encoded(scene(31), "JPEG", quality=95)
    whole = await desk.site.services.images.search.by_bytes(desk.actor, question)
    assert (len(whole.matches), whole.truncated) == (5, False)
    assert "5 images found" in (await person.post("/images/search", files={"picture": ("a.jpg", question)})).text
    monkeypatch.setattr(searching, "MATCHES_LIMIT", 3)
    page = (await person.post("/images/search", files={"picture": ("a.jpg", question)})).text
    assert "At least 3 images found" in page and "There may be more: not everything was compared and listed" in page
    assert (await desk.site.services.images.search.by_bytes(checker, question)).truncated is False, "there is one for this person"
    assert (await asked(desk.site, device, question))["truncated"] is False


async def test_copies_that_were_passed_over_are_not_left_out_of_what_is_said(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the nearest few, the rest of their clusters is not compared: known to be there, and in no list."""
    bodies = {f"https://a.example/{n}.jpg": data for n, data in enumerate(COPIES[:6])}
    await indexed(desk.site, await capture_page(await desk.site.pair(), bodies))
    question = encoded(scene(31), "JPEG", quality=95)
    monkeypatch.setattr(searching, "NEAR_LIMIT", 1)
    monkeypatch.setattr(Candidates, "pictures", lambda _self, _passed=(): [])
    answer = await desk.site.services.images.search.by_bytes(desk.actor, question)
    assert (len(answer.matches), answer.truncated) == (1, True)


async def test_places_in_files_made_elsewhere_are_counted_where_their_list_is_cut(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    bodies = [(f"https://cdn.example/{n}.jpg", "image/jpeg", COPIES[0]) for n in range(5)]
    deposit = await taken(desk, archive(*bodies), "a.wacz")
    await taken(desk, COPIES[0], "shot.jpg")
    withdrawn = await taken(desk, COPIES[0], "wrong.jpg")
    await desk.imports.deposits.withdraw(desk.actor, withdrawn.id, "the wrong one")
    await indexed(desk.site, await capture_page(await desk.site.pair(), {"https://a.example/1.jpg": COPIES[0]}))
    monkeypatch.setattr(elsewhere, "PLACES_LIMIT", 2)
    digest, person, reads = hashlib.sha256(COPIES[0]).hexdigest(), await desk.site.person(), desk.site.services.images.reads
    placed = await reads.elsewhere(desk.actor, digest)
    assert (len(placed.shown), placed.count, placed.standing) == (2, 7, 6)
    told = (await person.get(f"/api/v1/images/{digest}/sightings")).json()
    assert (len(told["elsewhere"]), told["elsewhere_count"]) == (2, 7)
    assert "and 5 more" in (await person.get(f"/images/{digest}")).text
    [cluster] = await reads.clusters(desk.actor)
    assert "and 5 more" in (await person.get(f"/images/clusters/{cluster.cluster_id}")).text
    sheet = (await person.get(f"/images/clusters/{cluster.cluster_id}/sheet")).text
    assert "4 further sightings are counted and not listed here" in sheet, "of six that stand, two"
    assert "1 picture" in (await person.get(f"/deposits/{deposit.id}")).text
    monkeypatch.setattr(elsewhere, "PLACES_LIMIT", 0)
    found = await person.post("/images/search", files={"picture": ("a.jpg", COPIES[0])})
    assert "and 7 more" in found.text, "also of a picture whose places the others left no room for"


async def test_a_sheet_counts_what_a_cut_list_left_out(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two files at one place are two lines of the list and one of the counts: their difference left places unsaid."""
    shown = {f"https://a.example/{n}.jpg": COPIES[0] for n in range(4)}
    capture = await capture_page(await desk.site.pair(), shown)
    await indexed(desk.site, capture)
    [cluster] = await desk.site.services.images.reads.clusters(desk.actor)
    person = await desk.site.person()
    path = f"/images/clusters/{cluster.cluster_id}/sheet"
    assert "not listed here" not in (await person.get(path)).text
    monkeypatch.setattr(telling, "SIGHTINGS_LIMIT", 1)
    seen = await desk.site.services.images.reads.cluster_sightings(desk.actor, cluster.cluster_id)
    assert f"{seen.count - 1} further sightings are counted and not listed here" in (await person.get(path)).text
    monkeypatch.setattr(reading, "MEMBERS_LIMIT", 1)
    view = await desk.site.services.images.reads.cluster(desk.actor, cluster.cluster_id)
    assert (len(view.members), view.members_count) == (1, 1)


async def test_a_picture_that_is_read_and_has_no_place_yet_is_told_to_nobody_outside(desk: Desk) -> None:
    images, data = desk.site.services.images, COPIES[0]
    digest = hashlib.sha256(data).hexdigest()
    picture = FoundPicture(digest, len(data), "file", "", "archive", "https://cdn.example/1.jpg", data)
    await images.indexer.take(desk.case.organisation_id, picture)  # the places of a deposit come last, all together
    await images.clustering.run(desk.case.organisation_id)
    device = await desk.site.pair()
    checker: OperatorActor = await desk.site.colleague(desk.case.organisation_id, "fact_checker")
    for question in (data, COPIES[5]):
        answer = await images.search.by_bytes(checker, question)
        assert answer.matches == () and answer.searched == 0 and answer.clusters == ()
        told = await asked(desk.site, device, question)
        assert told["matches"] == [] and told["searched"] == 0
    assert await images.reads.clusters(checker) == ()


async def test_a_contact_sheet_names_what_stands_in_deposits_on_the_page_and_in_its_event(desk: Desk) -> None:
    await indexed(desk.site, await capture_page(await desk.site.pair(), {"https://a.example/1.jpg": COPIES[0]}))
    kept = await taken(desk, COPIES[1], "shot.jpg", said_by="a reader")
    withdrawn = await taken(desk, COPIES[2], "wrong.jpg")
    await desk.imports.deposits.withdraw(desk.actor, withdrawn.id, "the wrong one")
    [cluster] = await desk.site.services.images.reads.clusters(desk.actor)
    person = await desk.site.person()
    page = (await person.get(f"/images/clusters/{cluster.cluster_id}/sheet")).text
    assert "shot.jpg" in page and "a reader" in page and "wrong.jpg" not in page
    assert "Images in files made elsewhere" in page, "the counts say what they are of"
    assert (await person.get(f"/images/clusters/{cluster.cluster_id}/sheet.pdf")).status_code == 200
    custody, own = desk.site.services.custody, desk.actor.organisation_id
    chain = await custody.chain(f"cluster:{cluster.cluster_id}", organisation_id=own)
    told = [parse_event(parse_envelope(one.envelope).payload).details for one in chain if one.type == "cluster.exported"]
    named = [{"deposit": str(kept.id), "image": hashlib.sha256(COPIES[1]).hexdigest()}]
    assert [(one["form"], one["elsewhere"]) for one in told] == [("page", named), ("pdf", named)]
    assert all(len(one["captures"]) == 1 for one in told)
