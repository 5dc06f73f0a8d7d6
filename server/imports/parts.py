"""What taking in is made of."""

from dataclasses import dataclass
from pathlib import Path

from server.captures.parts import CaptureParts
from server.cases.parts import CaseParts
from server.clock import Clock
from server.custody.service import CustodyService
from server.db import Database
from server.images.service import ImageService
from server.jobs import Jobs
from server.transparency.log import Log
from storage.blobs import BlobStore

IMPORT_TASK = "import_table"
UNDO_TASK = "undo_import"
DEPOSIT_TASK = "check_deposit"
JUDGE_TASK = "judge_posts"


@dataclass(frozen=True)
class ImportParts:
    """Adapters of the domain. `scratch`: a folder for files while they are read. `has_tsa`: whether stamps will come."""

    database: Database
    clock: Clock
    custody: CustodyService
    log: Log
    blobs: BlobStore
    jobs: Jobs
    images: ImageService
    scratch: Path
    has_tsa: bool

    @classmethod
    def of(cls, captures: CaptureParts, images: ImageService) -> "ImportParts":
        """The same adapters that captures have."""
        return cls(
            database=captures.database,
            clock=captures.clock,
            custody=captures.custody,
            log=captures.log,
            blobs=captures.blobs,
            jobs=captures.jobs,
            images=images,
            scratch=captures.settings.data_dir / "scratch",
            has_tsa=bool(captures.settings.tsas),
        )

    @property
    def cases(self) -> CaseParts:
        """What the functions of cases ask for."""
        return CaseParts(self.database, self.clock, self.custody)
