"""UI texts: keys in templates, words in a catalogue per language. A missing key fails the tests and shows itself."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

CATALOGUES = Path(__file__).parent / "templates" / "catalogue"
DEFAULT_LANGUAGE = "en"


@cache
def languages() -> tuple[str, ...]:
    """The languages there is a catalogue for."""
    return tuple(sorted(path.stem for path in CATALOGUES.glob("*.json")))


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """Key → text, with the default language under it for keys that are not translated yet."""
    texts: dict[str, str] = json.loads((CATALOGUES / f"{DEFAULT_LANGUAGE}.json").read_text("utf-8"))
    if language != DEFAULT_LANGUAGE:
        texts |= json.loads((CATALOGUES / f"{language}.json").read_text("utf-8"))
    return texts


def choose_language(accept: str) -> str:
    """The first language of an Accept-Language header that has a catalogue, else the default. Weights are ignored."""
    for part in accept[:200].split(","):
        language = part.split(";")[0].strip().split("-")[0].lower()
        if language in languages():
            return language
    return DEFAULT_LANGUAGE


class Texts:
    """The texts of one language, as templates use them: `t(key)` and `tn(key, count)`."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._texts = catalogue(language)

    def get(self, key: str, **values: object) -> str:
        """The text of `key` with `{name}` filled in; the key itself when there is none."""
        return self._texts.get(key, key).format(**values) if values else self._texts.get(key, key)

    def count(self, key: str, number: int) -> str:
        """The text of `key` for `number` things: `<key>.one` or `<key>.other`, with `{n}` filled in."""
        return self.get(f"{key}.{'one' if number == 1 else 'other'}", n=number)
