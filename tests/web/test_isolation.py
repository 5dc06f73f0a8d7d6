"""Nobody gets in without credentials; nobody sees, or learns by hash, what another organisation holds."""

import hashlib
import re
import secrets

import pytest

from server.app import openapi_document
from tests.web.site import Site

PUBLIC = {
    "/healthz",
    "/readyz",
    "/metrics",
    "/log/checkpoint",
    "/log/tile/{level}/{path}",
    "/log/tile/entries/{path}",
    "/api/v1/devices",
}
CALLS = [(method, path) for path, methods in openapi_document()["paths"].items() if path not in PUBLIC for method in methods]
PAGES = [("get", path) for path in ("/", "/exports", "/devices", "/captures/{capture_id}", "/captures/{capture_id}/thumbnail")]
ACTS = [("post", path) for path in ("/exports", "/devices/pairing-code", "/sign-out")]


def filled(path: str) -> str:
    values = {"export_id": "00000000-0000-4000-8000-000000000000", "upload_id": "0" * 32}
    return re.sub(r"\{(\w+)\}", lambda found: values.get(found[1], "0" * 64), path)


async def test_every_call_without_credentials_is_401(site: Site) -> None:
    assert len(CALLS) > 15
    for method, path in CALLS + PAGES + ACTS:
        answer = await site.http.request(method, filled(path))
        assert answer.status_code == 401, (method, path, answer.status_code)


@pytest.mark.parametrize("token", ["", "x", "hsd_" + "A" * 43, "A" * 10_000, "\x00"])
async def test_a_made_up_token_is_401(site: Site, token: str) -> None:
    answer = await site.http.get("/api/v1/challenge", headers={"Authorization": f"Bearer {token}".encode()})
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"


async def test_another_organisation_gets_the_same_404_as_for_what_is_absent(site: Site) -> None:
    owner, stranger = await site.pair(), await site.pair(operator=await site.other_organisation())
    artifacts = owner.artifacts()
    capture_id = await owner.capture(artifacts)
    known = hashlib.sha256(artifacts["page.wacz"]).hexdigest()
    for there, absent in ((capture_id, secrets.token_hex(32)),):
        for suffix in ("", "/receipt", "/statement", "/events", "/artifacts/page.wacz"):
            theirs = await site.http.get(f"/api/v1/captures/{there}{suffix}", headers=stranger.headers)
            nothing = await site.http.get(f"/api/v1/captures/{absent}{suffix}", headers=stranger.headers)
            assert theirs.status_code == nothing.status_code == 404, suffix
            assert theirs.text.replace(there, "") == nothing.text.replace(absent, "")
        assert (await stranger.seal(there)).status_code == 404
        assert (await stranger.put(there, artifacts["page.wacz"])).status_code == 404
    assert (await site.http.get("/api/v1/captures", headers=stranger.headers)).json()["captures"] == []
    mine = (await stranger.commit(await stranger.statement({"page.wacz": artifacts["page.wacz"]}))).json()
    assert mine["missing"] == [known], "what another organisation holds is not told by its hash"
    await site.sound()


async def test_another_organisations_people_see_nothing_of_ours(site: Site) -> None:
    capture_id = await (await site.pair()).capture()
    stranger = await site.person(await site.other_organisation())
    assert capture_id not in (await stranger.get("/")).text
    assert (await stranger.get(f"/captures/{capture_id}")).status_code == 404
    asked = {"kind": "bundle", "captures": [capture_id], "purpose": "p", "recipient": "r"}
    assert (await stranger.post("/api/v1/exports", json=asked)).status_code == 404
    await site.sound()


async def test_a_device_sees_its_own_captures_only(site: Site) -> None:
    first, second = await site.pair("One"), await site.pair("Two")
    capture_id = await first.capture()
    assert (await site.http.get(f"/api/v1/captures/{capture_id}", headers=second.headers)).status_code == 404
    assert (await site.http.get(f"/api/v1/captures/{capture_id}", headers=first.headers)).status_code == 200


async def test_a_statement_of_another_device_cannot_be_taken_over(site: Site) -> None:
    first, second = await site.pair("One"), await site.pair("Two")
    envelope = await first.statement(first.artifacts())
    assert (await first.commit(envelope)).status_code == 201
    assert (await second.commit(envelope)).status_code == 403
    await site.sound()


async def test_a_revoked_device_is_out_at_once(site: Site) -> None:
    device = await site.pair()
    capture_id = await device.capture()
    person = await site.person()
    assert (await person.post(f"/devices/{device.pairing['device_id']}/revoke")).status_code == 303
    assert (await site.http.get("/api/v1/challenge", headers=device.headers)).status_code == 401
    assert (await person.get(f"/captures/{capture_id}")).status_code == 200, "what it sealed before stays"
    await site.sound()


async def test_what_a_revoked_key_committed_is_delivered_by_its_operators_next_device(site: Site) -> None:
    """A browser that was shut out and paired anew still holds the bytes; a capture must not be lost with its key."""
    first, other = await site.pair("One"), await site.pair(operator=await site.other_organisation())
    artifacts = first.artifacts()
    capture_id = (await first.commit(await first.statement(artifacts))).json()["capture_id"]
    person = await site.person()
    assert (await person.post(f"/devices/{first.pairing['device_id']}/revoke")).status_code == 303
    anew = await site.pair("One, paired anew")
    assert (await other.seal(capture_id)).status_code == 404
    for data in artifacts.values():
        assert (await other.put(capture_id, data)).status_code == 404
        assert (await anew.put(capture_id, data)).status_code == 204
    assert (await anew.seal(capture_id)).status_code == 200
    await site.sound()


async def test_a_device_cannot_do_what_people_do(site: Site) -> None:
    device = await site.pair()
    capture_id = await device.capture()
    asked = {"kind": "bundle", "captures": [capture_id], "purpose": "p", "recipient": "r"}
    assert (await site.http.post("/api/v1/exports", json=asked, headers=device.headers)).status_code == 403
    assert (await site.http.get("/", headers=device.headers)).status_code == 403
    person = await site.person()
    assert (await person.get("/api/v1/challenge")).status_code == 403


async def test_another_site_cannot_act_with_a_persons_cookie(site: Site) -> None:
    person = await site.person()
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}):
        assert (await person.post("/devices/pairing-code", headers=headers)).status_code == 403, headers
    assert (await person.post("/devices/pairing-code", headers={"Origin": "http://holdstill.test"})).status_code == 200
