"""Committing: what is refused, what is late but accepted, and that a repeated commit changes nothing."""

import base64
import hashlib
import json
import secrets

import pytest

from server.db import run_sql
from server.trust.dsse import parse_envelope, sign_envelope
from tests.trust.parties import Device as Keys
from tests.web.site import Site


async def test_the_same_statement_again_gives_the_same_event_and_changes_nothing(site: Site) -> None:
    device = await site.pair()
    envelope = await device.statement(device.artifacts())
    first, second = await device.commit(envelope), await device.commit(envelope)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["event"] == second.json()["event"]
    assert first.json()["receipt"].split("\n")[1] == second.json()["receipt"].split("\n")[1], "the same place in the log"
    signed_again = sign_envelope(parse_envelope(envelope).payload, device.keys)
    assert signed_again != envelope
    third = await device.commit(signed_again)
    assert third.status_code == 200 and third.json()["event"] == first.json()["event"]
    await site.sound()


async def test_a_nonce_used_by_another_capture_is_refused(site: Site) -> None:
    device = await site.pair()
    challenge = await device.challenge()
    first = await device.commit(await device.statement(device.artifacts(), nonce=challenge["nonce"]))
    assert first.status_code == 201
    replay = await device.commit(await device.statement(device.artifacts(), nonce=challenge["nonce"]))
    assert replay.status_code == 409 and replay.json()["code"] == "nonce_used"
    await site.sound()


@pytest.mark.parametrize(("case", "expected"), [("fresh", "fresh"), ("late", "old"), ("offline", "none"), ("foreign", "none")])
async def test_late_evidence_is_accepted_and_its_age_recorded(site: Site, case: str, expected: str) -> None:
    device = await site.pair()
    if case == "offline":
        envelope = await device.statement(device.artifacts(), online=False)
    elif case == "foreign":
        other = await site.pair("Another browser")
        envelope = await device.statement(device.artifacts(), nonce=(await other.challenge())["nonce"])
    else:
        envelope = await device.statement(device.artifacts())
    if case == "late":
        site.clock.move(3600)
    answer = await device.commit(envelope)
    assert answer.status_code == 201
    event = json.loads(parse_envelope(answer.json()["event"].encode()).payload)
    details = event["predicate"]["details"]
    assert details["nonce"] == expected
    assert details["nonceAgeSeconds"] == (3600 if case == "late" else 0 if case == "fresh" else None)
    await site.sound()


async def test_malformed_envelopes_are_refused_and_leave_nothing(site: Site) -> None:
    device = await site.pair()
    good = await device.statement(device.artifacts())
    envelope = json.loads(good)
    payload = json.loads(base64.b64decode(envelope["payload"]))
    stranger, first = Keys(), payload["subject"][0]

    def signed(changed: dict[str, object]) -> bytes:
        return sign_envelope(json.dumps(changed).encode(), device.keys)

    wrong = {
        "empty": b"",
        "no json": b"{",
        "twice": b'{"payload":"","payload":""}',
        "deep": b"[" * 100_000,
        "no signature": json.dumps(envelope | {"signatures": []}).encode(),
        "two signatures": json.dumps(envelope | {"signatures": envelope["signatures"] * 2}).encode(),
        "other type": json.dumps(envelope | {"payloadType": "text/plain"}).encode(),
        "not a statement": signed({"_type": "x"}),
        "no artifact": signed(payload | {"subject": []}),
        "traversal": signed(payload | {"subject": [first | {"name": "../../etc/passwd"}]}),
        "twice the name": signed(payload | {"subject": payload["subject"] + payload["subject"]}),
        "too large": signed(payload | {"subject": [first | {"annotations": first["annotations"] | {"sizeBytes": 2**52}}]}),
        "another's key": sign_envelope(parse_envelope(good).payload, stranger),
        "flipped": good.replace(b'"sig":"M', b'"sig":"N', 1),
    }  # fmt: skip
    for name, body in wrong.items():
        answer = await device.commit(body)
        assert answer.status_code in (403, 422), (name, answer.status_code, answer.text)
        assert answer.json()["code"] in ("statement_refused", "signature_refused"), (name, answer.text)
    listed = await site.http.get("/api/v1/captures", headers=device.headers)
    assert listed.json()["captures"] == []
    await site.sound()


async def test_text_that_a_database_cannot_hold_is_still_evidence(site: Site) -> None:
    device = await site.pair()
    artifacts = {"upload.0.bin": secrets.token_bytes(10)}
    envelope = await device.statement(artifacts, title="a\x00b", url="https://[broken", finalUrl="https://[broken", note="\x00")
    answer = await device.commit(envelope)
    assert answer.status_code == 201, answer.text
    found = await site.http.get(f"/api/v1/captures/{answer.json()['capture_id']}", headers=device.headers)
    assert found.json()["title"] == "ab" and found.json()["host"] == ""
    stored = await site.http.get(f"/api/v1/captures/{answer.json()['capture_id']}/statement", headers=device.headers)
    assert stored.content == envelope, "the envelope is kept to the byte"
    await site.sound()


