"""The policy: whom a verifier believes. It comes from outside what is verified. Shape: docs/formats.md section 9."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass

from cryptography.hazmat.primitives.serialization import Encoding

from server.trust.checkpoint import LogTrust
from server.trust.errors import VerificationError
from server.trust.jsontext import Members
from server.trust.keys import ServicePublicKey
from server.trust.note import COSIGNATURE_V1, ED25519, VerifierKey, parse_vkey
from server.trust.timestamp import TsaAnchors, load_certificates

MAX_POLICY_BYTES = 1024 * 1024
TSA_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


@dataclass(frozen=True)
class Policy:
    """Trusted keys and roots. log holds the origin, the log's key, the witnesses and how many of them must have cosigned."""

    log: LogTrust
    services: tuple[ServicePublicKey, ...]
    tsas: tuple[TsaAnchors, ...] = ()

    def tsa(self, name: str) -> TsaAnchors | None:
        """The pinned authority of that name, or None."""
        return next((tsa for tsa in self.tsas if tsa.name == name), None)

    def service(self, service_key_id: str) -> ServicePublicKey:
        """The trusted service key with that id. Raises: VerificationError if there is none."""
        for service in self.services:
            if service.key_id == service_key_id:
                return service
        raise VerificationError(f"signed by key {service_key_id[:16]}…, which is not a service key of the policy")


def parse_policy(text: str) -> Policy:
    """The policy of a TOML text. Raises: VerificationError for unknown members too: a misspelt rule must not be a missing one."""
    if len(text) > MAX_POLICY_BYTES:
        raise VerificationError("the policy is over 1 MiB")
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        raise VerificationError(f"the policy is not TOML: {error}") from error
    root = Members(document, "policy")
    root.only("origin", "log", "service", "witnesses", "tsa")
    log, service = root.members("log"), root.members("service")
    log.only("vkey")
    service.only("vkeys")
    origin = root.text("origin", limit=255)
    log_key = _key(log.text("vkey", limit=1000), ED25519)
    services = tuple(ServicePublicKey.from_vkey(vkey) for vkey in _texts(service, "vkeys"))
    if log_key.name != origin:
        raise VerificationError("the log's key is not named after the origin")
    if not services:
        raise VerificationError("the policy names no service key")
    quorum, witnesses = _witnesses(root.optional_members("witnesses"))
    tsas = tuple(_tsa(entry) for entry in root.objects("tsa", limit=32)) if root.get("tsa") is not None else ()
    roles = [log_key.public, *(service.verifier.public for service in services), *(witness.public for witness in witnesses)]
    if len(set(roles)) != len(roles):
        raise VerificationError("the policy gives one key two roles: log, service and each witness must have keys of their own")
    if len({tsa.name for tsa in tsas}) != len(tsas):
        raise VerificationError("the policy names a timestamp authority twice")
    return Policy(LogTrust(origin, log_key, witnesses, quorum), services, tsas)


def format_policy(policy: Policy) -> str:
    """The TOML text that parse_policy() reads back to the same policy."""
    lines = [
        f"origin = {_quoted(policy.log.origin)}",
        "",
        "[log]",
        f"vkey = {_quoted(str(policy.log.log))}",
        "",
        "[service]",
        f"vkeys = {_list([str(service.verifier) for service in policy.services])}",
        "",
        "[witnesses]",
        f"quorum = {policy.log.quorum}",
        f"vkeys = {_list([str(witness) for witness in policy.log.witnesses])}",
    ]
    for tsa in policy.tsas:
        roots = [certificate.public_bytes(Encoding.PEM).decode() for certificate in tsa.roots]
        intermediates = [certificate.public_bytes(Encoding.PEM).decode() for certificate in tsa.intermediates]
        lines += [
            "",
            "[[tsa]]",
            f"name = {_quoted(tsa.name)}",
            f"roots = {_list(roots)}",
            f"intermediates = {_list(intermediates)}",
        ]
    return "\n".join(lines) + "\n"


def _witnesses(section: Members | None) -> tuple[int, tuple[VerifierKey, ...]]:
    if section is None:
        return 0, ()
    section.only("quorum", "vkeys")
    witnesses = tuple(_key(vkey, COSIGNATURE_V1) for vkey in _texts(section, "vkeys"))
    quorum = section.integer("quorum")
    if len({witness.name for witness in witnesses}) != len(witnesses) or len({w.public for w in witnesses}) != len(witnesses):
        raise VerificationError("the policy names a witness twice")
    if quorum > len(witnesses):
        raise VerificationError("the policy asks for more witnesses than it names")
    return quorum, witnesses


def _tsa(entry: Members) -> TsaAnchors:
    entry.only("name", "roots", "intermediates")
    roots = tuple(cert for pem in _texts(entry, "roots") for cert in load_certificates(pem.encode()))
    intermediates: tuple[str, ...] = _texts(entry, "intermediates") if entry.get("intermediates") is not None else ()
    chain = tuple(cert for pem in intermediates for cert in load_certificates(pem.encode()))
    return TsaAnchors(entry.text("name", limit=40, pattern=TSA_NAME), roots, chain)


def _key(vkey: str, kind: int) -> VerifierKey:
    key = parse_vkey(vkey)
    if key.kind != kind:
        raise VerificationError(f"the key of {key.name!r} has type {key.kind:#04x}, expected {kind:#04x}")
    return key


def _texts(section: Members, name: str) -> tuple[str, ...]:
    values = section.array(name, limit=100)
    if not all(isinstance(value, str) for value in values):
        raise VerificationError(f"policy: {name} is a list of strings")
    return tuple(str(value) for value in values)


def _quoted(text: str) -> str:
    """A TOML basic string."""
    special = {'"': '\\"', "\\": "\\\\", "\n": "\\n"}
    return '"' + "".join(special.get(char) or (char if char.isprintable() else f"\\U{ord(char):08x}") for char in text) + '"'


def _list(texts: list[str]) -> str:
    return "[" + ", ".join(_quoted(text) for text in texts) + "]"
