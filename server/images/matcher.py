"""Each organisation's pictures in RAM: loaded once, then appended to from the rows, so that what one process read all can match.

Two organisations never share an index: what is not theirs cannot be found, and costs no time that could be measured.
"""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select as rows_of
from sqlmodel import col, select

from server.db import Database, among
from server.images.models import Copy, Image, Reading, Sighting
from server.images.store import ImageRows
from server.media.gallery import Gallery, Ranking
from server.media.look import Look, from_bytes

BATCH = 200
CHUNK = 16_384
AT_ONCE = 1_000
LOOKS_KEPT = 512
SCREENSHOT = "screenshot"
Numbers = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Candidates:
    """The pictures of an index by their nearness to one look. Places in `image_ids`, `is_shot` and `is_hidden` are the gallery's
    numbers. What is hidden is as if it were not there: it is not counted, and takes no place among the nearest."""

    ranking: Ranking | None
    image_ids: Numbers
    is_shot: Flags
    is_hidden: Flags

    def __len__(self) -> int:
        return int(np.count_nonzero(~self.is_hidden))

    def without(self, image_ids: Collection[int]) -> Candidates:
        """The same with these images hidden."""
        return replace(self, is_hidden=np.isin(self.image_ids, list(image_ids))) if image_ids else self

    def only(self, image_ids: Collection[int]) -> Candidates:
        """The same with every other image hidden."""
        return replace(self, is_hidden=~np.isin(self.image_ids, list(image_ids)))

    def hidden(self) -> list[int]:
        """Image ids of what is hidden."""
        return list(self.image_ids[self.is_hidden].tolist())

    def pictures(self, passed_over: Collection[int] = ()) -> list[int]:
        """Image ids of files and crops worth judging, the likeliest first, but for those passed over."""
        return self._best(self.is_shot | np.isin(self.image_ids, list(passed_over)) if passed_over else self.is_shot)

    def screenshots(self) -> list[int]:
        """The same of whole screenshots: apart, because the shots of one page would crowd out every picture."""
        return self._best(~self.is_shot) if self.is_shot.any() else []

    def near(self, limit: int) -> list[int]:
        """Image ids with a code within 31 bits of one of the look's, in any of its eight turns, nearest first; exact."""
        if self.ranking is None:
            return []
        within = np.array(self.ranking.near(len(self.image_ids)), np.int64)
        return list(self.image_ids[within[~self.is_hidden[within]][:limit]].tolist())

    def within(self) -> dict[int, int]:
        """Distance in bits of every image that near() may name, by image id."""
        if self.ranking is None:
            return {}
        numbers = self.ranking.near(len(self.image_ids))
        return dict(zip(self.image_ids[numbers].tolist(), self.ranking.nearest[numbers].tolist(), strict=True))

    def _best(self, passed_over: Flags) -> list[int]:
        return [] if self.ranking is None else self.image_ids[self.ranking.best(passed_over | self.is_hidden)].tolist()


@dataclass(frozen=True)
class _Row:
    """A reading as the index takes it up."""

    reading_id: int
    image_id: int
    kind: str
    indexed: bytes
    is_seen: bool


@dataclass
class _Shelf:
    """One organisation's index: numbers of the gallery stand for the images in `image_ids`. The lock guards all of it but
    `unseen`, which stays in the event loop's thread.

    unseen: images that no capture was known to show when they were last asked about; sightings stay, so none comes back.
    """

    gallery: Gallery = field(default_factory=Gallery)
    image_ids: Numbers = field(default_factory=lambda: np.empty(256, np.int64))
    is_shot: Flags = field(default_factory=lambda: np.empty(256, np.bool_))
    unseen: set[int] = field(default_factory=set)
    last_reading: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    refreshing: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __len__(self) -> int:
        return len(self.gallery)

    def take(self, rows: Sequence[_Row], looks: Sequence[Look]) -> None:
        """Adds the pictures of these rows; many at once when there are many."""
        with self.lock:
            start, end = len(self.gallery), len(self.gallery) + len(rows)
            if end > len(self.image_ids):  # what was handed out keeps the old arrays
                self.image_ids = np.concatenate((self.image_ids, np.empty(end, np.int64)))
                self.is_shot = np.concatenate((self.is_shot, np.empty(end, np.bool_)))
            self.image_ids[start:end] = [row.image_id for row in rows]
            self.is_shot[start:end] = [row.kind == SCREENSHOT for row in rows]
            if len(rows) >= AT_ONCE:
                self.gallery.add_all(looks)
            else:
                for look in looks:
                    self.gallery.add(look)
            self.last_reading = rows[-1].reading_id

    def candidates(self, look: Look) -> Candidates:
        """What the index holds, by its nearness to the look."""
        with self.lock:
            count = len(self.gallery)
            ranking = self.gallery.ranking(look) if count else None
            return Candidates(ranking, self.image_ids[:count], self.is_shot[:count], np.zeros(count, np.bool_))


