"""The full-page shot in a Chromium that has just been started for the first time. `make bench` starts it twenty times."""

from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Playwright

from tests.e2e.chromium_launches import shots_of_a_first_start
from tests.e2e.launches import faults
from tests.e2e.proving_ground import ProvingGround

LAUNCHES = 5


@pytest.mark.browser
def test_every_pixel_is_right_from_the_first_moment(playwright: Playwright, tmp_path: Path) -> None:
    with ProvingGround() as site:
        assert faults(partial(shots_of_a_first_start, playwright), site.url, tmp_path, count=LAUNCHES) == []
