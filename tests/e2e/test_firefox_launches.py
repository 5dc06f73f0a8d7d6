"""The full-page shot in a Firefox that has just been started for the first time. `make bench` starts it twenty times."""

import io
from pathlib import Path

import pytest
from PIL import Image

from tests.e2e.firefox_captures import shots_of_a_first_start
from tests.e2e.launches import Shots, fault, faults, reference
from tests.e2e.proving_ground import ProvingGround

LAUNCHES = 4


@pytest.mark.browser
def test_every_pixel_is_right_from_the_first_moment(tmp_path: Path) -> None:
    with ProvingGround() as site:
        assert faults(shots_of_a_first_start, site.url, tmp_path, count=LAUNCHES) == []


def test_a_repeated_viewport_a_second_header_and_a_cut_are_faults() -> None:
    right = reference(800, 6000)
    repeated, doubled, cut = right.copy(), right.copy(), right.crop((0, 0, 800, 5500))
    repeated.paste(right.crop((0, 0, 800, 700)), (0, 700))
    doubled.paste(right.crop((0, 0, 800, 40)), (0, 3000))
    for image in (repeated, doubled, cut):
        assert fault(Shots(png(right), png(image)), 6000) != ""
    assert fault(Shots(png(right.crop((0, 700, 800, 1400))), png(right)), 6000) != ""
    assert fault(Shots(png(right.crop((0, 0, 800, 700))), png(right)), 6000) == ""


def png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
