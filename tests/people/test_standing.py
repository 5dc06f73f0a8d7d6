"""What somebody tries who may no longer: in the moment of a demotion, and afterwards with what was handed out before."""

from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from server.errors import CaptureNotAllowed, Forbidden, NotFound, PairingRefused, Unauthenticated
from server.operators.issuer import Vouched
from server.operators.passkeys import NewPasskey
from server.operators.roles import Right
from server.operators.tokens import TokenOrder
from tests.people.conftest import DESK, Fellow, Town
from tests.trust.parties import Device as Keys
from tests.web.site import picture

PASSWORD = "correct horse battery"
VOUCHED = Vouched("https://id.example", "subject", None, "")

Act = Callable[[Fellow], Coroutine[Any, Any, Any]]
NEW = NewPasskey(b"credential", b"key", 0, synced=False)
ACTS: dict[str, Act] = {
    "an invitation": lambda one: one.services.people.invite(one.actor, ["admin"]),
    "a sign-in link": lambda one: one.services.people.sign_in_link(one.actor, one.admin.operator_id),
    "an address": lambda one: one.services.people.change_email(one.actor, one.actor.operator_id, "ida@desk.example"),
    "its role back": lambda one: one.services.people.change_roles(one.actor, one.actor.operator_id, ["admin"]),
    "another's end": lambda one: one.services.people.disable(one.actor, one.admin.operator_id),
    "the rule": lambda one: one.services.people.ask_passkeys_of(one.actor, "nobody"),
    "a token": lambda one: one.services.tokens.create(one.actor, TokenOrder("mine", ("lead",), 300)),
    "a browser": lambda one: one.services.enrolment.pairing_code(one.actor),
    "a colleague": lambda one: one.services.cases.members.add(one.actor, one.case_id, one.admin.operator_id, "lead"),
    "a guest": lambda one: one.services.cases.members.invite(one.actor, one.case_id, "reader"),
}
OWN_ACTS: dict[str, Act] = {
    "a passkey": lambda one: one.services.accounts.add_passkey(one.actor, NEW, "Backdoor"),
    "a password": lambda one: one.services.accounts.set_password(one.actor, "ida", PASSWORD),
    "the issuer": lambda one: one.services.accounts.bind(one.actor, VOUCHED),
}


@pytest.mark.parametrize("act", sorted(ACTS))
async def test_who_was_demoted_while_a_request_was_under_way_hands_out_nothing(fellow: Fellow, act: str) -> None:
    before = await fellow.kept()
    await fellow.services.people.change_roles(fellow.admin, fellow.actor.operator_id, ["external_recipient"])
    with pytest.raises((Forbidden, NotFound)):
        await ACTS[act](fellow)
    assert await fellow.kept() == before
    [row] = [one for one in await fellow.services.people.list(fellow.admin) if one.id == fellow.actor.operator_id]
    assert (row.roles, row.email) == (["external_recipient"], None)


@pytest.mark.usefixtures("quick_hashes")
@pytest.mark.parametrize("act", sorted(ACTS | OWN_ACTS))
async def test_who_was_signed_out_while_a_request_was_under_way_leaves_no_way_in(fellow: Fellow, act: str) -> None:
    before = await fellow.kept()
    elsewhere = await fellow.services.sessions.authenticate(await fellow.town.cookie(fellow.actor))
    await fellow.services.accounts.end_other_sessions(elsewhere)
    with pytest.raises(Unauthenticated):
        await (ACTS | OWN_ACTS)[act](fellow)
    assert await fellow.kept() == [*before[:-1], before[-1] + 1], "the link of the other session alone"


@pytest.mark.usefixtures("quick_hashes")
async def test_a_password_that_ends_sessions_ends_the_requests_under_way_too(fellow: Fellow) -> None:
    person = await fellow.services.sessions.authenticate(await fellow.town.cookie(fellow.actor))
    await fellow.services.accounts.set_password(person, "ida", PASSWORD)
    person = await fellow.services.sessions.authenticate(await fellow.town.cookie(fellow.actor))
    await fellow.services.accounts.set_password(person, "ida", PASSWORD[::-1])
    for act in OWN_ACTS.values():
        with pytest.raises(Unauthenticated):
            await act(fellow)


