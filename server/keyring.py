"""The service's own keys, made at first start, kept as 0600 files: one signs checkpoints, the other custody events."""

import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from server.trust.keys import Ed25519Signer, LogSigner, ServiceSigner, WitnessSigner

Signer = TypeVar("Signer", bound=Ed25519Signer)


@dataclass(frozen=True)
class Keys:
    """What the service signs with."""

    log: LogSigner
    service: ServiceSigner


def load_keys(folder: Path, origin: str) -> Keys:
    """The keys of the log `origin`, made if absent. Two processes that start together end with the same keys. Raises: OSError."""
    return Keys(
        log=load_signer(folder / "log.pem", LogSigner, origin),
        service=load_signer(folder / "service.pem", ServiceSigner, f"{origin}/service"),
    )


def load_witness_key(folder: Path, name: str) -> WitnessSigner:
    """The key of the witness `name`, made if absent."""
    return load_signer(folder / "witness.pem", WitnessSigner, name)


def load_secret(path: Path) -> bytes:
    """The 32 random bytes kept in `path`, made if absent; processes that share the folder share them. Raises: OSError."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        _link_new(path, secrets.token_bytes(32))
    return path.read_bytes()


def load_signer(path: Path, kind: type[Signer], name: str) -> Signer:
    """The signer kept in `path`. A new one appears whole or not at all: written beside, synced, then linked.

    Beside it stands `<stem>.vkey`, its public side, for whoever is to trust it.
    Raises: VerificationError if the file holds another kind of key; OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        _link_new(path, kind.generate(name).to_pem())
    signer = kind.from_pem(name, path.read_bytes())
    write_whole(path.with_suffix(".vkey"), f"{signer.vkey}\n".encode())
    return signer


def _link_new(path: Path, data: bytes) -> None:
    """`path` holds `data`, or what another process put there first. 0600, durable."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    with suppress(FileExistsError):  # another process was first: its key counts
        os.link(fresh, path)
    fresh.unlink()
    sync_folder(path.parent)


def write_whole(path: Path, data: bytes) -> None:
    """`path` holds `data`, durably, when this returns; a reader sees the old file or the new one, never a part."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    with fresh.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """The folder's entries are durable when this returns."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
