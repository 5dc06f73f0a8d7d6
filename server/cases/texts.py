"""Texts that people type, checked before they are stored."""

from server.errors import BadInput


def one_line(field: str, value: str, limit: int) -> str:
    """The trimmed text. Raises: BadInput (empty, too long, control characters)."""
    text = value.strip()
    if not text or len(text) > limit or not text.isprintable():
        raise BadInput(field=field, reason=f"1 to {limit} printable characters")
    return text


def short_line(field: str, value: str, limit: int) -> str:
    """The trimmed text, which may be empty. Raises: BadInput (too long: never cut; control characters)."""
    return one_line(field, value, limit) if value.strip() else ""


def long_text(field: str, value: str, limit: int) -> str:
    """The trimmed text, which may be empty and have lines. Raises: BadInput (too long, a NUL)."""
    text = value.replace("\r\n", "\n").strip()
    if len(text) > limit or "\x00" in text:
        raise BadInput(field=field, reason=f"at most {limit} characters")
    return text
