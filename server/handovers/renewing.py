"""Links that still hand out a masked copy although a newer one of the same picture was made; giving the newer one instead.

What a link gives is frozen. Nothing here changes it but a person, one link at a time, and the link's chain says so.
"""

import uuid
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace

from sqlalchemy import or_, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.captures.scope import require_capture
from server.captures.sharing import Exhibit
from server.db import run_sql
from server.errors import BadInput
from server.exports.case_models import CaseExport
from server.handovers.errors import HandoverRefused
from server.handovers.judging import kept_back, state_of
from server.handovers.models import Handover, HandoverKind, HandoverState, HandoverVisit
from server.handovers.parts import HandoverParts
from server.handovers.recording import record, record_in_capture
from server.handovers.scope import require_link, visible_links
from server.handovers.things import HandedFile, files_of, files_text, sha256_of
from server.operators.actors import OperatorActor
from server.operators.standing import demand_now

ENDED = (HandoverState.REVOKED, HandoverState.EXPIRED)
_SUPERSEDED = """
WITH given AS (
  SELECT h.id, h.organisation_id, h.capture_id, f->>'name' AS name, f->>'sha256' AS sha256, f->>'masked_of' AS original
  FROM handover h, jsonb_array_elements(h.files) f
  WHERE h.id = ANY(:links) AND h.capture_id IS NOT NULL AND f->>'masked_of' IS NOT NULL
  UNION ALL
  SELECT h.id, h.organisation_id, x->>'capture_id', m->>'name', m->>'sha256', m->>'of'
  FROM handover h JOIN case_export e ON e.id = h.case_export_id AND e.kind = 'authority',
       jsonb_array_elements(e.content::jsonb->'exhibits') x, jsonb_array_elements(x->'masked') m
  WHERE h.id = ANY(:links)
), known AS (
  SELECT DISTINCT ON (g.id, g.capture_id, g.name) g.*, c.artifact
  FROM given g JOIN masked_copy c ON c.organisation_id = g.organisation_id AND c.capture_id = g.capture_id
    AND c.sha256 = g.sha256 AND c.original_sha256 = g.original AND starts_with(g.name, c.artifact || '.masked')
  ORDER BY g.id, g.capture_id, g.name, length(c.artifact) DESC
)
SELECT k.id, k.name, k.sha256 AS was, n.sha256, n.size_bytes
FROM known k CROSS JOIN LATERAL (
  SELECT c.sha256, c.size_bytes FROM masked_copy c WHERE c.capture_id = k.capture_id AND c.artifact = k.artifact
  ORDER BY c.made_at DESC, c.id LIMIT 1
) n WHERE n.sha256 <> k.sha256 AND k.capture_id = COALESCE(CAST(:capture_id AS text), k.capture_id) ORDER BY k.id, k.name
"""
"""Newest: as server/captures/masked.py says it. A copy made again with the same bytes takes no place."""


@dataclass(frozen=True)
class Superseded:
    """A masked copy that a link gives, by the file's name, and the newer one: SHA-256 of both, and the newer one's size."""

    name: str
    was: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class OldCopies:
    """Links that have not ended and give an older copy than there is: those the person may change, newest first, and how many
    others there are."""

    links: tuple[tuple[Handover, HandoverState], ...]
    others: int


class Renewals:
    """Finding such links and giving the newer copies through them."""

    def __init__(self, parts: HandoverParts) -> None:
        self._parts = parts

    async def of_capture(self, actor: OperatorActor, capture_id: str) -> OldCopies:
        """The links through which older masked copies of this capture's pictures leave. Not looked into: finished files that no
        link leads to, and what was downloaded or sent before. Raises: NotFound.
        """
        now = self._parts.clock.now()
        async with self._parts.database.session() as session:
            capture = await require_capture(session, actor, capture_id)
            cases = select(Exhibit.case_id).where(Exhibit.capture_id == capture.capture_id)
            exports = select(CaseExport.id).where(col(CaseExport.case_id).in_(cases))
            wanted = (
                select(Handover)
                .where(Handover.organisation_id == actor.organisation_id, Handover.expires_at > now)
                .where(col(Handover.revoked_at).is_(None))
                .where(or_(col(Handover.capture_id) == capture.capture_id, col(Handover.case_export_id).in_(exports)))
                .order_by(col(Handover.created_at).desc(), col(Handover.id))
            )
            found = (await session.exec(wanted)).all()
            old = await superseded_in(session, [row.id for row in found], capture.capture_id)
            mine = set((await session.exec(select(Handover.id).where(col(Handover.id).in_(old), visible_links(actor)))).all())
            rows = [row for row in found if row.id in mine]
            kept = await kept_back(session, rows)
        links = tuple((row, state_of(row, now, is_kept_back=row.id in kept)) for row in rows)
        return OldCopies(links, len(old) - len(links))

    async def replace(self, actor: OperatorActor, handover_id: uuid.UUID) -> None:
        """The link gives the newest masked copies from now on; visits under way end. `handover.replaced` names what was and what
        is. Idempotent: where nothing is older, nothing happens.

        Raises: NotFound; BadInput (the link has ended); HandoverRefused (the copies lie in a finished file).
        """
        async with self._parts.database.transaction() as session:
            actor = await demand_now(session, actor)
            row, now = await require_link(session, actor, handover_id, lock=True), self._parts.clock.now()
            if state_of(row, now, is_kept_back=False) in ENDED:
                raise BadInput(field="handover", reason="the link has ended: make another one")
            old = {one.name: one for one in (await superseded_in(session, [row.id])).get(row.id, ())}
            if not old:
                return
            if row.kind != HandoverKind.CAPTURE:
                raise HandoverRefused(reason="the copies lie in a finished file: withdraw the link and make the export again")
            files = tuple(_renewed(one, old) for one in files_of(row))
            row.files, row.files_sha256 = [asdict(one) for one in files], sha256_of(files_text(files))
            under_way = (col(HandoverVisit.handover_id) == row.id, col(HandoverVisit.expires_at) > now)
            await session.exec(update(HandoverVisit).where(*under_way).values(expires_at=now))
            said: dict[str, object] = {
                "files": [{"name": one.name, "was": one.was, "sha256": one.sha256} for one in old.values()]
            }
            await record(session, self._parts.custody, actor, row, ("replaced", said))
            handed: dict[str, object] = {"profile": row.profile, "recipient": row.recipient}
            await record_in_capture(session, self._parts.custody, actor, row, ("capture.handed_over", handed | said))


async def superseded_in(
    session: AsyncSession, handover_ids: Collection[uuid.UUID], capture_id: str | None = None
) -> dict[uuid.UUID, tuple[Superseded, ...]]:
    """Those of the links that give an older masked copy than there is, with what is older: of one capture's pictures, or of all
    they give. One statement for all of them."""
    found: Mapping[uuid.UUID, list[Superseded]] = defaultdict(list)
    asked = {"links": list(handover_ids), "capture_id": capture_id}
    for row in await run_sql(session, _SUPERSEDED, **asked) if handover_ids else ():
        found[row.id].append(Superseded(row.name, row.was, row.sha256, row.size_bytes))
    return {handover_id: tuple(many) for handover_id, many in found.items()}


def _renewed(file: HandedFile, old: Mapping[str, Superseded]) -> HandedFile:
    newer = old.get(file.name) if file.masked_of is not None else None
    return file if newer is None else replace(file, sha256=newer.sha256, size_bytes=newer.size_bytes)
