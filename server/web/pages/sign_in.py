"""Signing in by a one-time link, an invitation, a passkey, a password or the configured issuer; and out."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from starlette.responses import RedirectResponse

from server.composition import Services
from server.errors import IssuerRefused, IssuerUnreachable, PasskeyDue, PasskeysUnavailable, SignInPaused, SignInRefused
from server.operators.challenges import ChallengeGone
from server.operators.issuer import RETURN_PATH, IssuerAnswer
from server.operators.passkeys import ANSWER_LIMIT
from server.web.deps import OperatorCaller, ServicesDep, cookie_name, is_https, refuse_arrivals, refuse_other_sites
from server.web.pages.arriving import (
    arrival_of,
    ask_page,
    begin_pending,
    ceremony_page,
    new_pending,
    pending_cookie,
    welcome,
)
from server.web.pages.render import render

router = APIRouter()
Text = Annotated[str, Query(max_length=4_096)]


@router.get("/sign-in")
async def ask(request: Request, services: ServicesDep) -> Response:
    """Every way in that this service has."""
    return ask_page(request, services)


@router.post("/sign-in")
async def sign_in_by_password(
    request: Request,
    services: ServicesDep,
    login: Annotated[str, Form(max_length=80)] = "",
    password: Annotated[str, Form(max_length=256)] = "",
) -> Response:
    """A session for a login and its password."""
    refuse_other_sites(request, services)
    try:
        return welcome(services, await services.sign_ins.by_password(login, password, arrival_of(request, services)))
    except (SignInRefused, SignInPaused, PasskeyDue) as error:
        return ask_page(request, services, error)


@router.post("/sign-in/passkey")
async def ask_for_passkey(request: Request, services: ServicesDep) -> Response:
    """A challenge for this browser, and the page that answers it."""
    refuse_other_sites(request, services)
    cookie = new_pending()
    try:
        services.passkeys.party(request.headers.get("host", ""))
        await services.sign_ins.count_asking(arrival_of(request, services).address)
        ceremony = await services.passkeys.ask_for_one(cookie)
    except (PasskeysUnavailable, SignInPaused) as error:
        return ask_page(request, services, error)
    page = ceremony_page(request, ceremony, kind="get")
    begin_pending(page, services, cookie)
    return page


@router.post("/sign-in/passkey/answer")
async def sign_in_by_passkey(
    request: Request,
    services: ServicesDep,
    handle: Annotated[str, Form(max_length=128)],
    answer: Annotated[str, Form(max_length=ANSWER_LIMIT)],
) -> Response:
    """A session for the passkey that answered the challenge of this browser."""
    refuse_other_sites(request, services)
    try:
        shown = await services.passkeys.verify_shown(pending_cookie(request, services), handle, answer)
        return welcome(services, await services.sign_ins.by_passkey(shown, arrival_of(request, services)))
    except SignInRefused as error:
        return ask_page(request, services, await services.sign_ins.counted(error, arrival_of(request, services).address))
    except PasskeysUnavailable as error:
        return ask_page(request, services, error)


@router.get("/sign-in/issuer", dependencies=[Depends(refuse_arrivals)])
async def go_to_issuer(request: Request, services: ServicesDep) -> Response:
    """Leads to the configured issuer. By a link, not a form: a form may lead nowhere but to this service (CSP)."""
    cookie = new_pending()
    try:
        await services.sign_ins.count(arrival_of(request, services).address)
        _ = services.issuer.configured
        address = await services.issuer.address_of(await services.challenges.open("issuer", cookie))
    except (IssuerRefused, IssuerUnreachable, SignInPaused) as error:
        return ask_page(request, services, error)
    response = RedirectResponse(address, status_code=HTTPStatus.SEE_OTHER)
    begin_pending(response, services, cookie)
    return response


@router.get(RETURN_PATH)
async def come_back_from_issuer(
    request: Request, services: ServicesDep, code: Text = "", state: Text = "", iss: Text = "", error: Text = ""
) -> Response:
    """The issuer's answer: signs in, or binds the issuer's subject to the account that asked for it."""
    answer = IssuerAnswer(code, state, iss, error)
    try:
        bound = await _bind(request, services, answer)
        return bound or await _sign_in(request, services, answer)
    except (IssuerRefused, IssuerUnreachable, PasskeyDue) as refusal:
        return ask_page(request, services, refusal)


@router.get("/sign-in/{token}")
async def offer(request: Request, token: str) -> Response:
    """Asks before the link is used up: one that a mail program opens ahead, or another site leads to, changes nothing."""
    return render(request, "sign_in.html", signed_in=False, token=token[:256])


@router.post("/sign-in/{token}")
async def sign_in(request: Request, token: str, services: ServicesDep) -> Response:
    """Uses the link up, sets the session cookie and goes to the inbox. No Referer leaves this service (see SecurityHeaders)."""
    refuse_other_sites(request, services)
    return welcome(services, await services.sign_ins.by_link(token[:256], arrival_of(request, services)))


@router.get("/join/{token}")
async def invited(request: Request, token: str) -> Response:
    """Asks for a name before the invitation is used up."""
    return render(request, "join.html", signed_in=False, token=token[:256])


@router.post("/join/{token}")
async def join(request: Request, token: str, services: ServicesDep, name: Annotated[str, Form(max_length=200)]) -> Response:
    """A new person of the organisation, signed in; the account page comes next, for a way to get in again."""
    refuse_other_sites(request, services)
    return welcome(services, await services.sign_ins.join(token[:256], name, arrival_of(request, services)), to="/account")


@router.post("/sign-out")
async def sign_out(request: Request, services: ServicesDep, _actor: OperatorCaller) -> Response:
    """Ends the session."""
    await services.sign_ins.sign_out(request.cookies.get(cookie_name(services), ""))
    response = RedirectResponse("/", status_code=HTTPStatus.SEE_OTHER)
    response.delete_cookie(cookie_name(services), path="/", secure=is_https(services), httponly=True, samesite="lax")
    return response


async def _bind(request: Request, services: Services, answer: IssuerAnswer) -> Response | None:
    """Binds, if the state is of a challenge that a signed-in person asked for in this browser; None if it is not."""
    cookie = arrival_of(request, services).previous
    try:
        actor = None if not cookie else await services.sessions.find(cookie)
        if actor is None:
            return None
        challenge = await services.challenges.take("bind", answer.state, cookie, actor.operator_id)
    except ChallengeGone:
        return None
    await services.accounts.bind(actor, await services.issuer.vouched(challenge, answer))
    return RedirectResponse("/account", status_code=HTTPStatus.SEE_OTHER)


async def _sign_in(request: Request, services: Services, answer: IssuerAnswer) -> Response:
    try:
        challenge = await services.challenges.take("issuer", answer.state, pending_cookie(request, services))
    except ChallengeGone as error:
        raise IssuerRefused(reason="state") from error
    vouched = await services.issuer.vouched(challenge, answer)
    return welcome(services, await services.sign_ins.by_issuer(vouched, arrival_of(request, services)))
