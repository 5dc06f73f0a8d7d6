"""Passkeys: who gets in by one, and each way in which an answer is not one. What is refused leaves nothing behind."""

import json
from typing import Any

import pytest

from server.errors import BadInput, PasskeyDue, PasskeyRefused, PasskeysUnavailable, SignInRefused, Unauthenticated
from server.operators.passkeys import relying_party, went_back
from server.operators.roles import Right
from tests.people.conftest import DESK, ORIGIN, Town
from tests.people.softkey import SoftKey, b64u


def test_an_address_where_browsers_give_no_passkey_is_said_to_be_one() -> None:
    for public_url, reason in (
        ("http://127.0.0.1:8443", "ip_address"),
        ("https://[2001:db8::1]", "ip_address"),
        ("http://holdstill.example", "not_https"),
        ("http://localhost.example", "not_https"),
        ("https://", "not_https"),
    ):
        with pytest.raises(PasskeysUnavailable) as refused:
            relying_party(public_url)
        assert refused.value.data["reason"] == reason, public_url
    assert relying_party("https://Holdstill.example/").origin == "https://holdstill.example"
    assert relying_party("https://holdstill.example:443").origin == "https://holdstill.example"
    assert relying_party("http://localhost:8443").origin == "http://localhost:8443"


def test_a_counter_that_stands_or_falls_is_a_copy_and_none_at_all_is_not() -> None:
    assert [went_back(*pair) for pair in ((0, 0), (0, 1), (4, 5), (4, 4), (4, 3), (4, 0))] == [
        False,
        False,
        False,
        True,
        True,
        True,
    ]


async def test_a_passkey_signs_in_and_every_step_is_in_the_chain(town: Town) -> None:
    admin = await town.admin()
    first = await town.cookie(admin)
    key = await town.add_passkey(first)
    before = town.services.clock.now()
    opened = await town.sign_in(key)
    after = town.services.clock.now()
    assert opened.actor == admin and (await town.services.sessions.authenticate(opened.cookie)).rights == admin.rights
    [held] = await town.services.passkeys.of_person(admin.operator_id)
    assert (held.label, held.sign_count) == ("Work laptop", 2) and held.used_at is not None and before < held.used_at < after
    events = await town.events(admin)
    assert [kind for kind, _ in events] == ["operator.signed_in", "operator.passkey_added", "operator.signed_in"]
    assert events[2][1]["method"] == "passkey" and events[2][1]["passkey"] == str(held.id)
    assert "192.0.2.7" not in json.dumps(events) and "Work laptop" not in json.dumps(events), (
        "custody holds no address and no name"
    )
    await town.site.sound()


async def test_a_new_passkey_is_refused_where_its_answer_does_not_hold(town: Town) -> None:
    admin = await town.admin()
    cookie, services = await town.cookie(admin), town.services
    other = await town.site.colleague(admin.organisation_id, "investigator")
    theirs = await town.cookie(other)

    async def refusal(key: SoftKey, *, who: Any = admin, by: str = cookie, answer: str | None = None, late: int = 0) -> str:
        asked = await services.passkeys.ask_for_new(admin, cookie)
        town.site.clock.move(late)  # type: ignore[union-attr]
        with pytest.raises(PasskeyRefused) as refused:
            await services.passkeys.verify_new(who, by, asked.handle, key.create(asked.options) if answer is None else answer)
        return str(refused.value.data["reason"])

    assert await refusal(SoftKey("https://evil.example")) == "not_verified"
    assert await refusal(SoftKey(ORIGIN, rp_id="evil.example")) == "not_verified"
    assert await refusal(SoftKey(ORIGIN, verified=False)) == "not_verified"
    assert await refusal(SoftKey(ORIGIN), who=other, by=theirs) == "challenge", "another person's challenge"
    assert await refusal(SoftKey(ORIGIN), by=await town.cookie(admin)) == "challenge", "another session's"
    assert await refusal(SoftKey(ORIGIN), late=services.settings.challenge_seconds) == "challenge"
    hostile = ("", "null", "[" * 9_000, "{" * 9_000, '{"id": 1}', "x" * 20_000, json.dumps({"id": "a", "rawId": "a"}), "\ud800")
    for answer in hostile:
        assert await refusal(SoftKey(ORIGIN), answer=answer) == "not_verified"
    whole = json.loads(SoftKey(ORIGIN).create((await services.passkeys.ask_for_new(admin, cookie)).options))
    for cbor in (b"\x9b" + b"\xff" * 8, b"\x81" * 5_000, b"\xa0", b"\xd8\x1c" * 100, b""):
        whole["response"]["attestationObject"] = b64u(cbor)
        assert await refusal(SoftKey(ORIGIN), answer=json.dumps(whole)) == "not_verified"
    assert await services.passkeys.of_person(admin.operator_id) == []


