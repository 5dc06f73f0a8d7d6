"""One pass over a page archive for the truth checks: what each exchange says of itself, what the network sent, what was shown.

The archive may be hostile: every body as decoded, their sum, their number and what is kept of their headers are capped, and what
a cap leaves out is named in `unread`, or is `full`.
"""

import codecs
import html
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import BinaryIO

from server.captures.checks.coding import decoded_body
from storage.errors import BadContainer
from storage.wacz import open_wacz
from storage.warc import WarcRecord

BODY_LIMIT_BYTES = 8 * 1024 * 1024
TOTAL_LIMIT_BYTES = 48 * 1024 * 1024
SHOWN_LIMIT_BYTES = 32 * 1024 * 1024
PAGEINFO_LIMIT_BYTES = 4 * 1024 * 1024
EXCHANGES_LIMIT = 20_000
FACTS_LIMIT_CHARS = 32_000_000
FIELD_CHARS = 1_000
KEPT_HEADERS = ("content-type", "content-length", "content-encoding")
HEAD_BYTES = 64
SHOWN_NAME, BEFORE_NAME = "urn:text:", "urn:text-before:"
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([A-Za-z0-9._:-]{1,40})", re.ASCII)
_OPAQUE = re.compile(r"octet-stream|protobuf|grpc|wasm|msgpack|cbor|x-binary")
_EDITABLE = re.compile(r"<(?!html|body|main|article)\w[^<>]{0,500}?\scontenteditable(?!=\"false)[^<>]{0,500}>", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]{0,2000}>")
_UNWEBBED = frozenset({"punycode", "idna", "unicode_escape", "raw_unicode_escape", "utf_7", "undefined"})
"""Encodings that Python knows and browsers do not; some of them cost more than linear time."""
EDITABLE_CHARS = 4_000
EDITABLES_LIMIT = 1_000
_PAGE_MADE = ("urn:dom:", "urn:text:", "urn:text-before:", "urn:metadata:", "urn:mhtml:", "urn:pageinfo:", "urn:certificates:")


@dataclass(frozen=True)
class Exchange:
    """One response or resource of the page: what its headers say, the first bytes of its body, its length as recorded.

    `digest` is WARC-Payload-Digest as written; check_digests() says whether it is true. `status` is None for resources. `headers`
    holds KEPT_HEADERS only, each at most FIELD_CHARS long.
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
    EDITABLE_CHARS of markup after each, as the DOM has it: a visitor may have typed it. `text_bytes` counts the bodies
    as decoded, `shown_bytes` the texts as rendered, `fact_chars` what is kept of records besides. `full`: some are left out."""

    exchanges: list[Exchange] = field(default_factory=list)
    texts: list[NetworkText] = field(default_factory=list)
    shown: list[tuple[str, str]] = field(default_factory=list)
    shown_before: list[tuple[str, str]] = field(default_factory=list)
    editable: list[str] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)
    pageinfo: dict[str, object] | None = None
    text_bytes: int = 0
    shown_bytes: int = 0
    fact_chars: int = 0
    full: bool = False


def gather(source: BinaryIO) -> ArchiveRecords:
    """Everything the truth checks look at. Raises: BadContainer (broken or hostile archive), StorageError."""
    found = ArchiveRecords()
    with open_wacz(source) as wacz:
        for record in wacz.records():
            _take(found, record)
    return found


def _take(found: ArchiveRecords, record: WarcRecord) -> None:
    url = record.target_uri or ""
    if url.startswith("urn:pageinfo:") and found.pageinfo is None:
        found.pageinfo = _object(_limited(record, PAGEINFO_LIMIT_BYTES))
    elif url.startswith((SHOWN_NAME, BEFORE_NAME)):
        data = _limited(record, min(BODY_LIMIT_BYTES, SHOWN_LIMIT_BYTES - found.shown_bytes))
        if data is None:
            _leave_out(found, url, "the page's text is too long")
        else:
            found.shown_bytes += len(data)
            named, texts = (SHOWN_NAME, found.shown) if url.startswith(SHOWN_NAME) else (BEFORE_NAME, found.shown_before)
            texts.append((url.removeprefix(named), data.decode("utf-8", "replace")))
    elif url.startswith("urn:dom:"):
        _take_editable(found, url, _limited(record, BODY_LIMIT_BYTES))
    elif record.type in ("response", "resource") and not url.startswith(_PAGE_MADE):
        _take_exchange(found, record, url)


