"""The records inside a WARC or WACZ that somebody else made: listed, read as text, searched for pictures, under one cap in total.

Blocking. Nothing here renders anything: a record's text is handed on as text, its pictures go through the decoder's own process.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from server.captures.checks.coding import decoded_body
from server.captures.checks.container import date_of
from server.images.adopting import DatedPicture
from server.images.found import BODY_LIMIT_BYTES, Finding, FoundPicture, picture_in
from storage.decoding import DecodingLimits
from storage.errors import BadContainer
from storage.hashing import hash_bytes
from storage.wacz import WaczLimits, open_wacz
from storage.warc import WarcLimits, WarcRecord, iter_records
from storage.zipdirectory import ZipLimits

DECODED_LIMIT_BYTES = 4 << 30
"""All records of one file together, decoded: one that says it holds more is read up to there, and that is said."""
RECORDS_LIMIT = 200_000
LISTED_LIMIT = 5_000
TEXT_BYTES = 256 << 10
CODED_BYTES = 1 << 20
LINE_LIMIT = 300
URL_LIMIT = 2_000
Source = Path | BinaryIO
_TEXTUAL = (
    "text/", "application/json", "application/xml", "application/javascript", "application/x-javascript", "image/svg+xml",
    "application/warc-fields", "application/ld+json", "application/xhtml+xml", "application/http",
)  # fmt: skip


class TooMuch(Exception):
    """What is to come does not fit under the cap: reading stops here. The message says so, for a person."""


@dataclass(frozen=True)
class ListedRecord:
    """A record as the list shows it. Everything is the file's own claim. status: of the HTTP answer, "" without one."""

    position: int
    type: str
    url: str
    status: str
    media_type: str
    size_bytes: int
    date: datetime | None


@dataclass(frozen=True)
class RecordText:
    """The beginning of a record's content as text; "" with a reason for what is none. is_cut: there is more of it."""

    text: str
    reason: str
    is_cut: bool


def warc_limits(limit_bytes: int) -> WarcLimits:
    """Of one WARC that may decode to so much. What a record says of its own size is judged by records_of()."""
    room = max(1, limit_bytes)
    return WarcLimits(records=RECORDS_LIMIT, record_bytes=1 << 60, decoding=DecodingLimits(total_bytes=room))


def wacz_limits(limit_bytes: int) -> WaczLimits:
    """Of a WACZ whose files may have so much together."""
    packed = ZipLimits(entries=20_000, entry_bytes=limit_bytes, total_bytes=limit_bytes)
    return WaczLimits(zip=packed, warc=warc_limits(limit_bytes))


def records_of(source: Source, kind: str, limit_bytes: int = DECODED_LIMIT_BYTES) -> Iterator[WarcRecord]:
    """The records of all archives of the file, one after the other. Raises: TooMuch; BadContainer; StorageError.

    Counted is what each record says it holds, before any of it is decoded; the decoder has the same cap beneath.
    """
    used = 0
    for stream in _archives(source, kind, limit_bytes):
        for number, record in enumerate(iter_records(stream, limits=warc_limits(limit_bytes + (64 << 20)))):
            used += record.block_bytes
            if used > limit_bytes:
                raise TooMuch(f"its records decode to more than {limit_bytes} bytes together: what follows was not read")
            if number >= RECORDS_LIMIT:
                raise TooMuch(f"more than {RECORDS_LIMIT} records: what follows was not read")
            yield record


def listed(record: WarcRecord, position: int) -> ListedRecord:
    """The record in one line."""
    start = (record.http_start() or "").split(" ", 2)
    return ListedRecord(
        position=position,
        type=_line(record.type)[:32],
        url=_line(record.target_uri or "", URL_LIMIT),
        status=start[1][:3] if record.type == "response" and len(start) > 1 and start[1].isdigit() else "",
        media_type=_line(_media_type(record))[:100],
        size_bytes=record.payload_left,
        date=date_of(record),
    )


def dated_pictures(source: Source, kind: str, found: Finding, limit_bytes: int = DECODED_LIMIT_BYTES) -> Iterator[DatedPicture]:
    """Every picture of the file; what cuts the reading short is a problem in `found`. Raises: StorageError."""
    try:
        for record in records_of(source, kind, limit_bytes):
            picture = picture_in(record, "", found)
            if picture is not None:
                yield DatedPicture(FoundPicture(**{**vars(picture), "source": "archive"}), date_of(record))
    except TooMuch as error:
        found.note(str(error))
    except BadContainer as error:
        found.note(f"cannot be read to its end: {str(error)[:200]}")


def whole_picture(path: Path, found: Finding) -> Iterator[DatedPicture]:
    """The file itself as a picture."""
    size_bytes = path.stat().st_size
    if size_bytes > BODY_LIMIT_BYTES:
        found.note(f"a picture of more than {BODY_LIMIT_BYTES} bytes is not read")
        return
    data = path.read_bytes()
    yield DatedPicture(FoundPicture(hash_bytes(data), len(data), "file", "", "file", "", data), None)


def text_of(source: Source, kind: str, position: int) -> tuple[ListedRecord, RecordText] | None:
    """One record with the beginning of its content; None where there is no such record. Raises: BadContainer; StorageError."""
    try:
        for place, record in enumerate(records_of(source, kind)):
            if place == position:
                return listed(record, place), _text(record)
    except TooMuch:
        return None
    return None


def _archives(source: Source, kind: str, limit_bytes: int) -> Iterator[Source]:
    if kind == "warc":
        yield source
        return
    with open_wacz(source, limits=wacz_limits(limit_bytes)) as wacz:
        for path in wacz.warc_paths():
            with wacz.open(path) as stream:
                yield stream


def _media_type(record: WarcRecord) -> str:
    if record.http_head is None:
        return (record.content_type or "").partition(";")[0].strip().lower()
    return (record.http_headers().get("Content-Type") or "").partition(";")[0].strip().lower()


def _text(record: WarcRecord) -> RecordText:
    kind = _media_type(record)
    coding = record.http_headers().get("Content-Encoding") or ""
    body, is_cut = bytearray(), False
    for piece in record.chunks():
        body += piece
        if len(body) > CODED_BYTES:
            is_cut = True
            break
    plain = decoded_body(bytes(body), coding, TEXT_BYTES + 1)
    if plain is None:
        return RecordText("", "its content coding is not read here, or it is too long to be decoded", is_cut)
    if not kind.startswith(_TEXTUAL) and (b"\x00" in plain[:4096] or kind.startswith(("image/", "video/", "audio/", "font/"))):
        return RecordText("", "no text", is_cut)
    shown = plain[:TEXT_BYTES].decode("utf-8", "replace").replace("\x00", "\ufffd")
    return RecordText(shown, "", is_cut or len(plain) > TEXT_BYTES)


def _line(text: str, limit: int = LINE_LIMIT) -> str:
    return "".join(char for char in text if char.isprintable()).encode("utf-8", "replace").decode()[:limit]
