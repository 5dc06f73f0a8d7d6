"""Captures whose page archive holds pictures, sent the way the extension sends them."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from tests.trust.archive import PAGE, make_wacz
from tests.web.site import Device, Site, picture

TYPES = {b"\x89PN": "image/png", b"\xff\xd8\xff": "image/jpeg", b"<sv": "image/svg+xml"}


def warc_of(bodies: Mapping[str, bytes], pageinfo: Mapping[str, object] | None = None) -> bytes:
    """A gzipped WARC with one response for each address, and the archive's own account when there is one."""
    out = io.BytesIO()
    writer = WARCWriter(out, gzip=True, warc_version="1.1")
    date = {"WARC-Date": "2026-01-02T03:04:05Z"}
    for number, (url, body) in enumerate(bodies.items()):
        kind = TYPES.get(body[:3], "text/html")
        fields = [("Content-Type", kind), ("Content-Length", str(len(body)))]
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        headers = date | {
            "WARC-Record-ID": f"<urn:uuid:00000000-0000-4000-8000-{number:012d}>",
            "WARC-Payload-Digest": f"sha256:{hashlib.sha256(body).hexdigest()}",
            "WARC-Block-Digest": f"sha256:{hashlib.sha256(head + body).hexdigest()}",
        }
        http = StatusAndHeaders("200 OK", fields, protocol="HTTP/1.1")
        record = writer.create_warc_record(
            url, "response", payload=io.BytesIO(body), http_headers=http, warc_headers_dict=headers
        )
        writer.write_record(record)
    if pageinfo is not None:
        body = json.dumps(pageinfo).encode()
        record = writer.create_warc_record(
            f"urn:pageinfo:{PAGE}",
            "resource",
            payload=io.BytesIO(body),
            warc_content_type="application/json",
            warc_headers_dict=date,
        )
        writer.write_record(record)
    return out.getvalue()


async def capture_page(
    device: Device,
    bodies: Mapping[str, bytes],
    *,
    images: Sequence[Mapping[str, object]] | None = None,
    shot: bytes | None = None,
    **changes: Any,
) -> str:
    """A sealed capture of a page with these pictures; `images` are the boxes that the browser gave. Gives the capture id."""
    pageinfo = {"url": PAGE, "resources": [], "omitted": [], "images": list(images or [])}
    archive = make_wacz(device.keys.sign_page_digest, warc=warc_of({PAGE: b"<h1>A page</h1>", **bodies}, pageinfo))
    sent = {"page.wacz": archive, "screenshot.viewport.png": shot or picture(words=secrets_of(bodies))}
    return await device.capture(sent, **changes)


def secrets_of(bodies: Mapping[str, bytes]) -> str:
    """Words that make each page's screenshot another file."""
    return hashlib.sha256(repr(sorted(bodies)).encode()).hexdigest()[:12]


async def indexed(site: Site, *capture_ids: str, operator: Any = None) -> None:
    """What the worker would do for these captures: read their pictures, then group them."""
    for capture_id in capture_ids:
        await site.services.images.indexer.run(capture_id)
    owner = operator or await site.services.operators.ensure_default_operator()
    await site.services.images.clustering.run(owner.organisation_id)
