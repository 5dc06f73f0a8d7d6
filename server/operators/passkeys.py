"""Passkeys (WebAuthn): what the browser is asked, and whether its answer holds. Rows and custody events are written elsewhere.

The person is always verified by the authenticator (PIN, finger, face). Nobody types a name first, so nothing tells who exists.
Not checked: what make of authenticator it is; attestation is neither asked for nor believed.
Source: W3C Web Authentication Level 3, sections 7.1 and 7.2; verified by py_webauthn.
"""

import ipaddress
import json
from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import UUID

from cryptography.exceptions import UnsupportedAlgorithm
from sqlmodel import col, select
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import parse_authentication_credential_json, parse_registration_credential_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticationCredential,
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from server.db import Database
from server.errors import PasskeyRefused, PasskeysUnavailable, SignInRefused
from server.operators.actors import OperatorActor
from server.operators.challenges import Challenge, ChallengeGone, ChallengeService
from server.operators.models import Passkey
from server.settings import Settings

ANSWER_LIMIT = 16 * 1024
CREDENTIAL_ID_LIMIT = 1023
PER_PERSON = 20
NAME = "Holdstill"
_BAD_ANSWER = (
    WebAuthnException,
    UnsupportedAlgorithm,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    RecursionError,
)
"""What the library raises for bytes that are no answer."""


@dataclass(frozen=True)
class RelyingParty:
    """Whom a passkey is made for: browsers give it to pages of `origin` only. `id` is the host name."""

    id: str
    origin: str


@dataclass(frozen=True)
class Ceremony:
    """What a page hands to the browser: `handle` comes back with the answer, `options` is JSON for navigator.credentials."""

    handle: str
    options: str


