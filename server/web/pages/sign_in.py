"""Signing in by a one-time link, an invitation or a password, and out."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from starlette.responses import RedirectResponse

from server.composition import Services
from server.operators.service import SignedIn
from server.web.deps import OperatorCaller, ServicesDep, cookie_name, is_https, refuse_other_sites
from server.web.pages.render import render

router = APIRouter()


@router.get("/sign-in/{token}")
async def offer(request: Request, token: str) -> Response:
    """Asks before the link is used up: one that a mail program opens ahead, or another site leads to, changes nothing."""
    return render(request, "sign_in.html", signed_in=False, token=token[:256])


@router.post("/sign-in/{token}")
async def sign_in(request: Request, token: str, services: ServicesDep) -> Response:
    """Uses the link up, sets the session cookie and goes to the inbox. No Referer leaves this service (see SecurityHeaders)."""
    refuse_other_sites(request, services)
    return _signed_in(services, await services.operators.sign_in(token[:256]))


@router.get("/sign-in")
async def ask(request: Request) -> Response:
    """The form for login and password."""
    return render(request, "password.html", signed_in=False)


@router.post("/sign-in")
async def sign_in_by_password(
    request: Request,
    services: ServicesDep,
    login: Annotated[str, Form(max_length=80)] = "",
    password: Annotated[str, Form(max_length=256)] = "",
) -> Response:
    """A session for a login and its password."""
    refuse_other_sites(request, services)
    return _signed_in(services, await services.passwords.sign_in(login, password))


@router.get("/join/{token}")
async def invited(request: Request, token: str) -> Response:
    """Asks for a name before the invitation is used up."""
    return render(request, "join.html", signed_in=False, token=token[:256])


@router.post("/join/{token}")
async def join(request: Request, token: str, services: ServicesDep, name: Annotated[str, Form(max_length=200)]) -> Response:
    """A new person of the organisation, signed in; the account page comes next, for a way to get in again."""
    refuse_other_sites(request, services)
    return _signed_in(services, await services.people.join(token[:256], name), to="/account")


@router.post("/sign-out")
async def sign_out(request: Request, services: ServicesDep, _actor: OperatorCaller) -> Response:
    """Ends the session."""
    await services.operators.sign_out(request.cookies.get(cookie_name(services), ""))
    response = RedirectResponse("/", status_code=HTTPStatus.SEE_OTHER)
    response.delete_cookie(cookie_name(services), path="/", secure=is_https(services), httponly=True, samesite="lax")
    return response


def _signed_in(services: Services, signed_in: SignedIn, *, to: str = "/") -> Response:
    response = RedirectResponse(to, status_code=HTTPStatus.SEE_OTHER)
    response.set_cookie(
        cookie_name(services),
        signed_in.cookie,
        max_age=services.settings.session_seconds,
        httponly=True,
        samesite="lax",
        secure=is_https(services),
        path="/",
    )
    return response
