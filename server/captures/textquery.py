"""What is asked of the full-text index, and what is put into it: words, phrases, beginnings and exclusions over folded words.

Both sides are written here, so that they cannot drift apart; the database's own parser of texts is never used. Whatever is asked
is data: a query of signs alone asks nothing.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from server.captures.folding import WORD_CHARS, Word, clean, fold, latin_forms, words

QUERY_CHARS = 200
TERMS_LIMIT = 10
PHRASE_WORDS = 20
BEGINNING_CHARS = 2
WORDS_LIMIT = 20_000
LEXEMES_LIMIT_BYTES = 500_000
"""PostgreSQL takes 1 MiB of lexemes and their places."""
NOTHING = "'='"
"""A tsquery that no text matches."""
_GAP = 5
_LAST_PLACE = 16_383
_PIECES = re.compile(r'(?P<no>-)?(?:"(?P<quoted>[^"]*)"|(?P<plain>[^\s"]+))')


@dataclass(frozen=True)
class Term:
    """Words that stand side by side. `beginning`: the last one may go on. `excluded`: no text with them is wanted."""

    words: tuple[tuple[str, ...], ...]
    beginning: bool
    excluded: bool

    def lexemes(self) -> str:
        """The term as a tsquery."""
        last = len(self.words) - 1
        parts = [self._any(forms, self.beginning and place == last) for place, forms in enumerate(self.words)]
        return ("!" if self.excluded else "") + "(" + " <-> ".join(parts) + ")"

    def marked(self, mark: str) -> str:
        """A tsquery for all of its words, each under the mark, wherever they stand."""
        last = len(self.words) - 1
        parts = [self._any(forms, self.beginning and place == last, mark) for place, forms in enumerate(self.words)]
        return "(" + " & ".join(parts) + ")"

    def covers(self, listed: Sequence[Sequence[str]], at: int) -> int:
        """How many words from `at` on this term covers, 0 if it does not stand there. `listed`: the forms of each word."""
        if at + len(self.words) > len(listed):
            return 0
        last = len(self.words) - 1
        for place, forms in enumerate(self.words):
            if not _fits(listed[at + place], forms, self.beginning and place == last):
                return 0
        return len(self.words)

    @staticmethod
    def _any(forms: tuple[str, ...], begins: bool, mark: str = "") -> str:
        each = [f"'{mark}{form}'" + (":*" if begins and len(form) >= BEGINNING_CHARS else "") for form in forms]
        return each[0] if len(each) == 1 else "(" + " | ".join(each) + ")"


@dataclass(frozen=True)
class TextQuery:
    """A query as understood. `is_empty`: no word is wanted (only signs, or only exclusions)."""

    terms: tuple[Term, ...]

    @property
    def wanted(self) -> tuple[Term, ...]:
        """The terms a text must hold."""
        return tuple(term for term in self.terms if not term.excluded)

    @property
    def is_empty(self) -> bool:
        """True if there is nothing to look for."""
        return not self.wanted

    def lexemes(self) -> str:
        """The query as a tsquery literal: nothing in it but folded words, quotes and operators."""
        return " & ".join(term.lexemes() for term in self.terms)


def parse_query(text: str) -> TextQuery:
    """Words (all must occur, each may be the beginning of one), "phrases" as they stand, -exclusions. At most QUERY_CHARS and
    TERMS_LIMIT terms; the rest is left out."""
    terms: list[Term] = []
    for piece in _PIECES.finditer(clean(text[:QUERY_CHARS])):
        quoted = piece["quoted"]
        said = piece["plain"] if quoted is None else quoted
        found = _query_words(said)
        if found:
            terms.append(Term(found, quoted is None, piece["no"] is not None))
    return TextQuery(tuple(terms[:TERMS_LIMIT]))


def _query_words(said: str) -> tuple[tuple[str, ...], ...]:
    found = list(words(said))[:PHRASE_WORDS]
    return tuple(word_forms(said, word) for word in found)


def word_forms(text: str, word: Word) -> tuple[str, ...]:
    """The word folded and, if it is Cyrillic, as it is written in Latin letters."""
    return (word.folded, *latin_forms(text[word.start : min(word.end, word.start + 2 * WORD_CHARS)]))


def _fits(written: Sequence[str], forms: Iterable[str], begins: bool) -> bool:
    return any(
        one == form or (begins and len(form) >= BEGINNING_CHARS and one.startswith(form)) for form in forms for one in written
    )


@dataclass(frozen=True)
class Vector:
    """What is stored of texts: a tsvector literal. `is_whole`: no word was left out."""

    literal: str
    is_whole: bool


def vector_of(parts: Sequence[tuple[str, str]], facets: Mapping[str, Iterable[str]] | None = None) -> Vector:
    """The vector of (weight A to D, clean text) in order, and of the facets, which no word can be mistaken for."""
    places: dict[str, list[str]] = {facet_lexeme(name, value): [] for name, value in _pairs(facets or {})}
    size_bytes = sum(len(lexeme.encode()) for lexeme in places)
    place = 0
    for weight, text in parts:
        place += _GAP
        for count, word in enumerate(words(text)):
            forms = word_forms(text, word)
            size_bytes += sum(2 + (0 if form in places else len(form.encode()) + 4) for form in forms)
            if count >= WORDS_LIMIT or size_bytes > LEXEMES_LIMIT_BYTES:
                return Vector(_literal(places), is_whole=False)
            place += 1
            for form in forms:
                places.setdefault(form, []).append(f"{min(place, _LAST_PLACE)}{weight}")
    return Vector(_literal(places), is_whole=True)


def facet_lexeme(name: str, value: str) -> str:
    """`=platform:x`: what a text is filtered by, as a lexeme beside its words."""
    return f"={name}:{fold(clean(value))[:200]}"


@dataclass(frozen=True)
class Lexemes:
    """All that a text must hold: what is asked of its words, and facets. Both may be empty, not at once."""

    asked: TextQuery
    facets: Mapping[str, str] = field(default_factory=dict)

    def plain(self) -> str:
        """A tsquery literal for stored vectors. What asks for no word, only against some, finds nothing by it."""
        asked = () if self.asked.is_empty else self.asked.terms
        return " & ".join([term.lexemes() for term in asked] + self._facets("")) or NOTHING

    def marked(self, mark: str) -> str:
        """A tsquery literal for words under a mark and without places: no text that plain() finds is missed."""
        return " & ".join([term.marked(mark) for term in self.asked.wanted] + self._facets(mark)) or NOTHING

    @property
    def is_told_by_words(self) -> bool:
        """True if marked() finds nothing but what plain() does."""
        return not any(term.excluded or len(term.words) > 1 for term in self.asked.terms)

    def _facets(self, mark: str) -> list[str]:
        return [_quoted(mark + facet_lexeme(name, value)) for name, value in self.facets.items()]


def lexemes_of(asked: TextQuery, facets: Mapping[str, str]) -> Lexemes | None:
    """What a text must hold; None: no word is wanted, and no facet."""
    return Lexemes(TextQuery(()) if asked.is_empty else asked, facets) if facets or not asked.is_empty else None


def _pairs(facets: Mapping[str, Iterable[str]]) -> Iterator[tuple[str, str]]:
    return ((name, value) for name, values in facets.items() for value in values if fold(clean(value)))


def _literal(places: Mapping[str, Sequence[str]]) -> str:
    return " ".join(_quoted(lexeme) + (":" + ",".join(at[:255]) if at else "") for lexeme, at in places.items())


def _quoted(lexeme: str) -> str:
    return "'" + lexeme.replace("\\", "\\\\").replace("'", "''") + "'"
