"""Searching: captures, and the notes, entities, moments, findings, deposits and exhibits of cases, ranked, each with where it
was found. Nobody finds, or counts, what they may not open.

Ranked are the newest CANDIDATES of what matches: a word that is everywhere must not make the database read everything. Text,
titles, notes and addresses are matched by words (server/captures/textquery.py), filters by facets of the same index.
"""

import asyncio
import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    Float,
    Select,
    String,
    and_,
    cast,
    column,
    func,
    literal,
    literal_column,
    not_,
    null,
    table,
    union_all,
)
from sqlalchemy import select as rows_of
from sqlalchemy.dialects.postgresql import TSQUERY, UUID
from sqlalchemy.exc import DBAPIError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.captures.models import Capture
from server.captures.newest import BY_INDEX, Held, newest
from server.captures.scope import lent_to, visible_to, without_statement
from server.captures.sharing import Exhibit
from server.captures.textquery import TextQuery, lexemes_of, parse_query
from server.captures.texts import CaptureText
from server.cases.errors import SearchTooSlow
from server.cases.found import FoundPage, Hit, NotSearched, Place, hit_of_capture, hit_of_thing
from server.cases.models import CaseFile, CaseText
from server.cases.parts import CaseParts
from server.cases.scope import require_case, visible_cases
from server.cases.searchcursor import cursor_after, order_of, parse_cursor
from server.cases.searchquery import CAPTURE, KINDS, SearchQuery
from server.db import run_sql
from server.errors import BadInput
from server.images.models import Member, Sighting
from server.operators.actors import OperatorActor
from server.operators.rights import demand, own_rows
from server.operators.roles import Right

CANDIDATES = 300
TIME_LIMIT_MS = 5_000
QUERY_CANCELLED = "57014"
_STATES = "SELECT CAST(id AS text) AS ref, state FROM finding WHERE id = ANY(CAST(:refs AS uuid[]))"


FINDING = table("finding", column("id"), column("state"))
"""By its name: the floor of findings lies above this one."""


class Searching:
    """Everything the actor may see."""

    def __init__(self, parts: CaseParts) -> None:
        self._parts = parts

    async def search(self, actor: OperatorActor, query: SearchQuery) -> FoundPage:
        """One page of hits, the best first. Raises: Forbidden; NotFound (the case); BadInput (page, cursor); SearchTooSlow."""
        demand(actor, Right.READ)
        if not 0 <= query.page * query.rows < CANDIDATES:
            raise BadInput(field="page", reason=f"0 to {(CANDIDATES - 1) // query.rows}")
        asked, after = parse_query(query.text), parse_cursor(query.cursor, query) if query.cursor else None
        try:
            async with self._parts.database.transaction() as session:
                await run_sql(session, f"SET LOCAL statement_timeout = {TIME_LIMIT_MS}")
                await run_sql(session, BY_INDEX)
                case = None if query.case_id is None else await require_case(session, actor, query.case_id, "read")
                unread = await _not_searched(session, actor)
                if not query.asks_anything(asked):
                    return FoundPage((), 0, is_more=False, not_searched=unread, case=case, asked=asked)
                places = await _places(session, actor, query, asked, case)
                rest = [one for one in places if after is None or order_of(one) > after][query.page * query.rows :]
                rows = await _rows(session, rest[: query.rows])
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) == QUERY_CANCELLED:
                raise SearchTooSlow(reason=f"it took longer than {TIME_LIMIT_MS // 1000} s: say more, or narrow it") from error
            raise
        hits = await asyncio.to_thread(lambda: tuple(_hit(row, asked) for row in rows))
        following = cursor_after(rest[query.rows - 1], query) if len(rest) > query.rows else None
        is_more = len(places) >= CANDIDATES
        return FoundPage(hits, len(places), is_more=is_more, not_searched=unread, case=case, asked=asked, next_cursor=following)


class CaseSearch:
    """What is in a case the actor may see."""

    def __init__(self, parts: CaseParts) -> None:
        self._parts = parts
        self._all = Searching(parts)

    async def search(self, actor: OperatorActor, case_id: uuid.UUID, text: str, *, kind: str = "") -> list[Hit]:
        """The best of the things of one case in which every word occurs, and of the captures in it. Raises: Forbidden;
        NotFound."""
        kinds = (kind,) if kind in KINDS else ()
        return [*(await self._all.search(actor, SearchQuery(text, case_id=case_id, kinds=kinds))).hits]


