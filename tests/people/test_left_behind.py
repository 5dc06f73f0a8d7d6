"""Captures that their browser left unsealed: what lacks no byte is sealed by the service, what is damaged is named."""

import hashlib
import json
from pathlib import Path

from server.cases.service import CaseOrder
from server.trust.dsse import parse_envelope, sign_envelope
from server.trust.events import parse_event, seal_details
from tests.oracle import audited
from tests.people.conftest import Town
from tests.web.site import picture


async def test_the_service_seals_what_lacks_no_byte_where_nobody_can_ask_any_more(town: Town) -> None:
    """Of somebody who left: one capture with every byte, one without. The key was valid when it committed; no byte is lost."""
    admin, site = await town.admin(), town.site
    person = await site.colleague(admin.organisation_id, "fact_checker")
    device = await site.pair(operator=person)
    whole, part, sealed = [{"screenshot.viewport.png": picture(words=words)} for words in ("whole", "part", "sealed")]
    left = [(await device.commit(await device.statement(one))).json()["capture_id"] for one in (whole, part)]
    assert (await device.put(left[0], whole["screenshot.viewport.png"])).status_code == 204
    done = await device.capture(sealed)
    await town.services.people.disable(admin, person.operator_id)
    sealer = town.services.captures.sealer
    site.clock.move(86_399)
    assert await sealer.seal_left() == 0, "its browser may come back"
    site.clock.move(1)
    assert await sealer.seal_left() == 1 and await sealer.seal_left() == 0
    details = town.services.captures.details
    states = {one: (await details.detail(admin, one)).state for one in (*left, done)}
    assert states == {left[0]: "sealed", left[1]: "committed", done: "sealed"}
    chain = await town.services.custody.chain(f"capture:{left[0]}", organisation_id=admin.organisation_id)
    event = parse_event(parse_envelope(chain[-1].envelope).payload)
    assert (event.type, event.role) == ("capture.sealed", "service") and "for a day and complete" in str(event.details["reason"])
    assert [one.name for one in seal_details(event).artifacts] == ["screenshot.viewport.png"]
    case = await town.services.cases.open(admin, CaseOrder("Case"))
    assert (await town.services.cases.exhibits.add(admin, case.id, left[0])).number == 1
    await site.sound()


async def test_the_service_waits_a_day_for_the_last_byte_and_a_damaged_one_holds_up_no_other(town: Town, tmp_path: Path) -> None:
    admin, site = await town.admin(), town.site
    device = await site.pair(operator=await site.colleague(admin.organisation_id, "fact_checker"))
    damaged, late = [{"screenshot.viewport.png": picture(words=words)} for words in ("damaged", "late")]
    left = [(await device.commit(await device.statement(one))).json()["capture_id"] for one in (damaged, late)]
    assert (await device.put(left[0], damaged["screenshot.viewport.png"])).status_code == 204
    site.clock.move(86_400)
    assert (await device.put(left[1], late["screenshot.viewport.png"])).status_code == 204
    stored = next((tmp_path / "data" / "blobs").rglob(hashlib.sha256(damaged["screenshot.viewport.png"]).hexdigest()))
    stored.chmod(0o600)
    stored.write_bytes(b"something else")
    sealer = town.services.captures.sealer
    assert await sealer.seal_left() == 0, "one is damaged, the other complete for a moment"
    site.clock.move(86_400)
    assert await sealer.seal_left() == 1
    report = await audited(town.services, town.services.captures.evidence)
    [failed] = report.failures
    assert left[0] in failed.where and failed.reason == "arrived, but its bytes were changed"
    stored.unlink()  # a page tells what the service found, and reads nothing
    browser = await town.person(admin)
    assert "A stored file is damaged or gone" in (await browser.get("/")).text
    page = (await browser.get(f"/captures/{left[0]}")).text
    assert "Waiting for its files" not in page and "Not sealed: what is wrong" in page
    assert "screenshot.viewport.png" in page and "do not have the SHA-256 that was committed" in page
    assert (await device.put(left[0], damaged["screenshot.viewport.png"])).status_code == 204
    assert (await device.seal(left[0])).status_code == 200
    page = (await browser.get(f"/captures/{left[0]}")).text
    assert "Not sealed: what is wrong" not in page and "damaged or gone" not in page
    await site.sound()


async def test_the_day_without_a_missing_byte_begins_anew_when_a_lost_file_is_sent_again(town: Town, tmp_path: Path) -> None:
    """The seal of the service says that nothing was missing for a day."""
    admin, site = await town.admin(), town.site
    device = await site.pair(operator=await site.colleague(admin.organisation_id, "fact_checker"))
    data = picture()
    capture_id = (await device.commit(await device.statement({"screenshot.viewport.png": data}))).json()["capture_id"]
    assert (await device.put(capture_id, data)).status_code == 204
    next((tmp_path / "data" / "blobs").rglob(hashlib.sha256(data).hexdigest())).unlink()
    site.clock.move(86_400)
    sealer = town.services.captures.sealer
    assert await sealer.seal_left() == 0
    for _ in range(2):  # the second time the bytes are there: nothing begins anew
        assert (await device.put(capture_id, data)).status_code == 204
        assert await sealer.seal_left() == 0
        site.clock.move(43_200)
    assert await sealer.seal_left() == 1
    await site.sound()


async def test_a_statement_that_states_another_length_of_held_bytes_is_not_sealed_and_accuses_no_store(town: Town) -> None:
    site, artifacts = town.site, {"screenshot.viewport.png": picture()}
    device = await site.pair(operator=await site.colleague((await town.admin()).organisation_id, "fact_checker"))
    await device.capture(artifacts)
    payload = json.loads(parse_envelope(await device.statement(artifacts)).payload)
    payload["subject"][0]["annotations"]["sizeBytes"] += 1
    assert (await device.commit(sign_envelope(json.dumps(payload).encode(), device.keys))).json()["missing"] == []
    site.clock.move(2 * 86_400)
    assert await town.services.captures.sealer.seal_left() == 0
    await site.sound()


async def test_a_browser_that_comes_back_is_given_the_seal_of_the_service(town: Town) -> None:
    admin, site = await town.admin(), town.site
    person = await site.colleague(admin.organisation_id, "fact_checker")
    device, artifacts = await site.pair(operator=person), {"screenshot.viewport.png": picture()}
    capture_id = (await device.commit(await device.statement(artifacts))).json()["capture_id"]
    assert (await device.put(capture_id, artifacts["screenshot.viewport.png"])).status_code == 204
    await town.services.people.change_roles(admin, person.operator_id, ["external_recipient"])
    assert (await device.seal(capture_id)).status_code == 403
    site.clock.move(86_400)
    assert await town.services.captures.sealer.seal_left() == 1
    await town.services.people.change_roles(admin, person.operator_id, ["fact_checker"])
    answer = (await device.seal(capture_id)).json()
    assert parse_event(parse_envelope(answer["event"].encode()).payload).role == "service" and answer["receipt"]
