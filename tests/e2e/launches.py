"""Shots of a page whose every pixel is known, taken in a browser that has just been started for the first time.

The first moments of a browser are where a full-page shot goes wrong: a bar slides in, the page is laid out anew, and the viewport
stands in the picture again and again. The page is `/tall` of the proving ground: bands of flat colour under one sticky header.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageChops, ImageDraw

from tests.e2e.proving_answers import BAND_PX, BANDS

HEIGHTS_PX = (6_000, 30_000)  # below and above what one surface of a graphics card holds (16,384)
HEADER_PX = 40


@dataclass(frozen=True)
class Shots:
    """The two shots of a capture, PNG."""

    viewport: bytes
    full: bytes


# Starts a browser on a profile that is not there yet, captures the page as a person does, ends the browser.
Launch = Callable[[Path, str], Shots]


def height_of(number: int) -> int:
    """CSS pixels of the page of launch `number`: each height has its turn."""
    return HEIGHTS_PX[number % len(HEIGHTS_PX)]


def reference(width_px: int, height_px: int) -> Image.Image:
    """The page as it has to look: each band once, in its place; the sticky header once, at the top."""
    image = Image.new("RGB", (width_px, height_px))
    draw = ImageDraw.Draw(image)
    for row in range(height_px // BAND_PX):
        draw.rectangle([0, row * BAND_PX, width_px, (row + 1) * BAND_PX - 1], fill=BANDS[row % len(BANDS)])
    draw.rectangle([0, 0, width_px, HEADER_PX - 1], fill="#000")
    return image


def fault(shots: Shots, height_px: int) -> str:
    """What is wrong with them, for people; "" when every pixel of both is right. One device pixel to the CSS pixel."""
    full = Image.open(io.BytesIO(shots.full)).convert("RGB")
    if full.height != height_px:
        return f"the full-page shot is {full.size[0]} x {full.size[1]}, the page is {height_px} high"
    right = reference(*full.size)
    if box := ImageChops.difference(full, right).getbbox():
        return f"the full-page shot differs from the reference in {box}"
    viewport = Image.open(io.BytesIO(shots.viewport)).convert("RGB")
    seen = (0, 0, full.width, viewport.height)  # beside it stands the scroll bar
    if box := ImageChops.difference(viewport.crop(seen), right.crop(seen)).getbbox():
        return f"the viewport shot differs from the top of the reference in {box}"
    return ""


def faults(launch: Launch, site_url: str, folder: Path, *, count: int) -> list[str]:
    """What went wrong in `count` launches, one line for each that was not perfect. `folder` takes the profiles."""
    found = []
    for number in range(count):
        height_px = height_of(number)
        wrong = fault(launch(folder / f"profile-{number}", f"{site_url}/tall?px={height_px}"), height_px)
        if wrong:
            found.append(f"launch {number + 1}: {wrong}")
    return found
