"""Rows: organisation, operator, pairing code, device, and every way to sign in. Secrets are kept as SHA-256 only."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from server.db import UtcDateTime
from server.operators.roles import OperatorRole


class Organisation(SQLModel, table=True):
    """Whose evidence it is: nothing is shared, seen or learnt across organisations."""

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    name: str = Field(max_length=200, unique=True)
    created_at: datetime = Field(sa_type=UtcDateTime)
    passkeys_for: str = Field(default="nobody", max_length=16, description="of whom a passkey is asked: see sessions.py")


class Operator(SQLModel, table=True):
    """A person of an organisation. `login` is set with a password; who was `disabled` never becomes an actor again.

    `email`: what an administrator wrote; it lets somebody in only when the configured issuer says it is verified.
    """

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id", index=True)
    name: str = Field(max_length=200)
    created_at: datetime = Field(sa_type=UtcDateTime)
    roles: list[str] = Field(
        default_factory=lambda: [OperatorRole.FACT_CHECKER.value], sa_column=Column(ARRAY(Text), nullable=False)
    )
    login: str | None = Field(default=None, max_length=80, unique=True)
    email: str | None = Field(default=None, max_length=254, index=True)
    disabled_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class PairingCode(SQLModel, table=True):
    """A one-time code that lets one browser in. `handle` names the row; the secret half is kept as a hash."""

    __tablename__ = "pairing_code"
    __table_args__ = (CheckConstraint("tries_left >= 0", name="ck_pairing_code_tries"),)

    handle: str = Field(max_length=4, primary_key=True)
    operator_id: UUID = Field(foreign_key="operator.id", index=True)
    secret_sha256: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    tries_left: int
    created_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)
    used_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class Device(SQLModel, table=True):
    """A paired browser: its public key and the SHA-256 of its bearer token. The log is the truth; this is its index."""

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id", index=True)
    operator_id: UUID = Field(foreign_key="operator.id", index=True)
    label: str = Field(max_length=200)
    key_id: str = Field(max_length=64, unique=True)
    public_key_der: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    token_sha256: bytes = Field(sa_column=Column(LargeBinary, nullable=False, unique=True))
    created_at: datetime = Field(sa_type=UtcDateTime)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class SignInLink(SQLModel, table=True):
    """A link that signs a person in once."""

    __tablename__ = "sign_in_link"

    token_sha256: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    operator_id: UUID = Field(foreign_key="operator.id", index=True)
    expires_at: datetime = Field(sa_type=UtcDateTime)
    used_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class Passkey(SQLModel, table=True):
    """A WebAuthn credential of a person. `suspected_at`: its counter went back, so there may be a copy; it lets nobody in."""

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    operator_id: UUID = Field(foreign_key="operator.id", index=True)
    credential_id: bytes = Field(sa_column=Column(LargeBinary, nullable=False, unique=True))
    public_key: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    sign_count: int = Field(sa_column=Column(BigInteger, nullable=False))
    label: str = Field(max_length=80)
    synced: bool
    created_at: datetime = Field(sa_type=UtcDateTime)
    used_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    suspected_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    removed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class Identity(SQLModel, table=True):
    """A person as the configured OpenID Connect issuer knows them: bound once, by subject. E-mail addresses change hands."""

    __table_args__ = (
        Index("ux_identity_subject", "issuer", "subject", unique=True, postgresql_where=text("removed_at IS NULL")),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    operator_id: UUID = Field(foreign_key="operator.id", index=True)
    issuer: str = Field(max_length=500)
    subject: str = Field(max_length=255)
    bound_at: datetime = Field(sa_type=UtcDateTime)
    used_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    removed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class SignInChallenge(SQLModel, table=True):
    """What a browser was asked to answer, once, for some minutes: its handle and the cookie it is bound to, both as SHA-256."""

    __tablename__ = "sign_in_challenge"

    handle_sha256: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    cookie_sha256: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    kind: str = Field(max_length=16)
    operator_id: UUID | None = Field(default=None, foreign_key="operator.id")
    expires_at: datetime = Field(sa_type=UtcDateTime, index=True)


class SignInTries(SQLModel, table=True):
    """Tries to sign in with one login, or from one address, since the last good one. The key is a SHA-256: see pacing.py."""

    __tablename__ = "sign_in_tries"

    key_sha256: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    tries: int
    last_at: datetime = Field(sa_type=UtcDateTime, index=True)
    closed_until: datetime | None = Field(default=None, sa_type=UtcDateTime)


class WebSession(SQLModel, table=True):
    """A signed-in browser, by the SHA-256 of its cookie. `id` names it on the person's page; `address` is shown there only."""

    __tablename__ = "web_session"

    cookie_sha256: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    operator_id: UUID = Field(foreign_key="operator.id", index=True)
    id: UUID = Field(default_factory=uuid4, unique=True)
    created_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    seen_at: datetime = Field(sa_type=UtcDateTime)
    method: str = Field(max_length=16)
    passkey_id: UUID | None = Field(default=None, foreign_key="passkey.id")
    browser: str = Field(default="", max_length=80)
    address: str = Field(default="", max_length=64)


class Invitation(SQLModel, table=True):
    """A link that lets one new person into the organisation, once."""

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    token_sha256: bytes = Field(sa_column=Column(LargeBinary, nullable=False, unique=True))
    organisation_id: UUID = Field(foreign_key="organisation.id", index=True)
    invited_by: UUID = Field(foreign_key="operator.id")
    roles: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    email: str | None = Field(default=None, max_length=254, index=True)
    created_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)
    used_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    withdrawn_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class Password(SQLModel, table=True):
    """A person's password as an argon2id hash."""

    operator_id: UUID = Field(foreign_key="operator.id", primary_key=True)
    argon2id: str = Field(max_length=200)
    changed_at: datetime = Field(sa_type=UtcDateTime)


class ApiToken(SQLModel, table=True):
    """A token that a person gave to a program: some of the person's rights, for some time.

    `passkey_id`: by which the session was opened that made it; none: it was made without one.
    """

    __tablename__ = "api_token"

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    operator_id: UUID = Field(foreign_key="operator.id", index=True)
    label: str = Field(max_length=200)
    scopes: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    token_sha256: bytes = Field(sa_column=Column(LargeBinary, nullable=False, unique=True))
    created_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    passkey_id: UUID | None = Field(default=None, foreign_key="passkey.id")
