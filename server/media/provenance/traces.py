"""Traces that programs leave in a picture's words: generation parameters, node graphs, the names of programs and cameras."""

from __future__ import annotations

import re
import struct
import warnings

from PIL import Image

from server.media.provenance.places import Place
from server.media.provenance.signals import Signal, found, not_checked

MAX_IPTC_BYTES = 256 * 1024
_LOOK = 64 * 1024
_NAMES_A_GENERATOR = "names a program that can generate pictures; the words may have been copied, added or left by an edit"
_CLAIMED = "written in the file by a program; nothing confirms it"
_PARAMETERS = re.compile(r"\bSteps: ?\d{1,4}\b.{0,400}?\bSampler: ?\S", re.DOTALL)
_MIDJOURNEY = re.compile(r"\bJob ID: ?[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_NODES = re.compile(r'"class_type"\s*:|"last_node_id"\s*:|"nodes"\s*:\s*\[\s*\{')
_GENERATORS = (
    *(
        r"adobe firefly",
        r"bing image creator",
        r"black forest labs",
        r"chatgpt",
        r"comfyui",
        r"craiyon",
        r"dall[-·• ]?e(?: ?[23])?",
    ),
    *(r"fooocus", r"google ai", r"gpt-4o", r"gpt-image", r"grok", r"ideogram", r"imagen \d", r"imagined with ai", r"invokeai"),
    *(
        r"kandinsky",
        r"krea",
        r"leonardo\.ai",
        r"meta ai",
        r"microsoft designer",
        r"midjourney",
        r"nano banana",
        r"novelai",
        r"openai",
    ),
    *(r"playground ai", r"recraft", r"runway", r"sdxl", r"seedream", r"shedevrum", r"stable diffusion", r"stability ai"),
)
_NAMED = re.compile(rf"\b(?:{'|'.join(_GENERATORS)})\b", re.IGNORECASE)
_WORKFLOW_KEYS = frozenset({"prompt", "workflow"})
_PARAMETER_KEYS = {
    "parameters": "parameters, as the Stable Diffusion web interface and its relatives write them",
    "invokeai_metadata": "InvokeAI",
    "sd-metadata": "InvokeAI",
    "dream": "InvokeAI",
    "fooocus_scheme": "Fooocus",
    "generation_data": "generation data",
    "aigc": "a label some countries prescribe for generated pictures",
}
_EXIF_TEXT = {0x010E: "ImageDescription", 0x013B: "Artist", 0x8298: "Copyright", 0x9C9C: "XPComment", 0x9C9E: "XPKeywords"}
_EXIF_IFD, _USER_COMMENT, _SOFTWARE, _MAKE, _MODEL = 0x8769, 0x9286, 0x0131, 0x010F, 0x0110


def text_signals(place: Place) -> list[Signal]:
    """The traces in one PNG text or JPEG comment. Text without a known trace gives none (it is not shown: it may be anything)."""
    text = place.data[:_LOOK].decode("utf-8", "replace")
    keyword = place.keyword.lower()
    if keyword == "software":
        return [found("exif.software", text, place.name, _CLAIMED), *named_generator(text, place.name)]
    if keyword in _WORKFLOW_KEYS and _NODES.search(text):
        return [found("generator.workflow", text, place.name, f"a node graph as ComfyUI writes it; {_CLAIMED}")]
    if keyword in _PARAMETER_KEYS:
        return [found("generator.parameters", text, place.name, f"{_PARAMETER_KEYS[keyword]}; {_CLAIMED}")]
    return words_signals(text, place.name)


def words_signals(text: str, where: str) -> list[Signal]:
    """The traces in words of any place: parameters, a job number, a node graph, a generator's name."""
    if _PARAMETERS.search(text):
        return [found("generator.parameters", text, where, f"generation parameters; {_CLAIMED}")]
    if _NODES.search(text):
        return [found("generator.workflow", text, where, f"a node graph; {_CLAIMED}")]
    if job := _MIDJOURNEY.search(text):
        return [found("generator.parameters", job.group(), where, f"a job number as Midjourney writes it; {_CLAIMED}")]
    return named_generator(text, where)


def named_generator(text: str, where: str) -> list[Signal]:
    """`generator.name` when the words name a program that can generate pictures."""
    named = _NAMED.search(text[:_LOOK])
    return [found("generator.name", named.group(), where, _NAMES_A_GENERATOR)] if named else []


def exif_signals(data: bytes, where: str) -> list[Signal]:
    """Program, camera and traces of one EXIF block. Any bytes give a list.

    Not checked: that the camera named took the picture. Not read: maker notes, the place, the embedded thumbnail.
    """
    try:
        tags, comment = _exif(data)
    except (OSError, SyntaxError, ValueError, KeyError, IndexError, TypeError, struct.error, OverflowError, MemoryError) as error:
        return [not_checked("exif", where, f"damaged: {type(error).__name__}")]
    out: list[Signal] = []
    if software := _text(tags.get(_SOFTWARE)):
        out += [found("exif.software", software, f"{where} Software", _CLAIMED), *named_generator(software, f"{where} Software")]
    camera = " ".join(part for part in (_text(tags.get(_MAKE)), _text(tags.get(_MODEL))) if part)
    if camera:
        out.append(found("exif.camera", camera, f"{where} Make, Model", _CLAIMED))
    for tag, name in _EXIF_TEXT.items():
        out += words_signals(_text(tags.get(tag)), f"{where} {name}")
    return out + words_signals(_comment(comment), f"{where} UserComment")


def _exif(data: bytes) -> tuple[dict[int, object], object]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        block = Image.Exif()
        block.load(b"Exif\x00\x00" + data)
        return dict(block), block.get_ifd(_EXIF_IFD).get(_USER_COMMENT)


def _text(value: object) -> str:
    """A tag's value as text: str as it is, bytes as UTF-16 (the XP tags) or as Latin-1."""
    if isinstance(value, bytes):
        value = value[:_LOOK].decode("utf-16-le" if value[1:2] == b"\x00" else "latin-1", "replace")
    return value[:_LOOK].strip("\x00 ") if isinstance(value, str) else ""


def _comment(value: object) -> str:
    if isinstance(value, str):
        return value[:_LOOK]
    if not isinstance(value, bytes):
        return ""
    code, rest = value[:8], value[8 : 8 + _LOOK]
    if code == b"UNICODE\x00":
        return rest.decode("utf-16-be" if rest[:1] == b"\x00" else "utf-16-le", "replace")
    return rest.decode("utf-8", "replace")


def iptc_signals(data: bytes, where: str) -> list[Signal]:
    """Originating program and special instructions of a Photoshop resource block (IPTC-IIM 2:65, 2:40). Any bytes give a list."""
    if len(data) > MAX_IPTC_BYTES:
        return [not_checked("iptc.program", where, f"{len(data)} bytes are above the limit of {MAX_IPTC_BYTES}")]
    out: list[Signal] = []
    for number, value in _datasets(_iim(data)):
        text = value.decode("utf-8", "replace")
        if number == 65:
            out += [found("iptc.program", text, f"{where} 2:65", _CLAIMED), *named_generator(text, f"{where} 2:65")]
        elif number == 40:
            reason = "a mark that Facebook and Instagram put into pictures they deliver" if text.startswith("FBMD") else _CLAIMED
            out.append(found("iptc.instructions", text, f"{where} 2:40", reason))
    return out


def _iim(data: bytes) -> bytes:
    """The body of resource 0x0404, b"" when there is none."""
    at = 0
    while data[at : at + 4] == b"8BIM":
        name = data[at + 6] if at + 6 < len(data) else 0
        start = at + 6 + name + 1 + (name + 1) % 2
        size = int.from_bytes(data[start : start + 4], "big")
        if data[at + 4 : at + 6] == b"\x04\x04":
            return data[start + 4 : start + 4 + size]
        at = start + 4 + size + size % 2
    return b""


def _datasets(data: bytes) -> list[tuple[int, bytes]]:
    """The application record's data sets in order, at most 200. Extended data sets end the reading."""
    out: list[tuple[int, bytes]] = []
    at = 0
    while data[at : at + 1] == b"\x1c" and len(out) < 200 and at + 5 <= len(data):
        record, number, size = data[at + 1], data[at + 2], int.from_bytes(data[at + 3 : at + 5], "big")
        if size & 0x8000:
            break
        if record == 2:
            out.append((number, data[at + 5 : at + 5 + size]))
        at += 5 + size
    return out
