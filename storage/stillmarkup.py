"""Markup of a kept DOM without what would run or lead away: read tag by tag, once, and written anew.

The markup may be hostile. Every step moves forward, so the cost is linear in its length, whatever is left open. What is written
has one reading: every attribute in double quotes, no comments, no `<` that begins nothing.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

_TAG_START = re.compile(r"<(?=[a-zA-Z/!?])")
_COMMENT_END = re.compile(r"--!?>")
_NAME = re.compile(r"[^ \t\n\f\r/>]*")
_ATTRIBUTE_NAME = re.compile(r"=?[^ \t\n\f\r/>=]*")
_UNQUOTED = re.compile(r"[^ \t\n\f\r>]*")
_GAP = re.compile(r"[ \t\n\f\r/]*")
_SPACE = re.compile(r"[ \t\n\f\r]*")
_END_TAG = re.compile(r"</[a-zA-Z]")
_DOCTYPE = "!doctype"
_WITH_CONTENT = ("script", "noscript", "iframe", "noembed", "noframes", "style", "title", "textarea")
_ENDS = {name: re.compile(rf"</{name}(?=[ \t\n\f\r/>])", re.IGNORECASE) for name in _WITH_CONTENT}
_UNKEPT = ("script", "noscript", "xmp", "plaintext")
"""Elements of which no tag is kept: scripts, and those whose content a browser reads in another way than the rest."""
_IGNORED = re.compile(r"[\x00-\x20\x7f-\xa0]+")
_RUNS = ("javascript:", "vbscript:", "data:text/html", "data:text/xml", "data:application/x", "data:image/svg")
_PICTURES = ("img", "image", "source", "video", "body", "table", "td", "th", "feimage")
_RUN_IN = ("href", "src", "action", "formaction", "data", "xlink:href", "poster", "background", "code", "codebase", "manifest")
_ANIMATED = ("to", "from", "by", "values")
FRAMES_DEPTH = 3


@dataclass(frozen=True)
class _Tag:
    """A tag: its name in lower case (with `/` before it when it closes), its attributes as written, and where it ends."""

    name: str
    attributes: list[tuple[str, str | None]]
    end: int


def without_scripts(markup: str, depth: int = 0) -> str:
    """`markup` without scripts and refreshes, comments, and what shows only where scripts are switched off.

    Scripts are elements, attributes (`on…`) and addresses (`javascript:`); a `srcdoc` is cleaned like the document, one in more
    than FRAMES_DEPTH others is dropped. Second to the policy that these documents are shown under, which lets no script run.
    Not a parser: elements left open stay so. Not known: content of `<script>` that holds `<!--<script>` ends at the first
    `</script>`.
    """
    out: list[str] = []
    place = 0
    while (found := _TAG_START.search(markup, place)) is not None:
        opens = found.start()
        out.append(_text(markup[place:opens]))
        if markup[opens + 1] in "!?" or (markup[opens + 1] == "/" and _END_TAG.match(markup, opens) is None):
            place = _after_declaration(markup, opens, out)
            continue
        tag = _read_tag(markup, opens + 1)
        if tag is None:
            return "".join(out)
        place = _written(markup, tag, out, depth)
    out.append(_text(markup[place:]))
    return "".join(out)


def _text(text: str) -> str:
    """Text in which no `<` is left to begin a tag with what is written next."""
    return text.replace("<", "&lt;")


def _after_declaration(markup: str, opens: int, out: list[str]) -> int:
    """Where a comment or declaration ends; of these only the document type is written."""
    if markup.startswith("<!--", opens):
        for empty in ("<!-->", "<!--->"):
            if markup.startswith(empty, opens):
                return opens + len(empty)
        ended = _COMMENT_END.search(markup, opens + 4)
        return len(markup) if ended is None else ended.end()
    closes = markup.find(">", opens)
    if closes < 0:
        return len(markup)
    if markup[opens + 1 : opens + 1 + len(_DOCTYPE)].lower() == _DOCTYPE:
        out.append(markup[opens : closes + 1])
    return closes + 1


def _written(markup: str, tag: _Tag, out: list[str], depth: int) -> int:
    """Writes the tag, if it stays, with what its element holds when that is no markup. Returns the place behind it."""
    kept = tag.name.removeprefix("/") not in _UNKEPT and not _leads_away(tag)
    if kept:
        out.append(f"<{tag.name}{''.join(_attribute(name, value, tag, depth) for name, value in tag.attributes)}>")
    ends = _ENDS.get(tag.name)
    if ends is None:
        return tag.end
    if markup.startswith("/", tag.end - 2):  # empty in XML; a browser that reads HTML needs to be told
        out.append(f"</{tag.name}>" if kept else "")
        return tag.end
    ended = ends.search(markup, tag.end)
    stop = len(markup) if ended is None else ended.start()
    content = markup[tag.end : stop]
    if tag.name == "style":
        out.append(_TAG_START.sub(r"\\3c ", content))
    elif tag.name in ("title", "textarea"):
        out.append(_text(content))
    return stop


def _attribute(name: str, value: str | None, tag: _Tag, depth: int) -> str:
    """The attribute as it is written, with a space before it; "" for one that would run."""
    if value is None:
        return "" if name.lower().startswith("on") else f" {name}"
    if name.lower() == "srcdoc":
        cleaned = without_scripts(html.unescape(value), depth + 1) if depth < FRAMES_DEPTH else ""
        return f' {name}="{_quoted(cleaned.replace("&", "&amp;"))}"'
    return "" if _runs(name.lower(), value, tag.name) else f' {name}="{_quoted(value)}"'


def _runs(name: str, value: str, tag_name: str) -> bool:
    """True for an attribute that is a script, or an address that is one."""
    if name.startswith("on"):
        return True
    if name not in _RUN_IN and name not in _ANIMATED:
        return False
    plain = _IGNORED.sub("", html.unescape(value)).lower()
    if name in _ANIMATED:
        return "script:" in plain
    return plain.startswith(_RUNS) and not (tag_name in _PICTURES and plain.startswith("data:image/"))


def _leads_away(tag: _Tag) -> bool:
    return tag.name == "meta" and any(
        name.lower() == "http-equiv" and (value or "").strip().lower() == "refresh" for name, value in tag.attributes
    )


def _read_tag(markup: str, start: int) -> _Tag | None:
    """The tag whose name begins at `start`; None when it does not end. Source: HTML standard, 13.2.5.6 to 13.2.5.40."""
    name_start = start + 1 if markup[start] == "/" else start
    place = _end(_NAME, markup, name_start)
    name = markup[start:place].lower()
    attributes: list[tuple[str, str | None]] = []
    while True:
        place = _end(_GAP, markup, place)
        if place >= len(markup):
            return None
        if markup[place] == ">":
            return _Tag(name, attributes if name_start == start else [], place + 1)
        named = _end(_ATTRIBUTE_NAME, markup, place)
        attribute, place = markup[place:named], _end(_SPACE, markup, named)
        value: str | None = None
        if markup.startswith("=", place):
            place = _end(_SPACE, markup, place + 1)
            quote = markup[place : place + 1]
            if quote in ("'", '"'):
                closes = markup.find(quote, place + 1)
                if closes < 0:
                    return None
                value, place = markup[place + 1 : closes], closes + 1
            else:
                ends = _end(_UNQUOTED, markup, place)
                value, place = markup[place:ends], ends
        attributes.append((attribute, value))


def _end(pattern: re.Pattern[str], text: str, place: int) -> int:
    """Where the match that begins at `place` ends; the patterns match nothing as well."""
    found = pattern.match(text, place)
    return place if found is None else found.end()


def _quoted(value: str) -> str:
    return value.replace('"', "&quot;")
