"""What the export service is made of. Chosen in server/composition.py."""

from dataclasses import dataclass
from pathlib import Path

from server.clock import Clock
from server.custody.service import CustodyService
from server.custody.stamping import StampService
from server.db import Database
from server.jobs import Jobs
from server.settings import Settings
from server.transparency.log import Log
from server.trust.policy import Policy
from storage.blobs import BlobStore

EXPORT_TASK = "make_export"
CASE_EXPORT_TASK = "make_case_export"


@dataclass(frozen=True)
class ExportParts:
    """`blobs` holds evidence; finished bundles go to `working`, as they can be made again; `scratch` is where one is written."""

    database: Database
    clock: Clock
    settings: Settings
    custody: CustodyService
    log: Log
    stamping: StampService
    blobs: BlobStore
    working: BlobStore
    scratch: Path
    jobs: Jobs
    policy: Policy
