"""What reaches the log: events and ids, and no secret of anybody who signed in."""

import asyncio
import logging
import re
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn
from sqlalchemy.exc import SQLAlchemyError
from typer.testing import CliRunner

from server.cli import CHATTY
from server.cli import app as command_line
from server.db import run_sql
from tests.people.conftest import ORIGIN, Town
from tests.web.site import ORIGIN as LOG
from tests.web.site import open_site, settings_of

PASSWORD, OTHER = "correct horse battery", "staple correct horse"


async def test_no_secret_of_a_whole_session_reaches_the_log(town: Town, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)  # as `holdstill serve` logs
    for chatty in CHATTY:
        caplog.set_level(logging.WARNING, logger=chatty)
    admin, services = await town.admin(), town.services
    link = await services.operators.create_sign_in_link(admin.operator_id)
    browser = town.browser()
    await browser.post(f"/sign-in/{link.token}")
    first = browser.cookies["holdstill_session"]
    await browser.post("/account/password", data={"login": "canary.login", "password": PASSWORD})
    cookie = browser.cookies["holdstill_session"]
    made = await browser.post("/account/tokens", data={"label": "canary label", "scopes": "read", "days": "3"})
    [token] = re.findall(r"hsa_[\w-]+", made.text)
    invited = await browser.post("/people/invitations", data={"roles": "admin", "email": "canary@desk.example"})
    [invitation] = re.findall(r"hsi_[\w-]+", invited.text)
    paired = await browser.post("/devices/pairing-code")
    [code] = re.findall(r'id="pairing-code"[^>]*>([^<]+)<', paired.text)
    device = await town.site.pair("canary device")
    asked = await town.browser().post("/sign-in/passkey")
    [handle] = re.findall(r'name="handle" value="(hsc_[\w-]+)"', asked.text)
    pending = asked.cookies["holdstill_pending"]
    for headers in ({"Authorization": f"Bearer {token}"}, {"Authorization": f"Bearer {token}x"}, device.headers):
        await town.site.http.get("/api/v1/captures", headers=headers)
    await town.browser().post("/sign-in", data={"login": "canary.login", "password": OTHER})
    await town.browser().post(f"/join/{invitation}", data={"name": "canary\x00name"})
    await town.browser().post("/sign-in/passkey/answer", data={"handle": handle, "answer": "canary answer"})
    broken: Any = httpx2.ASGITransport(app=town.site.http._transport.app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=broken, base_url=ORIGIN, cookies={"holdstill_session": cookie}) as client:
        services.accounts.sign_ins.pace.count = None
        answer = await client.post("/account/password", data={"login": "canary.two", "password": OTHER, "present": PASSWORD})
        assert answer.status_code == 500 and "canary" not in answer.text
    secrets = (link.token, first, cookie, PASSWORD, OTHER, token, invitation, code, device.pairing["token"], handle, pending)
    assert "web.broke" in caplog.text
    assert [secret for secret in (*secrets, "canary") if secret in caplog.text] == []


async def test_an_error_of_the_database_names_no_value_of_the_statement(town: Town) -> None:
    async with town.services.database.session() as session:
        with pytest.raises(SQLAlchemyError) as broke:
            await run_sql(session, "SELECT 1 / :zero, CAST(:told AS text)", zero=0, told="canary")
    assert "told" in str(broke.value) and "canary" not in str(broke.value)


def test_serve_prints_a_link_while_nobody_could_come_in_otherwise_and_never_again(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def serve(_self: uvicorn.Server) -> None:
        return None

    async def choose_password() -> None:
        async with open_site(settings_of(tmp_path, database_url)) as site:
            await site.services.accounts.set_password(await site.services.operators.administrator(), "desk", PASSWORD)

    monkeypatch.setattr(uvicorn.Server, "serve", serve)
    values = {"DATA_DIR": str(tmp_path / "data"), "DATABASE_URL": database_url, "ORIGIN": LOG, "PORT": "0", "REPLAY_PORT": "0"}
    for name, value in (values | {"PUBLIC_URL": "http://holdstill.test"}).items():
        monkeypatch.setenv(f"HOLDSTILL_{name}", value)
    first = CliRunner().invoke(command_line, ["serve"])
    assert first.exit_code == 0 and "/sign-in/hsl_" in first.output
    asyncio.run(choose_password())
    later = CliRunner().invoke(command_line, ["serve"])
    assert later.exit_code == 0 and "hsl_" not in later.output and "/sign-in" in later.output
