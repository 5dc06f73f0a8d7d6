"""Reading an export's rows."""

import uuid

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.exports.models import ExportCapture


async def captures_of(session: AsyncSession, export_id: uuid.UUID) -> tuple[str, ...]:
    """The export's capture ids in order."""
    wanted = select(ExportCapture.capture_id).where(ExportCapture.export_id == export_id)
    return tuple((await session.exec(wanted.order_by(col(ExportCapture.position)))).all())
