"""Archives for tests, good and bad, written here and not with the code under test."""

import base64
import gzip
import hashlib
import io
import json
import zipfile
from dataclasses import dataclass, field

CRLF = b"\r\n"
CREATED = "2026-01-02T03:04:05Z"


def digest(data: bytes, algorithm: str = "sha256") -> str:
    """`algorithm:hex`."""
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


def base32_digest(data: bytes, algorithm: str = "sha1") -> str:
    """`algorithm:BASE32`, as most other tools write it."""
    return f"{algorithm}:{base64.b32encode(hashlib.new(algorithm, data).digest()).decode()}"


def http(body: bytes, *headers: str, start: str = "HTTP/1.1 200 OK") -> tuple[bytes, bytes]:
    """HTTP head (with its empty line) and body."""
    return "\r\n".join([start, *headers, "", ""]).encode(), body


@dataclass
class Record:
    """A WARC record. Digests: None leaves the header out, "" computes the true one."""

    type: str = "response"
    uri: str = "https://example.org/"
    head: bytes = b""
    body: bytes = b""
    block_digest: str | None = ""
    payload_digest: str | None = ""
    headers: list[str] = field(default_factory=list)
    content_type: str | None = None

    def warc(self) -> bytes:
        """The record as plain bytes."""
        block = self.head + self.body
        content_type = self.content_type or ("application/http; msgtype=response" if self.head else "text/plain")
        lines = [
            *("WARC/1.1", f"WARC-Type: {self.type}", f"WARC-Record-ID: <urn:uuid:{hashlib.md5(block).hexdigest()}>"),
            *(f"WARC-Target-URI: {self.uri}", "WARC-Date: 2026-01-02T03:04:05Z", f"Content-Type: {content_type}"),
            *([] if self.block_digest is None else [f"WARC-Block-Digest: {self.block_digest or digest(block)}"]),
            *([] if self.payload_digest is None else [f"WARC-Payload-Digest: {self.payload_digest or digest(self.body)}"]),
            *self.headers,
            *(f"Content-Length: {len(block)}", "", ""),
        ]
        return "\r\n".join(lines).encode() + block + CRLF + CRLF

    def warc_gz(self, level: int = 6) -> bytes:
        """The record as one gzip member."""
        return gzip.compress(self.warc(), level, mtime=0)


def response(body: bytes, *headers: str, **fields: object) -> Record:
    """A `200 OK` with this body."""
    head, body = http(body, "Content-Type: text/html", *headers)
    return Record(head=head, body=body, **fields)  # type: ignore[arg-type]


def good_warc() -> bytes:
    """Three records: response, request, resource."""
    records = [
        response(b"<p>hello</p>"),
        Record("request", head=http(b"", start="GET / HTTP/1.1")[0], content_type="application/http; msgtype=request"),
        Record("resource", "urn:text:https://example.org/", body=b"hello"),
    ]
    return b"".join(record.warc_gz() for record in records)


def wacz(
    files: dict[str, bytes] | None = None,
    *,
    datapackage: dict[str, object] | None = None,
    signed_hash: str | None = None,
    undeclared: dict[str, bytes] | None = None,
    with_digest: bool = True,
) -> bytes:
    """A WACZ of these files; what is given by name replaces the true part."""
    files = (
        {"archive/data.warc.gz": good_warc(), "pages/pages.jsonl": b'{"format":"json-pages-1.0"}\n'} if files is None else files
    )
    resources = [
        {"name": path.rsplit("/", 1)[-1], "path": path, "hash": digest(data), "bytes": len(data)} for path, data in files.items()
    ]
    package = json.dumps(
        datapackage or {"profile": "data-package", "wacz_version": "1.1.1", "created": CREATED, "resources": resources}
    ).encode()
    signed = {"hash": signed_hash or digest(package), "signature": "c2ln", "publicKey": "a2V5", "created": CREATED}
    entries = {**files, **(undeclared or {}), "datapackage.json": package}
    if with_digest:
        entries["datapackage-digest.json"] = json.dumps(
            {"path": "datapackage.json", "hash": digest(package), "signedData": signed}
        ).encode()
    return zip_of(entries)


def zip_of(entries: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    """A plain zip file by the standard library."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in entries.items():
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return out.getvalue()
