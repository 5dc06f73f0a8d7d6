"""The pictures of one capture, read out of its artifacts one after the other: network bodies, picked originals, screenshots.

Archives are hostile: bodies, their number and their sum are capped; what a cap leaves out has its own outcome or is counted.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

from server.captures.checks.coding import decoded_body
from server.captures.checks.container import PAGEINFO_LIMIT_BYTES
from server.captures.models import Artifact
from storage.errors import BadContainer
from storage.hashing import hash_bytes
from storage.wacz import open_wacz
from storage.warc import WarcRecord

BODY_LIMIT_BYTES = 64 << 20
CODED_LIMIT_BYTES = 8 << 20
TOTAL_LIMIT_BYTES = 2 << 30
PICTURES_LIMIT = 3_000
_REST = f"more than {PICTURES_LIMIT} pictures or {TOTAL_LIMIT_BYTES} bytes when decoded: the rest was not read"
_MAGIC = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*")
_PAGE_MADE = "urn:"
Open = Callable[[Artifact], BinaryIO]


@dataclass(frozen=True)
class FoundPicture:
    """One picture of a capture. data: its bytes as a file, None when they were not read (then `outcome` and `reason` say why).

    artifact: the file of the capture it came from. url: its own address, or the page's for a screenshot.
    """

    sha256: str
    size_bytes: int
    kind: str
    artifact: str
    source: str
    url: str
    data: bytes | None
    outcome: str = ""
    reason: str = ""


@dataclass
class Finding:
    """What the pass over a capture leaves behind: the archive's own account, and what limits kept out. total_bytes: decoded."""

    pageinfo: dict[str, object] | None = None
    total_bytes: int = 0
    pictures: int = 0
    problems: list[str] = field(default_factory=list)

    def note(self, problem: str) -> None:
        """Keeps the problem, each once."""
        if problem not in self.problems:
            self.problems.append(problem)


def pictures_of(artifacts: tuple[Artifact, ...], page_url: str, open_artifact: Open, found: Finding) -> Iterator[FoundPicture]:
    """Every picture, in the order of the artifacts. Blocking. Raises: StorageError (the bytes cannot be read: call again)."""
    for artifact in artifacts:
        if artifact.role == "page.wacz":
            try:
                with open_artifact(artifact) as stream:
                    yield from _archived(stream, artifact, found)
            except BadContainer as error:
                found.problems.append(f"{artifact.name} cannot be read to its end: {str(error)[:200]}")
        elif artifact.role in ("screenshot.viewport", "screenshot.full"):
            yield _whole(artifact, ("screenshot", "screenshot", page_url), open_artifact, found)
        elif artifact.role == "image" or (artifact.role == "upload" and artifact.media_type.startswith("image/")):
            source = "picked" if artifact.role == "image" else "upload"
            yield _whole(artifact, ("file", source, ""), open_artifact, found)


def _whole(artifact: Artifact, place: tuple[str, str, str], open_artifact: Open, found: Finding) -> FoundPicture:
    kind, source, url = place
    found.pictures += 1
    if artifact.size_bytes > BODY_LIMIT_BYTES:
        reason = f"{artifact.size_bytes} bytes are above the limit of {BODY_LIMIT_BYTES}"
        return FoundPicture(
            artifact.sha256, artifact.size_bytes, kind, artifact.name, source, url, None, "too_many_bytes", reason
        )
    with open_artifact(artifact) as stream:
        data = stream.read(BODY_LIMIT_BYTES + 1)
    return FoundPicture(hash_bytes(data), len(data), kind, artifact.name, source, url, data)


def _archived(stream: BinaryIO, artifact: Artifact, found: Finding) -> Iterator[FoundPicture]:
    with open_wacz(stream) as wacz:
        for record in wacz.records():
            picture = picture_in(record, artifact.name, found)
            if picture is not None:
                yield picture


