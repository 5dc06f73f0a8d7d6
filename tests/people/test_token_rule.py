"""Tokens under a rule that asks for passkeys: only those that a session by passkey made go on, and the rule's page says so."""

import json
from typing import Any

import httpx2
import pytest

from server.errors import Forbidden
from server.operators.roles import Right
from server.operators.tokens import TokenOrder, UnprovedTokens
from tests.people.conftest import DESK, Town

PASSWORD = "correct horse battery"


async def asked(town: Town, token: str) -> httpx2.Response:
    return await town.site.http.get("/api/v1/captures", headers={"Authorization": f"Bearer {token}"})


async def made(town: Town, actor: Any, label: str = "nightly list") -> str:
    return (await town.services.tokens.create(actor, TokenOrder(label, ("read",), 30)))[1]


async def test_a_token_made_without_a_passkey_rests_while_one_is_asked_for(town: Town) -> None:
    admin, services = await town.admin(), town.services
    fellow = await town.site.colleague(admin.organisation_id, "investigator", name="Ida")
    await services.accounts.set_password(fellow, "ida", PASSWORD)
    thief = (await services.sign_ins.by_password("ida", PASSWORD, DESK)).actor
    old = await made(town, thief, "canary label")
    browser = await town.person(admin)
    await town.add_passkey(browser)
    [row] = await services.tokens.unproved(admin)
    assert row == UnprovedTokens("Ida", 1, is_resting=False)
    before = (await browser.get("/people")).text
    assert 'id="unproved"' in before and "1 token" in before and "Working" in before and "canary label" not in before
    assert (await asked(town, old)).status_code == 200

    assert (await browser.post("/people/passkeys", data={"whom": "administrators"})).status_code == 303
    assert (await asked(town, old)).status_code == 200, "the rule does not ask its maker"
    assert (await browser.post("/people/passkeys", data={"whom": "everybody"})).status_code == 303
    refused = await asked(town, old)
    assert (refused.status_code, refused.json()["code"]) == (403, "passkey_due")
    assert "Stopped" in (await browser.get("/people")).text
    theirs = await town.person(fellow)
    key = await town.add_passkey(theirs)
    assert (await asked(town, old)).status_code == 403, "that its maker has a passkey now tells nothing about the token"
    assert "made without one" in (await theirs.get("/account")).text
    new = await made(town, (await town.sign_in(key)).actor)
    assert (await asked(town, new)).status_code == 200
    assert [one.count for one in await services.tokens.unproved(admin)] == [1], "the new one is no concern of the rule"

    assert (await browser.post("/people/passkeys", data={"whom": "nobody"})).status_code == 303
    assert (await asked(town, old)).status_code == 200, "it was not ended"
    await town.site.sound()


async def test_who_becomes_an_administrator_later_falls_under_the_rule_with_the_tokens(town: Town) -> None:
    admin, services = await town.admin(), town.services
    fellow = await town.site.colleague(admin.organisation_id, "investigator")
    token = await made(town, fellow)
    cookie = await town.cookie(admin)
    cookie = (await town.add_passkey(cookie)).cookie
    await services.people.ask_passkeys_of(await services.sessions.authenticate(cookie), "administrators")
    assert (await services.tokens.authenticate(token)).rights == {Right.READ}
    await services.people.change_roles(admin, fellow.operator_id, ["investigator", "admin"])
    resting = await services.tokens.authenticate(token)
    assert resting.rights == frozenset() and resting.passkey_due


async def test_a_passkey_of_which_there_may_be_a_copy_stands_behind_no_token_and_one_that_was_replaced_does(town: Town) -> None:
    admin, services = await town.admin(), town.services
    cookie = await town.cookie(admin)
    kept, copied = await town.add_passkey(cookie, "Kept"), await town.add_passkey(await town.cookie(admin), "Copied")
    await services.people.ask_passkeys_of(await services.sessions.authenticate(kept.cookie), "everybody")
    good, bad = [await made(town, (await town.sign_in(key)).actor) for key in (kept, copied)]
    copied.count = 0
    with pytest.raises(Exception, match="sign_in_refused"):
        await town.sign_in(copied)
    assert [(await asked(town, token)).status_code for token in (good, bad)] == [200, 403]
    actor = (await town.sign_in(kept)).actor
    await town.add_passkey((await town.sign_in(kept)).cookie, "New")
    [old] = [one for one in await services.passkeys.of_person(admin.operator_id) if one.label == "Kept"]
    await services.accounts.remove_passkey(actor, old.id)
    assert (await asked(town, good)).status_code == 200


async def test_whose_tokens_a_rule_stops_is_told_to_who_administers_there_alone(town: Town) -> None:
    admin, services = await town.admin(), town.services
    await made(town, admin)
    ended, _ = await services.tokens.create(admin, TokenOrder("ended", ("read",), 1))
    await services.tokens.revoke(admin, ended.id)
    stranger = await town.site.other_organisation()
    assert await services.tokens.unproved(stranger) == ()
    assert [one.count for one in await services.tokens.unproved(admin)] == [1]
    with pytest.raises(Forbidden):
        await services.tokens.unproved(await town.site.colleague(admin.organisation_id, "case_lead"))
    assert "There are none." in (await (await town.person(stranger)).get("/people")).text
    kinds = json.dumps(await town.events(admin))
    assert "hsa_" not in kinds
