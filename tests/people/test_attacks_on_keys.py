"""Attacks on passkeys and on browsers: answers of other pages, floods of questions, a key revoked while its bytes come."""

import hashlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from server.db import run_sql
from server.errors import PasskeyRefused, SignInPaused, SignInRefused
from server.operators.pacing import FIRST_PAUSE, address_key, asking_key
from server.operators.sessions import Arrival
from tests.people.conftest import ORIGIN, Town
from tests.people.softkey import SoftKey

PASSWORD = "correct horse battery"


LIES: dict[str, Callable[[SoftKey], SoftKey]] = {
    "in another site's frame": lambda key: SoftKey(**vars(key) | {"framed": True}),
    "an answer to another question": lambda key: SoftKey(**vars(key) | {"kind": "webauthn.payment"}),
    "of a page under our name": lambda key: SoftKey(**vars(key) | {"origin": "http://evil.localhost:8443"}),
    "of another port": lambda key: SoftKey(**vars(key) | {"origin": "http://localhost:8444"}),
}


@pytest.mark.parametrize("lie", sorted(LIES))
async def test_a_passkeys_answer_of_another_page_counts_nowhere(town: Town, lie: str) -> None:
    admin, services = await town.admin(), town.services
    cookie = await town.cookie(admin)
    key = await town.add_passkey(cookie)
    with pytest.raises(SignInRefused):
        await town.sign_in(LIES[lie](key))
    asked = await services.passkeys.ask_for_new(admin, cookie)
    with pytest.raises(PasskeyRefused):
        await services.passkeys.verify_new(admin, cookie, asked.handle, LIES[lie](SoftKey(ORIGIN)).create(asked.options))
    key.count += 10
    assert (await town.sign_in(key)).actor == admin


async def test_a_challenge_to_add_a_passkey_signs_nobody_in_and_the_other_way_round(town: Town) -> None:
    admin, services = await town.admin(), town.services
    cookie = await town.cookie(admin)
    key = await town.add_passkey(cookie)
    added, shown = await services.passkeys.ask_for_new(admin, cookie), await services.passkeys.ask_for_one(cookie)
    with pytest.raises(SignInRefused):
        await services.passkeys.verify_shown(cookie, added.handle, key.get(shown.options))
    with pytest.raises(PasskeyRefused, match="challenge"):
        await services.passkeys.verify_new(admin, cookie, shown.handle, SoftKey(ORIGIN).create(added.options))


async def test_questions_for_passkeys_are_counted_and_whoever_floods_them_locks_nobody_out(town: Town) -> None:
    admin, services = await town.admin(), town.services
    await services.accounts.set_password(admin, "desk", PASSWORD)
    key = await town.add_passkey(await town.cookie(admin))
    transport: Any = town.site.http._transport
    flood = asking_key("192.0.2.66").free
    transport.client = ("192.0.2.66", 1)
    begun = await services.passkeys.ask_for_one("hsp_victim")
    assert (await town.browser().post("/sign-in/passkey")).status_code == 200
    for _ in range(flood - 1):
        await services.sign_ins.count_asking("192.0.2.66")
    paused = await town.browser().post("/sign-in/passkey")
    assert paused.status_code == 429 and paused.headers["retry-after"] == "60" and "data-options" not in paused.text
    assert "Passkeys were asked for too often" in paused.text and "set-cookie" not in paused.headers
    async with services.database.session() as session:
        [rows] = await run_sql(session, "SELECT count(*) AS n FROM sign_in_challenge")
    assert rows.n == 2, "what is refused leaves no row"
    transport.client = ("192.0.2.67", 1)
    assert (await town.browser().post("/sign-in/passkey")).status_code == 200, "another address asks"
    here = Arrival(address="192.0.2.66")
    assert (await services.sign_ins.by_password("desk", PASSWORD, here)).actor == admin, "passwords from there go on"
    shown = await services.passkeys.verify_shown("hsp_victim", begun.handle, key.get(begun.options))
    assert (await services.sign_ins.by_passkey(shown, here)).actor == admin, "so does an answer to what was asked before"
    for _ in range(flood):
        await services.sign_ins.count_asking("192.0.2.66")  # that answer forgot what was counted
    with pytest.raises(SignInPaused):
        await services.sign_ins.count_asking("192.0.2.66")
    for _ in range(2):  # the pause does not grow, and as many questions are free after each
        town.site.clock.move(FIRST_PAUSE.total_seconds())  # type: ignore[union-attr]
        for _ in range(flood):
            await services.sign_ins.count_asking("192.0.2.66")
    assert await services.sign_ins.pace.count(address_key("192.0.2.66")) == 0, "tries are counted apart"


async def test_a_browser_that_is_revoked_in_the_middle_of_an_upload_leaves_no_artifact(town: Town) -> None:
    device, admin = await town.site.pair(), await town.admin()
    artifacts = device.artifacts()
    committed = (await device.commit(await device.statement(artifacts))).json()
    data = artifacts["page.wacz"]
    sha256 = hashlib.sha256(data).hexdigest()

    async def bytes_then_revoked() -> AsyncIterator[bytes]:
        yield data[:100]
        [row] = await town.services.operators.list_devices(admin)
        await town.services.enrolment.revoke_device(admin, row.id)
        yield data[100:]

    path = f"/api/v1/captures/{committed['capture_id']}/artifacts/{sha256}"
    headers = device.headers | {"Content-Length": str(len(data))}
    answer = await town.site.http.put(path, content=bytes_then_revoked(), headers=headers)
    assert answer.status_code == 401 and answer.json()["code"] == "device_revoked"
    async with town.services.database.session() as session:
        [rows] = await run_sql(session, "SELECT count(*) AS n FROM blob")
    assert rows.n == 0
    anew = await town.site.pair("Paired anew")
    assert (await anew.put(committed["capture_id"], data)).status_code == 204, "the person's next browser delivers it"
    await town.site.sound()
