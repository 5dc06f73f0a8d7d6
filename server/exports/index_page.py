"""data/index.html of a bundle: what is in it, for a reader with nothing but a browser. No script, nothing fetched."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape

from server.captures.models import Artifact
from server.exports.models import Export
from server.trust.statement import CaptureStatement
from server.visible import visible

STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1d2421}"
    "section{border:1px solid #dedfd8;border-radius:10px;padding:1rem 1.25rem;margin:1rem 0}"
    "dl{display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1.25rem;margin:0}"
    "dt{color:#56605b}dd{margin:0;overflow-wrap:anywhere}"
    "h1{font-size:1.5rem}h2{font-size:1.05rem;margin:0 0 .5rem;overflow-wrap:anywhere}"
    "img{max-width:100%;max-height:30rem;border:1px solid #dedfd8;border-radius:6px;display:block;margin:.75rem 0}"
    "code{font-size:.8125rem;overflow-wrap:anywhere}ul{padding-left:1.25rem}"
)
POLICY = "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'"
NO_DOCUMENTS: Mapping[str, str] = {}
SHOWN_TYPES = ("image/png", "image/jpeg", "image/webp", "image/gif")


@dataclass(frozen=True)
class IndexEntry:
    """One capture of the bundle."""

    capture_id: str
    statement: CaptureStatement
    received_at: datetime
    artifacts: tuple[Artifact, ...]


def index_page(export: Export, entries: Sequence[IndexEntry], documents: Mapping[str, str] = NO_DOCUMENTS) -> bytes:
    """The page as UTF-8. Deterministic: the same export gives the same bytes, however often it is made.

    documents: path below `data/` → what it is, for a bundle that has more than captures.
    """
    links = "".join(f'<li><a href="{escape(path)}">{_shown(says)}</a></li>' for path, says in documents.items())
    more = f"<section><h2>Documents</h2><ul>{links}</ul></section>" if documents else ""
    body = "".join(_section(entry) for entry in entries)
    facts = _facts(
        [
            ("Recipient", export.recipient),
            ("Purpose", export.purpose),
            ("Asked for", _moment(export.requested_at)),
            ("Captures", str(len(entries))),
        ]
    )
    page = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Evidence bundle</title><style>{STYLE}</style></head>"
        f"<body><h1>Evidence bundle</h1><section>{facts}</section>{more}{body}"
        "<p>This page is a reading aid. What proves anything is in the signed files: see VERIFY.md beside the data folder, "
        "and verify with a policy file that did not come with this bundle.</p></body></html>\n"
    )
    return page.encode("utf-8", "backslashreplace")


def _section(entry: IndexEntry) -> str:
    folder = f"captures/{entry.capture_id}"
    statement = entry.statement
    facts = _facts(
        [
            ("Address", statement.final_url or statement.url),
            ("Device clock", _moment(statement.captured_at)),
            ("Received", _moment(entry.received_at)),
            ("Mode", statement.mode),
            ("Capture id", entry.capture_id),
        ]
    )
    shot = next((one for one in entry.artifacts if one.role.startswith("screenshot") and one.media_type in SHOWN_TYPES), None)
    picture = f'<img src="{folder}/{escape(shot.name)}" alt="Screenshot">' if shot is not None else ""
    files = "".join(
        f'<li><a href="{folder}/{escape(one.name)}">{_shown(one.name)}</a> {one.size_bytes} bytes <code>{one.sha256}</code></li>'
        for one in entry.artifacts
    )
    title = _shown(statement.title or statement.url)
    return f"<section><h2>{title}</h2>{facts}{picture}<ul>{files}</ul></section>"


def _facts(rows: Sequence[tuple[str, str]]) -> str:
    return "<dl>" + "".join(f"<dt>{escape(name)}</dt><dd>{_shown(value)}</dd>" for name, value in rows) + "</dl>"


def _shown(text: str) -> str:
    return escape(visible(text))


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
