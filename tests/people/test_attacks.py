"""Attacks on ways in and sessions, by name: what a thief, a stranger, another site or a colleague of yesterday tries."""

import asyncio
import re
from typing import Any

import pytest

from server.errors import Forbidden, SignInRefused, Unauthenticated
from server.operators.tokens import TokenOrder
from tests.people.conftest import DESK, ORIGIN, Town
from tests.web.test_rights import filled, routes_of

PASSWORD, OTHER = "correct horse battery", "staple correct horse"
NO_COOKIE = {"/api/v1/devices", "/h/{token}", "/h/{token}/{visit}", "/h/{token}/{visit}/receipt"}
"""Forms and calls that no cookie opens: another site that sends them does what anybody can."""
FIELDS = {"login": "desk", "password": PASSWORD, "handle": "hsc_x", "answer": "{}", "name": "Ida"}


# Another site


async def test_no_form_of_another_site_or_of_a_sister_name_is_taken(town: Town) -> None:
    person, walked = await town.person(await town.admin()), 0
    for method, path, _needs in routes_of(town.site):
        if method in ("GET", "HEAD") or path in NO_COOKIE:
            continue
        for headers in ({"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"}):
            answer = await person.request(method, filled(path), headers=headers, data=FIELDS if method == "POST" else None)
            assert answer.status_code == 403, (method, path, headers)
            walked += 1
    assert walked > 100
    assert (await person.get("/account")).status_code == 200, "signing out was refused too"


