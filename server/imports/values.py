"""Values of cells: ids that stay texts, ranges that stay ranges, countries. Pure."""

import re
from dataclasses import dataclass

from server.imports.addresses import platform_of
from server.imports.rounding import ID_DIGITS

ID_LIMIT = 200
MOST = 2**63 - 1
DIGITS_LIMIT = 40
"""More than MOST has, however many zeros stand in front; a number of thousands of digits is no number to the interpreter."""
NUMERIC_IDS = frozenset({"x", "tiktok", "instagram"})
_SCIENTIFIC = re.compile(r"[+-]?\d+(?:[.,]\d+)?[eE][+-]?\d+", re.ASCII)
_FRACTION = re.compile(r"\d+[.,]\d+", re.ASCII)
_DIGITS = re.compile(r"\d+", re.ASCII)
NOTHING = frozenset(
    {"nan", "none", "null", "undefined", "n/a", "na", "#n/a", "#name?", "#null!", "#num!", "#ref!", "#value!", "-", "--"}
)
"""What programs and spreadsheets write where there is nothing, in lower case: rows that share it share no id."""
_SIZES = {"": 1, "k": 10**3, "thousand": 10**3, "m": 10**6, "mln": 10**6, "million": 10**6, "bn": 10**9, "b": 10**9,
          "billion": 10**9}  # fmt: skip
_AMOUNT = r"(\d{1,3}(?:([ ,.\u00a0\u202f'])\d{3})(?:\2\d{3})*|\d+(?:[.,]\d{1,3})?)"
_SIZE = r"\s*(k|thousand|mln|million|bn|billion|m|b)?"
_TAIL = r"(?:\s+(?P<unit>[a-z]{3,20}))?(?:\s*(?:per|a|/)\s*(?P<window>hour|day|week|month|year))?"
_ONE = re.compile(rf"(?:~|about |ca\.? )?{_AMOUNT}{_SIZE}{_TAIL}", re.IGNORECASE | re.ASCII)
_TWO = re.compile(
    rf"(?:between |from )?{_AMOUNT}{_SIZE}\s*(?:-|–|—|to|and|\.\.)\s*"
    rf"{_AMOUNT.replace(chr(92) + '2', chr(92) + '5')}{_SIZE}{_TAIL}",
    re.IGNORECASE | re.ASCII,
)
_AT_LEAST = re.compile(
    r"\s*(?:>|more than|over|at least|\d[\d., ]*\s*(?:k|m|b|million|thousand)?\s*\+)", re.IGNORECASE | re.ASCII
)


class UnreadValue(ValueError):
    """The text gives no such value; the message says why, for a person."""


@dataclass(frozen=True)
class Numbers:
    """A range as written: low = high when one number is said. `unit`, `window`: words of the cell itself, or empty."""

    low: int
    high: int
    unit: str = ""
    window: str = ""


def id_of(text: str, platform: str) -> str:
    """The id as it is written. Raises: UnreadValue where a spreadsheet has made a number of it, or it is none of the platform."""
    written = text.strip()
    if _SCIENTIFIC.fullmatch(written):
        raise UnreadValue("an id in scientific notation has lost its last digits: make the column text, paste again")
    if _FRACTION.fullmatch(written):
        raise UnreadValue("an id is no fraction: a spreadsheet made a number of it")
    if says_nothing(written):
        raise UnreadValue("a program's word for nothing: leave the cell empty")
    if written.isdigit() and not written.isascii():
        raise UnreadValue("write the id's digits as 0 to 9")
    if not written or len(written) > ID_LIMIT or not written.isprintable() or any(char.isspace() for char in written):
        raise UnreadValue(f"an id has 1 to {ID_LIMIT} characters and no space")
    if platform_of(platform) in NUMERIC_IDS and not (_DIGITS.fullmatch(written) and len(written) <= ID_DIGITS):
        raise UnreadValue(f"an id of {platform_of(platform)} is a number of at most {ID_DIGITS} digits")
    return written


def says_nothing(written: str) -> bool:
    """True for what a program writes where there is nothing."""
    return written.lower() in NOTHING


def numbers_of(text: str) -> Numbers:
    """`1234`, `1,234`, `1.2K`, `5 to 9 million views per week`, `5-9M`. Raises: UnreadValue.

    `1.234` and `1,234` are the number with a separator of thousands, as platforms and spreadsheets write it; `1.234M` may be
    either and is refused. A shortened number is what it may stand for, rounded or cut off: `1.2K` is 1,150 to 1,299; the ends of
    a range are as said. What has no upper end (`more than 500`) is refused: a range has two ends.
    """
    written = " ".join(text.replace("\u00a0", " ").replace("\u202f", " ").split())
    if _SCIENTIFIC.fullmatch(written):
        raise UnreadValue("a number in scientific notation may have lost digits")
    if found := _TWO.fullmatch(written):
        size = (found[6] or found[3] or "").lower()
        low = _amount(found[1], found[2], (found[3] or size).lower())
        high = _amount(found[4], found[5], (found[6] or "").lower())
        if low > high:
            raise UnreadValue("the range ends before it begins")
        return Numbers(low, high, (found["unit"] or "").lower(), (found["window"] or "").lower())
    if found := _ONE.fullmatch(written):
        size = (found[3] or "").lower()
        one, half, rest = _amount(found[1], found[2], size), 0, 0
        if size and one:
            unit = max(1, _SIZES[size] // 10 ** _places(found[1], found[2]))
            half, rest = unit // 2, unit - 1
        return Numbers(one - half, min(one + rest, MOST), (found["unit"] or "").lower(), (found["window"] or "").lower())
    if _AT_LEAST.match(written):
        raise UnreadValue("no upper end is said: write a range, such as 500 to 600")
    raise UnreadValue("not a number or a range: 1234, 1.2K, 5 to 9 million")


def country_of(text: str) -> str:
    """Two capital letters (ISO 3166-1). Raises: UnreadValue. Not checked: that there is such a country."""
    if re.fullmatch(r"[A-Za-z]{2}", text.strip(), re.ASCII) is None:
        raise UnreadValue("a country is two letters, such as FR")
    return text.strip().upper()


def _places(written: str, separator: str | None) -> int:
    """How many digits stand behind the point."""
    return 0 if separator else len(written.replace(",", ".").partition(".")[2])


def _amount(written: str, separator: str | None, size: str) -> int:
    if separator in (",", ".") and (written[0] == "0" or (size and written.count(separator) == 1)):
        raise UnreadValue("thousands or a fraction? write the number out")
    if separator:
        whole, fraction = written.replace(separator, ""), ""
    else:
        whole, _, fraction = written.replace(",", ".").partition(".")
    if len(whole) > DIGITS_LIMIT:
        raise UnreadValue("the number is too large")
    factor = _SIZES[size]
    value = int(whole) * factor + (int(fraction) * factor // 10 ** len(fraction) if fraction else 0)
    if fraction and int(fraction) * factor % 10 ** len(fraction):
        raise UnreadValue("a count is a whole number")
    if value > MOST:
        raise UnreadValue("the number is too large")
    return value
