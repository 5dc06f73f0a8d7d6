"""People of the organisation, for who administers it."""

import uuid
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from starlette.responses import RedirectResponse

from server.operators.actors import OperatorActor
from server.operators.roles import OperatorRole
from server.operators.sessions import PASSKEYS_FOR
from server.web.deps import Administrator, ServicesDep
from server.web.pages.render import render

router = APIRouter()
Roles = Annotated[list[str], Form(max_length=10)]
LINKS_SHOWN = 200
GIVEN_ROLES = tuple(role.value for role in OperatorRole if role is not OperatorRole.EXTERNAL_RECIPIENT)


@router.get("/people")
async def index(request: Request, actor: Administrator, services: ServicesDep) -> Response:
    """Who is in the organisation, and who was invited."""
    return await _people(request, actor, services)


@router.post("/people/invitations")
async def invite(
    request: Request,
    actor: Administrator,
    services: ServicesDep,
    roles: Roles,
    email: Annotated[str, Form(max_length=254)] = "",
) -> Response:
    """A new invitation, shown on this very answer and never again."""
    offer = await services.people.invite(actor, roles, email)
    return await _people(request, actor, services, link=f"/join/{offer.token}")


@router.post("/people/invitations/{invitation_id}/withdraw")
async def withdraw(invitation_id: uuid.UUID, actor: Administrator, services: ServicesDep) -> Response:
    """The invitation no longer works."""
    await services.people.withdraw(actor, invitation_id)
    return RedirectResponse("/people", status_code=HTTPStatus.SEE_OTHER)


@router.post("/people/{operator_id}/roles")
async def change_roles(operator_id: uuid.UUID, actor: Administrator, services: ServicesDep, roles: Roles) -> Response:
    """Other roles from now on."""
    await services.people.change_roles(actor, operator_id, roles)
    return RedirectResponse("/people", status_code=HTTPStatus.SEE_OTHER)


@router.post("/people/{operator_id}/disable")
async def disable(operator_id: uuid.UUID, actor: Administrator, services: ServicesDep) -> Response:
    """The person leaves; what they sealed stays valid."""
    await services.people.disable(actor, operator_id)
    return RedirectResponse("/people", status_code=HTTPStatus.SEE_OTHER)


@router.post("/people/{operator_id}/sign-in-link")
async def sign_in_link(request: Request, operator_id: uuid.UUID, actor: Administrator, services: ServicesDep) -> Response:
    """A one-time link for somebody who cannot get in, shown on this very answer."""
    offer = await services.people.sign_in_link(actor, operator_id)
    return await _people(request, actor, services, link=f"/sign-in/{offer.token}")


@router.post("/people/{operator_id}/email")
async def change_email(
    operator_id: uuid.UUID, actor: Administrator, services: ServicesDep, email: Annotated[str, Form(max_length=254)] = ""
) -> Response:
    """The address by which the configured issuer may vouch for the person."""
    await services.people.change_email(actor, operator_id, email)
    return RedirectResponse("/people", status_code=HTTPStatus.SEE_OTHER)


@router.post("/people/links/{handover_id}/close")
async def close_link(handover_id: uuid.UUID, actor: Administrator, services: ServicesDep) -> Response:
    """A link that somebody made who left opens no longer."""
    await services.handovers.departed.close(actor, handover_id)
    return RedirectResponse("/people#left-links", status_code=HTTPStatus.SEE_OTHER)


@router.post("/people/passkeys")
async def ask_passkeys(actor: Administrator, services: ServicesDep, whom: Annotated[str, Form(max_length=16)]) -> Response:
    """Of whom a passkey is asked from now on."""
    await services.people.ask_passkeys_of(actor, whom)
    return RedirectResponse("/people", status_code=HTTPStatus.SEE_OTHER)


async def _people(request: Request, actor: OperatorActor, services: ServicesDep, link: str | None = None) -> Response:
    left_links = await services.handovers.departed.list(actor, limit=LINKS_SHOWN + 1)
    return render(
        request,
        "people.html",
        section="people",
        people=await services.people.list(actor),
        invitations=await services.people.open_invitations(actor),
        roles=GIVEN_ROLES,
        link=None if link is None else services.settings.public_url.rstrip("/") + link,
        myself=actor.operator_id,
        passkeys_for=await services.people.passkeys_for(actor),
        rules=PASSKEYS_FOR,
        left_links=left_links[:LINKS_SHOWN],
        more_left_links=len(left_links) > LINKS_SHOWN,
        unproved=await services.tokens.unproved(actor),
        issuer="" if services.settings.oidc is None else services.settings.oidc.name,
    )
