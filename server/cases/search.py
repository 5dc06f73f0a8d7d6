"""Searching a case: all words, folded for case, diacritics and Cyrillic, in notes, exhibits, entities, moments and findings."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.cases.folding import fold
from server.cases.models import CaseFile, CaseText
from server.cases.parts import CaseParts
from server.cases.scope import require_case
from server.operators.actors import OperatorActor

WORDS_LIMIT = 10
HITS_LIMIT = 100
KINDS = ("note", "exhibit", "entity", "moment", "finding", "deposit")


@dataclass(frozen=True)
class Hit:
    """One thing that matches: `ref` is its id (a capture id for an exhibit), `label` what to show."""

    kind: str
    ref: str
    label: str


class CaseSearch:
    """What is in a case the actor may see."""

    def __init__(self, parts: CaseParts) -> None:
        self._parts = parts

    async def search(self, actor: OperatorActor, case_id: uuid.UUID, text: str, *, kind: str = "") -> list[Hit]:
        """Things in which every word occurs (as part of a word too), newest first, at most HITS_LIMIT. Raises: Forbidden;
        NotFound."""
        words = fold(text).split()[:WORDS_LIMIT]
        async with self._parts.database.session() as session:
            case = await require_case(session, actor, case_id, "read")
            wanted = select(CaseText).where(CaseText.case_id == case.id)
            for word in words:
                wanted = wanted.where(col(CaseText.folded).contains(word, autoescape=True))
            if kind in KINDS:
                wanted = wanted.where(CaseText.kind == kind)
            rows = (await session.exec(wanted.order_by(col(CaseText.created_at).desc()).limit(HITS_LIMIT))).all() if words else []
        return [Hit(row.kind, row.ref, row.label) for row in rows]


async def keep_text(
    session: AsyncSession, case: CaseFile, what: tuple[str, str, str], texts: tuple[str, ...], at: datetime
) -> None:
    """The texts of one thing (kind, ref, label) as what is searched from now on; what was kept of it before is replaced."""
    kind, ref, label = what
    known = select(CaseText).where(CaseText.case_id == case.id, CaseText.kind == kind, CaseText.ref == ref)
    for row in (await session.exec(known)).all():
        await session.delete(row)
    folded = fold(" ".join(texts))
    session.add(CaseText(case_id=case.id, kind=kind, ref=ref, label=label[:500], folded=folded, created_at=at))
