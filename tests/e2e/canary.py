"""Secrets that are planted and then looked for: in every byte, however it is packed, coded or escaped.

`search_everywhere(data, canaries)` is for both browsers. It opens what may be packed (zip, gzip members, zlib, brotli, PNG text
chunks, base64 runs) and undoes what may be escaped (percent signs, JSON, HTML, quoted-printable), again and again, and looks for
every spelling of every canary in each layer. Not found: a secret that is encrypted, or drawn as pixels.
"""

import base64
import contextlib
import html
import io
import json
import quopri
import re
import secrets
import subprocess
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote_to_bytes

DEPTH = 5
LAYER_BYTES = 64 << 20
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{24,}={0,2}")
_HEX = re.compile(rb"[0-9a-f]{24,128}")
_TEXT = re.compile(rb"[\t\n\r -~]")
_PACKED = (b"PK\x03\x04", b"\x1f\x8b", b"\x89PNG")
_ESCAPED = re.compile(rb"\\(?:u00([0-9a-fA-F]{2})|x([0-9a-fA-F]{2})|([/\"'\\]))")


@dataclass(frozen=True)
class Hit:
    """Where a secret was found: its name, the layers one opens to get there, how it is spelled there, what is around it."""

    name: str
    layers: str
    spelling: str
    around: bytes


def make_canaries(names: tuple[str, ...]) -> dict[str, str]:
    """For each name a value that is drawn anew: letters of both cases and digits, 26 characters, found nowhere by chance."""
    return {name: f"cN4{secrets.token_hex(6)}Qz{secrets.token_hex(4)}X{secrets.randbelow(90) + 10}" for name in names}


