"""Pictures out of untrusted bytes: caps before any pixel is decoded, then one canonical grey frame."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

Grey = NDArray[np.uint8]
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "AVIF", "BMP", "TIFF")
FRAME_SIDE = 512
MAX_BYTES = 256 * 1024 * 1024
MAX_PIXELS = 80_000_000
MIN_SIDE = 16
_BROKEN = (
    OSError, SyntaxError, ValueError, EOFError, MemoryError, ZeroDivisionError, IndexError, KeyError, TypeError, RuntimeError,
)  # fmt: skip
"""What decoders raise over a damaged file; the last one is AVIF's."""
_EXIF_ORIENTATION = 0x0112
_SIDEWAYS = range(5, 9)
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_HUNGRY = ("WEBP", "AVIF")  # their decoders hold a picture twice: half as many pixels are accepted
_DEEP_MODES = ("I;16", "I;16B", "I;16L", "I;16N", "I", "F")
_STRIP_ROWS = 256


class UnreadablePicture(Exception):
    """The bytes give no picture. `code` is stable (see OUTCOMES), `reason` one plain sentence."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


OUTCOMES = ("empty", "too_many_bytes", "too_many_pixels", "too_small", "svg", "heic", "not_a_picture", "broken")


@dataclass(frozen=True)
class Picture:
    """One decoded picture. `grey`: uint8 [height, width], upright, longer side at most the side asked for.

    width, height: pixels of the upright original. notes: what was done to it that a reader should know.
    """

    format: str
    width: int
    height: int
    grey: Grey
    notes: tuple[str, ...]


def decode_picture(data: bytes, *, side: int = FRAME_SIDE, max_pixels: int = MAX_PIXELS) -> Picture:
    """The canonical frame: first frame, EXIF-upright, alpha on white, 8-bit luma, area-resized so that no side exceeds `side`.

    JPEG is decoded at a reduced scale when that still gives `side` pixels (DCT scaling).
    Raises: UnreadablePicture, for any bytes that give no picture within the caps.
    Not applied: embedded colour profiles. Not checked: that anything follows the first frame.
    """
    if not data:
        raise UnreadablePicture("empty", "the file is empty")
    if len(data) > MAX_BYTES:
        raise UnreadablePicture("too_many_bytes", f"{len(data)} bytes are above the limit of {MAX_BYTES}")
    try:
        with _open(data) as image:
            return _picture(image, side, max_pixels)
    except UnreadablePicture:
        raise
    except UnidentifiedImageError as error:
        raise _unknown(data) from error
    except _BROKEN as error:
        raise UnreadablePicture("broken", "the picture is truncated or damaged: its pixels cannot be decoded") from error


def resized(grey: Grey, side: int) -> Grey:
    """The frame with its longer side at most `side`; area average, never enlarged."""
    height, width = grey.shape
    scale = side / max(height, width)
    if scale >= 1:
        return grey
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8)


def orientation_of(image: Image.Image) -> int:
    """The EXIF orientation of a loaded image, 1 to 8; 1 where it says none."""
    said = image.getexif().get(_EXIF_ORIENTATION, 1)
    return int(said) if said in _UPRIGHT else 1


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """The image as it is to be seen. Its other EXIF values are not touched: Pillow's own way writes all of them anew, and raises
    over one of the wrong type."""
    return image.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else image


def _open(data: bytes) -> Image.Image:
    """Pillow's lazy image. Its own bomb warning is silenced: our cap is checked on the header before any pixel."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return Image.open(io.BytesIO(data), formats=FORMATS)
        except Image.DecompressionBombError as error:
            raise UnreadablePicture("too_many_pixels", "the header announces more pixels than are ever decoded") from error


