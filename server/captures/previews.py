"""Working copies: small pictures to look at, and the page archive's own list of gaps. Never evidence, never exported."""

import hashlib
import io
import warnings
from dataclasses import dataclass
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

from storage.hashing import Sha256

THUMBNAIL = "thumbnail"
PAGEINFO = "pageinfo"
MAX_PIXELS = 120_000_000
MAX_IMAGE_BYTES = 256 * 1024 * 1024
THUMBNAIL_BOX = (480, 300)
PREVIEW_WIDTH = 1400
PREVIEW_HEIGHT_LIMIT = 12_000
FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
MEDIA_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp", "GIF": "image/gif"}


class UnreadableImage(Exception):
    """The bytes are not an image of a known format within the caps. `reason` is one plain sentence."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class ImageFacts:
    """What an image's header says: Pillow's format name, size in pixels."""

    format: str
    width: int
    height: int


@dataclass(frozen=True)
class DerivedPicture:
    """A working copy: WebP bytes and their size in pixels."""

    data: bytes
    sha256: Sha256
    width: int
    height: int


def preview_kind(position: int) -> str:
    """The kind of the working copy made of the artifact at this position."""
    return f"preview.{position}"


def read_image_facts(source: BinaryIO, *, max_pixels: int = MAX_PIXELS) -> ImageFacts:
    """Format and size from the header alone; no pixel is decoded.

    Raises: UnreadableImage (not PNG, JPEG, WebP or GIF; broken header; more pixels than the cap).
    Not checked: that the pixels can be decoded.
    """
    try:
        with _opened(source) as image:
            facts = ImageFacts(image.format or "", image.width, image.height)
    except UnreadableImage:
        raise
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError) as error:
        raise UnreadableImage("the bytes are not a PNG, JPEG, WebP or GIF image") from error
    if facts.width * facts.height > max_pixels:
        raise UnreadableImage(f"{facts.width} × {facts.height} pixels are above the limit of {max_pixels}")
    return facts


def make_thumbnail(source: BinaryIO) -> DerivedPicture:
    """The top of the picture at the inbox's proportions, WebP. Raises: UnreadableImage."""
    image = _decoded(source)
    scale = THUMBNAIL_BOX[0] / image.width
    wanted = max(1, min(image.height, round(THUMBNAIL_BOX[1] / scale)))
    top = image.crop((0, 0, image.width, wanted))
    size = (THUMBNAIL_BOX[0], max(1, round(wanted * scale))) if scale < 1 else top.size
    return _encoded(top.resize(size, Image.Resampling.LANCZOS))


def make_preview(source: BinaryIO) -> DerivedPicture:
    """The picture at most 1400 pixels wide (and 12 000 high, the rest is cut off), WebP. Raises: UnreadableImage."""
    image = _decoded(source)
    scale = min(1.0, PREVIEW_WIDTH / image.width)
    kept = max(1, min(image.height, round(PREVIEW_HEIGHT_LIMIT / scale)))
    image = image.crop((0, 0, image.width, kept))
    if scale < 1:
        image = image.resize((PREVIEW_WIDTH, max(1, round(image.height * scale))), Image.Resampling.LANCZOS)
    return _encoded(image)


def _decoded(source: BinaryIO) -> Image.Image:
    read_image_facts(source)
    source.seek(0)
    try:
        with _opened(source) as image:
            image.draft("RGB", (PREVIEW_WIDTH, PREVIEW_WIDTH))
            return image.convert("RGB")
    except (OSError, SyntaxError, ValueError, EOFError, MemoryError) as error:
        raise UnreadableImage("the picture's pixels cannot be decoded") from error


def decoded_picture(source: BinaryIO) -> Image.Image:
    """Every pixel of the (first) picture as RGB; where it is transparent, white. `source` at its start.

    Raises: UnreadableImage. Not checked: the size; read_image_facts() first.
    """
    try:
        with _opened(source) as image:
            seen = image.convert("RGBA")
    except (OSError, SyntaxError, ValueError, EOFError, MemoryError) as error:
        raise UnreadableImage("the picture's pixels cannot be decoded") from error
    flat = Image.new("RGB", seen.size, (255, 255, 255))
    flat.paste(seen, mask=seen.getchannel("A"))
    return flat


def _opened(source: BinaryIO) -> Image.Image:
    """Pillow's lazy image. Its own bomb warning becomes an error: our cap is checked on the header either way."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        try:
            return Image.open(source, formats=FORMATS)
        except Image.DecompressionBombError as error:
            raise UnreadableImage("the picture has too many pixels") from error


def _encoded(image: Image.Image) -> DerivedPicture:
    out = io.BytesIO()
    image.save(out, "WEBP", quality=82, method=4)
    data = out.getvalue()
    return DerivedPicture(data, Sha256(hashlib.sha256(data).hexdigest()), image.width, image.height)
