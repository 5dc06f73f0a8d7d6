"""Who is asking, and the services that answer. The one place where a request becomes an Actor; every service scopes by it.

A device shows its bearer token, a person the session cookie. No route reads either itself.
"""

from typing import Annotated, Literal
from urllib.parse import urlsplit

from fastapi import Depends, Request

from server.composition import Services
from server.errors import CaptureNotAllowed, CrossSiteVisit, Forbidden, PasskeyDue, Unauthenticated
from server.operators.actors import Actor, DeviceActor, OperatorActor
from server.operators.rights import demand
from server.operators.roles import Right
from server.operators.tokens import PREFIX as TOKEN_PREFIX

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
TOKEN_LIMIT = 256


def services_of(request: Request) -> Services:
    """The services this application was made with."""
    services = request.app.state.services
    assert isinstance(services, Services)  # noqa: S101 - set once in create_app
    return services


def cookie_name(services: Services) -> str:
    """The session cookie's name: bound to host and TLS by its prefix when the service is reached over https."""
    return "__Host-holdstill" if is_https(services) else "holdstill_session"


def is_https(services: Services) -> bool:
    """True when people reach the service over https."""
    return services.settings.public_url.lower().startswith("https://")


class require:  # noqa: N801 - reads as a word in route signatures
    """A dependency that gives the Actor, if its role is one of `roles`.

    Raises: Unauthenticated (nobody, or an ended session), DeviceRevoked, Forbidden (another role, another site).
    """

    def __init__(self, *roles: Literal["device", "operator"]) -> None:
        self._roles = roles

    async def __call__(self, request: Request) -> Actor:
        """The authenticated actor."""
        services = services_of(request)
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and 0 < len(token) <= TOKEN_LIMIT:
            actor: Actor = await _bearer(services, token.strip())
        else:
            cookie = request.cookies.get(cookie_name(services), "")
            if not 0 < len(cookie) <= TOKEN_LIMIT:
                raise Unauthenticated(reason="no_credentials")
            actor = await services.sessions.authenticate(cookie, address_of(request))
            refuse_other_sites(request, services)
        if actor.role not in self._roles:
            raise Forbidden(needs=" or ".join(self._roles))
        request.state.actor = actor
        return actor


async def _bearer(services: Services, token: str) -> Actor:
    """The device, or the person's program, behind a bearer token: the prefix tells which."""
    if token.startswith(f"{TOKEN_PREFIX}_"):
        return await services.tokens.authenticate(token)
    return await services.operators.authenticate_device(token)


class may:  # noqa: N801 - reads as a word in route signatures
    """A dependency that gives the signed-in person (or the person's program), if they have the right.

    Every route names what it needs by this class, by DeviceCaller or by AnyCaller; tests/web/test_rights.py walks them all.
    Raises: as require(), and Forbidden without the right.
    """

    def __init__(self, right: Right) -> None:
        self.right = right

    async def __call__(self, request: Request) -> OperatorActor:
        """The actor."""
        actor = await _operator(request)
        _demand(actor, self.right)
        return actor


def _demand(actor: OperatorActor, right: Right) -> None:
    """demand(), saying what is missing where it is a passkey."""
    if actor.passkey_due and right not in actor.rights:
        raise PasskeyDue(needs="passkey")
    demand(actor, right)


def address_of(request: Request) -> str:
    """The network address of whoever asks; behind a proxy that the server trusts, what the proxy says (docs/operations.md)."""
    return "" if request.client is None else request.client.host


def refuse_other_sites(request: Request, services: Services) -> None:
    """Returns for requests a page of this service made. A cookie alone must not let another site act (CSRF).

    SameSite=Lax keeps the cookie away from other sites' forms already; this is the second lock. Raises: Forbidden.
    """
    if request.method in SAFE_METHODS:
        return
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise Forbidden(needs="same_origin")
    origin = request.headers.get("origin")
    if origin is not None and not _is_own(origin.lower(), request.headers.get("host", "").lower(), services):
        raise Forbidden(needs="same_origin")


def _is_own(origin: str, host: str, services: Services) -> bool:
    """Whether an Origin header names this service: by its public address, or by the other one it was reached at."""
    public = urlsplit(services.settings.public_url.lower())
    if origin == f"{public.scheme}://{public.netloc}":
        return True
    scheme, _, netloc = origin.partition("://")
    return scheme in ("http", "https") and netloc == host != public.netloc


async def refuse_arrivals(request: Request) -> None:
    """Returns unless another site led a signed-in person here: a link or picture elsewhere must not write to a chain of custody.

    For reading that is recorded. A browser says where a request comes from; a device's token is sent by its own code only.
    A sister name is another site here: replays run captured pages, and may live under the service's own domain.
    Raises: CrossSiteVisit.
    """
    is_bearer = request.headers.get("authorization", "").lower().startswith("bearer ")  # a link can bring `Basic` along
    if request.headers.get("sec-fetch-site") in ("cross-site", "same-site") and not is_bearer:
        raise CrossSiteVisit(needs="same_origin")


async def _device(request: Request) -> DeviceActor:
    actor = await require("device")(request)
    assert isinstance(actor, DeviceActor)  # noqa: S101 - the role says so
    if Right.CAPTURE not in actor.rights:
        raise CaptureNotAllowed(needs=Right.CAPTURE.value)
    return actor


async def _operator(request: Request) -> OperatorActor:
    actor = await require("operator")(request)
    assert isinstance(actor, OperatorActor)  # noqa: S101 - the role says so
    return actor


async def _reader(request: Request) -> Actor:
    actor = await require("device", "operator")(request)
    if isinstance(actor, OperatorActor):
        _demand(actor, Right.READ)
    elif Right.READ not in actor.rights:
        raise CaptureNotAllowed(needs=Right.READ.value)
    return actor


ServicesDep = Annotated[Services, Depends(services_of)]
DeviceCaller = Annotated[DeviceActor, Depends(_device)]
OperatorCaller = Annotated[OperatorActor, Depends(_operator)]
AnyCaller = Annotated[Actor, Depends(_reader)]
"""A device (its own captures) or a person; both only as long as the person may read."""
Reader = Annotated[OperatorActor, Depends(may(Right.READ))]
Writer = Annotated[OperatorActor, Depends(may(Right.WRITE))]
CaseMaker = Annotated[OperatorActor, Depends(may(Right.CREATE_CASES))]
Reviewer = Annotated[OperatorActor, Depends(may(Right.REVIEW))]
Grouper = Annotated[OperatorActor, Depends(may(Right.GROUP))]
Lead = Annotated[OperatorActor, Depends(may(Right.LEAD))]
Capturer = Annotated[OperatorActor, Depends(may(Right.CAPTURE))]
PublicExporter = Annotated[OperatorActor, Depends(may(Right.EXPORT_PUBLIC))]
"""Whoever may export anything; the profile asked for decides further, in the service."""
PlatformExporter = Annotated[OperatorActor, Depends(may(Right.EXPORT_PLATFORM))]
Exporter = Annotated[OperatorActor, Depends(may(Right.DRAFT_AUTHORITY))]
HandingOver = Annotated[OperatorActor, Depends(may(Right.EXPORT_AUTHORITY))]
AccountHolder = Annotated[OperatorActor, Depends(may(Right.ACCOUNT))]
Administrator = Annotated[OperatorActor, Depends(may(Right.ADMINISTER))]
RecordedRead = Depends(refuse_arrivals)
