"""Is the viewport shot what the statement says: of its size, and (where OCR is installed) with the words of the page?"""

import io
import shutil
import subprocess
from collections.abc import Iterable
from typing import BinaryIO

from PIL import Image

from server.captures.checks.container import Verdict
from server.captures.checks.corpus import squeeze
from server.captures.models import CheckOutcome
from server.captures.previews import MAX_IMAGE_BYTES, UnreadableImage, read_image_facts

SIZE = "screenshot_size"
WORDS = "screenshot_words"
TOLERANCE_PX = 2
OCR_SECONDS = 60
OCR_PIXELS = 12_000_000
OCR_CONFIDENCE = 80
WORDS_NEEDED = 12
KNOWN_SHARE, UNKNOWN_SHARE = 0.75, 0.35


def check_size(name: str, source: BinaryIO, viewport: object) -> Verdict:
    """`screenshot_size`: pixels = viewport × device pixel ratio, ± 2 (browsers round). Not checked: what the pixels show."""
    expected = expected_pixels(viewport)
    if expected is None:
        return Verdict(SIZE, name, CheckOutcome.NOT_CHECKED, "the statement gives no viewport")
    try:
        facts = read_image_facts(source)
    except UnreadableImage as error:
        return Verdict(SIZE, name, CheckOutcome.NOT_CHECKED, error.reason)
    said = f"{facts.width} × {facts.height} pixels, viewport × ratio is {expected[0]} × {expected[1]}"
    fits = abs(facts.width - expected[0]) <= TOLERANCE_PX and abs(facts.height - expected[1]) <= TOLERANCE_PX
    return Verdict(SIZE, name, CheckOutcome.PASSED if fits else CheckOutcome.FAILED, said)


def expected_pixels(viewport: object) -> tuple[int, int] | None:
    """Width and height of the shot in pixels, None when the statement's `viewport` does not say."""
    if not isinstance(viewport, dict):
        return None
    numbers = [_positive(viewport.get(member)) for member in ("width", "height", "devicePixelRatio")]
    width, height, ratio = numbers
    return None if width is None or height is None or ratio is None else (round(width * ratio), round(height * ratio))


def _positive(value: object) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e6 else None


def check_words(name: str, source: BinaryIO, texts: Iterable[str]) -> Verdict:
    """`screenshot_words`: words that OCR reads with confidence in the viewport shot also stand in the page's text.

    PASSED from KNOWN_SHARE of them on, FAILED below UNKNOWN_SHARE, else NOT_CHECKED: OCR errs, and pictures hold words of their
    own. NOT_CHECKED without the `tesseract` program, and with fewer than WORDS_NEEDED words. The program gets OCR_SECONDS and one
    picture that was decoded and drawn again here.
    """
    program = shutil.which("tesseract")
    if program is None:
        return Verdict(WORDS, name, CheckOutcome.NOT_CHECKED, "no OCR installed")
    try:
        words = read_words(program, source)
    except UnreadableImage as error:
        return Verdict(WORDS, name, CheckOutcome.NOT_CHECKED, error.reason)
    except (subprocess.SubprocessError, OSError) as error:
        return Verdict(WORDS, name, CheckOutcome.NOT_CHECKED, f"OCR ended without an answer ({type(error).__name__})")
    if len(words) < WORDS_NEEDED:
        return Verdict(WORDS, name, CheckOutcome.NOT_CHECKED, f"OCR read {len(words)} words, too few to judge")
    page = squeeze(" ".join(texts))
    unknown = [word for word in words if squeeze(word) not in page]
    share = 1 - len(unknown) / len(words)
    said = f"{len(words) - len(unknown)} of {len(words)} words that OCR read stand in the page's text"
    if unknown:
        said += "; not: " + ", ".join(word[:30] for word in unknown[:8])
    if share >= KNOWN_SHARE:
        return Verdict(WORDS, name, CheckOutcome.PASSED, said)
    return Verdict(WORDS, name, CheckOutcome.FAILED if share < UNKNOWN_SHARE else CheckOutcome.NOT_CHECKED, said)


def read_words(program: str, source: BinaryIO) -> list[str]:
    """Words of four letters and more that tesseract is sure of, each once. Raises: UnreadableImage, SubprocessError, OSError."""
    facts = read_image_facts(source)
    source.seek(0)
    if facts.width * facts.height > OCR_PIXELS:
        raise UnreadableImage(f"more than {OCR_PIXELS} pixels: too large for OCR here")
    try:
        with Image.open(io.BytesIO(source.read(MAX_IMAGE_BYTES))) as image:
            drawn = io.BytesIO()
            image.convert("L").save(drawn, "PNG")
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise UnreadableImage("the picture cannot be decoded") from error
    command = [program, "stdin", "stdout", "--psm", "11", "tsv"]
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "OMP_THREAD_LIMIT": "1", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(command, input=drawn.getvalue(), capture_output=True, timeout=OCR_SECONDS, check=True, env=environment)
    return _sure_words(done.stdout.decode("utf-8", "replace"))


def _sure_words(table: str) -> list[str]:
    words: dict[str, None] = {}
    for line in table.splitlines()[1:20_000]:
        cells = line.split("\t")
        if len(cells) < 12 or not _is_sure(cells[10]):
            continue
        word = cells[11].strip()
        if len(squeeze(word)) >= 4:
            words[word] = None
    return list(words)


def _is_sure(confidence: str) -> bool:
    try:
        return float(confidence) >= OCR_CONFIDENCE
    except ValueError:
        return False