@dataclass(frozen=True)
class NewPasskey:
    """A verified credential that is not stored yet. `synced`: it can be on several devices at once."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    synced: bool


@dataclass(frozen=True)
class ShownPasskey:
    """A verified answer: by which passkey, and the counter it showed. Not judged here: whether the counter went back."""

    passkey_id: UUID
    operator_id: UUID
    sign_count: int


def relying_party(public_url: str) -> RelyingParty:
    """Of the address people use. Raises: PasskeysUnavailable (a bare network address, or http beyond this machine)."""
    parts = urlsplit(public_url.strip().lower())
    host = parts.hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        raise PasskeysUnavailable(reason="ip_address", public_url=public_url)
    is_local = host == "localhost" or host.endswith(".localhost")
    if not host or not (parts.scheme == "https" or (parts.scheme == "http" and is_local)):
        raise PasskeysUnavailable(reason="not_https", public_url=public_url)
    standard = {"https": 443, "http": 80}[parts.scheme]
    port = "" if parts.port in (None, standard) else f":{parts.port}"
    return RelyingParty(host, f"{parts.scheme}://{host}{port}")


class PasskeyService:
    """Asks for passkeys and verifies what comes back. A challenge is used up by the first answer, good or not."""

    def __init__(self, database: Database, challenges: ChallengeService, settings: Settings) -> None:
        self.database = database
        self.challenges = challenges
        self.settings = settings

    def party(self, host: str | None = None) -> RelyingParty:
        """Of this service; `host`: the Host header of a page that would ask. Raises: PasskeysUnavailable."""
        found = relying_party(self.settings.public_url)
        if host is not None and host.lower() != urlsplit(found.origin).netloc:
            raise PasskeysUnavailable(reason="other_address", public_url=self.settings.public_url)
        return found

    async def of_person(self, operator_id: UUID) -> list[Passkey]:
        """The person's passkeys that were not removed, oldest first."""
        wanted = select(Passkey).where(Passkey.operator_id == operator_id, col(Passkey.removed_at).is_(None))
        async with self.database.session() as session:
            return [*(await session.exec(wanted.order_by(col(Passkey.created_at), col(Passkey.id)))).all()]

    async def ask_for_new(self, actor: OperatorActor, cookie: str) -> Ceremony:
        """Options for navigator.credentials.create(), bound to the actor and this session.

        Raises: PasskeysUnavailable; PasskeyRefused (`too_many`).
        """
        party, held = self.party(), await self.of_person(actor.operator_id)
        if len(held) >= PER_PERSON:
            raise PasskeyRefused(reason="too_many")
        challenge = await self.challenges.open("register", cookie, actor.operator_id)
        options = generate_registration_options(
            rp_id=party.id,
            rp_name=NAME,
            user_id=actor.operator_id.bytes,
            user_name=actor.name,
            user_display_name=actor.name,
            challenge=challenge.secret("webauthn"),
            timeout=self.settings.challenge_seconds * 1000,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
            ),
            exclude_credentials=[PublicKeyCredentialDescriptor(id=one.credential_id) for one in held],
        )
        return Ceremony(challenge.handle, options_to_json(options))

    async def verify_new(self, actor: OperatorActor, cookie: str, handle: str, answer: str) -> NewPasskey:
        """The credential that the browser made for this challenge. Raises: PasskeysUnavailable; PasskeyRefused."""
        party = self.party()
        try:
            challenge = await self.challenges.take("register", handle, cookie, actor.operator_id)
        except ChallengeGone as error:
            raise PasskeyRefused(reason="challenge") from error
        try:
            credential = parse_registration_credential_json(_bounded(answer))
            _require_own_page(credential.response.client_data_json)
            found = verify_registration_response(
                credential=credential,
                expected_challenge=challenge.secret("webauthn"),
                expected_rp_id=party.id,
                expected_origin=party.origin,
                require_user_verification=True,
            )
        except _BAD_ANSWER as error:
            raise PasskeyRefused(reason="not_verified") from error
        if not 0 < len(found.credential_id) <= CREDENTIAL_ID_LIMIT:
            raise PasskeyRefused(reason="not_verified")
        synced = found.credential_device_type.value == "multi_device"
        return NewPasskey(found.credential_id, found.credential_public_key, found.sign_count, synced)

    async def ask_for_one(self, cookie: str) -> Ceremony:
        """Options for navigator.credentials.get(), for whoever sits there. Raises: PasskeysUnavailable."""
        party = self.party()
        challenge = await self.challenges.open("passkey", cookie)
        options = generate_authentication_options(
            rp_id=party.id,
            challenge=challenge.secret("webauthn"),
            timeout=self.settings.challenge_seconds * 1000,
            user_verification=UserVerificationRequirement.REQUIRED,
        )
        return Ceremony(challenge.handle, options_to_json(options))

    async def verify_shown(self, cookie: str, handle: str, answer: str) -> ShownPasskey:
        """By which passkey the challenge was answered. Raises: PasskeysUnavailable; SignInRefused, one answer for all else."""
        party = self.party()
        try:
            challenge = await self.challenges.take("passkey", handle, cookie)
            credential = parse_authentication_credential_json(_bounded(answer))
        except (ChallengeGone, *_BAD_ANSWER) as error:
            raise SignInRefused() from error
        held = select(Passkey).where(Passkey.credential_id == credential.raw_id, col(Passkey.removed_at).is_(None))
        async with self.database.session() as session:
            row = (await session.exec(held)).first()
        if row is None or row.suspected_at is not None or credential.response.user_handle != row.operator_id.bytes:
            raise SignInRefused()
        return ShownPasskey(row.id, row.operator_id, _count_of(credential, challenge, party, row))


def went_back(before: int, now: int) -> bool:
    """Whether a counter says that there are two of the same key. An authenticator without one shows 0 always."""
    return (before > 0 or now > 0) and now <= before


def _count_of(credential: AuthenticationCredential, challenge: Challenge, party: RelyingParty, row: Passkey) -> int:
    """The counter of an answer whose signature holds. The library is not asked to judge it: it would do so first."""
    try:
        _require_own_page(credential.response.client_data_json)
        found = verify_authentication_response(
            credential=credential,
            expected_challenge=challenge.secret("webauthn"),
            expected_rp_id=party.id,
            expected_origin=party.origin,
            credential_public_key=row.public_key,
            credential_current_sign_count=0,
            require_user_verification=True,
        )
    except _BAD_ANSWER as error:
        raise SignInRefused() from error
    return found.new_sign_count


def _require_own_page(client_data: bytes) -> None:
    """Returns unless the page lay in another site's frame, which the library does not look at. Raises: ValueError."""
    said = json.loads(client_data)
    if said.get("crossOrigin") or "topOrigin" in said:
        raise ValueError("framed by another site")


def _bounded(answer: str) -> dict[str, object]:
    """The answer as an object, if it is small enough to be one. Raises: ValueError."""
    if len(answer) > ANSWER_LIMIT:
        raise ValueError("too long")
    found = json.loads(answer)
    if not isinstance(found, dict):
        raise ValueError("no object")  # noqa: TRY004 - one kind of error for every wrong shape
    return found