class Matcher:
    """Candidates among the pictures that the present pipeline has read. One per process; the rows are the truth."""

    def __init__(self, database: Database, rows: ImageRows) -> None:
        self._database = database
        self._rows = rows
        self._shelves: dict[UUID, _Shelf] = {}
        self._looks: OrderedDict[tuple[UUID, int], Look] = OrderedDict()

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
            rows: list[_Row] = []
            looks: list[Look] = []
            after = shelf.last_reading
            while True:
                batch = await self._read_after(organisation_id, after)
                looks += await asyncio.to_thread(_looks_of, [row.indexed for row in batch])
                rows += batch
                shelf.unseen.update(row.image_id for row in batch if not row.is_seen)  # before anybody can find them
                if rows and (len(batch) < BATCH or len(rows) >= CHUNK):
                    await asyncio.to_thread(shelf.take, rows, looks)
                    rows, looks = [], []
                if len(batch) < BATCH:
                    return len(shelf)
                after = batch[-1].reading_id

    def loaded(self, organisation_id: UUID) -> int:
        """How many pictures of the organisation are in the index now; nothing is read for it."""
        shelf = self._shelves.get(organisation_id)
        return 0 if shelf is None else len(shelf)

    async def candidates(self, organisation_id: UUID, look: Look) -> Candidates:
        """What is worth judging; refresh() comes first."""
        await self.refresh(organisation_id)
        return await asyncio.to_thread(self._shelves[organisation_id].candidates, look)

    async def unseen(self, organisation_id: UUID) -> list[int]:
        """The images of the index that no capture shows: those of files made elsewhere, and those that are being read."""
        shelf = self._shelves.get(organisation_id)
        asked = sorted(shelf.unseen) if shelf is not None else []
        if shelf is None or not asked:
            return []
        wanted = select(Sighting.image_id).where(
            Sighting.organisation_id == organisation_id, among(col(Sighting.image_id), asked)
        )
        async with self._database.session() as session:
            shelf.unseen.difference_update((await session.exec(wanted.distinct())).all())
        return sorted(shelf.unseen)

    async def looks(self, organisation_id: UUID, image_ids: Sequence[int]) -> dict[int, Look]:
        """The whole looks of these images of the organisation; those without one are absent. The last LOOKS_KEPT stay in RAM."""
        found: dict[int, Look] = {}
        for one in dict.fromkeys(image_ids):
            look = self._looks.get((organisation_id, one))
            if look is not None:
                self._looks.move_to_end((organisation_id, one))
                found[one] = look
        missing = [one for one in dict.fromkeys(image_ids) if one not in found]
        pipeline = await self._rows.pipeline()
        for start in range(0, len(missing), BATCH):
            wanted = (
                select(Reading.image_id, Copy.look)
                .join(Copy, col(Copy.reading_id) == col(Reading.id))
                .where(
                    Reading.organisation_id == organisation_id,
                    Reading.pipeline_id == pipeline,
                    among(col(Reading.image_id), missing[start : start + BATCH]),
                )
            )
            async with self._database.session() as session:
                stored = (await session.exec(wanted)).all()
            read = await asyncio.to_thread(_looks_of, [bytes(data) for _, data in stored])
            for (image_id, _), look in zip(stored, read, strict=True):
                found[image_id] = self._looks[organisation_id, image_id] = look
        while len(self._looks) > LOOKS_KEPT:
            self._looks.popitem(last=False)
        return {one: found[one] for one in dict.fromkeys(image_ids) if one in found}

    async def _read_after(self, organisation_id: UUID, last_reading: int) -> list[_Row]:
        """The next readings, BATCH of them at most."""
        seen = select(Sighting.id).where(Sighting.organisation_id == organisation_id, Sighting.image_id == Reading.image_id)
        wanted = (
            rows_of(col(Reading.id), col(Reading.image_id), col(Image.kind), col(Copy.indexed), seen.exists())
            .join(Copy, col(Copy.reading_id) == col(Reading.id))
            .join(Image, col(Image.id) == col(Reading.image_id))
            .where(
                col(Reading.organisation_id) == organisation_id,
                col(Reading.pipeline_id) == await self._rows.pipeline(),
                col(Reading.id) > last_reading,
            )
            .order_by(col(Reading.id))
            .limit(BATCH)
        )
        async with self._database.session() as session:
            rows = (await (await session.connection()).execute(wanted)).all()
        return [_Row(row[0] or 0, row[1], row[2], bytes(row[3]), row[4]) for row in rows]


def _looks_of(stored: Sequence[bytes]) -> list[Look]:
    return [from_bytes(data) for data in stored]
