"""How a text file is written: its encoding and its delimiter, each with how that is known. What is not certain is left open."""

import codecs
import csv
import io
import string
from dataclasses import dataclass
from pathlib import Path

from storage.hashing import CHUNK_BYTES

ENCODINGS = (
    "utf-8", "utf-16-le", "utf-16-be", "windows-1252", "windows-1250", "windows-1251", "iso-8859-2", "latin-1",
)  # fmt: skip
DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
SIGNS = frozenset(string.punctuation) - set("\"'")
"""What a person may name as a delimiter instead."""
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
    """The delimiter that gives every one of the first records as many cells as the header. None such, or two: nothing is said.

    Rows of different lengths (a broken file, or another sign between its cells) leave it to a person, with what was seen.
    """
    with path.open("rb") as stream:
        data = stream.read(HEAD_BYTES)
    text = data.decode(encoding, "replace").removeprefix(BOM)
    widths = {name: found for name, sign in DELIMITERS.items() if (found := _widths(text, sign, is_cut=len(data) == HEAD_BYTES))}
    seen = {name: found for name, found in widths.items() if max(found) > 1}
    if not seen:
        return Known("comma", f"none of {', '.join(DELIMITERS)} stands in the first rows: read as one column. If another sign "
                              "parts the cells, name it")  # fmt: skip
    fitting = {name: max(found) for name, found in seen.items() if len(found) == 1}
    if not fitting:
        told = ", ".join(f"{name} ({min(found)} to {max(found)} cells)" for name, found in seen.items())
        return Known("", f"no delimiter gives every one of the first rows the same number of cells: {told}. Say which it is")
    if len(fitting) > 1:
        told = ", ".join(f"{name} ({count} columns)" for name, count in fitting.items())
        return Known("", f"more than one delimiter fits: {told}")
    name, count = next(iter(fitting.items()))
    return Known(name, f"it gives every one of the first rows {count} cells")


def sign_of(delimiter: str) -> str:
    """The sign that a delimiter's name stands for, or the sign itself; "" for what can be none."""
    if delimiter in DELIMITERS:
        return DELIMITERS[delimiter]
    return delimiter if len(delimiter) == 1 and delimiter in SIGNS else ""


def _widths(text: str, sign: str, *, is_cut: bool) -> set[int]:
    """The different numbers of cells of the first records; the last one of a text that was cut off does not count."""
    widths: list[int] = []
    try:
        for cells in csv.reader(io.StringIO(text, newline=""), delimiter=sign):
            if cells:
                widths.append(len(cells))
            if len(widths) > RECORDS_LOOKED_AT:
                break
    except csv.Error:
        return set()
    if (is_cut and len(widths) > 1) or len(widths) > RECORDS_LOOKED_AT:
        widths.pop()
    return set(widths)
