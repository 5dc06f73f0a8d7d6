"""Searching captures: one page at a time, newest received first."""

import base64
import binascii
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, and_, func, or_, tuple_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.captures.models import Capture, Check, CheckOutcome, WorkingCopy
from server.captures.parts import CaptureParts
from server.captures.previews import THUMBNAIL
from server.captures.scope import owned_by
from server.captures.views import CapturePage, CaptureQuery, CaptureSummary
from server.errors import BadInput
from server.operators.actors import Actor
from server.operators.models import Device

PAGE_LIMIT = 100


class Search:
    """Scoped to the actor's organisation (a device: to its own captures)."""

    def __init__(self, parts: CaptureParts) -> None:
        self._parts = parts

    async def search(self, actor: Actor, query: CaptureQuery) -> CapturePage:
        """One page of captures, newest received first. Raises: BadInput (cursor, limit)."""
        if not 1 <= query.limit <= PAGE_LIMIT:
            raise BadInput(field="limit", reason=f"1 to {PAGE_LIMIT}")
        statement = (
            select(Capture, Device.label)
            .join(Device, col(Device.id) == col(Capture.device_id))
            .where(owned_by(actor), *_matching(query))
            .order_by(col(Capture.received_at).desc(), col(Capture.capture_id).desc())
            .limit(query.limit + 1)
        )
        async with self._parts.database.session() as session:
            rows = (await session.exec(statement)).all()
            shown = rows[: query.limit]
            ids = [capture.capture_id for capture, _ in shown]
            failed = await failed_checks(session, ids)
            thumbnails = await self._with_thumbnail(session, ids)
        summaries = tuple(
            CaptureSummary(
                capture_id=capture.capture_id,
                state=capture.state,
                title=capture.title,
                url=capture.final_url or capture.url,
                host=capture.host,
                case=capture.case_label,
                captured_at=capture.captured_at,
                received_at=capture.received_at,
                device_id=capture.device_id,
                device_label=label,
                has_thumbnail=capture.capture_id in thumbnails,
                failed_checks=failed.get(capture.capture_id, 0),
            )
            for capture, label in shown
        )
        more = len(rows) > query.limit
        return CapturePage(summaries, _cursor(shown[-1][0]) if more else None)

    async def _with_thumbnail(self, session: AsyncSession, ids: list[str]) -> set[str]:
        statement = select(WorkingCopy.capture_id).where(col(WorkingCopy.capture_id).in_(ids), WorkingCopy.kind == THUMBNAIL)
        return set((await session.exec(statement)).all())


async def failed_checks(session: AsyncSession, capture_ids: list[str]) -> dict[str, int]:
    """How many checks FAILED in each capture's newest run; captures without one are absent."""
    newest = (
        select(Check.capture_id, func.max(Check.run).label("run"))
        .where(col(Check.capture_id).in_(capture_ids))
        .group_by(col(Check.capture_id))
        .subquery()
    )
    statement = (
        select(Check.capture_id, func.count())
        .join(newest, and_(newest.c.capture_id == Check.capture_id, newest.c.run == Check.run))
        .where(Check.outcome == CheckOutcome.FAILED)
        .group_by(col(Check.capture_id))
    )
    return dict((await session.exec(statement)).all())


def _matching(query: CaptureQuery) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    for word in (query.text or "").replace("\x00", "").split()[:10]:
        pattern = f"%{_literal(word)}%"
        columns = (col(Capture.title), col(Capture.final_url), col(Capture.url), col(Capture.host))
        conditions.append(or_(*(column.ilike(pattern) for column in columns)))
    if query.host:
        host = query.host.strip().lower().replace("\x00", "")
        conditions.append(or_(col(Capture.host) == host, col(Capture.host).like(f"%.{_literal(host)}")))
    if query.cursor:
        place = _parse_cursor(query.cursor)
        conditions.append(tuple_(col(Capture.received_at), col(Capture.capture_id)) < tuple_(*place))
    return conditions


def _literal(word: str) -> str:
    """`word` with LIKE's own signs taken as letters."""
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _cursor(capture: Capture) -> str:
    place = f"{capture.received_at.astimezone(UTC).isoformat()}|{capture.capture_id}"
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def _parse_cursor(cursor: str) -> tuple[datetime, str]:
    try:
        text = base64.urlsafe_b64decode(cursor[:400] + "=" * (-len(cursor[:400]) % 4)).decode("ascii")
        moment, _, capture_id = text.partition("|")
        at = datetime.fromisoformat(moment)
    except (binascii.Error, UnicodeDecodeError, ValueError) as error:
        raise BadInput(field="cursor", reason="not a cursor of this service") from error
    if at.tzinfo is None or len(capture_id) != 64 or "\x00" in capture_id:
        raise BadInput(field="cursor", reason="not a cursor of this service")
    return at, capture_id