async def test_a_token_that_was_revoked_while_a_request_was_under_way_hands_out_nothing(fellow: Fellow) -> None:
    row, secret = await fellow.services.tokens.create(fellow.actor, TokenOrder("mine", ("lead",), 300))
    program = await fellow.services.tokens.authenticate(secret)
    await fellow.services.cases.members.invite(program, fellow.case_id, "reader")
    await fellow.services.tokens.revoke(fellow.actor, row.id)
    with pytest.raises(Unauthenticated):
        await fellow.services.cases.members.invite(program, fellow.case_id, "reader")


async def test_a_rule_made_while_a_request_was_under_way_holds_for_it(fellow: Fellow) -> None:
    key = await fellow.town.add_passkey(await fellow.town.cookie(fellow.admin))
    await fellow.services.people.ask_passkeys_of(await fellow.services.sessions.authenticate(key.cookie), "everybody")
    for act in ("an invitation", "a token", "a browser", "a guest"):
        with pytest.raises(Forbidden):
            await ACTS[act](fellow)


# Browsers of people who may capture no more


async def test_a_browser_may_no_more_than_its_person_and_loses_nothing(town: Town) -> None:
    admin, site = await town.admin(), town.site
    person = await site.colleague(admin.organisation_id, "fact_checker")
    device, artifacts = await site.pair(operator=person), {"screenshot.viewport.png": picture()}
    kept, waiting = await device.capture(), await device.statement(artifacts)
    await town.services.people.change_roles(admin, person.operator_id, ["admin"])
    asked: tuple[tuple[str, str, bytes], ...] = (
        ("POST", "/api/v1/captures", waiting),
        ("GET", "/api/v1/challenge", b""),
        ("POST", f"/api/v1/captures/{kept}/seal", b""),
        ("PUT", f"/api/v1/captures/{kept}/artifacts/{'0' * 64}", b"x"),
        ("POST", f"/api/v1/captures/{kept}/artifacts/{'0' * 64}", b""),
        ("HEAD", f"/api/v1/uploads/{'0' * 32}", b""),
        ("PATCH", f"/api/v1/uploads/{'0' * 32}", b"x"),
        ("POST", "/api/v1/images/search", picture()),
        ("GET", f"/api/v1/images/search?capture={kept}", b""),
        ("GET", "/api/v1/captures", b""),
        ("GET", f"/api/v1/captures/{kept}", b""),
        ("GET", f"/api/v1/captures/{kept}/artifacts/page.wacz", b""),
        ("GET", f"/api/v1/captures/{kept}/images", b""),
    )
    for method, path, body in asked:
        answer = await site.http.request(method, path, content=body, headers=device.headers)
        assert answer.status_code == 403, (method, path)
        assert method == "HEAD" or answer.json()["code"] == "capture_not_allowed", (method, path)
    await town.services.people.change_roles(admin, person.operator_id, ["investigator"])
    again = await site.http.post("/api/v1/captures", content=waiting, headers=device.headers)
    assert again.status_code == 201, "what the browser kept goes its way, with the nonce of then"
    assert (await site.http.get(f"/api/v1/captures/{kept}", headers=device.headers)).status_code == 200
    await site.sound()


async def test_a_browser_whose_person_is_demoted_while_bytes_come_commits_and_seals_nothing(town: Town) -> None:
    admin, site = await town.admin(), town.site
    person = await site.colleague(admin.organisation_id, "fact_checker")
    device = await site.pair(operator=person)
    envelope = await device.statement({"screenshot.viewport.png": picture()})
    actor = await town.services.operators.authenticate_device(device.pairing["token"])
    await town.services.people.change_roles(admin, person.operator_id, ["admin"])
    with pytest.raises(CaptureNotAllowed):
        await town.services.captures.intake.commit(actor, envelope)
    await town.services.people.change_roles(admin, person.operator_id, ["fact_checker"])
    assert (await town.services.captures.intake.commit(actor, envelope)).state == "committed"


