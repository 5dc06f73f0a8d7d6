"""Taking in the rows of a table: in batches, each one transaction that also moves the position. Killed, it goes on there.

No row twice, none lost: a batch is written only while the stored position is the one the batch begins at.
"""

import asyncio
import logging
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.cases.models import CaseFile, CaseState
from server.cases.recording import record
from server.errors import BadInput
from server.imports.errors import FileRefused
from server.imports.files import fetched
from server.imports.models import ImportState, TableImport
from server.imports.options import ImportOptions, parse_options
from server.imports.parts import ImportParts
from server.imports.rows import RowReader
from server.imports.said import Problem, ReadRow, RowRefused
from server.imports.tables import Row, open_rows, stored_layout
from server.imports.writing import Batch, BatchWriter
from server.operators.models import Operator
from server.operators.service import operator_actor
from storage.errors import StorageError

logger = logging.getLogger(__name__)
BATCH_ROWS = 1000
BATCH_CHARS = 4 << 20
"""A batch also ends here: a workbook can show one long text in every cell."""
GOING = (ImportState.QUEUED, ImportState.RUNNING)


class TableRunner:
    """Runs an import to its end: `done`, or `failed` with a reason; a cancelled one stops after its batch."""

    def __init__(self, parts: ImportParts, *, batch_rows: int = BATCH_ROWS) -> None:
        self._parts = parts
        self._batch_rows = batch_rows

    async def run(self, import_id: uuid.UUID) -> ImportState:
        """The state reached. Safe to run again, and in two workers at once. Raises: only what is no outcome (the database)."""
        found = await self._begin(import_id)
        if found.state != ImportState.RUNNING:
            return ImportState(found.state)
        try:
            async with fetched(self._parts, found.organisation_id, found.sha256, found.size_bytes) as path:
                return await self._take(found, path)
        except FileRefused as refused:
            return await self.fail(import_id, str(refused.data["reason"]))
        except BadInput as refused:
            return await self.fail(import_id, str(refused.data["reason"]))
        except (StorageError, OSError) as error:
            return await self.fail(import_id, f"storage: {type(error).__name__}")

    async def fail(self, import_id: uuid.UUID, reason: str) -> ImportState:
        """Ends the attempt; what was taken stays, and the import can be continued or undone."""
        async with self._parts.database.transaction() as session:
            found = await locked_import(session, import_id)
            if found.state in GOING:
                found.state, found.reason, found.finished_at = ImportState.FAILED, reason[:1000], self._parts.clock.now()
            return ImportState(found.state)

    async def _begin(self, import_id: uuid.UUID) -> TableImport:
        async with self._parts.database.transaction() as session:
            found = await locked_import(session, import_id)
            if found.state in GOING:
                found.state, found.reason = ImportState.RUNNING, ""
                found.started_at = found.started_at or self._parts.clock.now()
        return found

    async def _take(self, found: TableImport, path: Path) -> ImportState:
        header, layout = tuple(found.header), stored_layout(found.layout)
        options = parse_options(found.options)
        reader = RowReader(header, found.mapping, options, counts_cells=layout.format == "csv")
        position = found.position
        with open_rows(path, layout, header) as rows:
            if layout.format != "jsonl":
                await asyncio.to_thread(next, rows)
            while True:
                read = await asyncio.to_thread(_next_batch, rows, reader, (position, self._batch_rows))
                state = await self._write(found.id, options, read)
                if state != ImportState.RUNNING:
                    return state
                position = read.last

    async def _write(self, import_id: uuid.UUID, options: ImportOptions, read: "_Read") -> ImportState:
        """Writes the batch if nobody else did; the state afterwards (`done` when the file has ended)."""
        async with self._parts.database.transaction() as session:
            found = await locked_import(session, import_id)
            case = await session.get_one(CaseFile, found.case_id)
            if found.state != ImportState.RUNNING:
                return ImportState(found.state)
            if found.position != read.first:  # another worker has taken over: it goes on, this one ends
                logger.info("imports.taken_over", extra={"import": str(import_id)})
                return ImportState.QUEUED
            if case.state == CaseState.CLOSED:
                found.state, found.reason = ImportState.FAILED, "the case was closed"
                return ImportState.FAILED
            made = await BatchWriter(session, found, options, self._parts.clock.now()).write(read.batch)
            found.position = read.last
            found.rows_taken += len(read.batch.taken)
            found.rows_refused += len(read.batch.refused)
            found.things_made += made
            if read.is_end:
                await self._finish(session, case, found)
            return ImportState(found.state)

    async def _finish(self, session: AsyncSession, case: CaseFile, found: TableImport) -> None:
        found.state, found.finished_at = ImportState.DONE, self._parts.clock.now()
        details: dict[str, object] = {
            "import": found.number,
            "fileSha256": found.sha256,
            "rowsTaken": found.rows_taken,
            "rowsRefused": found.rows_refused,
            "made": found.things_made,
        }
        author = operator_actor(await session.get_one(Operator, found.author_id))
        await record(self._parts.cases, session, author, case, ("case.imported", details))


@dataclass(frozen=True)
class _Read:
    """A batch with the positions before and behind it. `is_end`: nothing follows."""

    batch: Batch
    first: int
    last: int
    is_end: bool


def _next_batch(rows: Iterator[Row], reader: RowReader, place: tuple[int, int]) -> _Read:
    position, size = place
    first, last = position, position
    taken: list[tuple[int, ReadRow]] = []
    refused: list[tuple[int, tuple[Problem, ...]]] = []
    chars = 0
    for number, cells in rows:
        if number <= first:
            continue
        last = number
        try:
            row = reader.read(cells)
            taken.append((number, row))
            chars += sum(map(len, row.facts.values()))
        except RowRefused as error:
            refused.append((number, error.problems))
        if len(taken) + len(refused) >= size or chars >= BATCH_CHARS:
            return _Read(_doubted(reader, taken, refused), first, last, is_end=False)
    return _Read(_doubted(reader, taken, refused), first, last, is_end=True)


def _doubted(reader: RowReader, taken: list[tuple[int, ReadRow]], refused: list[tuple[int, tuple[Problem, ...]]]) -> Batch:
    return Batch([(number, reader.doubted(row)) for number, row in taken], refused)


async def locked_import(session: AsyncSession, import_id: uuid.UUID) -> TableImport:
    """The import, after its case is locked: rows of one case are written one batch after the other, so no two wait in a ring."""
    wanted = select(CaseFile.id).join(TableImport).where(TableImport.id == import_id)
    await session.exec(wanted.with_for_update(of=CaseFile))
    return await session.get_one(TableImport, import_id, with_for_update=True, populate_existing=True)
