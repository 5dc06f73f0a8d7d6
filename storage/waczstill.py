"""A page archive with its documents as they stood: the file, and behind it a directory that puts the kept DOM in their place.

A page's scripts run again in a replay. What they ask for may not be in the archive, so they may empty a page that was full when
it was captured. The archive also holds the DOM of every frame as it stood (`urn:dom:`). Here each of these becomes the document
of its address, without scripts; pictures, styles and fonts stay the archive's own. Made for viewing: a working copy, never
evidence.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO
from urllib.parse import parse_qsl, urlencode, urlsplit

from storage.decoding import DecodedStream, DecodingLimits
from storage.errors import BadContainer
from storage.source import RandomAccess, Window, as_source
from storage.stillmarkup import without_scripts
from storage.wacz import Wacz, open_wacz
from storage.warcrecords import WarcLimits, iter_records
from storage.zipappend import Appended, append_to_zip

INDEX, BLOCKS, PACKAGE, WARC = "indexes/index.cdx.gz", "indexes/index.idx", "datapackage.json", "archive/still.warc.gz"
DOM = "urn:dom:"
STILL_HEADER = "X-Holdstill-Still"
"""Marks a document as it stood, so that whoever shows it lets no script run in it."""
INDEX_LIMIT_BYTES = 32 << 20
DOCUMENT_LIMIT_BYTES = 16 << 20
DOCUMENTS_LIMIT = 64
DOCUMENTS_LIMIT_BYTES = 32 << 20
BLOCK_LINES = 1024
_LINE = re.compile(r"(\S+) (\d{14}) (\{.*\})")


@dataclass(frozen=True)
class _Line:
    """One line of the index: sort key, time (14 digits), and its JSON object."""

    key: str
    time: str
    facts: dict[str, object]

    @property
    def url(self) -> str:
        return str(self.facts.get("url", ""))

    def text(self) -> str:
        return f"{self.key} {self.time} {json.dumps(self.facts, separators=(',', ':'))}\n"


def still_wacz(source: BinaryIO | RandomAccess) -> Appended | None:
    """The bytes that follow the whole file so that it is the still archive; None when it holds no DOM of a page of the web.

    Same input, same bytes. Raises: BadContainer for an archive that breaks a limit or cannot be read; StorageError.
    """
    data, close = as_source(source)
    try:
        return _stilled(data)
    finally:
        close()


def _stilled(data: RandomAccess) -> Appended | None:
    with open_wacz(data) as wacz:
        lines = list(_index_lines(wacz))
        standing = {line.url.removeprefix(DOM): line for line in lines if line.url.startswith((f"{DOM}http:", f"{DOM}https:"))}
        documents = list(_documents(wacz, standing))
        if not documents:
            return None
        keys = {line.url: line.key for line in lines}
        warc, written = bytearray(), []
        for url, line, body in documents:
            record = _record(url, line.time, body)
            facts: dict[str, object] = {
                "url": url,
                "mime": "text/html",
                "status": "200",
                "filename": WARC.removeprefix("archive/"),
            }
            facts |= {"offset": str(len(warc)), "length": str(len(record))}
            written.append(_Line(keys.get(url) or sort_key(url), line.time, facts))
            warc += record
        replaced = {url for url, _line, _body in documents}
        index = sorted(line.text() for line in [*(one for one in lines if one.url not in replaced), *written])
        made = {WARC: bytes(warc)} | _index_files(index)
        kept = [*wacz.warc_paths(), *(name for name in wacz.names() if name == "pages/pages.jsonl")]
        made[PACKAGE] = _package(made)
        return append_to_zip(data, [wacz.zip.entry(name) for name in kept], made)


def sort_key(url: str) -> str:
    """The key under which players look an address up: host reversed, `www.` dropped, lower case, query sorted."""
    parts = urlsplit(url.lower())
    host = re.sub(r"^www\d*\.", "", parts.hostname or "")
    port = f":{parts.port}" if parts.port else ""
    query = urlencode(sorted(parse_qsl(parts.query, keep_blank_values=True)))
    return f"{','.join(reversed(host.split('.')))}{port}){parts.path or '/'}{'?' + query if query else ''}"


def _index_lines(wacz: Wacz) -> Iterator[_Line]:
    """Every line that can be read. Lines of a strange shape are left out: the record is then not found, as in any player."""
    names = [name for name in wacz.names() if name.startswith("indexes/") and name.endswith((".cdx.gz", ".cdx", ".cdxj"))]
    left = INDEX_LIMIT_BYTES
    for name in names:
        with wacz.open(name) as stream:
            stored = Window(as_source(stream)[0], 0, wacz.zip.entry(name).size_bytes)
            text = DecodedStream(stored, DecodingLimits(total_bytes=left)).take_all(left)
        left -= len(text)
        for line in text.decode("utf-8", "replace").splitlines():
            if (match := _LINE.fullmatch(line)) is not None and isinstance(facts := _object(match[3]), dict):
                yield _Line(match[1], match[2], facts)


def _documents(wacz: Wacz, standing: dict[str, _Line]) -> Iterator[tuple[str, _Line, bytes]]:
    """Address, line and DOM of each, without what would run or lead away; at most DOCUMENTS_LIMIT.

    Raises: BadContainer, also when they hold more than DOCUMENTS_LIMIT_BYTES together: half of a page is not how it stood.
    """
    left = DOCUMENTS_LIMIT_BYTES
    for url, line in list(standing.items())[:DOCUMENTS_LIMIT]:
        stored = _document(wacz, line, min(left, DOCUMENT_LIMIT_BYTES))
        left -= len(stored)
        yield url, line, without_scripts(stored.decode("utf-8", "replace")).encode()


def _document(wacz: Wacz, line: _Line, limit_bytes: int) -> bytes:
    """The DOM as stored. Raises: BadContainer."""
    name = f"archive/{line.facts.get('filename', '')}"
    offset, length = (_number(line, part) for part in ("offset", "length"))
    with wacz.open(name) as stream:
        place = Window(as_source(stream)[0], offset, length)
        record = next(iter_records(place, limits=WarcLimits(record_bytes=limit_bytes)), None)
        if record is None or record.target_uri != line.url:
            raise BadContainer("wacz", line.url[:200], "its record is not where the index says")
        return record.read(limit_bytes)


def _number(line: _Line, member: str) -> int:
    text = str(line.facts.get(member, ""))
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise BadContainer("wacz", line.url[:200], f"its {member} is no number")
    return int(text)


def _record(url: str, time: str, body: bytes) -> bytes:
    """One gzipped response record; its id and date follow from what it holds."""
    lines = ("HTTP/1.1 200 OK", "Content-Type: text/html; charset=utf-8", f"Content-Length: {len(body)}", f"{STILL_HEADER}: 1")
    head = "".join(f"{line}\r\n" for line in (*lines, "")).encode()
    digest = hashlib.sha256(body).hexdigest()
    date = f"{time[:4]}-{time[4:6]}-{time[6:8]}T{time[8:10]}:{time[10:12]}:{time[12:]}Z"
    fields = {
        "WARC-Type": "response",
        "WARC-Target-URI": url,
        "WARC-Date": date,
        "WARC-Record-ID": f"<urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'{url} {digest}')}>",
        "WARC-Payload-Digest": f"sha256:{digest}",
        "Content-Type": "application/http; msgtype=response",
        "Content-Length": str(len(head) + len(body)),
    }
    described = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return gzip.compress(f"WARC/1.1\r\n{described}\r\n".encode() + head + body + b"\r\n\r\n", mtime=0)


def _index_files(lines: list[str]) -> dict[str, bytes]:
    """The index in gzip members of BLOCK_LINES lines, and the index of these. Source: WACZ 1.1.1 section 5.1."""
    packed, blocks = bytearray(), ['!meta 0 {"format":"cdxj-gzip-1.0","filename":"index.cdx.gz"}\n']
    for at in range(0, len(lines), BLOCK_LINES):
        block = gzip.compress("".join(lines[at : at + BLOCK_LINES]).encode(), mtime=0)
        facts = {"offset": len(packed), "length": len(block), "digest": f"sha256:{hashlib.sha256(block).hexdigest()}"}
        blocks.append(f"{' '.join(lines[at].split(' ', 2)[:2])} {json.dumps(facts | {'filename': 'index.cdx.gz'})}\n")
        packed += block
    return {INDEX: bytes(packed), BLOCKS: "".join(blocks).encode()}


def _package(made: dict[str, bytes]) -> bytes:
    """A datapackage of what was made here. No signature: nobody vouches for a working copy."""
    listed = [
        {"name": name.rsplit("/", 1)[1], "path": name, "hash": f"sha256:{hashlib.sha256(data).hexdigest()}", "bytes": len(data)}
        for name, data in sorted(made.items())
    ]
    package = {"profile": "data-package", "wacz_version": "1.1.1", "software": "Holdstill: a working copy", "resources": listed}
    return json.dumps(package).encode()


def _object(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
