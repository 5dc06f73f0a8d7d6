"""People of the organisation (for who administers it), and everybody's own account."""

import uuid
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from starlette.responses import RedirectResponse

from server.operators.actors import OperatorActor
from server.operators.roles import TOKEN_SCOPES, OperatorRole
from server.operators.tokens import TokenOrder
from server.web.deps import AccountHolder, Administrator, ServicesDep
from server.web.pages.render import render

router = APIRouter()
Roles = Annotated[list[str], Form(max_length=10)]
GIVEN_ROLES = tuple(role.value for role in OperatorRole if role is not OperatorRole.EXTERNAL_RECIPIENT)


@router.get("/people")
async def index(request: Request, actor: Administrator, services: ServicesDep) -> Response:
    """Who is in the organisation, and who was invited."""
    return await _people(request, actor, services)


@router.post("/people/invitations")
async def invite(request: Request, actor: Administrator, services: ServicesDep, roles: Roles) -> Response:
    """A new invitation, shown on this very answer and never again."""
    offer = await services.people.invite(actor, roles)
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


@router.get("/account")
async def account(request: Request, actor: AccountHolder, services: ServicesDep) -> Response:
    """The person's password and tokens."""
    return await _account(request, actor, services)


@router.post("/account/password")
async def set_password(
    actor: AccountHolder,
    services: ServicesDep,
    login: Annotated[str, Form(max_length=80)],
    password: Annotated[str, Form(max_length=256)],
) -> Response:
    """Login and password from now on."""
    await services.passwords.set_password(actor, login, password)
    return RedirectResponse("/account", status_code=HTTPStatus.SEE_OTHER)


@router.post("/account/tokens")
async def create_token(
    request: Request,
    actor: AccountHolder,
    services: ServicesDep,
    label: Annotated[str, Form(max_length=200)],
    scopes: Annotated[list[str], Form(max_length=20)],
    days: Annotated[int, Form()] = 90,
) -> Response:
    """A new token, shown on this very answer and never again."""
    _, token = await services.tokens.create(actor, TokenOrder(label, tuple(scopes), days))
    return await _account(request, actor, services, token=token)


@router.post("/account/tokens/{token_id}/revoke")
async def revoke_token(token_id: uuid.UUID, actor: AccountHolder, services: ServicesDep) -> Response:
    """The token no longer works."""
    await services.tokens.revoke(actor, token_id)
    return RedirectResponse("/account", status_code=HTTPStatus.SEE_OTHER)


async def _people(request: Request, actor: OperatorActor, services: ServicesDep, link: str | None = None) -> Response:
    return render(
        request,
        "people.html",
        section="people",
        people=await services.people.list(actor),
        invitations=await services.people.open_invitations(actor),
        roles=GIVEN_ROLES,
        link=None if link is None else services.settings.public_url.rstrip("/") + link,
        myself=actor.operator_id,
    )


async def _account(request: Request, actor: OperatorActor, services: ServicesDep, token: str | None = None) -> Response:
    return render(
        request,
        "account.html",
        section="account",
        actor=actor,
        login=await services.operators.login_of(actor),
        tokens=await services.tokens.list(actor),
        scopes=sorted(right.value for right in TOKEN_SCOPES & actor.rights),
        token=token,
        now=services.clock.now(),
    )
