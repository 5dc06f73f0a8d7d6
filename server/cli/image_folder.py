"""What stands in a folder: every file once, and a reason for everything else, so that nothing is passed over in silence."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Entry:
    """One thing below the folder. name: its path below it, printable whatever its bytes are. code, reason: why it is not looked
    at; "" for a regular file."""

    path: Path
    name: str
    code: str = ""
    reason: str = ""


def entries_of(folder: Path) -> list[Entry]:
    """Everything below the folder but folders that could be read, by path. Links are not followed: they have their own row."""
    found: list[Entry] = []

    def unreadable(error: OSError) -> None:
        path = Path(error.filename)
        found.append(Entry(path, _name(path, folder), "unreadable_folder", f"the folder cannot be opened: {error.strerror}"))

    for place, folders, files in os.walk(folder, onerror=unreadable):
        linked = [name for name in folders if Path(place, name).is_symlink()]
        found += [_entry(Path(place, name), folder) for name in (*files, *linked)]
    return sorted(found, key=lambda one: (one.path.parts, one.code))


def _entry(path: Path, folder: Path) -> Entry:
    name = _name(path, folder)
    try:
        mode = path.lstat().st_mode
    except OSError as error:
        return Entry(path, name, "unreadable_file", f"the file cannot be opened: {error.strerror}")
    if stat.S_ISLNK(mode):
        return Entry(path, name, "link", "links are not followed")
    if not stat.S_ISREG(mode):
        return Entry(path, name, "not_a_file", "neither a file nor a folder: a device, a pipe or a socket")
    return Entry(path, name)


def _name(path: Path, folder: Path) -> str:
    """The path below the folder: bytes that are no UTF-8 and characters that would steer a terminal as escapes."""
    text = os.fsencode(path.relative_to(folder).as_posix()).decode("utf-8", "backslashreplace")
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)