async def _not_searched(session: AsyncSession, actor: OperatorActor) -> NotSearched:
    """How many captures of the organisation, and texts of cases the actor may see, a search cannot find by what they say."""
    unread = (
        select(func.count())
        .select_from(CaptureText)
        .where(own_rows(actor, CaptureText.organisation_id), col(CaptureText.outcome).in_(("pending", "failed")))
    )
    cases = select(CaseFile.id).where(visible_cases(actor))
    texts = select(func.count()).select_from(CaseText).where(col(CaseText.words).is_(None), col(CaseText.case_id).in_(cases))
    row = (await _all(session, rows_of(unread.scalar_subquery(), texts.scalar_subquery())))[0]
    return NotSearched(captures=row[0], texts=row[1])


async def _places(
    session: AsyncSession, actor: OperatorActor, query: SearchQuery, asked: TextQuery, case: CaseFile | None
) -> Sequence[Place]:
    """Where the candidates are, the best first: one statement."""
    parts: list[Select[Any]] = []
    own = own_rows(actor, CaptureText.organisation_id)
    if query.takes(CAPTURE):
        if query.whose != "shared":
            parts.append(_captures(query, asked, [own], actor, actor.organisation_id))
        if query.whose != "own":
            parts.append(_captures(query, asked, [lent_to(actor, CaptureText.capture_id), not_(own)], actor, None))
    if query.takes_things:
        of_case = "" if case is None else "own" if case.organisation_id == actor.organisation_id else "shared"
        wanted = [whose for whose in ("own", "shared") if query.whose in ("any", whose) and of_case in ("", whose)]
        parts += [_things(actor, query, asked, whose) for whose in wanted]
    if not parts:
        return ()
    found = union_all(*parts).subquery()
    best = rows_of(found).order_by(found.c.rank.desc(), found.c.at.desc(), found.c.ref).limit(CANDIDATES)
    return sorted((Place(*row) for row in await _all(session, best)), key=order_of)


def _rank(vector: Any, asked: TextQuery) -> Any:
    """Length counts a little: a title says more than a page on which everything stands."""
    if asked.is_empty:
        return literal(0.0, Float)
    return func.ts_rank(vector, cast(literal(asked.lexemes()), TSQUERY), 1)


def _captures(
    query: SearchQuery, asked: TextQuery, whose: list[Any], actor: OperatorActor, owner: uuid.UUID | None
) -> Select[Any]:
    """The newest captures that match, each with its rank. `owner`: the organisation whose they all are, if they are of one."""
    scope = [*whose]
    conditions = [*_between(CaptureText.captured_at, *query.captured), *_between(CaptureText.posted_at, *query.posted)]
    if query.case_id is not None:
        shown = select(Exhibit.capture_id).where(Exhibit.case_id == query.case_id, col(Exhibit.withdrawn_at).is_(None))
        scope.append(col(CaptureText.capture_id).in_(shown))
    if query.in_cluster:
        conditions.append(_repeated(actor))
    key, at = col(CaptureText.capture_id), col(CaptureText.received_at)
    lexemes = lexemes_of(asked, query.facets)
    found = newest(Held(CaptureText, key, at, lexemes, scope, conditions, owner), CANDIDATES).subquery()
    return rows_of(
        literal(CAPTURE, String).label("kind"),
        found.c.key.label("ref"),
        cast(null(), UUID).label("text_id"),
        _rank(CaptureText.words, asked).label("rank"),
        found.c.at.label("at"),
    ).join_from(found, CaptureText, col(CaptureText.capture_id) == found.c.key)


def _repeated(actor: OperatorActor) -> Any:
    """A picture of it, in a cluster of the actor's own organisation, was seen in another capture too."""
    one, other = Sighting.__table__.alias(), Sighting.__table__.alias()  # type: ignore[attr-defined]
    mine, theirs = Member.__table__.alias(), Member.__table__.alias()  # type: ignore[attr-defined]
    found: Select[Any] = (
        rows_of(literal_column("1"))
        .select_from(one)
        .join(mine, and_(mine.c.image_id == one.c.image_id, mine.c.organisation_id == actor.organisation_id))
        .join(theirs, theirs.c.cluster_id == mine.c.cluster_id)
        .join(other, and_(other.c.image_id == theirs.c.image_id, other.c.organisation_id == actor.organisation_id))
        .where(one.c.capture_id == CaptureText.capture_id, one.c.organisation_id == actor.organisation_id)
        .where(other.c.capture_id != one.c.capture_id)
    )
    return found.limit(1).scalar_subquery().is_not(None)  # asked of each row: EXISTS is computed for all captures at once


