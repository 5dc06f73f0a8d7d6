"""What the services of handing over are made of. Chosen in server/composition.py."""

from dataclasses import dataclass

from server.clock import Clock
from server.custody.service import CustodyService
from server.db import Database
from server.exports.case_service import CaseExportService
from storage.blobs import BlobStore


@dataclass(frozen=True)
class HandoverParts:
    """`blobs` holds evidence, `working` finished exports, masked copies and lists of changes."""

    database: Database
    clock: Clock
    custody: CustodyService
    case_exports: CaseExportService
    blobs: BlobStore
    working: BlobStore
