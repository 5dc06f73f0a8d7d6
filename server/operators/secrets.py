"""Secrets that are shown once: bearer tokens, cookies, links and pairing codes."""

import hashlib
import secrets
from dataclasses import dataclass

CODE_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford base 32: no I, L, O, U
HANDLE_LENGTH = 4
SECRET_LENGTH = 8
LOOKALIKES = str.maketrans({"O": "0", "I": "1", "L": "1"})


def digest(secret: str) -> bytes:
    """SHA-256 of `secret`: what is stored. High-entropy secrets need no slow hash; a pairing code lives 5 minutes and 5 tries."""
    return hashlib.sha256(secret.encode("utf-8")).digest()


def new_token(prefix: str) -> str:
    """`<prefix>_` and 256 random bits, URL-safe. The prefix lets secret scanners find a leaked one."""
    return f"{prefix}_{secrets.token_urlsafe(32)}"


@dataclass(frozen=True)
class Code:
    """A pairing code: `handle` (20 bits, names the row) and `secret` (40 bits, proves the right)."""

    handle: str
    secret: str

    def __str__(self) -> str:
        return f"{self.handle}-{self.secret[:4]}-{self.secret[4:]}"


def new_code() -> Code:
    """A fresh random code."""

    def draw(length: int) -> str:
        return "".join(secrets.choice(CODE_ALPHABET) for _ in range(length))

    return Code(draw(HANDLE_LENGTH), draw(SECRET_LENGTH))


def parse_code(text: str) -> Code | None:
    """The code a person typed (case, spaces, hyphens and look-alike letters forgiven), or None if it cannot be one."""
    if len(text) > 64:
        return None
    typed = text.upper().replace("-", "").replace(" ", "").strip().translate(LOOKALIKES)
    if len(typed) != HANDLE_LENGTH + SECRET_LENGTH or any(letter not in CODE_ALPHABET for letter in typed):
        return None
    return Code(typed[:HANDLE_LENGTH], typed[HANDLE_LENGTH:])
