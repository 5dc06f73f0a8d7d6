"""Values as cells: texts that no spreadsheet takes for a formula, by a rule that can be undone."""

import json
import re

Value = str | int | float | list[str] | None
ACTING = "=+-@\t\r\n'＝＋－＠"
"""First characters that a spreadsheet may act on, or that the rule itself uses."""
XLSX_TEXT_LIMIT = 32_767
_NOT_XML = re.compile("[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]")
_LIKE_AN_ESCAPE = re.compile("_(?=x[0-9A-Fa-f]{4}_)")


def safe_text(text: str) -> str:
    """The text with an apostrophe before it if it begins with a character of ACTING; else as it is.

    Undone by taking one apostrophe from the start: every text comes back. Source: OWASP, CSV injection.
    """
    return f"'{text}" if text[:1] and text[0] in ACTING else text


def csv_cell(value: Value) -> str:
    """The cell as CSV has it. Numbers are this program's own and stay numbers; an absent value is empty."""
    if value is None:
        return ""
    if isinstance(value, str):
        return safe_text(value)
    return array_text(value) if isinstance(value, list) else str(value)


def array_text(values: list[str]) -> str:
    """A list of texts in one cell: a JSON array."""
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))


def xlsx_text(text: str) -> str:
    """The text as a cell of a workbook may hold it: longer ones are replaced by words that say so, never cut.

    What XML cannot hold is written `_xHHHH_`, as workbooks do. Source: ECMA-376 part 1, 22.9.2.19 (ST_Xstring).
    """
    if len(text) > XLSX_TEXT_LIMIT:
        return f"[{len(text)} characters, too long for a cell: see the JSONL file]"
    marked = _LIKE_AN_ESCAPE.sub("_x005F_", text) if "_x" in text else text
    if marked.isprintable():  # as nearly every text is: nothing in it that XML cannot hold
        return marked
    return _NOT_XML.sub(lambda found: f"_x{ord(found[0]):04X}_", marked)
