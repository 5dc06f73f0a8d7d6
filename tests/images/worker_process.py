"""A worker in a process of its own that is killed (-9) with a picture in its hands: read, and not yet kept.

`python -m tests.images.worker_process FOLDER DATABASE_URL PICTURES`: this many are kept before. It does the one job of reading a
capture's pictures, as the service does, and loads nothing of the service's other parts: that would take longer than the test.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

from server.clock import SystemClock
from server.db import Database
from server.images import reader as reading
from server.images.indexing import Indexer
from server.images.origin import Origins
from server.images.parts import INDEX_TASK, ImageParts
from server.images.reader import PictureReader
from server.images.store import ImageRows, KnownImage
from server.jobs import Jobs
from storage.local import LocalBlobStore


class DyingRows(ImageRows):
    """From the picture after the last one on nothing is kept: the kernel ends this process where it would be."""

    pictures_left = 0

    async def keep(self, *arguments: Any) -> KnownImage:
        if self.pictures_left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self.pictures_left -= 1
        return await super().keep(*arguments)


async def main(folder: str, database_url: str, pictures: str) -> None:
    reading.NICENESS = 0
    database, clock, jobs, reader = Database(database_url), SystemClock(), Jobs(database_url), PictureReader(processes=1)
    rows = DyingRows(database, clock)
    rows.pictures_left = int(pictures)
    blobs = LocalBlobStore(Path(folder) / "data" / "blobs")
    parts = ImageParts(database, clock, None, blobs, jobs, reader)  # type: ignore[arg-type]  # reading logs no event
    indexer = Indexer(parts, rows, Origins(database, clock, reader, None))

    @jobs.task(INDEX_TASK)
    async def index_capture(capture_id: str) -> None:
        await indexer.run(capture_id)

    async with jobs.app.open_async():
        await jobs.run_worker()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
