"""Each organisation's pictures in RAM: loaded once, then appended to from the rows, so that what one process read all can match.

Two organisations never share an index: what is not theirs cannot be found, and costs no time that could be measured.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlmodel import col, select

from server.db import Database
from server.images.models import Copy, Image, Reading
from server.images.store import ImageRows
from server.media.gallery import Gallery, Ranking
from server.media.look import Look, from_bytes

logger = logging.getLogger(__name__)
BATCH = 200
LOOKS_KEPT = 512
SCREENSHOT = "screenshot"


@dataclass(frozen=True)
class Candidates:
    """The pictures of an index by their nearness to one look. Places in `image_ids` are the gallery's numbers."""

    ranking: Ranking | None
    image_ids: tuple[int, ...]
    shots: frozenset[int]

    def pictures(self, passed_over: Collection[int] = ()) -> list[int]:
        """Image ids of files and crops worth judging, the likeliest first, but for those passed over."""
        return self._best([*self.shots, *(number for number, one in enumerate(self.image_ids) if one in passed_over)])

    def screenshots(self) -> list[int]:
        """The same of whole screenshots: apart, because the shots of one page would crowd out every picture."""
        return self._best([number for number in range(len(self.image_ids)) if number not in self.shots]) if self.shots else []

    def _best(self, passed_over: Sequence[int]) -> list[int]:
        return [] if self.ranking is None else [self.image_ids[number] for number in self.ranking.best(passed_over)]


@dataclass
class _Shelf:
    """One organisation's index: numbers of the gallery stand for the images in `image_ids`. The lock guards both."""

    gallery: Gallery = field(default_factory=Gallery)
    image_ids: list[int] = field(default_factory=list)
    kinds: dict[int, str] = field(default_factory=dict)
    last_reading: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    refreshing: asyncio.Lock = field(default_factory=asyncio.Lock)


class Matcher:
    """Candidates among the pictures that the present pipeline has read. One per process; the rows are the truth."""

    def __init__(self, database: Database, rows: ImageRows) -> None:
        self._database = database
        self._rows = rows
        self._shelves: dict[UUID, _Shelf] = {}
        self._looks: OrderedDict[int, Look] = OrderedDict()

    async def warm(self) -> None:
        """Loads every organisation's pictures: what a new process does first."""
        pipeline = await self._rows.pipeline()
        async with self._database.session() as session:
            wanted = select(Reading.organisation_id).where(Reading.pipeline_id == pipeline).distinct()
            organisations = (await session.exec(wanted)).all()
        for organisation_id in organisations:
            await self.refresh(organisation_id)

    async def refresh(self, organisation_id: UUID) -> int:
        """Takes up what was read since the last call, by whichever process; how many pictures the index has now."""
        shelf = self._shelves.setdefault(organisation_id, _Shelf())
        async with shelf.refreshing:
            while await self._append(organisation_id, shelf):
                pass
        return len(shelf.image_ids)

    async def candidates(self, organisation_id: UUID, look: Look) -> Candidates:
        """What is worth judging; refresh() comes first."""
        await self.refresh(organisation_id)
        shelf = self._shelves[organisation_id]

        def find() -> Candidates:
            with shelf.lock:
                ids = tuple(shelf.image_ids)
                shots = frozenset(number for number, image_id in enumerate(ids) if shelf.kinds[image_id] == SCREENSHOT)
                return Candidates(shelf.gallery.ranking(look) if ids else None, ids, shots)

        return await asyncio.to_thread(find)

    async def looks(self, organisation_id: UUID, image_ids: Sequence[int]) -> dict[int, Look]:
        """The whole looks of these images of the organisation; those without one are absent."""
        found = {one: self._looks[one] for one in image_ids if one in self._looks}
        missing = [one for one in dict.fromkeys(image_ids) if one not in found]
        pipeline = await self._rows.pipeline()
        for start in range(0, len(missing), BATCH):
            wanted = (
                select(Reading.image_id, Copy.look)
                .join(Copy, col(Copy.reading_id) == col(Reading.id))
                .where(
                    Reading.organisation_id == organisation_id,
                    Reading.pipeline_id == pipeline,
                    col(Reading.image_id).in_(missing[start : start + BATCH]),
                )
            )
            async with self._database.session() as session:
                rows = (await session.exec(wanted)).all()
            for image_id, data in rows:
                found[image_id] = self._looks[image_id] = await asyncio.to_thread(from_bytes, bytes(data))
        while len(self._looks) > LOOKS_KEPT:
            self._looks.popitem(last=False)
        return found

    async def _append(self, organisation_id: UUID, shelf: _Shelf) -> bool:
        """One batch; True when there may be more."""
        wanted = (
            select(Reading.id, Reading.image_id, Image.kind, Copy.indexed)
            .join(Copy, col(Copy.reading_id) == col(Reading.id))
            .join(Image, col(Image.id) == col(Reading.image_id))
            .where(
                Reading.organisation_id == organisation_id,
                Reading.pipeline_id == await self._rows.pipeline(),
                col(Reading.id) > shelf.last_reading,
            )
            .order_by(col(Reading.id))
            .limit(BATCH)
        )
        async with self._database.session() as session:
            rows = [(row[0], row[1], row[2], bytes(row[3])) for row in (await session.exec(wanted)).all()]

        def add() -> None:
            for reading_id, image_id, kind, data in rows:
                look = from_bytes(data)
                with shelf.lock:
                    shelf.gallery.add(look)
                    shelf.image_ids.append(image_id)
                    shelf.kinds[image_id] = kind
                    shelf.last_reading = reading_id or 0

        if rows:
            await asyncio.to_thread(add)
        return len(rows) == BATCH
