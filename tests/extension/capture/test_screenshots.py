"""The picture of the whole page, in a real browser with the debugger's bar showing."""

import io
from pathlib import Path

import pytest
from PIL import Image

from tests.extension.capture.browser import CaptureBrowser
from tests.extension.capture.oddsite import BAND_PX, BANDS, OddSite
from tests.extension.capture.visits import visit

pytestmark = pytest.mark.browser


def assert_bands(png: bytes, height_px: int, *, scale: int = 1) -> None:
    """The bands of the tall page, top to bottom, each where it belongs; the sticky bar once, at the top."""
    with Image.open(io.BytesIO(png)) as opened:
        picture = opened.convert("RGB")
    assert picture.size[1] == height_px * scale
    for row in range(height_px // BAND_PX):
        for offset in (60, BAND_PX // 2, BAND_PX - 5):
            assert picture.getpixel((picture.size[0] // 2, (row * BAND_PX + offset) * scale)) == BANDS[row % len(BANDS)], (
                row,
                offset,
            )
    assert picture.getpixel((picture.size[0] // 2, 20 * scale)) == (0, 0, 0)


def test_the_full_page_shot_shows_every_part_of_the_page_once(granted_nothing: CaptureBrowser, site: OddSite) -> None:
    found = visit(granted_nothing, site, "/tall")
    assert_bands(found.captured.files["screenshot.full.png"], 3000)
    assert found.during == []


def test_a_page_higher_than_a_surface_is_one_picture_of_exact_tiles(granted_nothing: CaptureBrowser, site: OddSite) -> None:
    found = visit(granted_nothing, site, "/very-tall")
    assert_bands(found.captured.files["screenshot.full.png"], 20_000)


def test_a_fine_screen_gives_every_one_of_its_pixels(granted_nothing: CaptureBrowser, site: OddSite, tmp_path: Path) -> None:
    with granted_nothing.beside(tmp_path, hosts=(), scale=2) as fine:
        found = visit(fine, site, "/tall")
    assert_bands(found.captured.files["screenshot.full.png"], 3000, scale=2)
    page = found.captured.result["page"]
    assert page["devicePixelRatio"] == 2
    with Image.open(io.BytesIO(found.captured.files["screenshot.viewport.png"])) as picture:
        assert picture.size == (2 * page["width"], 2 * page["height"])
