"""Keeping what is searched of a case's things: text, words and facets, made again at will."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.captures.folding import clean
from server.captures.textquery import Vector, vector_of
from server.cases.models import CaseFile, CaseText
from server.db import Database, run_sql
from server.rules.posttimes import PostTime, best_time

TEXT_CHARS = 20_000
LABEL_CHARS = 500
BATCH = 500

_OLD = """
SELECT t.id, t.kind, t.label, t.text, e.kind AS entity_kind, e.platform, e.external_id, e.name, f.type, v.body
FROM case_text t
LEFT JOIN entity e ON t.kind = 'entity' AND e.id = CAST(t.ref AS uuid)
LEFT JOIN finding f ON t.kind = 'finding' AND f.id = CAST(t.ref AS uuid)
LEFT JOIN finding_version v ON v.finding_id = f.id AND v.version = f.version
WHERE t.words IS NULL LIMIT :batch
"""
_INDEX = """
UPDATE case_text t SET words = CAST(r.words AS tsvector), posted_at = r.posted_at
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, words text, posted_at timestamptz) WHERE t.id = r.id
"""


@dataclass(frozen=True)
class Facets:
    """What a thing can be filtered by: values by name (`platform`, `account`, `tag`, `language`), and when it was posted."""

    values: Mapping[str, Sequence[str]] = field(default_factory=dict)
    posted_at: datetime | None = None


@dataclass(frozen=True)
class Told:
    """What a thing says, since when, and what it can be filtered by."""

    texts: tuple[str, ...]
    at: datetime
    facets: Facets = field(default_factory=Facets)


async def keep_text(
    session: AsyncSession, case: CaseFile, what: tuple[str, str, str], texts: tuple[str, ...], at: datetime
) -> None:
    """The texts of one thing (kind, ref, label) as what is searched from now on; what was kept of it before is replaced."""
    await keep_told(session, case, what, Told(texts, at))


async def keep_told(session: AsyncSession, case: CaseFile, what: tuple[str, str, str], told: Told) -> None:
    """keep_text() with facets."""
    kind, ref, label = what
    known = select(CaseText).where(CaseText.case_id == case.id, CaseText.kind == kind, CaseText.ref == ref)
    for row in (await session.exec(known)).all():
        await session.delete(row)
    said, vector = said_and_words(told.texts, told.facets)
    session.add(
        CaseText(
            case_id=case.id,
            organisation_id=case.organisation_id,
            kind=kind,
            ref=ref,
            label=label[:LABEL_CHARS],
            text=said,
            words=vector.literal,
            posted_at=told.facets.posted_at,
            created_at=told.at,
        )
    )


def said_and_words(texts: Iterable[str], facets: Facets | None = None) -> tuple[str, Vector]:
    """The text to show pieces of, and what is looked up."""
    said = clean("\n".join(one for one in texts if one)[:TEXT_CHARS])
    return said, vector_of([("B", said)], None if facets is None else facets.values)


def entity_facets(kind: str, platform: str, external_id: str, name: str) -> Facets:
    """An entity's platform; of an account or what stands for one, its id and name too."""
    is_account = kind in ("account", "page", "channel")
    return Facets({"platform": (platform,), "account": (external_id, name.lstrip("@")) if is_account else ()})


def finding_facets(type_code: str, body: Mapping[str, Any]) -> Facets:
    """Of a finding's body as JSON values: platform, accounts, type and techniques as tags, language, when it was posted."""
    subject, tags = body.get("subject") or {}, body.get("ttps") or ()
    accounts = [subject.get("account_id") or "", *(body.get("accounts") or ())][:200]
    named = [type_code, *(str(tag.get("id", "")) for tag in tags if isinstance(tag, dict))]
    values = {
        "platform": (str(subject.get("platform") or ""),),
        "account": [str(one).lstrip("@") for one in accounts],
        "tag": named,
        "language": (str(body.get("language") or ""),),
    }
    return Facets(values, _posted(body.get("posted_at")))


async def index_old_texts(database: Database) -> int:
    """Gives words and facets to texts of before there was such an index; how many. Safe to repeat and to interrupt."""
    count = 0
    while True:
        async with database.transaction() as session:
            rows = await run_sql(session, _OLD, batch=BATCH)
            if not rows:
                return count
            made = [_indexed(row) for row in rows]
            await run_sql(session, _INDEX, rows=json.dumps(made))
            count += len(rows)


def _indexed(row: Any) -> dict[str, Any]:
    facets = Facets()
    if row.entity_kind is not None:
        facets = entity_facets(row.entity_kind, row.platform, row.external_id, row.name)
    elif row.body is not None:
        facets = finding_facets(row.type, json.loads(row.body))
    words = said_and_words((row.label, row.text), facets)[1].literal
    return {"id": str(row.id), "words": words, "posted_at": facets.posted_at and facets.posted_at.isoformat()}


def _posted(stated: Any) -> datetime | None:
    """The stated time that counts."""
    times = [
        PostTime(datetime.fromisoformat(one["value"]), one["source"], one["precision_s"], compared=one.get("compared", True))
        for one in stated or ()
    ]
    best = best_time(times)
    return None if best is None else best.value
