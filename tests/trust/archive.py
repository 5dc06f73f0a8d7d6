"""A small, real WACZ for tests: one page, its WARC by warcio, signed like an extension would, or wrongly on purpose."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import zipfile
from collections.abc import Callable

from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

PAGE = "https://news.example/story"
CREATED = "2026-01-02T03:04:05.000Z"
SignDigest = Callable[[str], dict[str, str]]


def make_warc(body: bytes, url: str = PAGE) -> bytes:
    """A gzipped WARC/1.1 with one response, SHA-256 digests in hex."""
    out = io.BytesIO()
    writer = WARCWriter(out, gzip=True, warc_version="1.1")
    http = StatusAndHeaders("200 OK", [("Content-Type", "text/html"), ("Content-Length", str(len(body)))], protocol="HTTP/1.1")
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n" % len(body)
    headers = {
        "WARC-Date": "2026-01-02T03:04:05Z",
        "WARC-Record-ID": "<urn:uuid:00000000-0000-4000-8000-000000000001>",
        "WARC-Payload-Digest": f"sha256:{hashlib.sha256(body).hexdigest()}",
        "WARC-Block-Digest": f"sha256:{hashlib.sha256(head + body).hexdigest()}",
    }
    record = writer.create_warc_record(url, "response", payload=io.BytesIO(body), http_headers=http, warc_headers_dict=headers)
    writer.write_record(record)
    return out.getvalue()


def make_wacz(
    sign: SignDigest | None,
    *,
    body: bytes = b"<h1>A story</h1>",
    warc: bytes | None = None,
    undeclared: dict[str, bytes] | None = None,
) -> bytes:
    """A WACZ 1.1.1. sign: gives the `signedData` for the text "sha256:<hex of datapackage.json>", None leaves it out."""
    warc = warc or make_warc(body)
    cdx = gzip.compress(
        f'example,news)/story 20260102030405 {{"url":"{PAGE}","mime":"text/html","status":"200","filename":"data.warc.gz",'
        f'"offset":"0","length":"{len(warc)}"}}\n'.encode(),
        mtime=0,
    )
    page = {"id": "p1", "url": PAGE, "ts": CREATED, "title": "A story"}
    files = {
        "archive/data.warc.gz": warc,
        "indexes/index.cdx.gz": cdx,
        "indexes/index.idx": b'!meta 0 {"format":"cdxj-gzip-1.0","filename":"index.cdx.gz"}\n'
        + b'example,news)/story 20260102030405 {"offset":0,"length":%d,"digest":"sha256:%s"}\n'
        % (len(cdx), hashlib.sha256(cdx).hexdigest().encode()),
        "pages/pages.jsonl": b'{"format":"json-pages-1.0","id":"pages","title":"Pages"}\n' + json.dumps(page).encode() + b"\n",
    }
    package = {
        "profile": "data-package",
        "wacz_version": "1.1.1",
        "software": "simulator",
        "created": CREATED,
        "resources": [
            {
                "name": name.rsplit("/", 1)[1],
                "path": name,
                "hash": f"sha256:{hashlib.sha256(data).hexdigest()}",
                "bytes": len(data),
            }
            for name, data in files.items()
        ],
    }
    datapackage = json.dumps(package, indent=1).encode()
    text = f"sha256:{hashlib.sha256(datapackage).hexdigest()}"
    digest: dict[str, object] = {"path": "datapackage.json", "hash": text}
    if sign is not None:
        digest["signedData"] = sign(text)
    files |= {"datapackage.json": datapackage, "datapackage-digest.json": json.dumps(digest).encode(), **(undeclared or {})}
    return stored_zip(files)


def signed_data(text: str, raw_signature: bytes, spki_der: bytes) -> dict[str, str]:
    """The anonymous `signedData` of wacz-auth."""
    return {
        "hash": text,
        "signature": base64.b64encode(raw_signature).decode(),
        "publicKey": base64.b64encode(spki_der).decode(),
        "created": CREATED,
        "software": "simulator",
    }


def stored_zip(files: dict[str, bytes]) -> bytes:
    """A zip of stored entries with a fixed time."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data)
    return out.getvalue()
