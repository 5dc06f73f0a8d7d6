"""Names of zip entries: which are allowed, and that no two of them could become one file on somebody's disk."""

from __future__ import annotations

import re
import unicodedata

from storage.errors import BadContainer

_DRIVE = re.compile(r"[A-Za-z]:")
_REFUSED_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp"})
"""Control, format (bidi overrides, zero width), surrogate, unassigned, private use, line and paragraph separators: a name is read
by people in a report and by other tools on a disk; both must see the same."""
_RESERVED = frozenset({"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))})


def name_problem(name: str, *, limit_bytes: int = 512) -> str | None:
    """Why `name` is refused as the name of a file entry, or None when it is fine: relative, `/`-separated, printable, the same
    on every file system. Not checked: that it is unique; see NameRegister."""
    if not name:
        return "empty name"
    if len(name.encode("utf-8", "surrogatepass")) > limit_bytes:
        return f"name longer than {limit_bytes} bytes"
    plain = name.isascii() and name.isprintable()
    if not plain and any(unicodedata.category(character) in _REFUSED_CATEGORIES for character in name):
        return "control or invisible character in the name"
    if "\\" in name:
        return "backslash in the name"
    if name.startswith("/") or _DRIVE.match(name):
        return "absolute name"
    for part in name.split("/"):
        if part in ("", ".", ".."):
            return "empty, '.' or '..' segment in the name"
        if part != part.rstrip(". "):
            return "segment ends in a dot or a space"
        if part.split(".")[0].casefold() in _RESERVED:
            return "name reserved by an operating system"
    return None


class NameRegister:
    """The names of one container, so far. Refuses the second of two that a case-insensitive or normalising disk would merge."""

    def __init__(self, what: str, *, limit_bytes: int = 512) -> None:
        self._what = what
        self._limit_bytes = limit_bytes
        self._files: dict[str, str] = {}
        self._folders: dict[str, str] = {}

    def add(self, name: str, *, is_folder: bool = False) -> None:
        """Takes `name` (a folder without its final slash). Raises: BadContainer."""
        if problem := name_problem(name, limit_bytes=self._limit_bytes):
            raise BadContainer(self._what, ascii(name)[:200], problem)
        key = _merge_key(name)
        if (other := self._files.get(key)) is not None:
            raise BadContainer(self._what, name, "duplicate name" if other == name else f"collides with {other!r}")
        if is_folder:
            self._add_folder(key, name, name)
        elif key in self._folders:
            raise BadContainer(self._what, name, "both a file and a folder")
        else:
            self._files[key] = name
        parts = name.split("/")
        for depth in range(1, len(parts)):
            folder = "/".join(parts[:depth])
            self._add_folder(_merge_key(folder), folder, name)

    def _add_folder(self, key: str, folder: str, name: str) -> None:
        if key in self._files:
            raise BadContainer(self._what, name, f"{folder!r} is both a file and a folder")
        if self._folders.setdefault(key, folder) != folder:
            raise BadContainer(self._what, name, f"{folder!r} collides with {self._folders[key]!r}")


def _merge_key(name: str) -> str:
    if name.isascii():
        return name.lower()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
