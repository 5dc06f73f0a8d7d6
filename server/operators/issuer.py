"""The configured OpenID Connect issuer: the way there and back, and what of its word can be believed.

Authorization code flow with PKCE (S256), state and nonce (OpenID Connect Core 1.0, 3.1; RFC 7636; RFC 9700). What comes back:
1. The state is of a challenge that this very browser was given, minutes ago, and that nobody answered (challenges.py).
2. Where the answer names its issuer (RFC 9207), it is ours.
3. The code is exchanged with the PKCE verifier at the token endpoint of the issuer's own discovery document.
4. The ID token is signed by a key of the issuer, with an algorithm of ALGORITHMS: never `none`, never a shared secret.
5. iss, aud, azp, exp, iat, nonce and at_hash are what they must be.
What a token says is who somebody is there. Who that is here, and what they may do, is decided by rows of this service.
"""

import asyncio
import re
import string
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx2
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from server.clock import Clock
from server.errors import IssuerRefused, IssuerUnreachable
from server.operators.challenges import Challenge
from server.settings import OidcSettings, Settings, is_safe_url

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519", "EdDSA")
DISCOVERY = "/.well-known/openid-configuration"
RETURN_PATH = "/sign-in/issuer/return"
CODE_LIMIT = 2_048
SUBJECT_LIMIT = 255
LEEWAY_S = 30
_SMALL = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_EMAIL = re.compile(r"[^\s@]{1,64}@[^\s@]{1,189}")


@dataclass(frozen=True)
class IssuerAnswer:
    """The query with which the issuer sent the browser back."""

    code: str = ""
    state: str = ""
    iss: str = ""
    error: str = ""


@dataclass(frozen=True)
class Vouched:
    """Whom the issuer vouches for. `email` is lower-case, and None unless the issuer says it verified it; `name` may be empty."""

    issuer: str
    subject: str
    email: str | None
    name: str


def normal_email(text: str) -> str | None:
    """The address in the form addresses are compared in, or None if it cannot be one.

    Only A to Z are brought to lower case: the sign of kelvin would become a k, and another mailbox this one.
    """
    wanted = text.strip().translate(_SMALL)
    return wanted if _EMAIL.fullmatch(wanted) and wanted.isprintable() else None


