"""What signing in takes from a request and puts into a response: the browser's arrival, its two cookies, the page that asks."""

from dataclasses import dataclass
from http import HTTPStatus

from fastapi import Request, Response
from starlette.responses import RedirectResponse

from server.composition import Services
from server.errors import PasskeyDue, PasskeysUnavailable, ServiceError, SignInPaused, SignInRefused
from server.operators.browsers import browser_family
from server.operators.passkeys import Ceremony
from server.operators.secrets import new_token
from server.operators.service import SignedIn
from server.operators.sessions import Arrival
from server.web.deps import TOKEN_LIMIT, address_of, cookie_name, is_https
from server.web.middleware import CONTENT_SECURITY_POLICY
from server.web.pages.render import render, texts_of
from server.web.problems import headers_of, status_of

CEREMONY_POLICY = {"Content-Security-Policy": f"{CONTENT_SECURITY_POLICY}; script-src 'self'"}


@dataclass(frozen=True)
class Availability:
    """Whether a passkey can be asked for at this address: `reason` is empty, or says why not."""

    reason: str
    public_url: str


def arrival_of(request: Request, services: Services) -> Arrival:
    """From where the request comes. The browser's name is its claim; the address the connection's, or what the proxy says."""
    previous = request.cookies.get(cookie_name(services), "")
    return Arrival(
        address=address_of(request),
        browser=browser_family(request.headers.get("user-agent", "")),
        previous=previous if len(previous) <= TOKEN_LIMIT else "",
    )


def passkeys_at(request: Request, services: Services) -> Availability:
    """Whether the page that is shown here could use passkeys."""
    try:
        services.passkeys.party(request.headers.get("host", ""))
    except PasskeysUnavailable as error:
        return Availability(str(error.data["reason"]), services.settings.public_url)
    return Availability("", services.settings.public_url)


def pending_cookie(request: Request, services: Services) -> str:
    """The cookie that challenges of a browser without a session are bound to; empty without one."""
    found = request.cookies.get(_pending_name(services), "")
    return found if len(found) <= TOKEN_LIMIT else ""


def begin_pending(response: Response, services: Services, cookie: str) -> None:
    """Gives the browser that cookie, for as long as a challenge lives. Not `strict`: the issuer leads back from its own site."""
    response.set_cookie(
        _pending_name(services),
        cookie,
        max_age=services.settings.challenge_seconds,
        httponly=True,
        samesite="lax",
        secure=is_https(services),
        path="/",
    )


def new_pending() -> str:
    """A fresh one."""
    return new_token("hsp")


def welcome(services: Services, signed_in: SignedIn, *, to: str = "/") -> Response:
    """Sets the new session's cookie and leads on: to the own account where the organisation waits for a passkey."""
    response = RedirectResponse("/account" if signed_in.actor.passkey_due else to, status_code=HTTPStatus.SEE_OTHER)
    keep_session(services, response, signed_in.cookie)
    response.delete_cookie(_pending_name(services), path="/", secure=is_https(services), httponly=True, samesite="lax")
    return response


def keep_session(services: Services, response: Response, cookie: str | None) -> Response:
    """The response, which gives the browser the session's cookie from now on; None: it has the right one."""
    if cookie is not None:
        response.set_cookie(
            cookie_name(services),
            cookie,
            max_age=services.settings.session_seconds,
            httponly=True,
            samesite="lax",
            secure=is_https(services),
            path="/",
        )
    return response


def ask_page(request: Request, services: Services, error: ServiceError | None = None) -> Response:
    """The page with every way in; with `error`, what became of the try, under the error's own status."""
    page = render(
        request,
        "password.html",
        status=HTTPStatus.OK if error is None else status_of(error),
        signed_in=False,
        said="" if error is None else _words(request, error),
        passkeys=passkeys_at(request, services),
        issuer="" if services.settings.oidc is None else services.settings.oidc.name,
    )
    page.headers.update({} if error is None else headers_of(error))
    return page


def ceremony_page(request: Request, ceremony: Ceremony, *, kind: str, label: str = "") -> Response:
    """The page whose script hands the options to the browser and sends the answer."""
    creates = kind == "create"
    page = render(
        request,
        "passkey.html",
        signed_in=False,
        kind=kind,
        action="/account/passkeys" if creates else "/sign-in/passkey/answer",
        back="/account" if creates else "/sign-in",
        handle=ceremony.handle,
        options=ceremony.options,
        label=label,
    )
    page.headers.update(CEREMONY_POLICY)
    return page


def _pending_name(services: Services) -> str:
    return "__Host-holdstill-pending" if is_https(services) else "holdstill_pending"


def _words(request: Request, error: ServiceError) -> str:
    texts = texts_of(request)
    if isinstance(error, SignInPaused):
        way = "sign_in.paused_asking" if error.data.get("way") == "passkey" else "sign_in.paused"
        return texts.get(way, wait_s=error.data["wait_s"])
    if isinstance(error, SignInRefused):
        return texts.get("sign_in.wrong")
    if isinstance(error, PasskeyDue):
        return texts.get("sign_in.use_passkey")
    known = f"{error.code}.{error.data.get('reason', 'other')}"
    words = texts.get(known, **{name: value for name, value in error.data.items() if name == "public_url"})
    return texts.get(f"{error.code}.other") if words == known else words
