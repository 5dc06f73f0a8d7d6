"""What a page could have been built from: every piece of text in the bodies that the network sent, made comparable.

Comparable ("squeezed") text is NFKC, case-folded, letters and digits only: spaces, punctuation, entities, emoji, typographic
quotes and upper-case styling make no difference. Every scanner here is linear in its input: the bodies may be hostile. What a
cap leaves out is named in `gaps`. Not unpacked: strings nested deeper than DEPTH; they are kept as they stand.
"""

import base64
import binascii
import bisect
import html
import re
import unicodedata
from array import array
from collections.abc import Sequence
from itertools import accumulate
from urllib.parse import unquote

from server.captures.checks.markup import html_pieces

ATOMS_LIMIT = 600_000
ATOM_CHARS = 20_000
SEGMENT_CHARS = 80_000
LONG_SEGMENTS_CHARS = 24_000_000
NUMBERS_LIMIT = 400_000
RUNS_TRIED = 1_000
DEPTH = 3
LONG = 12
"""Squeezed characters from which a piece of text is taken to be found on purpose, not by chance."""

_DROPPED = re.compile(r"[\W_]+")
_QUOTES = tuple(re.compile(rf"(?<!\\){quote}") for quote in ('"', "'", "`"))
_ESCAPE = re.compile(r"\\(?:u\{([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_PLACEHOLDER = re.compile(r"https?://\S+|\$?\{[^{}]{0,80}\}|%(?:\d\$)?[sdif@]|%\(\w{1,30}\)s|[\t-\r\x1c-\x1e\x85\u2028\u2029]+")
_BREAK = re.compile(r"[\t-\r\x1c-\x1e\x85\u2028\u2029]+")
"""What parts lines and table cells: the same as in different_lines()."""
_CODE = re.compile(r"[\"'`]\s*[,:;\])}]")
_LONG_CODE = re.compile(r"(?<!\\)[\"'`]\s*[,:;\])}]")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{24,}={0,2}", re.ASCII)
_PERCENT = re.compile(r"(?:%[0-9A-Fa-f]{2}){2}|%(?:20|22|7[BbDd])")
_NUMBER = re.compile(r"\d{1,15}(?:[.,]\d{1,6})?")
_MEANS = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "\n": ""}


def squeeze(text: str) -> str:
    """`text` as it is compared: NFKC, case-folded, letters and digits only."""
    return _DROPPED.sub("", unicodedata.normalize("NFKC", text).casefold())


def unpacked(value: str) -> str:
    """What a string holds that programs unpack into text: base64 of UTF-8, or percent-encoded text. "" for any other string."""
    if _PERCENT.search(value, 0, 4_000):
        return unquote(value)
    if _BASE64.fullmatch(value) is None:
        return ""
    try:
        plain = base64.b64decode(value.translate({45: 43, 95: 47}) + "=" * (-len(value) % 4)).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return plain if " " in plain or plain[:1] in ("{", "[") else ""


