"""Strict JSON for signed text: one reading only, limits before parsing, typed members after it.

Two parsers that read one signed text differently are an attack, so whatever JSON leaves open is refused here: duplicate names,
NaN and infinities, lone surrogates, a byte order mark, depth and length without a bound.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from datetime import UTC, datetime
from math import isinf
from typing import NoReturn

from server.trust.errors import VerificationError

MAX_DEPTH = 32
MAX_TEXT_CHARS = 65_536
MAX_INTEGER = 2**53 - 1  # what a JavaScript number holds exactly
_SHA256 = re.compile(r"[0-9a-f]{64}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z", re.ASCII)
# Possessive and with an end for unterminated strings: linear time on any input.
_NESTING = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[\[{]|[\]}]', re.DOTALL)


def parse_json(data: bytes, *, limit_bytes: int, max_depth: int = MAX_DEPTH) -> object:
    """The value of a JSON text.

    Raises: VerificationError if it is longer than `limit_bytes`, nested deeper than `max_depth`, or not strict UTF-8 JSON.
    Source: RFC 8259, with I-JSON (RFC 7493) where it is stricter.
    """
    if len(data) > limit_bytes:
        raise VerificationError(f"JSON text of {len(data)} bytes is over the limit of {limit_bytes}")
    try:
        text = data.decode("utf-8", "strict")
    except UnicodeDecodeError as error:
        raise VerificationError("JSON text is not UTF-8") from error
    _refuse_deep_nesting(text, max_depth)
    try:
        value = json.loads(text, object_pairs_hook=_unique_members, parse_constant=_refuse_constant, parse_float=_finite)
    except ValueError as error:
        raise VerificationError(f"not JSON: {error}") from error
    _refuse_lone_surrogates(value)
    return value


def format_json(value: object) -> bytes:
    """Compact UTF-8 JSON with the members in the order given. Written once; never used to compare or to sign again."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def format_time(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds and `Z`. Raises: VerificationError for a time without a zone."""
    if moment.tzinfo is None:
        raise VerificationError("a time without a zone cannot be written")
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_time(text: str) -> datetime:
    """An aware UTC time from RFC 3339 with `Z`. Raises: VerificationError for any other form."""
    if _TIME.fullmatch(text) is None:
        raise VerificationError(f"not an RFC 3339 time in UTC with Z: {text[:40]!r}")
    try:
        return datetime.fromisoformat(text[:-1] + "+00:00")
    except ValueError as error:
        raise VerificationError(f"not a time: {text!r}") from error


def parse_base64(text: str, what: str) -> bytes:
    """Bytes of standard base64 in its one canonical spelling (padded, no spaces, no stray bits). Raises: VerificationError."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error, ValueError) as error:
        raise VerificationError(f"{what} is not base64") from error
    if base64.b64encode(data).decode() != text:
        raise VerificationError(f"{what} is not canonical base64")
    return data


def format_base64(data: bytes) -> str:
    """Standard padded base64."""
    return base64.b64encode(data).decode("ascii")


class Members:
    """A JSON object read member by member with its expected shape. Every getter raises VerificationError naming the member."""

    def __init__(self, value: object, where: str) -> None:
        if not isinstance(value, dict):
            raise VerificationError(f"{where} is not an object")
        self._values: dict[str, object] = value
        self._where = where

    def _fail(self, name: str, why: str) -> NoReturn:
        raise VerificationError(f"{self._where}.{name} {why}")

    def only(self, *names: str) -> None:
        """Refuses members other than `names`."""
        for name in self._values:
            if name not in names:
                self._fail(name[:40], "is not a known member")

    def get(self, name: str) -> object:
        """The raw value; None when it is null or absent."""
        return self._values.get(name)

    def text(self, name: str, *, limit: int = MAX_TEXT_CHARS, pattern: re.Pattern[str] | None = None) -> str:
        """A string of at most `limit` characters that matches `pattern` whole."""
        value = self._values.get(name)
        if not isinstance(value, str):
            self._fail(name, "is not a string")
        if len(value) > limit:
            self._fail(name, f"is longer than {limit} characters")
        if pattern is not None and pattern.fullmatch(value) is None:
            self._fail(name, f"has an unexpected form: {value[:60]!r}")
        return value

    def optional_text(self, name: str, *, limit: int = MAX_TEXT_CHARS) -> str | None:
        """A string, or None when it is null or absent."""
        return None if self._values.get(name) is None else self.text(name, limit=limit)

    def sha256(self, name: str) -> str:
        """64 lower-case hex digits."""
        return self.text(name, limit=64, pattern=_SHA256)

    def optional_sha256(self, name: str) -> str | None:
        """64 lower-case hex digits, or None when it is null or absent."""
        return None if self._values.get(name) is None else self.sha256(name)

    def integer(self, name: str, *, minimum: int = 0) -> int:
        """A whole number from `minimum` to 2**53 - 1. Zero is a value, true is not a number."""
        value = self._values.get(name)
        if not isinstance(value, int) or isinstance(value, bool):
            self._fail(name, "is not a whole number")
        if not minimum <= value <= MAX_INTEGER:
            self._fail(name, "is out of range")
        return value

    def time(self, name: str) -> datetime:
        """An aware UTC time."""
        return parse_time(self.text(name, limit=40))

    def base64(self, name: str, *, limit_bytes: int) -> bytes:
        """Bytes written as canonical base64."""
        return parse_base64(self.text(name, limit=4 * limit_bytes // 3 + 4), f"{self._where}.{name}")

    def members(self, name: str) -> Members:
        """The object under `name`."""
        return Members(self._values.get(name), f"{self._where}.{name}")

    def optional_members(self, name: str) -> Members | None:
        """The object under `name`, or None when it is null or absent."""
        return None if self._values.get(name) is None else self.members(name)

    def array(self, name: str, *, limit: int) -> list[object]:
        """The list under `name`, of at most `limit` values."""
        value = self._values.get(name)
        if not isinstance(value, list):
            self._fail(name, "is not a list")
        if len(value) > limit:
            self._fail(name, f"has more than {limit} values")
        return value

    def objects(self, name: str, *, limit: int) -> list[Members]:
        """The objects of the list under `name`."""
        return [Members(value, f"{self._where}.{name}[{place}]") for place, value in enumerate(self.array(name, limit=limit))]

    def plain(self) -> dict[str, object]:
        """A copy of the whole object, as parsed."""
        return dict(self._values)


def _refuse_deep_nesting(text: str, max_depth: int) -> None:
    depth = 0
    for match in _NESTING.finditer(text):
        first = match.group()[0]
        if first in "[{":
            depth += 1
            if depth > max_depth:
                raise VerificationError(f"JSON nested deeper than {max_depth}")
        elif first in "]}":
            depth -= 1


def _unique_members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise VerificationError("a JSON object names a member twice")
    return members


def _refuse_constant(name: str) -> NoReturn:
    raise VerificationError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if isinf(number):
        raise VerificationError("a number is too large")
    return number


def _refuse_lone_surrogates(value: object) -> None:
    pending: list[object] = [value]
    while pending:
        current = pending.pop()
        if isinstance(current, dict):
            pending.extend(current)
            pending.extend(current.values())
        elif isinstance(current, list):
            pending.extend(current)
        elif isinstance(current, str) and not current.isascii() and any("\ud800" <= char <= "\udfff" for char in current):
            raise VerificationError("a string holds half of a surrogate pair")
