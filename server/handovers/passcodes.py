"""Passcodes of links: made here, kept as argon2id, compared in the same time whether there is one or not."""

import asyncio
import secrets
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

from server.operators.secrets import CODE_ALPHABET, LOOKALIKES

LENGTH = 10
TRIES = 5
TYPED_LIMIT = 40
_HASHER = PasswordHasher()
_POOL = ThreadPoolExecutor(2, thread_name_prefix="passcode")  # each comparison takes 64 MiB, and strangers may ask for it


@cache
def _nobodys() -> str:
    """What a link without a passcode, or no link, is compared with. Made when first needed, not when a command line starts."""
    return _HASHER.hash("of nobody")


def new_passcode() -> str:
    """50 random bits as `XXXXX-XXXXX`, to be told by another way than the link."""
    drawn = "".join(secrets.choice(CODE_ALPHABET) for _ in range(LENGTH))
    return f"{drawn[:5]}-{drawn[5:]}"


async def hash_passcode(passcode: str) -> str:
    """Its argon2id hash."""
    return await asyncio.to_thread(_HASHER.hash, _plain(passcode))


async def is_passcode(argon2id: str | None, typed: str) -> bool:
    """True if `typed` is the passcode, or if there is none: one comparison in every case, two at once at most."""
    loop = asyncio.get_running_loop()
    nobodys = await loop.run_in_executor(_POOL, _nobodys)  # before it matters whether there is a passcode
    right = await loop.run_in_executor(_POOL, _matches, argon2id or nobodys, _plain(typed[:TYPED_LIMIT]))
    return right if argon2id is not None else True


def _plain(typed: str) -> str:
    return typed.upper().replace("-", "").replace(" ", "").strip().translate(LOOKALIKES)


def _matches(argon2id: str, typed: str) -> bool:
    try:
        return _HASHER.verify(argon2id, typed)
    except (VerifyMismatchError, VerificationError, InvalidHashError):
        return False
