"""One line of a page's text against what the network sent: which parts of it no body holds."""

import re
import unicodedata
from bisect import bisect_left
from dataclasses import dataclass
from itertools import pairwise

from server.captures.checks.corpus import LONG, Corpus, squeeze

LINE_CHARS = 4_000
LENGTHS_TRIED = 400
PLACE_CHARS = 200
STREAM_SHARE = 100
_TOKEN = re.compile(
    r"(?P<number>\d{1,15}(?:[.,'’\u00a0\u202f ]\d{3}(?!\d))*(?:[.,]\d{1,3})?)"
    r"(?:\s?(?P<unit>k|m|mn|b|bn|mln|mld|mrd|tys|tis|тыс|млн|млрд|mil)\b)?"
    r"|(?P<word>[^\W\d_]+)",
    re.IGNORECASE,
)
_CASE = re.compile(r"(?<=[^\W\d_])(?=[A-ZÀ-ÖØ-ÞĀ-ſА-Я][^\W\d_A-ZÀ-ÖØ-ÞА-Я])")
_UNITS = {
    "k": 1e3,
    "tys": 1e3,
    "tis": 1e3,
    "тыс": 1e3,
    "m": 1e6,
    "mn": 1e6,
    "mln": 1e6,
    "mil": 1e6,
    "млн": 1e6,
    "b": 1e9,
    "bn": 1e9,
}
_DATE = re.compile(r"\d{1,2}\s?[./-]\s?\d{1,2}\s?[./-]\s?(?:\d{4}|\d{2})(?!\d)|\d{4}[./-]\d{1,2}[./-]\d{1,2}(?!\d)")
_DATE_STEM = re.compile(
    r"jan|feb|f[eé]v|mar|m[aä]r|apr|avr|kwi|mai|may|maj|jun|jui|cze|jul|lip|lug|aug|ao[uû]|sie|sep|wrz|o[ck]t|pa[zź]|nov|noi|lis|de[czsk]|"
    r"gru|ian|iul|iun|sty|lut|янв|фев|мар|апр|май|мая|июн|июл|авг|сен|окт|ноя|дек|січ|лют|бер|кві|тра|чер|лип|сер|вер|жов|гру|"
    r"mon|tue|wed|thu|fri|sat|sun|utc|gmt|ces|eest|ago|vor|acum|tem|pře|pred|наз|том|sec|sek|min|hour|std|stund|godz|ore|oră|heu|"
    r"hod|час|год|day|tag|jour|dni|dzi|week|wo[ck]|sem|tyd|tyg|нед|тиж|moi|mie|měs|year|jahr|ans|rok|lat|let|ani|edit|updat"
)
_DATE_WORDS = frozenset(
    (
        "am",
        "pm",
        "in",
        "il",
        "y",
        "a",
        "h",
        "hr",
        "d",
        "s",
        "m",
        "u",
        "o",
        "la",
        "uhr",
        "at",
        "um",
        "на",
        "в",
        "w",
        "zi",
        "an",
        "st",
    )
)
_RELATIVE_CHARS = 10


@dataclass(frozen=True)
class Token:
    """A word or a number of a line: its place in the squeezed line, and for numbers the range of values it may stand for."""

    start: int
    end: int
    low: float | None
    high: float | None
    raw_start: int
    raw_end: int


@dataclass(frozen=True)
class Finding:
    """What no captured body holds of one line: the words (as the page shows them), or a number only. `line` as shown."""

    line: str
    words: str
    numbers: tuple[str, ...]
    place: tuple[int, int]


@dataclass(frozen=True)
class Line:
    """A line of text, its squeezed form and its tokens."""

    raw: str
    squeezed: str
    tokens: tuple[Token, ...]


class TooCostly(Exception):
    """The characters that may be compared are used up."""


@dataclass
class Effort:
    """Characters that may still be compared. Each place of a line counts PLACE_CHARS, each piece tried there its length, each
    search through the stream a STREAM_SHARE-th of it."""

    left: int

    def spend(self, chars: int) -> None:
        """Raises: TooCostly."""
        self.left -= chars
        if self.left < 0:
            raise TooCostly


