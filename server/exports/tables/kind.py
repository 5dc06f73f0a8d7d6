"""The tables as a kind of export: what the order freezes, the first rows, the file."""

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import islice

from server.exports.confirmed import case_facts, confirmed_findings
from server.exports.kind import Asked, ExportKind, Making, Plain, PreviewPart
from server.exports.profiles import Profile
from server.exports.tables.cells import Value
from server.exports.tables.columns import FINDING_COLUMNS, columns_for
from server.exports.tables.package import PackageFacts
from server.exports.tables.writer import TableWriter

PREVIEW_ROWS = 5


async def freeze_moment(asked: Asked) -> str:
    """An order that is a case, a profile and a moment: the file follows from these."""
    as_of = asked.parts.clock.now().astimezone(UTC).isoformat()
    content = {"as_of": as_of, "case": str(asked.case.id), "profile": asked.profile.value}
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


async def preview_tables(asked: Asked) -> tuple[PreviewPart, ...]:
    """The columns of the profile and the first findings, as the files would have them."""
    columns = columns_for(FINDING_COLUMNS, asked.profile)
    rows: list[tuple[Value, ...]] = []
    async for batch in confirmed_findings(asked.parts.database, asked.case.id, asked.parts.clock.now(), asked.profile):
        wanted = islice(batch, PREVIEW_ROWS - len(rows))
        rows += [tuple(column.cell(one, asked.profile) for column in columns) for one in wanted]
        if len(rows) == PREVIEW_ROWS:
            break
    return (PreviewPart("findings", columns=tuple(column.name for column in columns), rows=tuple(rows)),)


async def write_tables(making: Making) -> Mapping[str, int]:
    """The zip of CSV, XLSX and JSONL, batch by batch; how many rows each table has."""
    row, content = making.row, json.loads(making.row.content)
    profile, as_of = Profile(row.profile), datetime.fromisoformat(content["as_of"])
    async with making.parts.database.session() as session:
        facts = await case_facts(session, row.case_id)
    package = PackageFacts(
        name=f"case-{facts.number}-findings-{row.profile}",
        title=f"Confirmed findings of case C-{facts.number}",
        profile=profile,
        as_of=content["as_of"],
        marking=row.marking,
        rows={},
        files={},
    )
    folder = making.path.parent / "tables"
    folder.mkdir()
    with TableWriter(folder, profile) as writer:
        async for batch in confirmed_findings(making.parts.database, row.case_id, as_of, profile):
            await making.progress(await asyncio.to_thread(writer.add, batch))
        with making.path.open("wb") as out:
            await asyncio.to_thread(writer.finish, package, out)
        return writer.rows


TABLES = ExportKind("tables", frozenset(Profile), ("CSV", "XLSX", "JSONL"), Plain(freeze_moment, preview_tables), write_tables)
