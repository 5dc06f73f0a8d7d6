"""The entities of a case as lists and by what somebody types: pages of them, one with what is said of it, those of a name."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import UUID, ColumnElement, Select, String, and_, cast, false, func, not_, or_, tuple_, union_all
from sqlalchemy import select as rows_of
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.captures.textquery import Lexemes, parse_query
from server.captures.wordindex import has_words, indexed_words
from server.cases.models import CaseFile, CaseText, Entity, EntityKind, Metric, Relation
from server.cases.parts import CaseParts
from server.cases.scope import require_case
from server.errors import BadInput, NotFound
from server.operators.actors import OperatorActor

PAGE_ROWS = 50
SAID_ROWS = 50
NAMED_LIMIT = 20
WINDOW = 500
ORDER = (col(Entity.kind), col(Entity.name), col(Entity.id))
Place = tuple[str, str, uuid.UUID]
"""Kind, name and id of the last entity of a page: the next one begins after it."""


@dataclass(frozen=True)
class EntityPage:
    """Entities by kind and name; `following` is where the next page begins, None on the last one."""

    entities: Sequence[Entity]
    following: Place | None


@dataclass(frozen=True)
class Said:
    """What is said of entities, the newest first, at most SAID_ROWS of each; `names` of every entity in it."""

    relations: Sequence[Relation]
    metrics: Sequence[Metric]
    names: Mapping[uuid.UUID, str]


@dataclass(frozen=True)
class Overview:
    """The first entities of a case, how many there are of all, and the newest of what is said of any."""

    page: EntityPage
    count: int
    said: Said


class EntityLists:
    """Reading the entities of cases; each call has the same number of statements however many there are."""

    def __init__(self, parts: CaseParts) -> None:
        self._parts = parts

    async def overview(self, actor: OperatorActor, case_id: uuid.UUID, *, limit: int) -> Overview:
        """What the page of the case shows. Raises: Forbidden; NotFound."""
        async with self._parts.database.session() as session:
            case = await require_case(session, actor, case_id, "read")
            page = await _page(session, _of(case), None, limit)
            counted = select(func.count()).select_from(Entity).where(_of(case))
            return Overview(page, (await session.exec(counted)).one(), await _said(session, case, None))

    async def page(
        self, actor: OperatorActor, case_id: uuid.UUID, *, words: str = "", kind: str = "", after: Place | None = None
    ) -> EntityPage:
        """One page of those of a kind ("": any) in whose texts the words occur. Raises: Forbidden; NotFound."""
        async with self._parts.database.session() as session:
            case = await require_case(session, actor, case_id, "read")
            wanted = _of(case)
            if kind in {one.value for one in EntityKind}:
                wanted &= col(Entity.kind) == kind
            if words.strip():
                wanted &= col(Entity.id).in_(_first_holding(actor, case, words, _beyond(wanted, after)))
            return await _page(session, wanted, after, PAGE_ROWS)

    async def one(self, actor: OperatorActor, case_id: uuid.UUID, entity_id: uuid.UUID) -> tuple[Entity, Said]:
        """An entity of the case, with what is said of it. Raises: Forbidden; NotFound."""
        async with self._parts.database.session() as session:
            case = await require_case(session, actor, case_id, "read")
            found = (await session.exec(select(Entity).where(_of(case), Entity.id == entity_id))).first()
            if found is None:
                raise NotFound(kind="entity", id=str(entity_id))
            return found, await _said(session, case, found.id)

    async def fitting(self, actor: OperatorActor, case_id: uuid.UUID, typed: str, *, limit: int) -> Sequence[Entity]:
        """The first `limit` of those that named() gives; of all where nothing is typed. Raises: Forbidden; NotFound."""
        if not typed.strip():
            return (await self.page(actor, case_id)).entities[:limit]
        try:
            return (await self.named(actor, case_id, typed))[:limit]
        except BadInput:
            return ()

    async def named(self, actor: OperatorActor, case_id: uuid.UUID, typed: str, *, field: str = "entity") -> Sequence[Entity]:
        """Those that `typed` may mean, at most NAMED_LIMIT: the one of this id; else those of exactly this name or id on their
        platform; else those in whose texts the words occur. Raises: Forbidden; NotFound (the case); BadInput (there is none)."""
        said = typed.strip().replace("\x00", "")[:300]
        async with self._parts.database.session() as session:
            case = await require_case(session, actor, case_id, "read")
            called = or_(col(Entity.external_id) == said, col(Entity.name) == said)
            for condition in (_of_id(said), called, _holding(actor, case, said)):
                wanted = select(Entity).where(_of(case), condition).order_by(*ORDER)
                found = (await session.exec(wanted.limit(NAMED_LIMIT))).all()
                if found:
                    return found
        raise BadInput(field=field, reason=f"nothing of this case is called {said[:100]!r}")


def _of(case: CaseFile) -> ColumnElement[bool]:
    return col(Entity.case_id) == case.id


def _of_id(typed: str) -> ColumnElement[bool]:
    try:
        return col(Entity.id) == uuid.UUID(typed)
    except ValueError:
        return col(Entity.id).is_(None)


def _holding(actor: OperatorActor, case: CaseFile, typed: str) -> ColumnElement[bool]:
    """In whose texts the words occur. What holds no word finds nothing. For a guest the case is read along: by the index of words
    it would take longer because of what the owner holds elsewhere."""
    asked = parse_query(typed)
    if asked.is_empty:
        return col(Entity.id).is_(None)
    lexemes = Lexemes(asked)
    own = case.organisation_id == actor.organisation_id
    held = [indexed_words(CaseText, case.organisation_id, lexemes)] if own else []
    if not own or not lexemes.is_told_by_words:
        held.append(has_words(CaseText.words, lexemes.plain()).is_(True))
    of_words = select(cast(col(CaseText.ref), UUID)).where(CaseText.case_id == case.id, CaseText.kind == "entity", *held)
    return col(Entity.id).in_(of_words)


def _first_holding(actor: OperatorActor, case: CaseFile, typed: str, condition: ColumnElement[bool]) -> Select[Any]:
    """Ids of the first entities that meet the condition and in whose texts the words occur, enough for a page: if they are among
    the WINDOW first ones without the index of words, which is slow for what is everywhere."""
    asked = parse_query(typed)
    holds = has_words(CaseText.words, asked.lexemes()) if not asked.is_empty else false()
    its_text = and_(
        col(CaseText.case_id) == case.id, col(CaseText.kind) == "entity", col(CaseText.ref) == cast(Entity.id, String)
    )
    fits = rows_of(func.bool_or(holds)).where(its_text).scalar_subquery().label("fits")  # asked of each row, never all at once
    window = rows_of(col(Entity.id), fits).where(condition).order_by(*ORDER).limit(WINDOW).subquery()
    walked = rows_of(window.c.id).where(window.c.fits).limit(PAGE_ROWS + 1).cte()
    many = rows_of(func.count()).select_from(walked).scalar_subquery() > PAGE_ROWS
    every_holding = (condition, _holding(actor, case, typed), not_(many))
    rest = rows_of(col(Entity.id)).where(*every_holding).order_by(*ORDER).limit(PAGE_ROWS + 1)
    every = union_all(rows_of(walked.c.id), rows_of(rest.subquery().c.id)).subquery()
    return rows_of(every.c.id)


def _beyond(condition: ColumnElement[bool], after: Place | None) -> ColumnElement[bool]:
    return condition if after is None else condition & (tuple_(*ORDER) > tuple_(*after))


async def _page(session: AsyncSession, condition: ColumnElement[bool], after: Place | None, limit: int) -> EntityPage:
    wanted = select(Entity).where(_beyond(condition, after)).order_by(*ORDER)
    rows = (await session.exec(wanted.limit(limit + 1))).all()
    last = rows[limit - 1] if len(rows) > limit else None
    return EntityPage(rows[:limit], None if last is None else (last.kind, last.name, last.id))


async def _said(session: AsyncSession, case: CaseFile, entity_id: uuid.UUID | None) -> Said:
    relations = select(Relation).where(Relation.case_id == case.id, col(Relation.withdrawn_at).is_(None))
    metrics = select(Metric).where(Metric.case_id == case.id)
    if entity_id is not None:
        relations = relations.where(or_(col(Relation.from_id) == entity_id, col(Relation.to_id) == entity_id))
        metrics = metrics.where(Metric.entity_id == entity_id)
    newest = (col(Relation.created_at).desc(), col(Relation.id).desc())
    related = (await session.exec(relations.order_by(*newest).limit(SAID_ROWS))).all()
    ordered = metrics.order_by(col(Metric.as_of).desc(), col(Metric.id).desc())
    measured = (await session.exec(ordered.limit(SAID_ROWS))).all()
    ids = {one.from_id for one in related} | {one.to_id for one in related} | {one.entity_id for one in measured}
    names = await session.exec(select(Entity.id, Entity.name).where(col(Entity.id).in_(ids)))
    return Said(related, measured, dict(names.all()))
