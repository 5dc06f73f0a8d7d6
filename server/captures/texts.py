"""What is searched of captures: a row beside each, made again at will. Derived data, never evidence.

At the commit it gets what the statement says (title, address, note, labels, the page's own claims of its post); after the seal a
job adds the text that the page showed. A row whose text was not read says so, and the search counts those.
"""

import asyncio
import json
import logging
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import BinaryIO

from sqlalchemy import Column, Index, Text, text
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR
from sqlmodel import Field, SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.captures.detail import parsed_statement
from server.captures.folding import clean
from server.captures.models import Capture, CaptureState
from server.captures.pagetext import EXTRACTOR, PageText, primary_language, read_page_text, without_secrets
from server.captures.parts import READ_TASK, CaptureParts
from server.captures.scope import artifacts_of
from server.captures.textquery import vector_of
from server.captures.wordindex import words_index
from server.db import UtcDateTime
from server.errors import StoredRecordBroken
from server.trust.statement import CaptureStatement
from storage.errors import BadContainer
from storage.hashing import Sha256

logger = logging.getLogger(__name__)
PENDING, FAILED = "pending", "failed"
STATED_CHARS = 20_000
BATCH = 200
PARTS = ("title", "url", "note", "labels", "post")
"""What of a statement is searched, in this order; then the page's text."""
WEIGHTS = {"title": "A", "url": "C", "note": "B", "labels": "B", "post": "B"}
EARLIEST, LATEST = datetime(1995, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


class CaptureText(SQLModel, table=True):
    """`outcome`: `pending`, `read`, `partial`, `none` or `failed`, of the page's text, with the reason. `extractor`: how it was
    read. `stated`: part → text of the statement. `posted_at`: the page's claim that counts, without its precision."""

    __tablename__ = "capture_text"
    __table_args__ = (
        words_index("ix_capture_text_words"),
        Index("ix_capture_text_page", "organisation_id", "received_at", "capture_id"),
        Index("ix_capture_text_captured", "organisation_id", "captured_at"),
        Index(
            "ix_capture_text_unread", "organisation_id", "capture_id", postgresql_where=text("outcome IN ('pending', 'failed')")
        ),
    )

    capture_id: str = Field(primary_key=True, foreign_key="capture.capture_id", max_length=64)
    organisation_id: uuid.UUID = Field(foreign_key="organisation.id")
    extractor: str = Field(default="", max_length=40)
    outcome: str = Field(default=PENDING, max_length=16)
    reason: str = Field(default="", sa_column=Column(Text, nullable=False))
    stated: dict[str, str] = Field(default_factory=dict, sa_column=Column(JSONB, nullable=False))
    shown: str = Field(default="", sa_column=Column(Text, nullable=False))
    language: str = Field(default="", max_length=8)
    words: str | None = Field(default=None, sa_column=Column(TSVECTOR, nullable=True))
    posted_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    captured_at: datetime = Field(sa_type=UtcDateTime)
    received_at: datetime = Field(sa_type=UtcDateTime)


def text_row(capture: Capture, statement: CaptureStatement, payload: bytes, page: PageText | None = None) -> CaptureText:
    """The row of a capture: what its statement says and, if it was read, what its page showed. Pure."""
    predicate = json.loads(payload).get("predicate")
    post = predicate.get("post") if isinstance(predicate, dict) else None
    claims: Mapping[str, object] = post if isinstance(post, dict) else {}
    stated = {
        "title": statement.title,
        "url": " ".join(dict.fromkeys((statement.final_url, statement.url))),
        "note": statement.note,
        "labels": " · ".join(statement.labels),
        "post": "\n".join(_said(claims, "accountName", "accountHandle", "accountId", "postId", "postUrl", "text")),
    }
    kept = {part: without_secrets(clean(said[:STATED_CHARS])) for part, said in stated.items() if said}
    language = primary_language(claims.get("language")) or ("" if page is None else page.language)
    facets = {
        "platform": _said(claims, "platform"),
        "account": [one.lstrip("@") for one in _said(claims, "accountName", "accountHandle", "accountId")],
        "language": [language],
        "tag": statement.labels,
        "host": _hosts(capture.host),
    }
    shown = "" if page is None else page.text
    vector = vector_of([(WEIGHTS[part], kept[part]) for part in PARTS if part in kept] + [("D", shown)], facets)
    cut = page is not None and page.outcome == "read" and not vector.is_whole
    return CaptureText(
        capture_id=capture.capture_id,
        organisation_id=capture.organisation_id,
        extractor="" if page is None else EXTRACTOR,
        outcome=PENDING if page is None else "partial" if cut else page.outcome,
        reason="" if page is None else "more words than are searched" if cut else page.reason[:500],
        stated=kept,
        shown=shown,
        language=language,
        words=vector.literal,
        posted_at=_posted(claims),
        captured_at=capture.captured_at,
        received_at=capture.received_at,
    )


class Texts:
    """Reads the text of captures that were sealed."""

    def __init__(self, parts: CaptureParts) -> None:
        self._parts = parts

    async def run(self, capture_id: str) -> bool:
        """Reads one sealed capture as EXTRACTOR does; False when there is nothing to do. Idempotent; the newest row counts.

        Raises: StorageError (try again).
        """
        async with self._parts.database.session() as session:
            capture = await session.get(Capture, capture_id)
            known = await session.get(CaptureText, capture_id)
            if capture is None or capture.state != CaptureState.SEALED:
                return False
            if known is not None and known.extractor == EXTRACTOR and known.words is not None:
                return False
            artifacts = await artifacts_of(session, capture_id)
        archive = next((one.sha256 for one in artifacts if one.role == "page.wacz"), None)
        page = await asyncio.to_thread(self._read, capture, archive)
        try:
            payload, statement = parsed_statement(capture)
        except StoredRecordBroken:
            logger.warning("captures.text_without_statement", extra={"capture": capture_id})
            return False
        row = await asyncio.to_thread(text_row, capture, statement, payload, page)
        async with self._parts.database.transaction() as session:
            await session.merge(row)
        logger.info("captures.text_read", extra={"capture": capture_id, "outcome": row.outcome})
        return True

    async def missing(self, *, limit: int | None = None) -> Sequence[str]:
        """Ids of captures whose text was not read as EXTRACTOR does, the newest first."""
        done = select(CaptureText.capture_id).where(CaptureText.extractor == EXTRACTOR)
        wanted = select(Capture.capture_id).where(Capture.state == CaptureState.SEALED, col(Capture.capture_id).not_in(done))
        async with self._parts.database.session() as session:
            return (
                await session.exec(wanted.order_by(col(Capture.received_at).desc(), col(Capture.capture_id)).limit(limit))
            ).all()

    async def queue_missing(self) -> int:
        """Queues the captures in missing(), each once; how many."""
        found = await self.missing()
        for start in range(0, len(found), BATCH):
            async with self._parts.database.transaction() as session:
                for capture_id in found[start : start + BATCH]:
                    await self._parts.jobs.defer(session, READ_TASK, once=f"{READ_TASK}:{capture_id}", capture_id=capture_id)
        return len(found)

    def _read(self, capture: Capture, archive: str | None) -> PageText:
        if archive is None:
            return PageText("", "", "none", "the capture has no archive of the page")
        try:
            with self._open(capture, archive) as stream:
                return read_page_text(stream)
        except BadContainer as error:
            return PageText("", "", FAILED, str(error)[:500].replace("\x00", ""))

    def _open(self, capture: Capture, sha256: str) -> BinaryIO:
        return self._parts.blobs.open(str(capture.organisation_id), Sha256(sha256))


async def keep_stated(session: AsyncSession, capture: Capture, statement: CaptureStatement, payload: bytes) -> None:
    """The row of a capture that was just committed, in the same transaction."""
    session.add(text_row(capture, statement, payload))


def _said(claims: Mapping[str, object], *names: str) -> list[str]:
    return [value[:STATED_CHARS] for name in names if isinstance(value := claims.get(name), str) and value.strip()]


def _hosts(host: str) -> list[str]:
    """`a.b.example` → itself, b.example, example: a website is looked for with its subdomains."""
    labels = host.split(".")[-10:]
    return [".".join(labels[at:]) for at in range(len(labels))]


def _posted(claims: Mapping[str, object]) -> datetime | None:
    listed = claims.get("postedAt")
    first = listed[0] if isinstance(listed, list) and listed else None
    value = first.get("value") if isinstance(first, dict) else None
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    if moment is None or moment.tzinfo is None:
        return None
    try:
        at = moment.astimezone(UTC)
    except OverflowError:
        return None
    return at if EARLIEST <= at <= LATEST else None