async def test_a_pairing_code_of_somebody_who_may_capture_no_more_lets_no_browser_in(town: Town) -> None:
    admin, services = await town.admin(), town.services
    person = await town.site.colleague(admin.organisation_id, "fact_checker")
    offer = await services.operators.create_pairing_code(person.operator_id)
    await services.people.change_roles(admin, person.operator_id, ["admin"])
    with pytest.raises(PairingRefused):
        await services.enrolment.pair_device(offer.code, Keys().spki_der, "Late")
    with pytest.raises(Forbidden):
        await services.operators.create_pairing_code(person.operator_id)


async def test_an_invitation_to_a_case_falls_with_who_made_it(fellow: Fellow) -> None:
    members, other = fellow.services.cases.members, await fellow.town.site.other_organisation()
    kept = [await members.invite(fellow.actor, fellow.case_id, "contributor") for _ in range(3)]
    await fellow.services.people.change_roles(fellow.admin, fellow.actor.operator_id, ["investigator"])
    with pytest.raises(NotFound):
        await members.redeem(other, kept[0])
    await fellow.services.people.change_roles(fellow.admin, fellow.actor.operator_id, ["case_lead"])
    assert await members.redeem(other, kept[0]) == fellow.case_id, "a try that was refused costs no invitation"
    await fellow.services.people.disable(fellow.admin, fellow.actor.operator_id)
    with pytest.raises(NotFound):
        await members.redeem(await fellow.town.site.other_organisation("A third"), kept[1])


# Cookies


@pytest.mark.usefixtures("quick_hashes")
async def test_a_session_that_is_worth_more_has_another_cookie(town: Town) -> None:
    admin = await town.admin()
    browser, thief = await town.person(admin), town.browser()
    for said in ({"login": "desk", "password": PASSWORD}, {"login": "desk", "password": PASSWORD[::-1]}):
        copied = browser.cookies["holdstill_session"]
        answer = await browser.post("/account/password", data=said)
        assert answer.status_code == 303 and "httponly" in answer.headers["set-cookie"].lower()
        thief.cookies = {"holdstill_session": copied}  # type: ignore[assignment]
        assert (await thief.get("/account")).status_code == 401, "a copy from before is nobody's"
        assert (await browser.get("/account")).status_code == 200
    by_link = await town.cookie(admin)
    session_id = (await town.services.sessions.authenticate(by_link)).session_id
    key = await town.add_passkey(by_link)
    with pytest.raises(Unauthenticated):
        await town.services.sessions.authenticate(by_link)
    assert (await town.services.sessions.authenticate(key.cookie)).session_id == session_id, "the same session to its person"


async def test_who_is_made_an_administrator_signs_in_anew(town: Town) -> None:
    admin, services = await town.admin(), town.services
    person = await town.site.colleague(admin.organisation_id, "investigator")
    copied = await town.cookie(person)
    await services.people.change_roles(admin, person.operator_id, ["case_lead", "investigator"])
    assert Right.LEAD in (await services.sessions.authenticate(copied)).rights, "nobody is thrown out for a smaller change"
    await services.people.change_roles(admin, person.operator_id, ["admin", "case_lead"])
    with pytest.raises(Unauthenticated):
        await services.sessions.authenticate(copied)
    assert len((await town.events(person))[-1][1]["sessions"]) == 1


@pytest.mark.usefixtures("quick_hashes")
async def test_a_copied_cookie_adds_no_passkey_to_get_round_the_present_password(town: Town) -> None:
    """With a passkey of the thief's the session would be one by passkey, and those are asked for no password."""
    admin, services = await town.admin(), town.services
    await services.accounts.set_password(admin, "desk", PASSWORD)
    browser = town.browser()
    browser.cookies = {  # type: ignore[assignment]
        "holdstill_session": (await services.sign_ins.by_password("desk", PASSWORD, DESK)).cookie
    }
    assert 'name="present"' in (await browser.get("/account")).text.split('id="sessions"')[0]
    for said in ({}, {"present": "canary guessed"}):
        refused = await browser.post("/account/passkeys/begin", data={"label": "Thief"} | said)
        assert refused.status_code == 422 and "data-options" not in refused.text and "canary" not in refused.text
    asked = await browser.post("/account/passkeys/begin", data={"label": "Mine", "present": PASSWORD})
    assert asked.status_code == 200 and "data-options" in asked.text
    by_link = await town.person(admin)
    assert (await by_link.post("/account/passkeys/begin", data={"label": "Lost mine"})).status_code == 200