class IssuerClient:
    """Talks to one issuer. Nothing is kept between calls: discovery and keys are read anew for each person who comes back."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.settings = settings
        self.clock = clock

    @property
    def configured(self) -> OidcSettings:
        """Raises: IssuerRefused (`not_configured`)."""
        if self.settings.oidc is None:
            raise IssuerRefused(reason="not_configured")
        return self.settings.oidc

    async def address_of(self, challenge: Challenge) -> str:
        """Where to send the browser. Raises: IssuerRefused; IssuerUnreachable."""
        try:
            async with self._client() as client, asyncio.timeout(self.configured.timeout_s):
                facts = await self._discover(client)
                url, _ = client.create_authorization_url(
                    facts["authorization_endpoint"],
                    state=challenge.handle,
                    nonce=challenge.text("nonce"),
                    code_verifier=challenge.text("verifier"),
                )
        except TimeoutError as error:
            raise IssuerUnreachable() from error
        return str(url)

    async def vouched(self, challenge: Challenge, answer: IssuerAnswer) -> Vouched:
        """Whom the issuer vouches for, by steps 2 to 5; the challenge was taken (step 1).

        Raises: IssuerRefused (reason: `denied`, `issuer`, `code`, `token`, `signature`, `claim_…`); IssuerUnreachable.
        """
        wanted = self.configured
        if answer.iss and answer.iss != wanted.issuer:
            raise IssuerRefused(reason="issuer")
        if answer.error or not 0 < len(answer.code) <= CODE_LIMIT:
            raise IssuerRefused(reason="denied")
        try:
            async with self._client() as client, asyncio.timeout(wanted.timeout_s):
                facts = await self._discover(client)
                token = await self._exchange(client, facts["token_endpoint"], challenge, answer.code)
                keys = await _json(client, facts["jwks_uri"])
        except TimeoutError as error:
            raise IssuerUnreachable() from error
        return _read(self._verified(token, keys, challenge), wanted.issuer)

    def _client(self) -> Any:
        wanted = self.configured
        secret = None if wanted.client_secret is None else wanted.client_secret.get_secret_value()
        return AsyncOAuth2Client(
            client_id=wanted.client_id,
            client_secret=secret,
            token_endpoint_auth_method="none" if secret is None else "client_secret_basic",
            scope="openid email profile",
            redirect_uri=self.settings.public_url.rstrip("/") + RETURN_PATH,
            code_challenge_method="S256",
            transport=_Capped(wanted.answer_limit_bytes),
            timeout=wanted.timeout_s,
            follow_redirects=False,
        )

    async def _discover(self, client: Any) -> dict[str, str]:
        """The issuer's endpoints. Its document must be about itself, and name no address that secrets may not go to."""
        wanted = self.configured
        facts = await _json(client, wanted.issuer.rstrip("/") + DISCOVERY)
        ends = {name: facts.get(name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")}
        if facts.get("issuer") != wanted.issuer:
            raise IssuerRefused(reason="issuer")
        found = {name: end for name, end in ends.items() if isinstance(end, str) and is_safe_url(end)}
        if len(found) != len(ends) or (_https(wanted.issuer) and not all(_https(end) for end in found.values())):
            raise IssuerUnreachable()
        return found

    async def _exchange(self, client: Any, endpoint: str, challenge: Challenge, code: str) -> dict[str, Any]:
        """3. The tokens for the code."""
        try:
            found = await client.fetch_token(
                endpoint, grant_type="authorization_code", code=code, code_verifier=challenge.text("verifier")
            )
        except AuthlibBaseError as error:
            raise IssuerRefused(reason="code") from error
        except (httpx2.HTTPError, OSError, ValueError, TypeError, AttributeError) as error:
            raise IssuerUnreachable() from error
        if not isinstance(found.get("id_token"), str):
            raise IssuerRefused(reason="token")
        return dict(found)

    def _verified(self, token: dict[str, Any], keys: dict[str, Any], challenge: Challenge) -> dict[str, Any]:
        """4. and 5. The claims of the ID token."""
        wanted = self.configured
        registry = JWSRegistry(algorithms=[*ALGORITHMS], strict_check_header=False)
        try:
            read = jwt.decode(token["id_token"], KeySet.import_key_set(keys), registry=registry)  # type: ignore[arg-type]
        except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise IssuerRefused(reason="signature") from error
        options = {"iss": {"essential": True, "value": wanted.issuer}, "aud": {"essential": True, "value": wanted.client_id}}
        asked = {"nonce": challenge.text("nonce"), "client_id": wanted.client_id, "access_token": token.get("access_token")}
        try:
            claims = CodeIDToken(read.claims, read.header, options, asked)
            claims.validate(now=int(self.clock.now().timestamp()), leeway=LEEWAY_S)
        except JoseError as error:
            raise IssuerRefused(reason=f"claim_{getattr(error, 'claim', None) or 'exp'}") from error
        except (ValueError, TypeError) as error:
            raise IssuerRefused(reason="token") from error
        return dict(claims)


def _read(claims: dict[str, Any], issuer: str) -> Vouched:
    subject, email, name = claims.get("sub"), claims.get("email"), claims.get("name")
    if not isinstance(subject, str) or not 0 < len(subject) <= SUBJECT_LIMIT or not subject.isprintable():
        raise IssuerRefused(reason="claim_sub")
    is_verified = claims.get("email_verified") is True and isinstance(email, str)
    said = name.strip() if isinstance(name, str) and name.isprintable() else ""
    return Vouched(issuer, subject, normal_email(str(email)) if is_verified else None, said[:200])


def _https(url: str) -> bool:
    return urlsplit(url).scheme == "https"


async def _json(client: Any, url: str) -> dict[str, Any]:
    """The object at an address of the issuer. Raises: IssuerUnreachable."""
    try:
        answer = await client.request("GET", url, withhold_token=True)
        found = answer.json() if answer.status_code == 200 else None
    except (httpx2.HTTPError, OSError, ValueError) as error:  # TimeoutError is an OSError
        raise IssuerUnreachable() from error
    if not isinstance(found, dict):
        raise IssuerUnreachable()
    return found


class _Capped(httpx2.AsyncHTTPTransport):
    """Reads answers to their cap and no further."""

    def __init__(self, limit_bytes: int) -> None:
        super().__init__()
        self._limit_bytes = limit_bytes

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The answer, read. Raises: httpx2.HTTPError, also where it is too long."""
        request.headers["Accept-Encoding"] = "identity"  # a cap on bytes that unpack to more would be none
        answer = await super().handle_async_request(request)
        body = bytearray()
        try:
            async for part in answer.stream:  # type: ignore[union-attr]
                body += part
                if len(body) > self._limit_bytes:
                    raise httpx2.ReadError("the answer is too long", request=request)
        finally:
            await answer.aclose()
        if answer.headers.get("content-encoding", "identity") != "identity":
            raise httpx2.ReadError("the answer is packed", request=request)
        return httpx2.Response(answer.status_code, headers=answer.headers, content=bytes(body), request=request)
