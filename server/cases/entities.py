"""Entities of a case, what is said of how they relate, and metrics. Ranges stay ranges."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.captures.sharing import Exhibit
from server.cases.entitylists import EntityLists
from server.cases.models import CaseFile, Entity, EntityKind, Metric, Relation
from server.cases.parts import CaseParts
from server.cases.scope import require_case
from server.cases.searchtexts import Told, entity_facets, keep_told
from server.cases.texts import long_text, one_line, short_line
from server.db import run_sql
from server.errors import BadInput, NotFound
from server.operators.actors import OperatorActor

RELATIONS = (
    "posted_by", "contains_media", "member_of_cluster", "redirects_to", "copies", "impersonates", "promotes", "part_of_network",
    "amplifies", "sponsored_by", "candidate_in", "attributed_to",
)  # fmt: skip
CONFIDENCES = ("unlikely", "possible", "likely", "very_likely", "almost_certain")
MOST = 2**63 - 1

_NO_IMPORTS_ALONE = "UPDATE import_made SET outcome = 'referred_to' WHERE kind = 'entity' AND ref = :ref AND outcome = ''"
"""Somebody entered by hand what a table had named before: undoing the table leaves it."""


@dataclass(frozen=True)
class EntityOrder:
    """A thing to keep. `external_id`: the platform's own id or, for what has none, a name that tells it apart in the case."""

    kind: str
    external_id: str
    name: str
    platform: str = ""
    url: str = ""


@dataclass(frozen=True)
class RelationOrder:
    """What is said of two entities: the source is where it is known from, the confidence a word of CONFIDENCES."""

    kind: str
    from_id: uuid.UUID
    to_id: uuid.UUID
    source: str
    confidence: str


@dataclass(frozen=True)
class MetricOrder:
    """A measured or claimed range (low = high when exact). `claimed_by`: a platform's own figure, never counted as ours."""

    entity_id: uuid.UUID
    name: str
    low: int
    high: int
    unit: str
    window: str
    method: str
    as_of: datetime
    claimed_by: str = ""
    source_capture: str | None = None


class Entities:
    """The things of a case."""

    def __init__(self, parts: CaseParts) -> None:
        self._parts = parts
        self.lists = EntityLists(parts)

    async def keep(self, actor: OperatorActor, case_id: uuid.UUID, order: EntityOrder) -> Entity:
        """The entity; one that is there already (same kind, platform and id) as it is, and from then on no import's alone.

        Raises: Forbidden; NotFound; CaseClosed; BadInput.
        """
        if order.kind not in {one.value for one in EntityKind}:
            raise BadInput(field="kind", reason="one of " + ", ".join(one.value for one in EntityKind))
        external, name = one_line("external_id", order.external_id, 200), one_line("name", order.name, 300)
        platform, url = short_line("platform", order.platform.lower(), 40), long_text("url", order.url, 2000)
        async with self._parts.database.transaction() as session:
            case = await require_case(session, actor, case_id, "write")
            known = select(Entity).where(
                Entity.case_id == case.id,
                Entity.kind == order.kind,
                Entity.platform == platform,
                Entity.external_id == external,
            )
            found = (await session.exec(known)).first()
            if found is not None:
                await run_sql(session, _NO_IMPORTS_ALONE, ref=found.id)
                return found
            entity = Entity(
                case_id=case.id,
                kind=order.kind,
                platform=platform,
                external_id=external,
                name=name,
                url=url,
                author_id=actor.operator_id,
                created_at=self._parts.clock.now(),
            )
            session.add(entity)
            texts = (name, external, platform, url)
            facets = entity_facets(order.kind, platform, external, name)
            await keep_told(session, case, ("entity", str(entity.id), name), Told(texts, entity.created_at, facets))
        return entity

    async def relate(self, actor: OperatorActor, case_id: uuid.UUID, order: RelationOrder) -> Relation:
        """The relation, with its author and time. Raises: Forbidden; NotFound (an entity of another case too); CaseClosed;
        BadInput."""
        if order.kind not in RELATIONS:
            raise BadInput(field="kind", reason="one of " + ", ".join(RELATIONS))
        if order.confidence not in CONFIDENCES:
            raise BadInput(field="confidence", reason="one of " + ", ".join(CONFIDENCES))
        if order.from_id == order.to_id:
            raise BadInput(field="to_id", reason="an entity is not related to itself")
        source = long_text("source", order.source, 2000)
        if not source:
            raise BadInput(field="source", reason="say where it is known from")
        async with self._parts.database.transaction() as session:
            case = await require_case(session, actor, case_id, "write")
            for entity_id in (order.from_id, order.to_id):
                await _entity(session, case, entity_id)
            relation = Relation(
                case_id=case.id,
                kind=order.kind,
                from_id=order.from_id,
                to_id=order.to_id,
                source=source,
                confidence=order.confidence,
                author_id=actor.operator_id,
                created_at=self._parts.clock.now(),
            )
            session.add(relation)
        return relation

    async def withdraw_relation(self, actor: OperatorActor, case_id: uuid.UUID, relation_id: uuid.UUID) -> None:
        """The relation is no longer said; the row stays. Raises: Forbidden; NotFound; CaseClosed."""
        async with self._parts.database.transaction() as session:
            case = await require_case(session, actor, case_id, "write")
            relation = await session.get(Relation, relation_id, with_for_update=True)
            if relation is None or relation.case_id != case.id:
                raise NotFound(kind="relation", id=str(relation_id))
            relation.withdrawn_at = relation.withdrawn_at or self._parts.clock.now()

    async def measure(self, actor: OperatorActor, case_id: uuid.UUID, order: MetricOrder) -> Metric:
        """The metric. A source capture must be an exhibit of the case. Raises: Forbidden; NotFound; CaseClosed; BadInput."""
        if not 0 <= order.low <= order.high <= MOST:
            raise BadInput(field="high", reason="a range goes from low to high, from 0 on")
        async with self._parts.database.transaction() as session:
            case = await require_case(session, actor, case_id, "write")
            await _entity(session, case, order.entity_id)
            if order.source_capture is not None:
                shown = select(Exhibit.number).where(Exhibit.case_id == case.id, Exhibit.capture_id == order.source_capture)
                if (await session.exec(shown)).first() is None:
                    raise NotFound(kind="exhibit", id=order.source_capture[:64])
            metric = Metric(
                case_id=case.id,
                entity_id=order.entity_id,
                low=order.low,
                high=order.high,
                as_of=order.as_of,
                claimed_by=short_line("claimed_by", order.claimed_by, 80),
                source_capture=order.source_capture,
                author_id=actor.operator_id,
                created_at=self._parts.clock.now(),
                name=one_line("name", order.name, 40),
                unit=one_line("unit", order.unit, 40),
                window=one_line("window", order.window, 80),
                method=one_line("method", order.method, 200),
            )
            session.add(metric)
        return metric


async def _entity(session: AsyncSession, case: CaseFile, entity_id: uuid.UUID) -> Entity:
    entity = await session.get(Entity, entity_id)
    if entity is None or entity.case_id != case.id:
        raise NotFound(kind="entity", id=str(entity_id))
    return entity
