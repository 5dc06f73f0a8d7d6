"""Reading an export's rows."""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.exports.models import ExportCapture


@dataclass(frozen=True)
class FinishedFile:
    """An export that has its file: what kind, for whom, asked for when. Nothing of what is in it."""

    export_id: uuid.UUID
    kind: str
    recipient: str
    requested_at: datetime


async def captures_of(session: AsyncSession, export_id: uuid.UUID) -> tuple[str, ...]:
    """The export's capture ids in order."""
    wanted = select(ExportCapture.capture_id).where(ExportCapture.export_id == export_id)
    return tuple((await session.exec(wanted.order_by(col(ExportCapture.position)))).all())


async def captures_of_each(session: AsyncSession, export_ids: Collection[uuid.UUID]) -> Mapping[uuid.UUID, tuple[str, ...]]:
    """The capture ids of each of the exports in order, in one statement; an export without captures is left out."""
    wanted = select(ExportCapture.export_id, ExportCapture.capture_id).where(col(ExportCapture.export_id).in_(export_ids))
    found: dict[uuid.UUID, list[str]] = {}
    for export_id, capture_id in (await session.exec(wanted.order_by(col(ExportCapture.position)))).all():
        found.setdefault(export_id, []).append(capture_id)
    return {export_id: tuple(captures) for export_id, captures in found.items()}
