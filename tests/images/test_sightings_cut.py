"""A list of places that was cut says so: how many there are, and that these are the first; no picture loses all of its places."""

import hashlib

import pytest

from server.images import telling
from tests.images.pages import capture_page, indexed
from tests.media.pictures import encoded, scene
from tests.web.site import Site

OFTEN, ONCE = encoded(scene(31), "JPEG", quality=90), encoded(scene(32), "JPEG", quality=90)


def path(picture: bytes) -> str:
    return f"/api/v1/images/{hashlib.sha256(picture).hexdigest()}/sightings"


async def test_a_cut_list_of_sightings_says_so_everywhere(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    device, person = await site.pair(), await site.person()
    shown = {f"https://a.example/{number}.jpg": OFTEN for number in range(5)}
    capture = await capture_page(device, shown | {"https://a.example/z.jpg": ONCE})
    await indexed(site, capture)
    whole = (await person.get(path(OFTEN))).json()
    assert (whole["count"], whole["truncated"], len(whole["sightings"])) == (5, False, 5)
    monkeypatch.setattr(telling, "SIGHTINGS_LIMIT", 2)
    cut = (await person.get(path(OFTEN))).json()
    assert (cut["count"], cut["truncated"]) == (5, True) and cut["sightings"] == whole["sightings"][:2], "the oldest"
    assert "and 3 more" in (await person.get(f"/images/{hashlib.sha256(OFTEN).hexdigest()}")).text
    listed = (await person.get(f"/api/v1/captures/{capture}/images")).json()["pictures"]
    places = (await person.get(f"/captures/{capture}")).text
    assert "5 places here" in places, "not at the one that is listed"
    told = {one["image"]["sha256"]: (one["sightings_count"], len(one["sightings"])) for one in listed}
    assert told[hashlib.sha256(OFTEN).hexdigest()] == (5, 1) and told[hashlib.sha256(ONCE).hexdigest()] == (1, 1)
    monkeypatch.setattr(telling, "SIGHTINGS_LIMIT", 1)
    listed = (await person.get(f"/api/v1/captures/{capture}/images")).json()["pictures"]
    assert sorted(one["sightings_count"] for one in listed) == [1, 1, 5], "of more pictures than places, each is counted"
    monkeypatch.setattr(telling, "SIGHTINGS_LIMIT", 2)
    found = (await person.post("/api/v1/images/search", content=OFTEN)).json()["matches"][0]
    assert (found["kind"], found["sightings_count"], len(found["sightings"]), found["hidden"]) == ("exact", 5, 2, 0), (
        "not hidden: cut"
    )
    clusters = (await person.get("/api/v1/clusters")).json()["clusters"]
    sizes = []
    for one in clusters:
        answer = (await person.get(f"/api/v1/clusters/{one['cluster_id']}/sightings")).json()
        sizes.append((answer["count"], answer["truncated"], len(answer["sightings"])))
    assert (5, True, 2) in sizes and (1, False, 1) in sizes