def _leave_out(found: ArchiveRecords, url: str, reason: str) -> None:
    if len(found.unread) < EXCHANGES_LIMIT:
        found.unread.append(Unread(url[:500], reason))
    else:
        found.full = True


def _take_editable(found: ArchiveRecords, url: str, dom: bytes | None) -> None:
    if dom is None or len(found.editable) >= EDITABLES_LIMIT:
        _leave_out(found, url, "its fields for writing were not read")
    else:
        found.editable += editable_texts(dom.decode("utf-8", "replace"))


def editable_texts(dom: str) -> list[str]:
    """The text after each of the first fifty tags that make an element editable; not of a page that is editable as a whole."""
    starts = [match.end() for match in islice(_EDITABLE.finditer(dom), 50)]
    return [html.unescape(_TAG.sub(" ", dom[start : start + EDITABLE_CHARS])) for start in starts]


def _take_exchange(found: ArchiveRecords, record: WarcRecord, url: str) -> None:
    headers = {name.lower(): value[:FIELD_CHARS] for name, value in reversed(record.http_headers().fields)}
    headers = {name: headers[name] for name in KEPT_HEADERS if name in headers}
    mime = headers.get("content-type", "") if record.http_head is not None else record.content_type or ""
    metadata = _object((record.headers.get("WARC-JSON-Metadata") or "").encode()) or {}
    size_bytes = record.payload_left
    start, rest = _start(record)
    status_line = (record.http_start() or "")[:FIELD_CHARS]
    digest, source = record.headers.get("WARC-Payload-Digest") or "", str(metadata.get("source", ""))[:FIELD_CHARS]
    found.fact_chars += sum(map(len, (url, status_line, digest, source, *headers.values())))
    if len(found.exchanges) >= EXCHANGES_LIMIT or found.fact_chars > FACTS_LIMIT_CHARS:
        found.full = True
        return
    found.exchanges.append(
        Exchange(
            url=url,
            record_type=record.type,
            status_line=status_line,
            status=_status(status_line),
            headers=headers,
            head=start[:HEAD_BYTES],
            size_bytes=size_bytes,
            digest=digest,
            source=source,
            truncated=record.headers.get("WARC-Truncated") is not None,
        )
    )
    if note := metadata.get("note"):
        found.notes[url] = str(note)[:500]
    kind = text_kind(mime, start)
    if kind == "opaque":
        _leave_out(found, url, f"not text ({mime[:60]})")
    elif kind:
        _take_text(found, NetworkText(url, kind, ""), (start, rest, size_bytes), (mime, headers.get("content-encoding", "")))


def _take_text(
    found: ArchiveRecords, empty: NetworkText, stored: tuple[bytes, Iterator[memoryview], int], said: tuple[str, str]
) -> None:
    """Reads a body, if it and what it decodes to can be afforded. `stored`: its start, the rest, bytes; `said`: type, coding."""
    (start, rest, size_bytes), (mime, coding) = stored, said
    limit_bytes = min(BODY_LIMIT_BYTES, TOTAL_LIMIT_BYTES - found.text_bytes)
    if size_bytes > limit_bytes:
        return _leave_out(found, empty.url, f"{size_bytes} bytes, more than is read")
    body = decoded_body(start + b"".join(bytes(piece) for piece in rest), coding, limit_bytes + 1)
    if body is None:
        return _leave_out(found, empty.url, "a coding that is not read here, or one that is broken or cut off")
    found.text_bytes += len(body)
    if len(body) > limit_bytes:
        return _leave_out(found, empty.url, "more bytes when decoded than are read")
    found.texts.append(NetworkText(empty.url, empty.kind, body_text(body, mime)))


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


def body_text(body: bytes, mime: str) -> str:
    """The body as text, by byte order mark, then header, then `<meta charset>`, then UTF-8, then windows-1252. Never fails."""
    for mark, codec in ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")):
        if body.startswith(mark):
            return body[len(mark) :].decode(codec, "replace")
    named = _CHARSET.search(mime) or _CHARSET.search(body[:2048].decode("latin-1"))
    for codec in ([named[1]] if named else []) + ["utf-8"]:
        try:
            known = codecs.lookup(codec)
            if known._is_text_encoding and known.name.replace("-", "_") not in _UNWEBBED:
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