def read_line(raw: str) -> Line:
    """The line ready to be compared; at most LINE_CHARS characters of it."""
    text = unicodedata.normalize("NFKC", raw[:LINE_CHARS])
    tokens: list[Token] = []
    size, parts = 0, []
    for found in _TOKEN.finditer(text):
        for start, end in _word_spans(found):
            piece = squeeze(text[start:end])
            if piece == "":
                continue
            low, high = _range(found) if found["number"] else (None, None)
            tokens.append(Token(size, size + len(piece), low, high, start, end))
            parts.append(piece)
            size += len(piece)
    return Line(text, "".join(parts), tuple(tokens))


def unsupported(line: Line, corpus: Corpus, effort: Effort) -> Finding | None:
    """What of `line` no body holds; None when all of it is supported. Raises: TooCostly.

    A line is supported when it stands in a body as it is, or when it is made of whole pieces (text nodes, strings, what stands
    between placeholders of a template), of numbers that a body holds in any usual format, and of dates and times; a short one
    also when it stands in a document from one border of a piece or line to another. Pieces of one word must not make up more
    than a third of a line of five words and more: out of single words anything can be said.
    """
    text = line.squeezed
    if not text or text in corpus.whole or (len(text) >= LONG and text in corpus.stream):
        return None
    if line.raw.rstrip().endswith(("…", "...")) and len(text) >= LONG and text in corpus.stream:
        return None
    missing, single = _cover(line, corpus, effort)
    words = [token for token in line.tokens if token.low is None]
    if len(words) >= 5 and len(single) > max(2, len(words) // 3):
        missing = sorted({*missing, *single}, key=lambda token: token.start)
    lone = [token for token in missing if token.low is None and not _is_date_word(line, token)]
    dates = [found.span() for found in _DATE.finditer(line.raw)]
    counts = [token for token in missing if token.low is not None and token.low >= 100 and not _is_year(line, token)]
    counts = [token for token in counts if not any(start <= token.raw_start < end for start, end in dates)]
    numbers = tuple(line.raw[token.raw_start : token.raw_end] for token in counts)
    if sum(token.end - token.start for token in lone) >= 4 and not _is_short_run(text, corpus, effort):
        place = (lone[0].start, lone[-1].end)
        return Finding(line.raw, line.raw[lone[0].raw_start : lone[-1].raw_end], numbers, place)
    if numbers and not _is_date(line):
        return Finding(line.raw, "", numbers, (0, 0))
    return None


def _is_short_run(text: str, corpus: Corpus, effort: Effort) -> bool:
    """Whether a line shorter than LONG stands in a document as a row of whole pieces, as coloured code does."""
    if len(text) >= LONG:
        return False
    effort.spend(len(corpus.stream) // STREAM_SHARE)
    return corpus.has_run(text)


def _cover(line: Line, corpus: Corpus, effort: Effort) -> tuple[list[Token], list[Token]]:
    """(tokens that nothing covers, words that only a piece of that one word covers), as few letters as can be."""
    text, size = line.squeezed, len(line.squeezed)
    starts = {token.start: token for token in line.tokens}
    ends = {token.end for token in line.tokens}
    best: list[float] = [float("inf")] * (size + 1)
    came: list[tuple[int, str]] = [(0, "")] * (size + 1)
    best[0] = 0.0
    for at in range(size):
        cost = best[at]
        if cost == float("inf"):
            continue
        token = starts.get(at)
        if token is not None:
            skipped, how = _skip_cost(token, corpus)
            if cost + skipped < best[token.end]:
                best[token.end], came[token.end] = cost + skipped, (at, how)
        for end in _piece_ends((text, at, at in starts), corpus, effort):
            if end - at < LONG and end not in ends:
                continue
            single = token is not None and end == token.end and token.low is None
            if cost + (0.01 if single else 0.001) < best[end]:
                best[end], came[end] = cost + (0.01 if single else 0.001), (at, "single" if single else "piece")
    return _trace(line, best, came)


def _piece_ends(place: tuple[str, int, bool], corpus: Corpus, effort: Effort) -> list[int]:
    """Where whole pieces that begin at this place of the text end. `place`: text, position, whether a word begins there."""
    text, at, is_start = place
    lengths: set[int] = set()
    for prefix in range(1, 7):
        lengths |= corpus.lengths.get(text[at : at + prefix], set()) if prefix == 6 or is_start else set()
    usable = sorted((one for one in lengths if at + one <= len(text) and (is_start or one >= LONG)), reverse=True)[:LENGTHS_TRIED]
    effort.spend(PLACE_CHARS + len(lengths) + sum(usable))
    return [at + one for one in usable if text[at : at + one] in corpus.whole]


def _skip_cost(token: Token, corpus: Corpus) -> tuple[float, str]:
    if token.low is not None and token.high is not None:
        return (0.0, "number") if corpus.has_number_between(token.low, token.high) else (0.5, "skip")
    return float(token.end - token.start), "skip"


def _trace(line: Line, best: list[float], came: list[tuple[int, str]]) -> tuple[list[Token], list[Token]]:
    missing: list[Token] = []
    single: list[Token] = []
    starts = {token.start: token for token in line.tokens}
    at = len(line.squeezed)
    if best[at] == float("inf"):
        return list(line.tokens), []
    while at > 0:
        before, how = came[at]
        if how == "skip":
            missing.append(starts[before])
        elif how == "single":
            single.append(starts[before])
        at = before
    return missing[::-1], single[::-1]


def _word_spans(found: re.Match[str]) -> list[tuple[int, int]]:
    """The match, cut where a small letter meets a capital: `QuayTook` is the end of one element and the start of the next."""
    start, end = found.span()
    if found["number"]:
        return [(start, end)]
    inside = (cut.start() for cut in _CASE.finditer(found.string, start, end))
    cuts = [start, *(cut for cut in inside if found.string[cut - 1].islower()), end]
    return [(left, right) for left, right in pairwise(cuts) if right > left]


def _range(found: re.Match[str]) -> tuple[float, float]:
    """The values a number may stand for: itself, or with a unit everything that rounds or cuts to it."""
    digits, unit = found["number"], found["unit"]
    if unit is None:
        value = float(re.sub(r"\D", "", digits))
        return value, value + 0.5
    plain = re.sub(r"['’\s]", "", digits).replace(",", ".")
    value = float(plain) if plain.count(".") <= 1 else float(re.sub(r"\D", "", digits))
    places = len(plain.partition(".")[2])
    factor, step = _UNITS.get(unit.lower(), 1e9), 10.0**-places
    return (value - step / 2) * factor, (value + step) * factor


def _index(line: Line, token: Token) -> int:
    return bisect_left(line.tokens, token.start, key=lambda one: one.start)


def _is_date_word(line: Line, token: Token) -> bool:
    """A word of dates or durations beside a number: scripts write those out of timestamps, in the reader's language."""
    at = _index(line, token)
    beside = [line.tokens[near] for near in (at - 2, at - 1, at + 1, at + 2) if 0 <= near < len(line.tokens)]
    word = line.squeezed[token.start : token.end]
    of_dates = word in _DATE_WORDS or (len(word) <= _RELATIVE_CHARS and _DATE_STEM.match(word) is not None)
    return of_dates and any(near.low is not None for near in beside)


def _is_year(line: Line, token: Token) -> bool:
    """A year beside a word of dates or the number of a day or month."""
    at = _index(line, token)
    beside = [line.tokens[near] for near in (at - 1, at + 1) if 0 <= near < len(line.tokens)]
    dated = any(_is_date_word(line, near) if near.low is None else near.low <= 31 for near in beside)
    return token.low is not None and 1900 <= token.low <= 2100 and dated


def _is_date(line: Line) -> bool:
    """True for a line of nothing but numbers and words of dates."""
    return len(line.tokens) <= 8 and all(token.low is not None or _is_date_word(line, token) for token in line.tokens) and (
        len(line.tokens) >= 2
    )  # fmt: skip
