"""Who gets in: pairing codes that cannot be guessed, devices that can be shut out, links and sessions that end."""

import asyncio
from dataclasses import replace
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from server.db import run_sql
from server.errors import BadInput, DeviceKeyRefused, DeviceRevoked, NotFound, PairingRefused, SignInRefused, Unauthenticated
from server.operators.models import Operator
from server.operators.secrets import parse_code
from server.operators.sessions import Arrival
from server.trust.dsse import parse_envelope
from server.trust.events import key_details, parse_event
from tests.oracle import assert_sound
from tests.postgres import until_something_waits
from tests.services.stage import Stage, new_spki


def wrong(code: str) -> str:
    """The same handle with another secret."""
    return code[:-1] + ("0" if code[-1] != "0" else "1")


async def offer(stage: Stage) -> str:
    return (await stage.operators.create_pairing_code((await stage.operator()).operator_id)).code


async def devices(stage: Stage) -> int:
    async with stage.database.session() as session:
        return int((await run_sql(session, "SELECT count(*) FROM device"))[0][0])


async def test_pairing_gives_a_token_and_logs_the_key(stage: Stage) -> None:
    spki = new_spki()
    paired = await stage.enrolment.pair_device(await offer(stage), spki, "Ana's browser")
    actor = await stage.operators.authenticate_device(paired.token)
    assert (actor.device_id, actor.key_id, actor.public_key_der) == (paired.device_id, paired.key_id, spki)
    [event] = await stage.custody.chain(f"device:{paired.key_id}", organisation_id=actor.organisation_id)
    details = key_details(parse_event(parse_envelope(event.envelope).payload))
    assert (event.type, details.key_id, details.public_key_der) == ("key.enrolled", paired.key_id, spki)
    assert await stage.custody.receipt(event)
    await assert_sound(stage)


async def test_a_pairing_code_works_once(stage: Stage) -> None:
    code = await offer(stage)
    await stage.enrolment.pair_device(code, new_spki(), "One")
    with pytest.raises(PairingRefused):
        await stage.enrolment.pair_device(code, new_spki(), "Two")
    assert await devices(stage) == 1


async def test_a_pairing_code_ends_after_five_minutes(stage: Stage) -> None:
    early = await offer(stage)
    stage.clock.move(299)
    await stage.enrolment.pair_device(early, new_spki(), "In time")
    late = await offer(stage)  # not before: one code in a million has the handle of another one, and ends that
    stage.clock.move(300)
    with pytest.raises(PairingRefused):
        await stage.enrolment.pair_device(late, new_spki(), "Late")
    assert await devices(stage) == 1


async def test_guessing_a_pairing_code_ends_after_five_tries(stage: Stage) -> None:
    code = await offer(stage)
    for _ in range(5):
        with pytest.raises(PairingRefused):
            await stage.enrolment.pair_device(wrong(code), new_spki(), "Guess")
    with pytest.raises(PairingRefused):
        await stage.enrolment.pair_device(code, new_spki(), "Right, but too late")
    assert await devices(stage) == 0


async def test_parallel_guesses_do_not_get_more_tries(stage: Stage) -> None:
    code = await offer(stage)
    guesses = [stage.enrolment.pair_device(wrong(code), new_spki(), "Guess") for _ in range(20)]
    results = await asyncio.gather(*guesses, return_exceptions=True)
    assert all(isinstance(result, PairingRefused) for result in results)
    async with stage.database.session() as session:
        assert (await run_sql(session, "SELECT tries_left FROM pairing_code"))[0][0] == 0
    with pytest.raises(PairingRefused):
        await stage.enrolment.pair_device(code, new_spki(), "Right, but too late")


