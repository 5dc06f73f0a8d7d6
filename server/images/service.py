"""The services of images, as the layers above use them."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from server.images.adopting import Adopting
from server.images.checking import ImageCheck
from server.images.clustering import Clustering
from server.images.counting import Counting
from server.images.decisions import Decisions
from server.images.embedding import Embedder
from server.images.indexing import Indexer
from server.images.matcher import Matcher
from server.images.origin import Origins
from server.images.overlaying import Overlaying
from server.images.parts import ImageParts
from server.images.reader import PictureReader
from server.images.reading import ImageReads
from server.images.searching import ImageSearch
from server.images.sheets import Sheets
from server.images.state import IndexStates
from server.images.store import ImageRows
from server.images.warming import Warming

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ImageService:
    """One object per act: index a capture → group → read, count, decide; search by picture.

    reads: images, sightings, thumbnails, clusters. origins: what files say of themselves.
    indexer, clustering: the jobs. adopting: pictures of files made elsewhere.
    checking: whether memory, tables and log agree. warming: what a new process loads. states: how far a search reaches.
    """

    indexer: Indexer
    clustering: Clustering
    matcher: Matcher
    reads: ImageReads
    origins: Origins
    overlays: Overlaying
    search: ImageSearch
    decisions: Decisions
    counting: Counting
    sheets: Sheets
    reader: PictureReader
    adopting: Adopting
    checking: ImageCheck
    warming: Warming
    states: IndexStates

    async def catch_up(self) -> None:
        """What a new worker does first: queues what the present pipeline has not read, and groups of older rules."""
        queued = await self.indexer.queue_missing()
        organisations = await self.clustering.queue_all()
        if queued or organisations:
            logger.info("images.catching_up", extra={"captures": queued, "organisations": organisations})

    @classmethod
    def of(cls, parts: ImageParts, embedder: Embedder | None = None, anchors: str | None = None) -> ImageService:
        """All of them over the same parts. anchors: trusted roots of Content Credentials, PEM."""
        rows = ImageRows(parts.database, parts.clock, embedder)
        matcher = Matcher(parts.database, rows)
        clustering = Clustering(parts, rows, matcher)
        origins = Origins(parts.database, parts.clock, parts.reader, anchors)
        indexer = Indexer(parts, rows, origins)
        warming = Warming(matcher, parts.reader)
        return cls(
            indexer=indexer,
            clustering=clustering,
            matcher=matcher,
            reads=ImageReads(parts.database, rows),
            origins=origins,
            overlays=Overlaying(matcher),
            search=ImageSearch(parts, rows, matcher, embedder),
            decisions=Decisions(parts, clustering),
            counting=Counting(parts.database, parts.clock),
            sheets=Sheets(parts),
            reader=parts.reader,
            adopting=Adopting(parts, rows, indexer),
            checking=ImageCheck(parts, rows, matcher, clustering),
            warming=warming,
            states=IndexStates(parts.database, rows, matcher, warming),
        )
