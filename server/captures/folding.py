"""Folding of text for search, the same on what is stored and on what is asked: case, diacritics and letters without a
decomposition go, and a word in Cyrillic is known by its Latin transliterations too."""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

FOLDED_CHARS = 20_000
WORD_CHARS = 64
_LETTERS = str.maketrans(
    {
        "ł": "l",
        "đ": "d",
        "ø": "o",
        "ı": "i",
        "ħ": "h",
        "ŧ": "t",
        "æ": "ae",
        "œ": "oe",
        "ß": "ss",
        "þ": "th",
        "ð": "d",
        "ё": "е",
        "ѓ": "г",
    }
)
_WORD = re.compile(
    "[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]"  # written without spaces: each letter is a word
    "|(?:(?![\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff])[^\\W_])"
    "(?:(?![\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff])[^\\W_]|[\u0300-\u036f\u0483-\u0487\u0591-\u05c7\u064b-\u065f\u0670\u0900-\u0dff])*"
)
_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
_CYRILLIC = re.compile("[\u0400-\u04ff]")


def _scheme(changes: str) -> dict[int, str]:
    """Cyrillic letter → Latin letters: what all schemes share, with `changes` written as `жzh йy …`."""
    shared = "аa бb вv гg дd еe ёe жz зz иi йj кk лl мm нn оo пp рr сs тt уu фf хh цc чc шs щsc ъ ыy ь эe юju яja"
    further = "іi їji єje ґg ўu јj љlj њnj ђd ћc џdz ѓg ќk ѕdz"
    pairs = f"{shared} {further} {changes}".split()
    return {ord(pair[0]): pair[1:] for pair in pairs}


SCHEMES = (
    _scheme(""),  # ISO 9 and what scholars write, without marks
    _scheme("жzh йy хkh цts чch шsh щshch юyu яya їyi єye џdzh"),  # as English papers write Russian
    _scheme("гh жzh иy йi хkh цts чch шsh щshch юiu яia їi єie"),  # Ukraine's own
    _scheme("вw жz хch цc чcz шsz щszcz ёjo"),  # as Polish papers write
)


class Word(NamedTuple):
    """A word of a text: folded, and where it stands in it (characters)."""

    folded: str
    start: int
    end: int


def clean(text: str) -> str:
    """`text` as search keeps it: composed, without NUL, lone surrogates and signs that nobody sees (they hide words)."""
    seen = _UNSEEN.sub("", text.replace("\x00", " "))
    return unicodedata.normalize("NFC", seen.encode("utf-8", "replace").decode("utf-8"))


def words(text: str) -> Iterator[Word]:
    """The words of a text that is clean(): letters and digits; every other sign parts them."""
    for match in _WORD.finditer(text):
        folded = fold_word(match[0][: 2 * WORD_CHARS])  # cut here: what is remembered of a word must not be a page of it
        if folded:
            yield Word(folded, match.start(), match.end())


def spellings(text: str) -> list[str]:
    """The words of a text that is clean(), as they are written there."""
    return _WORD.findall(text)


@lru_cache(maxsize=65_536)
def fold_word(word: str) -> str:
    """The word in lower case without marks, at most WORD_CHARS; "" if nothing is left of it."""
    return "".join(char for char in _bare(word[: 2 * WORD_CHARS]) if char.isalnum())[:WORD_CHARS]


@lru_cache(maxsize=65_536)
def latin_forms(word: str) -> tuple[str, ...]:
    """How a word that holds Cyrillic is written in Latin letters by each of SCHEMES, folded; empty for other words."""
    if _CYRILLIC.search(word) is None:
        return ()
    lower = word[:WORD_CHARS].casefold()
    forms = {fold_word(lower.translate(scheme)) for scheme in SCHEMES}
    if lower.endswith(("ый", "ий")):
        forms.add(fold_word(lower[:-2].translate(SCHEMES[1]) + "y"))
    return tuple(sorted(forms - {"", fold_word(word)}))


def fold(text: str) -> str:
    """`text` lower-case, without marks (Știri → stiri, Łódź → lodz, ёлка → елка, Вынікі → вынікі), spaces as one. At most
    FOLDED_CHARS."""
    return " ".join(_bare(text[:FOLDED_CHARS].replace("\x00", " ")).split())[:FOLDED_CHARS]


def _bare(text: str) -> str:
    parts = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in parts if not unicodedata.combining(char)).translate(_LETTERS)