async def test_a_seal_is_refused_until_all_is_here_and_given_again_afterwards(site: Site) -> None:
    device = await site.pair()
    artifacts = device.artifacts()
    capture_id = (await device.commit(await device.statement(artifacts))).json()["capture_id"]
    refused = await device.seal(capture_id)
    assert refused.status_code == 409 and refused.json()["code"] == "artifacts_missing"
    assert sorted(refused.json()["missing"]) == sorted(hashlib.sha256(data).hexdigest() for data in artifacts.values())
    for data in artifacts.values():
        await device.put(capture_id, data)
    first, second = await device.seal(capture_id), await device.seal(capture_id)
    assert first.status_code == second.status_code == 200 and first.json()["event"] == second.json()["event"]
    again = await device.commit((await site.http.get(f"/api/v1/captures/{capture_id}/statement", headers=device.headers)).content)
    assert again.status_code == 200 and again.json()["state"] == "sealed" and again.json()["missing"] == []
    await site.sound()


async def test_a_lost_answer_is_given_to_the_next_device_of_the_operator(site: Site) -> None:
    """Committed, the answer lost, the key revoked, the browser paired anew: the same payload under the new key is known."""
    first = await site.pair("One")
    artifacts = first.artifacts()
    envelope = await first.statement(artifacts)
    lost = await first.commit(envelope)
    payload = parse_envelope(envelope).payload
    early = await (colleague := await site.pair("A colleague")).commit(sign_envelope(payload, colleague.keys))
    assert early.status_code == 409 and early.json()["code"] == "statement_taken", "the first device is not revoked"
    assert (await (await site.person()).post(f"/devices/{first.pairing['device_id']}/revoke")).status_code == 303
    anew = await site.pair("One, paired anew")
    again = await anew.commit(sign_envelope(payload, anew.keys))
    assert again.status_code == 200 and again.json()["event"] == lost.json()["event"], again.text
    unsigned = await anew.commit(envelope)
    assert unsigned.status_code == 403 and unsigned.json()["code"] == "signature_refused", "possession of the new key is shown"
    stranger = await site.pair(operator=await site.other_organisation())
    refused = await stranger.commit(sign_envelope(payload, stranger.keys))
    assert refused.status_code == 409 and refused.json()["code"] == "statement_taken"
    capture_id = again.json()["capture_id"]
    for data in artifacts.values():
        assert (await anew.put(capture_id, data)).status_code == 204
    assert (await anew.seal(capture_id)).status_code == 200
    stored = await site.http.get(f"/api/v1/captures/{capture_id}/statement", headers=anew.headers)
    assert stored.content == envelope, "the envelope first committed is the evidence"
    await site.sound()


@pytest.mark.parametrize("claimed", ["0001-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z"])
async def test_a_wild_device_clock_is_kept_and_said_and_breaks_no_page(site: Site, claimed: str) -> None:
    """Evidence is never refused for a wrong clock; a database set to another zone must not turn it into an error."""
    async with site.services.database.transaction() as session:
        zone = "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET timezone = %L', current_database(), 'Asia/Tokyo'); END $$"
        await run_sql(session, zone)
    await site.services.database.engine.dispose()
    device = await site.pair()
    capture_id = await device.capture(capturedAt=claimed)
    await site.services.captures.checks.run(capture_id)
    person = await site.person()
    for path in ("/", f"/captures/{capture_id}", f"/api/v1/captures/{capture_id}", "/api/v1/captures?q=story"):
        assert (await person.get(path)).status_code == 200, path
    found = (await person.get(f"/api/v1/captures/{capture_id}")).json()
    clock = next(check for check in found["checks"] if check["name"] == "clock")
    assert clock["outcome"] == "FAILED" and claimed in clock["reason"]
    assert not any("broke" in check["reason"] for check in found["checks"])
    listed = (await person.get("/api/v1/captures")).json()["captures"][0]["captured_at"]
    assert 2000 <= int(listed[:4]) <= site.services.clock.now().year + 2
    await site.sound()


async def test_a_media_type_longer_than_its_column_is_refused_as_a_statement(site: Site) -> None:
    device = await site.pair()
    payload = json.loads(parse_envelope(await device.statement(device.artifacts())).payload)
    payload["subject"][0]["annotations"]["mediaType"] = "a" * 90 + "/" + "b" * 90
    refused = await device.commit(sign_envelope(json.dumps(payload).encode(), device.keys))
    assert refused.status_code == 422 and refused.json()["code"] == "statement_refused"
