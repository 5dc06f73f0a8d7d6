"""Searching captures: one page at a time, newest received first."""

import base64
import binascii
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, tuple_
from sqlalchemy import select as rows_of
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.captures.models import Capture, Check, CheckOutcome, WorkingCopy
from server.captures.newest import BY_INDEX, Held, newest
from server.captures.parts import CaptureParts
from server.captures.previews import THUMBNAIL
from server.captures.scope import owned_by, without_statement
from server.captures.textquery import Lexemes, lexemes_of, parse_query
from server.captures.texts import CaptureText
from server.captures.views import CapturePage, CaptureQuery, CaptureSummary
from server.db import run_sql
from server.errors import BadInput
from server.operators.actors import Actor, DeviceActor
from server.operators.models import Device
from server.operators.rights import own_rows

PAGE_LIMIT = 100


class Search:
    """Scoped to the actor's organisation (a device: to its own captures)."""

    def __init__(self, parts: CaptureParts) -> None:
        self._parts = parts

    async def search(self, actor: Actor, query: CaptureQuery) -> CapturePage:
        """One page of captures, newest received first. Raises: BadInput (cursor, limit)."""
        if not 1 <= query.limit <= PAGE_LIMIT:
            raise BadInput(field="limit", reason=f"1 to {PAGE_LIMIT}")
        lexemes = _lexemes(query)
        statement = (
            select(Capture, Device.label)
            .options(without_statement())
            .join(Device, col(Device.id) == col(Capture.device_id))
            .where(owned_by(actor))
            .order_by(col(Capture.received_at).desc(), col(Capture.capture_id).desc())
            .limit(query.limit + 1)
        )
        if lexemes is None:
            statement = statement.where(*_after(query.cursor, Capture))
        else:
            statement = statement.where(col(Capture.capture_id).in_(_holding(actor, lexemes, query)))
        async with self._parts.database.session() as session:
            if lexemes is not None:
                await run_sql(session, BY_INDEX)
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


def _lexemes(query: CaptureQuery) -> Lexemes | None:
    """What is looked for in the index of words; None: nothing. What holds no word (only signs) finds nothing."""
    asked = parse_query(query.text or "")
    if query.text is not None and query.text.strip() and asked.is_empty:
        return Lexemes(asked)
    return lexemes_of(asked, {"host": query.host} if query.host and query.host.strip() else {})


def _holding(actor: Actor, lexemes: Lexemes, query: CaptureQuery) -> Select[Any]:
    """Ids of the newest captures of the actor that hold these, after the cursor."""
    scope = [own_rows(actor, CaptureText.organisation_id), *_after(query.cursor, CaptureText)]
    key, at = col(CaptureText.capture_id), col(CaptureText.received_at)
    mine = [key.in_(select(Capture.capture_id).where(owned_by(actor)))] if isinstance(actor, DeviceActor) else []
    found = newest(Held(CaptureText, key, at, lexemes, scope, mine, actor.organisation_id), query.limit + 1).subquery()
    return rows_of(found.c.key)


def _after(cursor: str | None, placed: type[Capture] | type[CaptureText]) -> list[ColumnElement[bool]]:
    if not cursor:
        return []
    return [tuple_(col(placed.received_at), col(placed.capture_id)) < tuple_(*_parse_cursor(cursor))]


def _cursor(capture: Capture) -> str:
    place = f"{capture.received_at.astimezone(UTC).isoformat()}|{capture.capture_id}"
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def _parse_cursor(cursor: str) -> tuple[datetime, str]:
    try:
        text = base64.urlsafe_b64decode(cursor[:400] + "=" * (-len(cursor[:400]) % 4)).decode("ascii")
        moment, _, capture_id = text.partition("|")
        at = datetime.fromisoformat(moment)
        at = at if at.tzinfo is None else at.astimezone(UTC)
    except (binascii.Error, UnicodeDecodeError, ValueError, OverflowError) as error:
        raise BadInput(field="cursor", reason="not a cursor of this service") from error
    if at.tzinfo is None or len(capture_id) != 64 or "\x00" in capture_id:
        raise BadInput(field="cursor", reason="not a cursor of this service")
    return at, capture_id
