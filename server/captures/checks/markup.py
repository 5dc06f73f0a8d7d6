"""The text, scripts and attributes of a document as sent, in their order."""

import re
from collections.abc import Iterator

_TAG_START = re.compile(r"<(?=[a-zA-Z/!?])")
_COMMENT_END = re.compile(r"--!?>")
_NAME = re.compile(r"[^\s/>]*")
_ATTRIBUTE = re.compile(r"=\s*(?:\"([^\"]*)\"|'([^']*)')")
_RAW_END = {name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE) for name in ("script", "style")}


def html_pieces(text: str) -> Iterator[tuple[str, str]]:
    """("text" | "script" | "attribute", raw piece), in order. Forgiving and linear; not a full HTML parser: a `>` inside an
    attribute value ends the tag early, which only adds pieces. Source: HTML standard, 13.2.5."""
    place, end = 0, len(text)
    while place < end:
        found = _TAG_START.search(text, place)
        opens = end if found is None else found.start()
        if opens > place:
            yield "text", text[place:opens]
        if text.startswith("<!--", opens):
            place = _comment_end(text, opens)
            continue
        closes = text.find(">", opens)
        if closes < 0:
            return
        tag, place = text[opens + 1 : closes], closes + 1
        for value in _ATTRIBUTE.finditer(tag):
            yield "attribute", value[1] if value[1] is not None else value[2]
        named = _NAME.match(tag)
        raw_end = _RAW_END.get("" if named is None else named[0].lower())
        if raw_end is not None and not tag.endswith("/"):
            ended = raw_end.search(text, place)
            stop = end if ended is None else ended.start()
            if raw_end is _RAW_END["script"]:
                yield "script", text[place:stop]
            place = stop


def _comment_end(text: str, opens: int) -> int:
    """Where what follows the comment begins; a browser takes `<!-->` and `<!--->` for whole comments."""
    for empty in ("<!-->", "<!--->"):
        if text.startswith(empty, opens):
            return opens + len(empty)
    ended = _COMMENT_END.search(text, opens + 4)
    return len(text) if ended is None else ended.end()