def _things(actor: OperatorActor, query: SearchQuery, asked: TextQuery, whose: str) -> Select[Any]:
    """The newest things of the organisation's own cases that match, or of others' cases, each with its rank. An exhibit is found
    only while its capture may be opened."""
    owned = own_rows(actor, CaseFile.organisation_id)
    is_seen = col(CaseText.case_id).in_(select(CaseFile.id).where(visible_cases(actor), owned if whose == "own" else not_(owned)))
    opened = select(Capture.capture_id).where(visible_to(actor), Capture.capture_id == CaseText.ref).exists()
    conditions: list[Any] = [not_(and_(col(CaseText.kind) == "exhibit", not_(opened)))]
    scope: list[Any] = [own_rows(actor, CaseText.organisation_id)] if whose == "own" else [is_seen]
    conditions += [is_seen] if whose == "own" else []
    if query.case_id is not None:
        scope.append(col(CaseText.case_id) == query.case_id)
    conditions += _between(CaseText.posted_at, *query.posted)
    if query.kinds:
        conditions.append(col(CaseText.kind).in_(query.kinds))
    if query.state:
        of_state = rows_of(cast(FINDING.c.id, String)).where(FINDING.c.state == query.state)
        conditions += [col(CaseText.kind) == "finding", col(CaseText.ref).in_(of_state)]
    key, at = col(CaseText.id), col(CaseText.created_at)
    owner = actor.organisation_id if whose == "own" else None
    lexemes = lexemes_of(asked, query.facets)
    found = newest(Held(CaseText, key, at, lexemes, scope, conditions, owner), CANDIDATES).subquery()
    return rows_of(
        col(CaseText.kind),
        col(CaseText.ref),
        col(CaseText.id).label("text_id"),
        _rank(CaseText.words, asked).label("rank"),
        found.c.at.label("at"),
    ).join_from(found, CaseText, col(CaseText.id) == found.c.key)


def _between(column: Any, since: Any, until: Any) -> list[Any]:
    found = [] if since is None else [col(column) >= since]
    return found if until is None else [*found, col(column) < until]


async def _rows(session: AsyncSession, places: Sequence[Place]) -> list[tuple[Place, Any, Any, str]]:
    """What is shown of these places: (place, its text, its capture or case, a finding's state); four statements at most."""
    captures = [place.ref for place in places if place.kind == CAPTURE]
    of_captures = select(CaptureText, Capture).join(Capture, col(Capture.capture_id) == col(CaptureText.capture_id))
    light = of_captures.options(without_statement()).where(col(CaptureText.capture_id).in_(captures))
    kept = (await session.exec(light)).all()
    seen: dict[str, Any] = {capture.capture_id: (text, capture) for text, capture in kept}
    texts = [place.text_id for place in places if place.text_id is not None]
    of_cases = select(CaseText, CaseFile).join(CaseFile, col(CaseFile.id) == col(CaseText.case_id))
    written = (await session.exec(of_cases.where(col(CaseText.id).in_(texts)))).all()
    said: dict[Any, Any] = {text.id: (text, case) for text, case in written}
    findings = [place.ref for place in places if place.kind == "finding"]
    states = {row.ref: row.state for row in await run_sql(session, _STATES, refs=findings)}
    found: list[tuple[Place, Any, Any, str]] = []
    for place in places:
        row: Any = seen.get(place.ref) if place.kind == CAPTURE else said.get(place.text_id)
        if row is not None:
            found.append((place, row[0], row[1], states.get(place.ref, "")))
    return found


async def _all(session: AsyncSession, statement: Any) -> Sequence[Any]:
    return (await (await session.connection()).execute(statement)).all()


def _hit(row: tuple[Place, Any, Any, str], asked: TextQuery) -> Hit:
    place, kept, whose, state = row
    return hit_of_capture(kept, whose, asked) if place.kind == CAPTURE else hit_of_thing(kept, whose, state, asked)
