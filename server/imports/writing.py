"""Rows that were read, written in one transaction's few statements: entities once by platform and id, and what each row says.

An entity that is there already stays as it is, whoever made it; what the row says of it is an observation beside it.
"""

import json
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from server.cases.searchtexts import Facets, entity_facets, said_and_words
from server.db import run_sql
from server.imports.models import TableImport
from server.imports.options import ImportOptions
from server.imports.said import Problem, ReadRow, Thing
from server.imports.times import Moment
from server.rules.posttimes import PostTime

Key = tuple[str, str, str]
VALUE_LIMIT = 500
REASON_LIMIT = 500
METHOD_LIMIT = 200
EXACT_S = 60

_ENTITIES = """
INSERT INTO entity (id, case_id, kind, platform, external_id, name, url, author_id, created_at)
SELECT r.id, :case_id, r.kind, r.platform, r.external_id, r.name, r.url, :author_id, :now
FROM jsonb_to_recordset(CAST(:rows AS jsonb))
  AS r(id uuid, kind text, platform text, external_id text, name text, url text)
ON CONFLICT (case_id, kind, platform, external_id) DO NOTHING RETURNING id
"""
_FOUND = """
SELECT r.kind, r.platform, r.external_id, e.id
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(kind text, platform text, external_id text)
JOIN entity e ON e.case_id = :case_id AND e.kind = r.kind AND e.platform = r.platform AND e.external_id = r.external_id
"""
_TEXTS = """
INSERT INTO case_text (id, case_id, organisation_id, kind, ref, label, text, words, posted_at, created_at)
SELECT r.id, :case_id, (SELECT organisation_id FROM case_file WHERE id = :case_id), 'entity', r.ref, r.label, r.text,
  CAST(r.words AS tsvector), r.posted_at, :now
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, ref text, label text, text text, words text, posted_at timestamptz)
"""
_RELATIONS = """
INSERT INTO relation (id, case_id, kind, from_id, to_id, source, confidence, author_id, created_at)
SELECT r.id, :case_id, 'posted_by', r.from_id, r.to_id, :source, :confidence, :author_id, :now
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, from_id uuid, to_id uuid)
WHERE NOT EXISTS (SELECT 1 FROM relation x WHERE x.from_id = r.from_id AND x.to_id = r.to_id AND x.kind = 'posted_by')
RETURNING id
"""
_METRICS = """
INSERT INTO metric (id, case_id, entity_id, name, low, high, unit, "window", method, claimed_by, as_of, author_id, created_at)
SELECT r.id, :case_id, r.entity_id, r.name, r.low, r.high, r.name, r."window", r.method, :claimed_by, r.as_of, :author_id, :now
FROM jsonb_to_recordset(CAST(:rows AS jsonb))
  AS r(id uuid, entity_id uuid, name text, low bigint, high bigint, "window" text, method text, as_of timestamptz)
"""
_OBSERVATIONS = """
INSERT INTO observation (import_id, row, case_id, entity_id, account_id, seen_at, seen_precision_s, seen_by, country, posted_at,
                         facts)
SELECT :import_id, r.row, :case_id, r.entity_id, r.account_id, r.seen_at, r.seen_precision_s, r.seen_by, r.country, r.posted_at,
       r.facts
FROM jsonb_to_recordset(CAST(:rows AS jsonb))
  AS r(row int, entity_id uuid, account_id uuid, seen_at timestamptz, seen_precision_s float, seen_by text, country text,
       posted_at jsonb, facts jsonb)
"""
_MADE = """
INSERT INTO import_made (import_id, kind, ref, outcome)
SELECT :import_id, r.kind, r.ref, '' FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(kind text, ref uuid)
"""
_PROBLEMS = """
INSERT INTO import_row_problem (import_id, row, position, severity, column_name, value, reason)
SELECT :import_id, r.row, r.position, r.severity, r.column_name, r.value, r.reason
FROM jsonb_to_recordset(CAST(:rows AS jsonb))
  AS r(row int, position int, severity text, column_name text, value text, reason text)
"""


@dataclass(frozen=True)
class Batch:
    """Rows in the file's order: those read, and those refused with why."""

    taken: Sequence[tuple[int, ReadRow]]
    refused: Sequence[tuple[int, Sequence[Problem]]]


