"""What the image services are made of, and the names of their jobs."""

from dataclasses import dataclass

from server.captures.parts import INDEX_TASK
from server.clock import Clock
from server.custody.service import CustodyService
from server.db import Database
from server.images.reader import PictureReader
from server.jobs import Jobs
from storage.blobs import BlobStore

__all__ = ["GROUP_TASK", "INDEX_TASK", "ImageParts"]

GROUP_TASK = "group_images"


@dataclass(frozen=True)
class ImageParts:
    """`blobs` holds the evidence that pictures are read from; `reader` decodes them in processes of their own."""

    database: Database
    clock: Clock
    custody: CustodyService
    blobs: BlobStore
    jobs: Jobs
    reader: PictureReader
