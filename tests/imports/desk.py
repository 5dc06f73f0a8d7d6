"""A case and somebody who imports into it."""

import csv
import io
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import select

from server.cases.models import CaseFile
from server.cases.service import CaseOrder
from server.imports.models import TableImport
from server.imports.service import TableFile
from server.imports.views import Plan
from tests.web.site import Site

SOURCE = {"source": "a list made with a tool", "zone": "UTC", "seen_at": "2024-07-08T09:00:00Z"}


def table(*rows: Sequence[str]) -> bytes:
    """A CSV of these rows, the first one the header."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue().encode()


@dataclass
class Desk:
    site: Site
    actor: Any
    case: CaseFile

    @classmethod
    async def begin(cls, site: Site) -> "Desk":
        actor = await site.services.operators.ensure_default_operator()
        return cls(site, actor, await site.services.cases.open(actor, CaseOrder("Silence period")))

    @property
    def imports(self) -> Any:
        return self.site.services.imports

    async def upload(self, data: bytes, name: str = "sightings.csv") -> TableImport:
        found: TableImport = await self.imports.upload(self.actor, self.case.id, TableFile(io.BytesIO(data), name))
        return found

    async def started(self, data: bytes, name: str = "sightings.csv", **said: str) -> TableImport:
        """The import, queued for a runner that the test runs."""
        draft = await self.upload(data, name)
        plan = Plan(draft.mapping, SOURCE | said)
        made: TableImport = await self.imports.start(self.actor, draft.id, plan, queued=False)
        return made

    async def taken(self, data: bytes, name: str = "sightings.csv", **said: str) -> Any:
        """The view of the import that ran to its end."""
        made = await self.started(data, name, **said)
        await self.imports.runner.run(made.id)
        return await self.imports.read(self.actor, made.id)

    async def undone(self, import_id: uuid.UUID) -> Any:
        await self.imports.undo(self.actor, import_id, queued=False)
        await self.imports.undoer.run(import_id)
        return await self.imports.read(self.actor, import_id)

    async def rows(self, model: Any, *where: Any) -> list[Any]:
        async with self.site.services.database.session() as session:
            return list((await session.exec(select(model).where(*where))).all())
