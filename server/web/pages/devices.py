"""Devices: who may send captures; pairing codes; revoking."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from server.operators.actors import OperatorActor
from server.operators.service import PairingOffer
from server.web.deps import AccountHolder, Capturer, ServicesDep
from server.web.pages.render import render

router = APIRouter()


@dataclass(frozen=True)
class DeviceView:
    """One paired browser."""

    device_id: uuid.UUID
    label: str
    key_id: str
    paired_at: datetime
    revoked_at: datetime | None


@router.get("/devices")
async def index(request: Request, actor: AccountHolder, services: ServicesDep) -> Response:
    """The organisation's browsers."""
    return await _page(request, actor, services, None)


@router.post("/devices/pairing-code")
async def pairing_code(request: Request, actor: Capturer, services: ServicesDep) -> Response:
    """A new pairing code, shown on this very answer and never again."""
    return await _page(request, actor, services, await services.enrolment.pairing_code(actor))


@router.post("/devices/{device_id}/revoke")
async def revoke(device_id: uuid.UUID, actor: AccountHolder, services: ServicesDep) -> Response:
    """Ends a browser's right to send; what it sent stays valid."""
    await services.enrolment.revoke_device(actor, device_id)
    return RedirectResponse("/devices", status_code=HTTPStatus.SEE_OTHER)


async def _page(request: Request, actor: OperatorActor, services: ServicesDep, offer: PairingOffer | None) -> Response:
    rows = await services.operators.list_devices(actor)
    devices = [DeviceView(row.id, row.label, row.key_id, row.created_at, row.revoked_at) for row in rows]
    return render(
        request, "devices.html", section="devices", devices=devices, pairing=offer, public_url=services.settings.public_url
    )
