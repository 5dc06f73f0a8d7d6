"""How a text file is written: its encoding and its delimiter, each with how that is known. What is not certain is left open."""

import codecs
import csv
from dataclasses import dataclass
from pathlib import Path

from storage.hashing import CHUNK_BYTES

ENCODINGS = (
    "utf-8", "utf-16-le", "utf-16-be", "windows-1252", "windows-1250", "windows-1251", "iso-8859-2", "latin-1",
)  # fmt: skip
DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
HEAD_BYTES = 64 * 1024
RECORDS_LOOKED_AT = 30
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
BOM = "\ufeff"


@dataclass(frozen=True)
class Known:
    """What was found and how. `value` is empty when a person has to say it."""

    value: str
    why: str


def encoding_of(path: Path) -> Known:
    """The file's encoding: a byte order mark, or UTF-8 if every byte of the file is. Blocking; reads the file once.

    Windows and ISO code pages cannot be told apart by their bytes: for these nothing is said.
    """
    with path.open("rb") as stream:
        head = stream.read(4096)
    for mark, name in _MARKS:
        if head.startswith(mark):
            return Known(name, "the file begins with a byte order mark")
    if b"\x00" in head:
        return Known("", "the file has NUL bytes and no byte order mark: UTF-16 of one kind or the other, or no text")
    place = first_undecodable(path, "utf-8")
    if place is None:
        return Known("utf-8", "every byte of the file is UTF-8")
    return Known("", f"not UTF-8 (at byte {place}): an older code page; which one, the bytes do not say")


def first_undecodable(path: Path, encoding: str) -> int | None:
    """Where the file stops being text in this encoding, in bytes; None when all of it is. Blocking, flat memory."""
    decoder = codecs.getincrementaldecoder(encoding)()
    done = 0
    with path.open("rb") as stream:
        while True:
            piece = stream.read(CHUNK_BYTES)
            try:
                decoder.decode(piece, final=not piece)
            except UnicodeDecodeError as error:
                return done + error.start
            if not piece:
                return None
            done += len(piece)


def delimiter_of(path: Path, encoding: str) -> Known:
    """The delimiter that gives every one of the first records as many cells as the header. Two such ones: nothing is said."""
    with path.open("rb") as stream:
        data = stream.read(HEAD_BYTES)
    text = data.decode(encoding, "replace").removeprefix(BOM)
    if len(data) == HEAD_BYTES:
        text = text.rpartition("\n")[0] or text
    fitting = {name: count for name, sign in DELIMITERS.items() if (count := _columns(text, sign)) > 1}
    if not fitting:
        return Known("comma", "no delimiter gives more than one column: the file has one")
    if len(fitting) > 1:
        found = ", ".join(f"{name} ({count} columns)" for name, count in fitting.items())
        return Known("", f"more than one delimiter fits: {found}")
    name, count = next(iter(fitting.items()))
    return Known(name, f"it gives every one of the first rows {count} cells")


def _columns(text: str, sign: str) -> int:
    """Cells in each of the first records; 0 when they differ."""
    wanted = 0
    try:
        for number, cells in enumerate(csv.reader(text.splitlines(keepends=True), delimiter=sign)):
            if number >= RECORDS_LOOKED_AT:
                break
            if not cells:
                continue
            wanted = wanted or len(cells)
            if len(cells) != wanted:
                return 0
    except csv.Error:
        return 0
    return wanted
