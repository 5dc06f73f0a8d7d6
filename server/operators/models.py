"""Rows: organisation, operator, pairing code, device, sign-in link, session. Secrets are kept as SHA-256 only."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import CheckConstraint, Column, LargeBinary
from sqlmodel import Field, SQLModel

from server.db import UtcDateTime


class Organisation(SQLModel, table=True):
    """Whose evidence it is: nothing is shared, seen or learnt across organisations."""

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    name: str = Field(max_length=200, unique=True)
    created_at: datetime = Field(sa_type=UtcDateTime)


class Operator(SQLModel, table=True):
    """A person of an organisation."""

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id", index=True)
    name: str = Field(max_length=200)
    created_at: datetime = Field(sa_type=UtcDateTime)


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


class WebSession(SQLModel, table=True):
    """A signed-in browser, by the SHA-256 of its cookie."""

    __tablename__ = "web_session"

    cookie_sha256: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    operator_id: UUID = Field(foreign_key="operator.id", index=True)
    created_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
