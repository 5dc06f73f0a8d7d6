"""Imports of tables as people ask for them: upload, look, start, watch, stop, go on, undo. Reading the rows is running.py."""

import asyncio
import hashlib
import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.cases.models import CaseFile
from server.cases.recording import record
from server.cases.scope import require_case
from server.errors import BadInput, Forbidden
from server.imports.checking import DepositChecker
from server.imports.deposits import Deposits
from server.imports.errors import ImportRefused
from server.imports.fields import is_auto_archiver, mapping_problem, suggested
from server.imports.files import clear_scratch, fetched, keep, received
from server.imports.judging import Judgings
from server.imports.models import ImportState, TableImport
from server.imports.options import parse_options
from server.imports.parts import IMPORT_TASK, UNDO_TASK, ImportParts
from server.imports.previewing import first_rows
from server.imports.reading import problems_page, view_of
from server.imports.running import TableRunner
from server.imports.scope import require_part
from server.imports.tables import FILE_LIMIT_BYTES, Layout, Survey, chosen, layout_of, stored_layout, survey
from server.imports.undoing import Undoer
from server.imports.views import ImportView, Plan, Preview, ProblemRow
from server.operators.actors import OperatorActor

LIST_LIMIT = 100
PAGE_ROWS = 1000
STOPPED = (ImportState.CANCELLED, ImportState.FAILED)
ENDED = (ImportState.DONE, *STOPPED)


@dataclass(frozen=True)
class TableFile:
    """A file that somebody sends: its bytes and the name they call it by."""

    source: BinaryIO
    name: str


