"""The whole service in one process, on a real database, reached over HTTP (ASGI), and devices that act as the extension does."""

import base64
import hashlib
import io
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
from fastapi import FastAPI
from PIL import Image, ImageDraw
from starlette.routing import BaseRoute

from server.app import create_app
from server.composition import Overrides, Services, build
from server.operators.models import Operator, Organisation
from server.operators.service import operator_actor
from server.settings import Settings, TsaSettings
from server.trust.dsse import sign_envelope
from server.worker import register_tasks
from storage.blobs import BlobStore
from tests.oracle import assert_sound
from tests.services.stage import HeldClock
from tests.trust.archive import make_wacz
from tests.trust.parties import Device as Keys
from tests.trust.parties import statement_payload
from tests.tsa import LocalTsa

ORIGIN = "test.holdstill.local/log"
TYPES = {"wacz": "application/wacz+zip", "png": "image/png", "jpg": "image/jpeg", "webp": "image/webp"}


def picture(width: int = 640, height: int = 400, *, words: str = "A story", shade: int = 200) -> bytes:
    """A PNG screenshot with something on it."""
    image = Image.new("RGB", (width, height), (shade, 210, 220))
    draw = ImageDraw.Draw(image)
    for line in range(0, height, 24):
        draw.text((16, line + 6), f"{words} · line {line // 24}", fill=(20, 30, 40))
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


@dataclass
class Site:
    """One process's worth of service and an HTTP client that is nobody."""

    services: Services
    http: httpx2.AsyncClient
    clock: HeldClock | None
    devices: list["Device"] = field(default_factory=list)

    async def pair(self, label: str = "Firefox on the desk", *, operator: Any = None) -> "Device":
        """A device paired over HTTP; of the default operator unless another one is given."""
        operator = operator or await self.services.operators.ensure_default_operator()
        offer = await self.services.operators.create_pairing_code(operator.operator_id)
        keys = Keys()
        asked = {"pairing_code": offer.code, "public_key": base64.b64encode(keys.spki_der).decode(), "label": label}
        answer = await self.http.post("/api/v1/devices", json=asked)
        assert answer.status_code == 201, answer.text
        return Device(self, keys, answer.json())

    async def other_organisation(self, name: str = "Somebody else") -> Any:
        """An operator of another organisation, who may do everything there."""
        async with self.services.database.transaction() as session:
            organisation = Organisation(name=name, created_at=self.services.clock.now())
            session.add(organisation)
            await session.flush()
        return await self.colleague(organisation.id, "case_lead", "admin", name="Other")

    async def colleague(self, organisation_id: Any, *roles: str, name: str = "Colleague") -> Any:
        """A person with these roles in an organisation."""
        now = self.services.clock.now()
        async with self.services.database.transaction() as session:
            operator = Operator(organisation_id=organisation_id, name=name, created_at=now, roles=list(roles))
            session.add(operator)
            await session.flush()
        return operator_actor(operator)

    async def person(self, operator: Any = None) -> httpx2.AsyncClient:
        """A browser signed in through the one-time link."""
        operator = operator or await self.services.operators.ensure_default_operator()
        offer = await self.services.operators.create_sign_in_link(operator.operator_id)
        client = client_of(self.http)
        answer = await client.post(f"/sign-in/{offer.token}")
        assert answer.status_code == 303, answer.text
        return client

    async def sound(self) -> None:
        """Everything follows from the stored bytes, blobs included."""
        await assert_sound(self.services, self.services.captures.evidence)


def client_of(http: httpx2.AsyncClient) -> httpx2.AsyncClient:
    """Another client of the same application, with a cookie jar of its own."""
    return httpx2.AsyncClient(transport=http._transport, base_url=http.base_url)