ORIGINS: tuple[tuple[dict[str, str], bool], ...] = (
    ({"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}, True),
    ({"Origin": ORIGIN.upper().replace("HTTP", "http")}, True),
    ({"Origin": "http://127.0.0.1:8443", "Host": "127.0.0.1:8443"}, True),
    ({"Sec-Fetch-Site": "none"}, True),
    ({}, True),  # a program
    ({"Sec-Fetch-Site": "cross-site"}, False),
    ({"Sec-Fetch-Site": "whatever"}, False),
    ({"Origin": "null"}, False),
    ({"Origin": ""}, False),
    ({"Origin": ORIGIN.replace("http:", "https:")}, False),
    ({"Origin": "http://localhost:8444"}, False),
    ({"Origin": ORIGIN + ".evil.example"}, False),
    ({"Origin": "http://evil.example#@localhost:8443"}, False),
    ({"Origin": "http://["}, False),
    ({"Origin": "chrome-extension://localhost:8443"}, False),
)


async def test_a_form_is_ours_by_scheme_name_and_port(town: Town) -> None:
    person = await town.person(await town.admin())
    for headers, is_ours in ORIGINS:
        assert (await person.post("/devices/pairing-code", headers=headers)).status_code == (200 if is_ours else 403), headers


async def test_a_replayed_page_under_our_own_domain_writes_nothing_to_a_chain(town: Town) -> None:
    capture_id = await (await town.site.pair()).capture()
    person = await town.person(await town.admin())
    for site, more in (("same-site", {}), ("cross-site", {}), ("same-site", {"Authorization": "Basic YTpi"})):
        for path in (f"/captures/{capture_id}", f"/api/v1/captures/{capture_id}/artifacts/page.wacz"):
            answer = await person.get(path, headers={"Sec-Fetch-Site": site, **more})
            assert answer.status_code == 403, (site, path)
    chain = await town.services.custody.chain(f"capture:{capture_id}", organisation_id=(await town.admin()).organisation_id)
    assert not [event.type for event in chain if "view" in event.type or "fetch" in event.type]


async def test_no_way_in_leads_elsewhere_or_believes_the_host_it_was_asked_at(town: Town) -> None:
    admin = await town.admin()
    offer = await town.services.operators.create_sign_in_link(admin.operator_id)
    evil = "?next=https://evil.example&to=//evil.example&return_to=/%5Cevil.example"
    answer = await town.browser().post(f"/sign-in/{offer.token}{evil}", headers={"Host": "evil.example"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    browser = await town.person(admin)
    made = await browser.post("/people/invitations", data={"roles": "admin"}, headers={"X-Forwarded-Host": "evil.example"})
    [link] = re.findall(r'id="link"[^>]*>([^<]+)<', made.text)
    assert link.startswith(f"{ORIGIN}/join/") and "evil.example" not in made.text, "four letters a token may have"
    joined = await town.browser().post(link.removeprefix(ORIGIN) + evil, data={"name": "Ida"})
    assert (joined.status_code, joined.headers["location"]) == (303, "/account")


# Cookies and sessions


async def test_cookies_are_bound_to_host_and_tls_and_kept_from_scripts(town: Town) -> None:
    town.services.settings.public_url = "https://holdstill.example"
    offer = await town.services.operators.create_sign_in_link((await town.admin()).operator_id)
    browser = town.browser(Host="holdstill.example")
    asked = await browser.post("/sign-in/passkey")
    opened = await browser.post(f"/sign-in/{offer.token}")
    for answer, name in ((asked, "__Host-holdstill-pending"), (opened, "__Host-holdstill")):
        cookie = answer.headers.get_list("set-cookie")[0]
        said = {part.strip().lower() for part in cookie.split(";")[1:]}
        assert cookie.startswith(f"{name}=") and {"httponly", "secure", "path=/", "samesite=lax"} <= said, cookie
        assert not [part for part in said if part.startswith("domain")]


async def test_a_session_ends_by_idleness_and_by_age_whatever_it_does(town: Town) -> None:
    admin, services = await town.admin(), town.services
    settings, busy = services.settings, await town.cookie(await town.admin())
    idle = await town.cookie(admin)
    for passed in range(settings.session_idle_seconds // 2, settings.session_seconds, settings.session_idle_seconds // 2):
        town.site.clock.move(settings.session_idle_seconds // 2)  # type: ignore[union-attr]
        assert await services.sessions.authenticate(busy) == admin, passed
        if passed == settings.session_idle_seconds:
            town.site.clock.move(60)  # type: ignore[union-attr]  # that somebody was here is kept to the minute
            assert len(await services.sessions.open_of(admin)) == 1, "what nobody used is no longer listed"
    town.site.clock.move(settings.session_idle_seconds // 2)  # type: ignore[union-attr]
    for cookie in (busy, idle):
        with pytest.raises(Unauthenticated):
            await services.sessions.authenticate(cookie)


async def test_who_works_on_is_never_put_out_as_idle(town: Town) -> None:
    town.services.settings.session_idle_seconds = 60
    busy = await town.cookie(await town.admin())
    for seconds in (59, 59, 59, 59):
        town.site.clock.move(seconds)  # type: ignore[union-attr]
        assert await town.services.sessions.authenticate(busy), "asked less than a minute ago"


async def test_what_was_typed_while_the_session_ran_out_is_not_lost(town: Town) -> None:
    admin = await town.admin()
    person, typed = await town.person(admin), {"title": "Hours of work", "purpose": "p"}
    town.site.clock.move(town.services.settings.session_idle_seconds + 60)  # type: ignore[union-attr]
    late = await person.post("/cases", data=typed)
    assert late.status_code == 401 and "was not saved" in late.text and 'href="/sign-in" target="_blank"' in late.text
    assert "was not saved" not in (await person.get("/cases")).text
    offer = await town.services.operators.create_sign_in_link(admin.operator_id)
    await person.post(f"/sign-in/{offer.token}")  # in another tab; then the first one is loaded again
    assert (await person.post("/cases", data=typed)).status_code == 303 and "Hours of work" in (await person.get("/cases")).text


async def test_what_a_copied_passkey_opened_ends_when_the_copy_shows(town: Town) -> None:
    key = await town.add_passkey(await town.cookie(await town.admin()))
    copy, stays = await town.sign_in(key), await town.cookie(await town.admin())
    key.count = 1  # the person's own, which does not know of the copy's use
    with pytest.raises(SignInRefused):
        await town.sign_in(key)
    with pytest.raises(Unauthenticated):
        await town.services.sessions.authenticate(copy.cookie)
    assert await town.services.sessions.authenticate(stays)
    kind, details = (await town.events(copy.actor))[-1]
    assert kind == "operator.passkey_suspected" and str(copy.actor.session_id) in details["sessions"]


async def test_another_password_ends_what_a_thief_built_on_the_old_one(town: Town) -> None:
    admin, services = await town.admin(), town.services
    await services.accounts.set_password(admin, "desk", PASSWORD)
    thief = (await services.sign_ins.by_password("desk", PASSWORD, DESK)).cookie
    thief = (await town.add_passkey(thief, "Backdoor")).cookie  # from now on the session is one by passkey
    person = await town.person(admin)
    assert (await person.post("/account/password", data={"login": "desk", "password": OTHER})).status_code == 303
    with pytest.raises(Unauthenticated):
        await services.sessions.authenticate(thief)
    assert (await person.get("/account")).status_code == 200


# Links, invitations, tokens


async def test_links_and_invitations_open_one_door_however_many_knock_at_once(town: Town) -> None:
    admin, services = await town.admin(), town.services
    link = f"/sign-in/{(await services.operators.create_sign_in_link(admin.operator_id)).token}"
    invitation = f"/join/{(await services.people.invite(admin, ['fact_checker'])).token}"
    for path in (link, invitation):
        came = await asyncio.gather(*(town.browser().post(path, data={"name": "Ida", "roles": "admin"}) for _ in range(4)))
        assert sorted(one.status_code for one in came) == [303, 401, 401, 401], path
    [joined] = [one for one in await services.people.list(admin) if one.name == "Ida"]
    assert joined.roles == ["fact_checker"], "a field of the form gives no role"


async def test_a_link_kept_back_by_an_administrator_of_yesterday_lets_nobody_in(town: Town) -> None:
    admin, services = await town.admin(), town.services
    for end in ("change_roles", "disable"):
        fellow = await town.site.colleague(admin.organisation_id, "admin")
        kept = await services.people.sign_in_link(fellow, admin.operator_id)
        how: Any = (["fact_checker"],) if end == "change_roles" else ()
        await getattr(services.people, end)(admin, fellow.operator_id, *how)
        assert (await town.browser().post(f"/sign-in/{kept.token}")).status_code == 401, end
    elsewhere, other = await town.site.other_organisation(), await town.site.colleague(admin.organisation_id, "investigator")
    offers = [await services.operators.create_sign_in_link(one.operator_id) for one in (elsewhere, admin)]
    await services.people.change_roles(admin, other.operator_id, ["fact_checker"])
    for offer in offers:
        assert (await town.browser().post(f"/sign-in/{offer.token}")).status_code == 303, "nobody else's is touched"


async def test_two_administrators_who_put_each_other_out_at_once_leave_one(town: Town) -> None:
    people = town.services.people
    for end in ("change_roles", "disable"):
        elsewhere = (await town.site.other_organisation(end)).organisation_id
        one, other = [await town.site.colleague(elsewhere, "admin") for _ in range(2)]
        [first] = [each for each in await people.list(one) if each.name == "Other"]
        await people.change_roles(one, first.id, ["fact_checker"])
        how: Any = (["fact_checker"],) if end == "change_roles" else ()
        acts = [getattr(people, end)(actor, about.operator_id, *how) for actor, about in ((one, other), (other, one))]
        came = await asyncio.gather(*acts, return_exceptions=True)
        late = Forbidden if end == "change_roles" else Unauthenticated  # the second one administers no more when the turn comes
        assert [type(each) for each in came if each is not None] == [late], (end, came)


async def test_refusals_tell_nobody_what_there_is(town: Town) -> None:
    admin, services = await town.admin(), town.services
    used = await services.operators.create_sign_in_link(admin.operator_id)
    await services.sign_ins.by_link(used.token, DESK)
    late, gone = await services.operators.create_sign_in_link(admin.operator_id), await services.people.invite(admin, ["admin"])
    await services.people.withdraw(admin, gone.invitation_id)
    left = await town.site.colleague(admin.organisation_id, "investigator")
    theirs = await services.operators.create_sign_in_link(left.operator_id)
    await services.people.disable(admin, left.operator_id)
    town.site.clock.move(services.settings.sign_in_link_seconds)  # type: ignore[union-attr]
    for paths in (
        [f"/sign-in/{one}" for one in (used.token, late.token, theirs.token, "hsl_guess", "x" * 300)],
        [f"/join/{one}" for one in (gone.token, "hsi_guess")],
    ):
        answers = [await town.browser().post(path, data={"name": "Ida"}) for path in paths]
        assert len({(one.status_code, one.text) for one in answers}) == 1 and answers[0].status_code == 401
        shown = [await town.browser().get(path) for path in paths]
        assert len({(one.status_code, re.sub(r"hs[li]_[\w-]+|x{99,}", "…", one.text)) for one in shown}) == 1


@pytest.mark.usefixtures("quick_hashes")
async def test_logins_of_other_organisations_cannot_be_listed_by_taking_them(town: Town) -> None:
    await town.services.accounts.set_password(await town.site.other_organisation(), "secret.desk", PASSWORD)
    person, told = await town.person(await town.admin()), []
    assert (await person.post("/account/password", data={"login": "mine", "password": PASSWORD})).status_code == 303
    for number in range(6):  # in turns with what is allowed, which must not begin the count anew
        login = "secret.desk" if number % 2 else f"guess{number}"
        told.append((await person.post("/account/password", data={"login": login, "password": OTHER})).status_code)
    assert told[-1] == 429 and told.count(422) <= 2


async def test_a_token_makes_and_ends_nothing_by_which_somebody_comes_in(town: Town) -> None:
    admin = await town.admin()
    scopes = tuple(sorted(right.value for right in admin.rights - {"account", "capture", "administer"}))
    _, secret = await town.services.tokens.create(admin, TokenOrder("all of it", scopes, 3))
    headers = {"Authorization": f"Bearer {secret}"}
    for method, path, _needs in routes_of(town.site):
        if path.startswith(("/account", "/people", "/devices")):
            answer = await town.site.http.request(method, filled(path), headers=headers)
            assert answer.status_code == 403, (method, path)