def picture_in(record: WarcRecord, artifact: str, found: Finding) -> FoundPicture | None:
    """The picture that a record holds, None for any other record; `artifact`: the file it came from. Raises: BadContainer."""
    url = record.target_uri or ""
    if url.startswith("urn:pageinfo:") and found.pageinfo is None:
        found.pageinfo = _object(record)
        return None
    if record.type not in ("response", "resource") or url.startswith(_PAGE_MADE) or not record.payload_left:
        return None
    headers = {name.lower(): value for name, value in reversed(record.http_headers().fields)}
    mime = (headers.get("content-type", "") if record.http_head is not None else record.content_type or "").strip().lower()
    size_bytes = record.payload_left
    chunks = record.chunks()
    start = bytes(next(chunks, b""))
    if not mime.startswith("image/") and not is_picture(start):
        return None
    if found.pictures >= PICTURES_LIMIT or found.total_bytes + size_bytes > TOTAL_LIMIT_BYTES:
        found.note(_REST)
        return None
    found.pictures += 1
    if size_bytes > BODY_LIMIT_BYTES:
        found.note(f"{url[:200]}: {size_bytes} bytes are above the limit of {BODY_LIMIT_BYTES}")
        return None
    plain = _decoded(start + b"".join(bytes(piece) for piece in chunks), headers.get("content-encoding", ""), url, found)
    if plain is None:
        return None
    return FoundPicture(hash_bytes(plain), len(plain), "file", artifact, "network", url[:4000], plain)


def _decoded(body: bytes, coding: str, url: str, found: Finding) -> bytes | None:
    """The body without its content coding, None (and a problem) if that cannot be had within the limits. Counted is what was
    decoded, also of a body that is then refused: the work was done."""
    room_bytes = TOTAL_LIMIT_BYTES - found.total_bytes
    limit_bytes = min(CODED_LIMIT_BYTES, room_bytes)
    plain = decoded_body(body, coding, limit_bytes + 1)
    found.total_bytes += len(body if plain is None else plain)
    if plain is None:
        found.note(f"{url[:200]}: a content coding that is not read here, or one that is broken or cut off")
    elif plain is not body and len(plain) > limit_bytes:
        found.note(f"{url[:200]}: more than {limit_bytes} bytes when decoded" if limit_bytes < room_bytes else _REST)
    else:
        return plain
    return None


def is_picture(start: bytes) -> bool:
    """Whether the first bytes are those of a picture format, whatever its type says."""
    return (
        start.startswith(_MAGIC) or (start[:4] == b"RIFF" and start[8:12] == b"WEBP") or start[4:12] in (b"ftypavif", b"ftypheic")
    )


def _object(record: WarcRecord) -> dict[str, object] | None:
    try:
        parsed = json.loads(record.read(PAGEINFO_LIMIT_BYTES))
    except (BadContainer, ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None


Rectangle = tuple[float, float, float, float]
KINDS = frozenset({"img", "input", "svg", "poster", "video", "canvas", "background", "before", "after"})


@dataclass(frozen=True)
class ImageBox:
    """Where an image stood on the page, as the page's own account says: x, y, width, height in CSS pixels of its frame.

    url: "" for one without an address of the web. at: of one in a frame, its visible part in the page itself, None if not known.
    kind: one of KINDS, "" in captures made before there were kinds.
    """

    url: str
    frame_url: str
    box: Rectangle
    is_loaded: bool = True
    kind: str = ""
    at: Rectangle | None = None


BOXES_LIMIT = 2_000


def image_boxes(pageinfo: Mapping[str, object] | None) -> list[ImageBox]:
    """The boxes in `images` of the archive's account (docs/formats.md section 7), malformed ones left out."""
    listed = (pageinfo or {}).get("images")
    boxes = []
    for one in (listed if isinstance(listed, list) else [])[:BOXES_LIMIT]:
        place = _rectangle(one.get("box")) if isinstance(one, dict) else None
        if place is None or not isinstance(one.get("url"), str):
            continue
        natural, frame, kind = one.get("natural"), one.get("frameUrl"), one.get("kind")
        is_loaded = not (isinstance(natural, dict) and natural.get("width") == 0)
        frame_url = _address(frame) if isinstance(frame, str) else ""
        known = kind if isinstance(kind, str) and kind in KINDS else ""
        boxes.append(ImageBox(_address(one["url"]), frame_url, place, is_loaded, known, _rectangle(one.get("at"))))
    return boxes


def _address(text: str) -> str:
    """At most 4,000 characters that can be stored: JSON may hold halves of surrogate pairs, and NUL."""
    return text[:4000].replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


def _rectangle(box: object) -> Rectangle | None:
    """x, y, width, height; None for what is none, or without an area."""
    if not isinstance(box, dict):
        return None
    numbers = [box.get(name) for name in ("x", "y", "width", "height")]
    plain = [float(n) for n in numbers if isinstance(n, int | float) and not isinstance(n, bool) and abs(n) < 1e7]
    return (plain[0], plain[1], plain[2], plain[3]) if len(plain) == 4 and plain[2] > 0 and plain[3] > 0 else None
