"""Rights that are taken away and used at the same moment: one waits for the other, and no two wait in a ring."""

import asyncio

import pytest
from sqlmodel import select

from server.cases.models import CaseFile
from server.db import run_sql
from server.errors import Forbidden, PairingRefused
from server.operators.models import Organisation, PairingCode
from server.operators.roles import Right
from server.operators.standing import demand_now
from tests.people.conftest import Fellow
from tests.postgres import until_something_waits
from tests.trust.parties import Device as Keys


async def test_a_demotion_waits_for_what_is_being_handed_out_and_withdraws_it(fellow: Fellow) -> None:
    """The other order: the right still held when it was asked for, and the invitation is there when it is taken away."""
    services, asked, go_on = fellow.services, asyncio.Event(), asyncio.Event()

    async def hand_out() -> None:
        async with services.database.transaction() as session:
            await demand_now(session, fellow.actor, Right.ADMINISTER)
            asked.set()
            await go_on.wait()

    handing = asyncio.create_task(hand_out())
    await asked.wait()
    demoting = asyncio.create_task(services.people.change_roles(fellow.admin, fellow.actor.operator_id, ["fact_checker"]))
    await until_something_waits(fellow.town.services.database, 1, demoting)
    go_on.set()
    await asyncio.gather(handing, demoting)
    with pytest.raises(Forbidden):
        await services.people.invite(fellow.actor, ["admin"])


async def test_an_invitation_is_redeemed_while_its_maker_works_in_the_case(fellow: Fellow) -> None:
    """The maker's own row is held and the case waited for: who redeems holds the case and must not wait for that row."""
    services, other = fellow.services, await fellow.town.site.other_organisation()
    token = await services.cases.members.invite(fellow.actor, fellow.case_id, "reader")
    async with services.database.transaction() as session:
        await demand_now(session, fellow.actor, Right.LEAD)
        async with asyncio.timeout(60):
            assert await services.cases.members.redeem(other, token) == fellow.case_id


async def test_a_demotion_waits_for_an_invitation_that_is_being_redeemed(fellow: Fellow) -> None:
    services, other = fellow.services, await fellow.town.site.other_organisation()
    token = await services.cases.members.invite(fellow.actor, fellow.case_id, "reader")
    async with services.database.transaction() as session:
        await session.get_one(CaseFile, fellow.case_id, with_for_update=True)
        redeeming = asyncio.create_task(services.cases.members.redeem(other, token))
        await until_something_waits(fellow.town.services.database, 1, redeeming)
        demoting = asyncio.create_task(services.people.change_roles(fellow.admin, fellow.actor.operator_id, ["investigator"]))
        await until_something_waits(fellow.town.services.database, 2, demoting)
    assert await redeeming == fellow.case_id
    await demoting
    kinds = [
        row.type
        for row in await services.custody.of_types(
            ("case.shared", "operator.roles_changed"), organisation_id=fellow.actor.organisation_id
        )
    ]
    assert kinds == ["case.shared", "operator.roles_changed"]


async def test_who_leaves_while_a_browser_pairs_ends_the_code_and_waits_in_no_ring(fellow: Fellow) -> None:
    """Who leaves is locked first, then their codes: a browser that comes with one must not hold it and wait for the person."""
    services = fellow.services
    offer = await services.enrolment.pairing_code(fellow.actor)
    async with services.database.transaction() as session:
        await demand_now(session, fellow.actor, Right.CAPTURE)
        pairing = asyncio.create_task(services.enrolment.pair_device(offer.code, Keys().spki_der, "Late"))
        await until_something_waits(fellow.town.services.database, 1, pairing)
        code = (await session.exec(select(PairingCode).with_for_update())).one()
        code.used_at = services.operators.clock.now()
    with pytest.raises(PairingRefused):
        await pairing


async def test_a_rule_on_passkeys_and_what_is_handed_out_wait_for_each_other(fellow: Fellow) -> None:
    """Either the session without a passkey was there first, or it is refused; two rules at once wait in no ring."""
    services, asked, go_on = fellow.services, asyncio.Event(), asyncio.Event()
    key = await fellow.town.add_passkey(await fellow.town.cookie(fellow.admin))
    admin = await services.sessions.authenticate(key.cookie)

    async def hand_out() -> None:
        async with services.database.transaction() as session:
            await demand_now(session, fellow.actor, Right.ADMINISTER)
            asked.set()
            await go_on.wait()

    handing = asyncio.create_task(hand_out())
    await asked.wait()
    rules = [asyncio.create_task(services.people.ask_passkeys_of(admin, whom)) for whom in ("administrators", "nobody")]
    await until_something_waits(fellow.town.services.database, 2, rules[0])
    go_on.set()
    await asyncio.gather(handing, *rules)
    async with services.database.transaction() as session:
        organisation = await session.get_one(Organisation, fellow.actor.organisation_id, with_for_update={"key_share": True})
        organisation.passkeys_for = "everybody"
        inviting = asyncio.create_task(services.people.invite(fellow.actor, ["admin"]))
        await until_something_waits(fellow.town.services.database, 1, inviting)
    with pytest.raises(Forbidden):
        await inviting


async def test_a_rule_on_passkeys_does_not_wait_for_what_only_names_the_organisation(fellow: Fellow) -> None:
    """Every capture and every row of the organisation locks its key while it is written: none of them is about the rule."""
    services = fellow.services
    key = await fellow.town.add_passkey(await fellow.town.cookie(fellow.admin))
    admin = await services.sessions.authenticate(key.cookie)
    async with services.database.transaction() as session:
        await run_sql(session, "SELECT 1 FROM organisation FOR KEY SHARE")
        async with asyncio.timeout(60):
            await services.people.ask_passkeys_of(admin, "administrators")
    assert await services.people.passkeys_for(admin) == "administrators"
