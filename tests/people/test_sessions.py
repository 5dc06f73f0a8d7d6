"""Where somebody is signed in: seen by that person alone, ended at the next request, told to custody without an address."""

import base64
import json
import re
from uuid import uuid4

import pytest

from server.errors import NotFound, Unauthenticated
from server.operators.actors import operator_urn
from server.operators.browsers import browser_family
from server.operators.sessions import Arrival
from tests.people.conftest import Town

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
CHROME = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Mobile Safari/537.36"


@pytest.mark.parametrize(
    ("header", "family"),
    [
        (FIREFOX, "Firefox · Linux"),
        (CHROME, "Chrome · Android"),
        (CHROME + " EdgA/130.0", "Edge · Android"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 Version/18.0 Safari/604.1", "Safari · iPhone"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605 Version/17.0 Safari/605", "Safari · macOS"),
        ("curl/8.5.0", ""),
        ("", ""),
        ("<script>alert(1)</script>" + "x" * 5_000 + "Firefox/1", ""),
    ],
    ids=["firefox", "chrome", "edge", "iphone", "mac", "curl", "none", "hostile"],
)
def test_a_browser_is_named_by_family_and_system_and_by_nothing_it_says(header: str, family: str) -> None:
    assert browser_family(header) == family


async def test_the_person_sees_each_session_and_ends_it_at_its_next_request(town: Town) -> None:
    admin = await town.admin()
    desk = await town.person(admin, **{"User-Agent": FIREFOX})
    town.site.clock.move(90)  # type: ignore[union-attr]
    phone = await town.person(admin, **{"User-Agent": CHROME})
    page = (await desk.get("/account")).text
    assert "Firefox · Linux" in page and "Chrome · Android" in page and "127.0.0.1" in page and "By a link" in page
    ids = re.findall(r'data-session="([0-9a-f-]{36})"', page)
    [theirs] = re.findall(r'action="/account/sessions/([0-9a-f-]{36})/end"', page)
    assert len(ids) == 2 and theirs in ids, "the own one is signed out by its own button"
    assert (await desk.post(f"/account/sessions/{theirs}/end")).status_code == 303
    assert (await phone.get("/")).status_code == 401
    assert (await desk.get("/")).status_code == 200
    assert (await desk.post(f"/account/sessions/{theirs}/end")).status_code == 303, "twice is success"
    kind, details = (await town.events(admin))[-1]
    assert (kind, details["sessions"]) == ("operator.session_revoked", [theirs])
    assert "127.0.0.1" not in str(await town.events(admin))
    await town.site.sound()


async def test_all_others_end_at_once_and_the_one_that_asks_stays(town: Town) -> None:
    admin, services = await town.admin(), town.services
    here = await town.person(admin)
    others = [await town.cookie(admin) for _ in range(3)]
    fellow = await town.site.colleague(admin.organisation_id, "investigator")
    theirs = await town.cookie(fellow)
    before = len(await town.events(admin))
    assert (await here.post("/account/sessions/end-others")).status_code == 303
    assert (await here.post("/account/sessions/end-others")).status_code == 303
    for cookie in others:
        with pytest.raises(Unauthenticated):
            await services.sessions.authenticate(cookie)
    assert (await here.get("/account")).status_code == 200
    assert await services.sessions.authenticate(theirs) == fellow, "nobody else's"
    events = (await town.events(admin))[before:]
    assert [kind for kind, _ in events] == ["operator.session_revoked"] and len(events[0][1]["sessions"]) == 3


async def test_nobody_else_sees_or_ends_a_session_an_administrator_neither(town: Town) -> None:
    admin, services = await town.admin(), town.services
    fellow = await town.site.colleague(admin.organisation_id, "investigator", name="Ida")
    cookie = await town.cookie(fellow, Arrival(address="203.0.113.77", browser="Vivaldi · Windows"))
    [session] = await services.sessions.open_of(fellow)
    for stranger in (admin, await town.site.other_organisation()):
        browser = await town.person(stranger)
        for path in ("/account", "/people"):
            page = (await browser.get(path)).text
            assert "203.0.113.77" not in page and "Vivaldi" not in page and str(session.id) not in page
        for refused in (session.id, uuid4()):
            assert (await browser.post(f"/account/sessions/{refused}/end")).status_code == 404
        with pytest.raises(NotFound):
            await services.accounts.end_session(stranger, session.id)
    assert await services.sessions.authenticate(cookie) == fellow


async def test_signing_in_changes_the_cookie_and_ends_the_session_before(town: Town) -> None:
    admin, services = await town.admin(), town.services
    await services.accounts.set_password(admin, "desk", "correct horse battery")
    browser = await town.person(admin)
    before = browser.cookies["holdstill_session"]
    for planted in ("hss_planted", before):  # a cookie that somebody else put there is never taken over
        browser.cookies.set("holdstill_session", planted, domain="localhost.local", path="/")
        answer = await browser.post("/sign-in", data={"login": "desk", "password": "correct horse battery"})
        assert answer.status_code == 303 and planted not in answer.headers["set-cookie"]
    with pytest.raises(Unauthenticated):
        await services.sessions.authenticate(before)
    with pytest.raises(Unauthenticated):
        await services.sessions.authenticate("hss_planted")