class BatchWriter:
    """Writes the batches of one import inside its transaction."""

    def __init__(self, session: AsyncSession, found: TableImport, options: ImportOptions, now: datetime) -> None:
        self._session = session
        self._import = found
        self._options = options
        self._now = now

    async def write(self, batch: Batch) -> int:
        """How many entities, relations and metrics were made. Not idempotent: the caller moves the position with it."""
        ids, made = await self._entities([row for _, row in batch.taken])
        made += [("relation", ref) for ref in await self._relations(batch, ids)]
        made += [("metric", ref) for ref in await self._metrics(batch, ids)]
        await self._run(_OBSERVATIONS, [self._observation(number, row, ids) for number, row in batch.taken], case=True)
        await self._run(_MADE, [{"kind": kind, "ref": str(ref)} for kind, ref in made])
        await self._run(_PROBLEMS, list(_problem_rows(batch)))
        return len(made)

    async def _entities(self, rows: Sequence[ReadRow]) -> tuple[dict[Key, uuid.UUID], list[tuple[str, uuid.UUID]]]:
        things: dict[Key, tuple[Thing, ReadRow]] = {}
        for row in rows:
            for thing in (row.thing, row.account):
                if thing is not None:
                    things.setdefault(_key(thing), (thing, row))
        ordered = [{"id": str(uuid.uuid4()), **vars(things[key][0])} for key in sorted(things)]
        author = {"author_id": self._import.author_id, "now": self._now}
        new = {row.id for row in await self._run(_ENTITIES, ordered, case=True, **author)}
        ids = {(row.kind, row.platform, row.external_id): row.id for row in await self._run(_FOUND, ordered, case=True)}
        texts = []
        for key, (thing, row) in things.items():
            if ids[key] in new:
                texts.append({"id": str(uuid.uuid4()), "ref": str(ids[key]), "label": thing.name, **_searched(thing, row)})
        await self._run(_TEXTS, texts, case=True, now=self._now)
        return ids, [("entity", ref) for ref in new]

    async def _relations(self, batch: Batch, ids: dict[Key, uuid.UUID]) -> list[uuid.UUID]:
        pairs = dict.fromkeys((ids[_key(row.thing)], ids[_key(row.account)]) for _, row in batch.taken if row.account is not None)
        rows = [{"id": str(uuid.uuid4()), "from_id": str(one), "to_id": str(other)} for one, other in pairs]
        said = {
            "source": f"import {self._import.number}: {self._options.source}",
            "confidence": self._options.confidence,
            "author_id": self._import.author_id,
            "now": self._now,
        }
        return [row.id for row in await self._run(_RELATIONS, rows, case=True, **said)]

    async def _metrics(self, batch: Batch, ids: dict[Key, uuid.UUID]) -> list[uuid.UUID]:
        rows: list[dict[str, Any]] = []
        for number, row in batch.taken:
            for figure in row.figures:
                if row.seen is None:  # the reader refuses such a row
                    continue
                rows.append(
                    {
                        "id": str(uuid.uuid4()),
                        "entity_id": str(ids[_key(row.thing)]),
                        "name": figure.name,
                        "low": figure.numbers.low,
                        "high": figure.numbers.high,
                        "window": figure.window,
                        "method": self._method(number, figure.column, row.seen),
                        "as_of": row.seen.at.isoformat(),
                    }
                )
        claim = {"claimed_by": self._options.claimed_by, "author_id": self._import.author_id, "now": self._now}
        await self._run(_METRICS, rows, case=True, **claim)
        return [uuid.UUID(row["id"]) for row in rows]

    def _method(self, number: int, column: str, seen: Moment) -> str:
        """Where a number is from, and how exact its time is where that is not to the minute: a metric has no member for it."""
        since = f", seen ± {seen.precision_s:.0f} s" if seen.precision_s > EXACT_S else ""
        return f"import {self._import.number}, row {number}, column {column}"[: METHOD_LIMIT - len(since)] + since

    def _observation(self, number: int, row: ReadRow, ids: dict[Key, uuid.UUID]) -> dict[str, Any]:
        seen_at, precision_s = seen_json(row.seen)
        return {
            "row": number,
            "entity_id": str(ids[_key(row.thing)]),
            "account_id": None if row.account is None else str(ids[_key(row.account)]),
            "seen_at": None if seen_at is None else seen_at.isoformat(),
            "seen_precision_s": precision_s,
            "seen_by": row.seen_by,
            "country": row.country,
            "posted_at": [time_json(one) for one in row.posted_at],
            "facts": dict(row.facts),
        }

    async def _run(self, sql: str, rows: Sequence[Any], *, case: bool = False, **values: Any) -> Sequence[Any]:
        if not rows:
            return ()
        whose = {"case_id": self._import.case_id} if case else {}
        if ":import_id" in sql:
            whose["import_id"] = self._import.id
        return await run_sql(self._session, sql, rows=json.dumps(rows), **whose, **values)


def time_json(one: PostTime) -> dict[str, Any]:
    """A candidate as it is stored, in the shape that findings have."""
    return {
        "value": one.value.isoformat(),
        "source": one.source,
        "precision_s": one.precision_s,
        "note": one.note,
        "compared": one.compared,
    }


def seen_json(moment: Moment | None) -> tuple[datetime | None, float | None]:
    """Time and precision in seconds, both None when the row does not say."""
    return (None, None) if moment is None else (moment.at, moment.precision_s)


def _searched(thing: Thing, row: ReadRow) -> dict[str, Any]:
    """What is searched of a thing: of the post or ad that the row is about, also its text, account and time."""
    facets = entity_facets(thing.kind, thing.platform, thing.external_id, thing.name)
    said, posted_at = [thing.name, thing.external_id, thing.platform, thing.url], None
    if thing is row.thing:
        said.append(row.facts.get("text", ""))
        posted_at = row.posted_at[0].value.isoformat() if row.posted_at else None
        if row.account is not None:
            named = (row.account.external_id, row.account.name.lstrip("@"))
            facets = Facets({**facets.values, "account": (*facets.values["account"], *named)})
    text, vector = said_and_words(said, facets)
    return {"text": text, "words": vector.literal, "posted_at": posted_at}


def _key(thing: Thing) -> Key:
    return thing.kind, thing.platform, thing.external_id


def _problem_rows(batch: Batch) -> Iterable[dict[str, Any]]:
    found = [(number, "error", problems) for number, problems in batch.refused]
    found += [(number, "note", row.notes) for number, row in batch.taken]
    for number, severity, problems in found:
        for position, one in enumerate(problems):
            yield {
                "row": number,
                "position": position,
                "severity": severity,
                "column_name": one.column,
                "value": one.value.replace("\x00", "").encode("utf-8", "replace").decode()[:VALUE_LIMIT],
                "reason": one.reason[:REASON_LIMIT],
            }