async def test_two_browsers_cannot_use_one_code_at_once(stage: Stage) -> None:
    code = await offer(stage)
    both = (stage.enrolment.pair_device(code, new_spki(), label) for label in ("One", "Two"))
    results = await asyncio.gather(*both, return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["PairedDevice", "PairingRefused"]
    assert await devices(stage) == 1


NO_CODES = ["", "x", "ABCD-EFGH", "ABCD-EFGH-JKMN-PQRS", "ABCD-EFGH-JKM\x00", "A" * 10_000, "ÀBCD-EFGH-JKMN"]


@pytest.mark.parametrize("text", NO_CODES)
async def test_text_that_is_no_code_is_refused_alike(stage: Stage, text: str) -> None:
    await offer(stage)
    with pytest.raises(PairingRefused):
        await stage.enrolment.pair_device(text, new_spki(), "Guess")


async def test_a_code_is_read_as_people_type_it(stage: Stage) -> None:
    code = await offer(stage)
    typed = code.lower().replace("-", " ").replace("0", "o").replace("1", "l")
    assert str(parse_code(typed)) == code
    await stage.enrolment.pair_device(f" {typed} ", new_spki(), "Typed")


async def test_no_secret_is_stored(stage: Stage) -> None:
    operator_id = (await stage.operator()).operator_id
    code = parse_code(await offer(stage))
    paired = await stage.enrolment.pair_device(await offer(stage), new_spki(), "Browser")
    link = await stage.operators.create_sign_in_link(operator_id)
    used = await stage.operators.create_sign_in_link(operator_id)
    cookie = (await stage.identities.sign_ins.by_link(used.token, Arrival())).cookie
    stored = ""
    async with stage.database.session() as session:
        for row in await run_sql(session, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"):
            stored += str(await run_sql(session, f'SELECT to_jsonb(kept)::text FROM "{row.tablename}" AS kept'))
    assert code is not None
    assert code.handle in stored  # the search itself works
    for secret in (code.secret, paired.token, link.token, used.token, cookie):
        assert secret not in stored
        assert secret.encode().hex() not in stored


async def test_keys_of_another_kind_are_refused_and_cost_no_code(stage: Stage) -> None:
    p256 = ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    code = await offer(stage)
    for key in (p256, b"", b"\x30" * 120, new_spki() + b"\x00"):
        with pytest.raises(DeviceKeyRefused):
            await stage.enrolment.pair_device(code, key, "Browser")
    for label in ("", "   ", "x" * 201, "line\nbreak", "\u202eevil"):
        with pytest.raises(BadInput):
            await stage.enrolment.pair_device(code, new_spki(), label)
    await stage.enrolment.pair_device(code, new_spki(), "Browser")


async def test_a_key_paired_again_gets_a_new_token_and_the_old_one_ends(stage: Stage) -> None:
    spki = new_spki()
    first = await stage.enrolment.pair_device(await offer(stage), spki, "Browser")
    second = await stage.enrolment.pair_device(await offer(stage), spki, "Browser, again")
    assert first.device_id == second.device_id
    with pytest.raises(Unauthenticated):
        await stage.operators.authenticate_device(first.token)
    actor = await stage.operators.authenticate_device(second.token)
    assert len(await stage.custody.chain(f"device:{first.key_id}", organisation_id=actor.organisation_id)) == 1
    await assert_sound(stage)


async def test_a_key_of_somebody_else_is_not_taken_over(stage: Stage) -> None:
    spki, operator = new_spki(), await stage.operator()
    await stage.enrolment.pair_device(await offer(stage), spki, "Browser")
    async with stage.database.transaction() as session:
        other = Operator(organisation_id=operator.organisation_id, name="Other", created_at=stage.clock.now())
        session.add(other)
    code = (await stage.operators.create_pairing_code(other.id)).code
    with pytest.raises(DeviceKeyRefused):
        await stage.enrolment.pair_device(code, spki, "Mine now")


async def test_a_revoked_device_is_shut_out_and_stays_out(stage: Stage) -> None:
    spki, operator = new_spki(), await stage.operator()
    paired = await stage.enrolment.pair_device(await offer(stage), spki, "Stolen")
    await stage.enrolment.revoke_device(operator, paired.device_id)
    await stage.enrolment.revoke_device(operator, paired.device_id)
    with pytest.raises(DeviceRevoked):
        await stage.operators.authenticate_device(paired.token)
    with pytest.raises(DeviceRevoked):
        async with stage.database.transaction() as session:
            await stage.operators.require_active_device(session, paired.device_id)
    with pytest.raises(DeviceKeyRefused):
        await stage.enrolment.pair_device(await offer(stage), spki, "Back again")
    chain = await stage.custody.chain(f"device:{paired.key_id}", organisation_id=operator.organisation_id)
    assert [event.type for event in chain] == ["key.enrolled", "key.revoked"]
    await stage.log.sequence()
    await assert_sound(stage)


async def test_what_a_device_logs_before_its_revocation_also_stands_before_it_in_the_log(stage: Stage) -> None:
    """Validity is by log order, so a capture in flight must not slip behind the revocation that it came before."""
    paired, operator = await stage.pair(), await stage.operator()
    accepted, go_on = asyncio.Event(), asyncio.Event()

    async def capture() -> None:
        async with stage.database.transaction() as session:
            actor = await stage.operators.require_active_device(session, paired.device_id)
            accepted.set()
            await go_on.wait()
            await stage.log.append(session, b"c" * 32)
            assert actor.device_id == paired.device_id

    async def revoke() -> None:
        await accepted.wait()
        await stage.enrolment.revoke_device(operator, paired.device_id)

    capturing, revoking = asyncio.create_task(capture()), asyncio.create_task(revoke())
    await accepted.wait()
    await until_something_waits(stage.database)
    assert not revoking.done(), "it waits for the capture's transaction"
    go_on.set()
    await asyncio.gather(capturing, revoking)
    await stage.log.sequence()
    [_, revoked] = await stage.custody.chain(f"device:{paired.key_id}", organisation_id=operator.organisation_id)
    placed = await stage.log.index_of(b"c" * 32), await stage.log.index_of(revoked.leaf)
    assert placed == (1, 2)


async def test_another_organisation_cannot_revoke_or_learn_of_a_device(stage: Stage) -> None:
    paired, operator = await stage.pair(), await stage.operator()
    stranger = replace(operator, organisation_id=uuid4())
    with pytest.raises(NotFound) as known:
        await stage.enrolment.revoke_device(stranger, paired.device_id)
    with pytest.raises(NotFound) as unknown:
        await stage.enrolment.revoke_device(stranger, uuid4())
    assert known.value.code == unknown.value.code
    assert await stage.operators.list_devices(stranger) == []
    assert (await stage.operators.authenticate_device(paired.token)).device_id == paired.device_id


async def test_a_sign_in_link_works_once_and_not_after_its_time(stage: Stage) -> None:
    operator = await stage.operator()
    link = await stage.operators.create_sign_in_link(operator.operator_id)
    late = await stage.operators.create_sign_in_link(operator.operator_id)
    signed_in = await stage.identities.sign_ins.by_link(link.token, Arrival())
    assert signed_in.actor == operator == await stage.identities.sessions.authenticate(signed_in.cookie)
    with pytest.raises(SignInRefused):
        await stage.identities.sign_ins.by_link(link.token, Arrival())
    stage.clock.move(stage.settings.sign_in_link_seconds)
    with pytest.raises(SignInRefused):
        await stage.identities.sign_ins.by_link(late.token, Arrival())
    with pytest.raises(SignInRefused):
        await stage.identities.sign_ins.by_link("hsl_guess", Arrival())


async def test_a_session_ends_by_time_and_by_signing_out(stage: Stage) -> None:
    operator = await stage.operator()
    tokens = [(await stage.operators.create_sign_in_link(operator.operator_id)).token for _ in range(2)]
    first, second = [await stage.identities.sign_ins.by_link(token, Arrival()) for token in tokens]
    await stage.identities.sign_ins.sign_out(first.cookie)
    with pytest.raises(Unauthenticated):
        await stage.identities.sessions.authenticate(first.cookie)
    await stage.identities.sessions.authenticate(second.cookie)
    stage.clock.move(stage.settings.session_seconds)
    with pytest.raises(Unauthenticated):
        await stage.identities.sessions.authenticate(second.cookie)


async def test_the_first_operator_is_made_once_however_many_processes_start(stage: Stage) -> None:
    made = await asyncio.gather(*(stage.operators.ensure_default_operator() for _ in range(8)))
    assert len({actor.operator_id for actor in made}) == 1