async def test_addresses_are_forgotten_with_their_sessions(town: Town) -> None:
    admin, services = await town.admin(), town.services
    ended, late = await town.cookie(admin), await town.cookie(admin)
    await services.sign_ins.sign_out(ended)
    await services.sign_ins.sign_out(ended)
    assert [kind for kind, _ in await town.events(admin)].count("operator.signed_out") == 1
    town.site.clock.move(services.settings.session_seconds)  # type: ignore[union-attr]
    await town.cookie(admin, Arrival(address="203.0.113.5"))
    from server.db import run_sql

    async with services.database.session() as session:
        rows = await run_sql(session, "SELECT address FROM web_session ORDER BY created_at, address")
    assert [row.address for row in rows] == ["", "", "203.0.113.5"]
    with pytest.raises(Unauthenticated):
        await services.sessions.authenticate(late)


async def test_when_a_session_was_seen_is_kept_to_the_minute(town: Town) -> None:
    admin, services = await town.admin(), town.services
    began, cookie = town.services.clock.now(), await town.cookie(admin)
    for moved, address in ((59, "203.0.113.1"), (1, "203.0.113.2"), (59, "203.0.113.3")):
        town.site.clock.move(moved)  # type: ignore[union-attr]
        await services.sessions.authenticate(cookie, address)
    [row] = await services.sessions.open_of(admin)
    passed = [round((at - began).total_seconds(), 3) for at in (row.created_at, row.seen_at)]
    assert (passed, row.address) == ([0, 60], "203.0.113.2")


async def test_the_link_of_the_command_line_is_for_somebody_who_administers_and_is_still_here(town: Town) -> None:
    first, services = await town.admin(), town.services
    town.site.clock.move(1)  # type: ignore[union-attr]
    second = await town.site.colleague(first.organisation_id, "case_lead")
    town.site.clock.move(1)  # type: ignore[union-attr]
    third = await town.site.colleague(first.organisation_id, "admin")
    assert await services.operators.administrator() == first
    await services.people.change_roles(third, first.operator_id, ["case_lead"])
    assert await services.operators.administrator() == third
    await services.people.disable(third, first.operator_id)
    assert await town.admin() == second, "who left acts no more, from the command line neither"
    opened = await services.sessions.authenticate(await town.cookie(await services.operators.administrator()))
    assert opened == third


@pytest.mark.usefixtures("quick_hashes")
async def test_another_password_needs_the_present_one_and_ends_what_that_opened(town: Town) -> None:
    admin, services = await town.admin(), town.services
    old, new = "correct horse battery", "staple correct horse"
    await services.accounts.set_password(admin, "desk", old)
    here, elsewhere = town.browser(), town.browser()
    for browser in (here, elsewhere):
        assert (await browser.post("/sign-in", data={"login": "desk", "password": old})).status_code == 303
    assert 'name="present"' in (await here.get("/account")).text
    for present in ({}, {"present": "another horse battery"}):
        answer = await here.post("/account/password", data={"login": "desk", "password": new, **present})
        assert answer.status_code == 422 and "present password" in answer.text
    assert await services.passwords.verify("desk", old) is not None
    answer = await here.post("/account/password", data={"login": "desk", "password": new, "present": old})
    assert answer.status_code == 303 and await services.passwords.verify("desk", old) is None
    assert (await here.get("/account")).status_code == 200 and (await elsewhere.get("/account")).status_code != 200
    kind, details = (await town.events(admin))[-1]
    assert kind == "operator.password_set" and len(details["sessions"]) == 1


@pytest.mark.usefixtures("quick_hashes")
async def test_who_tries_the_present_password_too_often_waits(town: Town) -> None:
    admin, services = await town.admin(), town.services
    await services.accounts.set_password(admin, "desk", "correct horse battery")
    thief = town.browser()
    await thief.post("/sign-in", data={"login": "desk", "password": "correct horse battery"})
    wrong = {"login": "desk", "password": "staple correct horse", "present": "wrong"}
    told = [(await thief.post("/account/password", data=wrong)).status_code for _ in range(6)]
    assert told == [422] * 5 + [429]


async def test_a_link_lets_who_forgot_the_password_set_another(town: Town) -> None:
    admin, services = await town.admin(), town.services
    await services.accounts.set_password(admin, "desk", "correct horse battery")
    browser = await town.person(admin)
    assert 'name="present"' not in (await browser.get("/account")).text
    answer = await browser.post("/account/password", data={"login": "desk", "password": "staple correct horse"})
    assert answer.status_code == 303 and await services.passwords.verify("desk", "staple correct horse") is not None


async def test_a_link_made_for_somebody_else_stands_in_their_chain_with_who_made_it(town: Town) -> None:
    admin = await town.admin()
    fellow = await town.site.colleague(admin.organisation_id, "investigator")
    offer = await town.services.people.sign_in_link(admin, fellow.operator_id)
    chain = await town.services.custody.chain(f"operator:{fellow.operator_id}", organisation_id=fellow.organisation_id)
    assert [kind for kind, _ in await town.events(fellow)][-1] == "operator.sign_in_link_made"
    told = base64.b64decode(json.loads(chain[-1].envelope)["payload"]).decode()
    assert operator_urn(admin.operator_id) in told and offer.token not in told
