"""How far a search by picture reaches right now: what of the index is in this process, what is not read yet."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func
from sqlmodel import col, select

from server.captures.models import Capture, CaptureState
from server.db import Database
from server.images.matcher import Matcher
from server.images.models import Copy, Indexing, Reading
from server.images.store import ImageRows
from server.images.warming import Warming, Warmth
from server.operators.actors import OperatorActor
from server.operators.rights import own_rows

COUNTED_TO = 1_000


@dataclass(frozen=True)
class IndexState:
    """warmth: of this process. percent: of the organisation's pictures, how many are in its memory, rounded down; 100 once it is
    ready.

    unread: sealed captures whose pictures the present pipeline has not read: no search looks at them. More than `counted_to` are
    not counted.
    """

    warmth: Warmth
    percent: int
    unread: int
    counted_to: int


class IndexStates:
    """Asked for a page; nothing is waited for."""

    def __init__(self, database: Database, rows: ImageRows, matcher: Matcher, warming: Warming) -> None:
        self._database = database
        self._rows = rows
        self._matcher = matcher
        self._warming = warming

    async def of(self, actor: OperatorActor) -> IndexState:
        """The state for this person's organisation. Not counted: files made elsewhere that wait to be read."""
        pipeline, warmth = await self._rows.pipeline(), self._warming.state
        read = select(Indexing.capture_id).where(Indexing.capture_id == Capture.capture_id, Indexing.pipeline_id == pipeline)
        waiting = (
            select(Capture.capture_id)
            .where(own_rows(actor, Capture.organisation_id), Capture.state == CaptureState.SEALED, ~read.exists())
            .limit(COUNTED_TO + 1)
        )
        held = (
            select(func.count())
            .select_from(Reading)
            .join(Copy, col(Copy.reading_id) == col(Reading.id))
            .where(own_rows(actor, Reading.organisation_id), Reading.pipeline_id == pipeline)
        )
        async with self._database.session() as session:
            unread = (await session.exec(select(func.count()).select_from(waiting.subquery()))).one()
            total = 0 if warmth == "ready" else (await session.exec(held)).one()
        loaded = self._matcher.loaded(actor.organisation_id)
        return IndexState(warmth, min(100, loaded * 100 // total) if total else 100, unread, COUNTED_TO)
