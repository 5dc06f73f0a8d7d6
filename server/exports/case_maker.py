"""Making the file of a case's export: read in batches, written to scratch, kept, then recorded. Repeatable after a kill."""

import asyncio
import hashlib
import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import cast

from sqlmodel.ext.asyncio.session import AsyncSession

from server.custody.service import EventDraft
from server.exports.case_models import CaseExport
from server.exports.errors import ExportRefused
from server.exports.kind import Making
from server.exports.kinds import KINDS
from server.exports.models import ExportState
from server.exports.parts import ExportParts
from server.operators.actors import Actor, Role
from storage.errors import StorageError
from storage.hashing import Sha256
from storage.scratch import held_folder

SCRATCH_PREFIX = "case-export-"
PROGRESS_EVERY = timedelta(seconds=1)


@dataclass
class _Run:
    """One run of an export: how many findings are done, when that was kept last, rows of each table, events of the kind's own."""

    export_id: uuid.UUID
    done: int = 0
    told_at: datetime | None = None
    rows: Mapping[str, int] = field(default_factory=dict)
    events: list[EventDraft] = field(default_factory=list)


class CaseMaker:
    """Runs an export to its end: `ready`, or `failed` with a reason."""

    def __init__(self, parts: ExportParts) -> None:
        self._parts = parts

    async def run(self, export_id: uuid.UUID) -> ExportState:
        """The state reached. Idempotent; an export that is ready stays as it is.

        Raises: only what is no outcome (the database is gone): the job is then run again.
        """
        async with self._parts.database.transaction() as session:
            row = await self._locked(session, export_id)
            if row.state == ExportState.READY:
                return ExportState.READY
            row.state, row.reason, row.rows_done = ExportState.RUNNING, "", 0
        try:
            await self._make(row)
        except StorageError as error:
            return await self.fail(export_id, f"storage: {error.reason}")
        except OSError as error:
            return await self.fail(export_id, f"scratch space: {error.strerror}")
        except ExportRefused as error:
            return await self.fail(export_id, str(error.data["reason"]))
        return ExportState.READY

    async def fail(self, export_id: uuid.UUID, reason: str) -> ExportState:
        """Ends an attempt; the export can be retried."""
        async with self._parts.database.transaction() as session:
            row = await self._locked(session, export_id)
            if row.state != ExportState.READY:
                row.state, row.reason, row.finished_at = ExportState.FAILED, reason[:1000], self._parts.clock.now()
        return ExportState.FAILED

    async def _make(self, row: CaseExport) -> None:
        with held_folder(self._parts.scratch, SCRATCH_PREFIX) as folder:
            path = folder / "export"
            run = _Run(row.id)
            making = Making(self._parts, row, path, partial(self._progress, run), run.events)
            run.rows = await KINDS[row.kind].write(making)
            sha256, size_bytes = await asyncio.to_thread(_synced, path)
            organisation = str(row.organisation_id)
            await asyncio.to_thread(
                lambda: self._parts.working.put_file(path, organisation=organisation, sha256=sha256, size_bytes=size_bytes)
            )
        await self._finish(run, (sha256, size_bytes))

    async def _progress(self, run: _Run, done: int) -> None:
        """Keeps how far it is, at most once a second."""
        now, run.done = self._parts.clock.now(), done
        if run.told_at is not None and now - run.told_at < PROGRESS_EVERY:
            return
        run.told_at = now
        async with self._parts.database.transaction() as session:
            (await self._locked(session, run.export_id)).rows_done = done

    async def _finish(self, run: _Run, file: tuple[Sha256, int]) -> None:
        """The kind's own events, `case.exported` and the state, in one transaction: an export is ready exactly if the case's
        chain says so."""
        async with self._parts.database.transaction() as session:
            row = await self._locked(session, run.export_id)
            if row.state == ExportState.READY:
                return
            row.rows_done = run.done
            row.state, row.finished_at, row.file_sha256, row.size_bytes = (
                ExportState.READY,
                self._parts.clock.now(),
                file[0],
                file[1],
            )
            actor = Actor(row.organisation_id, row.actor, cast(Role, row.role))
            for draft in run.events:
                await self._parts.custody.record(session, actor, draft)
            more: dict[str, object] = {"recipient": row.recipient, "contentSha256": row.content_sha256, "rows": dict(run.rows)}
            await self._parts.custody.record(session, actor, _event(row, "case.exported", more))

    async def _locked(self, session: AsyncSession, export_id: uuid.UUID) -> CaseExport:
        return await session.get_one(CaseExport, export_id, with_for_update=True)


def opened_event(row: CaseExport, name: str) -> EventDraft:
    """`case.export_opened`: somebody took the file away."""
    return _event(row, "case.export_opened", {"name": name})


def confirmed_event(row: CaseExport) -> EventDraft:
    """`case.export_confirmed`: a second person let it go to the authority."""
    return _event(row, "case.export_confirmed", {})


def _event(row: CaseExport, kind: str, more: dict[str, object]) -> EventDraft:
    facts: dict[str, object] = {
        "case": f"urn:holdstill:case:{row.case_id}",
        "exportId": str(row.id),
        "kind": row.kind,
        "profile": row.profile,
        "tlp": row.marking,
        "fileSha256": row.file_sha256,
    }
    return EventDraft(kind, f"case:{row.case_id}", "export.zip", row.file_sha256 or "", row.purpose, facts | more)


def _synced(path: Path) -> tuple[Sha256, int]:
    """Digest and length of the file, which is on the disk when this returns. Blocking."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        os.fsync(stream.fileno())
        return Sha256(digest), path.stat().st_size
