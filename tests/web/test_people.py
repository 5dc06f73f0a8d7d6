"""Inviting, changing and ending people's access; passwords. How signing in is refused: tests/people."""

import base64
import json
import re

import pytest

from server.custody.enrolment import EnrolmentService
from server.errors import BadInput, Forbidden, NotFound, SignInRefused, Unauthenticated
from server.operators.sessions import Arrival
from tests.web.site import Site, client_of

PASSWORD = "correct horse battery"


async def test_an_invitation_lets_one_person_in_once(site: Site) -> None:
    admin = await site.person()
    made = await admin.post("/people/invitations", data={"roles": ["investigator"]})
    link = re.search(r"/join/(hsi_[\w-]+)", made.text)
    assert link is not None
    browser = client_of(site.http)
    assert (await browser.get(f"/join/{link[1]}")).status_code == 200, "looking at it does not use it up"
    assert (await browser.post(f"/join/{link[1]}", data={"name": "Ida"})).headers["location"] == "/account"
    assert "Ida" in (await browser.get("/account")).text
    assert (await client_of(site.http).post(f"/join/{link[1]}", data={"name": "Somebody"})).status_code == 401
    assert (await browser.get("/people")).status_code == 403
    people = await site.services.people.list(await site.services.operators.ensure_default_operator())
    [joined] = [one for one in people if one.name == "Ida"]
    assert joined.roles == ["investigator"]
    chain = await site.services.custody.chain(f"operator:{joined.id}", organisation_id=joined.organisation_id)
    assert [event.type for event in chain] == ["operator.joined", "operator.signed_in"]
    told = [base64.b64decode(json.loads(event.envelope)["payload"]) for event in chain]
    assert not [one for one in told if b"Ida" in one], "custody names nobody"
    await site.sound()


async def test_withdrawn_and_late_invitations_are_refused_alike(site: Site) -> None:
    people, admin = site.services.people, await site.services.operators.ensure_default_operator()
    gone, late = await people.invite(admin, ["fact_checker"]), await people.invite(admin, ["fact_checker"])
    stranger = await site.other_organisation()
    with pytest.raises(NotFound):
        await people.withdraw(stranger, gone.invitation_id)
    await people.withdraw(admin, gone.invitation_id)
    site.clock.move(8 * 86400)
    for token in (gone.token, late.token, "hsi_guess"):
        with pytest.raises(SignInRefused):
            await site.services.sign_ins.join(token, "Ida", Arrival())
    assert await people.open_invitations(admin) == []


async def test_ending_access_ends_sessions_codes_and_browsers_and_keeps_what_was_sealed(site: Site) -> None:
    admin = await site.services.operators.ensure_default_operator()
    fellow = await site.colleague(admin.organisation_id, "fact_checker", name="Ida")
    browser, device = await site.person(fellow), await site.pair(operator=fellow)
    capture_id = await device.capture()
    code = await site.services.operators.create_pairing_code(fellow.operator_id)
    asking = await site.person()
    assert (await asking.post(f"/people/{fellow.operator_id}/disable")).status_code == 303
    assert (await browser.get("/")).status_code == 401
    assert (await site.http.get("/api/v1/challenge", headers=device.headers)).status_code == 401
    pairing = {"pairing_code": code.code, "public_key": "", "label": "x"}
    assert (await site.http.post("/api/v1/devices", json=pairing)).status_code in (403, 422)
    with pytest.raises(NotFound):
        await site.services.people.sign_in_link(await site.other_organisation(), fellow.operator_id)
    assert (await asking.get(f"/captures/{capture_id}")).status_code == 200
    await site.sound()


async def test_somebody_is_always_left_who_administers(site: Site) -> None:
    people, admin = site.services.people, await site.services.operators.ensure_default_operator()
    with pytest.raises(BadInput, match="administers"):
        await people.disable(admin, admin.operator_id)
    with pytest.raises(BadInput, match="administers"):
        await people.change_roles(admin, admin.operator_id, ["case_lead"])
    for roles in ([], ["king"]):
        with pytest.raises(BadInput):
            await people.change_roles(admin, admin.operator_id, roles)
    assert set((await people.list(admin))[0].roles) == {"admin", "case_lead"}


async def test_a_password_signs_in_and_is_stored_as_argon2id(site: Site) -> None:
    person = await site.person()
    assert (await person.post("/account/password", data={"login": "Desk", "password": PASSWORD})).status_code == 303
    browser = client_of(site.http)
    answer = await browser.post("/sign-in", data={"login": "desk", "password": PASSWORD})
    assert answer.status_code == 303 and (await browser.get("/")).status_code == 200
    from server.operators.models import Password

    async with site.services.database.session() as session:
        operator = await site.services.operators.ensure_default_operator()
        row = await session.get_one(Password, operator.operator_id)
    assert row.argon2id.startswith("$argon2id$") and PASSWORD not in row.argon2id


async def test_a_login_belongs_to_one_person_and_a_short_password_is_refused(site: Site) -> None:
    accounts, operator = site.services.accounts, await site.services.operators.ensure_default_operator()
    await accounts.set_password(operator, "desk", PASSWORD)
    other = await site.other_organisation()
    for login, password in (("desk", PASSWORD), ("other", "short"), ("no spaces", PASSWORD)):
        with pytest.raises(BadInput):
            await accounts.set_password(other, login, password)


async def test_only_the_own_browsers_are_listed_and_revoked_unless_one_administers(site: Site) -> None:
    admin = await site.services.operators.ensure_default_operator()
    ida, jon = [await site.colleague(admin.organisation_id, "fact_checker") for _ in range(2)]
    device = await site.pair("Ida's browser", operator=ida)
    person = await site.person(jon)
    assert "Ida" not in (await person.get("/devices")).text
    enrolment: EnrolmentService = site.services.enrolment
    assert (await person.post(f"/devices/{device.pairing['device_id']}/revoke")).status_code == 404
    assert "Ida" in (await (await site.person()).get("/devices")).text
    [listed] = await site.services.operators.list_devices(ida)
    await enrolment.revoke_device(admin, listed.id)
    assert (await site.http.get("/api/v1/challenge", headers=device.headers)).status_code == 401


async def test_who_does_not_administer_changes_nobody(site: Site) -> None:
    admin = await site.services.operators.ensure_default_operator()
    lead = await site.colleague(admin.organisation_id, "case_lead")
    for act in (
        site.services.people.list(lead),
        site.services.people.invite(lead, ["admin"]),
        site.services.people.change_roles(lead, lead.operator_id, ["admin"]),
        site.services.people.disable(lead, admin.operator_id),
        site.services.people.sign_in_link(lead, admin.operator_id),
    ):
        with pytest.raises(Forbidden):
            await act
    with pytest.raises(Unauthenticated):
        await site.services.tokens.authenticate("hsa_guess")


async def test_an_invitation_holds_only_while_who_gave_it_administers(site: Site) -> None:
    people = site.services.people
    admin = await site.services.operators.ensure_default_operator()
    leaving, demoted = [await site.colleague(admin.organisation_id, "admin") for _ in range(2)]
    doors = [await people.invite(one, ["admin"]) for one in (leaving, demoted)]
    await people.disable(admin, leaving.operator_id)
    await people.change_roles(admin, demoted.operator_id, ["fact_checker"])
    for door in doors:
        assert (await site.http.post(f"/join/{door.token}", data={"name": "Back again"})).status_code == 401
    assert await people.open_invitations(admin) == []
    kept = await people.invite(admin, ["fact_checker"])
    assert (await site.http.post(f"/join/{kept.token}", data={"name": "Ida"})).status_code == 303
