"""Files as responses: streamed from the store in threads, one byte range at a time (RFC 9110 section 14)."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import BinaryIO

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from storage.hashing import CHUNK_BYTES

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)
INERT_TYPES = frozenset({"image/png", "image/jpeg", "image/webp", "image/gif", "application/wacz+zip", "application/zip"})


@dataclass(frozen=True)
class ServedFile:
    """A file to send: its name for the person, media type, size and SHA-256 (the ETag)."""

    name: str
    media_type: str
    size_bytes: int
    sha256: str

    def headers(self) -> dict[str, str]:
        """Always an attachment, never a page: what a captured site wrote must not run here."""
        return {
            "Accept-Ranges": "bytes",
            "Cache-Control": "private, no-cache",
            "Content-Disposition": f'attachment; filename="{self.name}"',
            "ETag": f'"{self.sha256}"',
            "Content-Security-Policy": "sandbox; default-src 'none'",
        }

    def safe_type(self) -> str:
        """The media type if no browser acts on it, else octets."""
        return self.media_type if self.media_type in INERT_TYPES else "application/octet-stream"


def head_response(file: ServedFile) -> Response:
    """The headers of the whole file."""
    headers = file.headers() | {"Content-Length": str(file.size_bytes)}
    return Response(status_code=HTTPStatus.OK, headers=headers, media_type=file.safe_type())


def file_response(request: Request, file: ServedFile, open_range: Callable[[int, int], BinaryIO]) -> Response:
    """The file or the one range asked for: 200, 206, or 416. Several ranges at once are answered with the whole file.

    `open_range(offset, length)` gives a blocking stream, closed here.
    """
    span = _span(request, file)
    if span is None:
        return Response(
            status_code=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers={"Content-Range": f"bytes */{file.size_bytes}"}
        )
    offset, length, partial = span
    headers = file.headers() | {"Content-Length": str(length)}
    status = HTTPStatus.OK
    if partial:
        status = HTTPStatus.PARTIAL_CONTENT
        headers["Content-Range"] = f"bytes {offset}-{offset + length - 1}/{file.size_bytes}"
    return StreamingResponse(
        _pieces(open_range, offset, length), status_code=status, headers=headers, media_type=file.safe_type()
    )


async def _pieces(open_range: Callable[[int, int], BinaryIO], offset: int, length: int) -> AsyncIterator[bytes]:
    stream = await asyncio.to_thread(open_range, offset, length)
    try:
        while length > 0 and (piece := await asyncio.to_thread(stream.read, min(CHUNK_BYTES, length))):
            length -= len(piece)
            yield piece
    finally:
        await asyncio.to_thread(stream.close)


def _span(request: Request, file: ServedFile) -> tuple[int, int, bool] | None:
    """(offset, length, True) of a range that was asked for, even if it is the whole; (0, size, False) when no usable one was;
    None when it lies outside."""
    whole = (0, file.size_bytes, False)
    if request.headers.get("if-range", f'"{file.sha256}"') != f'"{file.sha256}"':
        return whole
    match = _RANGE.fullmatch(request.headers.get("range", "").replace(" ", ""))
    if match is None or (not match[1] and not match[2]):
        return whole
    if not match[1]:  # the last N bytes
        length = min(int(match[2]), file.size_bytes)
        return (file.size_bytes - length, length, True) if length > 0 else None
    first = int(match[1])
    last = min(int(match[2]), file.size_bytes - 1) if match[2] else file.size_bytes - 1
    if match[2] and int(match[2]) < first:
        return whole
    return (first, last - first + 1, True) if first < file.size_bytes else None