@dataclass
class Device:
    """A paired browser."""

    site: Site
    keys: Keys
    pairing: dict[str, Any]

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.pairing['token']}"}

    async def challenge(self) -> dict[str, Any]:
        answer = await self.site.http.get("/api/v1/challenge", headers=self.headers)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def statement(self, artifacts: Mapping[str, bytes], *, online: bool = True, **changes: object) -> bytes:
        """A signed envelope; online ones carry the nonce and the checkpoint of a fresh challenge."""
        if online:
            challenge = await self.challenge()
            changes = {"nonce": challenge["nonce"], "notBefore": not_before(challenge), **changes}
        else:
            changes = {"nonce": None, "notBefore": None, "clock": None, **changes}
        size = {"width": 640, "height": 400, "scrollX": 0, "scrollY": 0, "devicePixelRatio": 1}  # of picture()
        payload = json.loads(statement_payload(artifacts, {"viewport": size, **changes}))
        for subject in payload["subject"]:
            subject["annotations"]["mediaType"] = TYPES.get(subject["name"].rsplit(".", 1)[1], "application/octet-stream")
        return sign_envelope(json.dumps(payload, ensure_ascii=False).encode(), self.keys)

    def artifacts(self, *, body: bytes = b"<h1>A story</h1>") -> dict[str, bytes]:
        return {
            "page.wacz": make_wacz(self.keys.sign_page_digest, body=body),
            "screenshot.viewport.png": picture(words=body.decode("utf-8", "replace")[:40]),
        }

    async def commit(self, envelope: bytes) -> httpx2.Response:
        headers = self.headers | {"Content-Type": "application/vnd.in-toto+json"}
        return await self.site.http.post("/api/v1/captures", content=envelope, headers=headers)

    async def put(self, capture_id: str, data: bytes, *, sha256: str | None = None) -> httpx2.Response:
        name = sha256 or hashlib.sha256(data).hexdigest()
        return await self.site.http.put(f"/api/v1/captures/{capture_id}/artifacts/{name}", content=data, headers=self.headers)

    async def seal(self, capture_id: str) -> httpx2.Response:
        return await self.site.http.post(f"/api/v1/captures/{capture_id}/seal", headers=self.headers)

    async def capture(self, artifacts: Mapping[str, bytes] | None = None, **changes: object) -> str:
        """The whole path: challenge, commit, upload, seal. Gives the capture id."""
        sent = artifacts or self.artifacts()
        committed = await self.commit(await self.statement(sent, **changes))
        assert committed.status_code == 201, committed.text
        capture_id = str(committed.json()["capture_id"])
        for data in sent.values():
            if hashlib.sha256(data).hexdigest() in committed.json()["missing"]:
                assert (await self.put(capture_id, data)).status_code == 204
        sealed = await self.seal(capture_id)
        assert sealed.status_code == 200, sealed.text
        return capture_id


def not_before(challenge: Mapping[str, Any]) -> dict[str, Any] | None:
    """The statement's `notBefore` from a challenge, as the extension writes it."""
    if challenge["checkpoint"] is None:
        return None
    origin, size, _ = challenge["checkpoint"].split("\n", 2)
    return {
        "origin": origin,
        "treeSize": int(size),
        "checkpointSha256": challenge["checkpoint_sha256"],
        "timestamps": challenge["timestamps"],
    }


def settings_of(folder: Path, database_url: str, **more: Any) -> Settings:
    """Settings of a service whose data lies in `folder`."""
    return Settings(
        data_dir=folder / "data", database_url=database_url, origin=ORIGIN, public_url="http://holdstill.test", **more
    )


def pinned_tsa(tsa: LocalTsa) -> TsaSettings:
    """The authority as settings name it."""
    return TsaSettings(name="local", url=tsa.url, roots_file=tsa.root_file)


_ROUTES: list[BaseRoute] = []
"""The routes of the first application of this process. They hold no services, and are made ready when first asked for: 0.2 s."""


def _app_of(services: Services) -> FastAPI:
    """The application, with the routes that an earlier test made ready."""
    app = create_app(services)
    _ROUTES[:] = _ROUTES or app.router.routes
    app.router.routes[:] = _ROUTES
    return app


@asynccontextmanager
async def open_site(settings: Settings, *, blobs: BlobStore | None = None, clock: HeldClock | None = None) -> AsyncIterator[Site]:
    """The service without a background worker: tests run the jobs they mean."""
    services = build(settings, Overrides(clock=clock, blobs=blobs, migrated=True))
    register_tasks(services)
    async with services.running():
        transport = httpx2.ASGITransport(app=_app_of(services))
        async with httpx2.AsyncClient(transport=transport, base_url="http://holdstill.test") as http:
            yield Site(services, http, clock)