class Corpus:
    """The pieces. `whole` are complete ones (a text node, a string, what is between placeholders), and of what stands in several
    lines each short line, as `<pre>` shows it; `stream` is everything in a row, in which parts of a piece can be found; places
    where a piece begins or ends are its borders."""

    def __init__(self) -> None:
        self.whole: set[str] = set()
        self.lengths: dict[str, set[int]] = {}
        self.numbers: set[float] = set()
        self.stream = ""
        self._ordered: list[float] = []
        self._parts: list[str] = []
        self._borders = array("q", [0])
        self._breaks = array("q")
        self._raw: list[tuple[str, bool]] = []
        self._size = 0
        self._seen: set[str] = set()
        self._aside: list[list[tuple[str, str]]] = []
        self._long_left = LONG_SEGMENTS_CHARS
        self.gaps: list[str] = []

    def add(self, kind: str, text: str) -> None:
        """One body. `kind` as in NetworkText."""
        if kind == "html":
            self._add_html(text, 0)
        elif kind == "text":
            self._add_html(text, 0) if "<" in text else self._add_pieces(text.splitlines(), stated=True)
        else:
            self._add_script(text, 0)
        for found in _NUMBER.finditer(text):
            if len(self.numbers) >= NUMBERS_LIMIT:
                break
            self.numbers |= number_readings(found[0])
        self._end_document()

    def close(self) -> None:
        """After the last add(): makes the stream searchable."""
        self.stream = "".join(self._parts)
        self._parts.clear()
        self._seen.clear()
        self._ordered = sorted(self.numbers)

    def has_number_between(self, low: float, high: float) -> bool:
        """True when a body holds a number n with low <= n < high."""
        at = bisect.bisect_left(self._ordered, low)
        return at < len(self._ordered) and self._ordered[at] < high

    def is_border(self, position: int) -> bool:
        """True when a piece begins or ends at this place of the stream."""
        return _holds(self._borders, position)

    def has_run(self, text: str) -> bool:
        """True when `text` stands in the stream from one place to another where a piece or a line of a document begins or ends;
        looked at are the first RUNS_TRIED places where it stands at all."""
        at = -1
        for _ in range(RUNS_TRIED):
            at = self.stream.find(text, at + 1)
            if at < 0:
                return False
            if all(_holds(self._borders, edge) or _holds(self._breaks, edge) for edge in (at, at + len(text))):
                return True
        return False

    def raw_at(self, position: int) -> tuple[str, bool, int]:
        """The piece at this place as sent, whether it stood as text in a document (not in a script), and where it begins."""
        at = bisect.bisect_right(self._borders, position) - 1
        return (*self._raw[at], self._borders[at]) if 0 <= at < len(self._raw) else ("", False, 0)

    def _add_html(self, text: str, depth: int) -> None:
        for kind, piece in html_pieces(text):
            if kind == "script":
                if depth < DEPTH:
                    self._add_script(piece, depth + 1)
            elif kind == "text":
                self._add_pieces([html.unescape(piece)], stated=depth == 0)
            else:
                value = html.unescape(piece)
                if depth < DEPTH and value[:1] in ("{", "["):
                    self._add_script(value, depth + 1)
                else:
                    self._add_pieces([value], stated=False)

    def _add_script(self, text: str, depth: int) -> None:
        """Every stretch between two quotes of one kind, whichever of them opens: a scanner that loses count loses texts."""
        for quote in _QUOTES:
            for segment in quote.split(text):
                if len(segment) < 2 or segment in self._seen or not self._is_affordable(segment):
                    continue
                if len(self._seen) >= ATOMS_LIMIT:
                    return self._note_gap(f"more than {ATOMS_LIMIT} strings")
                self._seen.add(segment)
                self._add_segment(unescape_script(segment) if "\\" in segment else segment, depth)

    def _is_affordable(self, segment: str) -> bool:
        """A long stretch is most often program code, whose strings other stretches give; the rest has a budget."""
        if len(segment) <= SEGMENT_CHARS:
            return True
        if len(_LONG_CODE.findall(segment, 0, 4_000)) > 7:
            return False
        if len(segment) > self._long_left:
            self._note_gap(f"more than {LONG_SEGMENTS_CHARS} characters in long strings")
            return False
        self._long_left -= len(segment)
        return True

    def _note_gap(self, gap: str) -> None:
        if gap not in self.gaps:
            self.gaps.append(gap)

    def _add_segment(self, value: str, depth: int) -> None:
        if depth < DEPTH and (inner := unpacked(value)):
            self._add_segment(inner, depth + 1)
        if depth < DEPTH and '"' in value and (":" in value or "\\" in value):
            self._add_script(value, depth + 1)
        if depth < DEPTH and "<" in value and ">" in value:
            self._add_html(value, depth + 1)
        if len(_CODE.findall(value, 0, 4_000)) > 1:
            return  # several strings and what is between them: each is a piece, the whole is none
        if "&" in value:
            value = html.unescape(value)
        self._add_pieces([value, *_PLACEHOLDER.split(value)] if _PLACEHOLDER.search(value) else [value], stated=False)

    def _add_pieces(self, pieces: list[str], *, stated: bool) -> None:
        """Texts of a document follow each other, so that a passage across elements is found; what is not stated waits."""
        for raw in pieces:
            parts = [(squeezed, part) for part in split_long(raw) if (squeezed := squeeze(part))]
            for piece, part in parts:
                self._keep(piece)
                lines = [squeeze(line) for line in _BREAK.split(part)] if _BREAK.search(part) else []
                for line in lines:
                    if 0 < len(line) < LONG:
                        self._keep(line)
                if stated:
                    self._breaks.extend(self._size + length for length in accumulate(map(len, lines)))
                    self._write(piece, part, stated=True)
            if not stated and parts and (len(parts) > 1 or len(parts[0][0]) >= LONG):
                self._aside.append(parts)

    def _keep(self, piece: str) -> None:
        if len(self.whole) < ATOMS_LIMIT:
            self.whole.add(piece)
            self.lengths.setdefault(piece[:6], set()).add(len(piece))
        else:
            self._note_gap(f"more than {ATOMS_LIMIT} pieces of text")

    def _write(self, piece: str, raw: str, *, stated: bool) -> None:
        self._parts.append(piece)
        self._size += len(piece)
        self._raw.append((" ".join(raw[:2000].split()), stated))
        self._borders.append(self._size)

    def _end_document(self) -> None:
        """What comes next is another document: nothing is found across."""
        self._write("\0", "", stated=False)
        for parts in self._aside:
            for piece, raw in parts:
                self._write(piece, raw, stated=False)
            self._write("\0", "", stated=False)
        self._aside.clear()


def _holds(ordered: Sequence[int], position: int) -> bool:
    at = bisect.bisect_left(ordered, position)
    return at < len(ordered) and ordered[at] == position


def split_long(text: str) -> list[str]:
    """`text` in parts of at most ATOM_CHARS, cut behind a space where there is one nearby."""
    parts: list[str] = []
    start = 0
    while len(text) - start > ATOM_CHARS:
        end = start + ATOM_CHARS
        space = max(text.rfind(sign, end - 200, end) for sign in " \n")
        end = end if space < 0 else space + 1
        parts.append(text[start:end])
        start = end
    return [*parts, text[start:]]


def unescape_script(text: str) -> str:
    """JSON and JavaScript string escapes resolved once; surrogate pairs joined; what is no escape stays."""

    def meant(found: re.Match[str]) -> str:
        digits = found[1] or found[2] or found[3]
        if digits:
            value = int(digits, 16)
            return chr(value) if value < 0x110000 else ""
        return _MEANS.get(found[4], found[4])

    plain = _ESCAPE.sub(meant, text)
    return plain.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def number_readings(digits: str) -> set[float]:
    """The values `digits` may stand for: `1.234` is 1.234 in one country and 1234 in another."""
    plain = digits.replace(",", ".")
    readings = {float(plain)} if plain.count(".") <= 1 else set()
    return readings | {float(re.sub(r"\D", "", digits))}
