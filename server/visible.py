"""Text of evidence as pages and printed documents show it: what turns the reading direction or stays unseen is written out.

The evidence is not changed, and neither is a data file: this is for what people read. Source: Unicode 15.1, UAX #9 (explicit
directional formatting), TR #36 section 3.6; CWE-1007, CVE-2021-42574.
"""

import re
import unicodedata

_FLAG = "\U0001f3f4[\U000e0030-\U000e007a]+\U000e007f"
_BLANKS = "\u115f\u1160\u3164\uffa0\u2800"
_SHOWN = re.compile(
    f"(?P<kept>{_FLAG})|"
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # controls, but for TAB, LF and CR
    "\u202a-\u202e\u2066-\u2069"  # embeddings, overrides, isolates
    "\u2028\u2029\u2060-\u2065\u206a-\u206f\ufeff\ufff9-\ufffb\u180e"  # separators, joiners of nothing, old format controls
    "\u115f\u1160\u3164\uffa0"  # letters that show nothing
    "\ud800-\udfff"  # halves of characters, as JSON can hold them: nothing can be written with one
    "\U000e0000-\U000e0fff]"  # tags and further selectors, but for the flags that are spelt with them
)


def visible(text: str) -> str:
    """The text with each character that turns or hides text as `⟨U+202E⟩`; a text without any comes back as it is.

    Kept, because languages and emoji are spelt with them: the joiners U+200C and U+200D, the marks of direction U+200E, U+200F
    and U+061C, the soft hyphen, the zero-width space, the selectors U+FE00 to U+FE0F. Not checked: letters that look like others.
    """
    if text.isascii() and text.isprintable():
        return text
    return _SHOWN.sub(lambda found: found["kept"] or f"⟨U+{ord(found[0]):04X}⟩", text)


def is_blank(text: str) -> bool:
    """True where nothing of the text would be seen: spaces, marks of direction, joiners, letters that show nothing."""
    return all(unicodedata.category(one)[0] in "ZCM" or one in _BLANKS for one in text)


def visible_in(value: object) -> object:
    """The JSON value with every text in it as visible() gives it, names of members too."""
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, dict):
        return {visible(str(name)): visible_in(one) for name, one in value.items()}
    return [visible_in(one) for one in value] if isinstance(value, list | tuple) else value