class ImportService:
    """Everything about what was made elsewhere: tables here, archives in `deposits`."""

    def __init__(self, parts: ImportParts) -> None:
        self._parts = parts
        self.runner = TableRunner(parts)
        self.undoer = Undoer(parts)
        self.deposits = Deposits(parts)
        self.checker = DepositChecker(parts)
        self.judgings = Judgings(parts)

    async def upload(self, actor: OperatorActor, case_id: uuid.UUID, file: TableFile) -> TableImport:
        """The table as a draft: its file kept, its columns read and what they may mean suggested; no row taken yet.

        Raises: Forbidden; NotFound; CaseClosed; BadInput; FileRefused; StorageError.
        """
        async with self._parts.database.transaction() as session:
            organisation_id = (await require_case(session, actor, case_id, "write")).organisation_id
        async with received(self._parts, file.source, file.name, FILE_LIMIT_BYTES) as came:
            layout = await asyncio.to_thread(layout_of, came.path, came.name)
            seen = await asyncio.to_thread(survey, came.path, layout) if layout.is_complete else Survey((), None)
            await keep(self._parts, came, organisation_id)
        async with self._parts.database.transaction() as session:
            case = await require_case(session, actor, case_id, "write")
            last = select(func.max(TableImport.number)).where(TableImport.case_id == case.id)
            found = TableImport(
                case_id=case.id,
                organisation_id=case.organisation_id,
                number=((await session.exec(last)).one() or 0) + 1,
                file_name=came.name,
                sha256=came.sha256,
                size_bytes=came.size_bytes,
                layout=layout.as_json(),
                header=list(seen.header),
                mapping=suggested(seen.header),
                options={},
                rows_total=seen.rows,
                author_id=actor.operator_id,
                created_at=self._parts.clock.now(),
            )
            session.add(found)
            details: dict[str, object] = {"import": found.number, "fileSha256": found.sha256, "sizeBytes": found.size_bytes}
            await record(self._parts.cases, session, actor, case, ("case.import_received", details))
        return found

    async def preview(self, actor: OperatorActor, import_id: uuid.UUID, plan: Plan | None = None) -> Preview:
        """The first rows and what would become of them; nothing is stored. None: with the suggested mapping.

        Raises: Forbidden; NotFound; ImportRefused (it has started); FileRefused; StorageError.
        """
        async with self._parts.database.session() as session:
            found, _ = await require_part(session, actor, (TableImport, import_id), "read")
        if found.state != ImportState.DRAFT:
            raise ImportRefused(reason=f"the import is {found.state}")
        said = plan or Plan(found.mapping, found.options)
        layout = chosen(stored_layout(found.layout), encoding=said.encoding, delimiter=said.delimiter, sheet=said.sheet)
        async with fetched(self._parts, found.organisation_id, found.sha256, found.size_bytes) as path:
            seen = await self._survey(found, path, layout)
            mapping = said.mapping if plan is not None and plan.mapping else suggested(seen.header)
            problem = mapping_problem(seen.header, mapping) if seen.header else "say first how the file is written"
            rows = await asyncio.to_thread(first_rows, path, (layout, seen.header), mapping, said.options) if seen.header else []
        return Preview(layout, seen.header, mapping, is_auto_archiver(seen.header), rows, problem)

    async def start(self, actor: OperatorActor, import_id: uuid.UUID, plan: Plan, *, queued: bool = True) -> TableImport:
        """Queues the rows under this plan. `queued=False`: the caller runs the runner itself.

        Raises: Forbidden; NotFound; CaseClosed; ImportRefused; BadInput; FileRefused; StorageError.
        """
        options = parse_options(plan.options)
        async with self._parts.database.session() as session:
            draft, _ = await require_part(session, actor, (TableImport, import_id), "read")
        layout = chosen(stored_layout(draft.layout), encoding=plan.encoding, delimiter=plan.delimiter, sheet=plan.sheet)
        if not layout.is_complete:
            raise BadInput(field="encoding", reason="say how the file is written: encoding, delimiter or sheet")
        async with fetched(self._parts, draft.organisation_id, draft.sha256, draft.size_bytes) as path:
            seen = await self._survey(draft, path, layout)
        if problem := mapping_problem(seen.header, plan.mapping):
            raise BadInput(field="mapping", reason=problem)
        async with self._parts.database.transaction() as session:
            found, case = await require_part(session, actor, (TableImport, import_id), "write")
            if found.state != ImportState.DRAFT:
                raise ImportRefused(reason=f"the import is {found.state}")
            found.layout, found.header, found.rows_total = layout.as_json(), list(seen.header), seen.rows
            found.mapping, found.options = dict(plan.mapping), options.as_json()
            await self._queue(session, found, queued=queued)
            details: dict[str, object] = {"import": found.number, "fileSha256": found.sha256, "planSha256": plan_digest(found)}
            await record(self._parts.cases, session, actor, case, ("case.import_started", details))
        return found

    async def cancel(self, actor: OperatorActor, import_id: uuid.UUID) -> TableImport:
        """No further row is taken; those that were stay. Raises: Forbidden; NotFound; CaseClosed; ImportRefused."""
        async with self._parts.database.transaction() as session:
            found, case = await require_part(session, actor, (TableImport, import_id), "write")
            if found.state not in (ImportState.DRAFT, ImportState.QUEUED, ImportState.RUNNING):
                raise ImportRefused(reason=f"the import is {found.state}")
            found.state, found.reason, found.finished_at = ImportState.CANCELLED, "", self._parts.clock.now()
            await self._log(session, (actor, case), "case.import_cancelled", found)
        return found

    async def resume(self, actor: OperatorActor, import_id: uuid.UUID, *, queued: bool = True) -> TableImport:
        """Goes on behind the last row that was dealt with, at the first one if it never began. A discarded draft has no plan.

        Raises: Forbidden; NotFound; CaseClosed; ImportRefused.
        """
        async with self._parts.database.transaction() as session:
            found, case = await require_part(session, actor, (TableImport, import_id), "write")
            if found.state not in STOPPED:
                raise ImportRefused(reason=f"the import is {found.state}")
            if not is_planned(found):
                raise ImportRefused(reason="it was discarded before its columns were settled: upload the file again")
            found.finished_at = None
            await self._queue(session, found, queued=queued)
            await self._log(session, (actor, case), "case.import_resumed", found)
        return found

    async def undo(self, actor: OperatorActor, import_id: uuid.UUID, *, queued: bool = True) -> TableImport:
        """Queues the undoing of an import that has ended. A guest of the case undoes only what was the guest's own.

        Raises: Forbidden; NotFound; CaseClosed; ImportRefused.
        """
        async with self._parts.database.transaction() as session:
            found, case = await require_part(session, actor, (TableImport, import_id), "write")
            if case.organisation_id != actor.organisation_id and found.author_id != actor.operator_id:
                raise Forbidden(needs="a case of one's own organisation")
            if found.state not in (*ENDED, ImportState.UNDOING):  # asked for again where a worker gave up
                raise ImportRefused(reason=f"the import is {found.state}")
            if found.started_at is None:
                raise ImportRefused(reason="no row was taken: there is nothing to undo")
            found.state, found.undone_by, found.reason = ImportState.UNDOING, actor.operator_id, ""
            if queued:
                await self._parts.jobs.defer(session, UNDO_TASK, import_id=str(found.id))
        return found

    async def clear_scratch(self) -> int:
        """How many folders were removed that killed processes left on scratch."""
        return await asyncio.to_thread(clear_scratch, self._parts)

    async def of_case(self, actor: OperatorActor, case_id: uuid.UUID) -> list[TableImport]:
        """The case's imports, newest first, at most LIST_LIMIT. Raises: Forbidden; NotFound."""
        async with self._parts.database.session() as session:
            case = await require_case(session, actor, case_id, "read")
            wanted = select(TableImport).where(TableImport.case_id == case.id).order_by(col(TableImport.number).desc())
            return list((await session.exec(wanted.limit(LIST_LIMIT))).all())

    async def read(self, actor: OperatorActor, import_id: uuid.UUID) -> ImportView:
        """One import with its first problems, and what an undo kept. Raises: Forbidden; NotFound."""
        async with self._parts.database.session() as session:
            found, _ = await require_part(session, actor, (TableImport, import_id), "read")
            return await view_of(session, found)

    async def problems(self, actor: OperatorActor, import_id: uuid.UUID) -> AsyncIterator[list[ProblemRow]]:
        """Every problem in the file's order, page by page; flat memory. Raises, before the first page: Forbidden; NotFound."""
        async with self._parts.database.session() as session:
            found, _ = await require_part(session, actor, (TableImport, import_id), "read")
        return self._problem_pages(found.id)

    async def _problem_pages(self, import_id: uuid.UUID) -> AsyncIterator[list[ProblemRow]]:
        after = (0, -1)
        while True:
            async with self._parts.database.session() as session:
                page = await problems_page(session, import_id, after, PAGE_ROWS)
            if not page:
                return
            yield page
            after = (page[-1].row, page[-1].position)

    async def _survey(self, found: TableImport, path: Path, layout: Layout) -> Survey:
        if not layout.is_complete:
            return Survey((), None)
        if layout == stored_layout(found.layout) and found.header:
            return Survey(tuple(found.header), found.rows_total)
        return await asyncio.to_thread(survey, path, layout)

    async def _log(self, session: AsyncSession, who: tuple[OperatorActor, CaseFile], kind: str, found: TableImport) -> None:
        """The event with how far the import is."""
        how_far: dict[str, object] = {
            "position": found.position,
            "rowsTaken": found.rows_taken,
            "rowsRefused": found.rows_refused,
        }
        details = {"import": found.number, "fileSha256": found.sha256, **how_far}
        await record(self._parts.cases, session, *who, (kind, details))

    async def _queue(self, session: AsyncSession, found: TableImport, *, queued: bool) -> None:
        found.state, found.reason = ImportState.QUEUED, ""
        if queued:
            await self._parts.jobs.defer(session, IMPORT_TASK, import_id=str(found.id))


def is_planned(found: TableImport) -> bool:
    """True once somebody settled its columns and options: without them no row can be read."""
    return bool(found.options)


def plan_digest(found: TableImport) -> str:
    """SHA-256 over the JSON of how the file is read, what its columns mean, what was said of it (members sorted)."""
    plan = {"layout": found.layout, "mapping": found.mapping, "options": found.options}
    text = json.dumps(plan, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
