"""Settings: one object, read from the environment (`HOLDSTILL_…`) or given by the caller. Lists are JSON in the environment."""

from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

MEBIBYTE = 1024 * 1024


class TsaSettings(BaseModel):
    """One RFC 3161 time-stamping authority. Its roots are pinned here: certificates in a token are never anchors."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$", description="appears in file names: checkpoint.<name>.tsr")
    url: str
    roots_file: Path = Field(description="PEM, one or more self-signed roots")
    intermediates_file: Path | None = Field(default=None, description="PEM, CA certificates that are not self-signed")


class WitnessSettings(BaseModel):
    """One C2SP tlog-witness that cosigns our checkpoints."""

    name: str
    url: str = Field(description="prefix: `add-checkpoint` is appended")
    vkey: str | None = Field(default=None, description="C2SP verifier key, algorithm 0x04")
    vkey_file: Path | None = None

    def read_vkey(self) -> str:
        """The verifier key, from the setting or its file. Raises: ValueError if neither is set; OSError."""
        if self.vkey is not None:
            return self.vkey.strip()
        if self.vkey_file is None:
            raise ValueError(f"witness {self.name}: set vkey or vkey_file")
        return self.vkey_file.read_text("utf-8").strip()


class WitnessedLog(BaseModel):
    """A log that `holdstill witness` cosigns for."""

    origin: str
    vkey: str | None = None
    vkey_file: Path | None = None

    def read_vkey(self) -> str:
        """The log's verifier key. Raises: ValueError if neither is set; OSError."""
        if self.vkey is not None:
            return self.vkey.strip()
        if self.vkey_file is None:
            raise ValueError(f"log {self.origin}: set vkey or vkey_file")
        return self.vkey_file.read_text("utf-8").strip()


class OidcSettings(BaseModel):
    """The one OpenID Connect issuer that may vouch for people. It opens the door to who was invited; it gives no rights."""

    issuer: str = Field(max_length=500, description="exactly as in its tokens; https, or http on this machine")
    client_id: str = Field(max_length=200)
    client_secret: SecretStr | None = Field(default=None, description="none: a public client, held by PKCE alone")
    name: str = Field(default="single sign-on", max_length=60, description="what the button calls it")
    timeout_s: float = Field(default=10.0, gt=0)
    answer_limit_bytes: int = Field(default=256 * 1024, ge=1024)

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if not is_safe_url(self.issuer):
            raise ValueError("an issuer is an https address without query or fragment")
        return self


def is_safe_url(url: str) -> bool:
    """Whether secrets may be sent there: https, or http to this very machine; no query, no fragment, no user."""
    parts = urlsplit(url)
    local = parts.hostname in ("localhost", "127.0.0.1", "::1")
    return (parts.scheme == "https" or (parts.scheme == "http" and local)) and not (
        parts.query or parts.fragment or parts.username
    )


