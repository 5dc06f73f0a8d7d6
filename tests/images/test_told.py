"""Whom “seen before?” tells what: a browser what its person may see, never more; another organisation not even a count."""

import hashlib

import pytest
from sqlmodel import select

from server.cases.service import CaseOrder
from server.clock import SystemClock
from server.db import run_sql
from server.images import telling
from server.images.edges import edges_among, neighbours
from server.images.models import Image
from server.images.scope import untold
from server.images.store import ImageRows
from server.operators.actors import OperatorActor
from tests.images.pages import capture_page, indexed
from tests.media.pictures import encoded, mirrored, scene
from tests.web.site import Device, Site

SEARCH = "/api/v1/images/search"
SEEN = encoded(scene(21), "JPEG", quality=90)
MIRRORED = encoded(mirrored(scene(21)))
KEPT = encoded(scene(22), "JPEG", quality=90)
DIGEST = hashlib.sha256(SEEN).hexdigest()


async def asked(site: Site, device: Device, picture: bytes = SEEN) -> dict:
    return dict((await site.http.post(SEARCH, content=picture, headers=device.headers)).json())


def places(answer: dict) -> dict[str, set[str]]:
    """Captures named, by the kind of relation."""
    return {one["kind"]: {place["capture_id"] for place in one["sightings"]} for one in answer["matches"]}


async def roles_of(site: Site, operator: OperatorActor, *roles: str) -> None:
    async with site.services.database.transaction() as session:
        await run_sql(session, "UPDATE operator SET roles = :roles WHERE id = :id", roles=list(roles), id=operator.operator_id)


async def test_a_browser_is_told_of_colleagues_captures_while_its_person_may_read(site: Site) -> None:
    lead = await site.services.operators.ensure_default_operator()
    person = await site.colleague(lead.organisation_id, "fact_checker")
    mine, theirs = await site.pair("Mine", operator=person), await site.pair("Theirs")
    own = await capture_page(mine, {"https://a.example/1.jpg": SEEN})
    other = await capture_page(theirs, {"https://b.example/1.jpg": SEEN, "https://b.example/2.jpg": KEPT})
    await indexed(site, own, other)
    kept, inside = [f"/api/v1/images/{hashlib.sha256(KEPT).hexdigest()}/{part}" for part in ("thumbnail", "signals")]

    assert places(await asked(site, mine)) == {"exact": {own, other}}
    assert (await site.http.get(kept, headers=mine.headers)).status_code == 200
    assert (await site.http.get(f"/api/v1/captures/{other}", headers=mine.headers)).status_code == 404, "named, not opened"
    assert (await site.http.get(inside, headers=mine.headers)).status_code == 404, "what a file says inside is its content"
    assert (await site.http.get(inside, headers=theirs.headers)).status_code == 200
    own_signals = await site.http.get(f"/api/v1/images/{DIGEST}/signals", headers=mine.headers)
    assert own_signals.status_code == 200, "of its own captures it has the file itself"
    assert (await (await site.person(person)).get(inside)).status_code == 200

    await roles_of(site, person, "admin")
    assert (await asked(site, mine))["code"] == "capture_not_allowed", "a browser may what its person may"
    for path in (kept, inside, f"/api/v1/images/{DIGEST}/thumbnail", f"/api/v1/captures/{own}"):
        assert (await site.http.get(path, headers=mine.headers)).status_code == 403, path
    await roles_of(site, person, "fact_checker")
    assert places(await asked(site, mine)) == {"exact": {own, other}}
    await site.sound()


async def test_places_left_out_for_their_number_are_not_called_hidden(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telling, "SIGHTINGS_LIMIT", 4)
    bodies = {f"https://a.example/{number}.jpg": SEEN for number in range(5)} | {"https://a.example/m.jpg": MIRRORED}
    await indexed(site, await capture_page(await site.pair(), bodies))
    told = (await (await site.person()).post(SEARCH, content=SEEN)).json()["matches"]
    numbers = {one["kind"]: (len(one["sightings"]), one["sightings_count"], one["hidden"]) for one in told}
    assert numbers == {"exact": (3, 5, 0), "same": (1, 1, 0)}, "nor does what was seen often hide another one's places"