def _picture(image: Image.Image, side: int, max_pixels: int) -> Picture:
    width, height, mode = image.width, image.height, image.mode
    kind = image.format or ""
    limit = max_pixels // 2 if kind in _HUNGRY else max_pixels
    if width * height > limit:
        raise UnreadablePicture("too_many_pixels", f"{width} × {height} pixels are above the limit of {limit} ({kind})")
    if min(width, height) < MIN_SIDE:
        raise UnreadablePicture("too_small", f"{width} × {height} pixels are too few to compare")
    notes = []
    if getattr(image, "is_animated", False):
        notes.append("animated: only the first frame is compared")
    if kind in ("JPEG", "MPO"):
        image.draft("L" if mode in ("L", "RGB", "YCbCr") else None, (min(side, width), min(side, height)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image.load()
        orientation = orientation_of(image)
    grey, note = _luma(image)
    grey = resized(grey, side)
    if orientation in _UPRIGHT:
        grey = np.asarray(upright(Image.fromarray(grey), orientation), np.uint8)
        notes.append(f"turned upright (EXIF orientation {orientation})")
    if orientation in _SIDEWAYS:
        width, height = height, width
    if note:
        notes.append(note)
    return Picture(kind, width, height, grey, tuple(notes))


def _luma(image: Image.Image) -> tuple[Grey, str]:
    """8-bit luma of any mode, and what was lost on the way there. Converted strip by strip: the whole is never held twice."""
    if image.mode in _DEEP_MODES:
        return _from_deep(image), f"{image.mode} brought to 8 bits"
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        seen = [_on_white(strip) for strip in _strips(image)]
        note = "transparent parts shown on white" if any(transparent for _, transparent in seen) else ""
        return np.concatenate([grey for grey, _ in seen]), note
    note = "CMYK without its colour profile" if image.mode == "CMYK" else ""
    if image.mode == "L":
        return np.asarray(image, np.uint8), note
    return np.concatenate([np.asarray(strip.convert("L"), np.uint8) for strip in _strips(image)]), note


def _strips(image: Image.Image) -> Iterator[Image.Image]:
    for top in range(0, image.height, _STRIP_ROWS):
        yield image.crop((0, top, image.width, min(image.height, top + _STRIP_ROWS)))


def _on_white(strip: Image.Image) -> tuple[Grey, bool]:
    """The luma of the strip on white, and whether any of it is transparent."""
    seen = strip.convert("RGBA")
    if seen.getchannel("A").getextrema() == (255, 255):
        return np.asarray(seen.convert("L"), np.uint8), False
    flat = Image.new("RGBA", strip.size, "white")
    flat.alpha_composite(seen)
    return np.asarray(flat.convert("L"), np.uint8), True


def _from_deep(image: Image.Image) -> Grey:
    """16-bit whole numbers by their high byte; anything else stretched from its own minimum to its own maximum."""
    bounds = [(float(values.min()), float(values.max())) for values in map(_finite, _strips(image))]
    low, high = min(low for low, _ in bounds), max(high for _, high in bounds)
    if low >= 0 and 255 < high <= 65535:
        return np.concatenate([(_finite(strip) / 257.0).astype(np.uint8) for strip in _strips(image)])
    scale = 255.0 / max(high - low, 1e-9)
    return np.concatenate([((_finite(strip) - low) * scale).astype(np.uint8) for strip in _strips(image)])


def _finite(strip: Image.Image) -> NDArray[np.float64]:
    return np.nan_to_num(np.asarray(strip, np.float64), nan=0.0, posinf=0.0, neginf=0.0)


def _unknown(data: bytes) -> UnreadablePicture:
    """Why Pillow knew no format, from the first bytes."""
    head = data[:4096]
    if re.search(rb"<(svg:)?svg[\s/>]", head, re.IGNORECASE):
        return UnreadablePicture("svg", "SVG is a drawing program, not pixels: it is never rendered here")
    if head[4:8] == b"ftyp" and head[8:12] in (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"):
        return UnreadablePicture("heic", "HEIC is not decoded here: the codec is not part of this build")
    if head.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*")) or head[8:12] in (
        b"WEBP",
        b"avif",
    ):
        return UnreadablePicture("broken", "the picture is truncated or damaged: its header cannot be read")
    return UnreadablePicture("not_a_picture", "the bytes are no picture in a known format")
