"""Search by picture over HTTP: what is found, who sees what of it, and what another organisation cannot learn."""

import hashlib
import io

import pytest

from tests.images.pages import capture_page, indexed
from tests.media.pictures import cropped, encoded, scene
from tests.web.site import Site

SEARCH = "/api/v1/images/search"
SHARED = encoded(scene(21), "JPEG", quality=90)
DIGEST = hashlib.sha256(SHARED).hexdigest()


async def test_a_picture_is_found_with_sightings_kind_and_evidence(site: Site) -> None:
    mine, colleague = await site.pair("Mine"), await site.pair("Colleague")
    own = await capture_page(mine, {"https://a.example/1.jpg": SHARED})
    other = await capture_page(colleague, {"https://b.example/1.jpg": SHARED, "https://b.example/2.png": encoded(scene(22))})
    await indexed(site, own, other)
    person = await site.person()

    exact = (await person.post(SEARCH, content=SHARED)).json()
    assert [one["kind"] for one in exact["matches"]] == ["exact"]
    assert {one["capture_id"] for one in exact["matches"][0]["sightings"]} == {own, other}
    assert exact["matches"][0]["hidden"] == 0 and exact["clusters"][0]["counts"]["instances"] == 2
    assert exact["clusters"][0]["counts"]["images"] == 1, "identical files are one image"

    part = encoded(cropped(scene(21), 0.6))
    sent = {"file": ("p.png", io.BytesIO(part), "image/png")}
    found = (await person.post(SEARCH, files=sent)).json()["matches"][0]
    assert found["kind"] == "contains" and len(found["evidence"]["matrix"]) == 6 and found["evidence"]["inliers"] >= 8
    assert found["evidence"]["correlation"] >= 0.8 and found["evidence"]["visible_known"] < 0.6

    seen = (await site.http.post(SEARCH, content=SHARED, headers=mine.headers)).json()
    assert {one["capture_id"] for one in seen["matches"][0]["sightings"]} == {own, other}, (
        "a device is told what its person may see"
    )
    assert seen["matches"][0]["hidden"] == 0 and seen["clusters"] == []
    assert (await site.http.get(f"/api/v1/captures/{other}", headers=mine.headers)).status_code == 404, "told of, not opened"

    again = (await person.get(SEARCH, params={"image": DIGEST})).json()["results"]
    assert again[0]["matches"][0]["kind"] == "exact"
    address = f"http://holdstill.test/captures/{other}?tab=images"
    both = (await person.get(SEARCH, params={"capture": address})).json()["results"]
    assert {one["sha256"] for one in both} == {DIGEST, hashlib.sha256(encoded(scene(22))).hexdigest()}
    thumbnail = await person.get(f"/api/v1/images/{DIGEST}/thumbnail")
    assert thumbnail.headers["content-type"] == "image/webp" and thumbnail.content[8:12] == b"WEBP"

    assert (
        await site.http.get(f"/api/v1/clusters/{exact['clusters'][0]['cluster_id']}", headers=mine.headers)
    ).status_code == 403
    merged = await person.post(
        f"/api/v1/clusters/{exact['clusters'][0]['cluster_id']}/split", json={"images": [DIGEST], "reason": "no"}
    )
    assert (merged.status_code, merged.json()["code"]) == (409, "decision_refused")
    frozen = await person.post(f"/api/v1/clusters/{exact['clusters'][0]['cluster_id']}/counts")
    assert frozen.status_code == 201
    assert (await person.get(f"/api/v1/counts/{frozen.json()['id']}")).json()["is_same"]
    await site.sound()


async def test_another_organisation_learns_nothing_of_ours(site: Site) -> None:
    capture_id = await capture_page(await site.pair(), {"https://a.example/1.jpg": SHARED})
    await indexed(site, capture_id)
    stranger = await site.other_organisation()
    owner, outside = await site.person(), await site.person(stranger)
    cluster = (await owner.get("/api/v1/clusters")).json()["clusters"][0]["cluster_id"]
    absent = {"sha": "0" * 64, "cluster": "00000000-0000-4000-8000-000000000000"}
    there = {"sha": DIGEST, "cluster": cluster}
    for path in (
        "/api/v1/images/{sha}",
        "/api/v1/images/{sha}/sightings",
        "/api/v1/images/{sha}/thumbnail",
        "/api/v1/images/search?image={sha}",
        "/api/v1/clusters/{cluster}",
        "/api/v1/clusters/{cluster}/sightings",
        f"/api/v1/captures/{capture_id}/images",
        f"/api/v1/images/search?capture={capture_id}",
    ):
        theirs, nothing = [await outside.get(path.format(**names)) for names in (there, absent)]
        assert theirs.status_code == nothing.status_code == 404, path
        assert theirs.text.replace(DIGEST, "").replace(cluster, "") == nothing.text.replace("0" * 64, "").replace(
            absent["cluster"], ""
        )
    for act, body in (("merge", {"other": cluster, "reason": "r"}), ("reject", {"image": DIGEST, "reason": "r"})):
        assert (await outside.post(f"/api/v1/clusters/{cluster}/{act}", json=body)).status_code == 404
    searched = (await outside.post(SEARCH, content=SHARED)).json()
    assert searched["matches"] == [] and searched["searched"] == 0, "not even how much there is"
    assert (await outside.get("/api/v1/clusters")).json() == {"clusters": []}
    await site.sound()


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        (b"", "empty"),
        (b"<svg width='1'/>", "svg"),
        (SHARED[:200], "broken"),
        (b"hello", "not_a_picture"),
        (encoded(scene(1))[:-900], "broken"),
    ],
)
async def test_what_is_no_picture_is_refused_with_its_outcome(site: Site, body: bytes, outcome: str) -> None:
    device = await site.pair()
    answer = await site.http.post(SEARCH, content=body, headers=device.headers)
    assert answer.status_code == 422
    assert (answer.json()["code"], answer.json()["outcome"]) == ("picture_refused", outcome)


async def test_too_large_and_half_said_questions_are_refused(site: Site) -> None:
    device = await site.pair()
    headers = device.headers | {"Content-Length": str(40 << 20)}
    assert (await site.http.post(SEARCH, content=b"x", headers=headers)).status_code == 413
    for query in ("", "?image=a&capture=b", "?capture=https://evil.example/x"):
        assert (await site.http.get(SEARCH + query, headers=device.headers)).status_code == 422, query
    form = {"other": (None, "x")}
    assert (await site.http.post(SEARCH, files=form, headers=device.headers)).status_code == 422
