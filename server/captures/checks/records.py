"""One pass over a page archive for the truth checks: what each exchange says of itself, what the network sent, what was shown.

The archive may be hostile: every body, their sum and their number are capped, and what a cap leaves out is named in `unread`.
"""

import codecs
import html
import json
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import BinaryIO

from storage.errors import BadContainer
from storage.wacz import open_wacz
from storage.warc import WarcRecord, iter_records

BODY_LIMIT_BYTES = 8 * 1024 * 1024
TOTAL_LIMIT_BYTES = 48 * 1024 * 1024
PAGEINFO_LIMIT_BYTES = 4 * 1024 * 1024
EXCHANGES_LIMIT = 20_000
HEAD_BYTES = 64
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([A-Za-z0-9._:-]{1,40})", re.ASCII)
_OPAQUE = re.compile(r"octet-stream|protobuf|grpc|wasm|msgpack|cbor|x-binary")
_EDITABLE = re.compile(r"<(?!html|body|main|article)\w[^<>]{0,500}?\scontenteditable(?!=\"false)[^<>]{0,500}>", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]{0,2000}>")
EDITABLE_CHARS = 4_000
_PAGE_MADE = ("urn:dom:", "urn:text:", "urn:text-before:", "urn:metadata:", "urn:mhtml:", "urn:pageinfo:", "urn:certificates:")


@dataclass(frozen=True)
class Exchange:
    """One response or resource of the page: what its headers say, the first bytes of its body, its length as recorded.

    `digest` is WARC-Payload-Digest as written; check_digests() says whether it is true. `status` is None for resources.
    """

    url: str
    record_type: str
    status_line: str
    status: int | None
    headers: Mapping[str, str]
    head: bytes
    size_bytes: int
    digest: str
    source: str
    truncated: bool


@dataclass(frozen=True)
class NetworkText:
    """A body that came over the network and can be read as text. `kind`: html, json, script or text."""

    url: str
    kind: str
    text: str


@dataclass(frozen=True)
class Unread:
    """A body that could hold text and was not read, with the reason."""

    url: str
    reason: str


@dataclass
class ArchiveRecords:
    """What the pass gives. `shown` is the text of each frame as rendered (`urn:text:`), by the frame's address; `shown_before`
    the same of a page that was then loaded a second time (`urn:text-before:`); `editable` what stands in fields for writing, with
    EDITABLE_CHARS of markup after each, as the DOM has it: a visitor may have typed it."""

    exchanges: list[Exchange] = field(default_factory=list)
    texts: list[NetworkText] = field(default_factory=list)
    shown: list[tuple[str, str]] = field(default_factory=list)
    shown_before: list[tuple[str, str]] = field(default_factory=list)
    editable: list[str] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)
    pageinfo: dict[str, object] | None = None
    total_bytes: int = 0
    full: bool = False


def gather(source: BinaryIO) -> ArchiveRecords:
    """Everything the truth checks look at. Raises: BadContainer (broken or hostile archive), StorageError."""
    found = ArchiveRecords()
    with open_wacz(source) as wacz:
        for path in wacz.warc_paths():
            with wacz.open(path) as stream:
                for record in iter_records(stream):
                    _take(found, record)
    return found


def _take(found: ArchiveRecords, record: WarcRecord) -> None:
    url = record.target_uri or ""
    if url.startswith("urn:pageinfo:") and found.pageinfo is None:
        found.pageinfo = _object(_limited(record, PAGEINFO_LIMIT_BYTES))
    elif url.startswith(("urn:text:", "urn:text-before:")):
        data = _limited(record, BODY_LIMIT_BYTES)
        name, _, address = url.removeprefix("urn:").partition(":")
        if data is None:
            found.unread.append(Unread(url[:500], "the page's text is too long"))
        else:
            (found.shown if name == "text" else found.shown_before).append((address, data.decode("utf-8", "replace")))
    elif url.startswith("urn:dom:"):
        data = _limited(record, BODY_LIMIT_BYTES)
        found.editable += editable_texts("" if data is None else data.decode("utf-8", "replace"))
    elif record.type in ("response", "resource") and not url.startswith(_PAGE_MADE):
        _take_exchange(found, record, url)


def editable_texts(dom: str) -> list[str]:
    """The text after each of the first fifty tags that make an element editable; not of a page that is editable as a whole."""
    starts = [match.end() for match in islice(_EDITABLE.finditer(dom), 50)]
    return [html.unescape(_TAG.sub(" ", dom[start : start + EDITABLE_CHARS])) for start in starts]


