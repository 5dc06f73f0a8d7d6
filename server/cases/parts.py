"""What case work is made of."""

from dataclasses import dataclass

from server.clock import Clock
from server.custody.service import CustodyService
from server.db import Database


@dataclass(frozen=True)
class CaseParts:
    """Adapters of the domain."""

    database: Database
    clock: Clock
    custody: CustodyService