def spellings(value: str) -> dict[str, bytes]:
    """Each way that the layers below do not undo, and the plain one. Base64 at each of the three places it may begin."""
    raw = value.encode()
    found = {
        "plain": raw,
        "reversed": raw[::-1],
        "hex": raw.hex().encode(),
        "HEX": raw.hex().upper().encode(),
        "UTF-16LE": value.encode("utf-16-le"),
        "UTF-16BE": value.encode("utf-16-be"),
        "percent": "".join(f"%{byte:02x}" for byte in raw).encode(),
        "percent, quoted": quote(value, safe="").encode(),
    }
    for shift, shared in enumerate((0, 2, 3)):
        core = base64.b64encode(b"\0" * shift + raw)[shared : 8 * (shift + len(raw)) // 6]
        found[f"base64, {shift}"] = core
        found[f"base64url, {shift}"] = core.replace(b"+", b"-").replace(b"/", b"_")
    return found


def search_everywhere(data: bytes, canaries: Mapping[str, str], *, what: str = "") -> list[Hit]:
    """Every canary in `data`, each once for each layer and spelling."""
    wanted = [
        (name, how, found) for name, value in canaries.items() for how, found in spellings(value).items() if len(found) >= 12
    ]
    hits: list[Hit] = []
    seen: set[int] = set()
    open_layers = [(what, data, DEPTH)]
    while open_layers:
        layers, layer, depth = open_layers.pop()
        if len(layer) > LAYER_BYTES or hash(layer) in seen:
            continue
        seen.add(hash(layer))
        for name, how, found in wanted:
            if (at := layer.find(found)) >= 0:
                hits.append(Hit(name, layers, how, layer[max(0, at - 60) : at + len(found) + 20]))
        if depth > 0:
            open_layers += [(f"{layers} > {kind}", inner, depth - 1) for kind, inner in _unpacked(layer)]
    return hits


def search_folder(folder: Path, canaries: Mapping[str, str]) -> list[Hit]:
    """Every file below `folder`."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink()]
    return [hit for path in files for hit in search_everywhere(path.read_bytes(), canaries, what=str(path.relative_to(folder)))]


def _unpacked(layer: bytes) -> Iterator[tuple[str, bytes]]:
    """What `layer` holds when it is opened or its escapes are undone; only what differs from it."""
    if layer.startswith((b"PK\x03\x04", b"\x1f\x8b", b"\x89PNG")):  # what is in it comes out of it; its own bytes are no text
        yield from _archives(layer)
        return
    for start, end in (spans := _packed_bodies(layer)):
        yield f"body at {start}", layer[start:end]
    for start, end in reversed(spans):  # what is packed is no text: nothing is undone in it
        layer = layer[:start] + layer[end:]
    yield from _coded_bodies(layer)
    for match in _BASE64.finditer(layer):
        run = match[0].rstrip(b"=").replace(b"-", b"+").replace(b"_", b"/")
        if len(run) % 4 == 1 or _HEX.fullmatch(run):
            continue
        inner = base64.b64decode(run + b"=" * (-len(run) % 4))
        if _can_be_opened(inner) or len(_TEXT.findall(inner[:200])) > 0.9 * len(inner[:200]):
            yield f"base64 at {match.start()}", inner
    for kind, undo in (
        ("percent", unquote_to_bytes),
        ("JSON", _unescaped),
        ("HTML", _unreferenced),
        ("quoted-printable", _unfolded),
    ):
        if (plain := undo(layer)) != layer:
            yield kind, plain


def _can_be_opened(data: bytes) -> bool:
    """Whether it is packed, by its first bytes and by opening it: noise begins as a gzip file does once in 65,536 times."""
    if not data.startswith(_PACKED):
        return False
    try:
        return bool(list(_archives(data)))
    except (zlib.error, zipfile.BadZipFile, ValueError, IndexError, NotImplementedError, RuntimeError, EOFError):
        return False


def _archives(layer: bytes) -> Iterator[tuple[str, bytes]]:
    """The entries of a zip with what stands beside them, all members of a gzip file as one, a picture's chunks."""
    if layer.startswith(b"\x89PNG"):
        yield from _png_chunks(layer)
    elif layer.startswith(b"\x1f\x8b"):
        plain, rest = b"", layer
        while rest.startswith(b"\x1f\x8b") and len(plain) < LAYER_BYTES:
            member = zlib.decompressobj(31)
            plain += member.decompress(rest)
            rest = member.unused_data
        yield "gzip", plain
    else:
        with zipfile.ZipFile(io.BytesIO(layer)) as packed:
            beside = [info.comment + info.extra + info.filename.encode() for info in packed.infolist()]
            yield "beside the entries", packed.comment + b"".join(beside)
            for name in packed.namelist():
                yield name, packed.read(name)


def _packed_bodies(layer: bytes) -> list[tuple[int, int]]:
    """Where the bodies of HTTP messages lie that are a zip, a gzip file or a picture; in order, none inside another."""
    spans: list[tuple[int, int]] = []
    for match in re.finditer(rb"\r\n\r\n(?=PK\x03\x04|\x1f\x8b|\x89PNG)", layer):
        if not spans or match.end() >= spans[-1][1]:
            length = _message_length(layer[: match.start()])
            spans.append((match.end(), len(layer) if length is None else min(len(layer), match.end() + length)))
    return spans


def _coded_bodies(layer: bytes) -> Iterator[tuple[str, bytes]]:
    """Bodies of HTTP messages that are zlib streams by their first bytes, or brotli by what their head says."""
    for match in re.finditer(rb"(?:\A|\r\n\r\n)(?=\x78[\x01\x5e\x9c\xda])", layer):
        with contextlib.suppress(zlib.error):
            yield f"zlib body at {match.end()}", zlib.decompressobj().decompress(layer[match.end() :], LAYER_BYTES)
    for match in re.finditer(rb"\r\ncontent-encoding: br\r\n(?:[^\r\n]+\r\n)*\r\n", layer, re.IGNORECASE):
        program = "process.stdout.write(require('zlib').brotliDecompressSync(require('fs').readFileSync(0)))"
        done = subprocess.run(["node", "-e", program], input=layer[match.end() :], capture_output=True, timeout=30, check=False)
        if done.returncode == 0:
            yield "brotli", done.stdout


def _message_length(head: bytes) -> int | None:
    """The last Content-Length in this head."""
    found = re.findall(rb"content-length: (\d{1,12})", head[-4096:].lower())
    return int(found[-1]) if found else None


def _png_chunks(layer: bytes) -> Iterator[tuple[str, bytes]]:
    """Everything in a picture's file that is not its pixels."""
    at = 8
    while at + 8 <= len(layer):
        size, kind = int.from_bytes(layer[at : at + 4], "big"), layer[at + 4 : at + 8]
        data = layer[at + 8 : at + 8 + size]
        if kind in (b"zTXt", b"iCCP"):
            yield kind.decode(), zlib.decompress(data.split(b"\0", 1)[1][1:])
        elif kind != b"IDAT":
            yield kind.decode("latin-1"), data
        at += 12 + size
    yield "after the picture", layer[at:]


def _unescaped(layer: bytes) -> bytes:
    return _ESCAPED.sub(lambda found: bytes([int(found[1] or found[2], 16)]) if found[1] or found[2] else found[3], layer)


def _unreferenced(layer: bytes) -> bytes:
    return layer if b"&" not in layer else html.unescape(layer.decode("latin-1")).encode("latin-1", "replace")


def _unfolded(layer: bytes) -> bytes:
    return layer if b"=\r\n" not in layer and b"=3D" not in layer else quopri.decodestring(layer)


def payload_of(envelope: str) -> bytes:
    """The statement inside a DSSE envelope."""
    return base64.b64decode(json.loads(envelope)["payload"])
