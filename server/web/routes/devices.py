"""Pairing a browser, and the challenge it binds its next statement to."""

import base64
import binascii
from http import HTTPStatus

from fastapi import APIRouter, Request

from server.errors import BadInput
from server.web.bodies import json_body, read_json
from server.web.deps import DeviceCaller, ServicesDep
from server.web.schemas import ChallengeAnswer, PairingAnswer, PairingRequest, StampNamed

router = APIRouter(prefix="/api/v1", tags=["devices"])


@router.post("/devices", status_code=HTTPStatus.CREATED, openapi_extra=json_body(PairingRequest))
async def pair(request: Request, services: ServicesDep) -> PairingAnswer:
    """Lets a browser in for a pairing code; gives its token once, and the keys it should pin."""
    asked = await read_json(request, PairingRequest)
    try:
        public_key = base64.b64decode(asked.public_key, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadInput(field="public_key", reason="base64 of a SPKI DER is wanted") from error
    paired = await services.enrolment.pair_device(asked.pairing_code, public_key, asked.label)
    return PairingAnswer(
        device_id=paired.device_id,
        token=paired.token,
        log_vkey=services.log.vkey,
        service_vkey=services.custody.service_vkey,
        origin=services.log.origin,
        server_time=services.clock.now(),
    )


@router.get("/challenge")
async def challenge(actor: DeviceCaller, services: ServicesDep) -> ChallengeAnswer:
    """A single-use nonce and the newest stamped checkpoint (else the newest; null before the first)."""
    issued = await services.captures.challenges.issue(actor)
    return ChallengeAnswer(
        nonce=issued.nonce,
        server_time=issued.server_time,
        checkpoint=issued.checkpoint,
        checkpoint_sha256=issued.checkpoint_sha256,
        stamped=issued.stamped,
        timestamps=[StampNamed(tsa=stamp.tsa, sha256=stamp.sha256) for stamp in issued.timestamps],
    )
