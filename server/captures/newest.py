"""The newest rows that hold words, at a cost that does not depend on how rare or common the words are.

PostgreSQL does not know what it costs to match a vector that is kept apart, as long values are, and guesses that a word it does
not know is in one row of two hundred: it walks all rows by time for a word that three hold, and reads all for one that all hold.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, select, true, union_all

from server.captures.textquery import Lexemes
from server.captures.wordindex import has_words, indexed_words

WINDOW = 3_000
"""Matching one row takes some microseconds: this many are a few tens of milliseconds."""
BY_INDEX = "SELECT set_config('enable_seqscan', 'off', true), set_config('max_parallel_workers_per_gather', '0', true)"
"""To be run first, in the same transaction. Helpers are started, and what they may need is computed, before it is known whether
there is anything for them to do."""


@dataclass(frozen=True)
class Held:
    """What is looked for: rows of `table` as (`key`, `at`) that hold `lexemes` (None: whatever they hold) and meet `conditions`.

    `scope`: those of the conditions by which an index gives the rows in the order of time, or which leave few rows.
    `organisation_id`: whose all these rows are, so that the index of words may be asked; None: of several ones, and only the
    scope leads to them.
    """

    table: Any
    key: Any
    at: Any
    lexemes: Lexemes | None
    scope: Sequence[ColumnElement[bool]]
    conditions: Sequence[ColumnElement[bool]]
    organisation_id: uuid.UUID | None

    def in_words(self) -> list[ColumnElement[bool]]:
        """The conditions on words by which the rows of one organisation are looked up."""
        if self.lexemes is None or self.organisation_id is None:
            return []
        found = [indexed_words(self.table, self.organisation_id, self.lexemes)]
        beside = has_words(self.table.words, self.lexemes.plain()).is_(True)
        return found if self.lexemes.is_told_by_words else [*found, beside]


def newest(held: Held, limit: int) -> Select[Any]:
    """The newest `limit` of them, as columns `key` and `at`; in no order.

    1 of the WINDOW newest rows of the scope those that fit: enough of a frequent word, and all there is of a small scope;
    2 else all that hold the words, by the index of words alone: a condition that is asked whether it is true leads to no other
    index. Without words, or where the rows are of several organisations, only the conditions lead.
    """
    columns = (held.key.label("key"), held.at.label("at"))
    order = (held.at.desc(), held.key.desc())
    words = [] if held.lexemes is None else [has_words(held.table.words, held.lexemes.plain())]
    every = [*held.scope, *held.conditions]
    if not held.in_words():
        found = select(*columns).where(*words, *every).order_by(*order).limit(limit).subquery()
        return select(found.c.key, found.c.at)
    by_words = select(*columns).where(*held.in_words(), *(one.is_(True) for one in every)).order_by(*order).limit(limit)
    fits = and_(*words, *held.conditions).label("fits")
    window = select(*columns, fits).where(*held.scope).order_by(*order).limit(WINDOW).cte()
    walked = select(window.c.key, window.c.at).where(window.c.fits).limit(limit).cte()  # 1
    found_soon = select(func.count()).select_from(walked).scalar_subquery() >= limit
    in_scope = select(func.count()).select_from(window).scalar_subquery()
    seen = select(case((found_soon, true()), else_=in_scope < WINDOW).label("enough")).cte()
    is_enough = select(seen.c.enough).scalar_subquery()
    rest = by_words.where(is_enough.is_(False)).subquery()  # 2
    both = union_all(select(walked.c.key, walked.c.at).where(is_enough), select(rest.c.key, rest.c.at)).subquery()
    return select(both.c.key, both.c.at)
