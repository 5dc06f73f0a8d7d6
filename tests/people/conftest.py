"""The service at an address where passkeys work, and people who have one."""

import base64
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from argon2 import PasswordHasher
from sqlalchemy import func
from sqlmodel import select

from server.cases.service import CaseOrder
from server.operators import passwords
from server.operators.models import ApiToken, Identity, Invitation, PairingCode, Passkey, Password, SignInLink
from server.operators.sessions import Arrival
from tests.people.softkey import SoftKey
from tests.services.stage import HeldClock
from tests.web.site import Site, open_site, settings_of

ORIGIN = "http://localhost:8443"
DESK = Arrival(address="192.0.2.7", browser="Firefox · Linux")
KEPT = (ApiToken, Identity, Invitation, PairingCode, Passkey, Password, SignInLink)


@dataclass
class Town:
    """A site, and shorter ways to what its tests do again and again."""

    site: Site

    @property
    def services(self) -> Any:
        return self.site.services

    def browser(self, **headers: str) -> httpx2.AsyncClient:
        """A browser with a cookie jar of its own, at the address people use."""
        return httpx2.AsyncClient(transport=self.site.http._transport, base_url=ORIGIN, headers=headers)

    async def admin(self) -> Any:
        """The first person, as the services know them."""
        return await self.services.operators.ensure_default_operator()

    async def cookie(self, actor: Any, arrival: Arrival = DESK) -> str:
        """A session opened by a one-time link."""
        offer = await self.services.operators.create_sign_in_link(actor.operator_id)
        return (await self.services.sign_ins.by_link(offer.token, arrival)).cookie

    async def person(self, actor: Any, **headers: str) -> httpx2.AsyncClient:
        """A browser in which the actor is signed in."""
        browser = self.browser(**headers)
        offer = await self.services.operators.create_sign_in_link(actor.operator_id)
        assert (await browser.post(f"/sign-in/{offer.token}")).status_code == 303
        return browser

    async def add_passkey(self, whose: str | httpx2.AsyncClient, label: str = "Work laptop", **lies: Any) -> SoftKey:
        """A passkey of the person who has the session, by its cookie or the browser. The session's cookie from now on is the
        key's `cookie`; a browser has it already."""
        cookie = whose if isinstance(whose, str) else whose.cookies["holdstill_session"]
        actor, key = await self.services.sessions.authenticate(cookie), SoftKey(ORIGIN, **lies)
        asked = await self.services.passkeys.ask_for_new(actor, cookie)
        new = await self.services.passkeys.verify_new(actor, cookie, asked.handle, key.create(asked.options))
        key.cookie = str((await self.services.accounts.add_passkey(actor, new, label)).cookie)
        if isinstance(whose, httpx2.AsyncClient):
            whose.cookies = {"holdstill_session": key.cookie}  # type: ignore[assignment]
        return key

    async def sign_in(self, key: SoftKey, pending: str = "hsp_a_browser") -> Any:
        """What comes of the passkey's answer."""
        asked = await self.services.passkeys.ask_for_one(pending)
        shown = await self.services.passkeys.verify_shown(pending, asked.handle, key.get(asked.options))
        return await self.services.sign_ins.by_passkey(shown, DESK)

    async def events(self, actor: Any) -> list[tuple[str, dict[str, Any]]]:
        """(type, details) of the person's chain, in order."""
        chain = await self.services.custody.chain(f"operator:{actor.operator_id}", organisation_id=actor.organisation_id)
        payloads = [json.loads(base64.b64decode(json.loads(event.envelope)["payload"])) for event in chain]
        return [(one["predicate"]["type"], one["predicate"]["details"]) for one in payloads]


@dataclass
class Fellow:
    """Somebody with every right, signed in, and as a request of theirs was authenticated a moment ago."""

    town: Town
    admin: Any
    cookie: str
    actor: Any
    case_id: Any

    @property
    def services(self) -> Any:
        return self.town.services

    async def kept(self) -> list[int]:
        """How many rows there are by which somebody comes in."""
        async with self.services.database.session() as session:
            return [(await session.exec(select(func.count()).select_from(table))).one() for table in KEPT]


@pytest.fixture
async def town(database_url: str, tmp_path: Path) -> AsyncIterator[Town]:
    """Served at http://localhost:8443, with a clock that tests move."""
    settings = settings_of(tmp_path, database_url).model_copy(update={"public_url": ORIGIN})
    async with open_site(settings, clock=HeldClock()) as running:
        yield Town(running)


@pytest.fixture
async def fellow(town: Town) -> AsyncIterator[Fellow]:
    admin = await town.admin()
    person = await town.site.colleague(admin.organisation_id, "admin", "case_lead", name="Ida")
    cookie = await town.cookie(person)
    case = await town.services.cases.open(person, CaseOrder("Silence period"))
    yield Fellow(town, admin, cookie, await town.services.sessions.authenticate(cookie), case.id)


@pytest.fixture
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Argon2id with the least it can do: for tests of how often it is asked, or of something else."""
    quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(passwords, "_HASHER", quick)
    monkeypatch.setattr(passwords, "_nobodys", lambda: quick.hash("nobody's"))