async def test_another_organisations_browser_learns_nothing_not_even_a_count(site: Site) -> None:
    owner, stranger = await site.pair(), await site.pair(operator=await site.other_organisation())
    before = [await asked(site, stranger, picture) for picture in (SEEN, encoded(mirrored(scene(21))))]
    await indexed(site, await capture_page(owner, {"https://a.example/1.jpg": SEEN}))
    after = [await asked(site, stranger, picture) for picture in (SEEN, encoded(mirrored(scene(21))))]
    assert before == after and after[0]["matches"] == [] and after[0]["searched"] == 0
    for path in (f"/api/v1/images/{DIGEST}", f"/api/v1/images/{DIGEST}/thumbnail", f"/api/v1/images/{DIGEST}/sightings"):
        theirs = await site.http.get(path, headers=stranger.headers)
        absent = await site.http.get(path.replace(DIGEST, "0" * 64), headers=stranger.headers)
        assert theirs.status_code == absent.status_code == 404
        assert theirs.text.replace(DIGEST, "0" * 64) == absent.text
    await site.sound()


@pytest.mark.parametrize("ending", ["left", "withdrawn", "may_not_read"])
async def test_a_shared_case_tells_of_its_exhibits_alone_and_only_while_it_is_shared(site: Site, ending: str) -> None:
    cases, lead, guest = (
        site.services.cases,
        await site.services.operators.ensure_default_operator(),
        await site.other_organisation(),
    )
    ours, theirs = await site.pair(), await site.pair(operator=guest)
    shown = await capture_page(ours, {"https://a.example/1.jpg": SEEN})
    hidden = await capture_page(ours, {"https://b.example/1.jpg": SEEN, "https://b.example/2.jpg": KEPT})
    await indexed(site, shown, hidden)
    case = await cases.open(lead, CaseOrder("Shared"))
    await cases.exhibits.add(lead, case.id, shown)
    assert (await asked(site, theirs))["matches"] == []
    await cases.members.redeem(guest, await cases.members.invite(lead, case.id, "contributor"))

    told = await asked(site, theirs)
    assert places(told) == {"exact": {shown}}
    assert [(one["is_shared"], one["cluster_id"], one["hidden"]) for one in told["matches"]] == [(True, None, 0)]
    assert told["searched"] == 0 and told["clusters"] == []
    assert places(await asked(site, theirs, encoded(mirrored(scene(21))))) == {"same": {shown}}
    assert (await asked(site, theirs, KEPT))["matches"] == [], "nothing of the captures that are not in the case"
    assert (await (await site.person(guest)).post(SEARCH, content=SEEN)).json()["matches"] == told["matches"]
    assert (await asked(site, ours))["matches"][0]["is_shared"] is False

    if ending == "left":
        await cases.members.remove(lead, case.id, guest.operator_id)
    elif ending == "withdrawn":
        await cases.exhibits.withdraw(lead, case.id, 1, "not needed")
    else:
        await roles_of(site, guest, "admin")
    assert (await asked(site, theirs)).get("matches", []) == []
    if ending == "may_not_read":
        assert (await asked(site, theirs))["code"] == "capture_not_allowed"
    await site.sound()


async def test_what_is_asked_of_more_images_than_a_statement_takes_parameters_is_answered(site: Site) -> None:
    """A group, or the files made elsewhere, may be of more images than the 65,535 parameters of one statement."""
    await indexed(
        site, await capture_page(await site.pair(), {"https://a.example/1.jpg": SEEN, "https://a.example/2.jpg": MIRRORED})
    )
    actor = await site.services.operators.ensure_default_operator()
    async with site.services.database.session() as session:
        held = set((await session.exec(select(Image.id).where(Image.kind == "file"))).all())
        asked = [*held, *range(10**9, 10**9 + 70_000)]
        place = await ImageRows(site.services.database, SystemClock()).place(actor.organisation_id)
        assert len(held) == 2
        assert await untold(session, actor, asked) == {*asked} - held
        assert await neighbours(session, place, asked[1:]) == {asked[0]}, "the other one's, itself left out"
        among_them = await edges_among(session, place, asked)
        assert {one for edge in among_them for one in (edge.query_id, edge.known_id)} == held
