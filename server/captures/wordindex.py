"""The index of words: one for all organisations, in which each word stands under its organisation's mark.

So a look-up meets what one organisation wrote and nothing else: it takes no longer because of what another one holds, and by how
long it takes nobody learns whether another one holds a word. Marks that are the same cost time alone: whose a row is, is asked of
the row. The stored vectors have no marks; the index is of words_of(), a function of the database (migration 0013).
"""

import uuid
from typing import Any

from sqlalchemy import ColumnElement, Index, Text, cast, func, literal, text
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlmodel import col

from server.captures.textquery import Lexemes

MARK_CHARS = 8


def words_index(name: str) -> Index:
    """The index of a table with the columns `organisation_id` and `words`."""
    return Index(name, text("words_of(organisation_id, words)"), postgresql_using="gin", postgresql_with={"fastupdate": "off"})


def has_words(vector: Any, lexemes: str) -> ColumnElement[bool]:
    """The condition that a vector matches a tsquery literal of server/captures/textquery.py; `vector`: a model's attribute. Asked
    of each row: no index has it."""
    return col(vector).bool_op("@@")(cast(literal(lexemes, Text), TSQUERY))


def indexed_words(table: Any, organisation_id: uuid.UUID, lexemes: Lexemes) -> ColumnElement[bool]:
    """The condition, answered by the index of `table` (a model), that a row of this organisation holds the words, wherever they
    stand in it: has_words() is asked beside it."""
    marked = cast(literal(lexemes.marked(mark_of(organisation_id)), Text), TSQUERY)
    return func.words_of(table.organisation_id, table.words).bool_op("@@")(marked)


def mark_of(organisation_id: uuid.UUID) -> str:
    """What stands before each word of this organisation in the index."""
    return f"{str(organisation_id)[:MARK_CHARS]}:"
