"""What the capture services are made of. Chosen in server/composition.py, shared, never replaced."""

from dataclasses import dataclass

from server.clock import Clock
from server.custody.service import CustodyService
from server.db import Database
from server.jobs import Jobs
from server.operators.service import OperatorService
from server.settings import Settings
from server.transparency.log import Log
from storage.blobs import BlobStore
from storage.spool import Spool


@dataclass(frozen=True)
class CaptureParts:
    """`blobs` holds evidence, `working` holds working copies: two stores, so that nothing derived can stand beside evidence."""

    database: Database
    clock: Clock
    settings: Settings
    operators: OperatorService
    custody: CustodyService
    log: Log
    blobs: BlobStore
    working: BlobStore
    spool: Spool
    jobs: Jobs


CHECK_TASK = "check_capture"
READ_TASK = "read_capture_text"
INDEX_TASK = "index_capture"
"""The floor of images runs this one: captures only queue it when they are sealed."""