async def test_a_challenge_is_answered_once_and_a_credential_belongs_to_one_person(town: Town) -> None:
    admin = await town.admin()
    cookie, services, key = await town.cookie(admin), town.services, SoftKey(ORIGIN)
    asked = await services.passkeys.ask_for_new(admin, cookie)
    answer = key.create(asked.options)
    await services.accounts.add_passkey(admin, await services.passkeys.verify_new(admin, cookie, asked.handle, answer), "One")
    with pytest.raises(PasskeyRefused, match="challenge"):
        await services.passkeys.verify_new(admin, cookie, asked.handle, answer)
    other = await town.site.other_organisation()
    for who in (admin, other):
        with pytest.raises(PasskeyRefused, match="taken"):
            by = await town.cookie(who)
            again = await services.passkeys.ask_for_new(who, by)
            new = await services.passkeys.verify_new(who, by, again.handle, key.create(again.options))
            await services.accounts.add_passkey(who, new, "Two")
    assert len(await services.passkeys.of_person(admin.operator_id)) == 1
    assert await services.passkeys.of_person(other.operator_id) == []


async def test_an_answer_that_does_not_hold_lets_nobody_in(town: Town) -> None:
    admin, services = await town.admin(), town.services
    key = await town.add_passkey(await town.cookie(admin))
    other = await town.site.colleague(admin.organisation_id, "investigator")
    before = len(await town.events(admin))

    async def refused(key: SoftKey, *, pending: str = "hsp_one", late: int = 0, times: int = 1) -> None:
        asked = await services.passkeys.ask_for_one("hsp_one")
        answer = key.get(asked.options)
        for _ in range(times - 1):
            await services.passkeys.verify_shown("hsp_one", asked.handle, answer)
        town.site.clock.move(late)  # type: ignore[union-attr]
        with pytest.raises(SignInRefused):
            await services.passkeys.verify_shown(pending, asked.handle, answer)

    good = vars(key)
    await refused(key, times=2)  # replayed
    await refused(key, pending="hsp_another_browser")
    await refused(key, late=services.settings.challenge_seconds)
    await refused(SoftKey(**good | {"origin": "https://evil.example"}))
    await refused(SoftKey(**good | {"rp_id": "evil.example"}))
    await refused(SoftKey(**good | {"verified": False}))
    await refused(SoftKey(**good | {"user_handle": other.operator_id.bytes}))  # another person's name on it
    await refused(SoftKey(**good | {"user_handle": b""}))
    await refused(SoftKey(ORIGIN, id=key.id, user_handle=key.user_handle))  # another key under the same id
    await refused(SoftKey(ORIGIN, user_handle=key.user_handle))  # unknown
    assert len(await town.events(admin)) == before
    key.count += 20
    assert (await town.sign_in(key)).actor == admin, "the passkey itself is none the worse"


async def test_a_counter_that_went_back_closes_the_passkey_for_good(town: Town) -> None:
    admin = await town.admin()
    key = await town.add_passkey(await town.cookie(admin))
    await town.sign_in(key)
    key.count = 0
    with pytest.raises(SignInRefused):
        await town.sign_in(key)
    kind, details = (await town.events(admin))[-1]
    assert kind == "operator.passkey_suspected" and (details["counter"], details["counterBefore"]) == (1, 2)
    key.count = 50
    with pytest.raises(SignInRefused):
        await town.sign_in(key)
    page = await (await town.person(admin)).get("/account")
    assert "counter went back" in page.text
    await town.site.sound()


async def test_removing_a_passkey_ends_what_was_opened_with_it_and_another_persons_does_not_exist(town: Town) -> None:
    admin, services = await town.admin(), town.services
    cookie = await town.cookie(admin)
    key = await town.add_passkey(cookie)
    elsewhere = await town.sign_in(key)
    [held] = await services.passkeys.of_person(admin.operator_id)
    for stranger in (await town.site.colleague(admin.organisation_id, "admin"), await town.site.other_organisation()):
        browser = await town.person(stranger)
        assert (await browser.post(f"/account/passkeys/{held.id}/remove")).status_code == 404
    actor = await services.sessions.authenticate(key.cookie)
    await services.accounts.remove_passkey(actor, held.id)
    await services.accounts.remove_passkey(actor, held.id)
    with pytest.raises(Unauthenticated):
        await services.sessions.authenticate(elsewhere.cookie)
    assert (await services.sessions.authenticate(key.cookie)) == admin, "the session that removed it stays"
    with pytest.raises(SignInRefused):
        await town.sign_in(key)
    assert [kind for kind, _ in await town.events(admin)].count("operator.passkey_removed") == 1


