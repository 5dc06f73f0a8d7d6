"""Folding of text for search: case, diacritics and letters without a decomposition go; the same on what is stored and what
is asked."""

import unicodedata

FOLDED_CHARS = 20_000
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


def fold(text: str) -> str:
    """`text` lower-case, without marks (Știri → stiri, Łódź → lodz, ёлка → елка, Вынікі → вынікі), spaces as one. At most
    FOLDED_CHARS."""
    shortened = text[:FOLDED_CHARS].replace("\x00", " ")
    parts = unicodedata.normalize("NFKD", shortened.casefold())
    bare = "".join(char for char in parts if not unicodedata.combining(char))
    return " ".join(bare.translate(_LETTERS).split())[:FOLDED_CHARS]
