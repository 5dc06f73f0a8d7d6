"""Bodies without their content coding, under caps. A body is hostile: it may be a bomb, cut off, or a million tiny members."""

import zlib

MEMBERS_LIMIT = 10_000
_GZIP = b"\x1f\x8b"
_ZLIB_OR_GZIP, _GZIP_ONLY = 47, 31
_FIRST_FEED_BYTES, _FEED_BYTES = 4 << 10, 512 << 10


def decoded_body(body: bytes, coding: str, limit_bytes: int) -> bytes | None:
    """The body without gzip or deflate, at most `limit_bytes` of it; None for other codings, broken and cut off ones.

    All gzip members are decoded, one after the other, up to MEMBERS_LIMIT (more: None), also where a browser reads only the
    first; what lies behind the last one and is no member is ignored, as browsers do. A body that says gzip and is not (decoded by
    the browser already) is given as it is. Not said: whether it was cut at the limit; who must know allows for one byte more.
    Source: RFC 1952 section 2.2, RFC 9110 section 8.4.1.
    """
    name = coding.strip().lower()
    if name in ("", "identity") or (name in ("gzip", "x-gzip") and not body.startswith(_GZIP)):
        return body
    if name not in ("gzip", "x-gzip", "deflate"):
        return None
    try:
        if body.startswith(_GZIP):
            return _members(body, limit_bytes)
        data, _end = _stream(body, 0, limit_bytes, _ZLIB_OR_GZIP)
        return data
    except (zlib.error, EOFError):
        return None


def _members(body: bytes, limit_bytes: int) -> bytes | None:
    parts: list[bytes] = []
    place = size_bytes = 0
    for _ in range(MEMBERS_LIMIT + 1):
        if size_bytes >= limit_bytes or not body.startswith(_GZIP, place):
            return b"".join(parts)
        data, place = _stream(body, place, limit_bytes - size_bytes, _GZIP_ONLY)
        parts.append(data)
        size_bytes += len(data)
    return None


def _stream(body: bytes, place: int, limit_bytes: int, window_bits: int) -> tuple[bytes, int]:
    """(what the stream that begins at `place` decodes to, where it ends). It is fed in slices that grow, because zlib copies what
    lies behind a stream. Raises: zlib.error (broken), EOFError (it has no end)."""
    inflate = zlib.decompressobj(window_bits)
    feed_bytes, parts, left = _FIRST_FEED_BYTES, [], limit_bytes
    while not inflate.eof and left > 0:
        fed = body[place : place + feed_bytes]
        if not fed:
            raise EOFError
        parts.append(inflate.decompress(fed, left))
        left -= len(parts[-1])
        place += len(fed) - len(inflate.unconsumed_tail) - len(inflate.unused_data)
        feed_bytes = min(4 * feed_bytes, _FEED_BYTES)
    return b"".join(parts), place