class Settings(BaseSettings):
    """Everything that can be set, with its unit and default."""

    model_config = SettingsConfigDict(env_prefix="HOLDSTILL_", extra="ignore")

    # Place and address
    data_dir: Path = Path("data")
    key_dir: Path | None = Field(default=None, description="service and log keys; default <data_dir>/keys")
    database_url: str | None = Field(default=None, description="PostgreSQL; none: embedded, under <data_dir>/postgres")
    host: str = "127.0.0.1"
    port: int = Field(default=8443, ge=0, le=65535)
    forwarded_allow_ips: str = Field(
        default="127.0.0.1",
        validation_alias="FORWARDED_ALLOW_IPS",  # the name under which the web server knows it
        description="proxies whose X-Forwarded-For counts: addresses and networks with commas between; see web/proxies.py",
    )
    public_url: str = Field(default="http://127.0.0.1:8443", description="what people and extensions type")
    replay_url: str | None = Field(
        default=None,
        description="origin for replays, on another host than public_url; `{capture}` in it gives each capture one of its own; "
        "none: http://{capture}.localhost:<replay_port> for a public_url on this machine, else no replay",
    )
    replay_port: int | None = Field(default=None, ge=0, le=65535, description="where `serve` listens for replays; none: port + 1")
    replay_seconds: int = Field(default=1800, ge=60, description="how long the address of an opened replay works")
    origin: str = Field(default="holdstill.local/log", description="the log's C2SP origin; never changes in a log's life")
    organisation: str = Field(default="Default organisation", description="name of the organisation made at first start")
    disarm_file: Path | None = Field(default=None, description="a DISARM.json; its techniques go before those that are shipped")
    disarm_version: str = Field(default="1.6", max_length=40, description="the framework's version in disarm_file")
    oidc: OidcSettings | None = Field(default=None, description="an OpenID Connect issuer that may vouch for invited people")
    run_worker: bool = Field(default=True, description="run background jobs inside `serve`")

    # Bytes at rest
    blob_store: Literal["local", "s3"] = "local"
    s3_endpoint: str | None = None
    s3_bucket: str = Field(default="evidence", description="evidence: write-once when a retention is set")
    s3_working_bucket: str = Field(
        default="working-copies", description="thumbnails, finished bundles: can be made again, no lock"
    )
    s3_access_key: str | None = None
    s3_secret_key: SecretStr | None = None
    s3_region: str = "us-east-1"
    s3_retention_days: int | None = Field(default=None, ge=1, description="COMPLIANCE Object Lock; none: no lock")

    # Pictures
    picture_processes: int = Field(default=2, ge=1, le=64, description="processes that decode pictures, each with 2 GiB at most")
    c2pa_anchors_file: Path | None = Field(
        default=None, description="PEM, roots whose Content Credentials are called trusted; none: trust is not checked"
    )
    embedder: str | None = Field(
        default=None, description="module:function of a model that you supply (docs/operations.md); none: no model is used"
    )

    # The log
    tsas: list[TsaSettings] = []
    witnesses: list[WitnessSettings] = []
    witness_quorum: int = Field(
        default=0, ge=0, description="cosignatures a verifier's policy demands; writing never waits for them"
    )
    publish_interval_s: float = Field(default=1.0, gt=0)
    stamp_interval_s: float = Field(default=60.0, gt=0)
    tsa_timeout_s: float = Field(default=10.0, gt=0)
    tsa_answer_limit_bytes: int = 64 * 1024
    witness_timeout_s: float = Field(default=3.0, gt=0)
    witness_answer_limit_bytes: int = 16 * 1024
    witness_pause_s: float = Field(default=15.0, ge=0, description="after a failure a witness is left alone for this long")

    # `holdstill witness`
    witness_dir: Path | None = Field(default=None, description="state and key of the witness; default <data_dir>/witness")
    witness_name: str = "witness.local"
    witnessed_logs: list[WitnessedLog] = []

    # Limits
    pairing_code_seconds: int = Field(default=300, ge=1)
    pairing_code_tries: int = Field(default=5, ge=1)
    nonce_seconds: int = Field(default=600, ge=1)
    sign_in_link_seconds: int = Field(default=900, ge=1)
    challenge_seconds: int = Field(
        default=300, ge=30, description="for an answer of a passkey, or the way to the issuer and back"
    )
    session_seconds: int = Field(default=12 * 3600, ge=60)
    session_idle_seconds: int = Field(default=2 * 3600, ge=60, description="without a request a session ends after this long")
    put_limit_bytes: int = 16 * MEBIBYTE
    upload_limit_bytes: int = 8 * 1024 * MEBIBYTE
    artifacts_limit: int = Field(default=256, ge=1, description="artifacts one statement may name")
    job_heartbeat_s: float = Field(default=10.0, gt=0)
    job_stalled_after_s: float = Field(default=30.0, gt=0)

    def keys_path(self) -> Path:
        """Folder of the service and log keys (0700)."""
        return self.key_dir if self.key_dir is not None else self.data_dir / "keys"

    def witness_path(self) -> Path:
        """Folder of the witness's key and state (0700)."""
        return self.witness_dir if self.witness_dir is not None else self.data_dir / "witness"
