"""Signing in by a one-time link, and out."""

from http import HTTPStatus

from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

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
    signed_in = await services.operators.sign_in(token[:256])
    response = RedirectResponse("/", status_code=HTTPStatus.SEE_OTHER)
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


@router.post("/sign-out")
async def sign_out(request: Request, services: ServicesDep, _actor: OperatorCaller) -> Response:
    """Ends the session."""
    await services.operators.sign_out(request.cookies.get(cookie_name(services), ""))
    response = RedirectResponse("/", status_code=HTTPStatus.SEE_OTHER)
    response.delete_cookie(cookie_name(services), path="/", secure=is_https(services), httponly=True, samesite="lax")
    return response
