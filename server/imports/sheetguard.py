"""The parts of an XLSX as openpyxl gets them: whole ones up to a size, streamed ones while one row of them fits into memory.

openpyxl makes objects of a part that it reads whole, and of everything between two rows of one that it streams. Which part is
read how is said inside the workbook, by content types and relations, and not by a part's name; so the cap is where it reads.
"""

import io
from typing import IO, Any
from xml.parsers import expat
from zipfile import ZipFile

from server.imports.errors import FileRefused

IN_MEMORY_LIMIT_BYTES = 16 << 20
SHARED_STRINGS_LIMIT_BYTES = 96 << 20
"""openpyxl keeps the shared strings and styles of a workbook in memory."""
PIECE_LIMIT_BYTES = 16 << 20
PIECE_ELEMENTS_LIMIT = 100_000
BETWEEN_ELEMENTS_LIMIT = 1_000_000
ROWS_LIMIT = 1_048_576
STRINGS_LIMIT = 2_000_000
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
ROW, STRING = f"{_MAIN}}}row", f"{_MAIN}}}si"


class GuardedArchive(ZipFile):
    """A workbook's zip. `strings`: the name of the part with the shared strings, which are read once, before any sheet."""

    strings: str | None = None

    def read(self, name: Any, pwd: bytes | None = None) -> bytes:
        """A part whole. Raises: FileRefused (larger than IN_MEMORY_LIMIT_BYTES)."""
        self._refuse_above(name, IN_MEMORY_LIMIT_BYTES)
        with super().open(name, pwd=pwd) as part:
            return part.read()

    def open(self, name: Any, *args: Any, **more: Any) -> Any:
        """A part as a stream whose reading raises FileRefused."""
        part = super().open(name, *args, **more)
        if name != self.strings:
            return GuardedStream(part, _Guard(ROW, ROWS_LIMIT))
        self._refuse_above(name, SHARED_STRINGS_LIMIT_BYTES)
        self.strings = None
        return GuardedStream(part, _Guard(STRING, STRINGS_LIMIT))

    def _refuse_above(self, name: Any, limit: int) -> None:
        size = self.getinfo(name).file_size
        if size > limit:
            raise FileRefused(reason=f"the workbook's {str(name)[:80]} has {size} bytes, at most {limit}")


class GuardedStream(io.RawIOBase):
    """The bytes of a part, each looked at by a guard before it is given on."""

    def __init__(self, part: IO[bytes], guard: "_Guard") -> None:
        self._part = part
        self._guard = guard

    def read(self, size: int = -1) -> bytes:
        """The next bytes; a MiB at most, so that none are given on that the guard would refuse. Raises: FileRefused."""
        piece = self._part.read(size if 0 <= size <= 1 << 20 else 1 << 20)
        self._guard.look_at(piece)
        return piece

    def close(self) -> None:
        """Closes the part."""
        self._part.close()
        super().close()


class _Guard:
    """Follows the elements of a part: what openpyxl forgets at the end of each piece (a row, a string), and what it keeps.

    What is no XML is left to the reader, which says so. Document types are refused: no workbook has one.
    """

    def __init__(self, piece: str, pieces_limit: int) -> None:
        self._piece, self._pieces_limit = piece, pieces_limit
        self._depth = self._inside = self._between = self._pieces = 0
        self._fed = self._since = 0
        self._parser: Any = expat.ParserCreate(namespace_separator="}")
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.StartDoctypeDeclHandler = self._doctype

    def look_at(self, data: bytes) -> None:
        """Raises: FileRefused (more in one row, or beside the rows, than is ever read)."""
        if not data:
            return
        self._fed += len(data)
        try:
            self._parser.Parse(data, False)
        except expat.ExpatError:
            return
        if self._fed - self._since > PIECE_LIMIT_BYTES:
            raise FileRefused(
                reason=f"no table is read from a workbook with more than {PIECE_LIMIT_BYTES} bytes in or behind a row"
            )

    def _start(self, name: str, _attributes: object) -> None:
        if self._depth or name == self._piece:
            self._depth += name == self._piece
            self._inside += 1
            _refuse(self._inside > PIECE_ELEMENTS_LIMIT, f"a row of more than {PIECE_ELEMENTS_LIMIT} elements")
        else:
            self._between += 1
            _refuse(self._between > BETWEEN_ELEMENTS_LIMIT, f"more than {BETWEEN_ELEMENTS_LIMIT} elements beside its rows")

    def _end(self, name: str) -> None:
        if name != self._piece:
            return
        self._depth -= 1
        if self._depth == 0:
            self._pieces, self._inside, self._since = self._pieces + 1, 0, self._parser.CurrentByteIndex
            _refuse(self._pieces > self._pieces_limit, f"more than {self._pieces_limit} rows or texts")

    def _doctype(self, *_said: object) -> None:
        _refuse(True, "a document type")


def _refuse(is_too_much: bool, what: str) -> None:
    if is_too_much:
        raise FileRefused(reason=f"no table is read from a workbook with {what}")
