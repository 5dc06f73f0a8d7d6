"""The path of a capture over HTTP: challenge → commit → upload → seal → checks → reading."""

import hashlib

from server.trust.checkpoint import LogTrust
from server.trust.note import parse_vkey
from server.trust.receipt import verify_receipt
from tests.web.site import Site


async def test_a_capture_goes_from_challenge_to_sealed_and_both_receipts_verify(site: Site) -> None:
    device = await site.pair()
    trust = LogTrust(device.pairing["origin"], parse_vkey(device.pairing["log_vkey"]))
    artifacts = device.artifacts()
    committed = (await device.commit(await device.statement(artifacts))).json()
    assert committed["state"] == "committed"
    assert sorted(committed["missing"]) == sorted(hashlib.sha256(data).hexdigest() for data in artifacts.values())
    leaf = hashlib.sha256(committed["event"].encode()).digest()
    verify_receipt(committed["receipt"].encode(), leaf, trust)
    for data in artifacts.values():
        assert (await device.put(committed["capture_id"], data)).status_code == 204
    sealed = await device.seal(committed["capture_id"])
    assert sealed.status_code == 200
    verify_receipt(sealed.json()["receipt"].encode(), hashlib.sha256(sealed.json()["event"].encode()).digest(), trust)
    await site.sound()
