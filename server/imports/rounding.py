"""Ids that may have passed through a float: told by an id alone, or by what most of its column shows. Pure.

Spreadsheets keep 15 digits and fill with zeros; other programs write the shortest decimal that gives the same float. One id of 16
digits in ten ends in a zero by itself: a note on each would teach people to pass over notes.
"""

import re
from collections import Counter, defaultdict
from decimal import Decimal

from server.imports.workbooks import SPREADSHEET_DIGITS

ID_DIGITS = 20
ALONE = "ends in zeros: a spreadsheet or another program may have rounded it"
COLUMN = "ends in a zero, as most long ids of its column do: a spreadsheet or another program may have rounded them"
LEAST_IDS = 4
IDS_LIMIT = 5_000
ZEROS = 3
FLOAT_DIGITS = 17
"""No float needs more of them to be told from its neighbours."""
_LONG = re.compile(rf"\d{{{SPREADSHEET_DIGITS + 1},{ID_DIGITS}}}", re.ASCII)


def is_long(written: str) -> bool:
    """True for a number of more digits than a spreadsheet keeps."""
    return _LONG.fullmatch(written) is not None


def may_be_rounded(written: str) -> bool:
    """True for a long number as a program writes one that has passed through a float: so is one of 16 digits in ten by itself."""
    if not is_long(written):
        return False
    return not written[SPREADSHEET_DIGITS:].strip("0") or (
        int(written) > 2**53 and written.endswith("0") and f"{Decimal(repr(float(written))):f}" == written
    )


def looks_rounded(written: str) -> bool:
    """True where the number alone shows it: fewer than one true id in a hundred looks so (tests/imports/test_rounding.py)."""
    zeros = len(written) - len(written.rstrip("0"))
    return may_be_rounded(written) and (zeros >= ZEROS or (zeros == 2 and len(written) >= FLOAT_DIGITS + 2))


class ColumnZeros:
    """The long ids of each column, each once (an account stands in many rows), and those of them that may be rounded.

    After IDS_LIMIT of a column it has seen enough: memory stays flat.
    """

    def __init__(self) -> None:
        self._long: dict[str, set[str]] = defaultdict(set)
        self._rounded: Counter[str] = Counter()

    def saw(self, column: str, written: str) -> None:
        """One more id of the column; a short one tells nothing."""
        known = self._long[column]
        if is_long(written) and written not in known and len(known) < IDS_LIMIT:
            known.add(written)
            self._rounded[column] += may_be_rounded(written)

    def is_doubtful(self, column: str, written: str) -> bool:
        """True for an id that may be rounded in a column where half of the long ones, and LEAST_IDS of them, may be."""
        doubtful = self._rounded[column]
        return doubtful >= LEAST_IDS and 2 * doubtful >= len(self._long[column]) and may_be_rounded(written)
