"""Everybody's own account: passkeys, where one is signed in, the issuer, password and tokens. Nobody else sees any of it."""

import uuid
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from starlette.responses import RedirectResponse

from server.operators.actors import OperatorActor
from server.operators.passkeys import ANSWER_LIMIT
from server.operators.roles import TOKEN_SCOPES
from server.operators.tokens import TokenOrder
from server.web.deps import AccountHolder, ServicesDep, refuse_arrivals
from server.web.pages.arriving import arrival_of, ceremony_page, keep_session, passkeys_at
from server.web.pages.render import render

router = APIRouter()
Label = Annotated[str, Form(max_length=80)]


@router.get("/account")
async def account(request: Request, actor: AccountHolder, services: ServicesDep) -> Response:
    """The person's ways in, open sessions and tokens."""
    return await _account(request, actor, services)


@router.post("/account/passkeys/begin")
async def ask_for_passkey(
    request: Request,
    actor: AccountHolder,
    services: ServicesDep,
    label: Label,
    present: Annotated[str, Form(max_length=256)] = "",
) -> Response:
    """A challenge for a new passkey, and the page that answers it. Nobody adds one without what the present password protects."""
    services.passkeys.party(request.headers.get("host", ""))
    await services.accounts.demand_present(actor, present)
    ceremony = await services.passkeys.ask_for_new(actor, arrival_of(request, services).previous)
    return ceremony_page(request, ceremony, kind="create", label=label)


@router.post("/account/passkeys")
async def add_passkey(
    request: Request,
    actor: AccountHolder,
    services: ServicesDep,
    label: Label,
    handle: Annotated[str, Form(max_length=128)],
    answer: Annotated[str, Form(max_length=ANSWER_LIMIT)],
) -> Response:
    """The passkey that the browser made signs in from now on."""
    cookie = arrival_of(request, services).previous
    new = await services.passkeys.verify_new(actor, cookie, handle, answer)
    added = await services.accounts.add_passkey(actor, new, label)
    return keep_session(services, _back(), added.cookie)


@router.post("/account/passkeys/{passkey_id}/remove")
async def remove_passkey(passkey_id: uuid.UUID, actor: AccountHolder, services: ServicesDep) -> Response:
    """The passkey no longer works, nor do other sessions opened with it."""
    await services.accounts.remove_passkey(actor, passkey_id)
    return _back()


@router.post("/account/sessions/end-others")
async def end_other_sessions(actor: AccountHolder, services: ServicesDep) -> Response:
    """Signed out everywhere but here."""
    await services.accounts.end_other_sessions(actor)
    return _back()


@router.post("/account/sessions/{session_id}/end")
async def end_session(session_id: uuid.UUID, actor: AccountHolder, services: ServicesDep) -> Response:
    """Signed out there."""
    await services.accounts.end_session(actor, session_id)
    return _back()


@router.get("/account/issuer", dependencies=[Depends(refuse_arrivals)])
async def connect_issuer(request: Request, actor: AccountHolder, services: ServicesDep) -> Response:
    """Leads to the issuer, to bind what it knows the person by; it comes back as a sign-in does."""
    _ = services.issuer.configured
    cookie = arrival_of(request, services).previous
    challenge = await services.challenges.open("bind", cookie, actor.operator_id)
    return RedirectResponse(await services.issuer.address_of(challenge), status_code=HTTPStatus.SEE_OTHER)


@router.post("/account/identities/{identity_id}/remove")
async def unbind_issuer(identity_id: uuid.UUID, actor: AccountHolder, services: ServicesDep) -> Response:
    """What the issuer knows the person by opens the account no more."""
    await services.accounts.unbind(actor, identity_id)
    return _back()


@router.post("/account/password")
async def set_password(
    actor: AccountHolder,
    services: ServicesDep,
    login: Annotated[str, Form(max_length=80)],
    password: Annotated[str, Form(max_length=256)],
    present: Annotated[str, Form(max_length=256)] = "",
) -> Response:
    """Login and password from now on; if there was a password before, every other session ends."""
    return keep_session(services, _back(), await services.accounts.set_password(actor, login, password, present))


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
    return _back()


def _back() -> Response:
    return RedirectResponse("/account", status_code=HTTPStatus.SEE_OTHER)


async def _account(request: Request, actor: OperatorActor, services: ServicesDep, token: str | None = None) -> Response:
    return render(
        request,
        "account.html",
        section="account",
        actor=actor,
        login=await services.operators.login_of(actor),
        asks_present=await services.accounts.is_password_asked(actor),
        passkeys=await services.passkeys.of_person(actor.operator_id),
        unavailable=passkeys_at(request, services),
        sessions=await services.sessions.open_of(actor),
        identities=await services.accounts.identities(actor),
        issuer="" if services.settings.oidc is None else services.settings.oidc.name,
        tokens=await services.tokens.list(actor),
        resting=await services.tokens.resting(actor),
        scopes=sorted(right.value for right in TOKEN_SCOPES & actor.rights),
        token=token,
        now=services.clock.now(),
    )