async def test_who_is_asked_for_a_passkey_comes_no_further_than_the_own_account_without_it(town: Town) -> None:
    admin, services = await town.admin(), town.services
    browser = await town.person(admin)
    assert "first" in (await browser.post("/people/passkeys", data={"whom": "everybody"})).text, "who has none asks nobody"
    with pytest.raises(BadInput):
        await services.people.ask_passkeys_of(admin, "somebody")
    key = await town.add_passkey(browser)
    fellow = await town.site.colleague(admin.organisation_id, "investigator")
    await services.accounts.set_password(fellow, "ida", "correct horse battery")
    theirs = await town.person(fellow)
    assert (await theirs.get("/cases")).status_code == 200
    assert (await browser.post("/people/passkeys", data={"whom": "everybody"})).status_code == 303
    assert (await town.events(admin))[-1] == (
        "operator.passkeys_asked", {"operator": admin.urn, "from": "nobody", "to": "everybody"}
    )  # fmt: skip
    assert (await browser.get("/people")).status_code == 200, "the session in which the passkey was added counts as one by it"
    stopped = await theirs.get("/cases")  # at once, in a session from before
    assert stopped.status_code == 403 and "asks for a passkey" in stopped.text
    assert (await theirs.get("/api/v1/captures")).json()["code"] == "passkey_due"
    assert (await theirs.get("/account")).status_code == 200
    by_password = await services.sign_ins.by_password("ida", "correct horse battery", DESK)
    assert by_password.actor.rights == {Right.ACCOUNT}, "who has none yet may come and add one"
    own = await town.add_passkey(theirs)
    assert (await theirs.get("/cases")).status_code == 200
    with pytest.raises(PasskeyDue):
        await services.sign_ins.by_password("ida", "correct horse battery", DESK)
    assert (await town.sign_in(own)).actor.rights == fellow.rights
    [held] = await services.passkeys.of_person(fellow.operator_id)
    assert (await theirs.post(f"/account/passkeys/{held.id}/remove")).status_code == 422, (
        "the last one stays while it is asked for"
    )
    assert (await town.sign_in(key)).actor == admin


async def test_a_session_by_password_from_before_is_no_way_around_the_passkey(town: Town) -> None:
    admin, services = await town.admin(), town.services
    await services.accounts.set_password(admin, "desk", "correct horse battery")
    thief = (await services.sign_ins.by_password("desk", "correct horse battery", DESK)).cookie
    cookie = await town.cookie(admin)
    key = await town.add_passkey(cookie)
    await services.people.ask_passkeys_of(await services.sessions.authenticate(key.cookie), "everybody")
    browser = town.browser()
    browser.cookies = {"holdstill_session": thief}  # type: ignore[assignment]
    [held] = await services.passkeys.of_person(admin.operator_id)
    for path in ("begin", f"{held.id}/remove"):
        refused = await browser.post(f"/account/passkeys/{path}", data={"label": "Thief"})
        assert refused.status_code == 403 and "asks for a passkey" in refused.text, path
    assert (await browser.post("/account/sessions/end-others")).status_code == 403
    assert (await browser.get("/account")).status_code == 403
    by_link = await services.sessions.authenticate(await town.cookie(admin))
    assert by_link.rights == {Right.ACCOUNT}, "a link is the way back for a lost key"
    assert (await town.sign_in(key)).actor.rights == admin.rights


async def test_pages_say_where_passkeys_work_and_ask_nothing_elsewhere(town: Town) -> None:
    admin = await town.admin()
    browser = await town.person(admin)
    browser.base_url = "http://holdstill.test"
    browser.cookies = {"holdstill_session": await town.cookie(admin)}  # type: ignore[assignment]
    assert f"Passkeys work at {ORIGIN} only" in (await browser.get("/account")).text
    refused = await browser.post("/account/passkeys/begin", data={"label": "One"})
    assert refused.status_code == 409 and f"Passkeys work at {ORIGIN} only" in refused.text
    refused = await browser.post("/sign-in/passkey")
    assert refused.status_code == 409 and "data-options" not in refused.text
    shown = await town.browser().post("/sign-in/passkey")
    assert "script-src 'self'" in shown.headers["content-security-policy"] and "<script>" not in shown.text
    assert "unsafe" not in shown.headers["content-security-policy"] and "allowCredentials&#34;: [{" not in shown.text
