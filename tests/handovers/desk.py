"""A newsroom's desk: captures, finished bundles, links to them, and the browser of somebody who was given one."""

import hashlib
import io
import re
import uuid
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx2

from server.captures.masked import MaskedCopy, MaskOrder
from server.captures.masking import MaskBox
from server.custody.service import RecordedEvent
from server.exports.models import Export, ExportCapture, ExportState
from server.handovers.links import LinkOrder, MadeLink
from server.trust.dsse import parse_envelope
from server.trust.events import CustodyEvent, parse_event
from storage.hashing import Sha256
from tests.web.site import Device, Site, client_of

SHOT = "screenshot.viewport.png"


def parsed(event: RecordedEvent) -> CustodyEvent:
    return parse_event(parse_envelope(event.envelope).payload)


def bag(files: Mapping[str, bytes]) -> bytes:
    """A zip with a manifest of what is in it, as bundles have one."""
    lines = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in sorted(files.items()))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        for name, data in {**files, "manifest-sha256.txt": lines.encode()}.items():
            packed.writestr(name, data)
    return out.getvalue()


@dataclass
class Desk:
    """A site, its case lead, a paired browser and a sealed capture."""

    site: Site
    lead: Any
    device: Device
    capture_id: str

    @classmethod
    async def begin(cls, site: Site) -> "Desk":
        device = await site.pair()
        capture_id = await device.capture(title="A story <script>alert(1)</script>")
        return cls(site, await site.services.operators.ensure_default_operator(), device, capture_id)

    async def bundle(self, files: Mapping[str, bytes] | None = None) -> str:
        """The id of a finished bundle whose file holds these files."""
        data = bag(files or {f"data/captures/{self.capture_id}/statement.dsse.json": b"s"})
        sha256 = Sha256(hashlib.sha256(data).hexdigest())
        organisation, now = self.lead.organisation_id, self.site.clock.now()  # type: ignore[union-attr]
        self.site.services.working.put(io.BytesIO(data), organisation=str(organisation), sha256=sha256, size_bytes=len(data))
        row = Export(
            id=uuid.uuid4(), organisation_id=organisation, kind="bundle", actor=self.lead.urn, role="operator",
            purpose="complaint", recipient="The regulator", state=ExportState.READY, requested_at=now, finished_at=now,
            file_sha256=sha256, size_bytes=len(data),
        )  # fmt: skip
        async with self.site.services.database.transaction() as session:
            session.add(row)
            await session.flush()
            session.add(ExportCapture(export_id=row.id, position=0, capture_id=self.capture_id))
        return str(row.id)

    async def mask(self, *boxes: MaskBox, name: str = SHOT) -> MaskedCopy:
        return await self.site.services.captures.masked.make(
            self.lead, self.capture_id, MaskOrder(name, boxes, "own account in the header")
        )

    def order(self, **changes: Any) -> LinkOrder:
        facts: dict[str, Any] = {
            "kind": "capture",
            "thing_id": self.capture_id,
            "recipient": "The regulator",
            "purpose": "complaint",
            "expires_at": self.site.clock.now() + timedelta(days=7),  # type: ignore[union-attr]
        }
        return LinkOrder(**(facts | changes))

    async def link(self, **changes: Any) -> MadeLink:
        return await self.site.services.handovers.links.make(self.lead, self.order(**changes))

    async def events(self, item: str) -> list[CustodyEvent]:
        chain = await self.site.services.custody.chain(item, organisation_id=self.lead.organisation_id)
        return [parsed(event) for event in chain]

    async def told(self, made: MadeLink) -> list[str]:
        """The types of the link's events after the first, without their prefix."""
        return [event.type.removeprefix("handover.") for event in await self.events(f"handover:{made.row.id}")][1:]

    def recipient(self) -> httpx2.AsyncClient:
        """A browser that was never here."""
        return client_of(self.site.http)

    async def opened(self, made: MadeLink) -> tuple[httpx2.AsyncClient, str]:
        """A recipient's browser, and the path of the link's page after it was opened."""
        browser = self.recipient()
        answer = await browser.post(f"/h/{made.token}", data={"passcode": made.passcode or ""})
        assert answer.status_code == 303, answer.text
        path = answer.headers["location"]
        assert re.fullmatch(rf"/h/{made.token}/[\w-]+", path)
        return browser, path
