"""Passkeys in a real browser: Chromium's virtual authenticator makes one on the real pages, and signs in with it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.async_api import Browser, CDPSession, Page, async_playwright, expect

from server.app import create_app
from server.composition import Overrides, build
from server.settings import Settings
from server.worker import register_tasks
from tests.e2e.chromium import chromium_program
from tests.e2e.processes import REPOSITORY, free_port
from tests.web.site import ORIGIN, Site

pytestmark = pytest.mark.browser
AXE = REPOSITORY / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
INTERNAL_KEY = {
    "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True, "isUserVerified": True,
    "automaticPresenceSimulation": True,
}  # fmt: skip


@asynccontextmanager
async def served(settings: Settings) -> AsyncIterator[Site]:
    """The service at its public address."""
    services = build(settings, Overrides(migrated=True))
    register_tasks(services)
    server = uvicorn.Server(uvicorn.Config(create_app(services), host="127.0.0.1", port=settings.port, log_level="warning"))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        assert not serving.done(), "the service did not start"
        await asyncio.sleep(0.05)
    try:
        yield Site(services, None, None)  # type: ignore[arg-type]
    finally:
        server.should_exit = True
        await serving


@asynccontextmanager
async def browsing() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium_program(), args=["--no-sandbox"])
        yield browser
        await browser.close()


async def with_authenticator(page: Page) -> tuple[CDPSession, str]:
    """A built-in authenticator that knows its person."""
    session = await page.context.new_cdp_session(page)
    await session.send("WebAuthn.enable")
    made = await session.send("WebAuthn.addVirtualAuthenticator", {"options": INTERNAL_KEY})
    return session, str(made["authenticatorId"])


async def faultless(page: Page) -> None:
    """axe finds nothing, and nothing stands out at the side."""
    await page.evaluate(AXE.read_text("utf-8"))
    judged: Any = await page.evaluate("(tags) => axe.run(document, {runOnly: tags})", RULES)
    assert [(one["id"], one["nodes"][0]["html"]) for one in judged["violations"]] == []
    assert await page.evaluate("() => document.documentElement.scrollWidth - innerWidth") <= 0


async def test_a_passkey_is_made_and_signs_in_on_the_real_pages(database_url: str, tmp_path: Path) -> None:
    port = free_port()
    url = f"http://localhost:{port}"
    settings = Settings(data_dir=tmp_path / "data", database_url=database_url, origin=ORIGIN, public_url=url, port=port)
    async with served(settings) as site, browsing() as browser:
        page = await (await browser.new_context(viewport={"width": 390, "height": 844})).new_page()
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        session, key = await with_authenticator(page)
        operator = await site.services.operators.ensure_default_operator()
        offer = await site.services.operators.create_sign_in_link(operator.operator_id)
        await page.goto(f"{url}/sign-in/{offer.token}")
        await page.get_by_role("button", name="Sign in").click()
        await page.wait_for_url(f"{url}/")
        await page.goto(f"{url}/account")
        await page.get_by_label("Name", exact=True).fill("Laptop")
        await page.get_by_role("button", name="Add a passkey").click()
        await page.wait_for_url(f"{url}/account")
        await expect(page.get_by_text("never used")).to_be_visible()
        await faultless(page)
        [credential] = (await session.send("WebAuthn.getCredentials", {"authenticatorId": key}))["credentials"]
        assert credential["rpId"] == "localhost" and credential["isResidentCredential"]
        await page.get_by_label("Name", exact=True).fill("Laptop again")  # the same authenticator makes no second one
        await page.get_by_role("button", name="Add a passkey").click()
        await expect(page.get_by_role("alert")).to_contain_text("There is a passkey for your account there already")
        await faultless(page)

        await page.goto(f"{url}/account")
        await page.get_by_role("button", name="Sign out", exact=True).first.click()
        await page.get_by_role("link", name="Sign in another way").click()
        await faultless(page)
        await session.send("WebAuthn.setUserVerified", {"authenticatorId": key, "isUserVerified": False})
        await page.get_by_role("button", name="Sign in with a passkey").click()
        await expect(page.get_by_role("alert")).to_contain_text("did not give a passkey")
        await session.send("WebAuthn.setUserVerified", {"authenticatorId": key, "isUserVerified": True})
        await page.get_by_role("button", name="Try again").click()
        await page.wait_for_url(f"{url}/")
        await page.goto(f"{url}/account")
        await expect(page.get_by_text("By passkey")).to_be_visible()
        await expect(page.get_by_text("never used")).not_to_be_visible()
        assert [one for one in complaints if "401" not in one] == [], "but for the page after signing out"
        [held] = await site.services.passkeys.of_person(operator.operator_id)
        assert held.sign_count > 0 and held.credential_id.hex()
        await page.get_by_role("button", name="Remove Laptop").click()
        await page.get_by_role("button", name="Sign out", exact=True).first.click()
        await page.goto(f"{url}/sign-in")
        await page.get_by_role("button", name="Sign in with a passkey").click()
        await expect(page.get_by_role("alert")).to_contain_text("That did not let you in")
