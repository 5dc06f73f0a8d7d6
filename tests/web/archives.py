"""Page archives as the extension writes them: bodies, rendered text, and the list of what is missing."""

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from tests.trust.archive import PAGE, SignDigest, make_wacz


@dataclass
class Page:
    """A page: `bodies` (address, media type, bytes), `text` as rendered, and what is missing (address, type, reason); the text of
    `frames` by address, the text `before` a second load."""

    bodies: Sequence[tuple[str, str, bytes]]
    text: str
    omitted: Sequence[tuple[str, str, str]] = ()
    headers: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)
    url: str = PAGE
    note: str = ""
    frames: Mapping[str, str] = field(default_factory=dict)
    before: str = ""

    @property
    def pageinfo(self) -> dict[str, object]:
        """The list that the archive holds."""
        return {
            "url": self.url,
            "resources": [
                {"url": url, "type": "Other", "status": 200, "mime": mime, "source": "live_memory",
                 "sha256": hashlib.sha256(body).hexdigest(), "sizeBytes": len(body)}
                for url, mime, body in self.bodies
            ],
            "omitted": [{"url": url, "type": kind, "reason": reason} for url, kind, reason in self.omitted],
            "steps": [{"name": "read bodies", "outcome": "PASSED", "reason": "", "ms": 1}],
        }  # fmt: skip

    @property
    def counts(self) -> dict[str, object]:
        """The statement's `pageinfo`."""
        return {"captured": len(self.bodies), "omitted": len(self.omitted), "failedSteps": []}

    def wacz(self, sign: SignDigest | None = None, *, pageinfo: dict[str, object] | None = None) -> bytes:
        """The archive's bytes."""
        out = io.BytesIO()
        writer = WARCWriter(out, gzip=True, warc_version="1.1")
        for url, mime, body in self.bodies:
            headers = [("Content-Type", mime), *self.headers.get(url, [("Content-Length", str(len(body)))])]
            _write(
                writer, "response", url, (body, mime), StatusAndHeaders("200 OK", headers, protocol="HTTP/1.1"), note=self.note
            )
        made = {
            f"urn:text:{self.url}": (self.text.encode(), "text/plain; charset=utf-8"),
            f"urn:pageinfo:{self.url}": (json.dumps(pageinfo or self.pageinfo).encode(), "application/json"),
        }
        made |= {f"urn:text:{url}": (text.encode(), "text/plain; charset=utf-8") for url, text in self.frames.items()}
        if self.before:
            made[f"urn:text-before:{self.url}"] = (self.before.encode(), "text/plain; charset=utf-8")
        for url, content in made.items():
            _write(writer, "resource", url, content, None)
        return make_wacz(sign, warc=out.getvalue())


def _write(
    writer: WARCWriter, kind: str, url: str, content: tuple[bytes, str], http: StatusAndHeaders | None, *, note: str = ""
) -> None:
    body, mime = content
    headers = {
        "WARC-Date": "2026-01-02T03:04:05Z",
        "WARC-Payload-Digest": f"sha256:{hashlib.sha256(body).hexdigest()}",
        "WARC-JSON-Metadata": json.dumps({"source": "live_memory" if http else "generated", **({"note": note} if note else {})}),
    }
    record = writer.create_warc_record(
        url,
        kind,
        payload=io.BytesIO(body),
        length=len(body),
        http_headers=http,
        warc_headers_dict=headers,
        warc_content_type="" if http else mime,
    )
    writer.write_record(record)
