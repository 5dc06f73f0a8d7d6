"""The process that decodes untrusted pictures: bytes in, looks out, with a cap on its memory. Run by server.images.reader.

Frames on stdin and stdout: length of a JSON header (8 bytes, big-endian), the header, then the parts whose lengths it lists.
It ends when stdin ends. A decoder that breaks or wants too much memory ends this process only. Its one argument is how far it
yields to other processes (0: a person waits for the answer).
"""

from __future__ import annotations

import io
import json
import os
import resource
import struct
import sys
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

MEMORY_BYTES = 2 << 30
HEADER_LIMIT_BYTES = 1 << 20
THUMBNAIL_SIDE = 384
THUMBNAIL_QUALITY = 80


@dataclass(frozen=True)
class Frame:
    """One message: JSON facts and byte strings."""

    facts: dict[str, Any]
    parts: tuple[bytes, ...] = ()


def write_frame(out: BinaryIO, frame: Frame) -> None:
    """Writes the message whole. Raises: OSError."""
    header = json.dumps({**frame.facts, "parts": [len(part) for part in frame.parts]}).encode()
    out.write(struct.pack(">Q", len(header)) + header)
    for part in frame.parts:
        out.write(part)
    out.flush()


def read_frame(source: BinaryIO, *, limit_bytes: int) -> Frame | None:
    """The next message, None at the end of the stream. Raises: ValueError (not a frame, or its parts exceed the limit)."""
    start = source.read(8)
    if not start:
        return None
    length = struct.unpack(">Q", start)[0] if len(start) == 8 else HEADER_LIMIT_BYTES + 1
    if length > HEADER_LIMIT_BYTES:
        raise ValueError("not a frame")
    facts = json.loads(source.read(length))
    sizes = facts.pop("parts")
    if sum(sizes) > limit_bytes or min(sizes, default=0) < 0:
        raise ValueError("the parts are larger than allowed")
    parts = tuple(source.read(size) for size in sizes)
    if any(len(part) != size for part, size in zip(parts, sizes, strict=True)):
        raise ValueError("the message ends early")
    return Frame(facts, parts)


def main() -> None:
    """Answers one request after the other. Requests: {"op": "read"}, {"op": "signals", "anchors": …} or {"op": "crop", "boxes":
    [[left, top, right, bottom]]}. The first frame, {"ready": true}, comes when nothing is left to be loaded."""
    os.nice(int(sys.argv[1]))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    source, out = sys.stdin.buffer, os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # a library that prints must not spoil the frames
    from server.media.decode import MAX_BYTES

    _practise()
    write_frame(out, Frame({"ready": True}))
    while (asked := read_frame(source, limit_bytes=MAX_BYTES + 1)) is not None:
        write_frame(out, _answer(asked))


def _practise() -> None:
    """Reads a picture of its own: the libraries, half of which load themselves when first called, then wait for nobody's picture.

    Measured: the first picture of a process took 1.5 to 6 s without, 0.03 s with it.
    """
    import numpy as np
    from PIL import Image

    from server.media.provenance.reader import provenance_signals

    page = np.full((480, 640), 255, np.uint8)
    page[120:360, 160:480] = np.random.default_rng(1).integers(0, 255, (30, 40), np.uint8).repeat(8, 0).repeat(8, 1)
    out = io.BytesIO()
    Image.fromarray(page).convert("RGB").save(out, "JPEG")
    _look(out.getvalue())
    provenance_signals(out.getvalue())


def _answer(asked: Frame) -> Frame:
    from server.media.decode import UnreadablePicture

    try:
        if asked.facts["op"] == "crop":
            return _crops(asked.parts[0], asked.facts["boxes"])
        if asked.facts["op"] == "signals":
            return _signals(asked.parts[0], asked.facts["anchors"])
        return _look(asked.parts[0])
    except UnreadablePicture as error:
        return Frame({"outcome": error.code, "reason": error.reason})
    except MemoryError:
        return Frame({"outcome": "out_of_memory", "reason": "the picture needs more memory than it is given"})


def _look(data: bytes) -> Frame:
    """The look, what of it the index holds, and a thumbnail."""
    from server.media.features import INDEXED, NO_FEATURES, Features
    from server.media.look import look_at, to_bytes

    look = look_at(data)

    def strongest(found: Features) -> Features:
        return Features(found.points[:INDEXED], found.descriptors[:INDEXED])

    regions = tuple(replace(one, features=strongest(one.features)) for one in look.regions)
    indexed = replace(look, features=strongest(look.features), mirrored=NO_FEATURES, regions=regions, thumb=b"")
    picture = look.picture
    facts = {"format": picture.format, "width": picture.width, "height": picture.height, "notes": list(picture.notes)}
    return Frame({"outcome": "read", "reason": "", **facts}, (to_bytes(look), to_bytes(indexed), _thumbnail(data)))


def _signals(data: bytes, anchors: str | None) -> Frame:
    """What the file's words and codes say about its origin."""
    from server.media.provenance.reader import provenance_signals

    found = provenance_signals(data, anchors=anchors)
    return Frame({"outcome": "read", "reason": "", "signals": [one.as_json() for one in found]})


def _thumbnail(data: bytes) -> bytes:
    """The picture upright, at most THUMBNAIL_SIDE pixels wide and high, WebP without metadata."""
    from PIL import Image

    from server.media.decode import FORMATS, orientation_of, upright

    Image.MAX_IMAGE_PIXELS = None  # the cap was checked by look_at() on these very bytes
    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        image.draft("RGB", (THUMBNAIL_SIDE, THUMBNAIL_SIDE))
        small = image.copy()
        small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
        seen = upright(small, orientation_of(image)).convert("RGBA")
        flat = Image.new("RGBA", seen.size, "white")
        flat.alpha_composite(seen)
        out = io.BytesIO()
        flat.convert("RGB").save(out, "WEBP", quality=THUMBNAIL_QUALITY)
    return out.getvalue()


def _crops(data: bytes, boxes: list[list[int]]) -> Frame:
    """Each box (pixels) as a PNG; an empty part where the box lies outside the picture."""
    from PIL import Image

    from server.media.decode import MAX_PIXELS, UnreadablePicture

    Image.MAX_IMAGE_PIXELS = None
    parts = []
    try:
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "WEBP")) as image:
            if image.width * image.height > MAX_PIXELS:
                raise UnreadablePicture("too_many_pixels", f"{image.width} × {image.height} pixels are above the limit")
            frame = image.convert("RGB")
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise UnreadablePicture("broken", "the screenshot cannot be decoded") from error
    for box in boxes:
        left, top, right, bottom = max(0, box[0]), max(0, box[1]), min(frame.width, box[2]), min(frame.height, box[3])
        out = io.BytesIO()
        if right > left and bottom > top:
            frame.crop((left, top, right, bottom)).save(out, "PNG", compress_level=1)
        parts.append(out.getvalue())
    return Frame({"outcome": "read", "reason": ""}, tuple(parts))


if __name__ == "__main__":
    main()
