"""A piece of a text with what was looked for marked in it. The marks are places, not markup: whoever shows it escapes it."""

from collections import deque
from dataclasses import dataclass
from itertools import islice

from server.captures.folding import Word, fold_word, latin_forms, spellings, words
from server.captures.textquery import TextQuery, word_forms

BEFORE_CHARS, AFTER_CHARS = 70, 150
MARKS_LIMIT = 20


@dataclass(frozen=True)
class Piece:
    """Text, and whether it is a hit."""

    text: str
    is_hit: bool


def hits(text: str, query: TextQuery, *, limit: int = MARKS_LIMIT) -> list[tuple[int, int]]:
    """Where the wanted terms stand in a clean text, (start, end) in characters, in order: the first one and those that a piece
    around it shows, at most `limit`. The text is read no further than that."""
    found: list[tuple[int, int]] = []
    longest = max((len(term.words) for term in query.wanted), default=0) if _may_hold(text, query) else 0
    rest = words(text)
    ahead: deque[tuple[Word, tuple[str, ...]]] = deque()
    while longest:
        ahead.extend((word, word_forms(text, word)) for word in islice(rest, longest - len(ahead)))
        if not ahead or len(found) >= limit or (found and ahead[0][0].start > found[0][0] + AFTER_CHARS):
            break
        forms = [one for _, one in ahead]
        covered = next((count for term in query.wanted if (count := term.covers(forms, 0))), 0)
        if covered:
            found.append((ahead[0][0].start, ahead[covered - 1][0].end))
        for _ in range(max(1, covered)):
            ahead.popleft()
    return found


def _may_hold(text: str, query: TextQuery) -> bool:
    """False if no wanted term can stand in the text: quick, because most parts of a hit hold nothing of what was asked."""
    starts = [term.words[0] for term in query.wanted]
    if text.isascii():  # such words are folded by lower() alone
        lower = text.lower()
        return any(form in lower for forms in starts for form in forms)
    asked = tuple({form for forms in starts for form in forms})
    spelt = (one for word in set(spellings(text)) for one in (fold_word(word), *latin_forms(word)))
    return any(one.startswith(asked) for one in spelt)


def _around(text: str, hit: tuple[int, int]) -> tuple[int, int]:
    """Where the piece to show begins and ends: at spaces, if there are some."""
    begin, end = max(0, hit[0] - BEFORE_CHARS), min(len(text), hit[1] + AFTER_CHARS)
    if begin:
        begin = text.find(" ", begin, hit[0]) + 1 or begin
    if end < len(text):
        last = text.rfind(" ", hit[1], end)
        end = last if last > 0 else end
    return begin, end


def snippet(text: str, query: TextQuery) -> tuple[Piece, ...]:
    """The text around the first hit, about 220 characters; empty if there is none."""
    found = hits(text, query)
    if not found:
        return ()
    begin, end = _around(text, found[0])
    pieces = [Piece("…", is_hit=False)] if begin else []
    place = begin
    for start, stop in found:
        if start < place or stop > end:
            continue
        pieces += [Piece(text[place:start], is_hit=False), Piece(text[start:stop], is_hit=True)]
        place = stop
    pieces.append(Piece(text[place:end] + ("…" if end < len(text) else ""), is_hit=False))
    return tuple(piece for piece in pieces if piece.text)
