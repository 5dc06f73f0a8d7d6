"""How often one may try: the same for who exists and who does not, the same in every process, and never for ever."""

import asyncio
import re
import subprocess
import sys
from collections import Counter
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from sqlalchemy import event

from server.errors import SignInPaused, SignInRefused
from server.handovers import passcodes
from server.operators import passwords
from server.operators.pacing import LONGEST_PAUSE, SignInPace, address_key, login_key, pause_after
from server.operators.sessions import Arrival
from tests.people.conftest import DESK, Town

PASSWORD = "correct horse battery"
pytestmark = pytest.mark.usefixtures("quick_hashes")


def test_no_command_line_waits_for_a_hash_that_only_a_stranger_needs() -> None:
    """Argon2id takes a second on a busy machine; what every command loads must not compute one."""
    counted = (
        "import argon2; argon2.PasswordHasher.hash = lambda *_: exit('hashed at import');"
        "import server.operators.passwords, server.handovers.passcodes"
    )
    done = subprocess.run([sys.executable, "-c", counted], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


async def test_one_comparison_whether_there_is_a_link_with_a_passcode_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[str] = []
    monkeypatch.setattr(passcodes, "_matches", lambda stored, _typed: compared.append(stored) is not None)
    quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("ABCDE12345")
    monkeypatch.setattr(passcodes, "_nobodys", lambda: quick)
    assert await passcodes.is_passcode(None, "ABCDE-12345") and not await passcodes.is_passcode(quick, "ABCDE-12346")
    assert compared == [quick, quick]


def elsewhere(number: int) -> Arrival:
    return Arrival(address=f"198.51.100.{number}")


def test_a_pause_begins_at_a_minute_doubles_and_ends_at_a_quarter_of_an_hour() -> None:
    minutes = [pause_after(tries, 5) / timedelta(minutes=1) for tries in range(3, 12)]
    assert minutes == [0, 0, 1, 2, 4, 8, 15, 15, 15]
    assert pause_after(10**9, 5) == LONGEST_PAUSE


def test_addresses_of_one_household_are_one_and_logins_are_read_as_they_are_compared() -> None:
    assert address_key("2001:db8:1:2::7") == address_key("2001:db8:1:2:ffff::1%eth0") != address_key("2001:db8:1:3::7")
    assert address_key("::ffff:192.0.2.7") == address_key("192.0.2.7") != address_key("192.0.2.8")
    assert address_key("") == address_key("testclient") == address_key("x" * 10_000)
    assert login_key(" Desk ") == login_key("desk") != address_key("desk")


async def test_whether_a_login_exists_shows_in_no_answer_no_statement_and_no_hash(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    await town.services.accounts.set_password(await town.admin(), "desk", PASSWORD)
    statements: list[str] = []
    hashes: list[str] = []
    engine = town.services.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", lambda *call: statements.append(re.sub(r"\d+", "0", call[2])))
    monkeypatch.setattr(passwords, "_matches", lambda stored, _typed: hashes.append(stored.rsplit("$", 2)[0]) is not None)
    seen = []
    for number in range(7):
        for login in ("desk", "nobody", "", "\x00", "Ärger"):
            statements.clear()
            hashes.clear()
            answer = await town.browser().post("/sign-in", data={"login": login, "password": f"wrong {number}"})
            waits = answer.headers.get("retry-after")
            seen.append((number, answer.status_code, answer.text, waits, tuple(sorted(statements)), tuple(hashes)))
            town.site.http._transport.client = (f"192.0.2.{len(seen)}", 1)  # type: ignore[attr-defined]
    for number in range(7):
        assert len({one for one in seen if one[0] == number}) == 1, f"one answer for every login, try {number}"
    assert Counter(one[1] for one in seen) == {401: 25, 429: 10}
    assert seen[-1][3] == "60" and "Wait 60 seconds" in seen[-1][2] and seen[-1][5] == (), "a pause costs no hash"


async def test_parallel_tries_count_one_by_one_in_every_process(town: Town) -> None:
    await town.services.accounts.set_password(await town.admin(), "desk", PASSWORD)
    others = [SignInPace(town.services.database, town.services.clock) for _ in range(2)]
    tries = [others[number % 2].count(login_key("desk"), address_key(f"198.51.100.{number}")) for number in range(12)]
    came = await asyncio.gather(*tries, return_exceptions=True)
    assert sorted(one for one in came if isinstance(one, int)) == [0, 1, 2, 3, 4]
    assert sum(isinstance(one, SignInPaused) for one in came) == 7
    with pytest.raises(SignInPaused) as paused:
        await town.services.sign_ins.by_password("desk", PASSWORD, elsewhere(99))
    assert paused.value.data == {"wait_s": 60}
    town.site.clock.move(60)  # type: ignore[union-attr]
    opened = await town.services.sign_ins.by_password("desk", PASSWORD, elsewhere(99))
    assert (await town.events(opened.actor))[-1][1]["failedTries"] == 5, "the person learns of the tries"
    for number in range(4):
        with pytest.raises(SignInRefused):
            await town.services.sign_ins.by_password("desk", "wrong", elsewhere(number))


async def test_an_address_that_tries_many_logins_waits_and_others_do_not(town: Town) -> None:
    await town.services.accounts.set_password(await town.admin(), "desk", PASSWORD)
    for number in range(20):
        with pytest.raises(SignInRefused):
            await town.services.sign_ins.by_password(f"guess{number}", PASSWORD, DESK)
    with pytest.raises(SignInPaused):
        await town.services.sign_ins.by_password("desk", PASSWORD, DESK)
    assert (await town.services.sign_ins.by_password("desk", PASSWORD, elsewhere(1))).cookie
    for _ in range(20):
        with pytest.raises(SignInRefused):
            await town.services.sign_ins.by_link("hsl_guess", elsewhere(2))
    for guess in (
        town.services.sign_ins.by_link("hsl_guess", elsewhere(2)),
        town.services.sign_ins.join("hsi_guess", "Name", elsewhere(2)),
    ):
        with pytest.raises(SignInPaused):
            await guess


async def test_a_stranger_cannot_lock_the_only_administrator_out(town: Town) -> None:
    admin = await town.admin()
    await town.services.accounts.set_password(admin, "desk", PASSWORD)
    key = await town.add_passkey(await town.cookie(admin))
    for _ in range(40):  # of an hour and more, from the administrator's own address
        try:
            await town.services.sign_ins.by_password("desk", "wrong", DESK)
        except SignInPaused as paused:
            assert 0 < int(str(paused.data["wait_s"])) <= LONGEST_PAUSE.total_seconds()
            town.site.clock.move(int(str(paused.data["wait_s"])))  # type: ignore[union-attr]
        except SignInRefused:
            pass
    with pytest.raises((SignInRefused, SignInPaused)):
        await town.services.sign_ins.by_password("desk", "wrong", DESK)
    with pytest.raises(SignInPaused):
        await town.services.sign_ins.by_password("desk", PASSWORD, DESK)
    assert await town.cookie(admin), "the link of `holdstill sign-in` works at once"
    assert (await town.sign_in(key)).actor == admin, "and so does a passkey"
    with pytest.raises(SignInPaused):
        await town.services.sign_ins.by_password("desk", PASSWORD, elsewhere(1))
    assert await town.services.sign_ins.lift("nobody") == 0
    assert await town.services.sign_ins.lift(" Desk") == 1
    assert (await town.events(admin))[-1][0] == "operator.sign_in_lifted"
    assert (await town.services.sign_ins.by_password("desk", PASSWORD, elsewhere(1))).actor == admin
    assert await town.services.sign_ins.lift(None) > 0
    assert (await town.services.sign_ins.by_password("desk", PASSWORD, DESK)).actor == admin
    await town.site.sound()


async def test_tries_are_forgotten_after_a_day(town: Town) -> None:
    for _ in range(4):
        with pytest.raises(SignInRefused):
            await town.services.sign_ins.by_password("desk", "wrong", DESK)
    town.site.clock.move(86_401)  # type: ignore[union-attr]
    pace = SignInPace(town.services.database, town.services.clock)
    assert await pace.count(login_key("desk"), address_key("192.0.2.7")) == 0