def _take_exchange(found: ArchiveRecords, record: WarcRecord, url: str) -> None:
    if len(found.exchanges) >= EXCHANGES_LIMIT:
        found.full = True
        return
    headers = {name.lower(): value for name, value in reversed(record.http_headers().fields)}
    mime = headers.get("content-type", "") if record.http_head is not None else record.content_type or ""
    metadata = _object((record.headers.get("WARC-JSON-Metadata") or "").encode()) or {}
    size_bytes = record.payload_left
    start, rest = _start(record)
    status_line = record.http_start() or ""
    found.exchanges.append(
        Exchange(
            url=url,
            record_type=record.type,
            status_line=status_line,
            status=_status(status_line),
            headers=headers,
            head=start[:HEAD_BYTES],
            size_bytes=size_bytes,
            digest=record.headers.get("WARC-Payload-Digest") or "",
            source=str(metadata.get("source", "")),
            truncated=record.headers.get("WARC-Truncated") is not None,
        )
    )
    if note := metadata.get("note"):
        found.notes[url] = str(note)[:500]
    kind = text_kind(mime, start)
    if kind == "":
        return
    if size_bytes > BODY_LIMIT_BYTES or found.total_bytes + size_bytes > TOTAL_LIMIT_BYTES:
        found.unread.append(Unread(url[:500], f"{size_bytes} bytes, more than is read"))
        return
    found.total_bytes += size_bytes
    body = decoded_body(start + b"".join(bytes(piece) for piece in rest), headers.get("content-encoding", ""))
    if body is None or kind == "opaque":
        reason = "a coding that is not read here" if body is None else f"not text ({mime[:60]})"
        found.unread.append(Unread(url[:500], reason))
    else:
        found.texts.append(NetworkText(url, kind, body_text(body, mime)))


def _start(record: WarcRecord) -> tuple[bytes, Iterator[memoryview]]:
    chunks = record.chunks()
    first = next(chunks, None)
    return (b"" if first is None else bytes(first)), chunks


def text_kind(mime: str, start: bytes) -> str:
    """html, json, script or text; `opaque` for what a script may turn into text and nobody can read here; "" for the rest."""
    name = mime.split(";")[0].strip().lower()
    if name in ("text/html", "application/xhtml+xml"):
        return "html"
    if "json" in name:
        return "json"
    if "javascript" in name or "ecmascript" in name:
        return "script"
    if name == "text/css":
        return ""
    if name.startswith("text/") or (name.endswith("xml") and not name.startswith("image/")):
        return "text"
    if _OPAQUE.search(name):
        return "opaque"
    if name == "" and start.lstrip()[:1] in (b"{", b"[", b"<"):
        return "html" if start.lstrip()[:1] == b"<" else "json"
    return ""


def decoded_body(body: bytes, coding: str) -> bytes | None:
    """The body without gzip or deflate, at most BODY_LIMIT_BYTES; None for other codings and broken ones.

    A body that says gzip and is not (decoded by the browser already) is given as it is.
    """
    name = coding.strip().lower()
    if name in ("", "identity") or (name in ("gzip", "x-gzip") and not body.startswith(b"\x1f\x8b")):
        return body
    if name not in ("gzip", "x-gzip", "deflate"):
        return None
    try:
        return zlib.decompressobj(47).decompress(body, BODY_LIMIT_BYTES)
    except zlib.error:
        return None


def body_text(body: bytes, mime: str) -> str:
    """The body as text, by byte order mark, then header, then `<meta charset>`, then UTF-8, then windows-1252. Never fails."""
    for mark, codec in ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")):
        if body.startswith(mark):
            return body[len(mark) :].decode(codec, "replace")
    named = _CHARSET.search(mime) or _CHARSET.search(body[:2048].decode("latin-1"))
    for codec in ([named[1]] if named else []) + ["utf-8"]:
        try:
            if codecs.lookup(codec)._is_text_encoding:
                return body.decode(codec)
        except (LookupError, UnicodeError):
            continue
    return body.decode("cp1252", "replace")


def _limited(record: WarcRecord, limit_bytes: int) -> bytes | None:
    return None if record.payload_left > limit_bytes else record.read(limit_bytes)


def _object(data: bytes | None) -> dict[str, object] | None:
    try:
        parsed = json.loads(data or b"")
    except (BadContainer, ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None


def _status(line: str) -> int | None:
    parts = line.split(" ", 2)
    return int(parts[1]) if len(parts) > 1 and len(parts[1]) == 3 and parts[1].isascii() and parts[1].isdigit() else None
